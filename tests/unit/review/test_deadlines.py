"""When clocks end, against a second count that knows nothing of the first.

That count walks hour by hour in UTC, with hours of daylight time and closed dates written out by
hand: no calendar, no rule, no time zone of Comity's takes part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.times import TIME_MAX
from comity.policy.clock import Clock, ClockUnit, ClosedDay, StartEvent, english_of_clock
from comity.policy.laws import Law, LawClause, LawMark, law_states, laws_of
from comity.review.calendars import calendar_of, parse_calendar
from comity.review.deadlines import (
    CLOCK_EVENTS_MAX,
    REASON_CHARS_MAX,
    ClockEventError,
    ClockRangeError,
    Deadline,
    Extension,
    Pause,
    deadline_of,
)

IL, NY = Member("il"), Member("ny")
CALENDARS = {state: calendar_of(state) for state in (IL, NY)}
HOUR = timedelta(hours=1)
# In UTC, by hand: when daylight time begins and ends in Chicago; New York is an hour earlier.
DAYLIGHT = [
    (datetime(2025, 3, 9, 8, tzinfo=UTC), datetime(2025, 11, 2, 7, tzinfo=UTC)),
    (datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)),
    (datetime(2027, 3, 14, 8, tzinfo=UTC), datetime(2027, 11, 7, 7, tzinfo=UTC)),
]
CLOSED = {
    date(year, int(text[:2]), int(text[2:]))
    for year, texts in {
        2025: ["0101", "0120", "0217", "0526", "0619", "0704", "0901", "1013", "1111", "1127",
               "1225"],
        2026: ["0101", "0119", "0216", "0525", "0619", "0703", "0907", "1012", "1111", "1126",
               "1225"],
        2027: ["0101", "0118", "0215", "0531", "0618", "0705", "0906", "1011", "1111", "1125",
               "1224", "1231"],
    }.items()
    for text in texts
}  # fmt: skip
STATUTES = {
    (state, clause.clock.id): (law, clause, clause.clock)
    for state in law_states()
    for law, clause in laws_of(state).clauses()
    if clause.clock is not None
}


def statute(state: Member) -> Clock:
    """The shipped clock of a state's notice to the resident."""
    return STATUTES[state, "notify-resident"][2]


def clock(unit: ClockUnit, amount: int = 3, **altered: object) -> Clock:
    """A clock with room for pauses and extensions."""
    made = Clock(
        id="test",
        starts=StartEvent.REQUEST_RECEIVED,
        amount=amount,
        unit=unit,
        pause_days_max=30,
        extend_max=10,
    )
    return msgspec.structs.replace(made, **altered)


def local_by_hand(state: Member, at: datetime) -> datetime:
    """The wall clock of a state at a moment of UTC, as if it were UTC."""
    base = -6 if state == IL else -5
    east = timedelta() if state == IL else HOUR
    is_daylight = any(since - east <= at < until - east for since, until in DAYLIGHT)
    return at + (base + is_daylight) * HOUR


def slow_deadline(state: Member, start: datetime, count: int, *, business: bool) -> datetime:
    """Walk hours until the day after the last one that counts begins; a second before it."""
    at = start.replace(minute=0, second=0)
    day = local_by_hand(state, start).date()
    seen = 0
    while True:
        at += HOUR
        now = local_by_hand(state, at).date()
        if now == day:
            continue
        if seen == count:
            return at - timedelta(seconds=1)
        day = now
        is_closed = now in CLOSED or now.strftime("%w") in "06"
        seen += not (business and is_closed)


@pytest.mark.parametrize("state", [IL, NY])
def test_statutes_end_when_a_slow_count_ends(state: Member) -> None:
    """Both statutes, from every day of 2025 to 2027, at an hour and minute that vary."""
    counted = statute(state)
    business = counted.unit is ClockUnit.BUSINESS_DAYS
    for n in range(1_095):
        start = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(
            days=n, hours=n * 7 % 24, minutes=n * 13 % 60
        )
        slow = slow_deadline(state, start, counted.amount, business=business)
        found = deadline_of(counted, CALENDARS[state], start)
        assert found.expires_at == slow, (start, found.sentence)
        assert found.last_day == local_by_hand(state, slow).date()


