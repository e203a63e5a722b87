"""When a certification lapses and is told of: days, zones, holidays and changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.domain.agency import CertifiedUntil
from comity.domain.ids import Member, parse_ori
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.review.calendars import calendar_of, is_business_day, parse_calendar
from comity.review.certifications import (
    LAPSED_DAYS_MAX,
    WARNING_DAYS,
    Step,
    Warned,
    days_left,
    lapse_words,
    last_day_of,
    step_due,
    warn_at,
    warning_id,
    warning_leaf,
    warning_number,
    warning_text,
    warnings_due,
)

DAY = 86_400
NY, GU, PR = Member("ny"), Member("gu"), Member("pr")
ALBANY = parse_ori("NYPX00001")
STEPS = (Step.MONTH, Step.FORTNIGHT, Step.DAYS)
ALWAYS_OPEN = parse_calendar(NY, b'mark = "V"\nsource = "test"\nweekend = []\n')


def local(zone: str, *when: int) -> int:
    """A local moment, in Unix seconds."""
    return int(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp())  # type: ignore[arg-type, misc]


def said(until: int, step: Step = Step.MONTH, agency: str = "NYPX00001") -> Warned:
    """A warning."""
    return Warned(certified=CertifiedUntil(agency=parse_ori(agency), until=until), step=step)


@pytest.mark.parametrize(
    ("zone", "until", "day"),
    [
        ("America/New_York", (2026, 12, 8), date(2026, 12, 7)),
        ("America/New_York", (2026, 12, 8, 0, 0, 1), date(2026, 12, 8)),
        ("Pacific/Guam", (2026, 1, 1), date(2025, 12, 31)),
        ("America/Puerto_Rico", (2028, 3, 1), date(2028, 2, 29)),
    ],
)
def test_the_last_day_is_the_local_day_of_the_second_before_the_end(
    zone: str, until: tuple[int, ...], day: date
) -> None:
    """Midnight belongs to the day that ends there, in each zone."""
    assert last_day_of(local(zone, *until), zone) == day


def test_a_day_by_the_states_clock_is_no_other_states() -> None:
    """What ends at midnight UTC ended the evening before in New York, and that morning in Guam."""
    until = int(datetime(2026, 12, 8, tzinfo=UTC).timestamp())
    assert last_day_of(until, "America/New_York") == date(2026, 12, 7)
    assert last_day_of(until, "Pacific/Guam") == date(2026, 12, 8)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("member", [NY, GU, PR])
def test_each_day_of_two_years_is_told_of_in_the_morning_of_an_open_day(
    member: Member, step: Step
) -> None:
    """At 09:00 of the state, on the step's day or, where that is closed, the last open one."""
    calendar = calendar_of(member)
    zone = ZoneInfo(calendar.zone)
    for ahead in range(731):
        last = date(2026, 1, 1) + timedelta(days=ahead)
        until = local(calendar.zone, *(last + timedelta(days=1)).timetuple()[:3])
        told = datetime.fromtimestamp(warn_at(until, step, calendar), UTC).astimezone(zone)
        meant = last - timedelta(days=WARNING_DAYS[step])
        assert (told.hour, told.minute) == (9, 0)
        assert is_business_day(calendar, told.date())
        between = [meant - timedelta(days=n) for n in range((meant - told.date()).days)]
        assert not any(is_business_day(calendar, day) for day in between)
        assert told.date() <= meant


@pytest.mark.parametrize(
    ("last", "step", "told"),
    [
        # Thanksgiving Thursday is closed, the Friday behind it is not: a day earlier.
        ((2026, 11, 29), Step.DAYS, (2026, 11, 25)),
        # Christmas on a Friday, then a weekend: back to the Thursday.
        ((2026, 12, 30), Step.DAYS, (2026, 12, 24)),
        # Over the change of the clock in March and in November, still at nine.
        ((2026, 3, 16), Step.FORTNIGHT, (2026, 3, 2)),
        ((2026, 11, 10), Step.FORTNIGHT, (2026, 10, 27)),
        ((2027, 1, 30), Step.MONTH, (2026, 12, 31)),
    ],
)
def test_weekends_and_holidays_move_it_to_the_open_day_before(
    last: tuple[int, int, int], step: Step, told: tuple[int, int, int]
) -> None:
    """Never later."""
    zone = "America/New_York"
    until = local(zone, *(date(*last) + timedelta(days=1)).timetuple()[:3])
    assert warn_at(until, step, calendar_of(NY)) == local(zone, *told, 9)


def test_only_the_latest_step_is_due() -> None:
    """Each begins at its second and ends where the next begins; the last ends after 30 days."""
    until = local("America/New_York", 2026, 12, 8)
    edges = [warn_at(until, step, ALWAYS_OPEN) for step in (*STEPS, Step.LAPSED)]
    assert edges == sorted(edges)
    assert edges[-1] == until
    expected = [None, *STEPS, Step.LAPSED]
    for edge, before, after in zip(edges, expected, expected[1:], strict=False):
        assert step_due(until, edge - 1, ALWAYS_OPEN) is before
        assert step_due(until, edge, ALWAYS_OPEN) is after
    forgotten = until + LAPSED_DAYS_MAX * DAY
    assert step_due(until, forgotten - 1, ALWAYS_OPEN) is Step.LAPSED
    assert step_due(until, forgotten, ALWAYS_OPEN) is None


