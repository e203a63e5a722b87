"""Practice traffic: a stream of queries as agencies would send them, for benches and history.

Guarantee: the mix is fixed (driver and registration queries 93 %, driver history 7 %, nothing on
file 8 %), every query has the complete field set of its key, and a query that should find a record
names one that the world has. Source: docs/explain/practice-world.md, "Traffic".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import msgspec

from comity.domain.agency import Agency
from comity.domain.ids import Member, wire_of_member
from comity.domain.keys import MessageKey, parse_message_key
from comity.domain.names import latin, name_key
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.vocabulary import AgencyType, Emergency, Instrument, Offence, Purpose
from comity.practice.chance import pick, weighted
from comity.practice.people import Person
from comity.practice.vehicles import VehicleRow, make_vin

__all__ = ["Sample", "callers", "traffic"]

_Fields = tuple[tuple[str, str], ...]

DQ: Final = parse_message_key("DQ")
RQ: Final = parse_message_key("RQ")
KQ: Final = parse_message_key("KQ")
_KEYS: Final = weighted({DQ: 43, RQ: 50, KQ: 7})
_ABSENT_SHARE: Final = 0.08
_BY_NAME_SHARE: Final = 0.35
_BY_VIN_SHARE: Final = 0.1
_IMAGE_SHARE: Final = 0.15
_FEDERAL_SHARE: Final = 0.08
_LIST_SHARE: Final = 0.05
_LIST_MAX: Final = 5

_LOCAL: Final = weighted(
    {
        Purpose.NOT_STATED: 55,
        Purpose.TRAFFIC_SAFETY: 22,
        Purpose.CRIMINAL_INVESTIGATION: 13,
        Purpose.OFFICER_SAFETY: 5,
        Purpose.FIREARM: 2,
        Purpose.MISSING_OR_ENDANGERED: 1,
        Purpose.IDENTIFY_DECEASED: 1,
        Purpose.OTHER_CIVIL: 1,
    }
)
_COURT: Final = weighted({Purpose.COURT: 80, Purpose.NOT_STATED: 20})
_LICENSING: Final = weighted({Purpose.LICENSING: 75, Purpose.NOT_STATED: 25})
_REMOVAL: Final = weighted(
    {
        Purpose.CIVIL_IMMIGRATION: 50,
        Purpose.NOT_STATED: 40,
        Purpose.CRIMINAL_INVESTIGATION: 10,
    }
)
_BORDER: Final = weighted(
    {
        Purpose.NOT_STATED: 50,
        Purpose.CIVIL_IMMIGRATION: 25,
        Purpose.CRIMINAL_INVESTIGATION: 25,
    }
)
_FEDERAL: Final = weighted({Purpose.CRIMINAL_INVESTIGATION: 65, Purpose.NOT_STATED: 35})
_OFFENCES: Final = weighted(
    {
        Offence.NOT_STATED: 25,
        Offence.ROBBERY_ASSAULT: 18,
        Offence.DRUGS: 16,
        Offence.VEHICLE_THEFT: 14,
        Offence.FRAUD_IDENTITY: 10,
        Offence.PROPERTY: 8,
        Offence.WEAPONS: 5,
        Offence.HOMICIDE: 2,
        Offence.TRAFFICKING: 1,
        Offence.KIDNAPPING: 1,
    }
)
_TRAFFIC: Final = weighted({Offence.TRAFFIC: 80, Offence.IMPAIRED_DRIVING: 20})
_INSTRUMENTS: Final = weighted(
    {
        Instrument.NOT_STATED: 86,
        Instrument.NONE: 8,
        Instrument.STATE_WARRANT: 3,
        Instrument.COURT_ORDER: 2,
        Instrument.COURT_SUBPOENA: 1,
    }
)
_FEDERAL_INSTRUMENTS: Final = weighted(
    {
        Instrument.NOT_STATED: 70,
        Instrument.ADMINISTRATIVE_SUBPOENA: 12,
        Instrument.ARTICLE_III_WARRANT: 10,
        Instrument.NONE: 8,
    }
)
_REMOVAL_INSTRUMENTS: Final = weighted(
    {
        Instrument.NOT_STATED: 70,
        Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT: 25,
        Instrument.ARTICLE_III_WARRANT: 5,
    }
)


# How often an agency of a type asks, against the others of its jurisdiction.
_CALLS: Final = {
    AgencyType.PD: 30,
    AgencyType.SO: 22,
    AgencyType.SA: 12,
    AgencyType.JG: 3,
    AgencyType.NJ: 3,
}


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Whom and what one jurisdiction is asked about, and who there asks others, how often."""

    member: Member
    callers: tuple[Agency, ...]
    people: tuple[Person, ...]
    vehicles: tuple[VehicleRow, ...]


def callers(agencies: Sequence[Agency]) -> tuple[Agency, ...]:
    """Return the active agencies, each as often as its type asks."""
    return weighted({agency: _CALLS[agency.type] for agency in agencies if agency.active})


