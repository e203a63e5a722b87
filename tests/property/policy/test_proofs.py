"""Proofs, differences, Cedar and the gate against what decides, for random bundles."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from comity.adapters.cedar import CedarReferee
from comity.domain.decision import Facts
from comity.domain.vocabulary import AgencyType, Outcome
from comity.policy import Axis, Condition, Guarantee, PolicyBundle, compile_policy
from comity.policy.cedar import cedar_policies
from comity.policy.check import RESERVED_IDS
from comity.policy.decide import CompiledPolicy
from comity.policy.difference import compare
from comity.policy.guarantee import prove
from comity.policy.idle import find_idle
from comity.policy.space import Asker, Boxes, RequestKind, Space, space_of
from comity.policy.weigh import RuleSet
from comity.services.gate import facts_of_kind
from tests.property.policy.cases import (
    CLASSES,
    FAMILIES,
    KINDS,
    VALUES,
    bundles,
    conditions,
    many_facts,
)

ASKERS = tuple(
    Asker(ori, family, AgencyType.PD if family.startswith("TX") else AgencyType.FE)
    for ori, family in FAMILIES.items()
)
_ALIKE = {Axis.ASSURANCE, Axis.FAN_OUT, Axis.TIME_BAND}  # as any other axis: one value will do
FEW = {
    axis: tuple(VALUES[axis])[: 1 if axis in _ALIKE else 2]
    for axis in Axis
    if axis is not Axis.AGENCY
}
SMALL = Space(
    askers=ASKERS,
    choices=tuple(
        tuple({axis: value} for value in FEW[axis]) for axis in FEW if axis is not Axis.AGENCY_TYPE
    ),
)
"""A space small enough to ask each of its requests."""


def each_kind(space: Space) -> list[RequestKind]:
    """Every request kind of a space, one by one."""
    askers = [{Axis.AGENCY: a.ori, Axis.AGENCY_TYPE: a.type.value} for a in space.askers]
    return [
        {axis: value for choice in choices for axis, value in choice.items()}
        for choices in product(askers, *space.choices)
    ]


KINDS_OF_SMALL = each_kind(SMALL)


def decided(policy: CompiledPolicy, kind: RequestKind) -> tuple[Outcome, frozenset[str]]:
    """What the policy that decides says of a request kind."""
    cell = policy.decide(
        facts_of_kind(kind),
        (next(c for c in CLASSES if c == kind[Axis.DATA_CLASS]),),
        (next(k for k in KINDS if k == kind[Axis.RECORD_KIND]),),
    )[0]
    return cell.outcome, frozenset(r.rule for r in cell.reasons) - RESERVED_IDS


def compiled(bundle: PolicyBundle) -> CompiledPolicy:
    """The policy that decides under a bundle."""
    return compile_policy(bundle, None, FAMILIES)


@settings(max_examples=25, deadline=None)
@given(bundles())
def test_combinations_cover_every_request_and_say_what_decides(bundle: PolicyBundle) -> None:
    """Their numbers add up to all request kinds, and each witness is decided as weighed."""
    policy, boxes = compiled(bundle), Boxes()
    rules = RuleSet(policy.rules, boxes)
    found = SMALL.combinations(boxes)
    assert sum(each.kinds for each in found.values()) == SMALL.size == len(KINDS_OF_SMALL)
    for mask, each in found.items():
        weighed = rules.weigh(mask)
        assert decided(policy, each.witness) == (weighed.outcome, frozenset(weighed.rules))


@settings(max_examples=10, deadline=None)
@given(bundles(), conditions(), st.lists(conditions(fewest=1), max_size=1), st.booleans())
def test_a_proof_says_what_asking_everything_says(
    bundle: PolicyBundle, when: Condition, unless: list[Condition], reviewed: bool
) -> None:
    """Examined and broken are what is counted by asking each request kind, one by one."""
    guarantee = Guarantee(
        id="G", sentence="A promise.", when=when, unless=tuple(unless), reviewed=reviewed
    )
    policy = compiled(bundle)
    (proof,) = prove(policy.rules, (guarantee,), SMALL)
    spoken = [k for k in KINDS_OF_SMALL if meets(when, k) and not any(meets(u, k) for u in unless)]
    given_away = {Outcome.RELEASE, *([Outcome.HOLD] if reviewed else [])}
    broken = [kind for kind in spoken if decided(policy, kind)[0] in given_away]
    assert (proof.examined, proof.broken, proof.holds) == (len(spoken), len(broken), not broken)
    if broken:
        witness = {axis: proof.witness[axis] for axis in Axis}
        assert witness in broken


def meets(condition: Condition, kind: RequestKind) -> bool:
    """Whether a condition holds for a request kind, by looking at each axis."""
    asker = next(a for a in ASKERS if a.ori == kind[Axis.AGENCY])
    for axis, values in condition.terms():
        if axis is Axis.AGENCY:
            own = {asker.ori, *(asker.family[:n] for n in range(len(asker.family) + 1))}
            above = {v for v in values if v == asker.ori or f"{asker.family}/".startswith(f"{v}/")}
            if not above & own:
                return False
        elif kind[axis] not in values:
            return False
    return True


@settings(max_examples=5, deadline=None)
@given(bundles())
def test_a_rule_is_idle_where_nothing_changes_without_it(bundle: PolicyBundle) -> None:
    """Rule by rule: without an idle one nothing moves, without any other something does."""
    rules = compiled(bundle).rules
    idle = find_idle(rules, SMALL)
    for rule in rules:
        without = tuple(each for each in rules if each.id != rule.id)
        assert (not compare(rules, without, SMALL).moves) == (rule.id in idle.rules)
    for name, number in idle.exceptions:
        (rule,) = (each for each in rules if each.id == name)
        exception = rule.unless[number - 1]
        assert not any(meets(rule.when, k) and meets(exception, k) for k in KINDS_OF_SMALL)


@settings(max_examples=10, deadline=None)
@given(bundles(), bundles())
def test_a_difference_is_what_asking_both_says(old: PolicyBundle, new: PolicyBundle) -> None:
    """Each move's number is that of the request kinds that move so, and its example moves."""
    before, after = compiled(old), compiled(new)
    found = compare(before.rules, after.rules, SMALL)
    moved: dict[tuple[Outcome, Outcome], int] = {}
    for kind in KINDS_OF_SMALL:
        was, now = decided(before, kind)[0], decided(after, kind)[0]
        if was is not now:
            moved[was, now] = moved.get((was, now), 0) + 1
    counted: dict[tuple[Outcome, Outcome], int] = {}
    for move in found.moves:
        way = move.before, move.after
        counted[way] = counted.get(way, 0) + move.request_kinds
        example = {axis: move.example[axis] for axis in Axis}
        assert (decided(before, example)[0], decided(after, example)[0]) == way
    assert counted == moved
    assert found.unchanged == len(KINDS_OF_SMALL) - sum(moved.values())


