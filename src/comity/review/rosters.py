"""A state's roster: when its review desk is staffed, and whose turn it is when it is not.

Guarantee: pure; a moment is Unix seconds, a span the state's local time of its own day, through
changes of the clock. A turn runs from noon to noon and is no person's name (invariant
`public-bytes-hold-no-person`).
Source: docs/adr/0051-staffed-hours.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.errors import MalformedError
from comity.review.calendars import Calendar, Weekday, holiday_on
from comity.review.deadline_words import day_words
from comity.review.tables import read_table

__all__ = [
    "EXPIRY_CHARS_MAX",
    "LOOK_AHEAD_DAYS_MAX",
    "SPANS_MAX",
    "STAFFED_SECONDS_MIN",
    "Roster",
    "RosterFormError",
    "Span",
    "is_thin",
    "lacks",
    "opens_at",
    "parse_roster",
    "practice_roster",
    "staffed_seconds",
    "staffed_stretches",
    "staffed_until",
    "thin_among",
    "turn_at",
    "when_words",
]

SPANS_MAX: Final = 8
"""Staffed spans of one weekday."""
EXPIRY_CHARS_MAX: Final = 160
"""What a requester is told when a hold ends."""
LOOK_AHEAD_DAYS_MAX: Final = 31
"""So many days the next staffed hour is looked for."""
STAFFED_SECONDS_MIN: Final = 1_800
"""Staffed time before a hold's end below which somebody is paged."""
_DAY_MINUTES: Final = 1_440
_PHONE_DIGITS_MIN: Final = 7
_SPAN: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_TURN: Final = re.compile(r"[a-z0-9-]{1,40}")
_EXPIRY: Final = re.compile(rf"[ -~]{{0,{EXPIRY_CHARS_MAX}}}")
_ONE_DAY: Final = timedelta(days=1)
_HALF_DAY: Final = timedelta(hours=12)


class RosterFormError(MalformedError):
    """A state's roster does not have its form."""

    code = "roster-malformed"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Staffed minutes of a local day: from `first` up to `last`, exclusive."""

    first: int
    last: int


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """When a state's desk is staffed; `hours` and `turns` by weekday from Monday, empty if none."""

    calendar: Calendar
    hours: tuple[tuple[Span, ...], ...]
    turns: tuple[str, ...]
    expiry: str
    open_on_holidays: bool = False


class _Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()


