"""The compiled policy against the prose: every outcome, reason, duty and counterfactual."""

from __future__ import annotations

from itertools import combinations, product

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.domain.decision import ClassDecision, Facts, RuleId
from comity.domain.vocabulary import (
    Assurance,
    Certification,
    DataClass,
    Instrument,
    Outcome,
    Purpose,
    RecordKind,
)
from comity.policy import PolicyBundle, Rule, compile_policy
from comity.policy.axis import Axis
from comity.policy.change import find_changes
from comity.policy.masks import build_masks
from comity.policy.settle import settle
from tests.property.policy import cases, oracle

STRICT = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
MANY = settings(max_examples=120)


def decide(
    bundle: PolicyBundle, facts: Facts, *, reviewed: bool = False
) -> tuple[ClassDecision, ...]:
    """Every decision of a bundle about the facts."""
    policy = compile_policy(bundle, None, cases.FAMILIES)
    return policy.decide(facts, cases.CLASSES, cases.KINDS, reviewed=reviewed)


@MANY
@given(cases.bundles(), cases.many_facts(), st.booleans())
def test_masks_decide_as_the_prose_says(
    bundle: PolicyBundle, asked: list[Facts], reviewed: bool
) -> None:
    """Outcome, deciding rules and obligations equal those of the plain evaluator."""
    policy = compile_policy(bundle, None, cases.FAMILIES)
    for facts in asked:
        table = policy.table(facts, cases.CLASSES, cases.KINDS, reviewed=reviewed)
        for kind, data_class in product(cases.KINDS, cases.CLASSES):
            seen = table.of(kind, data_class)
            expected = oracle.evaluate(
                bundle.rules,
                oracle.said_of(facts, data_class, kind),
                cases.FAMILIES,
                reviewed=reviewed,
            )
            found = (
                str(seen.outcome),
                [reason.rule for reason in seen.reasons],
                set(seen.obligations),
            )
            assert found == expected


@given(cases.bundles(fewest=1), cases.facts(), cases.rules("ZZ", (Outcome.DENY,)))
def test_a_further_deny_rule_never_loosens(
    bundle: PolicyBundle, facts: Facts, denying: Rule
) -> None:
    """No outcome gets milder when a deny rule is added."""
    stricter = msgspec.structs.replace(bundle, rules=(*bundle.rules, denying))
    for before, after in zip(decide(bundle, facts), decide(stricter, facts), strict=True):
        assert STRICT[after.outcome] >= STRICT[before.outcome]


@given(cases.bundles(fewest=1), cases.facts())
def test_review_opens_holds_and_nothing_else(bundle: PolicyBundle, facts: Facts) -> None:
    """A verified review turns every hold into a release and leaves every other outcome."""
    plain, reviewed = decide(bundle, facts), decide(bundle, facts, reviewed=True)
    for before, after in zip(plain, reviewed, strict=True):
        opened = Outcome.RELEASE if before.outcome is Outcome.HOLD else before.outcome
        assert after.outcome is opened


@given(cases.bundles(), cases.facts(), st.booleans())
def test_an_unlisted_agency_gets_nothing(
    bundle: PolicyBundle, facts: Facts, reviewed: bool
) -> None:
    """An agency that the directory does not list is denied whatever the rules say."""
    facts = msgspec.structs.replace(facts, agency=cases.UNLISTED)
    assert {d.outcome for d in decide(bundle, facts, reviewed=reviewed)} == {Outcome.DENY}


@given(cases.bundles(), cases.facts())
def test_no_record_is_as_strict_as_the_strictest_kind(bundle: PolicyBundle, facts: Facts) -> None:
    """That there is no record is told only where any kind's first class would be."""
    policy = compile_policy(bundle, None, cases.FAMILIES)
    table = policy.table(facts, cases.CLASSES, cases.KINDS)
    strictest = max((row[0].outcome for row in table.rows), key=STRICT.__getitem__)
    assert policy.decide_strictest(facts, cases.CLASSES, cases.KINDS).outcome is strictest
    assert STRICT[table.mildest] == min(STRICT[cell.outcome] for cell in table.cells)


