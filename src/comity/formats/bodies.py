"""Free texts whose elements are published: hit confirmations (YQ), Canada's licence query (UQ),
status messages (SM).

Their body stays one opaque text (invariant `opaque-is-a-class`); what the network publishes of it
is checked, and a hit confirmation can be read.
Source: docs/reference/messages.md, "Free text".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.keys import MessageKey
from comity.formats.faults import fault_of
from comity.formats.fields import RECORD_FIELDS, FieldRule, refuse_value
from comity.formats.status import parse_announcement

__all__ = [
    "CHECKED_KEYS",
    "HIT_FIELDS",
    "HIT_OPTIONAL",
    "HIT_SETS",
    "HitConfirmation",
    "HitPriority",
    "check_body",
    "hit_confirmation",
]

_BEFORE: Final = ("RTY", "RNO", "PRI", "OCA", "NIC")
_AFTER: Final = ("RNA", "RAG")
HIT_OPTIONAL: Final = ("DEN", "PHO", "REM")
"""What may stand in a hit confirmation beside its required elements."""

# Only these data sets are published; a hit confirmation with an element of another is let through.
_DATA_SETS: Final = (
    ("LIC", "LIS", "LIY", "LIT"),
    ("VIN", "VYR", "VMA"),
    ("NAM", "DOB", "SEX"),
    ("TYP", "SER"),
)
HIT_SETS: Final = tuple((*_BEFORE, *own, *_AFTER) for own in _DATA_SETS)
"""The complete sets of elements of a hit confirmation, as an error message lists them."""

_TYPES: Final = "SV WP PO MP SL SG SA SS SB SP"
_FILLED: Final = re.compile("(?s:.+)")
_OWN_FIELDS: Final = (
    FieldRule(prefix="RTY", form=re.compile(_TYPES.replace(" ", "|")), words=f"ONE OF {_TYPES}"),
    FieldRule(prefix="RNO", form=re.compile("[1-3]"), words="1 2 OR 3"),
    FieldRule(prefix="PRI", form=re.compile("[UR]"), words="U (10 MINUTES) OR R (1 HOUR)"),
    FieldRule(prefix="OCA", form=re.compile("[ -~]{1,20}"), words="1 TO 20 CHARACTERS"),
    FieldRule(prefix="NIC", form=re.compile("[A-Z0-9]{10}"), words="10 OF A-Z 0-9"),
    FieldRule(prefix="LIS", form=re.compile("[A-Z]{2}"), words="2 OF A-Z"),
)
HIT_FIELDS: Final[dict[str, FieldRule]] = {
    **{rule.prefix: rule for rule in _OWN_FIELDS},
    **{name: RECORD_FIELDS[name] for own in _DATA_SETS for name in own if name in RECORD_FIELDS},
    **{
        name: FieldRule(prefix=name, form=_FILLED, words="1 CHARACTER OR MORE")
        for name in ("TYP", "SER", *_AFTER, *HIT_OPTIONAL)
    },
}
"""Every published element of a hit confirmation. The network prints no length for some."""

_ELEMENT: Final = re.compile(r"(?:\A|\.)\s*([A-Z]{3})/")
_REMARK: Final = "REM"
_SHARED: Final = frozenset({*_BEFORE, *_AFTER, *HIT_OPTIONAL})
_CANADIAN: Final = ("NAM", "DOB")
_YQ: Final = MessageKey("YQ")


class HitPriority(StrEnum):
    """How soon a hit confirmation is to be answered, as `PRI` says it."""

    URGENT = "U"
    ROUTINE = "R"


_ANSWER_S: Final = {HitPriority.URGENT: 600, HitPriority.ROUTINE: 3_600}


class HitConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What a hit confirmation asks: its type, which request for the same hit it is (1 to 3), how
    soon an answer is due, the case number and the record's number. `elements` are all, as written.
    """

    type: str
    number: int
    priority: HitPriority
    case_number: str
    record: str
    elements: tuple[tuple[str, str], ...]

    @property
    def answer_s(self) -> int:
        """Return within how many seconds an answer is due: ten minutes, or one hour."""
        return _ANSWER_S[self.priority]

    def value(self, prefix: str) -> str | None:
        """Return the value of an element, or None."""
        return dict(self.elements).get(prefix)


