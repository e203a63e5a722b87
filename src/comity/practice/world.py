"""The practice world: everything that a demo, a bench or a test loads, from one seed.

Guarantee: two worlds of the same seed, size and day are equal byte for byte; a larger one begins
with the smaller one's people; agencies and anchors are the same in all.
Source: docs/explain/practice-world.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from comity.domain.agency import Agency, CertifiedUntil
from comity.domain.errors import ComityError
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.domain.query import Query
from comity.practice.agencies import agencies_of, certifications_of, duty_contact_of
from comity.practice.chance import stream
from comity.practice.drivers import DriverRow, driver_rows
from comity.practice.people import Person, people_of
from comity.practice.tables import anchor_rows
from comity.practice.traffic import Sample, callers, traffic
from comity.practice.vehicles import VehicleRow, vehicle_rows

__all__ = [
    "PEOPLE_PER_STATE_MAX",
    "PEOPLE_PER_STATE_MIN",
    "PRACTICE_DAY",
    "Anchor",
    "PracticeWorld",
    "PracticeWorldError",
]

PEOPLE_PER_STATE_MIN: Final = 2
"""The anchors of a state stand in every world."""

PEOPLE_PER_STATE_MAX: Final = 50_000
"""What the smallest plate shape and the serials in a VIN leave room for."""

PRACTICE_DAY: Final = date(2026, 11, 24)
"""The day on which a world stands unless its maker says another."""

_SAMPLE_PEOPLE: Final = 400


class PracticeWorldError(ComityError):
    """A practice world of this size, or this anchor, does not exist."""

    code = "practice-world"


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A person and a vehicle that stand in every practice world, by all that a query names.

    `nam` has the form of a query's name field.
    """

    role: str
    person: Person
    driver: DriverRow
    vehicle: VehicleRow

    @property
    def nam(self) -> str:
        """The name as a text line carries it: `LAST,FIRST MIDDLE` in A-Z."""
        return f"{self.driver.name_key} {self.person.middle.upper()}"


class PracticeWorld:
    """All 54 jurisdictions and the operator member, in memory only as far as they are asked for."""

    def __init__(
        self, seed: int, people_per_state: int = 2_000, today: date = PRACTICE_DAY
    ) -> None:
        """Choose a world. Raises: PracticeWorldError if it would not fit its numbers."""
        if not PEOPLE_PER_STATE_MIN <= people_per_state <= PEOPLE_PER_STATE_MAX:
            limits = f"{PEOPLE_PER_STATE_MIN} to {PEOPLE_PER_STATE_MAX}"
            raise PracticeWorldError(f"`people_per_state` is not {limits}")
        self.seed = seed
        self.people_per_state = people_per_state
        self.today = today

    def members(self) -> tuple[Member, ...]:
        """Return the 54 jurisdictions and the operator member, the latter last."""
        return (*self.states(), OPERATOR_MEMBER)

    def states(self) -> tuple[Member, ...]:
        """Return the 54 jurisdictions: the members with records."""
        return tuple(member for member in MEMBERS if member != OPERATOR_MEMBER)

    def agencies(self, member: Member) -> tuple[Agency, ...]:
        """Return what a member lists in its part of the directory."""
        return agencies_of(member)

    def certifications(self, member: Member) -> tuple[CertifiedUntil, ...]:
        """Return which agencies are certified to a member, and until when."""
        return certifications_of(member, self.today)

    def duty_contact(self, member: Member) -> str:
        """Return whom a requester calls about a hold."""
        return duty_contact_of(member)

    def people(self, member: Member) -> tuple[Person, ...]:
        """Return the people of one of `states()`, who are the same however often asked for."""
        assert member != OPERATOR_MEMBER  # has agencies, no records
        return _people(self.seed, member, self.people_per_state, self.today)

    def drivers(self, member: Member) -> Iterator[DriverRow]:
        """Yield the driver records of one of `states()`, one a person."""
        return driver_rows(self.seed, member, self.people(member), self.today)

    def vehicles(self, member: Member) -> Iterator[VehicleRow]:
        """Yield the registrations and titles of one of `states()`."""
        return vehicle_rows(self.seed, member, self.people(member), self.today)

    def anchor(self, member: Member | str, role: str = "resident") -> Anchor:
        """Return one of the people who stand in every world. Raises: PracticeWorldError."""
        for anchor in self.anchors(Member(member)):
            if anchor.role == role:
                return anchor
        raise PracticeWorldError("`anchor` is not in this practice world")

    def anchors(self, member: Member) -> tuple[Anchor, ...]:
        """Return all of a jurisdiction's anchors; most have none."""
        count = len(anchor_rows().get(member, ()))
        if not count:
            return ()
        people = tuple(people_of(self.seed, member, count, self.today))
        drivers = driver_rows(self.seed, member, people, self.today)
        vehicles = vehicle_rows(self.seed, member, people, self.today)
        return tuple(
            Anchor(role=person.anchor, person=person, driver=driver, vehicle=vehicle)
            for person, driver, vehicle in zip(people, drivers, vehicles, strict=True)
        )

    def queries(self, seed: int, count: int) -> Iterator[Query]:
        """Yield practice traffic about this world's records; its own seed, so that runs differ."""
        federal = tuple(agency for agency in self.agencies(OPERATOR_MEMBER) if agency.active)
        return traffic(stream(seed, "traffic"), self._samples(), federal, count)

    def _samples(self) -> list[Sample]:
        return [self._sample(member) for member in self.states()]

    def _sample(self, member: Member) -> Sample:
        """Return a jurisdiction's first people and vehicles, enough for traffic to look varied."""
        count = min(_SAMPLE_PEOPLE, self.people_per_state)
        people = tuple(people_of(self.seed, member, count, self.today))
        return Sample(
            member=member,
            callers=callers(self.agencies(member)),
            people=people,
            vehicles=tuple(vehicle_rows(self.seed, member, people, self.today)),
        )


@lru_cache(maxsize=2)
def _people(seed: int, member: Member, count: int, today: date) -> tuple[Person, ...]:
    """Keep the people between a jurisdiction's drivers and its vehicles, and no longer."""
    return tuple(people_of(seed, member, count, today))
