"""Guarantees: promises about every request that can be made, proved or refuted by counting.

    1. the guarantee's own conditions become boxes beside those of the rules
    2. every combination of boxes that a request can meet is weighed
    3. it holds if no combination that it speaks of is released; else a request that breaks it is
       shown, with the rules that released it, and how many there are

Guarantee: `prove` looks at every request kind of its space; `examined` counts exactly those that
the guarantee speaks of. Source: docs/adr/0027-proofs.md.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.axis import Axis
from comity.policy.rule import Guarantee, PolicyBundle, Rule
from comity.policy.space import Boxes, Space
from comity.policy.weigh import RuleSet

__all__ = ["Proof", "default_guarantees", "guarantees_in_force", "prove"]

_FILE: Final = "guarantees.toml"


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a guarantee holds: of `examined` request kinds `broken` are released.

    `witness` is one of them, by axis, and `rules` are those that released it.
    """

    guarantee: str
    holds: bool
    examined: int
    broken: int
    witness: dict[str, str] = {}
    rules: tuple[RuleId, ...] = ()


@cache
def default_guarantees() -> tuple[Guarantee, ...]:
    """Return the guarantees that every state gets unless it publishes that it opts out."""
    table = tomllib.loads(files("comity.policy").joinpath(_FILE).read_text("utf-8"))
    return msgspec.convert(table["guarantees"], tuple[Guarantee, ...])


def guarantees_in_force(bundle: PolicyBundle) -> tuple[Guarantee, ...]:
    """Return what a bundle promises: what every state does, less its opt-outs, then its own."""
    opt_outs = set(bundle.guarantee_opt_outs)
    kept = (each for each in default_guarantees() if each.id not in opt_outs)
    return (*kept, *bundle.guarantees)


def prove(rules: tuple[Rule, ...], guarantees: tuple[Guarantee, ...], space: Space) -> list[Proof]:
    """Return a proof or a counter-example for each guarantee. Raises: TooManyCombinationsError."""
    boxes = Boxes()
    rule_set = RuleSet(rules, boxes)
    return [_proved(guarantee, rule_set, boxes, space) for guarantee in guarantees]


def _proved(guarantee: Guarantee, rules: RuleSet, boxes: Boxes, space: Space) -> Proof:
    within = space.within(guarantee.when)
    own = boxes.copy()
    unless = sum(own.add(each) for each in guarantee.unless)
    examined = broken = 0
    witness: dict[Axis, str] = {}
    released_by: tuple[RuleId, ...] = ()
    for mask, found in within.combinations(own).items():
        if mask & unless:
            continue
        examined += found.kinds
        weighed = rules.weigh(mask)
        is_released = weighed.outcome is Outcome.RELEASE or (
            guarantee.reviewed and weighed.outcome is Outcome.HOLD
        )
        if is_released:
            broken += found.kinds
            if not witness:
                witness, released_by = found.witness, weighed.released_by
    return Proof(
        guarantee=guarantee.id,
        holds=not broken,
        examined=examined,
        broken=broken,
        witness={axis.value: witness[axis] for axis in Axis if axis in witness},
        rules=released_by,
    )