def hit_confirmation(body: str) -> HitConfirmation:
    """Return what the body of a hit confirmation (YQ) asks. Raises: MessageError."""
    elements = tuple(_elements(body, HIT_FIELDS))
    for prefix, value in elements:
        field = HIT_FIELDS.get(prefix)
        if field is None:
            continue
        if not field.form.fullmatch(value) or (field.holds and not field.holds(value)):
            raise refuse_value(_YQ, field, is_blank=not value)
    found = dict(elements)
    if len(found) != len(elements):
        raise fault_of(".22.", "field-repeated", "a field stands twice", key=_YQ)
    _check_data_set(frozenset(found))
    return HitConfirmation(
        type=found["RTY"],
        number=int(found["RNO"]),
        priority=HitPriority(found["PRI"]),
        case_number=found["OCA"],
        record=found["NIC"],
        elements=elements,
    )


def _check_data_set(present: frozenset[str]) -> None:
    """Check that all required elements stand, with one data set."""
    data = present - _SHARED
    begun = [own for own in _DATA_SETS if data & set(own)]
    whole = [own for own in begun if data >= set(own)]
    is_published = data <= {name for own in _DATA_SETS for name in own}
    if len(whole) > 1 or (is_published and whole and len(begun) > 1):
        options = tuple(", ".join(own) for own in HIT_SETS)
        sentence = "the fields of several sets stand together"
        raise fault_of(".22.", "field-set-mixed", sentence, key=_YQ, options=options)
    has_data = bool(whole) if is_published else True
    if has_data and present >= {*_BEFORE, *_AFTER}:
        return
    shown = (begun or _DATA_SETS) if is_published else _DATA_SETS
    options = tuple(", ".join((*_BEFORE, *own, *_AFTER)) for own in shown)
    raise fault_of(
        ".22.", "field-set-incomplete", "no complete set of fields", key=_YQ, options=options
    )


def _elements(body: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Take a body apart; a remark is free text, so that only known prefixes end it."""
    in_remark = False
    start, name = 0, ""
    text = body.upper().rstrip(". \n")
    for found in _ELEMENT.finditer(text):
        if in_remark and found[1] not in known:
            continue
        if name:
            yield name, text[start : found.start()].replace("\n", "")
        start, name = found.end(), found[1]
        in_remark = in_remark or name == _REMARK
    if name:
        yield name, text[start:].replace("\n", "")


def _check_hit(body: str) -> None:
    hit_confirmation(body)


def _check_canadian(body: str) -> None:
    """Check a licence query to Canada: a name and a birth date, each once.

    The network asks for a reason and a person's code too; their prefixes are not published.
    """
    said = [pair for pair in _elements(body, _CANADIAN) if pair[0] in _CANADIAN]
    values = dict(said)
    if len(said) != len(_CANADIAN) or len(values) != len(_CANADIAN):
        raise fault_of(".06.", "canada-format-invalid", "`NAM` and `DOB` do not stand once each")
    for name, value in values.items():
        field = RECORD_FIELDS[name]
        if field.form.fullmatch(value) and not (field.holds and not field.holds(value)):
            continue
        if field.er == ".22.":
            raise fault_of(".06.", "canada-format-invalid", f"`{name}` does not have its form")
        raise refuse_value("UQ", field, is_blank=not value)


def _check_status(body: str) -> None:
    parse_announcement(body)


_CHECKS: Final[dict[str, Callable[[str], None]]] = {
    "YQ": _check_hit,
    "UQ": _check_canadian,
    "SM": _check_status,
}


CHECKED_KEYS: Final = frozenset(map(MessageKey, _CHECKS))
"""The keys whose free text is checked for what is published of it."""


def check_body(key: MessageKey, body: str) -> None:
    """Return if a free text holds what is published of its key. Raises: MessageError."""
    check = _CHECKS.get(key)
    if check is not None:
        check(body)
