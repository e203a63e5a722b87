"""How a deadline was counted, in one English sentence without a full stop.

Names of days and months are our own, so that the sentence does not depend on a machine's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.policy.clock import Clock, ClockUnit
from comity.policy.english import join_words
from comity.review.calendars import Calendar, holiday_on

__all__ = ["Counted", "day_words", "sentence_of_deadline"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_NAMES_MAX: Final = 4
"""Holidays that a sentence names; of more it says how many."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted: the end, closed days that were passed over, and paused ones.

    `moved_from` is the closed day on which the clock would have ended.
    """

    expires_at: datetime
    last_day: date
    skipped: tuple[date, ...] = ()
    paused_count: int = 0
    moved_from: date | None = None


def day_words(day: date) -> str:
    """Return a day as a sentence names it: `Wed 26 Nov 2025`."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def sentence_of_deadline(
    clock: Clock, calendar: Calendar, start: datetime, amount: int, counted: Counted
) -> str:
    """Return how a deadline was counted; `amount` is the clock's with all extensions."""
    zone = ZoneInfo(calendar.zone)
    local = start.astimezone(zone)
    since = day_words(local.date())
    if clock.unit is ClockUnit.HOURS:
        since += f", {local:%H:%M %Z}"
    left_out = join_words(list(_left_out(calendar, counted)), "and")
    said = f"{_length(clock, amount)} from {since}"
    said += f", {left_out} not counted" if left_out else ""
    if counted.moved_from is not None:
        said += f": {day_words(counted.moved_from)} is closed, so {day_words(counted.last_day)}"
    else:
        said += f": {day_words(counted.last_day)}"
    city = calendar.zone.rpartition("/")[2].replace("_", " ")
    if clock.unit is ClockUnit.HOURS:
        return f"{said}, {counted.expires_at.astimezone(zone):%H:%M %Z} in {city}"
    return f"{said}, end of the day in {city}"


def _length(clock: Clock, amount: int) -> str:
    unit = clock.unit.replace("_", " ")
    unit = unit.removesuffix("s") if amount == 1 else unit
    if amount == clock.amount:
        return f"{amount} {unit}"
    return f"{amount} {unit} ({clock.amount}, extended by {amount - clock.amount})"


def _left_out(calendar: Calendar, counted: Counted) -> Iterator[str]:
    names = list(dict.fromkeys(filter(None, (holiday_on(calendar, d) for d in counted.skipped))))
    if len(names) > _NAMES_MAX:
        yield f"{len(names)} holidays"
    else:
        yield from names
    ends = _runs([day for day in counted.skipped if not holiday_on(calendar, day)])
    if ends:
        yield "the weekend" if ends == 1 else f"{ends} weekends"
    if counted.paused_count:
        yield "1 paused day" if counted.paused_count == 1 else f"{counted.paused_count} paused days"


def _runs(days: Sequence[date]) -> int:
    """Return how many stretches of days without a gap there are."""
    return sum(day - timedelta(days=1) not in days for day in days)
