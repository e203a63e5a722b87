"""Delays of a notice: bounded, renewed a counted number of times, and owed again at their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.vocabulary import Purpose
from comity.policy.clock import Clock, ClockUnit, StartEvent
from comity.policy.laws import LawMark
from comity.review.calendars import calendar_of
from comity.review.deadlines import REASON_CHARS_MAX, deadline_of
from comity.review.delays import (
    DELAY_DAYS_MAX,
    DELAY_RENEWALS_MAX,
    Delay,
    DelayError,
    DelayKind,
    DelayLimits,
    DelayLimitsError,
    NoticeState,
    Standing,
    add_delay,
    house_limits,
    lift_delay,
    parse_delay_limits,
    standing_of,
)

IL = calendar_of(Member("il"))
CLOCK = Clock(
    id="notify",
    starts=StartEvent.INSTRUMENT_RECEIVED,
    amount=3,
    unit=ClockUnit.BUSINESS_DAYS,
)
# Monday 5 January 2026, noon in Chicago; the notice is due on Thursday the 8th.
START = datetime(2026, 1, 5, 18, tzinfo=UTC)
FIRST = deadline_of(CLOCK, IL, START)
DAY = timedelta(days=1)
OWN = b"""mark = "V"
source = "the state's own rule"
[court_order]
days_max = 10
renewals_max = 0
[purpose]
days_max = 5
renewals_max = 1
purposes = ["missing_or_endangered"]
"""


def order(day: int, days: int = 10, **altered: Any) -> Delay:
    """A court's order of so many days from noon of a day of January 2026."""
    at = START + (day - 5) * DAY
    made = Delay(
        kind=DelayKind.COURT_ORDER,
        at=at,
        until=at.date() + (days - 1) * DAY,
        reason="an investigation would be harmed",
        authority="Circuit Court of Sangamon County, practice case 26-1",
    )
    return msgspec.structs.replace(made, **altered)


def by_purpose(day: int, days: int = 5, purpose: Purpose | None = None) -> Delay:
    """A delay for a person who is missing, or for another purpose."""
    wanted = purpose or Purpose.MISSING_OR_ENDANGERED
    return order(day, days, kind=DelayKind.PURPOSE, purpose=wanted)


def granted(delays: Sequence[Delay], limits: DelayLimits | None = None) -> tuple[Delay, ...]:
    """Delays granted one after the other."""
    made: tuple[Delay, ...] = ()
    for delay in delays:
        made = add_delay(limits or house_limits(), IL, made, delay)
    return made


def standing(day: int, *delays: Delay, hour: int = 0) -> Standing:
    """How the notice stands on a day of January 2026, so many hours from noon."""
    at = START + (day - 5) * DAY + timedelta(hours=hour)
    return standing_of(CLOCK, IL, FIRST, delays, at)


def test_a_notice_is_owed_and_then_overdue() -> None:
    """Without a delay, to the last second of its deadline and no longer."""
    assert standing(5).state is NoticeState.OWED
    assert standing(5).deadline == FIRST
    last = standing_of(CLOCK, IL, FIRST, (), FIRST.expires_at)
    assert (last.state, last.is_late) == (NoticeState.OWED, False)
    after = standing_of(CLOCK, IL, FIRST, (), FIRST.expires_at + timedelta(seconds=1))
    assert (after.state, after.is_late) == (NoticeState.OVERDUE, True)
    assert after.sentence == FIRST.sentence


def test_a_delay_ends_and_the_notice_is_owed_again() -> None:
    """Delayed to the last second of its last day; then the whole clock runs anew."""
    (delay,) = granted([order(6)])
    held = standing(10, delay)
    assert held.state is NoticeState.DELAYED
    assert held.delayed_until == datetime(2026, 1, 16, 5, 59, 59, tzinfo=UTC)
    assert held.sentence == (
        "delayed until Thu 15 Jan 2026, then owed again: 3 business days from Fri 16 Jan 2026,"
        " Martin Luther King Jr. Day and the weekend not counted: Thu 22 Jan 2026,"
        " end of the day in Chicago"
    )
    again = standing(16, delay)
    assert again.state is NoticeState.OWED
    assert again.delayed_until is None
    assert again.deadline == held.deadline
    assert standing(22, delay).state is NoticeState.OWED
    assert standing(23, delay).state is NoticeState.OVERDUE
    assert not held.is_late


