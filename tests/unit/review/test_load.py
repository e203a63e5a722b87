"""How far a desk gets: in staffed time, in the order of the queue, and only where it is known."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.review.calendars import calendar_of
from comity.review.load import STAFFED_PACE_SECONDS_MIN, Load, Pace, load_of, pace_of
from comity.review.past import Became
from comity.review.past_figures import FEW, DecidedBy
from comity.review.rosters import Roster, Span, practice_roster, staffed_seconds
from tests.support.gateway import WA
from tests.support.rosters import never_closed

HOUR = 3_600
DAY = 86_400
MONDAY_8 = 1_796_054_400
"""Monday, 30 November 2026, 08:00 in Washington."""
ALWAYS = never_closed(WA)
OFFICE: Roster = msgspec.structs.replace(
    practice_roster(calendar_of(WA)), hours=((Span(first=480, last=1_020),),) * 5 + ((), ())
)
"""Weekdays, 08:00 to 17:00."""
TEN_AN_HOUR = Pace(decisions=10, seconds=HOUR, reviewers=2)


def decided(count: int, first: int, last: int, reviewers: int = 2) -> list[DecidedBy]:
    """So many decisions, evenly from one moment to another."""
    step = (last - first) // max(1, count - 1)
    return [
        DecidedBy(reviewer=f"r{n % reviewers}", became=Became.RELEASED, seconds=60,
                  at=first + n * step)
        for n in range(count)
    ]  # fmt: skip


def told(
    ends: Sequence[int], roster: Roster = ALWAYS, now: int = MONDAY_8
) -> tuple[int | None, int]:
    """When the last is looked at, from `now` on, and how many end before; ends are from then on."""
    found = load_of([now + each for each in ends], TEN_AN_HOUR, roster, now)
    return None if found.last_at is None else found.last_at - now, found.ends_before


def test_a_pace_counts_staffed_time_alone() -> None:
    """From Friday's last hour to Monday's first: two hours, whatever lies between."""
    now = MONDAY_8 + HOUR
    friday = MONDAY_8 - 3 * DAY + 8 * HOUR
    assert pace_of(decided(20, friday, now), OFFICE, now) == Pace(
        decisions=20, seconds=2 * HOUR, reviewers=2
    )
    assert TEN_AN_HOUR.per_hour == 10.0


@pytest.mark.parametrize(
    ("count", "seconds", "is_told"),
    [
        (FEW, STAFFED_PACE_SECONDS_MIN, True),
        (FEW - 1, STAFFED_PACE_SECONDS_MIN, False),
        (FEW, STAFFED_PACE_SECONDS_MIN - FEW, False),
        (0, 0, False),
    ],
)
def test_too_little_says_nothing(count: int, seconds: int, is_told: bool) -> None:
    """Ten decisions and one staffed hour are enough, one less of either is not."""
    now = MONDAY_8 + 5 * HOUR
    found = pace_of(decided(count, now - seconds, now - 1), ALWAYS, now)
    assert (found is not None) is is_told


def test_old_decisions_and_later_ones_say_nothing() -> None:
    """Beyond a month staffed time is not looked for; a clock that was set back tells no pace."""
    now = MONDAY_8
    assert pace_of(decided(20, now - 40 * DAY, now - 32 * DAY), ALWAYS, now) is None
    assert pace_of(decided(20, now + HOUR, now + 3 * HOUR), ALWAYS, now) is None


def test_each_takes_its_turn() -> None:
    """Ten an hour: six minutes each; what ends before its turn takes none."""
    assert told([360, 720]) == (720, 0)
    assert told([359]) == (None, 1)
    assert told([360, 361, 720]) == (720, 1)
    assert told([DAY] * 20) == (2 * HOUR, 0)
    assert told([]) == (None, 0)


def test_a_desk_that_closes_goes_on_when_it_opens() -> None:
    """Turns stand still over a night and a weekend."""
    evening = MONDAY_8 + 9 * HOUR - 360
    assert told([DAY, DAY], OFFICE, evening) == (360 + 15 * HOUR + 360, 0)
    friday = MONDAY_8 + 4 * DAY + 10 * HOUR
    assert told([3 * DAY], OFFICE, friday) == (2 * DAY + 14 * HOUR + 360, 0)
    assert told([2 * DAY], OFFICE, friday) == (None, 1)


def test_a_desk_that_never_opens_reaches_nothing() -> None:
    """All that waits ends before."""
    closed = msgspec.structs.replace(OFFICE, hours=((),) * 7)
    assert told([DAY, 40 * DAY], closed) == (None, 2)


@given(
    st.lists(st.integers(0, 20 * DAY), max_size=30).map(sorted),
    st.integers(1, 50),
    st.integers(0, 7 * DAY),
)
def test_it_is_what_a_naive_desk_does(ends: list[int], decisions: int, later: int) -> None:
    """The last turn needs exactly so much staffed time; whatever was not reached ended before."""
    now = MONDAY_8 + later
    pace = Pace(decisions=decisions, seconds=HOUR, reviewers=1)
    found = load_of([now + end for end in ends], pace, OFFICE, now)
    taken = 0
    for end in ends:
        needed = -(-(taken + 1) * HOUR // decisions)
        taken += staffed_seconds(OFFICE, now, now + end) >= needed
    assert found.ends_before == len(ends) - taken
    if found.last_at is None:
        assert taken == 0
    else:
        needed = -(-taken * HOUR // decisions)
        assert staffed_seconds(OFFICE, now, found.last_at) == needed
    assert isinstance(found, Load)
