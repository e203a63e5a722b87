"""A state's calendar: which days are closed there, by rules that know no last year.

`us.toml` holds the federal legal holidays as a practice calendar, which no state confirmed; a
state's own file takes its place, or extends it, removes holidays by name and adds others.
Guarantee: a calendar that was read has an open day in every week but for its holidays.
Source: docs/adr/0039-statutory-clocks.md, "Decision: calendars".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import Member, member_label, member_zone
from comity.policy.laws import LawMark
from comity.review.tables import read_table

__all__ = [
    "CALENDAR_YEAR_MAX",
    "CALENDAR_YEAR_MIN",
    "COUNT_DAYS_MAX",
    "HOLIDAYS_MAX",
    "Calendar",
    "CalendarFormError",
    "CalendarRangeError",
    "FixedHoliday",
    "Holiday",
    "Observed",
    "SingleHoliday",
    "Weekday",
    "WeekdayHoliday",
    "add_business_days",
    "calendar_caveat",
    "calendar_of",
    "holiday_on",
    "is_business_day",
    "last_business_day",
    "next_business_day",
    "parse_calendar",
]

HOLIDAYS_MAX: Final = 64
"""Holidays of one calendar, those that it extends among them."""
WEEKEND_DAYS_MAX: Final = 3
"""Weekday names that one calendar may close."""
COUNT_DAYS_MAX: Final = 4_000
"""Business days that are counted at once."""
CALENDAR_YEAR_MIN: Final = 1_970
"""The first year in which days are counted."""
CALENDAR_YEAR_MAX: Final = 2_600
"""The last year in which days are counted."""
_NAME_CHARS_MAX: Final = 60
_SOURCE_CHARS_MAX: Final = 240
_ONE_DAY: Final = timedelta(days=1)
_LEAP_YEAR: Final = 2_024
_ZONE: Final = re.compile(r"[A-Z][A-Za-z_]{1,30}(?:/[A-Z][A-Za-z_]{1,30}){1,2}")


class CalendarFormError(MalformedError):
    """A state's calendar does not have its form."""

    code = "calendar-malformed"


class CalendarRangeError(ComityError):
    """A day, or a number of days, is beyond what is counted."""

    code = "calendar-out-of-range"


class Weekday(StrEnum):
    """The days of a week, in the order of `date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Observed(StrEnum):
    """On which day a holiday is kept, too, that falls on a Saturday or Sunday."""

    NONE = "none"
    NEAREST = "nearest"
    """A Saturday's on Friday, a Sunday's on Monday."""

    MONDAY = "monday"
    """A Sunday's on Monday; a Saturday's on no other day."""


_Year = Annotated[int, msgspec.Meta(ge=1, le=9_999)]
_Month = Annotated[int, msgspec.Meta(ge=1, le=12)]
_DayOfMonth = Annotated[int, msgspec.Meta(ge=1, le=31)]


class FixedHoliday(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="rule",
    tag="fixed",
):  # fmt: skip
    """The same date each year, from year `since` to year `until`; 29 February in leap years."""

    name: str
    month: _Month
    day: _DayOfMonth
    observed: Observed = Observed.NONE
    since: _Year = 1
    until: _Year = 9_999


class WeekdayHoliday(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="rule",
    tag="nth_weekday",
):  # fmt: skip
    """The `nth` such weekday of a month, -1 for the last; a fifth in the months that have one."""

    name: str
    month: _Month
    weekday: Weekday
    nth: Literal[-1, 1, 2, 3, 4, 5]
    since: _Year = 1
    until: _Year = 9_999


class SingleHoliday(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="rule",
    tag="once",
):  # fmt: skip
    """One date of one year."""

    name: str
    on: date


Holiday = FixedHoliday | WeekdayHoliday | SingleHoliday


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Which days are closed in a state. `mark` says whether the state's own list was read."""

    state: Member
    zone: str
    weekend: tuple[Weekday, ...]
    holidays: tuple[Holiday, ...]
    mark: LawMark
    source: str


class _CalendarFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file may hold; `extends` names the practice calendar."""

    mark: LawMark
    source: str
    extends: Literal["", "us"] = ""
    zone: str = ""
    weekend: tuple[Weekday, ...] = (Weekday.SATURDAY, Weekday.SUNDAY)
    removes: tuple[str, ...] = ()
    holidays: tuple[Holiday, ...] = ()


def parse_calendar(state: Member, data: bytes) -> Calendar:
    """Return the calendar that a state's own TOML file records. Raises: CalendarFormError."""
    said = read_table(data, _CalendarFile, "a calendar", CalendarFormError)
    base = _practice().holidays if said.extends else ()
    names = {holiday.name for holiday in base}
    for name in said.removes:
        if name not in names:
            raise CalendarFormError("`removes` names a holiday that `extends` does not have")
    kept = tuple(holiday for holiday in base if holiday.name not in said.removes)
    calendar = Calendar(
        state=state,
        zone=said.zone or member_zone(state),
        weekend=said.weekend,
        holidays=kept + said.holidays,
        mark=said.mark,
        source=said.source,
    )
    _check(calendar)
    return calendar


def calendar_of(state: Member) -> Calendar:
    """Return the practice calendar in a state's own zone: what stands until the state's file."""
    said = _practice()
    return Calendar(
        state=state,
        zone=member_zone(state),
        weekend=said.weekend,
        holidays=said.holidays,
        mark=said.mark,
        source=said.source,
    )