def test_the_last_second_of_a_delay_counts() -> None:
    """At the end of its last day it stands; a second later the notice is owed."""
    delay = order(6)
    end = datetime(2026, 1, 16, 5, 59, 59, tzinfo=UTC)
    assert standing_of(CLOCK, IL, FIRST, [delay], end).state is NoticeState.DELAYED
    after = standing_of(CLOCK, IL, FIRST, [delay], end + timedelta(seconds=1))
    assert after.state is NoticeState.OWED


def test_what_is_not_granted_yet_delays_nothing() -> None:
    """A delay of tomorrow does not stand today."""
    assert standing(5, order(6)).state is NoticeState.OWED


def test_a_short_delay_never_shortens_the_clock() -> None:
    """One that ends before the deadline leaves at least what there was."""
    delay = order(5, 1)
    found = standing(7, delay)
    assert found.deadline.expires_at >= FIRST.expires_at
    # Granted and over before the notice was owed at all.
    long_ago = order(-20, 2)
    assert standing(6, long_ago).deadline == FIRST


def test_a_seal_after_the_deadline_heals_nothing() -> None:
    """The notice is sealed and owed again, but it was late and stays so."""
    delay = order(12)
    assert standing(13, delay).state is NoticeState.DELAYED
    assert standing(13, delay).is_late
    assert standing(22, delay).state is NoticeState.OWED
    assert standing(22, delay).is_late


def test_renewals_join_and_a_gap_does_not() -> None:
    """A renewal within the delay prolongs it; after a gap the clock ran, and may have run out."""
    joined = granted([order(6), order(12, 10)])
    assert standing(18, *joined).state is NoticeState.DELAYED
    assert not standing(18, *joined).is_late
    # The first ends on the 15th; the clock from it ends on the 22nd.
    gap = granted([order(6), order(20, 5)])
    assert not standing(21, *gap).is_late
    late = granted([order(6), order(24, 5)])
    assert standing(23, *late).state is NoticeState.OVERDUE
    assert standing(25, *late).is_late
    inside = granted([order(6, 20), order(8, 2)])
    assert standing(20, *inside).state is NoticeState.DELAYED


def test_a_renewal_at_the_very_next_second_leaves_no_gap() -> None:
    """The delay goes on as one."""
    first = order(6)
    after = order(16, 5, at=datetime(2026, 1, 16, 6, tzinfo=UTC))
    found = standing(17, first, after)
    assert found.state is NoticeState.DELAYED
    assert found.deadline == standing(17, order(6, 15)).deadline


def test_a_delay_may_be_lifted() -> None:
    """Then the notice is owed from that moment; what does not stand cannot be lifted."""
    (delay,) = granted([order(6)])
    noon = START + 5 * DAY
    lifted = lift_delay(IL, delay, noon)
    assert standing(9, lifted).state is NoticeState.DELAYED
    assert standing(11, lifted).state is NoticeState.OWED
    assert standing(11, lifted).deadline.last_day == date(2026, 1, 14)
    for at in (delay.at - timedelta(seconds=1), datetime(2026, 1, 16, 6, tzinfo=UTC)):
        with pytest.raises(DelayError, match="does not stand"):
            lift_delay(IL, delay, at)
    with pytest.raises(DelayError, match="does not stand"):
        lift_delay(IL, lifted, noon + DAY)


def test_renewals_are_counted() -> None:
    """A court's order may be renewed three times by the limits of the house, and no more."""
    four = [order(6, 5), order(10, 5), order(14, 5), order(18, 5)]
    assert len(granted(four)) == 4
    with pytest.raises(DelayError, match="renewed 3 times"):
        granted([*four, order(22, 5)])


