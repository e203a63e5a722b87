"""A replay's words and measures: surprise, workload, the finding, months."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from comity.domain.decision import RuleId
from comity.domain.vocabulary import BudgetState, DataClass, Outcome
from comity.policy.axis import Axis
from comity.policy.errors import TrafficFormError
from comity.policy.replay import (
    Case,
    Replay,
    axes_unheld,
    headline,
    headline_since,
    load_of,
    sentence_of_surprise,
    surprises,
    weeks_between,
)
from comity.policy.rule import Condition
from comity.policy.traffic import COUNT_MAX, TrafficBuilder, month_number, month_text
from tests.unit.policy.build import rule

HELD = (Outcome.RELEASE, Outcome.HOLD)
JUNE = month_number("2026-06")
PLAIN = (
    "TX0PD0001,pd,none,not_stated,DQ,no,licence,not_stated,not_stated,not_stated,single,none,"
    "weekday_day,within,inbound"
)


def counted(**changed: Any) -> Replay:
    """A replay without any request, but for what is said."""
    empty: dict[str, Any] = {
        "requests": 0, "unlisted": 0, "moves": {}, "by_agency": {}, "by_purpose": {},
        "by_key": {}, "by_month": {}, "by_class": {}, "reviews_before": 0, "reviews_after": 0,
        "cases": {}, "touched": {},
    }  # fmt: skip
    return Replay(**(empty | changed))


def case(agency: str, purpose: str, rules: str = "S1") -> Case:
    """Requests that a rule holds."""
    return Case(*HELD, (RuleId(rules),), agency, purpose, "DQ")


def test_the_least_expected_comes_first() -> None:
    """By the product of two shares among what moves alike; what is common is not shown."""
    cases = {
        case("A", "court"): 90,
        case("A", "licensing"): 8,
        case("B", "court"): 1,
        case("B", "licensing"): 1,
        case("B", "court", "S2"): 1,
    }
    rules = (rule("S1", Outcome.HOLD, agency=("US",)), rule("S2", Outcome.HOLD))
    found = surprises(counted(cases=cases), rules, 10)
    assert [(each.case.agency, each.case.purpose) for each in found] == [
        ("B", "licensing"), ("B", "court"), ("A", "licensing"),
    ]  # fmt: skip
    assert found[0].share == Fraction(2 * 9, 100 * 100)
    assert (found[0].names_agency, found[0].names_purpose) == (True, False)
    assert surprises(counted(cases=cases), rules, 1) == found[:1]


@pytest.mark.parametrize(
    ("first", "last", "today", "days"),
    [
        ("2026-01", "2026-02", date(2026, 12, 31), 59),
        ("2026-06", "2026-06", date(2026, 6, 10), 10),
        ("2026-06", "2026-06", date(2026, 5, 10), 1),
        ("2024-02", "2024-02", date(2026, 5, 10), 29),
    ],
)
def test_weeks_are_those_of_the_months(first: str, last: str, today: date, days: int) -> None:
    """A month that is not over counts as far as it has come; never is it nothing."""
    weeks = weeks_between(month_number(first), month_number(last), today)
    assert weeks == pytest.approx(days / 7)


def test_weeks_begin_with_the_traffic() -> None:
    """A ledger that began on the 24th has had no weeks before; nor does a far month end time."""
    month, today = month_number("2026-11"), date(2026, 11, 26)
    assert weeks_between(month, month, today, date(2026, 11, 24)) == pytest.approx(3 / 7)
    assert weeks_between(JUNE, month, today, date(2026, 5, 1)) == pytest.approx(179 / 7)
    assert weeks_between(month, month_number("9999-12"), today) == pytest.approx(26 / 7)


def test_one_rare_agency_stands_for_those_like_it() -> None:
    """Ten that asked once each do not hide the case that differs."""
    cases = {case("BIG", "court"): 85, case("BIG", "licensing"): 5}
    cases |= {case(f"RARE{number}", "court"): 1 for number in range(10)}
    found = surprises(counted(cases=cases), (rule("S1", Outcome.HOLD),), 10)
    assert [(each.case.agency, each.case.purpose, each.others) for each in found] == [
        ("RARE0", "court", 9), ("BIG", "licensing", 0),
    ]  # fmt: skip
    assert sentence_of_surprise(found[0]).endswith(" 9 other agencies are as rare here.")


SINCE = date(2026, 11, 24)


def since(replay: Replay) -> str:
    """The finding about announced rules."""
    load = load_of(replay, 1.0, 10.0, None) if replay.requests else None
    return headline_since(replay, "Washington", SINCE, load)


def test_announced_rules_are_found_by_what_they_would_have_done() -> None:
    """Refused first, then held, then released; none and nothing are said as such."""
    free, held, denied = Outcome.RELEASE, Outcome.HOLD, Outcome.DENY
    moves = {(free, free): 920, (free, denied): 10, (held, denied): 2, (free, held): 3,
             (denied, free): 5}  # fmt: skip
    assert since(counted(requests=940, moves=moves, reviews_before=2, reviews_after=3)) == (
        "Since 24 November 2026, Washington's announced rules would have refused 12 of 940 answers,"
        " held 3 and released 5; this takes reviewers 0.5 hours a week, before 0.3."
    )
    assert since(counted(requests=1, moves={(free, held): 1})).startswith(
        "Since 24 November 2026, Washington's announced rules would have held 1 of 1 answer;"
    )
    part = counted(requests=2, moves={(denied, denied): 2}, by_class={DataClass.PHOTO: {HELD: 2}})
    assert "changed none of 2 answers as a whole, but single data classes;" in since(part)
    assert since(counted()) == (
        "Since 24 November 2026, when Washington announced its rules, it has answered nothing that"
        " counts."
    )


def test_reviews_are_hours_of_a_week() -> None:
    """Reviews by minutes, over the weeks."""
    load = load_of(counted(reviews_before=6, reviews_after=60), 2.0, 15.0, None)
    assert (load.hours_before, load.hours_after, load.staffed) == (0.75, 7.5, None)


def test_less_than_a_week_is_no_week() -> None:
    """Hours in all are told, and none a week: also not those that are staffed."""
    few = counted(requests=1, moves={HELD: 1}, reviews_after=3)
    said = headline(few, (JUNE, JUNE), load_of(few, 3 / 7, 30.0, 2.0))
    assert said == (
        "Of 1 request in June 2026, 1 would have been held instead of released; this takes"
        " reviewers 1.5 hours in all, before 0.0."
    )


def test_what_changes_only_in_part_is_said() -> None:
    """Where no request moves as a whole but a class does, the finding does not say `none` alone."""
    move = (Outcome.DENY, Outcome.DENY)
    part = counted(
        requests=3, moves={move: 3}, by_class={DataClass.PHOTO: {(Outcome.HOLD, Outcome.DENY): 3}}
    )
    said = headline(part, (JUNE, JUNE), load_of(part, 1.0, 10.0, None))
    assert said == (
        "Of 3 requests in June 2026, none would have had another outcome as a whole, but for single"
        " data classes; no reviewer is needed, before or after."
    )


def test_nothing_recorded_is_no_finding() -> None:
    """No traffic is not `nothing changes`."""
    assert headline(counted(), (), None).startswith("There is no traffic to replay")


def test_only_axes_that_rules_name_are_missing() -> None:
    """In exceptions too; what nobody looks at is not asked for."""
    rules = (rule("S1", Outcome.HOLD, Condition(budget=(BudgetState.OVER,)), purpose=("court",)),)
    assert axes_unheld((Axis.FAN_OUT, Axis.BUDGET), rules) == (Axis.BUDGET,)


@pytest.mark.parametrize("text", ["2026-00", "2026-13", "1969-12", "2026-6", "2026-06-01", "x"])
def test_months_have_one_form(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(TrafficFormError):
        month_number(text)


def test_months_are_read_as_written() -> None:
    """Each is its own."""
    assert [month_number(month_text(month)) for month in range(700)] == list(range(700))


def test_counts_have_an_end() -> None:
    """As many as sums are exact for, and not one more; none is no row."""
    builder = TrafficBuilder()
    builder.add(JUNE, PLAIN, COUNT_MAX - 1)
    with pytest.raises(TrafficFormError):
        builder.add(JUNE, PLAIN, 2)
    with pytest.raises(TrafficFormError):
        builder.add(JUNE, PLAIN, 0)
    builder.add(JUNE, PLAIN, 1)
    assert builder.traffic().requests == COUNT_MAX


@pytest.mark.parametrize("text", ["", PLAIN + ",x", PLAIN[:-8], PLAIN.replace("DQ", "DR")])
def test_rows_have_their_form(text: str) -> None:
    """Also those of a table: one that is not whole stops a replay."""
    with pytest.raises(TrafficFormError):
        TrafficBuilder().add(JUNE, text, 1)
