"""When a desk is staffed, in any zone and through changes of the clock, and what a file may say."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.domain.ids import MEMBERS, Member
from comity.review.calendars import calendar_of
from comity.review.rosters import (
    EXPIRY_CHARS_MAX,
    SPANS_MAX,
    STAFFED_SECONDS_MIN,
    Roster,
    RosterFormError,
    Span,
    is_thin,
    lacks,
    opens_at,
    parse_roster,
    practice_roster,
    staffed_seconds,
    staffed_until,
    turn_at,
    when_words,
)
from tests.support.rosters import never_closed

WA, GU = Member("wa"), Member("gu")
PHONE = "WA duty desk 360-555-0100"
HOUR, DAY = 3_600, 86_400
OFFICE = practice_roster(calendar_of(WA))


def at(*when: int, state: Member = WA) -> int:
    """A local moment of a state, in Unix seconds."""
    zone = ZoneInfo(calendar_of(state).zone)
    return int(datetime(*when, tzinfo=zone).timestamp())  # type: ignore[arg-type, misc]


def read(text: str) -> Roster:
    """A roster of Washington, of a file with this text."""
    return parse_roster(text.encode(), calendar_of(WA))


def test_a_working_day_and_its_night() -> None:
    """Staffed from seven to seven; a night's turn lasts until noon, when the next one begins."""
    assert staffed_until(OFFICE, at(2026, 12, 1, 6, 59)) is None
    assert opens_at(OFFICE, at(2026, 12, 1, 6, 59)) == at(2026, 12, 1, 7)
    assert staffed_until(OFFICE, at(2026, 12, 1, 7)) == at(2026, 12, 1, 19)
    assert staffed_until(OFFICE, at(2026, 12, 1, 19)) is None
    assert opens_at(OFFICE, at(2026, 12, 1, 12)) == at(2026, 12, 1, 12)
    # Tuesday night; then Friday's until Saturday noon, then Saturday's.
    assert turn_at(OFFICE, at(2026, 12, 2, 3)) == "practice-weekday-night"
    for moment in (at(2026, 12, 4, 20), at(2026, 12, 5, 3), at(2026, 12, 5, 14)):
        assert turn_at(OFFICE, moment) == "practice-weekend-night"
    assert turn_at(OFFICE, at(2026, 12, 7, 3)) == "practice-weekend-night"
    assert turn_at(OFFICE, at(2026, 12, 7, 12)) == "practice-weekday-night"


def test_a_holiday_is_closed_unless_the_roster_says_otherwise() -> None:
    """Thanksgiving, a Thursday: Friday is the next staffed day."""
    noon = at(2026, 11, 26, 12)
    assert staffed_until(OFFICE, noon) is None
    assert opens_at(OFFICE, noon) == at(2026, 11, 27, 7)
    works = msgspec.structs.replace(OFFICE, open_on_holidays=True)
    assert staffed_until(works, noon) == at(2026, 11, 26, 19)


def test_changes_of_the_clock_neither_lose_nor_add_staffed_hours() -> None:
    """A span keeps its hours on the wall; a day that is staffed whole has 23 or 25 of them."""
    whole = never_closed(WA)
    for day, hours in ((8, 23), (9, 24)):
        first = at(2026, 3, day)
        assert staffed_seconds(whole, first, at(2026, 3, day + 1)) == hours * HOUR
    assert staffed_seconds(whole, at(2026, 11, 1), at(2026, 11, 2)) == 25 * HOUR
    sunday = read('[hours]\nsunday = ["01:30-08:00"]\n')
    assert staffed_seconds(sunday, at(2026, 3, 8), at(2026, 3, 9)) == 5 * HOUR + 1_800
    # 02:30 is no time of that day: as the clock before the change would show it, 03:30.
    gap = read('[hours]\nsunday = ["02:30-04:00"]\n')
    assert opens_at(gap, at(2026, 3, 8)) == at(2026, 3, 8, 3, 30)


def test_a_desk_that_never_closes() -> None:
    """Its spans meet at midnight; nothing is thin; the next staffed moment is now."""
    whole, now = never_closed(GU), at(2026, 12, 1, 3, state=GU)
    until = staffed_until(whole, now)
    assert until is not None
    assert until - now > 30 * DAY
    assert not is_thin(whole, now, now + DAY)
    assert opens_at(whole, now) == now


