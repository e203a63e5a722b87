"""What a rule set has for nothing: rules that change no outcome, exceptions that nobody can meet.

    1. every combination of conditions that a request can meet is weighed
    2. a rule *decides* one if the outcome would be another without it: it is the only one to deny
       what is released else, to hold it, or to release it where none denies
    3. a rule that decides none is idle; each such rule could go by itself, not all of them at once
    4. an exception is idle where no request that meets its rule's condition meets it too

Guarantee: over everything that can be asked, exactly. An idle rule may still be the one that is
named as the reason. Source: docs/adr/0030-announcing-rules.md, "Idle rules".
"""

from __future__ import annotations

from typing import NamedTuple

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.rule import PolicyBundle, Rule
from comity.policy.space import Boxes, Space
from comity.policy.weigh import RuleSet

__all__ = ["Idle", "find_idle", "find_own_idle", "sentences_of_idle"]


class Idle(NamedTuple):
    """Idle rules in rule order; those of them that never apply; idle exceptions, from 1 on."""

    rules: tuple[RuleId, ...]
    never: tuple[RuleId, ...]
    exceptions: tuple[tuple[RuleId, int], ...]


def find_idle(rules: tuple[Rule, ...], space: Space) -> Idle:
    """Return what is idle among rules that decide together. Raises: TooManyCombinationsError."""
    boxes = Boxes()
    rule_set = RuleSet(rules, boxes)
    deciding: set[RuleId] = set()
    applied: set[RuleId] = set()
    met: set[tuple[RuleId, int]] = set()
    for mask in space.combinations(boxes):
        applying = rule_set.applying(mask)
        applied.update(rule.id for rule in applying)
        deciding.update(_deciding(applying))
        met.update(rule_set.exceptions_met(mask))
    return Idle(
        rules=tuple(rule.id for rule in rules if rule.id not in deciding),
        never=tuple(rule.id for rule in rules if rule.id not in applied),
        exceptions=tuple(
            (rule.id, number)
            for rule in rules
            for number in range(1, len(rule.unless) + 1)
            if (rule.id, number) not in met
        ),
    )


def find_own_idle(bundle: PolicyBundle, rules: tuple[Rule, ...], space: Space) -> Idle:
    """Return what is idle among a state's own rules, beside the national ones that it adopts.

    `rules` are all that decide. Raises: TooManyCombinationsError.
    """
    found = find_idle(rules, space)
    own = {rule.id for rule in bundle.rules}
    return Idle(
        rules=tuple(name for name in found.rules if name in own),
        never=tuple(name for name in found.never if name in own),
        exceptions=tuple(each for each in found.exceptions if each[0] in own),
    )


def sentences_of_idle(idle: Idle) -> list[tuple[RuleId, str]]:
    """Return what is idle in words, with the rule that each is about."""
    rules = [
        (
            name,
            f"{name} could go: "
            + ("no request meets it" if name in idle.never else "other rules decide the same"),
        )
        for name in idle.rules
    ]
    exceptions = [
        (name, f"exception {number} of {name}: no request that meets the rule meets it")
        for name, number in idle.exceptions
    ]
    return rules + exceptions


def _deciding(applying: list[Rule]) -> list[RuleId]:
    """Return the rules without each of which the outcome would be another."""
    of: dict[Outcome, list[RuleId]] = {outcome: [] for outcome in Outcome}
    for rule in applying:
        of[rule.effect].append(rule.id)
    if not of[Outcome.RELEASE]:
        return []
    parts = (of[Outcome.DENY],) if of[Outcome.DENY] else (of[Outcome.HOLD], of[Outcome.RELEASE])
    return [part[0] for part in parts if len(part) == 1]
