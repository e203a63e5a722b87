"""Days of a state's own zone, as forms name them.

Guarantee: a function of its arguments alone; a day begins and ends where the state's clocks say.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from comity.console.visits import Visit
from comity.domain.ids import Member, member_zone

__all__ = ["day_bounds", "parse_day", "today_of"]


def parse_day(text: str) -> dt.date | None:
    """Return a day as `2026-03-14`, or None: one day has one spelling."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text and day.year > 1970 else None


def today_of(visit: Visit) -> dt.date:
    """Return the day that it is in the person's state."""
    zone = ZoneInfo(member_zone(visit.person.state))
    return dt.datetime.fromtimestamp(visit.now, zone).date()


def day_bounds(day: dt.date, state: Member) -> tuple[int, int]:
    """Return when a day of the state's zone begins and ends, in Unix seconds."""
    zone = ZoneInfo(member_zone(state))
    begins, ends = (
        dt.datetime.combine(each, dt.time(), zone) for each in (day, day + dt.timedelta(days=1))
    )
    return int(begins.timestamp()), int(ends.timestamp())
