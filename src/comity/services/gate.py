"""The gate before rules take force: three evaluators that must agree, each made in another way.

    1. the published text, read back, says what the records say
    2. every agency has the mask of those that no rule tells it from, and every table of joined axes
       is the AND of its values
    3. on every combination of conditions that a request can meet, the masks that decide, the boxes
       of proofs and Cedar give the same outcome for the same rules, without and with a review
    4. so do the masks that decide and Cedar on every request that a wrong bit would change
    5. count and solver agree on every guarantee: whether it holds, and by a witness that breaks it

Guarantee: `run_gate` passes a policy only if all five hold; it names what disagrees. It judges the
policy that it is given, compiled, and nothing that is like it. A guarantee that both call broken
fails no gate: it is what the rules say.
It stops nothing by itself: what freezes a publication is no reason against a block.
Source: docs/adr/0027-proofs.md; docs/adr/0032-second-proof-and-certificates.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

import msgspec

from comity.domain.decision import ClassDecision, Facts, RuleId
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy.axis import Axis
from comity.policy.check import RESERVED_IDS
from comity.policy.decide import JOINED_AXES, CompiledPolicy
from comity.policy.directed import directed_requests
from comity.policy.families import agency_values
from comity.policy.guarantee import guarantees_in_force
from comity.policy.rule import Condition, Guarantee
from comity.policy.space import Asker, Boxes, RequestKind, space_of
from comity.policy.weigh import RuleSet
from comity.ports import ReadRule, Referee, Ruling, Solver
from comity.services.proving import TwiceProved, prove_twice

__all__ = [
    "DISAGREEMENTS_MAX",
    "PLAIN_CLAIMS",
    "Disagreement",
    "GateReport",
    "facts_of_kind",
    "run_gate",
]

DISAGREEMENTS_MAX: Final = 20
"""Disagreements that a report names; the first of them stops a publication."""

_OF_FACTS: Final = {
    axis: "key" if axis is Axis.MESSAGE_KEY else axis.value
    for axis in Axis
    if axis not in {Axis.AGENCY, Axis.DATA_CLASS, Axis.RECORD_KIND}
}
"""The axes of facts whose values are closed, by the field that has them."""

PLAIN_CLAIMS: Final[dict[Axis, str]] = {
    Axis.CERTIFICATION: "valid",
    Axis.ASSURANCE: "agency_asserted",
    Axis.MESSAGE_KEY: "DQ",
    Axis.DATA_CLASS: "",
    Axis.RECORD_KIND: "licence",
    Axis.PURPOSE: "not_stated",
    Axis.OFFENCE: "not_stated",
    Axis.INSTRUMENT: "not_stated",
    Axis.FAN_OUT: "single",
    Axis.EMERGENCY: "none",
    Axis.TIME_BAND: "weekday_day",
    Axis.BUDGET: "within",
    Axis.DIRECTION: "inbound",
}
"""A request that claims nothing, by a weekday's day: all of it but who asks."""

_Answer = tuple[Outcome, frozenset[RuleId], Outcome, frozenset[RuleId]]


class Disagreement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was looked at, and what each evaluator said."""

    what: str
    said: dict[str, str]
    request: dict[str, str] = {}


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate looked at: `request_kinds` by `combinations`, and `directed` requests that show
    `errors_shown` errors of one bit; `errors_silent` would change no answer. `guarantees` were
    proved twice.
    """

    rules: int
    request_kinds: int
    combinations: int
    directed: int
    errors_shown: int
    errors_silent: int
    guarantees: int
    disagreements: tuple[Disagreement, ...]

    @property
    def passed(self) -> bool:
        """Whether all agree."""
        return not self.disagreements


