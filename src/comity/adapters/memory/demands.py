"""The memory store's part for the register of demands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec

from comity.adapters.memory.demand_rows import change_demand
from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import DemandChange, DemandCount, DemandRow, NewDuty

__all__ = ["MemoryDemands"]


class MemoryDemands:
    """What `DemandStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def open_demands(self, members: Collection[Member], limit: int) -> list[DemandRow]:
        """Return demands that have not ended, the next answer first, then by member and leaf."""
        rows = [
            row
            for row in (await self._reach()).demands.values()
            if row.member in members and row.ended_by is None
        ]
        return sorted(rows, key=lambda row: (row.answer_by, row.member, row.leaf_index))[:limit]

    async def ended_demands(self, member: Member, limit: int) -> list[DemandRow]:
        """Return a member's demands that have ended, the newest first."""
        rows = [
            row
            for row in (await self._reach()).demands.values()
            if row.member == member and row.ended_by is not None
        ]
        return sorted(rows, key=lambda row: -row.leaf_index)[:limit]

    async def demand(self, member: Member, leaf_index: int) -> DemandRow | None:
        """Return one demand by its leaf, open or not."""
        return (await self._reach()).demands.get((member, leaf_index))

    async def demand_counts(self, member: Member) -> list[DemandCount]:
        """Return how many demands of each kind came, by kind."""
        rows = [row for row in (await self._reach()).demands.values() if row.member == member]
        came = Counter(row.kind for row in rows)
        are_open = Counter(row.kind for row in rows if row.ended_by is None)
        return [
            DemandCount(kind=kind, count=came[kind], open=are_open[kind]) for kind in sorted(came)
        ]

    async def change_demand(self, change: DemandChange) -> None:
        """Keep an act that has no leaf. Raises: RowRefusedError if the demand is not as thought."""
        change_demand((await self._reach()).demands, change)

    async def warn_demand(self, row: DemandRow, warned: int, duty: NewDuty) -> bool:
        """Owe a warning of an open demand, once; say whether it was not owed before."""
        tables = await self._reach()
        place = (row.member, int(row.leaf_index))
        stands = tables.demands.get(place)
        if stands is None or stands.ended_by is not None or stands.warned >= warned:
            return False
        if stands.answer_by != row.answer_by:
            return False
        tables.demands[place] = msgspec.structs.replace(stands, warned=warned)
        tables.owe(duty)
        return True