class _Night(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    days: tuple[Weekday, ...]
    pages: str


class _RosterFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expiry: str = ""
    open_on_holidays: bool = False
    hours: _Hours = _Hours()
    nights: tuple[_Night, ...] = ()


def parse_roster(data: bytes, calendar: Calendar) -> Roster:
    """Return the roster that a state's own TOML file records. Raises: RosterFormError."""
    said = read_table(data, _RosterFile, "a roster", RosterFormError)
    expiry = said.expiry.strip()
    if not _EXPIRY.fullmatch(said.expiry):
        raise RosterFormError(
            f"`expiry` of a roster is not up to {EXPIRY_CHARS_MAX} printable ASCII characters"
        )
    return Roster(
        calendar=calendar,
        hours=tuple(_spans(day, getattr(said.hours, day)) for day in Weekday),
        turns=_turns(said.nights),
        expiry=expiry,
        open_on_holidays=said.open_on_holidays,
    )


def practice_roster(calendar: Calendar) -> Roster:
    """Return the roster of a practice network's state that has no file of its own."""
    data = files("comity.review").joinpath("practice_roster.toml").read_bytes()
    return parse_roster(data, calendar)


def lacks(roster: Roster | None, contact: str) -> tuple[str, ...]:
    """Return what is missing before rules may hold more; `contact` is the directory's."""
    missing = []
    if roster is None:
        missing.append("a roster that can be read")
    else:
        if not any(roster.hours):
            missing.append("staffed hours")
        if not all(roster.turns) and not _is_never_closed(roster):
            missing.append("a turn for every night")
        if not roster.expiry:
            missing.append("the sentence that tells a requester that a hold has ended")
    if sum(each.isdigit() for each in contact) < _PHONE_DIGITS_MIN:
        missing.append("a duty contact with its telephone")
    return tuple(missing)


def staffed_until(roster: Roster, now: int) -> int | None:
    """Return until when the desk is staffed without a break; None where it is not, at `now`.

    At most `LOOK_AHEAD_DAYS_MAX` days from then. Raises: CalendarRangeError.
    """
    until = None
    for first, last in _stretches(roster, now):
        if until is None and first <= now < last:
            until = last
        elif until is not None and first <= until:
            until = max(until, last)
        elif first > now:
            break
    return until


def opens_at(roster: Roster, now: int) -> int | None:
    """Return the next moment from `now` on at which the desk is staffed; None if none is near.

    Raises: CalendarRangeError.
    """
    return next((max(first, now) for first, last in _stretches(roster, now) if last > now), None)


def staffed_stretches(roster: Roster, now: int) -> Iterator[tuple[int, int]]:
    """Yield what is staffed and not over at a moment, as Unix seconds, in its order; at most
    `LOOK_AHEAD_DAYS_MAX` days from then. Raises: CalendarRangeError.
    """
    return (each for each in _stretches(roster, now) if each[1] > now)


def staffed_seconds(roster: Roster, first: int, last: int) -> int:
    """Return how much of [first, last) is staffed. Raises: CalendarRangeError."""
    return _within(_stretches(roster, first), first, last)


def _within(stretches: Iterable[tuple[int, int]], first: int, last: int) -> int:
    """Return how much of [first, last) lies in these stretches."""
    parts = (
        min(last, end) - max(first, start)
        for start, end in stretches
        if start < last and end > first
    )
    return sum(parts)


def thin_among(roster: Roster, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Say of each span from a moment to a hold's end what `is_thin` says; of many at once.

    Raises: CalendarRangeError.
    """
    if not spans:
        return []
    anchor, last = min(each[0] for each in spans), max(each[1] for each in spans)
    found: set[tuple[int, int]] = set()
    while anchor < last:
        found.update(_stretches(roster, anchor))
        anchor += LOOK_AHEAD_DAYS_MAX * _DAY_MINUTES * 60
    stretches = sorted(found)
    return [
        _within(stretches, now, until) < min(STAFFED_SECONDS_MIN, until - now)
        for now, until in spans
    ]


def is_thin(roster: Roster, now: int, until: int) -> bool:
    """Say whether so little of the time until a hold's end is staffed that somebody is paged.

    Raises: CalendarRangeError.
    """
    return staffed_seconds(roster, now, until) < min(STAFFED_SECONDS_MIN, until - now)


def turn_at(roster: Roster, now: int) -> str:
    """Return whose turn it is at a moment, empty where the roster names nobody."""
    local = datetime.fromtimestamp(now, ZoneInfo(roster.calendar.zone))
    # By the clock on the wall, not by elapsed hours: a turn begins at noon on any day.
    return roster.turns[(local.replace(tzinfo=None) - _HALF_DAY).weekday()]


def when_words(roster: Roster, moment: int) -> str:
    """Return a moment of the state's local time: `Sat 28 Nov 2026, 08:00 PST`."""
    local = datetime.fromtimestamp(moment, ZoneInfo(roster.calendar.zone))
    return f"{day_words(local.date())}, {local:%H:%M %Z}"


def _spans(day: str, texts: Sequence[str]) -> tuple[Span, ...]:
    if len(texts) > SPANS_MAX:
        raise RosterFormError(f"`{day}` of a roster has more than {SPANS_MAX} spans")
    spans: list[Span] = []
    for text in texts:
        found = _SPAN.fullmatch(text)
        numbers = [int(each) for each in found.groups()] if found else [0] * 4
        span = Span(first=numbers[0] * 60 + numbers[1], last=numbers[2] * 60 + numbers[3])
        is_after = not spans or spans[-1].last <= span.first
        if not (span.first < span.last <= _DAY_MINUTES and is_after):
            raise RosterFormError(f"`{day}` of a roster is not spans `08:00-17:00`, in their order")
        spans.append(span)
    return tuple(spans)


def _turns(nights: Sequence[_Night]) -> tuple[str, ...]:
    turns: dict[Weekday, str] = {}
    for night in nights:
        if not _TURN.fullmatch(night.pages):
            raise RosterFormError("`pages` of a roster is not 1 to 40 of `a-z 0-9 -`")
        for day in night.days:
            if day in turns:
                raise RosterFormError(f"`nights` of a roster names {day} twice")
            turns[day] = night.pages
    return tuple(turns.get(day, "") for day in Weekday)


def _is_never_closed(roster: Roster) -> bool:
    whole = all(sum(s.last - s.first for s in day) == _DAY_MINUTES for day in roster.hours)
    return whole and roster.open_on_holidays


def _stretches(roster: Roster, now: int) -> Iterator[tuple[int, int]]:
    """Yield staffed stretches as Unix seconds, from the day of `now` on, in their order."""
    zone = ZoneInfo(roster.calendar.zone)
    day = datetime.fromtimestamp(now, zone).date()
    for _ in range(LOOK_AHEAD_DAYS_MAX + 1):
        if roster.open_on_holidays or not holiday_on(roster.calendar, day):
            for span in roster.hours[day.weekday()]:
                first, last = _second(day, span.first, zone), _second(day, span.last, zone)
                if first < last:
                    yield first, last
        day += _ONE_DAY


def _second(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the moment of a minute of a local day, of which 1,440 is the next day's first."""
    day += timedelta(days=minute // _DAY_MINUTES)
    hour, minute = divmod(minute % _DAY_MINUTES, 60)
    return int(datetime.combine(day, time(hour, minute), zone).timestamp())