def run_gate(
    policy: CompiledPolicy,
    askers: Sequence[Asker],
    referee: Referee,
    solver: Solver,
    guarantees: Sequence[Guarantee] | None = None,
) -> GateReport:
    """Return what the evaluators say of a compiled policy over the agencies of a directory.

    `guarantees` are those of the policy unless others are given.
    Raises: TooManyCombinationsError, CedarError: then nothing is known, and nothing passes.
    """
    found: list[Disagreement] = []
    found += _read_back(policy, referee)
    boxes = Boxes()
    rule_set = RuleSet(policy.rules, boxes)
    apart = _told_apart(policy, askers, boxes)
    found += apart.disagreements
    space = space_of(askers)
    combinations = space.combinations(boxes)
    kinds = [combination.witness for combination in combinations.values()]
    found += _look_ups(policy, kinds[0])
    rulings = referee.rule_on(kinds)
    for mask, kind, ruling in zip(combinations, kinds, rulings, strict=True):
        weighed = rule_set.weigh(mask)
        by_boxes = weighed.outcome, frozenset(weighed.rules)
        decided = _decided(policy, kind)
        if decided != _of(ruling) or by_boxes != decided[:2]:
            found.append(_disagreement("combination", kind, decided, ruling, by_boxes))
    directed = directed_requests(policy.masks, apart.agencies)
    for kind, ruling in zip(directed.requests, referee.rule_on(directed.requests), strict=True):
        decided = _decided(policy, kind)
        if decided != _of(ruling):
            found.append(_disagreement("directed request", kind, decided, ruling))
    promised = guarantees_in_force(policy.bundle) if guarantees is None else guarantees
    found += filter(None, map(_doubt, prove_twice(policy.rules, promised, askers, solver)))
    return GateReport(
        rules=len(policy.rules),
        request_kinds=space.size,
        combinations=len(combinations),
        directed=len(directed.requests),
        errors_shown=directed.shown,
        errors_silent=directed.silent,
        guarantees=len(promised),
        disagreements=tuple(found[:DISAGREEMENTS_MAX]),
    )


def _doubt(proved: TwiceProved) -> Disagreement | None:
    if proved.is_settled:
        return None
    counted = "no count" if proved.broken is None else f"{proved.broken:,} break it"
    said = {"count": counted, "solver": proved.why}
    return Disagreement(
        what=f"guarantee {proved.guarantee}", said=said, request=dict(proved.witness)
    )


def facts_of_kind(kind: RequestKind) -> Facts:
    """Return the facts that a request kind stands for."""
    return Facts(
        agency=ORI(kind[Axis.AGENCY]),
        agency_type=AgencyType(kind[Axis.AGENCY_TYPE]),
        certification=Certification(kind[Axis.CERTIFICATION]),
        assurance=Assurance(kind[Axis.ASSURANCE]),
        key=MessageKey(kind[Axis.MESSAGE_KEY]),
        purpose=Purpose(kind[Axis.PURPOSE]),
        offence=Offence(kind[Axis.OFFENCE]),
        instrument=Instrument(kind[Axis.INSTRUMENT]),
        fan_out=FanOut(kind[Axis.FAN_OUT]),
        emergency=Emergency(kind[Axis.EMERGENCY]),
        time_band=TimeBand(kind[Axis.TIME_BAND]),
        budget=BudgetState(kind[Axis.BUDGET]),
        direction=Direction(kind[Axis.DIRECTION]),
    )


class _Apart(msgspec.Struct, frozen=True, kw_only=True):
    """`agencies` has one agency for each mask that agencies have in the table that decides."""

    agencies: frozenset[ORI]
    disagreements: tuple[Disagreement, ...]


def _read_back(policy: CompiledPolicy, referee: Referee) -> Iterable[Disagreement]:
    """Hold the rules that stand in the published text against the records."""
    records = {
        rule.id: ReadRule(id=rule.id, effect=rule.effect, when=rule.when, unless=rule.unless)
        for rule in policy.rules
    }
    published = {rule.id: rule for rule in referee.rules()}
    for name in dict.fromkeys((*records, *published)):
        if records.get(name) != published.get(name):
            said = {"record": _words_of(records.get(name)), "text": _words_of(published.get(name))}
            yield Disagreement(what=f"rule {name} as published", said=said)


