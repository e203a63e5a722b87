"""A second evaluator, written from the prose of ADR 0008 alone: slow, plain, without masks.

It shares the record types with the package and nothing else, so that a mistake in the compiled form
does not hide in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from comity.domain.agency import Family
from comity.domain.decision import Facts
from comity.domain.ids import ORI
from comity.domain.vocabulary import Outcome
from comity.policy import Condition, Rule

SETTABLE = {
    "purpose": [
        "criminal_investigation", "traffic_safety", "officer_safety", "missing_or_endangered",
        "identify_deceased", "court", "licensing", "firearm", "civil_immigration", "other_civil",
    ],
    "certification": ["valid"],
    "assurance": ["signed"],
    "instrument": [
        "court_order", "article_iii_warrant", "state_warrant", "court_subpoena",
        "administrative_subpoena", "consent",
    ],
}  # fmt: skip
ORDER = ["release", "hold", "deny"]


def holds(condition: Condition, said: Mapping[str, str], family: str) -> bool:
    """Whether every axis that a condition names has one of its values."""
    for axis, wanted in msgspec.to_builtins(condition).items():
        if axis == "agency":
            if not any(
                value == said["agency"] or family == value or family.startswith(value + "/")
                for value in wanted
            ):
                return False
        elif said[axis] not in wanted:
            return False
    return True


def applying(rules: Iterable[Rule], said: Mapping[str, str], family: str) -> list[Rule]:
    """The rules that apply: switched on, `when` holds, no exception does."""
    return [
        rule
        for rule in rules
        if rule.enabled
        and holds(rule.when, said, family)
        and not any(holds(exception, said, family) for exception in rule.unless)
    ]


def said_of(facts: Facts, data_class: str, kind: str) -> dict[str, str]:
    """What a request says on each axis."""
    said: dict[str, str] = msgspec.to_builtins(facts)
    said["message_key"] = said.pop("key")
    return said | {"data_class": data_class, "record_kind": kind}


def evaluate(
    rules: Iterable[Rule],
    said: Mapping[str, str],
    families: Mapping[ORI, Family],
    *,
    reviewed: bool,
) -> tuple[str, list[str], set[str]]:
    """The outcome, the ids of the rules that decided it, and what must be done with it."""
    ori = ORI(said["agency"])
    if ori not in families:
        return "deny", ["UNLISTED-AGENCY"], set()
    found = applying(rules, said, families[ori])
    by_effect = {effect: [rule for rule in found if rule.effect == effect] for effect in Outcome}
    denying, holding = by_effect[Outcome.DENY], by_effect[Outcome.HOLD]
    releasing = by_effect[Outcome.RELEASE]
    if denying:
        return "deny", ids(denying), duties(denying)
    if not releasing:
        return "deny", ["NO-RULE"], set()
    if holding and not reviewed:
        return "hold", ids(holding), duties(holding)
    return "release", ids(releasing), duties([*releasing, *holding])


def ids(rules: Iterable[Rule]) -> list[str]:
    """The ids of rules, in order."""
    return [rule.id for rule in rules]


def duties(rules: Iterable[Rule]) -> set[str]:
    """What any of these rules asks for."""
    return {str(duty) for rule in rules for duty in rule.obligations}


def single_changes(
    rules: Iterable[Rule],
    said: Mapping[str, str],
    families: Mapping[ORI, Family],
    *,
    reviewed: bool,
) -> set[tuple[str, str, str]]:
    """Each one thing that a requester could honestly add, with the better outcome it leads to."""
    now = evaluate(rules, said, families, reviewed=reviewed)[0]
    better = set()
    for axis, values in SETTABLE.items():
        if axis == "purpose" and said["purpose"] != "not_stated":
            continue
        for value in values:
            then = evaluate(rules, {**said, axis: value}, families, reviewed=reviewed)[0]
            if ORDER.index(then) < ORDER.index(now):
                better.add((axis, value, then))
    return better
