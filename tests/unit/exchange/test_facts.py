"""The facts that rules see: from message and directory, and nothing filled in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.directory.directory import EMPTY_DIRECTORY, Directory
from comity.domain.agency import Agency, CertifiedUntil, Family
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS
from comity.domain.vocabulary import (
    AgencyType,
    BudgetState,
    Certification,
    Direction,
    Emergency,
    Instrument,
    Offence,
    Purpose,
    TimeBand,
)
from comity.exchange.facts import facts_of, local_day, time_band
from tests.support.directory import make_part
from tests.support.exchange import NOW, exchange_of

EXCHANGE = exchange_of()
DAY, NIGHT, WEEKEND = TimeBand.WEEKDAY_DAY, TimeBand.WEEKDAY_NIGHT, TimeBand.WEEKEND


def directory() -> Directory:
    agency = Agency(
        ori=ORI("ORPX00001"), name="Practice Police", family=Family("OR/LOCAL"), type=AgencyType.SA
    )
    until = CertifiedUntil(agency=ORI("ORPX00001"), until=NOW + 1)
    return Directory.of(
        [
            make_part(Member("or"), agency),
            make_part(Member("wa"), certifications=(until,)),
        ]
    )


def test_facts_are_those_of_message_and_directory() -> None:
    """Claims come from the message, type and certification from the directory."""
    facts = facts_of(EXCHANGE, directory(), NOW)
    assert (facts.agency, facts.agency_type) == ("ORPX00001", AgencyType.SA)
    assert facts.certification is Certification.VALID
    assert facts_of(EXCHANGE, directory(), NOW + 1).certification is Certification.EXPIRED
    assert (facts.purpose, facts.offence) == (Purpose.CRIMINAL_INVESTIGATION, Offence.WEAPONS)
    assert (facts.key, facts.fan_out) == (EXCHANGE.key, EXCHANGE.fan_out)


def test_direction_is_outbound_only_for_a_query_that_leaves_its_state() -> None:
    """Oregon decides whether its own agency may ask a federal system, which it does not answer."""
    assert facts_of(EXCHANGE, directory(), NOW).direction is Direction.INBOUND
    leaving = msgspec.structs.replace(EXCHANGE, state=Member("or"), key=MessageKey("IAQ"))
    assert facts_of(leaving, directory(), NOW).direction is Direction.OUTBOUND


def test_budget_is_what_was_counted() -> None:
    """The count of the day is made by whoever asks for the facts."""
    assert facts_of(EXCHANGE, directory(), NOW).budget is BudgetState.WITHIN
    assert facts_of(EXCHANGE, directory(), NOW, BudgetState.OVER).budget is BudgetState.OVER


def test_unlisted_agency_has_no_type_and_no_certification() -> None:
    """Nothing is known of an agency that no member lists."""
    facts = facts_of(EXCHANGE, EMPTY_DIRECTORY, NOW)
    assert facts.agency_type is AgencyType.OTHER
    assert facts.certification is Certification.NONE


def test_what_is_not_said_stays_unsaid() -> None:
    """A listed agency's query that says nothing has no purpose, offence or instrument."""
    silent = msgspec.structs.replace(EXCHANGE, claims=NO_CLAIMS)
    facts = facts_of(silent, directory(), NOW)
    assert facts.purpose is Purpose.NOT_STATED
    assert facts.offence is Offence.NOT_STATED
    assert facts.instrument is Instrument.NOT_STATED
    assert facts.emergency is Emergency.NONE


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-23 07:59:59", NIGHT),
        ("2026-11-23 08:00:00", DAY),
        ("2026-11-23 17:59:59", DAY),
        ("2026-11-23 18:00:00", NIGHT),
        ("2026-11-27 23:59:59", NIGHT),
        ("2026-11-28 00:00:00", WEEKEND),
        ("2026-11-29 23:59:59", WEEKEND),
        ("2026-11-30 00:00:00", NIGHT),
    ],
)
@pytest.mark.parametrize(
    ("state", "zone"), [("wa", "America/Los_Angeles"), ("ny", "America/New_York")]
)
def test_time_band_is_that_of_the_state(
    when: str, expected: TimeBand, state: str, zone: str
) -> None:
    """Day, night and weekend are counted in the answering state's own zone."""
    at = datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(zone))
    assert time_band(Member(state), int(at.timestamp())) is expected


@pytest.mark.parametrize(
    ("state", "at", "day"),
    [
        ("wa", datetime(2026, 11, 24, 7, 59, 59, tzinfo=UTC), date(2026, 11, 23)),
        ("wa", datetime(2026, 11, 24, 8, tzinfo=UTC), date(2026, 11, 24)),
        ("me", datetime(2026, 11, 24, 4, 59, 59, tzinfo=UTC), date(2026, 11, 23)),
        ("me", datetime(2026, 11, 24, 5, tzinfo=UTC), date(2026, 11, 24)),
        ("gu", datetime(2026, 11, 24, 14, tzinfo=UTC), date(2026, 11, 25)),
        ("hi", datetime(2026, 11, 24, 9, 59, tzinfo=UTC), date(2026, 11, 23)),
        ("wa", datetime(2026, 7, 4, 7, tzinfo=UTC), date(2026, 7, 4)),
    ],
)
def test_the_day_is_that_of_the_state(state: str, at: datetime, day: date) -> None:
    """A day begins at midnight where the state is, in summer an hour earlier by UTC."""
    found = local_day(Member(state), int(at.timestamp()))
    assert found == (day - date(1970, 1, 1)).days
