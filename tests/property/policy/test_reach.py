"""The advice on leaks: each door's number is what its drafted rule takes away, and nothing else."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.domain.agency import Acting, ActsFor, Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import AgencyType, DataClass, Outcome
from comity.policy import Axis, Condition, Mark, PolicyBundle, Rule, Statute, check_bundle
from comity.policy.difference import compare
from comity.policy.door import DoorKind
from comity.policy.layer import layered_rules
from comity.policy.reach import Door, Reach, closed, doors_elsewhere, reach
from comity.policy.space import Asker, RequestKind, Space
from comity.policy.target import homes_of, target_within, targets_of
from tests.property.policy.cases import VALUES, bundles, conditions
from tests.property.policy.oracle import applying, evaluate
from tests.property.policy.test_proofs import ASKERS, each_kind

_POWERS = (ActsFor(family=Family("US/DHS/ICE"), how=Acting.CROSS_DESIGNATED),)
_RELAYS = (ActsFor(family=Family("US/DHS"), how=Acting.RELAY),)
ALL = (
    *ASKERS,
    Asker(ORI("TX0SO0001"), Family("TX/LOCAL/SO"), AgencyType.PD, "Practice Sheriff", _POWERS),
    Asker(ORI("WA0SP0001"), Family("WA/STATE"), AgencyType.PD, "Practice Desk", _RELAYS),
    Asker(ORI("XXTSA0001"), Family("US/DHS/TSA"), AgencyType.FE),
    Asker(ORI("XXDHS0001"), Family("US/DHS"), AgencyType.FE),
)
_ASKED = (Axis.MESSAGE_KEY, Axis.DATA_CLASS, Axis.RECORD_KIND)
_WIDE = frozenset({Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT})
SPACE = Space(
    askers=ALL,
    choices=(
        tuple(
            dict(zip(_ASKED, asked, strict=True))
            for asked in (
                ("DQ", "status", "licence"), ("DQ", "address", "licence"),
                ("DQ", "opaque", "licence"), ("KQ", "status", "licence"),
                ("KQ", "status", "noncompliant_licence"), ("AM", "opaque", "other"),
            )
        ),
        *(
            tuple({axis: value} for value in VALUES[axis][: 3 if axis in _WIDE else 1])
            for axis in Axis
            if axis not in {Axis.AGENCY, Axis.AGENCY_TYPE, *_ASKED}
        ),
    ),
)  # fmt: skip


@st.composite
def barring(draw: st.DrawFn) -> PolicyBundle:
    """A bundle in which most is released and one or two families are refused something by name."""
    drawn = draw(bundles(most=3))
    bars = tuple(
        Rule(
            id=RuleId(f"BAR{number}"),
            effect=draw(st.sampled_from([Outcome.DENY, Outcome.HOLD])),
            when=msgspec.structs.replace(
                draw(conditions()),
                agency=draw(
                    st.sampled_from([("US/DHS/ICE",), ("US/DHS/ICE/HSI",), ("XXFBI0001",)])
                ),
            ),
            unless=tuple(draw(st.lists(conditions(fewest=1), max_size=2))),
            statute=Statute(cite="practice data", mark=Mark.PRACTICE),
            sentence="A bar of the practice data.",
        )
        for number in range(draw(st.integers(1, 2)))
    )
    opens = Rule(
        id=RuleId("OPEN"),
        effect=Outcome.RELEASE,
        statute=Statute(cite="practice data", mark=Mark.PRACTICE),
    )
    return msgspec.structs.replace(drawn, rules=(*bars, *drawn.rules, opens))


def found(bundle: PolicyBundle) -> list[Reach]:
    """The advice on every target of a bundle."""
    rules = layered_rules(bundle, None)
    return [reach(rules, target, SPACE) for target in targets_of(rules)]


def identities(doors: tuple[Door, ...]) -> set[tuple[object, ...]]:
    """What tells doors apart, with their numbers."""
    return {(door.kind, door.who, door.said, door.request_kinds) for door in doors}


@settings(max_examples=60, deadline=None)
@given(barring(), st.data())
def test_a_drafted_rule_closes_its_door_and_no_other(
    bundle: PolicyBundle, data: st.DataObject
) -> None:
    """Its number of what is released goes; nothing loosens, and the other doors stand."""
    rules = layered_rules(bundle, None)
    for advice in found(bundle):
        if not advice.doors:
            continue
        door = data.draw(st.sampled_from(advice.doors))
        after = closed(bundle, door)
        check_bundle(after, None)
        change = compare(rules, layered_rules(after, None), SPACE)
        assert not change.loosens
        gone_kinds = sum(m.request_kinds for m in change.moves if m.before is Outcome.RELEASE)
        assert gone_kinds == door.request_kinds
        again = reach(layered_rules(after, None), advice.target, SPACE)
        gone = identities(advice.doors) - identities(again.doors)
        assert gone == identities((door,))
        assert identities(again.doors) < identities(advice.doors)


KINDS = each_kind(SPACE)
SAID = [{axis.value: value for axis, value in kind.items()} for kind in KINDS]
PLACES = [
    tuple(kind[axis] for axis in Axis if axis not in {Axis.AGENCY, Axis.AGENCY_TYPE})
    for kind in KINDS
]
"""Each request kind but for who asks."""
HOMES = {asker.ori: asker.family for asker in ALL}


def outcome_of(rules: tuple[Rule, ...], kind: RequestKind) -> tuple[str, list[str]]:
    """What the second evaluator says of one request kind."""
    said = {axis.value: value for axis, value in kind.items()}
    outcome, deciding, _ = evaluate(rules, said, HOMES, reviewed=False)
    return outcome, deciding


@settings(max_examples=40, deadline=None)
@given(barring())
def test_a_door_is_a_request_that_is_released(bundle: PolicyBundle) -> None:
    """Its witness is one that can be asked, and is released by the rules that are named."""
    rules = layered_rules(bundle, None)
    for advice in found(bundle):
        for door in advice.doors:
            kind = {Axis(name): value for name, value in door.witness.items()}
            assert kind in KINDS
            assert outcome_of(rules, kind) == ("release", list(door.rules))


@settings(max_examples=15, deadline=None)
@given(barring())
def test_another_agency_s_door_is_what_the_target_is_barred_from(bundle: PolicyBundle) -> None:
    """Counted one by one: released to it, and in the same place barred for some of the target."""
    rules = layered_rules(bundle, None)
    released_to = cache(lambda place: outcome_of(rules, KINDS[place])[0] == "release")
    for advice in found(bundle):
        bars = [
            msgspec.structs.replace(bar, unless=tuple(e for e in bar.unless if _is_for_all(e, bar)))
            for bar in advice.target.bars
        ]
        barred = {
            place
            for place, said in zip(PLACES, SAID, strict=True)
            if applying(bars, said, HOMES[ORI(said["agency"])])
        }
        for door in advice.doors:
            if door.kind in OTHERS:
                released = [
                    kind
                    for place, kind in enumerate(KINDS)
                    if PLACES[place] in barred and is_of(kind, door.who) and released_to(place)
                ]
                assert len(released) == door.request_kinds
                assert len({k[Axis.AGENCY] for k in released}) == door.agencies


OTHERS = {DoorKind.SISTER_AGENCY, DoorKind.CROSS_DESIGNATED, DoorKind.RELAY}


def is_of(kind: RequestKind, who: tuple[str, ...]) -> bool:
    """Whether one of these agencies or families asks."""
    ori = kind[Axis.AGENCY]
    return ori in who or any(f"{HOMES[ORI(ori)]}/".startswith(f"{each}/") for each in who)


def _is_for_all(exception: Condition, bar: Rule) -> bool:
    """Whether an exception is one for every agency of a bar: where it holds nobody is barred."""

    def names(condition: Condition, said: dict[str, Any]) -> bool:
        who = Condition(agency=condition.agency, agency_type=condition.agency_type)
        rule = msgspec.structs.replace(bar, when=who, unless=())
        return bool(applying([rule], said, HOMES[ORI(said["agency"])]))

    return all(names(exception, said) for said in SAID if names(bar.when, said))


def test_nobody_refused_by_name_has_no_door() -> None:
    """Without a bar there is no target; one that is asked for has none either."""
    rules = (rule_of("OPEN", Outcome.RELEASE), rule_of("ALL", Outcome.DENY, purpose=("court",)))
    assert targets_of(rules) == ()
    target = target_within(rules, "US/DHS/ICE", homes_of(ALL))
    advice = reach(rules, target, SPACE)
    assert (target.bars, advice.doors, advice.refused) == ((), (), 0)
    assert advice.released == (DataClass.STATUS, DataClass.ADDRESS, DataClass.OPAQUE)


def test_what_other_states_open_is_counted_there() -> None:
    """Their own rules, the same target; their agencies that get it here are counted too."""
    bar = rule_of("BAR", Outcome.DENY, agency=("US/DHS/ICE",))
    opens = rule_of("OPEN", Outcome.RELEASE)
    (target,) = targets_of((bar, opens))
    advice = reach((bar, opens), target, SPACE)
    others = {Member("tx"): (opens,), Member("ny"): (bar, opens), Member("oh"): ()}
    door = doors_elsewhere(target, others, SPACE, advice.getting)
    assert door is not None
    assert (door.who, door.request_kinds) == (("TX",), advice.refused)
    assert door.agencies == sum(asker.family.startswith("TX/") for asker in ALL)
    assert [rule.when for rule in door.closing] == [bar.when]
    assert doors_elsewhere(target, {Member("ny"): (bar, opens)}, SPACE, ()) is None


def rule_of(name: str, effect: Outcome, **when: Any) -> Rule:
    """A rule of the practice data."""
    return Rule(
        id=RuleId(name),
        effect=effect,
        when=Condition(**when),
        statute=Statute(cite="practice data", mark=Mark.PRACTICE),
        sentence="A rule of the practice data.",
    )
