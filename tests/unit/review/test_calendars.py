"""Which days are closed in a state, against dates written out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from comity.domain.ids import MEMBERS, Member, member_zone
from comity.policy.laws import LawMark
from comity.review.calendars import (
    CALENDAR_YEAR_MAX,
    CALENDAR_YEAR_MIN,
    COUNT_DAYS_MAX,
    HOLIDAYS_MAX,
    CalendarFormError,
    CalendarRangeError,
    add_business_days,
    calendar_caveat,
    calendar_of,
    holiday_on,
    is_business_day,
    next_business_day,
    parse_calendar,
)
from comity.review.tables import REVIEW_FILE_BYTES_MAX

IL = Member("il")
PRACTICE = calendar_of(IL)
HEAD = 'mark = "V"\nsource = "the clerk\'s list of 2026"\n'
OWN = """mark = "V"
source = "the clerk's list of 2026"
extends = "us"
removes = ["Columbus Day"]
[[holidays]]
rule = "fixed"
name = "Lincoln Day"
month = 2
day = 12
observed = "monday"
[[holidays]]
rule = "once"
name = "A day of mourning"
on = 2026-03-04
[[holidays]]
rule = "nth_weekday"
name = "The fifth Friday of May"
month = 5
weekday = "friday"
nth = 5
[[holidays]]
rule = "nth_weekday"
name = "The end of December"
month = 12
weekday = "thursday"
nth = -1
until = 2026
"""
# Read from printed calendars of the three years, and of what lies beside them.
CLOSED = {
    2020: ["01-01", "01-20", "02-17", "05-25", "07-03", "07-04", "09-07", "10-12", "11-11",
           "11-26", "12-25"],
    2021: ["01-01", "01-18", "02-15", "05-31", "06-18", "06-19", "07-04", "07-05", "09-06",
           "10-11", "11-11", "11-25", "12-24", "12-25", "12-31"],
    2025: ["01-01", "01-20", "02-17", "05-26", "06-19", "07-04", "09-01", "10-13", "11-11",
           "11-27", "12-25"],
    2026: ["01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12",
           "11-11", "11-26", "12-25"],
    2027: ["01-01", "01-18", "02-15", "05-31", "06-18", "06-19", "07-04", "07-05", "09-06",
           "10-11", "11-11", "11-25", "12-24", "12-25", "12-31"],
}  # fmt: skip


def days_of(year: int) -> list[date]:
    """Every day of a year."""
    first = date(year, 1, 1)
    return [
        first + timedelta(days=n) for n in range(366) if (first + timedelta(days=n)).year == year
    ]


@pytest.mark.parametrize("year", CLOSED)
def test_holidays_are_those_of_a_printed_calendar(year: int) -> None:
    """Each closed date of a year, with those that are kept beside a weekend, and no other."""
    found = [f"{day:%m-%d}" for day in days_of(year) if holiday_on(PRACTICE, day)]
    assert found == CLOSED[year]


def test_a_new_years_day_is_kept_the_year_before() -> None:
    """1 January 2028 is a Saturday: the Friday before it is closed, in 2027."""
    assert holiday_on(PRACTICE, date(2027, 12, 31)) == "New Year's Day"
    assert not is_business_day(PRACTICE, date(2027, 12, 31))
    assert next_business_day(PRACTICE, date(2027, 12, 31)) == date(2028, 1, 3)


def test_a_holiday_has_its_first_year() -> None:
    """Juneteenth is none before 2021."""
    assert holiday_on(PRACTICE, date(2021, 6, 18)) == "Juneteenth"
    assert is_business_day(PRACTICE, date(2020, 6, 19))


def test_every_state_has_a_calendar_that_says_what_it_is() -> None:
    """The practice calendar in the state's own zone, marked K, and told so to whoever reads."""
    for state in MEMBERS:
        calendar = calendar_of(state)
        assert calendar.zone == member_zone(state)
        assert calendar.mark is LawMark.UNCHECKED
        assert "has not confirmed (K)" in calendar_caveat(calendar)


def test_business_days_are_counted_after_a_day() -> None:
    """The day itself is not counted, whether it is closed or not."""
    assert add_business_days(PRACTICE, date(2025, 11, 26), 3) == date(2025, 12, 2)
    assert add_business_days(PRACTICE, date(2025, 11, 27), 1) == date(2025, 11, 28)
    assert add_business_days(PRACTICE, date(2025, 11, 27), 0) == date(2025, 11, 27)