@pytest.mark.parametrize("amount", [1, 2, 5, 10, 30])
def test_other_amounts_end_when_a_slow_count_ends(amount: int) -> None:
    """Longer and shorter clocks of both kinds of day, from every fifth day."""
    for unit in (ClockUnit.BUSINESS_DAYS, ClockUnit.CALENDAR_DAYS):
        for n in range(0, 1_040, 5):
            start = datetime(2025, 1, 1, 5, tzinfo=UTC) + timedelta(days=n, minutes=n)
            business = unit is ClockUnit.BUSINESS_DAYS
            slow = slow_deadline(NY, start, amount, business=business)
            found = deadline_of(clock(unit, amount), CALENDARS[NY], start)
            assert found.expires_at == slow, (start, found.sentence)


def test_shipped_clocks_say_what_their_duty_says() -> None:
    """The clock of a clause counts what its duty says in words, and stands on a marked text."""
    assert set(STATUTES) == {(IL, "notify-resident"), (NY, "notify-resident")}
    units = {ClockUnit.CALENDAR_DAYS: "days", ClockUnit.BUSINESS_DAYS: "business days"}
    for law, clause, counted in STATUTES.values():
        assert isinstance(law, Law)
        assert isinstance(clause, LawClause)
        assert clause.duty is not None
        assert (clause.duty.within, clause.duty.unit) == (counted.amount, units[counted.unit])
        assert clause.mark in {LawMark.READ, LawMark.SECONDARY}
        assert counted.pause_days_max == counted.extend_max == 0
        assert counted.closed_day is ClosedDay.STANDS
    assert statute(IL).starts is StartEvent.INSTRUMENT_RECEIVED
    assert statute(NY).starts is StartEvent.REQUEST_RECEIVED
    assert english_of_clock(statute(IL)) == (
        "3 business days from when the order, warrant or subpoena was received"
    )
    moves = clock(ClockUnit.CALENDAR_DAYS, 1, closed_day=ClosedDay.NEXT_BUSINESS_DAY)
    assert english_of_clock(moves) == (
        "1 calendar day from when the request was received; from a closed last day on to the next"
        " business day"
    )


def told(
    counted: Clock,
    state: Member,
    *start: int,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Extension] = (),
) -> str:
    """The sentence of a deadline that starts at an hour of UTC."""
    year, month, day, hour = start
    at = datetime(year, month, day, hour, tzinfo=UTC)
    return deadline_of(counted, CALENDARS[state], at, pauses=pauses, extensions=extensions).sentence


def test_a_deadline_says_how_it_was_counted() -> None:
    """What was not counted is named, and the city whose day ends."""
    assert told(statute(IL), IL, 2025, 11, 26, 18) == (
        "3 business days from Wed 26 Nov 2025, Thanksgiving Day and the weekend not counted:"
        " Tue 2 Dec 2025, end of the day in Chicago"
    )
    assert told(statute(NY), NY, 2024, 2, 27, 18) == (
        "3 calendar days from Tue 27 Feb 2024: Fri 1 Mar 2024, end of the day in New York"
    )
    assert told(clock(ClockUnit.BUSINESS_DAYS, 10), IL, 2027, 12, 20, 18) == (
        "10 business days from Mon 20 Dec 2027, Christmas Day, New Year's Day and 2 weekends not"
        " counted: Wed 5 Jan 2028, end of the day in Chicago"
    )
    assert "6 holidays and 31 weekends" in told(
        clock(ClockUnit.BUSINESS_DAYS, 150), IL, 2026, 4, 20, 18
    )
    moves = clock(ClockUnit.CALENDAR_DAYS, 1, closed_day=ClosedDay.NEXT_BUSINESS_DAY)
    assert told(moves, IL, 2025, 11, 28, 18) == (
        "1 calendar day from Fri 28 Nov 2025: Sat 29 Nov 2025 is closed, so Mon 1 Dec 2025,"
        " end of the day in Chicago"
    )
    assert told(clock(ClockUnit.HOURS, 24), IL, 2026, 3, 7, 18) == (
        "24 hours from Sat 7 Mar 2026, 12:00 CST: Sun 8 Mar 2026, 13:00 CDT in Chicago"
    )


