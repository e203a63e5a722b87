"""A ledger's public rows from where they are: sealed segments in the public store, all else here.

Guarantee: what comes out of the store of files is hashed and held against the nodes of the
database before anyone sees it; what is missing or damaged there is taken from the database, and
where that has it no more the read fails. Nothing is made up.
Source: docs/adr/0025-public-store.md, section rows leave.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.errors import BundleError, TileError
from comity.ledger.segment import segment_span
from comity.ledger.tile import (
    TILE_WIDTH,
    BundleId,
    TileId,
    bundle_path,
    decode_bundle,
    decode_tile,
    tile_path,
    tile_root,
)
from comity.ledger.tree import hash_leaves
from comity.ports import DocumentRow, PublicStore, Store
from comity.services.events import Events

__all__ = ["BUNDLES_KEPT_MAX", "TILES_KEPT_MAX", "LeavesMissingError", "SealedRows"]

TILES_KEPT_MAX: Final = 256
"""Tiles of leaf hashes that a reader of sealed segments keeps: 8 KB each."""
BUNDLES_KEPT_MAX: Final = 16
"""Bundles that it keeps: 50 KB each as a rule, 256 KB at most."""

_LOOK_SECONDS: Final = 10.0
_V = TypeVar("_V")


class LeavesMissingError(ComityError):
    """Leaves of a sealed segment are whole in neither place: their files must be restored."""

    code = "sealed-leaves-missing"


class SealedRows:
    """Reads ledgers across both places.

    `names` returns under which names a member's files may be: its ledger's, then those of ledgers
    that it succeeded, whose leaves it begins with.
    """

    def __init__(
        self,
        *,
        store: Store,
        public: PublicStore,
        names: Callable[[Member], Sequence[str]],
        events: Events,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._public = public
        self._names = names
        self._events = events
        self._now = now
        self._sealed: dict[Member, tuple[float, int]] = {}
        self._tiles: OrderedDict[tuple[Member, int], list[bytes]] = OrderedDict()
        self._bundles: OrderedDict[tuple[Member, int], list[bytes]] = OrderedDict()

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last); a withdrawn leaf's are empty.

        Those of its bundle are too, if they are nowhere any more.

        Raises: LeavesMissingError, StoreDownError, PublicStoreError.
        """
        found = await self._read(member, (first, last), self._bundle, self._store.leaves)
        if first < await self._sealed_size(member):
            # A file may hold it until it is taken away.
            for index in await self._store.withdrawn(member, first, last):
                if index - first < len(found):
                    found[index - first] = b""
        return found

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last). Raises: as `leaves`."""
        return await self._read(member, (first, last), self._tile, self._store.leaf_hashes)

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last); they never leave."""
        return await self._store.nodes(member, level, first, last)

    async def documents(self, member: Member, first: int, last: int) -> list[DocumentRow]:
        """Return the public documents of the leaves of [first, last); they never leave."""
        return await self._store.documents(member, first, last)

    async def withdrawn(self, member: Member, first: int, last: int) -> list[LeafIndex]:
        """Return the withdrawn leaves of [first, last), in order."""
        return await self._store.withdrawn(member, first, last)

    async def bring_back(self, member: Member, index: int) -> int:
        """Write the rows of a leaf's bundle back, if they have left; return how many had.

        For one that is about to be withdrawn: its neighbours are in no public file afterwards.
        Raises: as `leaves`.
        """
        first = index // TILE_WIDTH * TILE_WIDTH
        if first + TILE_WIDTH > await self._sealed_size(member):
            return 0
        entries = await self.leaves(member, first, first + TILE_WIDTH)
        if not all(entries):
            return 0
        return await self._store.restore_leaves(member, first, entries)

    async def _read(
        self,
        member: Member,
        span: tuple[int, int],
        of_tile: Callable[[Member, int], Awaitable[list[bytes]]],
        of_rows: Callable[[Member, int, int], Awaitable[list[bytes]]],
    ) -> list[bytes]:
        first, last = span
        found = await self._read_across(member, span, of_tile, of_rows)
        if len(found) < last - first and await self._look(member):
            # Sealed since, and left: the rows that were looked for are files now.
            found = await self._read_across(member, span, of_tile, of_rows)
        return found

    async def _read_across(
        self,
        member: Member,
        span: tuple[int, int],
        of_tile: Callable[[Member, int], Awaitable[list[bytes]]],
        of_rows: Callable[[Member, int, int], Awaitable[list[bytes]]],
    ) -> list[bytes]:
        first, last = span
        cut = min(last, max(first, await self._sealed_size(member)))
        found: list[bytes] = []
        at = first
        while at < cut:
            index, place = divmod(at, TILE_WIDTH)
            values = await of_tile(member, index)
            found += values[place : place + cut - at]
            at = min(cut, (index + 1) * TILE_WIDTH)
        if cut < last:
            found += await of_rows(member, cut, last)
        return found

    async def _sealed_size(self, member: Member) -> int:
        at, size = self._sealed.get(member, (float("-inf"), 0))
        if self._now() - at > _LOOK_SECONDS:
            await self._look(member)
            _, size = self._sealed[member]
        return size

    async def _look(self, member: Member) -> bool:
        """Look how far the ledger is sealed; say whether it is further than was known."""
        _, before = self._sealed.get(member, (0.0, 0))
        sealed = await self._store.segments(member)
        size = segment_span(len(sealed))[0]
        self._sealed[member] = self._now(), size
        return size > before

    async def _tile(self, member: Member, index: int) -> list[bytes]:
        """Return the leaf hashes of a full tile, which make its node."""
        known = _recall(self._tiles, (member, index))
        if known is not None:
            return known
        path = tile_path(TileId(level=0, index=index))
        nodes = await self._store.nodes(member, 1, index, index + 1)
        for data in await self._files(member, path):
            try:
                hashes = decode_tile(data, TILE_WIDTH)
            except TileError:
                hashes = []
            if hashes and [tile_root(hashes)] == nodes:
                return _keep(self._tiles, (member, index), hashes, TILES_KEPT_MAX)
            self._events.alarm("public_file_damaged", member=member, path=path)
        first = index * TILE_WIDTH
        here = await self._store.leaf_hashes(member, first, first + TILE_WIDTH)
        bundles = await self._files(member, bundle_path(BundleId(index=index)))
        for hashes in (here, *map(_hashes_of, bundles)):
            if len(hashes) == TILE_WIDTH and [tile_root(hashes)] == nodes:
                return hashes
        raise LeavesMissingError(f"`{path}` is in neither place")

    async def _bundle(self, member: Member, index: int) -> list[bytes]:
        """Return the entries of a full bundle, which make the hashes of its tile."""
        known = _recall(self._bundles, (member, index))
        if known is not None:
            return known
        hashes = await self._tile(member, index)
        path = bundle_path(BundleId(index=index))
        for data in await self._files(member, path):
            try:
                entries = decode_bundle(data, TILE_WIDTH)
            except BundleError:
                entries = []
            if entries and hash_leaves(entries) == hashes:
                return _keep(self._bundles, (member, index), entries, BUNDLES_KEPT_MAX)
            self._events.alarm("public_file_damaged", member=member, path=path)
        return await self._rows_of_bundle(member, index, hashes)

    async def _rows_of_bundle(self, member: Member, index: int, hashes: list[bytes]) -> list[bytes]:
        first, last = index * TILE_WIDTH, (index + 1) * TILE_WIDTH
        gone = {at - first for at in await self._store.withdrawn(member, first, last)}
        entries = await self._store.leaves(member, first, last)
        if not entries and gone:
            return [b""] * TILE_WIDTH
        if len(entries) == TILE_WIDTH:
            made = hash_leaves(entries)
            if all(made[at] == hashes[at] for at in range(TILE_WIDTH) if at not in gone):
                return entries
        path = bundle_path(BundleId(index=index))
        raise LeavesMissingError(f"`{path}` is in neither place")

    async def _files(self, member: Member, path: str) -> list[bytes]:
        found = [await self._public.get(f"{name}/{path}") for name in self._names(member)]
        return [data for data in found if data is not None]


def _hashes_of(bundle: bytes) -> list[bytes]:
    """Return the leaf hashes of a bundle, or none if it is damaged."""
    try:
        return hash_leaves(decode_bundle(bundle, TILE_WIDTH))
    except BundleError:
        return []


def _recall(kept: OrderedDict[tuple[Member, int], _V], key: tuple[Member, int]) -> _V | None:
    value = kept.get(key)
    if value is not None:
        kept.move_to_end(key)
    return value


def _keep(
    kept: OrderedDict[tuple[Member, int], _V], key: tuple[Member, int], value: _V, count_max: int
) -> _V:
    kept[key] = value
    if len(kept) > count_max:
        kept.popitem(last=False)
    return value
