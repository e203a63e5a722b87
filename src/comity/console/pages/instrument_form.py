"""The form by which an instrument is registered, and the one by which it is verified.

Guarantee: what comes out of `draft_of` has the form that a gateway takes; everything else is told
with the field that it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.console.days import parse_day
from comity.console.person_lines import PERSONS_SAID, persons_named
from comity.console.typed import typed_digest, typed_number, typed_word
from comity.console.visits import Visit
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, member_zone, parse_ori
from comity.domain.instruments import (
    ANSWERED_CHARACTERS_MAX,
    APPOINTMENT_WORDS,
    APPOINTMENTS,
    DOCUMENT_BYTES_MAX,
    INSTRUMENT_DAYS_MAX,
    ISSUER_CHARACTERS_MAX,
    Appointment,
)
from comity.domain.passes import PASS_PERSONS_MAX, named_in
from comity.domain.vocabulary import DataClass, Instrument, term
from comity.link.command import HoldView
from comity.review.scope import NOTE_CHARACTERS_MAX, is_case_number
from comity.services.instrument_work import InstrumentDraft

__all__ = [
    "CLASSES",
    "GivenInstrument",
    "GivenVerification",
    "Wrong",
    "appointment_options",
    "draft_of",
    "given_instrument",
    "given_of_hold",
    "given_verification",
    "kind_options",
    "person_lines",
    "wrong_verification",
]

Wrong = tuple[tuple[str, str], ...]
"""What has to be mended: the field's id, and a sentence."""

CLASSES: Final = tuple(part for part in DataClass if part is not DataClass.OPAQUE)
_REFERENCE_CHARACTERS_MAX: Final = 32
_CALLED_CHARACTERS_MAX: Final = 64
_ISSUER_CHARACTERS_MIN: Final = 3
_ISSUER_SAID: Final = (
    f"Name the court or office, in {_ISSUER_CHARACTERS_MIN} to {ISSUER_CHARACTERS_MAX} characters."
)


class GivenInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote into the form of an instrument, as it was written."""

    kind: str = ""
    issuer: str = ""
    appointment: str = ""
    number: str = ""
    agency: str = ""
    case_number: str = ""
    persons: str = ""
    classes: tuple[str, ...] = ()
    issued_on: str = ""
    days: str = "30"
    document: str = ""
    document_bytes: str = ""
    note: str = ""


class GivenVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What a second person wrote."""

    document: str = ""
    called: str = ""
    answered: str = ""
    note: str = ""


def kind_options() -> list[tuple[str, str]]:
    """Return the kinds that can be registered, with their words."""
    kinds = [kind for kind in Instrument if kind in APPOINTMENTS]
    return [("", "Choose"), *((kind.value, term(kind).label) for kind in kinds)]


def appointment_options() -> list[tuple[str, str]]:
    """Return who can have signed."""
    return [("", "Choose"), *((each.value, APPOINTMENT_WORDS[each]) for each in Appointment)]


def given_of_hold(hold: HoldView) -> GivenInstrument:
    """Return a form that begins with what a held request says."""
    kind = hold.instrument if hold.instrument in {k.value for k in APPOINTMENTS} else ""
    return GivenInstrument(
        kind=kind,
        number=hold.instrument_ref,
        agency=hold.agency,
        case_number=hold.case_number,
        persons=person_lines(hold.search),
        classes=tuple(part.value for part in hold.classes),
    )


def person_lines(fields: Sequence[tuple[str, str]]) -> str:
    """Return whom a request names, one a line; empty where no paper could name them all."""
    if not named_in(fields):
        return ""
    said = dict(fields)
    lines = [f"{name} {said[name]}" for name in ("OLN", "VIN") if name in said]
    if "NAM" in said:
        lines.append(f"NAM {said['NAM']} {said['DOB']}")
    if "LIC" in said:
        lines.append(f"LIC {said['LIC']} {said.get('LIT', '')}".rstrip())
    return "\n".join(lines)


def given_instrument(visit: Visit) -> GivenInstrument:
    """Return what a form holds. Raises: ProblemError."""
    names = (name for name in GivenInstrument.__struct_fields__ if name != "classes")
    said = {name: visit.form.one(name).strip() for name in names}
    return GivenInstrument(classes=visit.form.several("class"), **said)


def given_verification(visit: Visit) -> GivenVerification:
    """Return what a form holds. Raises: ProblemError."""
    names = GivenVerification.__struct_fields__
    return GivenVerification(**{name: visit.form.one(name).strip() for name in names})


