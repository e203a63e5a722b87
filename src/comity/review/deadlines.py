"""When a clock ends: from its law's data, a calendar, its start, and what paused or extended it.

The day of the start is not counted; the last day ends at 23:59:59 in the calendar's zone. Hours
are hours as they pass. Pauses cover whole local days, all of which have an end.
Guarantee: a later start never gives an earlier deadline; nothing is paused or extended by more than
the clock's own limits; `Deadline.sentence` is made from what was counted.
Source: docs/adr/0039-statutory-clocks.md, "Decision: clocks".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.errors import ComityError
from comity.domain.times import TIME_MAX
from comity.policy.clock import Clock, ClockUnit, ClosedDay
from comity.review.calendars import (
    CALENDAR_YEAR_MAX,
    Calendar,
    calendar_caveat,
    is_business_day,
    last_business_day,
)
from comity.review.deadline_words import Counted, sentence_of_deadline

__all__ = [
    "CLOCK_EVENTS_MAX",
    "REASON_CHARS_MAX",
    "ClockEventError",
    "ClockRangeError",
    "Deadline",
    "Extension",
    "Pause",
    "deadline_of",
    "end_of_day",
    "is_reason",
    "local_date",
    "opening_by",
]

CLOCK_EVENTS_MAX: Final = 16
"""Pauses of one clock, and extensions of one clock."""
REASON_CHARS_MAX: Final = 240
"""A reason, or an authority, that is given for a pause, an extension or a delay."""
_ONE_DAY: Final = timedelta(days=1)
_LAST_SECOND: Final = time(23, 59, 59)
_OPEN_AT: Final = time(9)


class ClockEventError(ComityError):
    """A pause or an extension is not one that the clock allows."""

    code = "clock-event-refused"


class ClockRangeError(ComityError):
    """A clock starts at a time that is not counted from."""

    code = "clock-out-of-range"


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Local days, first and last, that do not count."""

    since: date
    until: date
    reason: str


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """A further `amount` of the clock's unit, given at a moment (aware) when it had not ended."""

    at: datetime
    amount: int
    reason: str


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """When something must be done: `expires_at` (aware UTC, the last second that is in time).

    `caveat` is what the reader must know of the calendar; empty where the state confirmed it, or
    the clock does not look at closed days.
    """

    expires_at: datetime
    last_day: date
    sentence: str
    caveat: str


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One count: its clock, its calendar, when it starts, and the days that do not count."""

    clock: Clock
    calendar: Calendar
    zone: ZoneInfo
    start: datetime
    paused: tuple[date, ...]


def deadline_of(
    clock: Clock,
    calendar: Calendar,
    start: datetime,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Extension] = (),
) -> Deadline:
    """Return when a clock that starts at `start` (aware) ends, and how that was counted.

    A pause after the last day changes nothing.
    Raises: ClockEventError, ClockRangeError, CalendarRangeError.
    """
    assert start.tzinfo is not None, "a start without a zone is no moment"
    if not 0 <= start.timestamp() <= TIME_MAX:
        raise ClockRangeError("`start` of a clock is out of its range")
    run = _Run(
        clock=clock,
        calendar=calendar,
        zone=ZoneInfo(calendar.zone),
        start=start.astimezone(UTC).replace(microsecond=0),
        paused=_paused_days(clock, pauses),
    )
    first = local_date(calendar, start)
    if any(pause.since < first for pause in pauses):
        raise ClockEventError("a pause begins before its clock does")
    counted = _count(run, clock.amount)
    amount = clock.amount
    for extension in _in_order(clock, extensions):
        # Whoever is late cannot be made to have been in time.
        if not run.start <= extension.at <= counted.expires_at:
            raise ClockEventError("an extension is not given while its clock runs")
        amount += extension.amount
        counted = _count(run, amount)
    return Deadline(
        expires_at=counted.expires_at,
        last_day=counted.last_day,
        sentence=sentence_of_deadline(clock, calendar, run.start, amount, counted),
        caveat=calendar_caveat(calendar) if _asks_calendar(clock) else "",
    )


def local_date(calendar: Calendar, at: datetime) -> date:
    """Return the day that an aware moment lies on in the state."""
    return at.astimezone(ZoneInfo(calendar.zone)).date()


def end_of_day(calendar: Calendar, day: date) -> datetime:
    """Return the last second of a local day, in UTC."""
    return datetime.combine(day, _LAST_SECOND, ZoneInfo(calendar.zone)).astimezone(UTC)


def opening_by(calendar: Calendar, day: date) -> int:
    """Return 09:00 of the state (Unix seconds) on the last business day on or before a day: when
    somebody is told of what ends then. Raises: CalendarRangeError.
    """
    opening = datetime.combine(last_business_day(calendar, day), _OPEN_AT, ZoneInfo(calendar.zone))
    return int(opening.timestamp())


def is_reason(text: str) -> bool:
    """Say whether a text can be the reason or authority of what moves a deadline."""
    return bool(text.strip()) and len(text) <= REASON_CHARS_MAX and text.isprintable()


def _paused_days(clock: Clock, pauses: Sequence[Pause]) -> tuple[date, ...]:
    """Return the days that do not count, in order, each once."""
    if len(pauses) > CLOCK_EVENTS_MAX:
        raise ClockEventError(f"a clock has more than {CLOCK_EVENTS_MAX} pauses")
    if pauses and not clock.pause_days_max:
        raise ClockEventError("the clock allows no pause")
    days: set[date] = set()
    for pause in pauses:
        span = (pause.until - pause.since).days + 1
        if not 1 <= span <= clock.pause_days_max:
            raise ClockEventError(
                f"a pause is not 1 to {clock.pause_days_max} days, which is what its clock allows"
            )
        if pause.until.year > CALENDAR_YEAR_MAX:
            raise ClockEventError("a pause is not in the years that are counted")
        if not is_reason(pause.reason):
            raise ClockEventError("`reason` of a pause is missing or too long")
        days.update(_days(pause.since, span))
    if len(days) > clock.pause_days_max:
        raise ClockEventError(f"pauses together are over {clock.pause_days_max} days")
    return tuple(sorted(days))


def _in_order(clock: Clock, extensions: Sequence[Extension]) -> list[Extension]:
    if len(extensions) > CLOCK_EVENTS_MAX:
        raise ClockEventError(f"a clock has more than {CLOCK_EVENTS_MAX} extensions")
    if extensions and not clock.extend_max:
        raise ClockEventError("the clock allows no extension")
    for extension in extensions:
        if extension.amount < 1:
            raise ClockEventError("`amount` of an extension is not at least 1")
        if not is_reason(extension.reason):
            raise ClockEventError("`reason` of an extension is missing or too long")
    if sum(extension.amount for extension in extensions) > clock.extend_max:
        raise ClockEventError(
            f"extensions together are over {clock.extend_max}, which is what the clock allows"
        )
    return sorted(extensions, key=lambda extension: extension.at)


def _asks_calendar(clock: Clock) -> bool:
    is_business = clock.unit is ClockUnit.BUSINESS_DAYS
    return is_business or clock.closed_day is not ClosedDay.STANDS


def _count(run: _Run, amount: int) -> Counted:
    if run.clock.unit is ClockUnit.HOURS:
        return _count_hours(run, amount)
    return _count_days(run, amount)


def _count_days(run: _Run, amount: int) -> Counted:
    """Walk day by day until `amount` of them have counted."""
    is_business = run.clock.unit is ClockUnit.BUSINESS_DAYS
    paused = frozenset(run.paused)
    day = local_date(run.calendar, run.start)
    skipped: list[date] = []
    paused_count = 0
    left = amount
    while left:
        day += _ONE_DAY
        is_open = is_business_day(run.calendar, day)
        if day in paused:
            paused_count += 1
        elif is_business and not is_open:
            skipped.append(day)
        else:
            left -= 1
    last = _moved(run, day)
    return Counted(
        expires_at=end_of_day(run.calendar, last),
        last_day=last,
        skipped=tuple(skipped),
        paused_count=paused_count,
        moved_from=day if last != day else None,
    )


def _count_hours(run: _Run, amount: int) -> Counted:
    """Let hours pass, but for those of paused days."""
    at, left = run.start, timedelta(hours=amount)
    paused_count = 0
    for since, until in _stretches(run.paused):
        begins, ends = _midnight(run, since), _midnight(run, until + _ONE_DAY)
        if at + left <= begins:
            break
        left -= max(begins - at, timedelta())
        at = ends
        paused_count += (until - since).days + 1
    at += left
    return Counted(expires_at=at, last_day=local_date(run.calendar, at), paused_count=paused_count)


def _moved(run: _Run, day: date) -> date:
    """Return the last day, which moves on from a closed day where the clock says so."""
    if run.clock.closed_day is ClosedDay.NEXT_BUSINESS_DAY:
        while day in run.paused or not is_business_day(run.calendar, day):
            day += _ONE_DAY
    return day


def _midnight(run: _Run, day: date) -> datetime:
    return datetime.combine(day, time(), run.zone).astimezone(UTC)


def _days(since: date, count: int) -> Iterable[date]:
    return (since + timedelta(days=n) for n in range(count))


def _stretches(days: tuple[date, ...]) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each run of days without a gap."""
    if not days:
        return
    since = days[0]
    for day, after in pairwise(days):
        if after - day > _ONE_DAY:
            yield since, day
            since = after
    yield since, days[-1]
