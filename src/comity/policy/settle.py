"""From a mask to one outcome: which rules hold, and which of them decide.

# INVARIANT (fail-closed): deny goes before hold, hold before release, and where no rule releases
# the outcome is deny. So a further deny rule never turns a denial or a hold into a release.
# INVARIANT (review-is-verified): `reviewed` satisfies hold rules and nothing else; a denial stays.

Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from typing import NamedTuple

from comity.domain.vocabulary import Outcome
from comity.policy.masks import MaskTable, RuleBits
from comity.policy.rule import Rule

__all__ = ["Settled", "settle"]


class Settled(NamedTuple):
    """An outcome with the rules that decided it, in rule order; none where nothing releases.

    `satisfied` are the hold rules that a review has satisfied: their obligations still stand.
    """

    outcome: Outcome
    deciding: tuple[Rule, ...]
    satisfied: tuple[Rule, ...] = ()


def settle(table: MaskTable, mask: int, *, reviewed: bool) -> Settled:
    """Return what the rules decide for a mask to which data class and record kind are applied."""
    by_effect: dict[Outcome, list[Rule]] = {effect: [] for effect in Outcome}
    left = mask & table.fixed
    while left:
        bit = left & -left
        left ^= bit
        row = table.by_fixed[bit]
        if _applies(row, mask):
            by_effect[row.rule.effect].append(row.rule)
    denying, holding = tuple(by_effect[Outcome.DENY]), tuple(by_effect[Outcome.HOLD])
    releasing = tuple(by_effect[Outcome.RELEASE])
    if denying or not releasing:
        return Settled(Outcome.DENY, denying)
    if reviewed:
        return Settled(Outcome.RELEASE, releasing, holding)
    if holding:
        return Settled(Outcome.HOLD, holding)
    return Settled(Outcome.RELEASE, releasing)


def _applies(row: RuleBits, mask: int) -> bool:
    if mask & row.need != row.need:
        return False
    return all(mask & exception != exception for exception in row.exceptions)
