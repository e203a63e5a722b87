"""The memory store's part for sealed segments: their rows, turns, and leaves that leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from comity.adapters.errors import RowRefusedError
from comity.adapters.memory.tables import Tables
from comity.domain.ids import LeafIndex, Member
from comity.ledger.segment import segment_span
from comity.ledger.tree import hash_leaf
from comity.ports import SegmentRow

__all__ = ["MemorySegments"]


class MemorySegments:
    """Segments over the tables that `_reach` gives; `_turns` names the turns that are taken."""

    _turns: set[str]

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def withdrawn(self, member: Member, first: int, last: int) -> Sequence[LeafIndex]:
        """Return the leaves of [first, last) that a `redaction` leaf withdrew, in order."""
        raise NotImplementedError

    async def segments(self, member: Member) -> list[SegmentRow]:
        """Return a ledger's sealed segments in order."""
        tables = await self._reach()
        return [row for place, row in sorted(tables.segments.items()) if place[0] == member]

    async def save_segment(self, row: SegmentRow) -> None:
        """Keep a sealed segment; the first row of it stays."""
        tables = await self._reach()
        tables.segments.setdefault((row.member, row.segment), row)

    async def has_leaves(self, member: Member, segment: int) -> bool:
        """Say whether leaves of a segment are here."""
        tables = await self._reach()
        return bool(tables.leaves_of(member, *segment_span(segment)))

    async def release_leaves(self, member: Member, segment: int) -> int:
        """Delete the leaves of a sealed segment; return how many. Raises: RowRefusedError."""
        tables = await self._reach()
        span = segment_span(segment)
        if (member, segment) not in tables.segments or await self.withdrawn(member, *span):
            raise RowRefusedError("a segment is not sealed, or has a withdrawn leaf")
        count = len(tables.leaves_of(member, *span))
        tables.released.setdefault(member, set()).add(segment)
        return count

    async def restore_leaves(self, member: Member, first: int, leaves: Sequence[bytes]) -> int:
        """Write leaves of a sealed segment back that had left; return how many were not here."""
        tables = await self._reach()
        span = range(first, first + len(leaves))
        gone = [index for index in span if not tables.leaves_of(member, index, index + 1)]
        for index in gone:
            assert tables.leaves[member][index][1] == hash_leaf(leaves[index - first])
        tables.restored.setdefault(member, set()).update(gone)
        return len(gone)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[bool]:
        """Hold a turn that one process has at a time; yields False if another has it."""
        await self._reach()
        if name in self._turns:
            yield False
            return
        self._turns.add(name)
        try:
            yield True
        finally:
            self._turns.discard(name)