def _words_of(rule: ReadRule | None) -> str:
    """Return what a rule says, value by value, so that two can be held side by side."""
    if rule is None:
        return "no such rule"
    unless = (f"unless {_terms_of(each)}" for each in rule.unless)
    return " ".join((rule.effect, f"when {_terms_of(rule.when)}", *unless))


def _terms_of(condition: Condition) -> str:
    named = ((axis, getattr(condition, axis.value)) for axis in Axis)
    said = (f"{axis} is {' or '.join(values)}" for axis, values in named if values)
    return " and ".join(said) or "anything"


def _told_apart(policy: CompiledPolicy, askers: Sequence[Asker], boxes: Boxes) -> _Apart:
    """Hold each agency's mask against that of the agencies whom no rule tells it from."""
    by_boxes: dict[int, int] = {}
    by_mask: dict[int, ORI] = {}
    found: list[Disagreement] = []
    for asker in askers:
        placed = boxes.mask({Axis.AGENCY: agency_values(asker.ori, asker.family)})
        mask = policy.masks.agencies.get(asker.ori)
        if mask is None or by_boxes.setdefault(placed, mask) != mask:
            said = {"mask": str(mask), "of its like": str(by_boxes.get(placed))}
            found.append(Disagreement(what=f"the mask of agency {asker.ori}", said=said))
        else:
            by_mask.setdefault(mask, asker.ori)
    return _Apart(agencies=frozenset(by_mask.values()), disagreements=tuple(found))


def _look_ups(policy: CompiledPolicy, kind: RequestKind) -> Iterable[Disagreement]:
    """Hold the tables of joined axes against the AND of their values, cell by cell."""
    first = facts_of_kind(kind)
    values = policy.masks.values
    for axes in JOINED_AXES:
        for cell in product(*(values[axis] for axis in axes)):
            facts = msgspec.structs.replace(
                first, **{axis.value: value for axis, value in zip(axes, cell, strict=True)}
            )
            expected = policy.masks.agencies[facts.agency]
            for axis in Axis:
                if axis in _OF_FACTS:
                    expected &= values[axis][getattr(facts, _OF_FACTS[axis])]
            if policy.mask_of(facts) != expected:
                said = {"table": str(policy.mask_of(facts)), "values": str(expected)}
                yield Disagreement(what=f"the look-up of {', '.join(cell)}", said=said)


def _decided(policy: CompiledPolicy, kind: RequestKind) -> _Answer:
    facts = facts_of_kind(kind)
    classes, kinds = (DataClass(kind[Axis.DATA_CLASS]),), (RecordKind(kind[Axis.RECORD_KIND]),)
    (plain,) = policy.decide(facts, classes, kinds)
    (after,) = policy.decide(facts, classes, kinds, reviewed=True)
    return plain.outcome, _rules(plain), after.outcome, _rules(after)


def _rules(decision: ClassDecision) -> frozenset[RuleId]:
    return frozenset(reason.rule for reason in decision.reasons) - RESERVED_IDS


def _of(ruling: Ruling) -> _Answer:
    return ruling.outcome, ruling.rules, ruling.reviewed, ruling.reviewed_rules


def _disagreement(
    what: str,
    kind: RequestKind,
    decided: _Answer,
    ruling: Ruling,
    by_boxes: tuple[Outcome, frozenset[RuleId]] | None = None,
) -> Disagreement:
    said = {"masks": _words(decided), "cedar": _words(_of(ruling))}
    if by_boxes is not None:
        said["proof"] = f"{by_boxes[0]} by {', '.join(sorted(by_boxes[1]))}"
    if ruling.errors:
        said["error"] = ruling.errors[0]
    return Disagreement(what=what, said=said, request={axis.value: kind[axis] for axis in Axis})


def _words(answer: _Answer) -> str:
    outcome, rules, reviewed, reviewed_rules = answer
    return (
        f"{outcome} by {', '.join(sorted(rules)) or 'no rule'};"
        f" reviewed {reviewed} by {', '.join(sorted(reviewed_rules)) or 'no rule'}"
    )
