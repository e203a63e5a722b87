"""Clocks, over every start, calendar and event: none ends early, splitting gains nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import Member
from comity.policy.clock import Clock, ClockUnit, ClosedDay, StartEvent
from comity.review.calendars import (
    Calendar,
    Weekday,
    add_business_days,
    calendar_of,
    is_business_day,
    parse_calendar,
)
from comity.review.deadlines import Extension, Pause, deadline_of, end_of_day, local_date
from comity.review.delays import Delay, DelayKind, NoticeState, standing_of

DAY = timedelta(days=1)
OWN = b"""mark = "S"
source = "made up"
extends = "us"
weekend = ["friday", "sunday"]
removes = ["Columbus Day"]
[[holidays]]
rule = "fixed"
name = "Leap day"
month = 2
day = 29
observed = "nearest"
"""
CALENDARS = [
    *map(calendar_of, map(Member, ("il", "ny", "ak", "az", "hi", "gu"))),
    parse_calendar(Member("or"), OWN),
    parse_calendar(Member("or"), b'mark = "S"\nsource = "made up"\nweekend = []\n'),
]
calendars = st.sampled_from(CALENDARS)
moments = st.integers(int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()), 2_000_000_000)
starts = moments.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
units = st.sampled_from(ClockUnit)
amounts = st.integers(1, 40)


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """A clock of any unit, with room for pauses and extensions."""
    unit = draw(units)
    closed = [ClosedDay.STANDS] if unit is ClockUnit.HOURS else list(ClosedDay)
    return Clock(
        id="any",
        starts=StartEvent.REQUEST_RECEIVED,
        amount=draw(amounts),
        unit=unit,
        closed_day=draw(st.sampled_from(closed)),
        pause_days_max=60,
        extend_max=60,
    )


@st.composite
def pauses_after(draw: st.DrawFn, first: date) -> tuple[Pause, ...]:
    """Up to four pauses from a day on, which may lie over each other."""
    made = []
    for _ in range(draw(st.integers(0, 4))):
        since = first + draw(st.integers(0, 60)) * DAY
        made.append(Pause(since=since, until=since + draw(st.integers(0, 9)) * DAY, reason="any"))
    return tuple(made)


@given(calendars, clocks(), starts, st.timedeltas(timedelta(), timedelta(days=9)), st.data())
def test_a_later_start_never_ends_earlier(
    calendar: Calendar, clock: Clock, start: datetime, later: timedelta, data: st.DataObject
) -> None:
    """Deadlines keep the order of their starts, whatever is paused."""
    pauses = data.draw(pauses_after(local_date(calendar, start + later)))
    first = deadline_of(clock, calendar, start, pauses=pauses)
    second = deadline_of(clock, calendar, start + later, pauses=pauses)
    assert first.expires_at <= second.expires_at
    assert start <= first.expires_at + timedelta(seconds=1)


@given(calendars, clocks(), starts, st.data())
def test_it_ends_on_a_day_on_which_it_may_end(
    calendar: Calendar, clock: Clock, start: datetime, data: st.DataObject
) -> None:
    """Business days, and clocks that move on, end on an open day; days end with a local day."""
    pauses = data.draw(pauses_after(local_date(calendar, start)))
    found = deadline_of(clock, calendar, start, pauses=pauses)
    moves = clock.closed_day is ClosedDay.NEXT_BUSINESS_DAY
    if moves or clock.unit is ClockUnit.BUSINESS_DAYS:
        assert is_business_day(calendar, found.last_day)
        assert not any(pause.since <= found.last_day <= pause.until for pause in pauses)
    if clock.unit is not ClockUnit.HOURS:
        assert found.expires_at == end_of_day(calendar, found.last_day)
        assert local_date(calendar, found.expires_at + timedelta(seconds=1)) > found.last_day
    assert local_date(calendar, found.expires_at) == found.last_day


@given(calendars, amounts, starts, st.integers(1, 20), st.integers(1, 60))
def test_a_pause_shifts_by_what_it_covers(
    calendar: Calendar, amount: int, start: datetime, after: int, length: int
) -> None:
    """By its days where calendar days count, by its business days where those do."""
    first = local_date(calendar, start)
    since = first + min(after, amount) * DAY
    pause = Pause(since=since, until=since + (length - 1) * DAY, reason="any")
    for unit in (ClockUnit.CALENDAR_DAYS, ClockUnit.BUSINESS_DAYS):
        clock = Clock(
            id="any",
            starts=StartEvent.REQUEST_RECEIVED,
            amount=amount,
            unit=unit,
            pause_days_max=60,
        )
        plain = deadline_of(clock, calendar, start)
        moved = deadline_of(clock, calendar, start, pauses=[pause])
        if unit is ClockUnit.CALENDAR_DAYS:
            assert moved.last_day == plain.last_day + length * DAY
            continue
        covered = sum(is_business_day(calendar, since + n * DAY) for n in range(length))
        assert moved.last_day == add_business_days(calendar, plain.last_day, covered)


@given(calendars, starts, st.integers(1, 500), st.integers(1, 20))
def test_a_pause_shifts_hours_by_its_own(
    calendar: Calendar, start: datetime, amount: int, length: int
) -> None:
    """By as many hours as its days have, which is not always 24 a day."""
    clock = Clock(
        id="any",
        starts=StartEvent.REQUEST_RECEIVED,
        amount=amount + 24,
        unit=ClockUnit.HOURS,
        pause_days_max=60,
    )
    since = local_date(calendar, start) + DAY
    until = since + (length - 1) * DAY
    plain = deadline_of(clock, calendar, start)
    paused = Pause(since=since, until=until, reason="any")
    moved = deadline_of(clock, calendar, start, pauses=[paused])
    hours = end_of_day(calendar, until) - end_of_day(calendar, since - DAY)
    assert moved.expires_at - plain.expires_at == hours


@given(calendars, clocks(), starts, st.integers(1, 30), st.integers(1, 30))
def test_extensions_add_up(
    calendar: Calendar, clock: Clock, start: datetime, one: int, other: int
) -> None:
    """Two at once are one of both, and never less than none; each order gives the same."""
    given_at = start + timedelta(seconds=1)
    parts = [Extension(at=given_at, amount=each, reason="any") for each in (one, other)]
    whole = [Extension(at=given_at, amount=one + other, reason="any")]
    plain = deadline_of(clock, calendar, start)
    split = deadline_of(clock, calendar, start, extensions=parts)
    assert split == deadline_of(clock, calendar, start, extensions=whole)
    assert split == deadline_of(clock, calendar, start, extensions=parts[::-1])
    assert split.expires_at >= plain.expires_at


@given(
    calendars, st.dates(date(1990, 1, 1), date(2500, 1, 1)), st.integers(0, 60), st.integers(0, 60)
)
def test_business_days_add_up(calendar: Calendar, day: date, one: int, other: int) -> None:
    """So many and so many more are both together; each is open, and as many lie between."""
    once = add_business_days(calendar, day, one)
    both = add_business_days(calendar, once, other)
    assert both == add_business_days(calendar, day, one + other)
    between = [day + n * DAY for n in range(1, (both - day).days + 1)]
    assert sum(is_business_day(calendar, each) for each in between) == one + other


@given(calendars, clocks(), starts, st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9))))
def test_a_delay_ends_and_never_hurries(
    calendar: Calendar, clock: Clock, start: datetime, spans: list[tuple[int, int]]
) -> None:
    """Whatever was granted, the notice is owed in the end, not before the clock has run anew."""
    delays = [
        Delay(
            kind=DelayKind.COURT_ORDER,
            at=start + hours * 13 * timedelta(hours=1),
            until=local_date(calendar, start + hours * 13 * timedelta(hours=1)) + days * DAY,
            reason="any",
            authority="any",
        )
        for hours, days in spans
    ]
    first = deadline_of(clock, calendar, start)
    ends = [end_of_day(calendar, delay.until) + timedelta(seconds=1) for delay in delays]
    last = max(ends, default=start)
    found = standing_of(clock, calendar, first, delays, last)
    assert found.state is not NoticeState.DELAYED
    assert found.deadline.expires_at >= first.expires_at
    if delays:
        assert found.deadline == max(
            deadline_of(clock, calendar, last), first, key=lambda each: each.expires_at
        )
    held = standing_of(clock, calendar, first, delays, last - timedelta(seconds=1))
    assert (held.state is NoticeState.DELAYED) is bool(delays)


def test_the_calendars_differ() -> None:
    """The properties are tried on weekends and zones that are not alike."""
    assert len({calendar.zone for calendar in CALENDARS}) >= 6
    assert {calendar.weekend for calendar in CALENDARS} >= {(), (Weekday.FRIDAY, Weekday.SUNDAY)}
