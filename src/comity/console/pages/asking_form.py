"""What the form of a question holds, and the message that it makes.

Guarantee: a form gives a query that every format's checks accept, or what has to be mended, by
field; what is left open stays not stated (invariant `not-stated-is-no-claim`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from comity.console.people import Person
from comity.console.visits import Visit
from comity.console.words import opened
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Instrument, Offence, Purpose, terms
from comity.formats.faults import MessageError
from comity.formats.fields import FIXED_KEYS
from comity.formats.rules import check_query

__all__ = [
    "CHOICES",
    "DESTINATIONS_MAX",
    "SEXES",
    "Faults",
    "Wanted",
    "query_of",
    "wanted_of",
    "wrong_of",
]

DESTINATIONS_MAX: Final = 5
"""States that one question names, as the network has it."""

Faults = tuple[tuple[str, str], ...]
"""What has to be mended: a field's id and a sentence, in the order of the form."""

SEXES: Final = (("", "Choose"), ("F", "Female"), ("M", "Male"), ("X", "X"), ("U", "Unknown"))
_CHOOSE: Final = ("", "Choose")
CHOICES: Final = {
    name: [*first, *((each.value, opened(row.label)) for each, row in terms(kind).items())]
    for name, kind, first in (
        ("purpose", Purpose, [_CHOOSE]),
        ("offence", Offence, []),
        ("instrument", Instrument, []),
    )
}
"""What may be chosen for each claim, as pairs of a code and its words."""

_DRIVER: Final = MessageKey("DQ")
_VEHICLE: Final = MessageKey("RQ")
_STATE: Final = re.compile(r"[A-Z]{2}")
_CLAIM: Final = re.compile(r"[A-Z0-9-]*")
_CASE_CHARS_MAX: Final = 20
_REFERENCE_CHARS_MAX: Final = 32
_PREFIXES: Final = {
    "oln": ("OLN", "A licence number is 1 to 20 letters, digits, `*` or `-`."),
    "name": ("NAM", "Write the name as LAST,FIRST MIDDLE, in at most 30 characters."),
    "dob": ("DOB", "Write the birth date as year, month and day: 1980-02-29."),
    "sex": ("SEX", "Choose one."),
    "plate": ("LIC", "A plate is 1 to 10 letters and digits."),
    "plate_year": ("LIY", "Write the plate's year in four digits, or NX if it does not expire."),
    "plate_type": ("LIT", "A plate's type is two letters or digits, such as PC."),
}
_WAYS: Final = (
    (_DRIVER, ("oln",)),
    (_DRIVER, ("name", "dob", "sex")),
    (_VEHICLE, ("plate", "plate_year", "plate_type")),
)
"""The three ways to say what is searched: a key, and the fields that it needs."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it was filled in."""

    oln: str = ""
    name: str = ""
    dob: str = ""
    sex: str = ""
    plate: str = ""
    plate_year: str = ""
    plate_type: str = ""
    to: str = ""
    purpose: str = ""
    offence: str = Offence.NOT_STATED.value
    case: str = ""
    instrument: str = Instrument.NOT_STATED.value
    instrument_ref: str = ""


def wanted_of(visit: Visit) -> Wanted:
    """Return what a form holds. Raises: ProblemError if a field stands twice."""
    empty = Wanted()
    return Wanted(
        **{
            name: visit.form.one(name, getattr(empty, name)).strip()
            for name in Wanted.__struct_fields__
        }
    )


def wrong_of(wanted: Wanted) -> Faults:
    """Return what has to be mended before a form can be previewed."""
    return (*_wrong_search(wanted), *_wrong_states(wanted), *_wrong_claims(wanted))


def query_of(wanted: Wanted, person: Person, control: str) -> tuple[Query | None, Faults]:
    """Return the message that a form makes, or what has to be mended."""
    wrong = wrong_of(wanted)
    if wrong:
        return None, wrong
    key, names = _way_of(wanted)
    query = Query(
        key=key,
        origin=person.asks_for,
        destinations=tuple(wire_of_member(state) for state in _states(wanted)),
        control=control,
        fields=tuple((_PREFIXES[name][0], _value(wanted, name)) for name in names),
        claims=Claims(
            purpose=Purpose(wanted.purpose),
            offence=Offence(wanted.offence),
            instrument=Instrument(wanted.instrument),
            instrument_ref=wanted.instrument_ref.upper(),
            case_number=wanted.case.upper(),
            operator=person.asks_as,
        ),
    )
    try:
        check_query(query)
    except MessageError as error:
        return None, ((names[0], f"The network does not take this: {error.fault.text}."),)
    return query, ()


def _way_of(wanted: Wanted) -> tuple[MessageKey, tuple[str, ...]]:
    return next((key, names) for key, names in _WAYS if getattr(wanted, names[0]))


def _value(wanted: Wanted, name: str) -> str:
    said: str = getattr(wanted, name).upper()
    return said.replace("-", "") if name == "dob" else said


def _wrong_search(wanted: Wanted) -> Faults:
    begun = [(key, names) for key, names in _WAYS if any(getattr(wanted, name) for name in names)]
    if len(begun) != 1:
        said = "Fill in one of the three ways to search" + (", not several." if begun else ".")
        return (("oln", said),)
    ((key, names),) = begun
    checks = FIXED_KEYS[key].checks
    return tuple(
        (name, sentence)
        for name in names
        for prefix, sentence in (_PREFIXES[name],)
        if not checks[prefix](_value(wanted, name))
    )


def _states(wanted: Wanted) -> tuple[Member, ...]:
    codes = re.split(r"[\s,]+", wanted.to.strip().lower())
    return tuple(dict.fromkeys(Member(code) for code in codes if code))


def _wrong_states(wanted: Wanted) -> Faults:
    states = _states(wanted)
    if not states:
        return (("to", "Name a state by its two letters, such as WA."),)
    if len(states) > DESTINATIONS_MAX:
        return (("to", f"Name at most {DESTINATIONS_MAX} states in one question."),)
    unknown = [s.upper() for s in states if s not in MEMBERS or s == OPERATOR_MEMBER]
    if not unknown:
        return ()
    if all(_STATE.fullmatch(code) for code in unknown):
        return (("to", f"No state of this network is called {', '.join(unknown)}."),)
    return (("to", "Name states by their two letters, with a space between: WA OR."),)


def _wrong_claims(wanted: Wanted) -> Faults:
    wrong: list[tuple[str, str]] = []
    codes: Mapping[str, str] = {name: getattr(wanted, name) for name in CHOICES}
    sentences = {"purpose": "Say what it is for. If you do not know, choose `Not stated`."}
    for name, code in codes.items():
        if not code or code not in dict(CHOICES[name]):
            wrong.append((name, sentences.get(name, "Choose one.")))
    for name, most, what in (
        ("case", _CASE_CHARS_MAX, "A case number"),
        ("instrument_ref", _REFERENCE_CHARS_MAX, "Court and number"),
    ):
        said = getattr(wanted, name).upper()
        if len(said) > most or not _CLAIM.fullmatch(said):
            wrong.append((name, f"{what} can have at most {most} letters, digits and hyphens."))
    return tuple(wrong)
