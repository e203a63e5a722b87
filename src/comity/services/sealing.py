"""Sealing: full segments become files of the public store, and what was withdrawn leaves it.

Guarantee: a segment is handed on only after every one of its files was read back and hashed. One
process at a time does this; a crash anywhere leaves it to be done again, with the same contents.
Rows of a segment are given up only in the run that read all of its files back.
Source: docs/adr/0025-public-store.md, section segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.note import VerifierKey, verify_checkpoint
from comity.ledger.segment import segment_count, segment_span
from comity.ledger.tile import SEGMENT_LEAVES, TILE_WIDTH, BundleId, bundle_path, document_path
from comity.ports import CheckpointRow, LeafTable, LedgerRows, PublicStore, Store
from comity.services.events import Events
from comity.services.segment_files import SegmentFiles, ledger_name

__all__ = ["REST_ROUNDS", "SEALING_TURN", "HandOn", "Sealing"]

REST_ROUNDS: Final = 12
"""For how many rounds a ledger whose sealing failed is left alone: a minute."""

HandOn = Callable[[Member, int, bytes], Awaitable[None]]
"""Hands a segment and the root of its files to the gateway."""

SEALING_TURN: Final = "comity sealing"
"""The turn of whoever writes public files: one process at a time has it."""


class Sealing:
    """Seals the ledgers of one host.

    `_left` and `_withdrawn` remember what this process has found done, so that it is looked at
    once, `_rests` how many rounds a ledger that failed is still left alone; `round` alone writes
    them.
    """

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows,
        public: PublicStore,
        table: LeafTable,
        keys: Mapping[Member, VerifierKey],
        keep: HandOn,
        release: HandOn,
        rows_kept: int | None,
        events: Events,
    ) -> None:
        self._store = store
        self._rows = rows
        self._public = public
        self._table = table
        self._keys = keys
        self._keep = keep
        self._release = release
        self._rows_kept = rows_kept
        self._events = events
        self._left: dict[Member, set[int]] = {}
        self._rests: Counter[Member] = Counter()
        self._withdrawn: set[tuple[Member, LeafIndex]] = set()

    async def round(self) -> int:
        """Do for each ledger what is due, one segment of each at most; return how much was done.

        Raises: StoreDownError. What else fails of one ledger is an event, and tried again.
        """
        done = 0
        async with self._store.turn(SEALING_TURN) as is_ours:
            if not is_ours:
                return 0
            for row in await self._store.checkpoints(sorted(self._keys)):
                if self._rests[row.member] > 0:
                    self._rests[row.member] -= 1
                    continue
                try:
                    done += await self._tend(row)
                except ComityError as error:
                    # A segment is seconds of work: one that fails is not read again at once.
                    self._rests[row.member] = REST_ROUNDS
                    self._events.failure("segment_not_sealed", error, member=row.member)
        return done

    async def _tend(self, row: CheckpointRow) -> int:
        sealed = len(await self._store.segments(row.member))
        done = await self._withdraw(row.member, sealed)
        if segment_count(verify_checkpoint(row.note, self._keys[row.member]).size) > sealed:
            await self._seal(row, sealed)
            return done + 1
        return done + await self._release_next(row.member, sealed)

    def _files(self, member: Member, segment: int) -> SegmentFiles:
        return SegmentFiles(
            member=member,
            key=self._keys[member],
            segment=segment,
            rows=self._rows,
            public=self._public,
            table=self._table,
        )

    async def _seal(self, row: CheckpointRow, segment: int) -> None:
        files = self._files(row.member, segment)
        await files.write(row.published)
        await self._keep(row.member, segment, await files.read_back())
        self._events.note("segment_sealed", member=row.member, segment=segment)

    async def _release_next(self, member: Member, sealed: int) -> int:
        """Let the rows of the oldest segment go that is due; return how many segments did."""
        if self._rows_kept is None:
            return 0
        left = self._left.setdefault(member, set())
        for segment in range(max(0, sealed - self._rows_kept)):
            if segment in left:
                continue
            left.add(segment)
            if await self._rows.withdrawn(member, *segment_span(segment)):
                # The neighbours of a withdrawn leaf are in no public bundle: their rows stay.
                continue
            if await self._store.has_leaves(member, segment):
                left.discard(segment)
                root = await self._files(member, segment).read_back()
                await self._release(member, segment, root)
                left.add(segment)
                self._events.note("leaf_rows_left", member=member, segment=segment)
                return 1
        return 0

    async def _withdraw(self, member: Member, sealed: int) -> int:
        """Take what was withdrawn since it was sealed out of the public store; return how much."""
        done = 0
        for index in await self._rows.withdrawn(member, 0, sealed * SEGMENT_LEAVES):
            if (member, index) not in self._withdrawn:
                done += await self._withdraw_one(member, index)
                self._withdrawn.add((member, index))
        return done

    async def _withdraw_one(self, member: Member, index: LeafIndex) -> int:
        name = ledger_name(self._keys[member])
        bundle = f"{name}/{bundle_path(BundleId(index=index // TILE_WIDTH))}"
        document = f"{name}/{document_path(index)}"
        is_shown = await self._public.get(bundle) is not None
        if is_shown:
            # The bundle goes last: while it is there, the rest of this is not done.
            await self._files(member, index // SEGMENT_LEAVES).rewrite_table()
        elif await self._public.get(document) is None:
            return 0
        await self._public.remove(document)
        await self._public.remove(bundle)
        self._events.note("public_bundle_withdrawn", member=member)
        return 1
