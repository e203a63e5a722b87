"""The public files of one segment: made from its rows, written, and read back from the store.

Guarantee: nothing is written of leaves that do not make the ledger's own node; `read_back` takes
its word from the files alone. Writing again writes the same contents.
Source: docs/adr/0025-public-store.md, section segments.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.errors import BundleError, TileError
from comity.ledger.note import VerifierKey, verify_checkpoint
from comity.ledger.segment import (
    SegmentTree,
    filled_tiles,
    parquet_path,
    sealed_path,
    segment_span,
)
from comity.ledger.tile import (
    SEGMENT_LEAVES,
    TILE_WIDTH,
    BundleId,
    TileId,
    bundle_path,
    decode_bundle,
    decode_tile,
    document_path,
    encode_bundle,
    tile_path,
    tile_root,
)
from comity.ledger.tree import hash_leaves
from comity.ports import LeafTable, LedgerRows, PublicStore, PublicStoreError
from comity.services.proofs import read_tile

__all__ = ["FileDamagedError", "SegmentClashError", "SegmentFiles", "SegmentLeaves", "ledger_name"]

_PAGE_LEAVES: Final = 4_096
_SEGMENT_LEVEL: Final = 2


class SegmentClashError(ComityError):
    """The leaves of a segment do not make the node that the ledger has of them."""

    code = "segment-clash"


class FileDamagedError(ComityError):
    """A public file is missing, or is not what the leaves make."""

    code = "public-file-damaged"


def ledger_name(key: VerifierKey) -> str:
    """Return under which name a ledger is published: the last part of its origin."""
    return key.name.rpartition("/")[2]


class SegmentLeaves(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's leaves with their tree. Withdrawn leaves are without bytes."""

    entries: list[bytes]
    tree: SegmentTree
    withdrawn: tuple[LeafIndex, ...]


