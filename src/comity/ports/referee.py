"""Another evaluator of a state's rules, whose semantics are published and not ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.rule import Condition
from comity.policy.space import Asker, RequestKind

__all__ = ["ReadRule", "Referee", "RefereeOf", "Ruling"]


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome with the rules that decide it; `reviewed` the same after a reviewer's approval.

    A referee that meets an error in a rule, or in a request, denies and names it.
    """

    outcome: Outcome
    rules: frozenset[RuleId]
    reviewed: Outcome
    reviewed_rules: frozenset[RuleId]
    errors: tuple[str, ...] = ()


class ReadRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the referee's own reader took it out of the published text."""

    id: RuleId
    effect: Outcome
    when: Condition
    unless: tuple[Condition, ...] = ()


class Referee(Protocol):
    """The published text of one rule set, ready to be asked."""

    @property
    def text(self) -> str:
        """The rules as published."""
        ...

    def rules(self) -> tuple[ReadRule, ...]:
        """Return the rules that stand in the text, read back from it. Raises: CedarError."""
        ...

    def rule_on(self, kinds: Sequence[RequestKind]) -> list[Ruling]:
        """Return what the text says to each request kind, in order."""
        ...

    def over(self, askers: Sequence[Asker]) -> Referee:
        """Return the referee of the same text over other agencies. Raises: CedarError."""
        ...


RefereeOf = Callable[[str, Sequence[Asker]], Referee]
"""Makes the referee of a published text over the agencies of a directory."""
