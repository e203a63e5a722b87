"""What each field of a query may hold, and which fields make a query: the published rules as data.

Source: docs/reference/messages.md, "Fields" and "Field sets".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Final

import msgspec

from comity.domain.keys import MessageKey

__all__ = ["FIXED_KEYS", "FieldRule", "KeyRule"]

_YEAR_MIN: Final = 1800
_YEAR_MAX: Final = 2099


class FieldRule(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its prefix, its form, and the number and code of a value that breaks it.

    `words` is the form for people. `holds` checks what a pattern cannot.
    """

    prefix: str
    form: re.Pattern[str]
    words: str
    er: str = ".22."
    code: str = "field-invalid"
    holds: Callable[[str], bool] | None = None


def _is_real(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


def _is_birth_date(value: str) -> bool:
    """Say whether mmddyy or ccyymmdd names a day that exists; mmddyy in either century."""
    if len(value) == 8:
        year = int(value[:4])
        is_near = _YEAR_MIN <= year <= _YEAR_MAX
        return is_near and _is_real(year, int(value[4:6]), int(value[6:]))
    month, day, year = int(value[:2]), int(value[2:4]), int(value[4:])
    return _is_real(2000 + year, month, day) or _is_real(1900 + year, month, day)


_FIELDS: Final = {
    rule.prefix: rule
    for rule in (
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
            holds=_is_birth_date,
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
}


class KeyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One key with published fields.

    `fields` are all it may hold; `sets` the complete sets, of which a query holds exactly one;
    `accepted` every combination of a set and what may join it, so that a check is one look-up.
    `reason_first` says that `RSN` stands before all others where it stands at all.
    """

    fields: dict[str, FieldRule]
    sets: tuple[tuple[str, ...], ...]
    accepted: frozenset[frozenset[str]]
    reason_first: bool


def _subsets(prefixes: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    for size in range(len(prefixes) + 1):
        yield from combinations(prefixes, size)


def _key_rule(
    sets: dict[tuple[str, ...], tuple[str, ...]], *, optional: tuple[str, ...], reason_first: bool
) -> KeyRule:
    """Return the rule for sets, each with what may join it alone, and what may join any."""
    names = {*optional, *(name for own, joins in sets.items() for name in own + joins)}
    accepted = frozenset(
        frozenset(own + extra)
        for own, joins in sets.items()
        for extra in _subsets(joins + optional)
    )
    return KeyRule(
        fields={name: rule for name, rule in _FIELDS.items() if name in names},
        sets=tuple(sets),
        accepted=accepted,
        reason_first=reason_first,
    )


_PLATE_OR_VIN: Final = _key_rule(
    {("LIC", "LIY", "LIT"): (), ("VIN",): ("VMA", "VYR")}, optional=("RSN",), reason_first=True
)

FIXED_KEYS: Final[dict[MessageKey, KeyRule]] = {
    MessageKey("DQ"): _key_rule(
        {("OLN",): (), ("NAM", "DOB", "SEX"): ()}, optional=("RSN", "IMQ"), reason_first=True
    ),
    MessageKey("DQG"): _key_rule({("NAM", "DOB"): ("SEX",)}, optional=("RSN",), reason_first=True),
    # The network lists the options of KQ behind its fields, and its image request for XML alone;
    # in text it is taken and asks for nothing, because KQ has no photo class.
    MessageKey("KQ"): _key_rule(
        {("OLN",): (), ("NAM", "DOB", "SEX"): ()},
        optional=("RSN", "PUR", "ATN", "IMQ"),
        reason_first=False,
    ),
    MessageKey("RQ"): _PLATE_OR_VIN,
    MessageKey("RQG"): _PLATE_OR_VIN,
}
