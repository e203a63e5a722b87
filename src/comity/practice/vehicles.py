"""Practice vehicles: a plate, a VIN that checks, and a registration or a title under its owner.

Guarantee: no two vehicles of a jurisdiction share a plate or a VIN, and every VIN's ninth character
is its check digit. Source: 49 CFR 565.15(c) for the check digit; docs/explain/practice-world.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from random import Random
from typing import Final

import msgspec

from comity.domain.answer import Element
from comity.domain.ids import MEMBERS, Member
from comity.domain.vocabulary import RecordKind
from comity.practice.chance import Shape, pick, stream, weighted
from comity.practice.drivers import address_elements
from comity.practice.elements import element, encode_record
from comity.practice.people import Person
from comity.practice.tables import AnchorRow, anchor_rows, makes, places

__all__ = ["VehicleRow", "check_digit", "make_vin", "vehicle_rows"]

_VIN_HEAD: Final = "0PX"
"""No region of the world has 0 as the first character of a VIN."""

_VALUES: Final = {
    character: value
    for value, characters in enumerate(
        ("0", "1AJ", "2BKS", "3CLT", "4DMU", "5ENV", "6FW", "7GPX", "8HY", "9RZ")
    )
    for character in characters
}
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEAR_CODES: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
_YEAR_CODE_FIRST: Final = 2010
_MODEL_YEARS: Final = 16
_PLATE_TYPES: Final = weighted({"PC": 80, "TK": 14, "MC": 6})
_COLOURS: Final = ("BLK", "WHI", "SIL", "GRY", "BLU", "RED", "GRN", "BRO", "GLD", "ONG")
_BRANDS: Final = weighted({"00": 96, "11": 3, "01": 1})
_OWNER_SHARE: Final = 0.85
_TITLE_SHARE: Final = 0.06
_LAPSED_SHARE: Final = 0.07
_SERIAL_MAX: Final = 1_000_000
_ANCHOR_SERIAL_MAX: Final = 10_000


class VehicleRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record of a practice vehicle source and the keys it is found by.

    A title of a vehicle without a plate has empty `plate`, `plate_year` and `plate_type`.
    """

    state: Member
    plate: str
    plate_year: str
    plate_type: str
    vin: str
    kind: RecordKind
    record: bytes


class _Vehicle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a vehicle's record is made of."""

    plate: str
    plate_type: str
    plate_year: int
    vin: str
    make: str
    model: str
    model_year: int
    colour: str


def check_digit(vin: str) -> str:
    """Return the check digit of 17 characters, whatever stands in its place, the ninth."""
    total = sum(_VALUES[c] * weight for c, weight in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def make_vin(member: Member, model_year: int, serial: int) -> str:
    """Return a practice VIN: head, place of the jurisdiction, check digit, year code, serial."""
    place = MEMBERS.index(member)
    year = _YEAR_CODES[(model_year - _YEAR_CODE_FIRST) % len(_YEAR_CODES)]
    vin = f"{_VIN_HEAD}{place:05d}0{year}P{serial:06d}"
    return f"{vin[:8]}{check_digit(vin)}{vin[9:]}"


def vehicle_rows(
    seed: int, member: Member, people: Iterable[Person], today: date
) -> Iterator[VehicleRow]:
    """Yield the vehicles of those people who own one, an anchor's own as anchors.toml has it."""
    rows = {row.oln: row for row in anchor_rows().get(member, ())}
    rng = stream(seed, member, "vehicles")
    plates = Shape(places()[member].plate).numbers(
        stream(seed, member, "plates"), reserved={row.plate for row in rows.values()}
    )
    # Serials below are the anchors' own.
    for serial, person in enumerate(people, start=_ANCHOR_SERIAL_MAX):
        if person.anchor:
            yield _anchored(rows[person.oln], person, today)
        elif rng.random() < _OWNER_SHARE:
            assert serial < _SERIAL_MAX
            yield _row(rng, person, _invented(rng, member, next(plates), serial, today), today)


def _anchored(row: AnchorRow, person: Person, today: date) -> VehicleRow:
    rng = stream(0, person.member, row.plate)  # the same in a world of any seed
    make, model = pick(rng, _models(row.plate_type))
    year = 2018  # in its VIN, which documents name
    vehicle = _Vehicle(
        plate=row.plate,
        plate_type=row.plate_type,
        plate_year=today.year + 1,
        vin=make_vin(person.member, year, row.vin_serial),
        make=make,
        model=model,
        model_year=year,
        colour=pick(rng, _COLOURS),
    )
    return _registration(vehicle, person)


def _invented(rng: Random, member: Member, plate: str, serial: int, today: date) -> _Vehicle:
    plate_type = pick(rng, _PLATE_TYPES)
    make, model = pick(rng, _models(plate_type))
    year = today.year - int(rng.random() * _MODEL_YEARS)
    lapsed = rng.random() < _LAPSED_SHARE
    return _Vehicle(
        plate=plate,
        plate_type=plate_type,
        plate_year=today.year - 1 if lapsed else today.year + int(rng.random() * 2),
        vin=make_vin(member, year, serial),
        make=make,
        model=model,
        model_year=year,
        colour=pick(rng, _COLOURS),
    )


@cache
def _models(plate_type: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (make.code, model) for make in makes() for model in make.models.get(plate_type, ())
    )


def _row(rng: Random, person: Person, vehicle: _Vehicle, today: date) -> VehicleRow:
    if rng.random() < _TITLE_SHARE:
        return _title(rng, vehicle, person, today)
    return _registration(vehicle, person)


def _registration(vehicle: _Vehicle, person: Person) -> VehicleRow:
    elements = [
        element("PLATE", vehicle.plate),
        element("PLATE_TYPE", vehicle.plate_type),
        element("PLATE_YEAR", str(vehicle.plate_year)),
        element("REGISTRATION_EXPIRATION_DATE", f"{vehicle.plate_year}-12-31"),
        *_description(vehicle),
        *_ownership(person),
    ]
    return VehicleRow(
        state=person.member,
        plate=vehicle.plate,
        plate_year=str(vehicle.plate_year),
        plate_type=vehicle.plate_type,
        vin=vehicle.vin,
        kind=RecordKind.REGISTRATION,
        record=encode_record(elements),
    )


def _title(rng: Random, vehicle: _Vehicle, person: Person, today: date) -> VehicleRow:
    issued = date.fromordinal(today.toordinal() - int(rng.random() * 1500))
    elements = [
        element("TITLE_NUMBER", f"T{vehicle.vin[-6:]}"),
        element("TITLE_ISSUE_DATE", issued.isoformat()),
        element("BRAND_CODE", pick(rng, _BRANDS)),
        *_description(vehicle),
        *_ownership(person),
    ]
    return VehicleRow(
        state=person.member,
        plate="",
        plate_year="",
        plate_type="",
        vin=vehicle.vin,
        kind=RecordKind.TITLE,
        record=encode_record(elements),
    )


def _description(vehicle: _Vehicle) -> Iterator[Element]:
    yield element("VIN", vehicle.vin)
    yield element("MAKE", vehicle.make)
    yield element("MODEL", vehicle.model)
    yield element("MODEL_YEAR", str(vehicle.model_year))
    yield element("COLOR", vehicle.colour)


def _ownership(person: Person) -> Iterator[Element]:
    yield element("OWNER_NAME", person.full_name)
    yield from address_elements(person)
