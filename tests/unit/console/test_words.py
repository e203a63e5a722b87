"""How a page says moments, clocks, counts and shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.console.words import (
    SOON_SECONDS,
    Tone,
    counted,
    day_said,
    iso,
    left_said,
    listed,
    moment_said,
    opened,
    share_said,
    tone_of,
)
from comity.domain.ids import MEMBERS, Member
from comity.domain.times import TIME_MAX

WA, AZ, GU = Member("wa"), Member("az"), Member("gu")
NOW = 1_795_816_920
JULY = NOW - 140 * 86_400


def test_moment_is_in_the_states_own_zone() -> None:
    """One moment reads otherwise in each state, with the zone's abbreviation and its own day."""
    assert moment_said(NOW, WA) == "14:02 PST, Fri 27 Nov 2026"
    assert moment_said(NOW, AZ) == "15:02 MST, Fri 27 Nov 2026"
    assert moment_said(NOW, GU) == "08:02 ChST, Sat 28 Nov 2026"
    assert moment_said(JULY, WA) == "15:02 PDT, Fri 10 Jul 2026"


def test_hour_that_comes_twice_is_told_apart() -> None:
    """When clocks go back, the two 01:30 of one night have different abbreviations."""
    first = 1_793_521_800
    assert moment_said(first, WA) == "01:30 PDT, Sun 1 Nov 2026"
    assert moment_said(first + 3_600, WA) == "01:30 PST, Sun 1 Nov 2026"


def test_year_is_left_out_while_it_is_the_same() -> None:
    """With the present time the year stands only where it differs in the state's zone."""
    assert moment_said(NOW, WA, NOW) == "14:02 PST, Fri 27 Nov"
    new_year_in_utc = 1_798_761_600
    assert day_said(new_year_in_utc, WA, NOW) == "Thu 31 Dec"
    assert day_said(new_year_in_utc + 86_400, WA, NOW) == "Fri 1 Jan 2027"


@given(st.integers(0, TIME_MAX), st.sampled_from(MEMBERS))
def test_every_moment_can_be_said(seconds: int, member: Member) -> None:
    """No moment that a state can name and no member's zone is without words."""
    assert moment_said(seconds, member)[2] == ":"
    assert iso(seconds).endswith("Z")


def test_iso_is_utc() -> None:
    """What a script counts from is UTC, whatever the page shows."""
    assert iso(NOW) == "2026-11-27T22:02:00Z"


@pytest.mark.parametrize(
    ("seconds", "said", "tone"),
    [
        (7_830, "2 h 10 min left", Tone.LATER),
        (SOON_SECONDS + 1, "30 min left", Tone.LATER),
        (SOON_SECONDS, "30 min left", Tone.SOON),
        (1, "less than a minute left", Tone.SOON),
        (0, "overdue by less than a minute", Tone.OVERDUE),
        (-1_200, "overdue by 20 min", Tone.OVERDUE),
    ],
)
def test_clock_says_what_is_left(seconds: int, said: str, tone: Tone) -> None:
    """A clock has words and a tone, at each limit and beyond."""
    assert (left_said(seconds), tone_of(seconds)) == (said, tone)


def test_waiting_clock_is_not_urgent_until_it_is_over() -> None:
    """What waits for someone else presses nobody here, and is overdue like any other."""
    assert tone_of(60, is_waiting=True) is Tone.WAITING
    assert tone_of(0, is_waiting=True) is Tone.OVERDUE


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "no requests"), (1, "1 request"), (2, "2 requests"), (12_840, "12,840 requests")],
)
def test_count_has_its_noun(number: int, said: str) -> None:
    """A count is told with its noun in the right number."""
    assert counted(number, "request") == said
    assert counted(2, "agency", "agencies") == "2 agencies"


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (871, 48_112, "871 of 48,112 (1.8%)"),
        (0, 10, "0 of 10 (0.0%)"),
        (10, 10, "10 of 10 (100.0%)"),
        (1, 100_000, "1 of 100,000 (under 0.1%)"),
        (99_999, 100_000, "99,999 of 100,000 (over 99.9%)"),
        (0, 0, "0 of 0"),
    ],
)
def test_share_has_its_counts(part: int, whole: int, said: str) -> None:
    """A share is told with both counts, and rounding makes no few into none or all."""
    assert share_said(part, whole) == said


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_share_never_rounds_to_none_or_all(part: int, rest: int) -> None:
    """What is neither none nor all never reads as either."""
    said = share_said(part, part + rest)
    assert "(0.0%)" not in said
    assert "(100.0%)" not in said


def test_parts_are_listed_as_prose() -> None:
    """Parts are joined as a sentence has them."""
    assert listed(()) == ""
    assert listed(("photo",)) == "photo"
    assert listed(("photo", "address")) == "photo and address"
    assert listed(("photo", "address", "owner"), "or") == "photo, address or owner"


def test_first_letter_is_opened() -> None:
    """A label begins large where a sentence begins, and keeps the rest."""
    assert opened("warrant of Article III") == "Warrant of Article III"
    assert opened("") == ""
