"""A version against the one before it, in one sentence; and rules of an earlier version again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, DataClass, Outcome
from comity.policy import Budget, BudgetPer, Condition, Guarantee, PolicyBundle
from comity.policy.block import blocked, brought_back, confirmed, lapsed
from comity.policy.difference import Difference, compare
from comity.policy.history import first_sentence, sentence_of_change
from comity.policy.rule import Unconfirmed
from comity.policy.space import Asker, Space, space_of
from tests.unit.policy.build import RELEASE_ALL, bundle, rule

UNTIL = 1_795_500_000
FAMILY = "TX/LOCAL"
PROMISE = Guarantee(id="WA-1", sentence="A promise.", when=Condition(data_class=(DataClass.SSN,)))
OPEN = bundle(RELEASE_ALL)
BLOCKED = blocked(OPEN, FAMILY, "Order 14", UNTIL)
SURE = confirmed(BLOCKED, RuleId("BLOCK-1"))
HELD = lapsed(BLOCKED, UNTIL)


def space() -> Space:
    """What one Texas police department can ask."""
    return space_of([Asker(ORI("TX0PD0001"), Family("TX/LOCAL/PD"), AgencyType.PD)])


def difference(old: PolicyBundle, new: PolicyBundle) -> Difference:
    """What changes for that department."""
    return compare(old.rules, new.rules, space())


def said(old: PolicyBundle, new: PolicyBundle) -> str:
    """The sentence of a change."""
    return sentence_of_change(old, new, difference(old, new))


def test_a_block_and_what_became_of_it() -> None:
    """Tightened by so much, because of that clause; then confirmed, or a hold."""
    assert HELD is not None
    text = said(OPEN, BLOCKED)
    assert text.startswith("Tightens ")
    assert text.endswith("of request because of BLOCK-1; BLOCK-1 is not confirmed yet.")
    assert said(BLOCKED, SURE) == "BLOCK-1 is confirmed."
    text = said(BLOCKED, HELD)
    assert text.startswith("Loosens ")
    assert text.endswith("BLOCK-1 is a hold now, because nobody confirmed it in time.")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Changes nothing."),
        ({"title": "Other", "hold_hours": 1}, "Has another title and another wait for holds."),
        ({"guarantees": (PROMISE,)}, "Promises WA-1."),
        ({"notice_hours": 72}, "Asks for 72 hours of notice in place of 0."),
        ({"budgets": (Budget(per=BudgetPer.AGENCY, persons=9),)}, "Has other budgets."),
        ({"guarantee_opt_outs": ("G-X", "G-Y")}, "Promises G-X and G-Y no longer."),
        (
            {"rules": (RELEASE_ALL, rule("MORE", Outcome.RELEASE))},
            "Changes clauses that decide the same.",
        ),
    ],
)
def test_every_other_change_is_named(changes: dict[str, Any], text: str) -> None:
    """Each field that differs, and nothing where nothing does."""
    assert said(OPEN, msgspec.structs.replace(OPEN, version=2, **changes)) == text


def test_what_is_dropped_is_named() -> None:
    """Beside the rules that are left, which decide in its place."""
    text = said(SURE, msgspec.structs.replace(OPEN, version=5))
    assert text.startswith("Loosens ")
    assert text.endswith(" because of ALL; drops BLOCK-1.")
    many = tuple(rule(f"R{number}", Outcome.DENY) for number in range(7))
    before = msgspec.structs.replace(OPEN, rules=(RELEASE_ALL, *many))
    assert "; drops 7 rules" in said(before, OPEN)


def test_a_promise_changed_or_taken_back_is_told() -> None:
    """Another promise under its id is a promise; without it, it is one no longer."""
    kept = msgspec.structs.replace(OPEN, guarantees=(PROMISE,), guarantee_opt_outs=("G-X",))
    other = msgspec.structs.replace(PROMISE, reviewed=True)
    assert said(kept, msgspec.structs.replace(kept, guarantees=(other,))) == "Promises WA-1."
    assert said(kept, OPEN) == "Promises G-X; promises WA-1 no longer."


def test_what_cannot_be_compared_says_so() -> None:
    """Never that nothing changed. The first version has none before it."""
    assert sentence_of_change(OPEN, OPEN, None) == "Cannot be compared here."
    assert first_sentence(OPEN) == "The first version: 1 rule of its own."


def test_rules_of_an_earlier_version_are_the_next() -> None:
    """Its rules, the number after the one in force."""
    later = msgspec.structs.replace(OPEN, version=7, title="Later")
    assert brought_back(OPEN, later, UNTIL) == msgspec.structs.replace(OPEN, version=8)


def test_what_was_not_confirmed_does_not_come_back_as_confirmed() -> None:
    """It waits for a second person again, until the new time, also where it lapsed since."""
    assert HELD is not None
    without = msgspec.structs.replace(OPEN, version=5)
    waiting = (Unconfirmed(rule=RuleId("BLOCK-1"), until=UNTIL + 9),)
    for standing in (HELD, without):
        back = brought_back(BLOCKED, standing, UNTIL + 9)
        assert back.rules == BLOCKED.rules
        assert back.unconfirmed == waiting


def test_what_still_waits_gets_no_more_time() -> None:
    """It lapses when it would have; and what was confirmed since stays so."""
    standing = msgspec.structs.replace(BLOCKED, version=4)
    assert brought_back(BLOCKED, standing, UNTIL + 9).unconfirmed == BLOCKED.unconfirmed
    assert brought_back(BLOCKED, SURE, UNTIL + 9).unconfirmed == ()
