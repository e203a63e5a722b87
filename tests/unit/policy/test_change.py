"""What would change an outcome: the sentences, and what is never suggested."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.decision import RuleId
from comity.domain.vocabulary import (
    Assurance,
    Certification,
    Emergency,
    Instrument,
    Offence,
    Outcome,
    Purpose,
)
from comity.policy import Condition, Rule
from tests.unit.policy.build import ERO, LICENCE, RELEASE_ALL, STATUS, facts, policy, rule

ICE = {"agency": ("US/DHS/ICE",)}
HOLD = rule("HOLD", Outcome.HOLD, **ICE)
P = Purpose


def unless(effect: Outcome = Outcome.DENY, **exception: Any) -> Rule:
    """A rule against ICE with one exception."""
    return rule("X", effect, Condition(**exception), **ICE)


def would_change(*rules: Rule, reviewed: bool = False, **said: Any) -> str:
    """What would change the outcome of a driver query by ERO."""
    compiled = policy(RELEASE_ALL, *rules)
    return compiled.decide(facts(ERO, **said), STATUS, LICENCE, reviewed=reviewed)[0].would_change


JUDGES = (Instrument.ARTICLE_III_WARRANT, Instrument.STATE_WARRANT, Instrument.COURT_ORDER)


@pytest.mark.parametrize(
    ("rules", "said", "sentence"),
    [
        ((), {}, ""),
        ((rule("X", Outcome.DENY, **ICE),), {}, ""),
        ((HOLD,), {}, ""),
        (
            (unless(instrument=JUDGES),),
            {},
            "A court order or a judicial warrant would allow this.",
        ),
        (
            (unless(instrument=JUDGES), HOLD),
            {},
            "A court order or a judicial warrant would allow this after review.",
        ),
        (
            (unless(instrument=(Instrument.ARTICLE_III_WARRANT,)),),
            {},
            "A warrant signed by a federal judge (Article III) would allow this.",
        ),
        (
            (unless(Outcome.HOLD, instrument=(Instrument.COURT_ORDER,)),),
            {},
            "A court order would release this without review.",
        ),
        (
            (unless(certification=(Certification.VALID,)),),
            {},
            "A valid certification to this state would allow this.",
        ),
        (
            (unless(assurance=(Assurance.SIGNED,)),),
            {},
            "A query signed by its operator would allow this.",
        ),
        (
            (rule("X", Outcome.DENY, purpose=(P.CIVIL_IMMIGRATION, P.OTHER, P.NOT_STATED)),),
            {},
            (
                "State a purpose: criminal investigation, traffic safety, officer safety or one of "
                "6 others would allow this."
            ),
        ),
        (
            (unless(purpose=(P.COURT,)), HOLD),
            {},
            "State a purpose: court proceeding or service would allow this after review.",
        ),
        (
            (unless(purpose=(P.COURT, P.FIREARM)), unless(instrument=(Instrument.COURT_ORDER,))),
            {"instrument": Instrument.COURT_ORDER},
            (
                "State a purpose: court proceeding or service or firearm purchase or permit would "
                "allow this."
            ),
        ),
        (
            (
                unless(certification=(Certification.VALID,)),
                unless(instrument=(Instrument.CONSENT,)),
            ),
            {},
            (
                "A valid certification to this state and the person's consent together would allow "
                "this."
            ),
        ),
        (
            (unless(purpose=(P.COURT,)), unless(assurance=(Assurance.SIGNED,)), HOLD),
            {},
            (
                "A stated purpose (court proceeding or service) and an operator's signature "
                "together would allow this after review."
            ),
        ),
    ],
)
def test_the_sentence(rules: tuple[Rule, ...], said: dict[str, Any], sentence: str) -> None:
    """Each kind of change has its words, and a hold that stays in the way is said."""
    named = [msgspec.structs.replace(r, id=RuleId(f"R{n}")) for n, r in enumerate(rules)]
    assert would_change(*named, **said) == sentence


def test_several_ways_stand_side_by_side() -> None:
    """Single changes that each suffice are all told, the purpose first."""
    both = rule(
        "X",
        Outcome.DENY,
        Condition(instrument=(Instrument.COURT_ORDER,)),
        Condition(purpose=(P.COURT,)),
        **ICE,
    )
    assert would_change(both) == (
        "State a purpose: court proceeding or service would allow this. "
        "A court order would allow this."
    )


@pytest.mark.parametrize(
    "exception",
    [
        {"instrument": (Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT,)},
        {"instrument": (Instrument.EMERGENCY_DECLARATION,)},
        {"instrument": (Instrument.OTHER,)},
        {"emergency": (Emergency.DECLARED,)},
        {"offence": (Offence.CHILD_EXPLOITATION,)},
    ],
)
def test_some_things_are_never_suggested(exception: dict[str, Any]) -> None:
    """An emergency, an offence and an administrative warrant are facts, not ways to an answer."""
    assert would_change(unless(**exception)) == ""


def test_a_stated_purpose_is_left_alone() -> None:
    """Who stated a purpose is not told which other one would have been answered."""
    rules = (rule("X", Outcome.DENY, purpose=(P.CIVIL_IMMIGRATION, P.NOT_STATED)),)
    assert would_change(*rules, purpose=P.CIVIL_IMMIGRATION) == ""
    assert would_change(*rules).startswith("State a purpose: ")


def test_a_missing_release_can_be_suggested() -> None:
    """Where nothing releases, what would let a release rule apply is told as well."""
    released = rule("R", Outcome.RELEASE, instrument=(Instrument.COURT_SUBPOENA,))
    decision = policy(released).decide(facts(ERO), STATUS, LICENCE)[0]
    assert decision.reasons[0].rule == "NO-RULE"
    assert decision.would_change == "A court subpoena would allow this."


def test_a_denial_after_review_says_what_would_help() -> None:
    """Asked again as reviewed, the sentence no longer speaks of a review."""
    rules = (unless(instrument=(Instrument.COURT_ORDER,)), HOLD)
    assert would_change(*rules, reviewed=True) == "A court order would allow this."
