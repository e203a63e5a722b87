"""A ledger's leaves gone through once, from the first: the tree they make at chosen sizes.

Guarantee: a leaf counts only if its bytes have the hash that stands beside it, so that a root made
here is one of leaves that are at hand. A withdrawn leaf has no bytes any more; its hash counts.
Memory: one page of leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from comity.domain.ids import Member
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, append, frontier_root, hash_leaf
from comity.ports import LedgerRows

__all__ = ["PAGE_LEAVES", "Walk", "walk_rows"]

PAGE_LEAVES: Final = 4_096


class Walk:
    """A tree that grows; `roots` holds its root at each of the sizes asked for that it passed."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self.frontier = EMPTY_FRONTIER
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._sizes = sorted({size for size in sizes if size > 0}, reverse=True)

    @property
    def size(self) -> int:
        """How many leaves were taken."""
        return self.frontier.size

    def add(self, hashes: Sequence[bytes]) -> None:
        """Take the hashes of the next leaves."""
        while hashes:
            count = len(hashes)
            while self._sizes and self._sizes[-1] <= self.size:
                self._sizes.pop()
            if self._sizes:
                count = min(count, self._sizes[-1] - self.size)
            self.frontier = append(self.frontier, hashes[:count]).frontier
            if self._sizes and self._sizes[-1] == self.size:
                self.roots[self.size] = frontier_root(self.frontier)
            hashes = hashes[count:]


async def walk_rows(walk: Walk, rows: LedgerRows, member: Member, last: int) -> None:
    """Take a ledger's leaves up to `last`, exclusive, or up to the first that is not whole."""
    while walk.size < last:
        first = walk.size
        end = min(first + PAGE_LEAVES, last)
        hashes = await rows.leaf_hashes(member, first, end)
        data = await rows.leaves(member, first, end)
        withdrawn = {index - first for index in await rows.withdrawn(member, first, end)}
        good = 0
        for place, (leaf_hash, leaf) in enumerate(zip(hashes, data, strict=False)):
            if place not in withdrawn and hash_leaf(leaf) != leaf_hash:
                break
            good += 1
        walk.add(hashes[:good])
        if good < end - first:
            return
