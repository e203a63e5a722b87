"""A block as rules: in force at once, confirmed by a second person, or a hold."""

from __future__ import annotations

import pytest

from comity.domain.decision import RuleId
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import Outcome
from comity.policy import PolicyBundle, Rule, encode_bundle, parse_bundle
from comity.policy.block import blocked, confirmed, lapsed, lifted_blocks, standing_block
from comity.policy.check import check_bundle
from comity.policy.errors import BlockError, RuleFormError
from comity.policy.rule import Unconfirmed
from tests.unit.policy.build import (
    ERO,
    HSI,
    LICENCE,
    POLICE,
    RELEASE_ALL,
    STATUS,
    bundle,
    facts,
    policy,
    rule,
)

UNTIL = 1_795_500_000
FAMILY = "US/DHS/ICE"
PLAIN = bundle(RELEASE_ALL)


def first(made: PolicyBundle) -> Rule:
    """The clause that stands first."""
    return made.rules[0]


def outcome(made: PolicyBundle, agency: str) -> Outcome:
    """What a bundle says to one agency's licence query."""
    compiled = policy(*made.rules)
    return compiled.decide(facts(ORI(agency)), STATUS, LICENCE)[0].outcome


def test_a_block_refuses_the_family_and_nobody_else() -> None:
    """Every agency of it, of the next version on; the clause waits to be confirmed."""
    made = blocked(PLAIN, FAMILY, "Order 14", UNTIL)
    assert parse_bundle(encode_bundle(made)) == made
    assert (made.version, made.unconfirmed) == (
        2,
        (Unconfirmed(rule=RuleId("BLOCK-1"), until=UNTIL),),
    )
    assert first(made).statute.cite == "Order 14"
    assert [outcome(made, ori) for ori in (ERO, HSI, POLICE)] == [
        Outcome.DENY, Outcome.DENY, Outcome.RELEASE,
    ]  # fmt: skip


def test_a_family_of_own_local_agencies_is_held_first() -> None:
    """A second person makes it a denial; other states' agencies are no local ones."""
    texas = bundle(RELEASE_ALL, state=Member("tx"))
    made = blocked(texas, "TX/LOCAL/PD", "Order 2", UNTIL)
    assert outcome(made, POLICE) is Outcome.HOLD
    assert outcome(confirmed(made, first(made).id), POLICE) is Outcome.DENY
    assert outcome(blocked(PLAIN, "TX/LOCAL/PD", "Order 2", UNTIL), POLICE) is Outcome.DENY


def test_what_nobody_confirms_becomes_a_hold() -> None:
    """At its time and not before; never a release, and no other clause with it."""
    made = blocked(PLAIN, FAMILY, "Order 14", UNTIL)
    assert lapsed(made, UNTIL - 1) is None
    over = lapsed(made, UNTIL)
    assert over is not None
    assert (over.version, over.unconfirmed) == (3, ())
    assert outcome(over, ERO) is Outcome.HOLD
    assert "reviews every query" in first(over).sentence
    check_bundle(over)
    two = blocked(made, "US/DHS/CBP", "Order 15", UNTIL + 60)
    half = lapsed(two, UNTIL)
    assert half is not None
    assert [each.until for each in half.unconfirmed] == [UNTIL + 60]
    assert [r.effect for r in half.rules[:2]] == [Outcome.DENY, Outcome.HOLD]


def test_what_is_confirmed_stays() -> None:
    """A confirmed denial does not lapse, and cannot be confirmed twice."""
    made = confirmed(blocked(PLAIN, FAMILY, "Order 14", UNTIL), RuleId("BLOCK-1"))
    assert (made.version, made.unconfirmed) == (3, ())
    assert lapsed(made, UNTIL + 10**6) is None
    assert outcome(made, ERO) is Outcome.DENY
    with pytest.raises(BlockError):
        confirmed(made, RuleId("BLOCK-1"))


def test_what_a_version_lifts_is_named() -> None:
    """A block that is gone is; one that is confirmed, lapsed, or ordered anew is not."""
    made = blocked(PLAIN, FAMILY, "Order 14", UNTIL)
    assert lifted_blocks(made, PLAIN) == made.rules[:1]
    assert lifted_blocks(PLAIN, made) == ()
    assert lifted_blocks(made, confirmed(made, RuleId("BLOCK-1"))) == ()
    over = lapsed(made, UNTIL)
    assert over is not None
    assert lifted_blocks(made, over) == ()


def test_a_family_is_blocked_once() -> None:
    """The same family again is refused; another gets the next id."""
    made = blocked(PLAIN, FAMILY, "Order 14", UNTIL)
    assert standing_block(made, FAMILY) == first(made)
    assert standing_block(made, "US/DHS") is None
    with pytest.raises(BlockError):
        blocked(made, FAMILY, "Order 16", UNTIL)
    assert first(blocked(made, "US/DHS", "Order 16", UNTIL)).id == "BLOCK-2"


def test_a_block_that_lapsed_is_ordered_again_in_its_place() -> None:
    """By the next order, which it then rests on; it waits for a second person as before."""
    other = blocked(blocked(PLAIN, FAMILY, "Order 14", UNTIL), "US/DHS/CBP", "Order 15", UNTIL + 60)
    over = lapsed(other, UNTIL)
    assert over is not None
    again = blocked(over, FAMILY, "Order 16", UNTIL + 90)
    check_bundle(again)
    assert parse_bundle(encode_bundle(again)) == again
    assert [(each.rule, each.until) for each in again.unconfirmed] == [
        ("BLOCK-2", UNTIL + 60),
        ("BLOCK-1", UNTIL + 90),
    ]
    assert [r.effect for r in again.rules[:2]] == [Outcome.DENY, Outcome.DENY]
    assert again.rules[1].statute.cite == "Order 16"
    assert outcome(confirmed(again, RuleId("BLOCK-1")), ERO) is Outcome.DENY
    with pytest.raises(BlockError):
        blocked(again, FAMILY, "Order 17", UNTIL)
    texas = bundle(RELEASE_ALL, state=Member("tx"))
    local = lapsed(blocked(texas, "TX/LOCAL/PD", "Order 2", UNTIL), UNTIL)
    assert local is not None
    held = blocked(local, "TX/LOCAL/PD", "Order 3", UNTIL + 90)
    assert outcome(held, POLICE) is Outcome.HOLD
    assert outcome(confirmed(held, RuleId("BLOCK-1")), POLICE) is Outcome.DENY


@pytest.mark.parametrize(
    "unconfirmed",
    [
        (Unconfirmed(rule=RuleId("NONE"), until=1),),
        (Unconfirmed(rule=RuleId("ALL"), until=1),),
        (Unconfirmed(rule=RuleId("D1"), until=1), Unconfirmed(rule=RuleId("D1"), until=1)),
        (Unconfirmed(rule=RuleId("D2"), until=1), Unconfirmed(rule=RuleId("D1"), until=1)),
        (Unconfirmed(rule=RuleId("D1"), until=-1),),
    ],
    ids=["no rule", "a release", "twice", "not in order", "no time"],
)
def test_unconfirmed_is_closed(unconfirmed: tuple[Unconfirmed, ...]) -> None:
    """Only clauses of its own that restrict, each once and in order, with a time."""
    rules = (rule("D1", Outcome.DENY), rule("D2", Outcome.HOLD), RELEASE_ALL)
    with pytest.raises(RuleFormError):
        check_bundle(bundle(*rules, unconfirmed=unconfirmed))
    check_bundle(bundle(*rules, unconfirmed=(Unconfirmed(rule=RuleId("D1"), until=1),)))