@MANY
@given(cases.bundles(fewest=2), cases.facts(), st.booleans())
def test_each_suggestion_is_true_and_none_is_left_out(
    bundle: PolicyBundle, facts: Facts, reviewed: bool
) -> None:
    """What is suggested leads where it says, and an honest single change is never missed."""
    enabled = tuple(rule for rule in bundle.rules if rule.enabled)
    table = build_masks(enabled, cases.FAMILIES)
    facts = msgspec.structs.replace(facts, agency=next(iter(cases.FAMILIES)))
    for kind, data_class in product(cases.KINDS, cases.CLASSES):
        said = oracle.said_of(facts, data_class, kind)
        mask = table.agencies[facts.agency]
        for axis in Axis:
            mask &= -1 if axis is Axis.AGENCY else table.values[axis][said[axis.value]]
        settled = settle(table, mask, reviewed=reviewed)
        found = find_changes(table, mask, settled, reviewed=reviewed)
        singles = oracle.single_changes(enabled, said, cases.FAMILIES, reviewed=reviewed)
        if singles:
            assert {(a, v, str(c.outcome)) for c in found for a, v in c.values} == singles
        for change in found:
            changed = said | {axis.value: value for axis, value in change.values}
            then = oracle.evaluate(enabled, changed, cases.FAMILIES, reviewed=reviewed)[0]
            assert then == change.outcome


@given(cases.bundles(fewest=2), cases.facts())
def test_silence_means_that_no_two_changes_help(bundle: PolicyBundle, facts: Facts) -> None:
    """Where nothing would change an outcome, no honest pair of changes does."""
    for decision in decide(bundle, facts):
        if decision.would_change or facts.agency == cases.UNLISTED:
            continue
        said = oracle.said_of(facts, decision.data_class, decision.record_kind)
        axes = [a for a in oracle.SETTABLE if a != "purpose" or said[a] == "not_stated"]
        for first, second in combinations(axes, 2):
            pairs = product(oracle.SETTABLE[first], oracle.SETTABLE[second])
            for one, other in pairs:
                changed = {**said, first: one, second: other}
                then = oracle.evaluate(bundle.rules, changed, cases.FAMILIES, reviewed=False)[0]
                assert oracle.ORDER.index(then) >= STRICT[decision.outcome]


@given(cases.bundles(), cases.facts())
def test_a_stated_purpose_is_never_exchanged(bundle: PolicyBundle, facts: Facts) -> None:
    """Only a purpose that was not stated is ever asked for."""
    facts = msgspec.structs.replace(facts, purpose=Purpose.CIVIL_IMMIGRATION)
    assert not any("purpose" in decision.would_change for decision in decide(bundle, facts))


@given(cases.bundles(), cases.facts())
def test_decisions_are_the_same_every_time(bundle: PolicyBundle, facts: Facts) -> None:
    """A remembered answer equals a fresh one, whatever was asked in between."""
    policy = compile_policy(bundle, None, cases.FAMILIES)
    first = policy.decide(facts, cases.CLASSES, cases.KINDS)
    for instrument, certification, assurance in product(Instrument, Certification, Assurance):
        other = msgspec.structs.replace(
            facts, instrument=instrument, certification=certification, assurance=assurance
        )
        policy.decide(other, (DataClass.PHOTO,), (RecordKind.LICENCE,))
    assert policy.decide(facts, cases.CLASSES, cases.KINDS) == first == decide(bundle, facts)


@given(cases.bundles(fewest=1), st.text(alphabet="ABCXYZ0123456789-", min_size=1, max_size=6))
def test_a_rules_id_decides_nothing(bundle: PolicyBundle, name: str) -> None:
    """An id has no meaning: renaming a rule changes reasons, never an outcome."""
    first = bundle.rules[0]
    renamed = msgspec.structs.replace(first, id=RuleId(f"Q-{name}"))
    other = msgspec.structs.replace(bundle, rules=(renamed, *bundle.rules[1:]))
    table, changed = (
        build_masks(tuple(r for r in b.rules if r.enabled), cases.FAMILIES) for b in (bundle, other)
    )
    assert table.agencies == changed.agencies
    assert table.values == changed.values