def test_days_are_bounded_and_none_is_open() -> None:
    """The longest order is taken, one day more is not, nor one that ends before it begins."""
    limit = house_limits().court_order.days_max
    assert granted([order(6, limit)])
    for days in (limit + 1, 0, 100_000):
        with pytest.raises(DelayError, match="1 to 90 days"):
            granted([order(6, days)])


@pytest.mark.parametrize(
    "altered",
    [
        {"reason": ""},
        {"reason": " "},
        {"authority": ""},
        {"authority": "x" * (REASON_CHARS_MAX + 1)},
        {"reason": "a\u202eb"},
        {"purpose": Purpose.COURT},
        {"lifted_at": START + DAY},
    ],
)
def test_a_delay_says_why_and_by_whom(altered: dict[str, Any]) -> None:
    """Reason and authority are not left out, and a court's order claims no purpose."""
    with pytest.raises(DelayError):
        granted([order(6, **altered)])


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_moments_that_no_zone_can_tell_are_refused(at: str) -> None:
    """At both ends of the calendar a delay is refused, and so is its lifting."""
    moment = datetime.fromisoformat(at)
    with pytest.raises(DelayError, match="years"):
        granted([order(6, at=moment, until=moment.date())])
    with pytest.raises(DelayError, match="years"):
        lift_delay(IL, order(6), moment)


def test_delays_come_in_order() -> None:
    """One that claims to be older than the last is refused: it would hide a late notice."""
    with pytest.raises(DelayError, match="earlier"):
        granted([order(12), order(6)])


def test_no_purpose_delays_by_the_limits_of_the_house() -> None:
    """No law that was read lets one; a state names its own, and only those delay."""
    limits = house_limits()
    assert limits.mark is LawMark.UNCHECKED
    for purpose in Purpose:
        with pytest.raises(DelayError, match="`purpose`"):
            granted([by_purpose(6, purpose=purpose)])
    own = parse_delay_limits(OWN)
    assert len(granted([by_purpose(6), by_purpose(9)], own)) == 2
    with pytest.raises(DelayError, match="renewed 1 times"):
        granted([by_purpose(6), by_purpose(9), by_purpose(12)], own)
    # Each kind has renewals of its own.
    assert len(granted([by_purpose(6), order(7), by_purpose(9)], own)) == 3
    for wrong in (by_purpose(6, purpose=Purpose.COURT), order(6, 5, kind=DelayKind.PURPOSE)):
        with pytest.raises(DelayError, match="`purpose`"):
            granted([wrong], own)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"days_max = 10", b"days_max = 367"),
        (b"days_max = 10", b"days_max = 0"),
        (b"renewals_max = 0", b"renewals_max = 13"),
        (b"renewals_max = 0", b"renewals_max = -1"),
        (b"renewals_max = 0", b'renewals_max = 0\npurposes = ["court"]'),
        (b'"missing_or_endangered"', b'"not_stated"'),
        (b'"missing_or_endangered"', b'"court", "court"'),
        (b'"missing_or_endangered"', b'"any"'),
        (b'"the state\'s own rule"', b'""'),
        (b'mark = "V"', b""),
        (b"days_max = 10", b"days_max = 10\nfor_ever = true"),
    ],
)
def test_a_faulty_file_of_limits_is_refused(old: bytes, new: bytes) -> None:
    """Nothing of it is taken where one value is beyond its range."""
    assert old in OWN
    with pytest.raises(DelayLimitsError):
        parse_delay_limits(OWN.replace(old, new))


def test_limits_of_limits_are_taken() -> None:
    """The longest delay and most renewals that a state may set."""
    text = OWN.replace(b"days_max = 10", b"days_max = %d" % DELAY_DAYS_MAX)
    text = text.replace(b"renewals_max = 0", b"renewals_max = %d" % DELAY_RENEWALS_MAX)
    limits = parse_delay_limits(text)
    assert limits.court_order.days_max == DELAY_DAYS_MAX
    assert len(granted([order(6, 1)] * (DELAY_RENEWALS_MAX + 1), limits)) == 13
    assert granted([order(6, DELAY_DAYS_MAX)], limits)
