"""How often each agency of a member asked, by the member's own ledger: the newest leaves back to an
hour.

Guarantee: what is counted stands in public leaves; nothing private is opened for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.leaf import SEALED, parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ports import LedgerRows

__all__ = ["PAGE_LEAVES", "AskedCounts", "asked_counts"]

PAGE_LEAVES: Final = 4_096


class AskedCounts(msgspec.Struct, kw_only=True):
    """Queries by the agency that the public sees; `sealed` and `small` ones name none."""

    named: Counter[str] = msgspec.field(default_factory=Counter)
    sealed: int = 0
    small: int = 0

    def take(self, agency: str | None) -> None:
        """Count one query."""
        if agency == SEALED:
            self.sealed += 1
        elif agency is not None and agency.startswith("small:"):
            self.small += 1
        elif agency is not None:
            self.named[agency] += 1


async def asked_counts(
    rows: LedgerRows, member: Member, size: int, since_hour: int, told: Callable[[int], None]
) -> AskedCounts:
    """Return the counts of live queries in a ledger of that size, made since an hour.

    `told` hears how many leaves were read. A leaf's hour may lie a little before that of the leaf
    before it; a page that holds none since the hour is the last one read.
    """
    counts = AskedCounts()
    last = size
    while last > 0:
        first = max(0, last - PAGE_LEAVES)
        leaves = await rows.leaves(member, first, last)
        # The bytes of a withdrawn leaf are gone, and with them what it said.
        headers = [parse_leaf(leaf) for leaf in leaves if leaf]
        for header in headers:
            is_counted = header.kind is LeafKind.QUERY and header.mode is LeafMode.LIVE
            if is_counted and header.hour >= since_hour:
                counts.take(header.agency)
        told(size - first)
        if headers and all(header.hour < since_hour for header in headers):
            break
        last = first
    return counts
