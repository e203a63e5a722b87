"""Sealed segments as the gateway takes them: it believes no root but its own ledger's.

Guarantee: a segment gets its row only in order, if the root of its files is the ledger's own node
and a signed checkpoint covers it; rows leave only by this host's own setting, and only of a segment
whose files make that same root.
Source: docs/adr/0025-public-store.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.segment import segment_span
from comity.ports import Clock, SegmentRow, Store
from comity.services.events import Events

__all__ = ["RowsKeptError", "SegmentRefusedError", "Segments"]

_NS: Final = 1_000_000_000
_SEGMENT_LEVEL: Final = 2


class SegmentRefusedError(ComityError):
    """A segment is not taken as sealed: its root is not the ledger's, or it is not its turn."""

    code = "segment-refused"


class RowsKeptError(ComityError):
    """The rows of this segment stay: no setting of this host lets them go."""

    code = "leaf-rows-kept"


class Segments:
    """Keeps the rows of sealed segments of one host's ledgers."""

    def __init__(
        self, *, store: Store, clock: Clock, events: Events, rows_kept: int | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._rows_kept = rows_kept

    async def keep(self, member: Member, segment: int, root: bytes) -> None:
        """Take a segment as sealed. Raises: SegmentRefusedError."""
        await self._check_root(member, segment, root)
        sealed = await self._store.segments(member)
        if segment < len(sealed):
            # Its row was written, and the answer to this command was lost.
            return
        if segment > len(sealed):
            raise SegmentRefusedError("an earlier segment is not sealed")
        checkpoint = await self._store.checkpoint(member)
        if checkpoint is None or checkpoint.size < segment_span(segment)[1]:
            raise SegmentRefusedError("no signed checkpoint covers the segment")
        sealed_at = self._clock.now_ns() // _NS
        await self._store.save_segment(
            SegmentRow(member=member, segment=segment, root=root, sealed_at=sealed_at)
        )
        self._events.note("segments_kept")

    async def release(self, member: Member, segment: int, root: bytes) -> int:
        """Let a segment's rows leave; return how many did.

        Raises: RowsKeptError, SegmentRefusedError, RowRefusedError.
        """
        sealed = await self._store.segments(member)
        if self._rows_kept is None or segment >= len(sealed) - self._rows_kept:
            raise RowsKeptError("the rows of this segment stay here")
        await self._check_root(member, segment, root)
        if sealed[segment].root != root:
            raise SegmentRefusedError("`root` is not that of the sealed segment")
        count = await self._store.release_leaves(member, segment)
        self._events.note("leaf_rows_released", count, member=member, segment=segment)
        return count

    async def _check_root(self, member: Member, segment: int, root: bytes) -> None:
        nodes = await self._store.nodes(member, _SEGMENT_LEVEL, segment, segment + 1)
        if nodes != [root]:
            self._events.alarm("segment_root_differs", member=member, segment=segment)
            raise SegmentRefusedError("`root` is not the ledger's node of the segment")
