"""Driver records of practice people: status, history, medical and documents shown, as a source
keeps them, with the keys they are searched by.

Guarantee: the elements agree with each other: a suspended licence has a withdrawal in its history,
an expired one an expiry in the past, and a noncompliant one shows documents in place of
a social security number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from random import Random
from typing import Final

import msgspec

from comity.domain.answer import Element
from comity.domain.ids import Member
from comity.domain.names import name_key
from comity.domain.vocabulary import RecordKind
from comity.practice.chance import pick, stream, weighted
from comity.practice.elements import element, encode_record
from comity.practice.people import Person
from comity.practice.photos import photo_of

__all__ = ["DriverRow", "address_elements", "driver_rows"]

_TERM_DAYS: Final = 8 * 365 + 2
_STANDING: Final = weighted({"VALID": 88, "EXPIRED": 6, "SUSPENDED": 5, "REVOKED": 1})
_PRIVILEGE: Final = {"VALID": "LIC", "EXPIRED": "ELG", "SUSPENDED": "NOT", "REVOKED": "NOT"}
_ACTION: Final = {"SUSPENDED": "3", "REVOKED": "1"}
# AAMVA code dictionary numbers, from the NIEM release of D20's code lists.
_OFFENCES: Final = weighted(
    {"S15": 22, "S16": 14, "S21": 10, "S92": 16, "N31": 9, "N50": 7, "N84": 12, "A08": 4, "B20": 6}
)
_WITHDRAWALS: Final = {"SUSPENDED": ("A08", "B20", "W01"), "REVOKED": ("A20", "U07", "B25")}
_SEVERITY: Final = weighted({"5": 78, "4": 14, "3": 6, "2": 2})
_CONVICTION_SHARE: Final = 0.22
_ACCIDENT_SHARE: Final = 0.08
_CONDITION_SHARE: Final = 0.02
_RESTRICTIONS: Final = weighted({"": 62, "B": 34, "G": 2, "F": 2})
_ENDORSEMENTS: Final = ("N", "P", "T", "X")
_CONDITIONS: Final = ("DIABETES CONTROLLED", "SEIZURE FREE 24 MONTHS", "HEARING AID")
_DOCUMENTS: Final = ("FOREIGN PASSPORT PRACTICE DOC", "CONSULAR CARD PRACTICE DOC")


class DriverRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record of a practice driver source and the keys it is found by.

    `name_key` is `domain.names.name_key` of the name, `record` the elements as `decode_record`
    reads them, without the photo, which is PNG in `photo`.
    """

    state: Member
    oln: str
    name_key: str
    birth: date
    sex: str
    kind: RecordKind
    record: bytes
    photo: bytes | None = None


def driver_rows(
    seed: int, member: Member, people: Iterable[Person], today: date
) -> Iterator[DriverRow]:
    """Yield one row per person."""
    rng = stream(seed, member, "licences")
    for person in people:
        chance = stream(0, person.oln) if person.anchor else rng
        yield DriverRow(
            state=member,
            oln=person.oln,
            name_key=name_key(f"{person.surname},{person.given}"),
            birth=person.birth,
            sex=person.sex,
            kind=person.kind,
            record=encode_record(_elements(chance, person, today)),
            photo=photo_of(chance, person.sex),
        )


def _elements(rng: Random, person: Person, today: date) -> list[Element]:
    standing = "VALID" if person.anchor else pick(rng, _STANDING)
    if person.kind is RecordKind.ID_CARD and standing in _ACTION:
        standing = "VALID"
    return [
        *_status(rng, person, standing, today),
        *_identity(person),
        *address_elements(person),
        *_ssn(rng, person),
        *_history(rng, standing, today),
        *_medical(rng, person),
        *_documents(rng, person),
    ]


