"""Requests that show every error of one bit in the masks that decide.

    1. for each axis, every mask that the other axes can leave, with a request that leaves it
    2. for each value of that axis and each bit: would the answer differ if the bit were wrong?
    3. if it would for some mask of (1): that request, with this value, shows the error

A table that answers all of them as another evaluator does has no such error: a table with one would
differ on the request that was chosen for it.

Guarantee: for each (value, bit) whose error changes an outcome or its rules, for any request at
all, one request is returned that it changes. Axes are taken as independent here, which asks more
than the network can: what is tested is the table.
Source: docs/adr/0027-proofs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from comity.domain.ids import ORI
from comity.policy.axis import Axis
from comity.policy.masks import MaskTable, relevant_bits
from comity.policy.settle import settle

__all__ = ["Directed", "directed_requests"]

_Choices = dict[str, int]
_Left = dict[int, dict[Axis, str]]
_MASKS_KEPT_MAX: Final = 1_000_000


class Directed(NamedTuple):
    """The requests, and how many errors of one bit they show and how many change nothing."""

    requests: list[dict[Axis, str]]
    shown: int
    silent: int


def directed_requests(table: MaskTable, agencies: Iterable[ORI]) -> Directed:
    """Return requests that show every error that a single bit of the table can make.

    agencies: one ORI for each mask that agencies have; the others have the mask of one of them.
    """
    verdicts = _Verdicts(table)
    chosen: _Choices = {ori: table.agencies[ori] for ori in agencies}
    axes: dict[Axis, _Choices] = {
        axis: chosen if axis is Axis.AGENCY else dict(table.values[axis]) for axis in Axis
    }
    found: dict[tuple[str, ...], dict[Axis, str]] = {}
    shown = silent = 0
    for axis, choices in axes.items():
        left = _left_by({each: axes[each] for each in axes if each is not axis})
        for bit, box in verdicts.boxes.items():
            # An error of one bit changes nothing unless the rest of its box holds.
            open_left = [item for item in left.items() if item[0] & box == box]
            # Values with one mask make the same error: what shows one of them shows all.
            requests = {
                mask: _shows(verdicts, open_left, mask, bit) if (mask | bit) & box == box else None
                for mask in set(choices.values())
            }
            for value, mask in choices.items():
                request = requests[mask]
                if request is None:
                    silent += 1
                    continue
                shown += 1
                whole = {**request, axis: value}
                found[tuple(whole[each] for each in Axis)] = whole
    return Directed(list(found.values()), shown, silent)


class _Verdicts:
    """What the table answers for a mask, kept: most masks differ in bits that say nothing."""

    def __init__(self, table: MaskTable) -> None:
        self._table = table
        self._known: dict[int, object] = {}
        self._by_mask: dict[int, object] = {}
        self._answers: dict[object, object] = {}
        self.boxes: dict[int, int] = {}
        """Each bit with all bits of its box: those of a rule's condition, or of an exception."""
        for row in table.by_id.values():
            for box in (row.need, *row.exceptions):
                self.boxes.update((1 << at, box) for at in range(box.bit_length()) if box >> at & 1)

    def of(self, mask: int) -> object:
        """Return outcome and rules, without and with a review."""
        verdict = self._by_mask.get(mask)
        if verdict is None:
            if len(self._by_mask) >= _MASKS_KEPT_MAX:
                self._by_mask.clear()
            verdict = self._by_mask[mask] = self._settled(mask & relevant_bits(self._table, mask))
        return verdict

    def _settled(self, mask: int) -> object:
        known = self._known.get(mask)
        if known is None:
            plain = settle(self._table, mask, reviewed=False)
            after = settle(self._table, mask, reviewed=True)
            said = (
                plain.outcome,
                tuple(rule.id for rule in plain.deciding),
                after.outcome,
                tuple(rule.id for rule in after.deciding),
            )
            # One object for equal answers, so that they are told apart by identity.
            known = self._known[mask] = self._answers.setdefault(said, said)
        return known


def _left_by(axes: Mapping[Axis, _Choices]) -> _Left:
    """Return every mask that these axes can leave, with the values that leave it."""
    left: _Left = {-1: {}}
    for axis, choices in sorted(axes.items(), key=lambda item: len(set(item[1].values()))):
        by_mask = {mask: value for value, mask in choices.items()}
        further: _Left = {}
        for mask, values in left.items():
            for other, value in by_mask.items():
                both = mask & other
                if both not in further:
                    further[both] = {**values, axis: value}
        left = further
    return left


def _shows(
    verdicts: _Verdicts, left: Sequence[tuple[int, dict[Axis, str]]], mask: int, bit: int
) -> dict[Axis, str] | None:
    """Return what the other axes say where this bit of this mask changes the answer, or None."""
    of, wrong = verdicts.of, mask ^ bit
    for other, values in left:
        if of(other & mask) is not of(other & wrong):
            return values
    return None