def traffic(
    rng: Random, samples: Sequence[Sample], federal: Sequence[Agency], count: int
) -> Iterator[Query]:
    """Yield queries across state lines, each under a control field of its own."""
    for number in range(count):
        asked = pick(rng, samples)
        if rng.random() < _FEDERAL_SHARE:
            agency = pick(rng, federal)
        else:
            agency = pick(rng, _other(rng, samples, asked).callers)
        key = pick(rng, _KEYS)
        yield Query(
            key=key,
            origin=agency.ori,
            destinations=_destinations(rng, key, asked, samples),
            control=f"PX{number % 100_000_000:08d}",
            fields=_fields(rng, key, asked),
            claims=_claims(rng, agency),
        )


def _other(rng: Random, samples: Sequence[Sample], asked: Sample) -> Sample:
    while True:
        sample = pick(rng, samples)
        if sample is not asked:
            return sample


def _destinations(
    rng: Random, key: MessageKey, asked: Sample, samples: Sequence[Sample]
) -> tuple[str, ...]:
    """Return one state, or up to five with the one that has the record among them."""
    members = [asked.member]
    if key != KQ and rng.random() < _LIST_SHARE:
        wanted = 2 + int(rng.random() * (_LIST_MAX - 1))
        while len(members) < min(wanted, len(samples)):
            member = pick(rng, samples).member
            if member not in members:
                members.append(member)
    return tuple(wire_of_member(member) for member in members)


def _fields(rng: Random, key: MessageKey, asked: Sample) -> _Fields:
    is_absent = rng.random() < _ABSENT_SHARE
    if key == RQ:
        return _vehicle_fields(rng, asked, is_absent=is_absent)
    fields = _person_fields(rng, asked, is_absent=is_absent)
    if key == DQ and rng.random() < _IMAGE_SHARE:
        fields += (("IMQ", "Y"),)
    return fields


def _person_fields(rng: Random, asked: Sample, *, is_absent: bool) -> _Fields:
    person = pick(rng, asked.people)
    if rng.random() >= _BY_NAME_SHARE:
        # No shape in places.toml begins with NOPX, so this number is nobody's.
        return (("OLN", f"NOPX{int(rng.random() * 1e6):06d}" if is_absent else person.oln),)
    key = "NOBODYQUILL,PAX" if is_absent else name_key(f"{person.surname},{person.given}")
    return (
        ("NAM", f"{key} {latin(person.middle)}"),
        ("DOB", person.birth.strftime("%Y%m%d")),
        ("SEX", person.sex),
    )


def _vehicle_fields(rng: Random, asked: Sample, *, is_absent: bool) -> _Fields:
    vehicle = pick(rng, asked.vehicles)
    if not vehicle.plate or rng.random() < _BY_VIN_SHARE:
        # Serials below 1,000 are no vehicle's.
        unknown = make_vin(asked.member, 2015, int(rng.random() * 1000))
        return (("VIN", unknown if is_absent else vehicle.vin),)
    return (
        ("LIC", f"NOPX{int(rng.random() * 1e4):04d}" if is_absent else vehicle.plate),
        ("LIY", vehicle.plate_year),
        ("LIT", vehicle.plate_type),
    )


def _claims(rng: Random, agency: Agency) -> Claims:
    purpose = pick(rng, _purposes(agency))
    operator = f"OP{int(rng.random() * 900) + 100}"
    if purpose is Purpose.NOT_STATED:
        return NO_CLAIMS if rng.random() < 0.5 else Claims(operator=operator)
    return Claims(
        purpose=purpose,
        offence=_offence(rng, purpose),
        instrument=pick(rng, _instruments(agency, purpose)),
        case_number=f"P26-{int(rng.random() * 1e6):06d}",
        operator=operator,
        emergency=_emergency(rng, purpose),
    )


def _purposes(agency: Agency) -> tuple[Purpose, ...]:
    if agency.type is AgencyType.FE:
        if agency.family == "US/DHS/ICE/ERO":
            return _REMOVAL
        return _BORDER if agency.family.startswith("US/DHS/CBP/") else _FEDERAL
    return {AgencyType.JG: _COURT, AgencyType.NJ: _LICENSING}.get(agency.type, _LOCAL)


def _offence(rng: Random, purpose: Purpose) -> Offence:
    match purpose:
        case Purpose.CRIMINAL_INVESTIGATION:
            return pick(rng, _OFFENCES)
        case Purpose.TRAFFIC_SAFETY:
            return pick(rng, _TRAFFIC)
        case Purpose.CIVIL_IMMIGRATION:
            return Offence.IMMIGRATION_CIVIL
        case Purpose.MISSING_OR_ENDANGERED:
            return Offence.KIDNAPPING
        case _:
            return Offence.NOT_STATED


def _instruments(agency: Agency, purpose: Purpose) -> tuple[Instrument, ...]:
    match purpose:
        case Purpose.CIVIL_IMMIGRATION:
            return _REMOVAL_INSTRUMENTS
        case Purpose.CRIMINAL_INVESTIGATION | Purpose.COURT:
            return _FEDERAL_INSTRUMENTS if agency.type is AgencyType.FE else _INSTRUMENTS
        case _:
            return (Instrument.NOT_STATED,)


def _emergency(rng: Random, purpose: Purpose) -> Emergency:
    is_urgent = purpose is Purpose.MISSING_OR_ENDANGERED and rng.random() < 0.5
    return Emergency.DECLARED if is_urgent else Emergency.NONE