@settings(max_examples=30, deadline=None)
@given(bundles(fewest=1), many_facts(count=30))
def test_cedar_says_what_decides(bundle: PolicyBundle, facts: list[Facts]) -> None:
    """Outcome and rules of the published text are those of the masks; its rules are the records."""
    policy = compiled(bundle)
    referee = CedarReferee(cedar_policies(policy.rules), ASKERS)
    records = [(rule.id, rule.effect, rule.when, rule.unless) for rule in policy.rules]
    assert [(r.id, r.effect, r.when, r.unless) for r in referee.rules()] == records
    kinds = [kind_of(each, place) for place, each in enumerate(facts) if each.agency in FAMILIES]
    for kind, ruling in zip(kinds, referee.rule_on(kinds), strict=True):
        assert not ruling.errors
        assert (ruling.outcome, ruling.rules) == decided(policy, kind)


def kind_of(facts: Facts, place: int) -> RequestKind:
    """A request kind with these facts, and a class and a record kind by turns."""
    return {
        **{axis: str(getattr(facts, axis.value)) for axis in Axis if hasattr(facts, axis.value)},
        Axis.MESSAGE_KEY: facts.key,
        Axis.DATA_CLASS: CLASSES[place % len(CLASSES)].value,
        Axis.RECORD_KIND: KINDS[place % len(KINDS)].value,
    }


def test_all_that_can_be_asked_is_in_the_space() -> None:
    """Every key that is decided, with each class it asks for and free text; no response."""
    space = space_of(ASKERS)
    asked = {(c[Axis.MESSAGE_KEY], c[Axis.DATA_CLASS]) for c in space.choices[0]}
    assert {("DQ", "photo"), ("DQ", "opaque"), ("AM", "opaque"), ("other", "opaque")} <= asked
    assert not {key for key, _ in asked} & {"DR", "RR", "KR"}
