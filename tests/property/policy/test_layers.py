"""What no rule may do by being added, left out, layered, unconfirmed or silent: release more."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.domain.decision import ClassDecision, Facts, RuleId
from comity.domain.vocabulary import Outcome
from comity.policy import (
    Condition,
    Mark,
    PolicyBundle,
    Rule,
    Statute,
    Unconfirmed,
    bundle_digest,
    compile_policy,
)
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.block import blocked, confirmed, lapsed
from tests.property.policy import cases

STRICT = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
CHANCES = st.integers(0, 1 << 32).map(Random)
MANY = settings(max_examples=80)
SILENCE = {
    Axis.PURPOSE: "not_stated",
    Axis.OFFENCE: "not_stated",
    Axis.INSTRUMENT: "not_stated",
    Axis.ASSURANCE: "not_stated",
    Axis.CERTIFICATION: "none",
}
"""What each axis has where nobody said or filed anything."""

PRACTICE = Statute(cite="practice data", mark=Mark.PRACTICE)
UNTIL = 1_000_000
BLOCKED = ("US/DHS", "US/DHS/ICE", "TX/LOCAL", "TX/LOCAL/PD", "WA/LOCAL")
CELLS = len(cases.CLASSES) * len(cases.KINDS)
ASKED = 6


def decided(
    bundle: PolicyBundle,
    asked: Sequence[Facts],
    *,
    national: PolicyBundle | None = None,
    reviewed: bool = False,
) -> list[ClassDecision]:
    """Every decision of a bundle about each of the facts."""
    policy = compile_policy(bundle, national, cases.FAMILIES)
    return [
        cell
        for facts in asked
        for cell in policy.decide(facts, cases.CLASSES, cases.KINDS, reviewed=reviewed)
    ]


def never_milder(before: Sequence[ClassDecision], after: Sequence[ClassDecision]) -> bool:
    """Whether no decision of the second is milder than the same of the first."""
    pairs = zip(before, after, strict=True)
    return all(STRICT[new.outcome] >= STRICT[old.outcome] for old, new in pairs)


def with_rules(bundle: PolicyBundle, *rules: Rule) -> PolicyBundle:
    """A bundle with these rules instead of its own."""
    return msgspec.structs.replace(bundle, rules=rules)


def layered(chance: Random) -> tuple[PolicyBundle, PolicyBundle]:
    """A state's bundle that adopts national rules less some, and the national bundle."""
    national = cases.some_bundle(chance, "N")
    out = sorted(rule.id for rule in national.rules if chance.random() < 0.3)
    state = msgspec.structs.replace(
        cases.some_bundle(chance), national=bundle_digest(national), opt_outs=tuple(out)
    )
    return state, national


@MANY
@given(CHANCES, st.booleans())
def test_a_further_deny_in_either_layer_never_loosens(chance: Random, reviewed: bool) -> None:
    """Neither a deny rule of the state's own nor one more national one makes anything milder."""
    (state, national), asked = layered(chance), cases.some_facts(chance, ASKED)
    denying = cases.some_rule(chance, "ZZ", (Outcome.DENY,))
    before = decided(state, asked, national=national, reviewed=reviewed)
    own = with_rules(state, *state.rules, denying)
    assert never_milder(before, decided(own, asked, national=national, reviewed=reviewed))
    wider = with_rules(national, *national.rules, denying)
    adopting = msgspec.structs.replace(state, national=bundle_digest(wider))
    assert never_milder(before, decided(adopting, asked, national=wider, reviewed=reviewed))


@pytest.mark.parametrize("axis", list(Axis))
def test_a_further_deny_never_loosens_on_any_axis(axis: Axis) -> None:
    """On each of fifteen axes, in condition and exception: some are denied, nobody is freed."""
    asked = cases.some_facts(Random(7), 60)
    named: dict[str, Any] = {axis.value: (cases.VALUES[axis][0],)}
    there = Condition(**named)
    everything = Rule(id=RuleId("ALL"), effect=Outcome.RELEASE, statute=PRACTICE)
    hold = Rule(id=RuleId("H"), effect=Outcome.HOLD, when=there, statute=PRACTICE, sentence="Held.")
    before = decided(cases.bundle_of((everything, hold)), asked)
    for when, unless in ((there, ()), (Condition(), (there,))):
        denying = msgspec.structs.replace(
            hold, id=RuleId("ZZ"), effect=Outcome.DENY, when=when, unless=unless
        )
        after = decided(cases.bundle_of((everything, hold, denying)), asked)
        assert never_milder(before, after)
        denied = [cell for cell in after if denying.id in {r.rule for r in cell.reasons}]
        assert 0 < len(denied) < len(after)


@MANY
@given(CHANCES, st.booleans())
def test_layers_release_nothing_that_neither_releases(chance: Random, reviewed: bool) -> None:
    """What is released under both layers one of them releases alone; none undoes the other."""
    (state, national), asked = layered(chance), cases.some_facts(chance, ASKED)
    both = decided(state, asked, national=national, reviewed=reviewed)
    own = msgspec.structs.replace(state, national=b"", opt_outs=())
    adopted = with_rules(national, *(r for r in national.rules if r.id not in state.opt_outs))
    for cell, alone, other in zip(
        both,
        decided(own, asked, reviewed=reviewed),
        decided(adopted, asked, reviewed=reviewed),
        strict=True,
    ):
        mildest = min(alone.outcome, other.outcome, key=STRICT.__getitem__)
        assert STRICT[cell.outcome] >= STRICT[mildest]