def test_thin_is_less_than_half_an_hour_of_staffed_time() -> None:
    """To the second; a hold that is shorter must be staffed whole."""
    closing = at(2026, 12, 1, 19)
    assert not is_thin(OFFICE, closing - STAFFED_SECONDS_MIN, closing + HOUR)
    assert is_thin(OFFICE, closing - STAFFED_SECONDS_MIN + 1, closing + HOUR)
    assert not is_thin(OFFICE, closing - 600, closing)
    assert is_thin(OFFICE, closing - 600, closing + 1)
    opening = at(2026, 12, 2, 7)
    assert not is_thin(OFFICE, closing, opening + STAFFED_SECONDS_MIN)
    assert is_thin(OFFICE, closing, opening + STAFFED_SECONDS_MIN - 1)


def test_what_is_never_staffed_ends_the_search() -> None:
    """No staffed hour at all: there is no next one, and every hold is thin."""
    none = read("")
    now = at(2026, 12, 1, 3)
    assert (opens_at(none, now), staffed_until(none, now), turn_at(none, now)) == (None, None, "")
    assert is_thin(none, now, now + 1)


def test_what_is_missing_is_all_named() -> None:
    """A roster, and each part of it; a contact without a telephone is none."""
    assert lacks(OFFICE, PHONE) == ()
    assert lacks(None, PHONE) == ("a roster that can be read",)
    assert len(lacks(read(""), "ask for Ann")) == 4
    assert lacks(OFFICE, "") == lacks(OFFICE, "desk 555-010") != ()
    nights = '[[nights]]\ndays = ["monday"]\npages = "a"\n'
    told = 'expiry = "CALL"\n'
    some = read(f'{told}[hours]\nmonday = ["08:00-09:00"]\n{nights}')
    assert lacks(some, PHONE) == ("a turn for every night",)
    no_turns = msgspec.structs.replace(never_closed(WA), turns=("",) * 7)
    assert lacks(no_turns, PHONE) == ()
    closes_on_holidays = msgspec.structs.replace(no_turns, open_on_holidays=False)
    assert lacks(closes_on_holidays, PHONE) == ("a turn for every night",)


def test_the_practice_roster_is_whole_in_every_state() -> None:
    """So that nothing in a practice network is refused for want of one."""
    for member in MEMBERS:
        assert lacks(practice_roster(calendar_of(member)), PHONE) == ()


@pytest.mark.parametrize(
    "span",
    ["8:00-17:00", "08:00-08:00", "17:00-08:00", "08:00-24:01", "24:00-24:00", "08:60-09:00", "x",
     "08:00-17:00 ", "٠٨:00-17:00", ""],
)  # fmt: skip
def test_spans_have_one_form(span: str) -> None:
    """Anything else is refused, with the weekday."""
    with pytest.raises(RosterFormError, match="`friday`"):
        read(f'[hours]\nfriday = ["{span}"]\n')


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[hours]\nfriday = ["09:00-10:00", "09:30-11:00"]', "friday"),
        ('[hours]\nfriday = ["10:00-11:00", "08:00-09:00"]', "friday"),
        ('[hours]\nfunday = ["08:00-09:00"]', "hours"),
        ('[[nights]]\ndays = ["monday"]\npages = "Ann Smith"', "pages"),
        (f'[[nights]]\ndays = ["monday"]\npages = "{"a" * 41}"', "pages"),
        ('[[nights]]\ndays = ["monday", "monday"]\npages = "a"', "nights"),
        ('[[nights]]\ndays = ["noday"]\npages = "a"', "days"),
        (f'expiry = "{"A" * (EXPIRY_CHARS_MAX + 1)}"', "expiry"),
        ('expiry = "A\\nB"', "expiry"),
        ('expiry = "déjà"', "expiry"),
        ("phone = 1", "a roster"),
        ("expiry = 1", "expiry"),
        ("[hours", "a roster"),
    ],
)
def test_malformed_files_are_refused_by_field(text: str, named: str) -> None:
    """With what is wrong, and without its value."""
    with pytest.raises(RosterFormError, match=named):
        read(text)


def test_limits_at_and_beyond() -> None:
    """Eight spans a day, and so many characters."""
    spans = [f'"{hour:02d}:00-{hour:02d}:30"' for hour in range(SPANS_MAX + 1)]
    full = read(f"[hours]\nfriday = [{', '.join(spans[:SPANS_MAX])}]\n")
    assert len(full.hours[4]) == SPANS_MAX
    with pytest.raises(RosterFormError, match="more than 8"):
        read(f"[hours]\nfriday = [{', '.join(spans)}]\n")
    assert len(read(f'expiry = "{"A" * EXPIRY_CHARS_MAX}"').expiry) == EXPIRY_CHARS_MAX
    assert full.hours[4][0] == Span(first=0, last=30)


def test_moments_are_said_in_the_states_own_time() -> None:
    """With its zone."""
    assert when_words(OFFICE, at(2026, 11, 28, 8)) == "Sat 28 Nov 2026, 08:00 PST"
