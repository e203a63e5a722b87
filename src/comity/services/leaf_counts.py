"""How often each kind of leaf stands among the newest of a ledger: what a state has made use of.

Guarantee: only the kind and the mode of public headers are read, of live leaves alone, at most
`LEAVES_MAX` of them; it says how far it came.
Source: docs/adr/0043-drafts-in-the-browser.md, "Controls".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ports import LedgerRows, Store

__all__ = ["LEAVES_MAX", "KindCounts", "LeafCounts"]

LEAVES_MAX: Final = 50_000
COUNTED_SECONDS_MAX: Final = 300.0
"""How long a count stands before the ledger is read anew."""
_PAGE_LEAVES: Final = 4_096


class KindCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Live leaves by kind, from leaf `first` on; `size` is the ledger's."""

    kinds: Mapping[str, int]
    first: int
    size: int

    def of(self, kind: LeafKind) -> int:
        """Return how many there are of a kind."""
        return self.kinds.get(kind.value, 0)


class _Leaf(msgspec.Struct, frozen=True, gc=False, rename={"kind": "k", "mode": "m"}):
    kind: str
    mode: str


_DECODER: Final = msgspec.json.Decoder(_Leaf)


class LeafCounts:
    """Counts the newest leaves of ledgers. `_counted` is by member, with when it was."""

    def __init__(self, *, store: Store, rows: LedgerRows, now: Callable[[], float]) -> None:
        self._store = store
        self._rows = rows
        self._now = now
        self._counted: dict[Member, tuple[float, KindCounts]] = {}

    async def counts(self, member: Member) -> KindCounts:
        """Return a ledger's counts, at most some minutes old. Raises: StoreDownError."""
        kept = self._counted.get(member)
        if kept is not None and self._now() - kept[0] <= COUNTED_SECONDS_MAX:
            return kept[1]
        head, _ = (await self._store.heads([member]))[member]
        made = await self._count(member, head.frontier.size)
        self._counted[member] = self._now(), made
        return made

    async def _count(self, member: Member, size: int) -> KindCounts:
        kinds: Counter[str] = Counter()
        last, lowest = size, max(0, size - LEAVES_MAX)
        while last > lowest:
            first = max(lowest, last - _PAGE_LEAVES)
            # The bytes of a withdrawn leaf are gone, and with them what it was.
            found = [_DECODER.decode(data) for data in await self._rows.leaves(
                member, LeafIndex(first), LeafIndex(last)) if data]  # fmt: skip
            kinds.update(leaf.kind for leaf in found if leaf.mode == LeafMode.LIVE)
            last = first
        return KindCounts(kinds=kinds, first=lowest, size=size)