def calendar_caveat(calendar: Calendar) -> str:
    """Return what a reader of a deadline must know of its calendar; empty where it was read."""
    if calendar.mark is LawMark.READ:
        return ""
    name = member_label(calendar.state)
    return f"Holidays of a calendar that {name} has not confirmed ({calendar.mark}); check the day."


def holiday_on(calendar: Calendar, day: date) -> str:
    """Return the name of the holiday that closes a day, or nothing. Raises: CalendarRangeError."""
    _check_year(day)
    return _holidays(calendar, day.year).get(day, "")


def is_business_day(calendar: Calendar, day: date) -> bool:
    """Say whether the state's offices are open on a day. Raises: CalendarRangeError."""
    return not holiday_on(calendar, day) and _weekday(day) not in calendar.weekend


def next_business_day(calendar: Calendar, day: date) -> date:
    """Return the first business day on or after a day. Raises: CalendarRangeError."""
    while not is_business_day(calendar, day):
        day += _ONE_DAY
    return day


def last_business_day(calendar: Calendar, day: date) -> date:
    """Return the last business day on or before a day. Raises: CalendarRangeError."""
    # A calendar has 64 holidays at most: it ends.
    while not is_business_day(calendar, day):
        day -= _ONE_DAY
    return day


def add_business_days(calendar: Calendar, day: date, count: int) -> date:
    """Return the `count`-th business day after a day, which is not counted; itself for 0.

    Raises: CalendarRangeError for more than `COUNT_DAYS_MAX`, less than 0, or too late a year.
    """
    if not 0 <= count <= COUNT_DAYS_MAX:
        raise CalendarRangeError(f"`count` is not 0 to {COUNT_DAYS_MAX} business days")
    for _ in range(count):
        day = next_business_day(calendar, day + _ONE_DAY)
    return day


@cache
def _practice() -> _CalendarFile:
    data = files("comity.review.calendars").joinpath("us.toml").read_bytes()
    return read_table(data, _CalendarFile, "a calendar", CalendarFormError)


def _check(calendar: Calendar) -> None:
    holidays = calendar.holidays
    names = [holiday.name for holiday in holidays]
    checks = (
        ("zone", _is_zone(calendar.zone)),
        ("weekend", len(set(calendar.weekend)) == len(calendar.weekend) <= WEEKEND_DAYS_MAX),
        ("holidays", len(holidays) <= HOLIDAYS_MAX and len(set(names)) == len(names)),
        ("name", all(_is_text(name, _NAME_CHARS_MAX) for name in names)),
        ("day", all(_has_day(holiday) for holiday in holidays)),
        ("source", _is_text(calendar.source, _SOURCE_CHARS_MAX)),
    )
    for name, holds in checks:
        if not holds:
            raise CalendarFormError(f"`{name}` of a calendar is out of its range")


def _is_zone(name: str) -> bool:
    if not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_text(text: str, chars_max: int) -> bool:
    return 0 < len(text) <= chars_max and text.isprintable()


def _has_day(holiday: Holiday) -> bool:
    return not isinstance(holiday, FixedHoliday) or bool(_date(_LEAP_YEAR, holiday))


def _check_year(day: date) -> None:
    if not CALENDAR_YEAR_MIN <= day.year <= CALENDAR_YEAR_MAX:
        raise CalendarRangeError(
            f"a day is not in the years {CALENDAR_YEAR_MIN} to {CALENDAR_YEAR_MAX}"
        )


def _weekday(day: date) -> Weekday:
    return _WEEKDAYS[day.weekday()]


_WEEKDAYS: Final = tuple(Weekday)


@lru_cache(maxsize=256)
def _holidays(calendar: Calendar, year: int) -> dict[date, str]:
    """Return the closed dates of a year by name; of two on one date the first of the file."""
    found: dict[date, str] = {}
    for holiday in calendar.holidays:
        # What is kept beside a weekend may lie in the year before or after that of its date.
        for own in (year - 1, year, year + 1):
            for day in _days_of(own, holiday):
                if day.year == year:
                    found.setdefault(day, holiday.name)
    return found


def _days_of(year: int, holiday: Holiday) -> Iterator[date]:
    """Yield the dates that a holiday of a year closes."""
    match holiday:
        case SingleHoliday(on=on):
            if on.year == year:
                yield on
        case WeekdayHoliday():
            day = _nth_weekday(year, holiday)
            if day is not None and holiday.since <= year <= holiday.until:
                yield day
        case FixedHoliday():
            day = _date(year, holiday)
            if day is not None and holiday.since <= year <= holiday.until:
                yield day
                yield from _kept_beside(day, holiday.observed)


def _date(year: int, holiday: FixedHoliday) -> date | None:
    try:
        return date(year, holiday.month, holiday.day)
    except ValueError:
        return None


def _nth_weekday(year: int, holiday: WeekdayHoliday) -> date | None:
    wanted = _WEEKDAYS.index(holiday.weekday)
    if holiday.nth < 0:
        after = date(year + holiday.month // 12, holiday.month % 12 + 1, 1)
        return after - timedelta(days=(after.weekday() - wanted - 1) % 7 + 1)
    first = date(year, holiday.month, 1)
    day = first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * (holiday.nth - 1))
    return day if day.month == holiday.month else None


def _kept_beside(day: date, observed: Observed) -> Iterator[date]:
    weekday = _weekday(day)
    if weekday is Weekday.SATURDAY and observed is Observed.NEAREST:
        yield day - _ONE_DAY
    elif weekday is Weekday.SUNDAY and observed is not Observed.NONE:
        yield day + _ONE_DAY
