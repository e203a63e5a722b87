"""Fields of the queries of persons' and vehicles' records: licence, history, registration, status.

Source: docs/reference/messages.md, "Fields"; the network's published tables for DQ, KQ, RQ and IAQ.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.keys import MessageKey
from comity.formats.fields.dates import is_birth_date
from comity.formats.fields.shape import FieldRule, KeyRule, by_prefix, key_rule

__all__ = ["RECORD_FIELDS", "RECORD_KEYS"]

RECORD_FIELDS: Final = by_prefix(
    FieldRule(prefix="RSN", form=re.compile("[NFVTSHI]"), words="ONE OF N F V T S H I"),
    FieldRule(prefix="PUR", form=re.compile("[CFEDJS]"), words="ONE OF C F E D J S"),
    FieldRule(
        prefix="ATN",
        form=re.compile(r"(?! )[A-Z0-9,'&()#*/_ -]{1,30}(?<! )"),
        words="1 TO 30 CHARACTERS, NONE A SPACE AT AN END",
        er=".16.",
        code="attention-invalid",
    ),
    FieldRule(
        prefix="OLN",
        form=re.compile("[A-Z0-9*-]{1,20}"),
        words="1 TO 20 OF A-Z 0-9 * -",
    ),
    FieldRule(
        prefix="NAM",
        form=re.compile(r"(?=.{1,30}\Z)[A-Z][A-Z' -]*, ?[A-Z][A-Z0-9'-]*(?: [A-Z0-9'-]+)*"),
        words="LAST,FIRST MIDDLE SUFFIX IN 30 CHARACTERS",
    ),
    FieldRule(
        prefix="DOB",
        form=re.compile("[0-9]{6}(?:[0-9]{2})?"),
        words="MMDDYY OR CCYYMMDD",
        er=".05.",
        code="birth-date-invalid",
        holds=is_birth_date,
    ),
    FieldRule(prefix="SEX", form=re.compile("[MFUX]"), words="ONE OF M F U X"),
    FieldRule(prefix="IMQ", form=re.compile("[YN]"), words="Y OR N"),
    FieldRule(prefix="LIC", form=re.compile("[A-Z0-9]{1,10}"), words="1 TO 10 OF A-Z 0-9"),
    FieldRule(
        prefix="LIY",
        form=re.compile("NX|[0-9]{2}|(?:19|20)[0-9]{2}"),
        words="YEAR, OR NX",
        er=".10.",
        code="year-invalid",
    ),
    FieldRule(prefix="LIT", form=re.compile("[A-Z0-9]{2}"), words="2 OF A-Z 0-9"),
    FieldRule(prefix="VIN", form=re.compile("[A-Z0-9]{1,20}"), words="1 TO 20 OF A-Z 0-9"),
    FieldRule(prefix="VMA", form=re.compile("[A-Z0-9]{2,24}"), words="2 TO 24 OF A-Z 0-9"),
    FieldRule(
        prefix="VYR",
        form=re.compile("(?:19|20)[0-9]{2}"),
        words="YEAR",
        er=".10.",
        code="year-invalid",
    ),
)
"""The forms that other messages about the same things share."""

_STATUS_FIELDS: Final = {
    **RECORD_FIELDS,
    **by_prefix(
        FieldRule(prefix="PUR", form=re.compile("[CF]"), words="ONE OF C F"),
        FieldRule(
            prefix="PHN",
            form=re.compile(r"[0-9(+][0-9()+X -]{0,19}"),
            words="1 TO 20 OF 0-9 + ( ) X - SPACE",
        ),
        FieldRule(prefix="POB", form=re.compile("[A-Z]{2}"), words="2 OF A-Z"),
        FieldRule(prefix="CUS", form=re.compile("[YN]"), words="Y OR N"),
        FieldRule(prefix="OFF", form=re.compile("[0-9]{4}"), words="4 OF 0-9"),
        FieldRule(prefix="ARN", form=re.compile("[A-Z0-9]{8,9}"), words="8 OR 9 OF A-Z 0-9"),
        FieldRule(prefix="FBI", form=re.compile("[A-Z0-9]{9}"), words="9 OF A-Z 0-9"),
        FieldRule(prefix="SID", form=re.compile("[A-Z0-9]{10}"), words="10 OF A-Z 0-9"),
    ),
}

_PLATE_OR_VIN: Final = key_rule(
    RECORD_FIELDS,
    ((("LIC", "LIY", "LIT"), ()), (("VIN",), ("VMA", "VYR"))),
    optional=("RSN",),
    reason_first=True,
)
_NUMBER_OR_NAME: Final = ((("OLN",), ()), (("NAM", "DOB", "SEX"), ()))
_STATUS_REQUIRED: Final = ("PUR", "ATN", "PHN", "NAM", "DOB", "SEX", "POB", "CUS", "OFF")

RECORD_KEYS: Final[dict[MessageKey, KeyRule]] = {
    MessageKey("DQ"): key_rule(
        RECORD_FIELDS, _NUMBER_OR_NAME, optional=("RSN", "IMQ"), reason_first=True
    ),
    MessageKey("DQG"): key_rule(
        RECORD_FIELDS, ((("NAM", "DOB"), ("SEX",)),), optional=("RSN",), reason_first=True
    ),
    MessageKey("DNQ"): key_rule(RECORD_FIELDS, ((("NAM",), ()),), required=("NAM",)),
    # The network lists the options of KQ behind its fields, and its image request for XML alone;
    # in text it is taken and asks for nothing, because KQ has no photo class.
    MessageKey("KQ"): key_rule(
        RECORD_FIELDS, _NUMBER_OR_NAME, optional=("RSN", "PUR", "ATN", "IMQ")
    ),
    MessageKey("RQ"): _PLATE_OR_VIN,
    MessageKey("RQG"): _PLATE_OR_VIN,
    MessageKey("IAQ"): key_rule(
        _STATUS_FIELDS,
        ((_STATUS_REQUIRED, ()),),
        optional=("ARN", "FBI", "SID", "OLN"),
        required=_STATUS_REQUIRED,
    ),
}
