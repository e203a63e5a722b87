"""Rules as bits: one integer per axis value, so that one AND per axis tells which conditions hold.

Every condition (a rule's `when`, each of its `unless`) is a box. A box has one bit for all its
fixed axes together, and one more for each open axis that it looks at (purpose, certification,
assurance, instrument). A value's mask has a bit cleared where the value does not fit; a box holds
if all its bits are left after the AND. Because open axes have bits of their own, the same mask also
tells what another value there would lead to, without the request (`replaced`).

Guarantee: two requests with one mask have the same outcomes, reasons and counterfactuals.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import Purpose
from comity.policy.axis import AXIS_VALUES, OPEN_AXES, Axis
from comity.policy.families import agency_values
from comity.policy.rule import Condition, Rule

__all__ = ["PURPOSE_UNSAID", "MaskTable", "RuleBits", "build_masks", "relevant_bits", "replaced"]

PURPOSE_UNSAID: Final = 1
"""The bit that only a purpose of NOT_STATED leaves set: there is something to state."""


class RuleBits(NamedTuple):
    """Where one rule stands: the bits its `when` needs, and those of each exception."""

    rule: Rule
    fixed: int
    need: int
    exceptions: tuple[int, ...]


class MaskTable(NamedTuple):
    """The compiled form of one rule set.

    `fixed` has the first bit of each rule's `when`, and `by_fixed` its rule: walking the bits that
    are left in a mask visits only rules whose fixed axes fit. `open_bits` are the bits that one
    open axis alone clears.
    """

    values: Mapping[Axis, Mapping[str, int]]
    agencies: Mapping[ORI, int]
    fixed: int
    by_fixed: Mapping[int, RuleBits]
    by_id: Mapping[RuleId, RuleBits]
    open_bits: Mapping[Axis, int]


class _Bits:
    """Hands out bits and notes which values clear them; used while one table is built."""

    def __init__(self) -> None:
        self.count = 1  # the lowest is PURPOSE_UNSAID
        self.terms: dict[Axis, list[tuple[int, frozenset[str]]]] = {axis: [] for axis in Axis}

    def take(self) -> int:
        bit = 1 << self.count
        self.count += 1
        return bit

    def add_box(self, condition: Condition) -> tuple[int, int]:
        """Place one condition; return its fixed bit and all the bits it needs."""
        fixed = need = self.take()
        for axis, values in condition.terms():
            bit = self.take() if axis in OPEN_AXES else fixed
            self.terms[axis].append((bit, frozenset(values)))
            need |= bit
        return fixed, need

    def mask(self, axis: Axis, having: frozenset[str]) -> int:
        """Return all bits, less those of this axis that none of these values fit."""
        mask = (1 << self.count) - 1
        for bit, values in self.terms[axis]:
            if values.isdisjoint(having):
                mask &= ~bit
        return mask

    def open_bits(self, axis: Axis) -> int:
        """Return the bits that this open axis alone clears."""
        bits = PURPOSE_UNSAID if axis is Axis.PURPOSE else 0
        for bit, _ in self.terms[axis]:
            bits |= bit
        return bits


def build_masks(rules: tuple[Rule, ...], families: Mapping[ORI, Family]) -> MaskTable:
    """Compile rules, in their order, over the agencies that the directory lists."""
    bits = _Bits()
    rows = []
    for rule in rules:
        fixed, need = bits.add_box(rule.when)
        exceptions = tuple(bits.add_box(exception)[1] for exception in rule.unless)
        rows.append(RuleBits(rule, fixed, need, exceptions))
    values = {
        axis: {value: bits.mask(axis, frozenset((value,))) for value in known}
        for axis, known in AXIS_VALUES.items()
    }
    for purpose in AXIS_VALUES[Axis.PURPOSE]:
        if purpose != Purpose.NOT_STATED:
            values[Axis.PURPOSE][purpose] &= ~PURPOSE_UNSAID
    return MaskTable(
        values=values,
        agencies=_agency_masks(bits, families),
        fixed=sum(row.fixed for row in rows),
        by_fixed={row.fixed: row for row in rows},
        by_id={row.rule.id: row for row in rows},
        open_bits={axis: bits.open_bits(axis) for axis in OPEN_AXES},
    )


def replaced(table: MaskTable, mask: int, axis: Axis, value: str) -> int:
    """Return the mask of the same request with another value on an open axis."""
    bits = table.open_bits[axis]
    return mask & ~bits | table.values[axis][value] & bits


def relevant_bits(table: MaskTable, mask: int) -> int:
    """Return the bits of a mask that can bear on its outcome: those of rules and exceptions whose
    fixed axes fit. Masks that differ in others have the same outcomes and counterfactuals, and no
    value on an open axis makes another bit relevant.
    """
    keep = 0
    left = mask & table.fixed
    while left:
        bit = left & -left
        left ^= bit
        row = table.by_fixed[bit]
        keep |= row.need
        for need in row.exceptions:
            if mask & need & -need:
                keep |= need
    if keep & table.open_bits[Axis.PURPOSE]:
        keep |= PURPOSE_UNSAID
    return keep


def _agency_masks(bits: _Bits, families: Mapping[ORI, Family]) -> dict[ORI, int]:
    """Agencies that no rule tells apart share one integer: the cost follows rules, not ORIs."""
    named = frozenset[str]().union(*(values for _, values in bits.terms[Axis.AGENCY]))
    shared: dict[frozenset[str], int] = {}
    masks: dict[ORI, int] = {}
    for ori, family in families.items():
        having = named.intersection(agency_values(ori, family))
        if having not in shared:
            shared[having] = bits.mask(Axis.AGENCY, having)
        masks[ori] = shared[having]
    return masks