def draft_of(
    given: GivenInstrument, state: Member, now: int, hold_entry: str
) -> tuple[InstrumentDraft | None, Wrong]:
    """Return what is to be signed, or None and what has to be mended."""
    wrong: list[tuple[str, str]] = []

    def need(holds: object, field: str, sentence: str) -> None:
        if not holds:
            wrong.append((field, sentence))

    kind = typed_word(Instrument, given.kind)
    appointment = typed_word(Appointment, given.appointment)
    allowed = APPOINTMENTS.get(kind, frozenset()) if kind else frozenset()
    need(allowed, "kind", "Say what kind of instrument it is.")
    need(appointment, "appointment", "Say who signed it.")
    if kind and allowed and appointment:
        who = " or ".join(APPOINTMENT_WORDS[each] for each in Appointment if each in allowed)
        need(
            appointment in allowed,
            "appointment",
            f"A {term(kind).label} is signed by {who}: register it as what it is.",
        )
    issuer = " ".join(given.issuer.split())
    need(_is_issuer(issuer), "issuer", _ISSUER_SAID)
    number = given.number.upper()
    need(_is_reference(number), "number", "Give its number: letters, digits and hyphens, up to 32.")
    case_number = given.case_number.upper()
    need(
        not case_number or is_case_number(case_number),
        "case_number",
        "Give a case number of up to 20 letters, digits and hyphens, or none.",
    )
    agency = _ori(given.agency)
    need(agency, "agency", "Give the agency's nine-character ORI.")
    persons = persons_named(given.persons)
    need(1 <= len(persons) <= PASS_PERSONS_MAX, "persons", PERSONS_SAID)
    classes = tuple(part for part in CLASSES if part.value in given.classes)
    need(classes, "class", "Choose at least one part that it names.")
    issued_on = parse_day(given.issued_on)
    today = datetime.fromtimestamp(now, ZoneInfo(member_zone(state))).date()
    need(issued_on and issued_on <= today, "issued_on", "Give the day on which it was issued.")
    days = typed_number(given.days, INSTRUMENT_DAYS_MAX)
    need(days, "days", f"Give a number of days from 1 to {INSTRUMENT_DAYS_MAX}.")
    document = typed_digest(given.document)
    need(document, "document", "Choose the document, or give its SHA-256: 64 digits 0-9 and a-f.")
    size = typed_number(given.document_bytes, DOCUMENT_BYTES_MAX)
    need(size, "document_bytes", f"Give its length in bytes, up to {DOCUMENT_BYTES_MAX:,}.")
    note = " ".join(given.note.split())
    need(_is_note(note), "note", f"At most {NOTE_CHARACTERS_MAX} letters, digits and marks.")
    if wrong or not (kind and appointment and agency and issued_on and document):
        return None, tuple(wrong)
    return InstrumentDraft(
        kind=kind,
        issuer=issuer,
        appointment=appointment,
        number=number,
        agency=agency,
        case_number=case_number,
        persons=persons,
        classes=classes,
        issued_on=issued_on,
        days=days,
        document=document,
        document_bytes=size,
        hold_entry=hold_entry,
        note=note,
    ), ()


def wrong_verification(given: GivenVerification, document: bytes) -> Wrong:
    """Return what has to be mended before an instrument is verified."""
    found: list[tuple[str, str]] = []
    digest = typed_digest(given.document)
    if not digest:
        found.append(("document", "Choose the document that you hold, or give its SHA-256."))
    elif digest != document:
        found.append(("document", "This is another document than the one that was registered."))
    for name, longest, said in (
        ("called", _CALLED_CHARACTERS_MAX, "Say where you asked whoever issued it"),
        ("answered", ANSWERED_CHARACTERS_MAX, "Say what was answered there"),
    ):
        text = " ".join(getattr(given, name).split())
        if not 1 <= len(text) <= longest or not text.isprintable():
            found.append((name, f"{said}, in 1 to {longest} characters."))
    if not _is_note(" ".join(given.note.split())):
        found.append(("note", f"At most {NOTE_CHARACTERS_MAX} letters, digits and marks."))
    return tuple(found)


def _ori(text: str) -> ORI | None:
    try:
        return parse_ori(text.upper())
    except ComityError:
        return None


def _is_reference(text: str) -> bool:
    return 1 <= len(text) <= _REFERENCE_CHARACTERS_MAX and all(
        c.isascii() and (c.isalnum() or c == "-") for c in text
    )


def _is_issuer(text: str) -> bool:
    is_long_enough = _ISSUER_CHARACTERS_MIN <= len(text) <= ISSUER_CHARACTERS_MAX
    return is_long_enough and text.isprintable()


def _is_note(text: str) -> bool:
    return len(text) <= NOTE_CHARACTERS_MAX and text.isprintable()
