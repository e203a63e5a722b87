"""What a publication changes, and so how many people must sign it, and whether it needs the gate.

INVARIANT (restriction-never-waits): what only restricts, and names each clause that it changes as
unconfirmed, takes one person and no gate. INVARIANT (fail-closed): whatever cannot be compared, or
is not named, takes two people and the gate.
Source: docs/adr/0028-publishing-rules.md, "Who must sign".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy import CompiledPolicy, Obligation, encode_bundle
from comity.policy.block import UNCONFIRMED_SECONDS_MAX, confirmed
from comity.policy.difference import Difference, compare
from comity.policy.errors import TooManyCombinationsError
from comity.policy.space import Asker, space_of

__all__ = ["TWO", "Change", "change_of"]

TWO: Final = 2
_SKEW_SECONDS: Final = 300


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication changes: whom it needs, and who signed clauses that are not confirmed."""

    signatures: int
    other_than: frozenset[str]
    needs_gate: bool
    difference: Difference | None = None
    """What it changes; None where that is not known."""
    eases_review: bool = False
    """Whether a rule that wants two reviewers changes: no outcome shows if one is enough then."""
    holds_more: bool = False
    """Whether anything is held that was not, as far as is known: then a desk must be staffed."""

    @property
    def loosens(self) -> bool:
        """Whether anything is given more easily, as far as is known."""
        return self.difference is None or self.difference.loosens or self.eases_review


def change_of(
    old: CompiledPolicy,
    new: CompiledPolicy,
    askers: Sequence[Asker],
    by: dict[RuleId, tuple[str, ...]],
    now: int,
) -> Change:
    """Return what a publication takes (docs/adr/0028-publishing-rules.md, "Who must sign")."""
    for each in old.bundle.unconfirmed:
        if encode_bundle(confirmed(old.bundle, each.rule)) == encode_bundle(new.bundle):
            known = by.get(each.rule)
            # Where it is not known who signed it in, one more may be the same person again.
            return Change(
                signatures=1 if known else TWO, other_than=frozenset(known or ()), needs_gate=False
            )
    try:
        difference = compare(old.rules, new.rules, space_of(askers))
    except TooManyCombinationsError:
        difference = None
    eases_review = _eases_review(old, new)
    holds_more = _holds_more(new, difference)
    if difference is None or difference.loosens or eases_review or not _is_named(old, new, now):
        return Change(
            signatures=TWO,
            other_than=frozenset(),
            needs_gate=True,
            difference=difference,
            eases_review=eases_review,
            holds_more=holds_more,
        )
    return Change(signatures=1, other_than=frozenset(), needs_gate=False, holds_more=holds_more)


def _holds_more(new: CompiledPolicy, difference: Difference | None) -> bool:
    """Whether an outcome becomes a hold; where nothing is compared, whether any rule holds."""
    if difference is None:
        return any(rule.effect is Outcome.HOLD for rule in new.rules)
    return any(move.after is Outcome.HOLD for move in difference.moves)


def _eases_review(old: CompiledPolicy, new: CompiledPolicy) -> bool:
    """Whether a rule that wants two reviewers does not stand as it stood."""
    after = {rule.id: rule for rule in new.rules}
    return any(
        Obligation.SECOND_REVIEW in rule.obligations and after.get(rule.id) != rule
        for rule in old.rules
    )


def _is_named(old: CompiledPolicy, new: CompiledPolicy, now: int) -> bool:
    """Whether every clause that changes is named as unconfirmed, soon over, and nothing else is."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    if not before.keys() <= after.keys():
        return False
    changed = {name for name, rule in after.items() if before.get(name) != rule}
    kept = {each.rule: each.until for each in old.bundle.unconfirmed}
    named = {each.rule: each.until for each in new.bundle.unconfirmed}
    latest = now + UNCONFIRMED_SECONDS_MAX + _SKEW_SECONDS
    if any(kept.get(name, until) != until or until > latest for name, until in named.items()):
        return False
    if not kept.keys() <= named.keys() or not changed <= named.keys():
        return False
    rest = msgspec.structs.replace(
        new.bundle,
        version=old.bundle.version,
        rules=old.bundle.rules,
        unconfirmed=old.bundle.unconfirmed,
    )
    return rest == old.bundle