def test_a_sentence_tells_pauses_and_extensions() -> None:
    """How many days were paused, and what the amount was before it was extended."""
    start = (2026, 11, 30, 18)
    pauses = (Pause(since=date(2026, 12, 1), until=date(2026, 12, 2), reason="office flooded"),)
    further = (Extension(at=datetime(2026, 12, 4, tzinfo=UTC), amount=2, reason="many records"),)
    assert told(clock(ClockUnit.BUSINESS_DAYS), IL, *start, pauses=pauses, extensions=further) == (
        "5 business days (3, extended by 2) from Mon 30 Nov 2026, the weekend and 2 paused days"
        " not counted: Wed 9 Dec 2026, end of the day in Chicago"
    )
    one = (Pause(since=date(2026, 12, 1), until=date(2026, 12, 1), reason="office flooded"),)
    assert "1 paused day not" in told(clock(ClockUnit.BUSINESS_DAYS), IL, *start, pauses=one)


def test_the_caveat_of_the_calendar_stands_beside_it() -> None:
    """What counts by holidays that no state confirmed says so; by a state's own list, nothing."""
    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert "Illinois has not confirmed (K)" in deadline_of(statute(IL), CALENDARS[IL], start).caveat
    assert deadline_of(statute(NY), CALENDARS[NY], start).caveat == ""
    moves = clock(ClockUnit.CALENDAR_DAYS, closed_day=ClosedDay.NEXT_BUSINESS_DAY)
    assert "has not confirmed (K)" in deadline_of(moves, CALENDARS[NY], start).caveat
    own = parse_calendar(IL, b'mark = "V"\nsource = "its clerk"\nextends = "us"\n')
    assert deadline_of(statute(IL), own, start).caveat == ""


def hours(start: datetime, amount: int, *pauses: tuple[int, int]) -> Deadline:
    """An hours clock of Illinois, with pauses of days in November 2026."""
    made = [
        Pause(since=date(2026, 11, a), until=date(2026, 11, b), reason="storm") for a, b in pauses
    ]
    return deadline_of(clock(ClockUnit.HOURS, amount), CALENDARS[IL], start, pauses=made)


def test_hours_pass_as_they_do() -> None:
    """Where clocks go back, 24 hours end an hour earlier by the wall, and 25 at the same time."""
    start = datetime(2026, 10, 31, 18, tzinfo=UTC)
    assert hours(start, 24).expires_at == datetime(2026, 11, 1, 18, tzinfo=UTC)
    assert "12:00 CST" in hours(start, 24).sentence
    # A paused day on which clocks go back has 25 hours.
    assert hours(start, 24, (1, 1)).expires_at == start + timedelta(hours=49)


def test_hours_do_not_move_on() -> None:
    """They end on a closed day too; a clock of hours that would move on is none."""
    start = datetime(2026, 11, 6, 18, 30, tzinfo=UTC)
    assert hours(start, 24).expires_at == start + timedelta(hours=24)
    with pytest.raises(ValueError, match="hours"):
        clock(ClockUnit.HOURS, closed_day=ClosedDay.NEXT_BUSINESS_DAY)
    said = {"id": "a", "starts": "request_received", "amount": 1, "unit": "hours"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**said, "closed_day": "next_business_day"}, Clock)


def test_days_move_on_over_paused_ones() -> None:
    """A closed last day moves to the first day that is open and not paused."""
    moves = clock(ClockUnit.CALENDAR_DAYS, 1, closed_day=ClosedDay.NEXT_BUSINESS_DAY)
    monday = [Pause(since=date(2026, 11, 9), until=date(2026, 11, 9), reason="storm")]
    start = datetime(2026, 11, 6, 18, tzinfo=UTC)
    assert deadline_of(moves, CALENDARS[IL], start).last_day == date(2026, 11, 9)
    found = deadline_of(moves, CALENDARS[IL], start, pauses=monday)
    assert found.last_day == date(2026, 11, 10)


def test_pauses_of_hours_count_once_each() -> None:
    """Two pauses with a day between, one over the start, one after the end."""
    start = datetime(2026, 11, 3, 18, tzinfo=UTC)
    six = datetime(2026, 11, 4, 6, tzinfo=UTC)
    assert hours(start, 10, (3, 3)).expires_at == six + timedelta(hours=10)
    # 24 of 30 hours pass on the 4th, which lies between.
    both = hours(start, 30, (3, 3), (5, 6))
    assert both.expires_at == datetime(2026, 11, 7, 12, tzinfo=UTC)
    assert "3 paused days" in both.sentence
    assert hours(start, 10, (5, 6)).expires_at == start + timedelta(hours=10)


