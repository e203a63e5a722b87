"""Fields of the directory's messages: add, update, delete and look up an agency.

The network publishes `ORI`, `LOC` and `TYP`; the other fields are ours, because they hold what a
directory of ours lists of an agency.
Source: docs/reference/messages.md, "Fields"; docs/adr/0010-directory-parts.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.agency import Form, parse_family
from comity.domain.errors import MalformedError
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType, terms
from comity.formats.fields.shape import FieldRule, KeyRule, by_prefix, key_rule

__all__ = ["DIRECTORY_KEYS", "is_blanked"]

_TYPES: Final = tuple(row.wire for row in terms(AgencyType).values() if row.wire)
_FORMS: Final = tuple(form.name for form in Form)


def is_blanked(value: str) -> bool:
    """Say whether an optional field of an update is filled with zeros: it shall be empty again."""
    return value.strip("0") == ""


def _is_family(value: str) -> bool:
    try:
        parse_family(value)
    except MalformedError:
        return False
    return True


_FIELDS: Final = by_prefix(
    FieldRule(prefix="ORI", form=re.compile("[A-Z0-9]{9}"), words="9 OF A-Z 0-9"),
    FieldRule(
        prefix="AGN",
        form=re.compile(r"(?! )[A-Z0-9,'&()#*/_ -]{1,60}(?<! )"),
        words="1 TO 60 CHARACTERS, NONE A SPACE AT AN END",
    ),
    FieldRule(
        prefix="LOC",
        form=re.compile(r"(?! )[A-Z0-9' -]{2,20}(?<! )"),
        words="2 TO 20 OF A-Z 0-9 ' - SPACE, NONE A SPACE AT AN END",
    ),
    FieldRule(prefix="TYP", form=re.compile("|".join(_TYPES)), words=f"ONE OF {' '.join(_TYPES)}"),
    FieldRule(
        prefix="FAM",
        form=re.compile("[A-Z0-9/]{1,101}"),
        words="1 TO 6 PARTS OF A-Z 0-9, SUCH AS TX/LOCAL/PD",
        holds=_is_family,
    ),
    FieldRule(
        prefix="PHO",
        form=re.compile(r"[0-9(+][0-9()+X -]{0,19}"),
        words="1 TO 20 OF 0-9 + ( ) X - SPACE",
    ),
    FieldRule(
        prefix="LIN",
        form=re.compile("[A-Z0-9][A-Z0-9-]{0,39}"),
        words="1 TO 40 OF A-Z 0-9 -, NOT - FIRST",
    ),
    FieldRule(prefix="FRM", form=re.compile("|".join(_FORMS)), words=f"ONE OF {' '.join(_FORMS)}"),
    FieldRule(prefix="ACT", form=re.compile("[AI]"), words="A OR I"),
    FieldRule(prefix="CTL", form=re.compile("[YN]"), words="Y OR N"),
    FieldRule(prefix="SML", form=re.compile("[YN]"), words="Y OR N"),
    FieldRule(prefix="STA", form=re.compile("[A-Z]{2}"), words="2 OF A-Z"),
)
# `ACT`, `CTL` and `SML` have no empty value: active, control terminal or small is said.
_UPDATE_FIELDS: Final = {
    **_FIELDS,
    **by_prefix(
        FieldRule(
            prefix="FRM",
            form=re.compile(f"{'|'.join(_FORMS)}|0{{1,4}}"),
            words=f"ONE OF {' '.join(_FORMS)}, OR ZEROS",
        ),
    ),
}
_ENTRY: Final = ("AGN", "LOC", "TYP", "FAM")
_OPTIONAL: Final = ("PHO", "LIN", "FRM", "ACT", "CTL", "SML")
_CHANGES: Final = _ENTRY + _OPTIONAL

DIRECTORY_KEYS: Final[dict[MessageKey, KeyRule]] = {
    MessageKey("TA"): key_rule(
        _FIELDS, ((("ORI", *_ENTRY), ()),), optional=_OPTIONAL, required=("ORI", *_ENTRY)
    ),
    MessageKey("TU"): key_rule(
        _UPDATE_FIELDS,
        tuple((("ORI", name), _CHANGES) for name in _CHANGES),
        required=("ORI",),
    ),
    MessageKey("TD"): key_rule(_FIELDS, ((("ORI",), ()),), required=("ORI",)),
    MessageKey("TQ"): key_rule(_FIELDS, ((("ORI",), ()), (("LOC",), ("TYP", "STA")))),
}
