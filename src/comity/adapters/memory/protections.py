"""The memory store's part for the register of confidential addresses."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import ProtectionRow

__all__ = ["MemoryProtections"]


class MemoryProtections:
    """What `ProtectionStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def keep_protection(
        self, member: Member, protection_id: bytes, rows: Sequence[ProtectionRow]
    ) -> None:
        """Have these rows, and no others, stand for a protection."""
        kept = (await self._reach()).protections
        for place in [place for place in kept if place[:2] == (member, protection_id)]:
            del kept[place]
        kept.update({(row.member, row.protection_id, row.tag): row for row in rows})

    async def protections(self, member: Member) -> list[ProtectionRow]:
        """Return a member's rows, by protection and tag."""
        kept = (await self._reach()).protections
        return [kept[place] for place in sorted(kept) if place[0] == member]

    async def protection(self, member: Member, protection_id: bytes) -> list[ProtectionRow]:
        """Return the rows of one protection, by tag."""
        return [row for row in await self.protections(member) if row.protection_id == protection_id]

    async def protections_tagged(
        self, member: Member, tags: Sequence[bytes]
    ) -> list[ProtectionRow]:
        """Return a member's rows that have one of these tags, by protection and tag."""
        return [row for row in await self.protections(member) if row.tag in tags]

    async def protection_count(self, member: Member) -> int:
        """Return how many protections of a member are kept."""
        return len({row.protection_id for row in await self.protections(member)})

    async def protection_samples(self, member: Member) -> list[ProtectionRow]:
        """Return one row for each key that seals any of a member's, by the key's number."""
        rows = {row.sealed.key_number: row for row in reversed(await self.protections(member))}
        return [rows[number] for number in sorted(rows)]
