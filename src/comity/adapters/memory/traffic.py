"""The memory store's part for recorded traffic: rows, and how far each ledger is folded."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.memory.tables import Tables
from comity.domain.ids import LeafIndex, Member
from comity.ports import Fold, FoldRow, PrivateRow, TrafficRow

__all__ = ["MemoryTraffic"]


class MemoryTraffic:
    """What `TrafficStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def private_rows(self, member: Member, first: int, last: int) -> list[PrivateRow]:
        """Return the private records of the leaves of [first, last) that have one, in order."""
        tables = await self._reach()
        places = ((member, index) for index in range(first, last))
        return [tables.private[place] for place in places if place in tables.private]

    async def folds(self, members: Sequence[Member]) -> list[FoldRow]:
        """Return how far each of these members' ledgers is folded, by member."""
        tables = await self._reach()
        return [row for member, row in sorted(tables.folds.items()) if member in members]

    async def fold(self, fold: Fold) -> bool:
        """Add a step if the ledger is folded up to its first leaf; say whether it was."""
        tables = await self._reach()
        standing = tables.folds.get(fold.member)
        if fold.first != (standing.folded if standing is not None else 0):
            return False
        tables.folds[fold.member] = FoldRow(
            member=fold.member,
            folded=LeafIndex(fold.last),
            lost=fold.lost + (standing.lost if standing is not None else 0),
        )
        for row in fold.rows:
            place = (row.member, row.month, row.under, row.request)
            tables.traffic[place] = tables.traffic.get(place, 0) + row.count
        tables.traffic = {
            place: count
            for place, count in tables.traffic.items()
            if place[0] != fold.member or place[1] >= fold.kept_from
        }
        return True

    async def traffic(
        self,
        member: Member,
        after: TrafficRow | None,
        limit: int,
        under: int | None = None,
    ) -> list[TrafficRow]:
        """Return rows in the order of month, rules and request, those behind `after` if given."""
        tables = await self._reach()
        behind = None if after is None else (after.month, after.under, after.request)
        rows = [
            TrafficRow(member=member, month=month, under=leaf, request=request, count=count)
            for (name, month, leaf, request), count in sorted(tables.traffic.items())
            if name == member
            and (behind is None or (month, leaf, request) > behind)
            and under in {None, leaf}
        ]
        return rows[:limit]