@MANY
@given(CHANCES)
def test_to_opt_out_of_what_releases_never_loosens(chance: Random) -> None:
    """A state that takes over less of what releases gives no more."""
    (state, national), asked = layered(chance), cases.some_facts(chance, ASKED)
    releasing = {rule.id for rule in national.rules if rule.effect is Outcome.RELEASE}
    more = tuple(sorted({*state.opt_outs, *releasing}))
    narrower = msgspec.structs.replace(state, opt_outs=more)
    before = decided(state, asked, national=national)
    assert never_milder(before, decided(narrower, asked, national=national))


def needing(chance: Random, axis: Axis) -> PolicyBundle:
    """A bundle in which every release rule needs the axis to say something."""
    said = [value for value in AXIS_VALUES[axis] if value != SILENCE[axis]]
    bundle = cases.some_bundle(chance)
    rules = []
    for rule in bundle.rules:
        kept = set(chance.sample(said, chance.randint(1, len(said))))
        named: dict[str, Any] = {axis.value: tuple(value for value in said if value in kept)}
        needs = msgspec.structs.replace(rule, when=msgspec.structs.replace(rule.when, **named))
        rules.append(needs if rule.effect is Outcome.RELEASE else rule)
    return with_rules(bundle, *rules)


def silent(chance: Random, axis: Axis) -> list[Facts]:
    """Facts that say nothing on an axis."""
    said: dict[str, Any] = {axis.value: SILENCE[axis]}
    return [msgspec.structs.replace(f, **said) for f in cases.some_facts(chance, ASKED)]


@pytest.mark.parametrize("axis", list(SILENCE))
@settings(max_examples=40)
@given(chance=CHANCES, reviewed=st.booleans())
def test_silence_releases_nothing_that_needs_a_word(
    axis: Axis, chance: Random, reviewed: bool
) -> None:
    """Where every rule that releases needs a stated value, who says nothing gets nothing."""
    bundle, asked = needing(chance, axis), silent(chance, axis)
    assert {c.outcome for c in decided(bundle, asked, reviewed=reviewed)} == {Outcome.DENY}


@pytest.mark.parametrize("axis", list(SILENCE))
@settings(max_examples=40)
@given(chance=CHANCES)
def test_silence_is_no_exception(axis: Axis, chance: Random) -> None:
    """A denial with exceptions for stated values alone stands for who says nothing."""
    said = [value for value in AXIS_VALUES[axis] if value != SILENCE[axis]]
    named: dict[str, Any] = {axis.value: (chance.choice(said),)}
    denying = Rule(
        id=RuleId("ZZ"),
        effect=Outcome.DENY,
        unless=(Condition(**named),),
        statute=PRACTICE,
        sentence="Denied.",
    )
    bundle = cases.some_bundle(chance)
    outcomes = decided(
        with_rules(bundle, *bundle.rules, denying), silent(chance, axis), reviewed=True
    )
    assert {cell.outcome for cell in outcomes} == {Outcome.DENY}


@MANY
@given(CHANCES, st.booleans())
def test_a_block_never_loosens_whatever_becomes_of_it(chance: Random, reviewed: bool) -> None:
    """In force, confirmed, lapsed: never milder than before, nothing for the family unseen."""
    (state, national), asked = layered(chance), cases.some_facts(chance, ASKED)
    family = chance.choice(BLOCKED)
    block = blocked(state, family, "an order", UNTIL)
    later = lapsed(block, UNTIL)
    assert lapsed(block, UNTIL - 1) is None
    assert later is not None
    before, standing, over, sure = (
        decided(each, asked, national=national, reviewed=reviewed)
        for each in (state, block, later, confirmed(block, block.rules[0].id))
    )
    assert never_milder(before, over)
    assert never_milder(over, standing)
    assert never_milder(standing, sure)
    for place, facts in enumerate(asked):
        if f"{cases.FAMILIES.get(facts.agency, '')}/".startswith(f"{family}/"):
            own = slice(place * CELLS, (place + 1) * CELLS)
            assert {cell.outcome for cell in sure[own]} == {Outcome.DENY}
            if not reviewed:
                seen = {cell.outcome for cell in (*standing[own], *over[own])}
                assert Outcome.RELEASE not in seen


@MANY
@given(CHANCES)
def test_any_unconfirmed_clause_that_lapses_never_loosens_what_was(chance: Random) -> None:
    """A clause of any form that one person put in leaves at its end what stood before, or less."""
    bundle, asked = cases.some_bundle(chance), cases.some_facts(chance, ASKED)
    clause = cases.some_rule(chance, "ZZ", (Outcome.DENY, Outcome.HOLD))
    waiting = (Unconfirmed(rule=clause.id, until=UNTIL),)
    standing = msgspec.structs.replace(bundle, rules=(clause, *bundle.rules), unconfirmed=waiting)
    later = lapsed(standing, UNTIL)
    assert later is not None
    assert later.unconfirmed == ()
    assert later.rules[0].effect is Outcome.HOLD
    assert never_milder(decided(bundle, asked), decided(later, asked))
    assert never_milder(decided(later, asked), decided(standing, asked))