def pause(since: int, until: int, reason: str = "storm") -> Pause:
    """A pause by days of January 2026."""
    first = date(2026, 1, 1)
    day = timedelta(days=1)
    return Pause(since=first + (since - 1) * day, until=first + (until - 1) * day, reason=reason)


def extension(hour: int, amount: int = 1, reason: str = "storm") -> Extension:
    """An extension given so many hours after the start of the clock."""
    return Extension(
        at=datetime(2026, 1, 5, 18, tzinfo=UTC) + hour * HOUR, amount=amount, reason=reason
    )


@pytest.mark.parametrize(
    ("pauses", "extensions", "says"),
    [
        ([pause(6, 5)], [], "1 to 30 days"),
        ([pause(6, 36)], [], "1 to 30 days"),
        ([pause(6, 25), pause(27, 40)], [], "together"),
        ([pause(6, 6, "")], [], "`reason`"),
        ([pause(6, 6, " ")], [], "`reason`"),
        ([pause(6, 6, "a\u202eb")], [], "`reason`"),
        ([pause(6, 6, "x" * (REASON_CHARS_MAX + 1))], [], "`reason`"),
        ([pause(4, 6)], [], "before"),
        ([pause(6, 6)] * (CLOCK_EVENTS_MAX + 1), [], "pauses"),
        ([Pause(since=date(9999, 12, 31), until=date(9999, 12, 31), reason="a")], [], "years"),
        ([], [extension(1)] * (CLOCK_EVENTS_MAX + 1), "extensions"),
        ([], [extension(1, 0)], "`amount`"),
        ([], [extension(1, 11)], "over 10"),
        ([], [extension(1, 6), extension(1, 5)], "over 10"),
        ([], [extension(1, 1, "")], "`reason`"),
        ([], [extension(-1)], "while its clock runs"),
        ([], [extension(90)], "while its clock runs"),
        ([], [extension(1), extension(120)], "while its clock runs"),
    ],
)
def test_what_a_clock_does_not_allow_is_refused(
    pauses: list[Pause], extensions: list[Extension], says: str
) -> None:
    """A pause or extension beyond its limits, without reason, or too late, moves nothing."""
    counted = clock(ClockUnit.CALENDAR_DAYS)
    start = datetime(2026, 1, 5, 18, tzinfo=UTC)
    with pytest.raises(ClockEventError, match=says):
        deadline_of(counted, CALENDARS[IL], start, pauses=pauses, extensions=extensions)


def test_limits_are_taken_at_the_limit() -> None:
    """The longest pause, the longest reason, the whole extension at the last second."""
    counted = clock(ClockUnit.CALENDAR_DAYS)
    start = datetime(2026, 1, 5, 18, tzinfo=UTC)
    longest = [pause(6, 35, "x" * REASON_CHARS_MAX)]
    assert deadline_of(counted, CALENDARS[IL], start, pauses=longest).last_day == date(2026, 2, 7)
    plain = deadline_of(counted, CALENDARS[IL], start)
    last = Extension(at=plain.expires_at, amount=10, reason="storm")
    found = deadline_of(counted, CALENDARS[IL], start, extensions=[last])
    assert found.last_day == date(2026, 1, 18)


def test_the_statutes_allow_neither_pause_nor_extension() -> None:
    """Neither text says so, and so nobody can."""
    start = datetime(2026, 1, 5, 18, tzinfo=UTC)
    for state in (IL, NY):
        with pytest.raises(ClockEventError, match="no pause"):
            deadline_of(statute(state), CALENDARS[state], start, pauses=[pause(6, 6)])
        with pytest.raises(ClockEventError, match="no extension"):
            deadline_of(statute(state), CALENDARS[state], start, extensions=[extension(1)])


def test_a_start_has_its_range() -> None:
    """The latest time that anyone may state can be counted from; one second more is an error."""
    latest = datetime.fromtimestamp(TIME_MAX, UTC)
    assert deadline_of(statute(IL), CALENDARS[IL], latest).last_day.year == 2514
    for start in (latest + timedelta(seconds=1), datetime(1969, 12, 31, tzinfo=UTC)):
        with pytest.raises(ClockRangeError):
            deadline_of(statute(IL), CALENDARS[IL], start)
