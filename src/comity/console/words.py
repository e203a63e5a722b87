"""How a page says things: a moment in the state's own zone, what is left of a clock, counts.

Guarantee: pure; a time is never told relatively alone, and a count never without its noun. What the
command line says alike is in `comity.domain.said`.
Source: docs/adr/0038-console-assets.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from comity.domain.ids import Member, member_zone
from comity.domain.said import classes_said, span_said, utc
from comity.domain.vocabulary import term

__all__ = [
    "SOON_SECONDS",
    "Tone",
    "classes_said",
    "counted",
    "day_said",
    "iso",
    "label_of",
    "left_said",
    "listed",
    "moment_said",
    "opened",
    "plain",
    "share_said",
    "span_said",
    "tone_of",
]

SOON_SECONDS: Final = 1_800
"""A clock with no more than this left is due soon; `console.js` counts with the same."""
_UNSEEN: Final = "\ufffd"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Tone(StrEnum):
    """How a clock is set: by what is left of it, or that it waits for someone else."""

    OVERDUE = "overdue"
    SOON = "soon"
    LATER = "later"
    WAITING = "waiting"


def _local(seconds: int, member: Member) -> dt.datetime:
    return utc(seconds).astimezone(ZoneInfo(member_zone(member)))


def moment_said(seconds: int, member: Member, now: int | None = None) -> str:
    """Return a moment in the member's zone: `14:02 PST, Fri 27 Nov 2026`.

    With the present time the year is left out while it is the same one.
    """
    local = _local(seconds, member)
    return f"{local:%H:%M} {local:%Z}, {day_said(seconds, member, now)}"


def day_said(seconds: int, member: Member, now: int | None = None) -> str:
    """Return a moment's day in the member's zone: `Fri 27 Nov 2026`, the year as above."""
    local = _local(seconds, member)
    # Not by the process's locale: a page reads the same on every machine.
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
    is_this_year = now is not None and _local(now, member).year == local.year
    return day if is_this_year else f"{day} {local.year}"


def iso(seconds: int) -> str:
    """Return a moment for `<time datetime>`: `2026-11-27T22:02:00Z`."""
    return f"{utc(seconds):%Y-%m-%dT%H:%M:%SZ}"


def left_said(seconds: int) -> str:
    """Return what is left of a clock, or by how much it is over: `2 h 10 min left`."""
    return f"{span_said(seconds)} left" if seconds > 0 else f"overdue by {span_said(-seconds)}"


def tone_of(seconds_left: int, *, is_waiting: bool = False) -> Tone:
    """Return how a clock is set; one that waits for someone else is not urgent until it is over."""
    if seconds_left <= 0:
        return Tone.OVERDUE
    if is_waiting:
        return Tone.WAITING
    return Tone.SOON if seconds_left <= SOON_SECONDS else Tone.LATER


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 request`, `12,840 requests`, `no requests`."""
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,} {noun}" if number else f"no {noun}"


def share_said(part: int, whole: int) -> str:
    """Return a share with its counts, to a tenth of a percent: `871 of 48,112 (1.8%)`.

    A part that rounds to nothing or to all without being it is told as `under 0.1%`, `over 99.9%`.
    """
    said = f"{part:,} of {whole:,}"
    if whole <= 0:
        return said
    if part > 0 and 2_000 * part < whole:
        return f"{said} (under 0.1%)"
    if part < whole and 2_000 * (whole - part) < whole:
        return f"{said} (over 99.9%)"
    return f"{said} ({100 * part / whole:.1f}%)"


def listed(parts: Sequence[str], joined_by: str = "and") -> str:
    """Return parts as prose has them: `a`, `a and b`, `a, b and c`; empty for none."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {joined_by} {parts[-1]}"


def plain(text: str) -> str:
    """Return what another member wrote, with a sign for each character that is not seen.

    Such characters turn the order of what is read around, or hide a part of it.
    """
    return "".join(c if c.isprintable() else _UNSEEN for c in text)


def opened(text: str) -> str:
    """Return a text with its first letter large, as a sentence or a cell begins."""
    return text[:1].upper() + text[1:]


def label_of(vocabulary: type[StrEnum], value: str) -> str:
    """Return a word of a vocabulary as a cell begins; what is none of it was not stated."""
    try:
        return opened(term(vocabulary(value)).label)
    except ValueError:
        return "Not stated"
