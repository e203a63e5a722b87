"""Does a request kind break a guarantee: asked of one kind alone, wherever it comes from.

Guarantee: a kind that nobody can ask breaks nothing.
Source: docs/adr/0032-second-proof-and-certificates.md.
"""

from __future__ import annotations

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.axis import Axis
from comity.policy.rule import Guarantee, Rule
from comity.policy.space import Boxes, RequestKind, Space
from comity.policy.weigh import RuleSet

__all__ = ["broken_by"]


def broken_by(
    rules: tuple[Rule, ...], guarantee: Guarantee, space: Space, kind: RequestKind
) -> tuple[RuleId, ...]:
    """Return the rules that release a request kind against a guarantee; none if it breaks none."""
    alone = _only(space, kind)
    if alone.size != 1:
        return ()
    boxes = Boxes()
    placed = RuleSet(rules, boxes)
    when, unless = boxes.add(guarantee.when), sum(map(boxes.add, guarantee.unless))
    (mask,) = alone.combinations(boxes)
    if not mask & when or mask & unless:
        return ()
    weighed = placed.weigh(mask)
    is_released = weighed.outcome is Outcome.RELEASE or (
        guarantee.reviewed and weighed.outcome is Outcome.HOLD
    )
    return weighed.released_by if is_released else ()


def _only(space: Space, kind: RequestKind) -> Space:
    """Return the part of a space that is this kind: one request kind of it, or none."""
    return Space(
        askers=tuple(
            asker
            for asker in space.askers
            if (asker.ori, asker.type) == (kind.get(Axis.AGENCY), kind.get(Axis.AGENCY_TYPE))
        )[:1],
        choices=tuple(
            tuple(choice for choice in choices if choice.items() <= kind.items())
            for choices in space.choices
        ),
    )