def test_a_states_own_file_takes_the_place() -> None:
    """It extends, removes and adds; a date that a month does not have closes nothing."""
    own = parse_calendar(IL, OWN.encode())
    assert not calendar_caveat(own)
    assert own.zone == "America/Chicago"
    assert is_business_day(own, date(2026, 10, 12))
    assert holiday_on(own, date(2026, 3, 4)) == "A day of mourning"
    assert holiday_on(own, date(2027, 3, 4)) == ""
    # A Sunday's on Monday; a Saturday's on no other day.
    assert [f"{d:%m-%d}" for d in days_of(2023) if holiday_on(own, d) == "Lincoln Day"] == [
        "02-12", "02-13",
    ]  # fmt: skip
    assert [d.day for d in days_of(2028) if holiday_on(own, d) == "Lincoln Day"] == [12]
    assert holiday_on(own, date(2026, 5, 29)) == "The fifth Friday of May"
    assert not any(
        "fifth" in holiday_on(own, d) for d in days_of(2025) if d.month in {5, 6} and d.day < 30
    )
    assert holiday_on(own, date(2026, 12, 31)) == "The end of December"
    assert holiday_on(own, date(2027, 12, 30)) == ""


def test_a_file_of_its_own_has_only_its_own() -> None:
    """What does not extend closes nothing but what it says, in the zone that it says."""
    own = parse_calendar(IL, (HEAD + 'zone = "America/Indiana/Knox"\nweekend = []\n').encode())
    assert own.zone == "America/Indiana/Knox"
    assert all(is_business_day(own, day) for day in days_of(2026))


def holiday(**fields: str) -> str:
    """A fixed holiday, altered."""
    said = {"rule": '"fixed"', "name": '"A day"', "month": "2", "day": "29", **fields}
    return "[[holidays]]\n" + "".join(f"{name} = {value}\n" for name, value in said.items())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mark = ", "is not TOML"),
        ("a" + ".a" * 20 + " = 1", "too many parts"),
        ("x = " + "[" * 5_000, "is not TOML"),
        ('mark = "V"', "`source`|does not have its form"),
        (HEAD + "more = 1", "does not have its form"),
        (HEAD + 'extends = "ca"', "`extends`"),
        (HEAD + 'removes = ["Columbus Day"]', "`removes`"),
        (HEAD + 'extends = "us"\nremoves = ["Every day"]', "`removes`"),
        (HEAD + 'zone = "America/Nowhere"', "`zone`"),
        (HEAD + 'zone = "../../etc/passwd"', "`zone`"),
        (HEAD + 'weekend = ["friday", "friday"]', "`weekend`"),
        (HEAD + 'weekend = ["monday", "tuesday", "wednesday", "thursday"]', "`weekend`"),
        (HEAD + holiday(name='""'), "`name`"),
        (HEAD + holiday(name=f'"{"x" * 61}"'), "`name`"),
        (HEAD + holiday(name=r'"a\u202eb"'), "`name`"),
        (HEAD + holiday(month="13"), "`holidays.*month`"),
        (HEAD + holiday(day="30"), "`day`"),
        (HEAD + holiday(observed='"later"'), "observed"),
        (HEAD + holiday(rule='"moon"'), "holidays"),
        (HEAD + holiday() * 2, "`holidays`"),
        (HEAD.replace("the", "\\u0007"), "`source`"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused(text: str, says: str) -> None:
    """An error that names the field, never a calendar that lacks a day."""
    with pytest.raises(CalendarFormError, match=says):
        parse_calendar(IL, text.encode())


def test_a_file_has_its_limits() -> None:
    """Bytes and holidays at the limit are taken, one beyond refused."""
    every = "".join(holiday(name=f'"{n}"') for n in range(HOLIDAYS_MAX))
    assert len(parse_calendar(IL, (HEAD + every).encode()).holidays) == HOLIDAYS_MAX
    with pytest.raises(CalendarFormError):
        parse_calendar(IL, (HEAD + every + holiday()).encode())
    full = HEAD.encode() + b"#" * (REVIEW_FILE_BYTES_MAX - len(HEAD))
    assert parse_calendar(IL, full).holidays == ()
    with pytest.raises(CalendarFormError):
        parse_calendar(IL, full + b"#")
    with pytest.raises(CalendarFormError):
        parse_calendar(IL, b"\xff")


def test_days_have_their_limits() -> None:
    """Years and counts beyond what is counted are errors."""
    assert is_business_day(PRACTICE, date(CALENDAR_YEAR_MIN, 1, 2))
    assert add_business_days(PRACTICE, date(2026, 1, 1), COUNT_DAYS_MAX).year == 2042
    for day in (date(CALENDAR_YEAR_MIN - 1, 12, 31), date(CALENDAR_YEAR_MAX + 1, 1, 1)):
        with pytest.raises(CalendarRangeError):
            is_business_day(PRACTICE, day)
    for count in (-1, COUNT_DAYS_MAX + 1):
        with pytest.raises(CalendarRangeError):
            add_business_days(PRACTICE, date(2026, 1, 1), count)
    with pytest.raises(CalendarRangeError):
        add_business_days(PRACTICE, date(CALENDAR_YEAR_MAX, 12, 30), 5)
