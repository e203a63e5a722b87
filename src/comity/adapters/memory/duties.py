"""The memory store's part for duties, and a pager that keeps what it was given."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import DutyRow, PageError

__all__ = ["MemoryDuties", "MemoryPager"]


class MemoryDuties:
    """What `DutyStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def duties(
        self, members: Sequence[Member], limit: int, kinds: Sequence[str] | None = None
    ) -> list[DutyRow]:
        """Return duties that are not done, oldest first; of all kinds unless some are given."""
        tables = await self._reach()
        rows = [row for _, row in sorted(tables.duties.items()) if row.member in members]
        return [row for row in rows if kinds is None or row.kind in kinds][:limit]

    async def end_duty(self, member: Member, duty_id: int) -> None:
        """Let go of a duty that is done; one that is gone already is no error."""
        tables = await self._reach()
        row = tables.duties.get(duty_id)
        if row is not None and row.member == member:
            del tables.duties[duty_id]


class MemoryPager:
    """Keeps messages; fails while it is told to."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.is_broken = False

    async def page(self, message: bytes) -> None:
        """Keep a message. Raises: PageError."""
        if self.is_broken:
            raise PageError("the pager is broken")
        self.messages.append(message)