def test_a_year_without_an_open_day_near_is_counted_back_whole() -> None:
    """Two weeks that a state closes: it is told of before them."""
    days = "".join(
        f'[[holidays]]\nrule = "fixed"\nname = "Closed {n}"\nmonth = 11\nday = {n}\n'
        for n in range(1, 15)
    )
    calendar = parse_calendar(NY, f'mark = "V"\nsource = "test"\n{days}'.encode())
    until = local("America/New_York", 2026, 12, 9)
    assert warn_at(until, Step.MONTH, calendar) == local("America/New_York", 2026, 10, 30, 9)


def test_days_left_count_the_states_midnights() -> None:
    """0 on the last day, -1 behind it, whatever hour it is."""
    zone = "America/New_York"
    until = local(zone, 2026, 11, 3)
    assert days_left(until, local(zone, 2026, 11, 2), zone) == 0
    assert days_left(until, local(zone, 2026, 11, 2, 23, 59), zone) == 0
    assert days_left(until, local(zone, 2026, 11, 3), zone) == -1
    # The clocks go back on the first: the day has 25 hours and is one.
    assert days_left(until, local(zone, 2026, 10, 31, 23), zone) == 2


def test_what_is_due_comes_by_its_end() -> None:
    """The nearest first; what is far away, and what lapsed long ago, is left out."""
    now = local("America/New_York", 2026, 11, 20, 12)
    ends = [(400, "A"), (20, "B"), (2, "C"), (-1, "D"), (-31, "E"), (31, "F")]
    rows = [
        CertifiedUntil(agency=parse_ori(f"NYPX0000{name}"), until=now + days * DAY)
        for days, name in ends
    ]
    due = warnings_due(rows, now, ALWAYS_OPEN)
    assert [(each.certified.agency[-1], each.step) for each in due] == [
        ("D", Step.LAPSED), ("C", Step.DAYS), ("B", Step.MONTH),
    ]  # fmt: skip


def test_one_certification_and_step_have_one_id() -> None:
    """Another state, agency, end or step has another; the time of day has no part in it."""
    one = said(1_800_000_000)
    others = [
        (NY, said(1_800_000_001)),
        (NY, said(1_800_000_000, Step.DAYS)),
        (NY, said(1_800_000_000, agency="NYPX00002")),
        (GU, one),
    ]
    assert warning_id(NY, one) == warning_id(NY, said(1_800_000_000))
    ids = [warning_id(NY, one), *(warning_id(state, warned) for state, warned in others)]
    assert len(set(ids)) == len(ids)


def test_its_leaf_names_the_agency_and_no_day() -> None:
    """In public the agency and the hour; end and step stand in the private record."""
    leaf = warning_leaf(NY, said(1_800_000_000, Step.DAYS), 1_799_900_000)
    header = msgspec.structs.replace(leaf.header, commitment=bytes(32))
    data = encode_leaf(header)
    assert parse_leaf(data) == header
    assert b"1800000000" not in data
    assert b'"ag":"NYPX00001"' in data
    fields = dict(leaf.fields)
    assert (fields["agency"], fields["until"], fields["step"]) == (
        b"NYPX00001", b"1800000000", b"3",
    )  # fmt: skip


def test_a_page_says_who_lapses_when() -> None:
    """Name, identifier, day; a name is cut, and what cannot be seen is shown as a sign."""
    until = local("America/New_York", 2026, 12, 9)
    words = lapse_words("Albany\u202e Police", said(until), "America/New_York")
    assert words == "Albany\ufffd Police (NYPX00001), Tue 8 Dec 2026"
    assert len(lapse_words("x" * 500, said(until), "America/New_York")) < 240


def test_the_message_has_a_place_of_its_own_on_its_line() -> None:
    """Another step, end or agency is another place; the same is the same, and above nought."""
    kinds = [said(1), said(2), said(1, Step.DAYS), said(1, agency="NYPX00002")]
    places = [warning_number(NY, each) for each in kinds]
    assert len({*places, warning_number(GU, kinds[0])}) == 5
    assert warning_number(NY, said(1)) == places[0]
    assert all(0 < place <= 2**48 for place in places)


@pytest.mark.parametrize("step", Step)
def test_the_message_says_the_last_day_and_whom_to_call(step: Step) -> None:
    """Printable ASCII in lines, with and without a telephone."""
    until = local("America/New_York", 2026, 12, 8)
    text = warning_text(NY, said(until, step), "America/New_York", "518-555-0100")
    assert "Mon 7 Dec 2026" in text
    assert "Call 518-555-0100." in text
    assert ("has ended" in text) is (step is Step.LAPSED)
    assert all(line.isascii() and line.isprintable() for line in text.splitlines())
    assert "Call" not in warning_text(NY, said(until, step), "America/New_York", "")
