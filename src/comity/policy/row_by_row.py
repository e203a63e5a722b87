"""The slow replay: each row of traffic decided by the masks that decide live, one after another.

Written apart from the fast one (`comity.adapters.replay`), which weighs the boxes of proofs for
many rows at once: where both give the same counts, neither repeats the other's mistake.
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from comity.domain.agency import Family
from comity.domain.decision import ClassDecision, RuleId
from comity.domain.ids import ORI
from comity.domain.keys import asked_classes
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.axis import Axis
from comity.policy.check import RESERVED_IDS
from comity.policy.decide import CompiledPolicy
from comity.policy.families import agency_values
from comity.policy.replay import STRICTNESS, Case, MoveKey, Replay, axes_unheld
from comity.policy.rule import Condition
from comity.policy.traffic import WHO_FIELDS, Traffic, What, Who, facts_of

__all__ = ["replay_row_by_row"]

_PLACE: Final = {outcome: place for place, outcome in enumerate(STRICTNESS)}
_Tally = Counter[MoveKey]


class _Count:
    """The counts while rows are read."""

    def __init__(self) -> None:
        self.moves: _Tally = Counter()
        self.by_agency: dict[str, _Tally] = {}
        self.by_purpose: dict[str, _Tally] = {}
        self.by_key: dict[str, _Tally] = {}
        self.by_month: dict[int, _Tally] = {}
        self.by_class: dict[DataClass, _Tally] = {}
        self.cases: Counter[Case] = Counter()
        self.touched: Counter[Axis] = Counter()
        self.reviews_before = self.reviews_after = self.requests = self.unlisted = 0


def replay_row_by_row(
    traffic: Traffic,
    draft: CompiledPolicy,
    against: CompiledPolicy,
    families: Mapping[ORI, Family],
) -> Replay:
    """Return what `draft` changes from `against`; `families` has every listed agency."""
    count = _Count()
    unheld = axes_unheld(traffic.unheld, (*draft.rules, *against.rules))
    conditions = _conditions(unheld, draft, against)
    for place in range(len(traffic)):
        who, what = traffic.whos[traffic.who[place]], traffic.whats[traffic.what[place]]
        requests = traffic.counts[place]
        _add(
            count, who, what, (traffic.months[place], requests), _decided(who, what, against, draft)
        )
        family = families.get(who.agency)
        if family is None:
            count.unlisted += requests
            continue
        for axis, named in conditions.items():
            is_held = axis not in who.unheld and axis not in what.unheld
            if not is_held and any(_fits(condition, who, what, family) for condition in named):
                count.touched[axis] += requests
    return Replay(
        requests=count.requests,
        unlisted=count.unlisted,
        moves=dict(count.moves),
        by_agency={name: dict(moves) for name, moves in count.by_agency.items()},
        by_purpose={name: dict(moves) for name, moves in count.by_purpose.items()},
        by_key={name: dict(moves) for name, moves in count.by_key.items()},
        by_month={month: dict(moves) for month, moves in count.by_month.items()},
        by_class={name: dict(moves) for name, moves in count.by_class.items()},
        reviews_before=count.reviews_before,
        reviews_after=count.reviews_after,
        cases=dict(count.cases),
        touched={axis: count.touched[axis] for axis in unheld},
    )


_Pair = tuple[tuple[ClassDecision, ...], tuple[ClassDecision, ...]]


def _decided(who: Who, what: What, before: CompiledPolicy, after: CompiledPolicy) -> _Pair:
    facts = facts_of(who, what)
    classes, kinds = asked_classes(what.message_key, image=what.image), (what.record_kind,)
    return before.decide(facts, classes, kinds), after.decide(facts, classes, kinds)


def _add(count: _Count, who: Who, what: What, row: tuple[int, int], decided: _Pair) -> None:
    month, requests = row
    before, after = decided
    was, now = _strictest(before), _strictest(after)
    move = was.outcome, now.outcome
    count.requests += requests
    for tally in (
        count.moves,
        count.by_agency.setdefault(who.agency, Counter()),
        count.by_purpose.setdefault(what.purpose.value, Counter()),
        count.by_key.setdefault(what.message_key, Counter()),
        count.by_month.setdefault(month, Counter()),
    ):
        tally[move] += requests
    for old, new in zip(before, after, strict=True):
        classes = count.by_class.setdefault(new.data_class, Counter())
        classes[old.outcome, new.outcome] += requests
    count.reviews_before += requests if _is_held(before) else 0
    count.reviews_after += requests if _is_held(after) else 0
    if was.outcome is not now.outcome:
        rules = _rules(now) or _rules(was)
        case = Case(*move, rules, who.agency, what.purpose.value, what.message_key)
        count.cases[case] += requests


def _strictest(decisions: Iterable[ClassDecision]) -> ClassDecision:
    return max(decisions, key=lambda each: _PLACE[each.outcome])


def _is_held(decisions: Iterable[ClassDecision]) -> bool:
    return any(each.outcome is Outcome.HOLD for each in decisions)


def _rules(decision: ClassDecision) -> tuple[RuleId, ...]:
    return tuple(each.rule for each in decision.reasons if each.rule not in RESERVED_IDS)


def _conditions(
    unheld: Iterable[Axis], *policies: CompiledPolicy
) -> dict[Axis, list[dict[Axis, frozenset[str]]]]:
    """Return, for each of these axes, the conditions that name it, without it."""
    found: dict[Axis, list[dict[Axis, frozenset[str]]]] = {axis: [] for axis in unheld}
    every: list[Condition] = [
        condition
        for policy in policies
        for rule in policy.rules
        for condition in (rule.when, *rule.unless)
    ]
    for condition in every:
        terms = {axis: frozenset(values) for axis, values in condition.terms()}
        for axis in found.keys() & terms.keys():
            found[axis].append({name: terms[name] for name in terms if name is not axis})
    return found


def _fits(terms: Mapping[Axis, frozenset[str]], who: Who, what: What, family: Family) -> bool:
    """Say whether a row fits these terms with one of the classes that it asks for."""
    for axis, values in terms.items():
        if axis is Axis.AGENCY:
            having: Iterable[str] = agency_values(who.agency, family)
        elif axis is Axis.DATA_CLASS:
            having = asked_classes(what.message_key, image=what.image)
        else:
            having = (getattr(who if axis.value in WHO_FIELDS else what, axis.value),)
        if values.isdisjoint(having):
            return False
    return True
