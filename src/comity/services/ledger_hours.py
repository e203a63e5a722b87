"""Where in a ledger an hour begins: found by halving, because hours rise with the leaves.

A clock that was set back a little leaves hours that do not quite rise: whoever needs an edge to be
exact looks at each leaf's own hour.
"""

from __future__ import annotations

from typing import Final

from comity.domain.ids import Member
from comity.domain.leaf import parse_leaf
from comity.exchange.leaves import HOUR_SECONDS
from comity.ports import LedgerRows

__all__ = ["first_leaf_from"]

_CHUNK: Final = 2_048


async def first_leaf_from(ledger: LedgerRows, member: Member, size: int, moment: int) -> int:
    """Return the first leaf whose hour begins at a moment or later; the size if there is none."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        hour = await _hour_at(ledger, member, middle, high)
        if hour is None or hour * HOUR_SECONDS >= moment:
            high = middle
        else:
            low = middle + 1
    return low


async def _hour_at(ledger: LedgerRows, member: Member, index: int, beyond: int) -> int | None:
    """Return the hour of a leaf, or of the next one that has bytes; None if none has below."""
    at, step = index, 1
    while at < beyond:
        for data in await ledger.leaves(member, at, min(at + step, beyond)):
            if data:
                return parse_leaf(data).hour
        # Withdrawn: its hash alone is left, and the next one tells the hour.
        at, step = at + step, _CHUNK
    return None
