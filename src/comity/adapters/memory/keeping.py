"""The memory store's part for keeping: key events, and what is taken away for good."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.limits import KEPT_DAYS
from comity.adapters.memory.budgets import forget_days
from comity.adapters.memory.desk import forget_desk_days
from comity.adapters.memory.tables import Tables
from comity.domain.ids import LeafIndex, Member
from comity.ports import HeldMonth, KeyEventRow

__all__ = ["MemoryKeeping"]


class MemoryKeeping:
    """What `KeepingStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def key_events(self, member: Member) -> list[KeyEventRow]:
        """Return the key events of a member, in the order of their leaves."""
        tables = await self._reach()
        return [
            KeyEventRow(
                member=member,
                leaf_index=LeafIndex(index),
                body=tables.documents[name, index].body,
                is_done=is_done,
            )
            for (name, index), is_done in sorted(tables.key_events.items())
            if name == member
        ]

    async def save_done(self, member: Member, leaf_index: int) -> None:
        """Remember that what a key event says was carried out."""
        tables = await self._reach()
        if (member, leaf_index) in tables.key_events:
            tables.key_events[member, leaf_index] = True

    async def erase(self, member: Member, leaf_index: int) -> bool:
        """Erase the bytes of a withdrawn leaf; say whether there was one. Its hash stays."""
        tables = await self._reach()
        return tables.erase(member, leaf_index)

    async def expunge(self, member: Member, leaf_index: int) -> int:
        """Delete a leaf's private record and what its exchange left beside it; return the rows."""
        tables = await self._reach()
        return tables.expunge(member, leaf_index)

    async def open_exchange(self, member: Member, leaf_index: int) -> bool:
        """Say whether a leaf's exchange is open: a hold that waits, a query without its end."""
        tables = await self._reach()
        return tables.open_exchange(member, leaf_index)

    async def expire(self, now: int, held: Sequence[HeldMonth]) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows."""
        tables = await self._reach()
        count = forget_days(tables, now // 86_400 - 1)
        forget_desk_days(tables, now // 86_400 - 1)
        return count + tables.expire(max(0, now - KEPT_DAYS * 86_400) * 1_000_000_000, held)
