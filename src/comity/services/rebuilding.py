"""The public files of a ledger, held against what they are made from, and made again.

Guarantee: a file is called whole only if it is what the ledger's own leaves make, held against the
nodes of the database; what stands in its place otherwise is replaced, and nothing else is touched.
What cannot be made again is said, never guessed.
Source: docs/adr/0025-public-store.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.errors import TilePathError
from comity.ledger.note import VerifierKey, verify_checkpoint
from comity.ledger.segment import segment_span
from comity.ledger.tile import SEGMENT_LEAVES, BundleId, parse_document_path, parse_tile_path
from comity.ports import LeafTable, LedgerRows, PublicStore, PublicStoreError, Store
from comity.services.sealed_rows import LeavesMissingError
from comity.services.sealing import SEALING_TURN
from comity.services.segment_files import SegmentClashError, SegmentFiles, ledger_name

__all__ = ["FileFault", "FileFinding", "RebuildReport", "Rebuilding", "SealingUnderWayError"]


class SealingUnderWayError(ComityError):
    """The worker is sealing at this moment, or another rebuild runs."""

    code = "sealing-under-way"


class FileFault(StrEnum):
    """What is wrong with a public file."""

    MISSING = "missing"
    DAMAGED = "damaged"
    STRAY = "stray"
    LOST = "lost"


class FileFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A public file that is not as it should be; `is_mended` says whether it is now.

    Stray: none of the ledger's, or withdrawn. Lost: what it was made from is in neither place.
    """

    path: str
    fault: FileFault
    is_mended: bool = False
    why: str = ""


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a ledger's public files came to.

    `from_files` counts segments whose rows have left: their bundles are checked by their hashes,
    and come from a backup if they are lost.
    """

    segments: int
    from_files: int
    files: int
    findings: tuple[FileFinding, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every file is as it should be, or was mended."""
        return all(finding.is_mended for finding in self.findings)


class Rebuilding:
    """Looks through a ledger's public files, once; `_found`, `_known`, `_lost` are of that run."""

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows,
        public: PublicStore,
        table: LeafTable,
        key: VerifierKey,
        mends: bool,
    ) -> None:
        self._store = store
        self._rows = rows
        self._public = public
        self._table = table
        self._key = key
        self._mends = mends
        self._found: list[FileFinding] = []
        self._known: set[str] = set()
        self._lost: set[int] = set()

    async def run(
        self, member: Member, told: Callable[[int, int], None] = lambda _done, _of: None
    ) -> RebuildReport:
        """Look at every sealed segment of a ledger, and mend what is wrong if that was asked for.

        Raises: SealingUnderWayError, StoreDownError, PublicStoreError.
        """
        async with self._store.turn(SEALING_TURN) as is_ours:
            if not is_ours:
                raise SealingUnderWayError("the ledger's files are being written: try again")
            count = len(await self._store.segments(member))
            from_files = 0
            for segment in range(count):
                from_files += not await self._store.has_leaves(member, segment)
                await self._look(member, segment)
                told(segment + 1, count)
            await self._look_for_strays(member, count)
        return RebuildReport(
            segments=count,
            from_files=from_files,
            files=len(self._known),
            findings=tuple(self._found),
        )

    async def _look(self, member: Member, segment: int) -> None:
        files = self._files(member, segment)
        try:
            loaded = await files.load()
        except (LeavesMissingError, SegmentClashError) as error:
            name = f"{ledger_name(self._key)}/segment {segment}"
            self._found.append(FileFinding(path=name, fault=FileFault.LOST, why=str(error)))
            # Without its leaves nobody can say which of its files is right: none is touched.
            self._known |= set(files.names())
            self._lost.add(segment)
            return
        async for path, data in files.files(loaded):
            self._known.add(path)
            await self._compare(path, data, is_table=path == files.parquet)
        self._known.add(files.sealed)
        await self._compare_note(member, files.sealed, segment_span(segment)[1])

    async def _compare(self, path: str, data: bytes, *, is_table: bool) -> None:
        here = await self._public.get(path)
        if here == data:
            return
        if here is not None and is_table and await self._is_same_table(here, data):
            return
        fault = FileFault.MISSING if here is None else FileFault.DAMAGED
        await self._replace(path, data, fault)

    async def _is_same_table(self, here: bytes, data: bytes) -> bool:
        """Another release of the engine writes the same rows in other bytes."""
        made = await asyncio.to_thread(self._table.read, data)
        try:
            return await asyncio.to_thread(self._table.read, here) == made
        except PublicStoreError:
            return False

    async def _compare_note(self, member: Member, path: str, last: int) -> None:
        """Hold the checkpoint of a seal against its ledger's key: any that covers it will do."""
        here = await self._public.get(path)
        if here is not None and self._covers(here, last):
            return
        row = await self._store.checkpoint(member)
        fault = FileFault.MISSING if here is None else FileFault.DAMAGED
        if row is None or not self._covers(row.published, last):
            why = "no checkpoint of this ledger covers the segment"
            self._found.append(FileFinding(path=path, fault=fault, why=why))
            return
        await self._replace(path, row.published, fault)

    def _covers(self, note: bytes, last: int) -> bool:
        try:
            return verify_checkpoint(note, self._key).size >= last
        except ComityError:
            return False

    async def _replace(self, path: str, data: bytes, fault: FileFault) -> None:
        if self._mends:
            if fault is FileFault.DAMAGED:
                await self._public.remove(path)
            await self._public.put(path, data)
        self._found.append(FileFinding(path=path, fault=fault, is_mended=self._mends))

    async def _look_for_strays(self, member: Member, segments: int) -> None:
        """Find what is no file of a sealed segment; one of the next segment is only unfinished.

        A bundle or document among them is withdrawn, and taken away; the rest is not ours.
        """
        unfinished = set(self._files(member, segments).names())
        end = segment_span(segments)[0]
        for path in await self._public.paths(ledger_name(self._key)):
            index = _document_index(path)
            if path in self._known or path in unfinished:
                continue
            if index is not None and (index >= end or index // SEGMENT_LEAVES in self._lost):
                continue
            mends = self._mends and (index is not None or _is_bundle(path))
            if mends:
                await self._public.remove(path)
            self._found.append(FileFinding(path=path, fault=FileFault.STRAY, is_mended=mends))

    def _files(self, member: Member, segment: int) -> SegmentFiles:
        return SegmentFiles(
            member=member,
            key=self._key,
            segment=segment,
            rows=self._rows,
            public=self._public,
            table=self._table,
        )


def _document_index(path: str) -> int | None:
    try:
        return parse_document_path(path.partition("/")[2])
    except TilePathError:
        return None


def _is_bundle(path: str) -> bool:
    try:
        return isinstance(parse_tile_path(path.partition("/")[2]), BundleId)
    except TilePathError:
        return False