class SegmentFiles:
    """The files of one segment of one ledger."""

    def __init__(
        self,
        *,
        member: Member,
        key: VerifierKey,
        segment: int,
        rows: LedgerRows,
        public: PublicStore,
        table: LeafTable,
    ) -> None:
        self._member = member
        self._key = key
        self._segment = segment
        self._rows = rows
        self._public = public
        self._table = table
        self._span = segment_span(segment)
        self._name = ledger_name(key)

    async def load(self) -> SegmentLeaves:
        """Read the segment's leaves. Raises: SegmentClashError, and what the rows raise."""
        first, last = self._span
        withdrawn = tuple(await self._rows.withdrawn(self._member, first, last))
        entries: list[bytes] = []
        hashes: list[bytes] = []
        for at in range(first, last, _PAGE_LEAVES):
            page = await self._rows.leaves(self._member, at, at + _PAGE_LEAVES)
            kept = await self._rows.leaf_hashes(self._member, at, at + _PAGE_LEAVES)
            if len(page) != len(kept):
                raise SegmentClashError("leaves of a segment are missing")
            made = await asyncio.to_thread(hash_leaves, page)
            # Of a withdrawn leaf only the hash is left; the node holds it to account.
            hashes += [own if data else h for data, own, h in zip(page, made, kept, strict=True)]
            entries += page
        for index in withdrawn:
            entries[index - first] = b""
        try:
            tree = await asyncio.to_thread(SegmentTree, self._segment, hashes)
        except TileError:
            raise SegmentClashError("leaves of a segment are missing") from None
        node = await self.node()
        if tree.root != node:
            raise SegmentClashError("the leaves of a segment make another root than its node")
        return SegmentLeaves(entries=entries, tree=tree, withdrawn=withdrawn)

    async def node(self) -> bytes:
        """Return the ledger's node of this segment. Raises: SegmentClashError if it has none."""
        at = self._segment
        nodes = await self._rows.nodes(self._member, _SEGMENT_LEVEL, at, at + 1)
        if not nodes:
            raise SegmentClashError("the ledger has no node of the segment")
        return nodes[0]

    async def files(self, loaded: SegmentLeaves) -> AsyncIterator[tuple[str, bytes]]:
        """Yield path and bytes of every file that follows from the leaves, in order of writing.

        The table comes last of them; the checkpoint, which does not follow, is not among them.
        """
        first, _ = self._span
        for index in self._bundles():
            at = index * TILE_WIDTH - first
            entries = loaded.entries[at : at + TILE_WIDTH]
            if all(entries):
                yield self._path(bundle_path(BundleId(index=index))), encode_bundle(entries)
        for path, data in loaded.tree.tiles():
            yield self._path(path), data
        for tile in filled_tiles(self._segment):
            yield self._path(tile_path(tile)), await self._high_tile(tile)
        async for path, data in self._documents(loaded.withdrawn):
            yield path, data
        yield self.parquet, await asyncio.to_thread(self._table.encode, first, loaded.entries)

    async def _high_tile(self, tile: TileId) -> bytes:
        data = await read_tile(self._rows, self._member, tile)
        if len(data) != TILE_WIDTH * len(await self.node()):
            raise SegmentClashError("nodes of a full tile are missing")
        return data

    async def _documents(
        self, withdrawn: tuple[LeafIndex, ...]
    ) -> AsyncIterator[tuple[str, bytes]]:
        first, last = self._span
        for at in range(first, last, _PAGE_LEAVES):
            for row in await self._rows.documents(self._member, at, at + _PAGE_LEAVES):
                if row.leaf_index not in withdrawn:
                    yield self._path(document_path(row.leaf_index)), row.body

    def names(self) -> Iterator[str]:
        """Yield the path of every file that the segment can have, but for documents."""
        for index in self._bundles():
            yield self._path(bundle_path(BundleId(index=index)))
            yield self._path(tile_path(TileId(level=0, index=index)))
        for tile in (TileId(level=1, index=self._segment), *filled_tiles(self._segment)):
            yield self._path(tile_path(tile))
        yield from (self.parquet, self.sealed)

    def _bundles(self) -> range:
        return range(self._segment * TILE_WIDTH, (self._segment + 1) * TILE_WIDTH)

    def _path(self, path: str) -> str:
        return f"{self._name}/{path}"

    @property
    def parquet(self) -> str:
        """The path of the segment's table."""
        return self._path(parquet_path(self._segment))

    @property
    def sealed(self) -> str:
        """The path of the checkpoint that covered the segment."""
        return self._path(sealed_path(self._segment))

    async def write(self, note: bytes) -> None:
        """Write every file that is not there, `note` last, a checkpoint that covers the segment.

        Raises: SegmentClashError, PublicClashError, PublicStoreError, and what the rows raise.
        """
        loaded = await self.load()
        async for path, data in self.files(loaded):
            # Another release of the engine writes the same rows in other bytes.
            if path != self.parquet or await self._public.get(path) is None:
                await self._public.put(path, data)
        if await self._public.get(self.sealed) is None:
            await self._public.put(self.sealed, note)

    async def rewrite_table(self) -> None:
        """Write the table anew, without what was withdrawn since. Raises: as `write`."""
        loaded = await self.load()
        first, _ = self._span
        data = await asyncio.to_thread(self._table.encode, first, loaded.entries)
        await self._public.remove(self.parquet)
        await self._public.put(self.parquet, data)

    async def read_back(self) -> bytes:
        """Read every file again, hash it, and return the root that they make.

        Raises: FileDamagedError naming the first that is missing or wrong, PublicStoreError.
        """
        first, last = self._span
        withdrawn = await self._rows.withdrawn(self._member, first, last)
        hidden = {index // TILE_WIDTH for index in withdrawn}
        roots = [await self._read_bundle(index, index in hidden) for index in self._bundles()]
        path = self._path(tile_path(TileId(level=1, index=self._segment)))
        if await self._get(path) != b"".join(roots):
            raise FileDamagedError(f"`{path}` does not hold the roots of the tiles below it")
        root = tile_root(roots)
        for tile in filled_tiles(self._segment):
            path = self._path(tile_path(tile))
            if await self._get(path) != await self._high_tile(tile):
                raise FileDamagedError(f"`{path}` does not hold the roots of the tiles below it")
        async for path, data in self._documents(tuple(withdrawn)):
            if await self._get(path) != data:
                raise FileDamagedError(f"`{path}` is not the leaf's document")
        await self._read_table()
        await self._read_note()
        return root

    async def _read_bundle(self, index: int, is_hidden: bool) -> bytes:
        """Return the root of one tile of leaf hashes, which are those of its bundle."""
        path = self._path(tile_path(TileId(level=0, index=index)))
        try:
            hashes = decode_tile(await self._get(path), TILE_WIDTH)
        except TileError:
            raise FileDamagedError(f"`{path}` is not a full tile") from None
        path = self._path(bundle_path(BundleId(index=index)))
        if is_hidden:
            if await self._public.get(path) is not None:
                raise FileDamagedError(f"`{path}` holds a withdrawn leaf")
            return tile_root(hashes)
        try:
            entries = decode_bundle(await self._get(path), TILE_WIDTH)
        except BundleError:
            raise FileDamagedError(f"`{path}` is not a full bundle") from None
        if hash_leaves(entries) != hashes:
            raise FileDamagedError(f"`{path}` holds other leaves than its tile")
        return tile_root(hashes)

    async def _read_table(self) -> None:
        first, last = self._span
        data = await self._get(self.parquet)
        try:
            facts = await asyncio.to_thread(self._table.read, data)
        except PublicStoreError:
            raise FileDamagedError(f"`{self.parquet}` is no table of leaves") from None
        if (facts.rows, facts.first, facts.last) != (SEGMENT_LEAVES, first, last - 1):
            raise FileDamagedError(f"`{self.parquet}` does not hold one row a leaf")

    async def _read_note(self) -> None:
        try:
            covered = verify_checkpoint(await self._get(self.sealed), self._key).size
        except FileDamagedError:
            raise
        except ComityError:
            covered = 0
        if covered < self._span[1]:
            raise FileDamagedError(f"`{self.sealed}` is no checkpoint that covers the segment")

    async def _get(self, path: str) -> bytes:
        data = await self._public.get(path)
        if data is None:
            raise FileDamagedError(f"`{path}` is missing")
        return data
