"""What a rule set decides for a mask of `comity.policy.space`, with the rules that decide.

The same precedence as `comity.policy.settle`, over boxes of one bit each and written apart from it:
a proof that rested on the code that decides would repeat its mistakes.

# INVARIANT (fail-closed): deny goes before hold, hold before release; nothing releases: deny.
Source: docs/adr/0008-rule-record.md, "the outcome"; docs/adr/0027-proofs.md.
"""

from __future__ import annotations

from typing import NamedTuple

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.rule import Rule
from comity.policy.space import Boxes

__all__ = ["RuleSet", "Weighed"]


class Weighed(NamedTuple):
    """An outcome and the ids of the rules that decide it, in rule order.

    `released_by` are the rules that release once a reviewer has approved a hold.
    """

    outcome: Outcome
    rules: tuple[RuleId, ...]
    released_by: tuple[RuleId, ...] = ()


class RuleSet:
    """Rules placed as boxes, so that any mask over these boxes can be weighed."""

    def __init__(self, rules: tuple[Rule, ...], boxes: Boxes) -> None:
        self.rules = rules
        self._placed = [
            (boxes.add(rule.when), tuple(boxes.add(each) for each in rule.unless), rule)
            for rule in rules
        ]
        self.bits = sum(when | sum(unless) for when, unless, _ in self._placed)

    def applying(self, mask: int) -> list[Rule]:
        """Return the rules that apply where these boxes hold, in rule order."""
        return [
            rule
            for when, unless, rule in self._placed
            if mask & when and not any(mask & each for each in unless)
        ]

    def exceptions_met(self, mask: int) -> list[tuple[RuleId, int]]:
        """Return the exceptions that are met, from 1 on, of rules whose own condition is met."""
        return [
            (rule.id, number)
            for when, unless, rule in self._placed
            if mask & when
            for number, each in enumerate(unless, start=1)
            if mask & each
        ]

    def weigh(self, mask: int) -> Weighed:
        """Return what the rules decide where these boxes hold."""
        applying: dict[Outcome, list[RuleId]] = {outcome: [] for outcome in Outcome}
        for rule in self.applying(mask):
            applying[rule.effect].append(rule.id)
        denying, releasing = applying[Outcome.DENY], tuple(applying[Outcome.RELEASE])
        if denying or not releasing:
            return Weighed(Outcome.DENY, tuple(denying))
        if applying[Outcome.HOLD]:
            return Weighed(Outcome.HOLD, tuple(applying[Outcome.HOLD]), releasing)
        return Weighed(Outcome.RELEASE, releasing, releasing)
