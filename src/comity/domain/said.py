"""How the command line and the pages tell people the same: classes, moments, spans of time.

Guarantee: a function of its arguments alone; English, plain text, no markup.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from comity.domain.vocabulary import DataClass, term

__all__ = ["classes_said", "date_said", "span_said", "time_left", "utc"]

_HOUR: Final = 3_600
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAY_HOURS: Final = 24


def classes_said(classes: Sequence[DataClass]) -> str:
    """Return classes by their labels; empty for none."""
    return ", ".join(term(part).label for part in classes)


def date_said(day: dt.date) -> str:
    """Return a day as people read it out: `14 March 2026`."""
    # Not by the process's locale: a page reads the same on every machine.
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_left(seconds: int) -> str:
    """Return how long there is still, in hours or, within the last one, in minutes."""
    if seconds <= 0:
        return "none"
    hours, rest = divmod(seconds, _HOUR)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def span_said(seconds: int) -> str:
    """Return a span of time to the minute, rounded down; in days and hours from two days on.

    `console.js` counts on in the same words: change both.
    """
    hours, rest = divmod(seconds, _HOUR)
    if hours >= 2 * _DAY_HOURS:
        return f"{hours // _DAY_HOURS} days {hours % _DAY_HOURS} h"
    if hours:
        return f"{hours} h {rest // 60:02d} min"
    return f"{rest // 60} min" if rest >= 60 else "less than a minute"


def utc(seconds: int) -> dt.datetime:
    """Return the moment of Unix seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