def _status(rng: Random, person: Person, standing: str, today: date) -> Iterator[Element]:
    elapsed = int(rng.random() * (_TERM_DAYS - 30)) + (_TERM_DAYS if standing == "EXPIRED" else 0)
    issued = today.toordinal() - elapsed
    yield element("LICENSE_STATUS", standing)
    if person.kind is not RecordKind.ID_CARD:
        yield element("DRIVING_STATUS_CODE", _PRIVILEGE[standing])
        is_commercial = person.kind is RecordKind.COMMERCIAL_LICENCE
        yield element("LICENSE_CLASS_CODE", "A" if is_commercial else "C")
        restriction = pick(rng, _RESTRICTIONS)
        if restriction:
            yield element("DRIVING_RESTRICTION_CODE", restriction)
        if is_commercial:
            yield element("DRIVING_ENDORSEMENT_CODE", pick(rng, _ENDORSEMENTS))
    is_compliant = person.kind is not RecordKind.NONCOMPLIANT_LICENCE
    yield element("REAL_ID_COMPLIANCE_CODE", "F" if is_compliant else "N")
    yield element("LICENSE_ISSUE_DATE", date.fromordinal(issued).isoformat())
    yield element("LICENSE_EXPIRATION_DATE", date.fromordinal(issued + _TERM_DAYS).isoformat())


def _identity(person: Person) -> Iterator[Element]:
    yield element("NAME", person.full_name)
    yield element("LICENSE_NUMBER", person.oln)
    yield element("BIRTH_DATE", person.birth.isoformat())
    yield element("SEX", person.sex)
    yield element("HEIGHT", person.height)
    yield element("WEIGHT", person.weight)
    yield element("EYE_COLOR", person.eyes)
    yield element("HAIR_COLOR", person.hair)


def address_elements(person: Person) -> Iterator[Element]:
    """Yield where a person lives; a vehicle record shows it for the registered owner."""
    yield element("STREET", person.street)
    yield element("CITY", person.city)
    yield element("STATE", person.member.upper())
    yield element("POSTAL_CODE", person.postal)


def _ssn(rng: Random, person: Person) -> Iterator[Element]:
    """Yield a number that was never one: area 900 and up, and group 00, are not issued."""
    area, serial = 900 + int(rng.random() * 100), 1 + int(rng.random() * 9999)
    if person.kind is not RecordKind.NONCOMPLIANT_LICENCE:
        yield element("SSN", f"{area}-00-{serial:04d}")


def _history(rng: Random, standing: str, today: date) -> Iterator[Element]:
    while rng.random() < _CONVICTION_SHARE:
        yield element("CONVICTION", f"{_past(rng, today)} ACD {pick(rng, _OFFENCES)}")
    if rng.random() < _ACCIDENT_SHARE:
        yield element("ACCIDENT", f"{_past(rng, today)} SEVERITY {pick(rng, _SEVERITY)}")
    if standing in _ACTION:
        reason = pick(rng, _WITHDRAWALS[standing])
        when = date.fromordinal(today.toordinal() - int(rng.random() * 300))
        yield element("WITHDRAWAL", f"{when.isoformat()} ACTION {_ACTION[standing]} ACD {reason}")


def _past(rng: Random, today: date) -> str:
    return date.fromordinal(today.toordinal() - 30 - int(rng.random() * 2500)).isoformat()


def _medical(rng: Random, person: Person) -> Iterator[Element]:
    if person.kind is RecordKind.COMMERCIAL_LICENCE:
        status = "C" if rng.random() < 0.95 else "N"
        yield element("MEDICAL_CERTIFICATION_STATUS_CODE", status)
    if rng.random() < _CONDITION_SHARE:
        yield element("MEDICAL_CONDITION", pick(rng, _CONDITIONS))


def _documents(rng: Random, person: Person) -> Iterator[Element]:
    if person.kind is RecordKind.NONCOMPLIANT_LICENCE:
        yield element("DOCUMENT_SHOWN", pick(rng, _DOCUMENTS))
