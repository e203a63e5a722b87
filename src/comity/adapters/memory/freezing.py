"""The memory store's part for freezes."""

from __future__ import annotations

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import FreezeRow

__all__ = ["MemoryFreezing"]


class MemoryFreezing:
    """What `FreezeStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def freeze_of(self, member: Member) -> FreezeRow | None:
        """Return a member's freeze, or None."""
        tables = await self._reach()
        return tables.freezes.get(member)

    async def save_freeze(self, row: FreezeRow) -> None:
        """Keep a freeze; while one stands, it stays as it is."""
        tables = await self._reach()
        tables.freezes.setdefault(row.member, row)

    async def end_freeze(self, member: Member) -> None:
        """Take a member's freeze away."""
        tables = await self._reach()
        tables.freezes.pop(member, None)
