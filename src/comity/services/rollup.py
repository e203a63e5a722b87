"""Folds members' ledgers into the roll-up of their traffic, a bounded step at a time.

    1. read how far the ledger is folded, and the next leaves with their private records
    2. count the requests that they answered, by month, by the rules that stood last, in force or
       announced, and by what a rule may look at
    3. add the counts and move on in one statement: a crash loses no leaf and counts none twice

What can no longer be read is counted as lost and passed over; a key that cannot be asked for now
stops the step, which is taken again later. Never on the path of a query; between pages others run.
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.exchange.recorded import is_outcome, recorded_request
from comity.ledger.tree import hash_leaf
from comity.ports import (
    UNDER_NONE,
    AlteredError,
    Clock,
    Fold,
    FoldRow,
    LedgerRows,
    LostKeyError,
    PrivateRow,
    Store,
    TrafficRow,
)
from comity.services.entries import private_place
from comity.services.events import Events
from comity.services.member import World
from comity.services.vault import Vault, decode_noted, month_of

__all__ = ["MONTHS_KEPT", "PAGE_LEAVES", "STEP_LEAVES", "UNREADABLE", "Folded", "RollUp"]

PAGE_LEAVES: Final = 128
"""Leaves that are opened before others run: a few milliseconds."""
STEP_LEAVES: Final = 2_048
"""Leaves of one step."""
MONTHS_KEPT: Final = 36
"""Months that a roll-up goes back."""
_RULES_PAGE: Final = 8
UNREADABLE: Final = (
    LostKeyError, AlteredError, msgspec.MsgspecError, ValueError, KeyError, OverflowError
)  # fmt: skip
"""What reading a private record may raise: the leaf is counted as lost, and the fold goes on."""
_NS: Final = 1_000_000_000


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """How far a ledger is folded, of how many leaves, how many were lost; what this step took."""

    folded: int
    size: int
    lost: int
    taken: int


class _Row(NamedTuple):
    """What is counted together."""

    month: int
    under: int
    request: str


class RollUp:
    """Folds the ledgers of one host's members."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows,
        vault: Vault,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows
        self._vault = vault
        self._clock = clock
        self._events = events

    async def fold(self, member: Member) -> Folded:
        """Take one step. Raises: StoreDownError, what the keyring raises for a key it has."""
        head, _ = (await self._store.heads([member]))[member]
        size = head.frontier.size
        standing = await self._standing(member)
        first = int(standing.folded)
        last = min(size, first + STEP_LEAVES)
        if first < last:
            await self._step(member, first, last)
            standing = await self._standing(member)
        taken = max(0, standing.folded - first)
        self._events.note("traffic_folded", taken)
        return Folded(folded=standing.folded, size=size, lost=standing.lost, taken=taken)

    async def _standing(self, member: Member) -> FoldRow:
        found = await self._store.folds([member])
        return found[0] if found else FoldRow(member=member, folded=LeafIndex(0), lost=0)

    async def _step(self, member: Member, first: int, last: int) -> None:
        counts: Counter[_Row] = Counter()
        rules = await self._rules(member, first, last)
        lost = 0
        for begin in range(first, last, PAGE_LEAVES):
            end = min(last, begin + PAGE_LEAVES)
            leaves = await self._rows.leaves(member, begin, end)
            private = await self._store.private_rows(member, begin, end)
            by_index = {row.leaf_index: row for row in private}
            lost += self._count(counts, enumerate(leaves, begin), by_index, rules)
            await asyncio.sleep(0)
        kept_from = month_of(self._clock.now_ns() // _NS) - MONTHS_KEPT + 1
        await self._store.fold(
            Fold(
                member=member,
                first=first,
                last=last,
                lost=lost,
                rows=tuple(
                    TrafficRow(
                        member=member,
                        month=row.month,
                        under=row.under,
                        request=row.request,
                        count=count,
                    )
                    for row, count in sorted(counts.items())
                    if row.month >= kept_from
                ),
                kept_from=kept_from,
            )
        )

    async def _rules(self, member: Member, first: int, last: int) -> list[int]:
        """Return the places of rules below `last`, in order, from the last one below `first` on."""
        found: list[int] = []
        below = last
        while rows := await self._store.policy_leaves(member, below, _RULES_PAGE):
            for row in rows:
                found.append(row.leaf_index)
                if row.leaf_index < first:
                    return found[::-1]
            below = rows[-1].leaf_index
        return found[::-1]

    def _count(
        self,
        counts: Counter[_Row],
        leaves: Iterable[tuple[int, bytes]],
        private: dict[LeafIndex, PrivateRow],
        rules: Sequence[int],
    ) -> int:
        """Count the requests of a page; return how many leaves could not be read."""
        lost = 0
        for index, data in leaves:
            # What was withdrawn may have been an outcome: nobody can say any more.
            header = parse_leaf(data) if data else None
            if header is not None and not is_outcome(header):
                continue
            row = private.get(LeafIndex(index))
            if header is None or row is None:
                lost += 1
                continue
            try:
                read = self._read(row, header, hash_leaf(data))
            except UNREADABLE:
                lost += 1
                continue
            if read is not None:
                place = bisect_left(rules, index)
                counts[_Row(read[0], rules[place - 1] if place else UNDER_NONE, read[1])] += 1
        return lost

    def _read(
        self, row: PrivateRow, header: LeafHeader, leaf_hash: bytes
    ) -> tuple[int, str] | None:
        place = private_place(row.member, row.leaf_index, leaf_hash)
        fields, noted = decode_noted(self._vault.open(row.member, row.sealed, place))
        return recorded_request(header, fields, noted, self._world.directory)
