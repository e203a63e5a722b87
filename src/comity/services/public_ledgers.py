"""Which public documents a host's ledgers have, and their bytes: the C2SP tree and what is beside.

Guarantee: nothing beyond the newest signed size is found, every width up to it is, and no bundle
with a withdrawn entry, nor that entry's document. A path has one spelling. A checkpoint that its
ledger's key did not sign is not shown.
Source: https://c2sp.org/tlog-tiles; docs/adr/0025-public-store.md, section paths.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.errors import TilePathError
from comity.ledger.note import VerifierKey, encode_vkey, verify_checkpoint
from comity.ledger.proof import encode_tlog_proof
from comity.ledger.tile import (
    TILE_WIDTH,
    BundleId,
    TileId,
    encode_bundle,
    is_within,
    parse_document_path,
    parse_tile_path,
)
from comity.ledger.tree import HASH_BYTES
from comity.ports import LedgerRows, Store
from comity.services.proofs import inclusion_path, read_tile

__all__ = ["VIEW_SECONDS_MAX", "Place", "PublicKind", "PublicLedgers", "RowsMissingError", "View"]

VIEW_SECONDS_MAX: Final = 1.0
"""How old what is known of a ledger's newest checkpoint may be."""

_PROOF: Final = re.compile(r"proof/(0|[1-9][0-9]{0,14})")


class RowsMissingError(ComityError):
    """A public document of the signed tree cannot be made: rows or files of it are missing."""

    code = "ledger-rows-missing"


class PublicKind(Enum):
    """What a public path names."""

    CHECKPOINT = "checkpoint"
    VKEY = "vkey"
    TILE = "tile"
    BUNDLE = "bundle"
    DOCUMENT = "document"
    PROOF = "proof"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger as its newest checkpoint commits to it, and which of its leaves are withdrawn."""

    member: Member
    key: VerifierKey
    note: bytes
    size: int
    withdrawn: tuple[LeafIndex, ...]

    def has_withdrawn(self, first: int, last: int) -> bool:
        """Say whether a leaf of [first, last) is withdrawn."""
        at = bisect_left(self.withdrawn, first)
        return at < len(self.withdrawn) and self.withdrawn[at] < last


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a path names in a view; `tile` or `index` says which."""

    kind: PublicKind
    tile: TileId | BundleId | None = None
    index: int = 0


class PublicLedgers:
    """The public documents of the ledgers of one installation.

    `keys` are by the last part of each ledger's origin: `oh`, or `oh.2` of its successor. `_views`
    is written by `view` alone, one ledger at a time under that ledger's lock.
    """

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows,
        keys: Mapping[str, VerifierKey],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._rows = rows
        self._keys = keys
        self._now = now
        self._views: dict[str, tuple[float, View | None]] = {}
        self._locks = {name: asyncio.Lock() for name in keys}

    async def view(self, name: str) -> View | None:
        """Return a ledger as it is published; None if it is not kept here, or not signed yet.

        Raises: StoreDownError; NoteError, SignatureError if its key did not sign the checkpoint.
        """
        if name not in self._keys:
            return None
        async with self._locks[name]:
            at, view = self._views.get(name, (float("-inf"), None))
            if self._now() - at > VIEW_SECONDS_MAX:
                view = await self._read_view(name)
                self._views[name] = (self._now(), view)
            return view

    async def _read_view(self, name: str) -> View | None:
        key, member = self._keys[name], Member(name.partition(".")[0])
        row = await self._store.checkpoint(member)
        if row is None:
            return None
        size = verify_checkpoint(row.note, key).size
        withdrawn = tuple(await self._rows.withdrawn(member, 0, size))
        return View(member=member, key=key, note=row.published, size=size, withdrawn=withdrawn)

    def locate(self, view: View, path: str) -> Place | None:
        """Return what a path names, or None if this ledger does not have it."""
        if path in (PublicKind.CHECKPOINT.value, PublicKind.VKEY.value):
            return Place(kind=PublicKind(path))
        if found := _PROOF.fullmatch(path):
            index = int(found[1])
            return Place(kind=PublicKind.PROOF, index=index) if index < view.size else None
        try:
            if path.startswith("document/"):
                return self._document(view, parse_document_path(path))
            return self._tile(view, parse_tile_path(path))
        except TilePathError:
            return None

    def _document(self, view: View, index: int) -> Place | None:
        if index >= view.size or view.has_withdrawn(index, index + 1):
            return None
        return Place(kind=PublicKind.DOCUMENT, index=index)

    def _tile(self, view: View, tile: TileId | BundleId) -> Place | None:
        if not is_within(tile, view.size):
            return None
        if isinstance(tile, TileId):
            return Place(kind=PublicKind.TILE, tile=tile)
        first = tile.index * TILE_WIDTH
        if view.has_withdrawn(first, first + tile.width):
            return None
        return Place(kind=PublicKind.BUNDLE, tile=tile)

    async def read(self, view: View, place: Place) -> bytes | None:
        """Return the bytes of what was located; None if a leaf has no document.

        Raises: RowsMissingError, StoreDownError.
        """
        match place.kind:
            case PublicKind.CHECKPOINT:
                return view.note
            case PublicKind.VKEY:
                return f"{encode_vkey(view.key)}\n".encode()
            case PublicKind.DOCUMENT:
                rows = await self._rows.documents(view.member, place.index, place.index + 1)
                return rows[0].body if rows else None
            case PublicKind.PROOF:
                path = await inclusion_path(self._rows, view.member, place.index, view.size)
                return encode_tlog_proof(place.index, path, view.note)
        if isinstance(place.tile, TileId):
            return await self._read_tile(view, place.tile)
        assert place.tile is not None
        return await self._read_bundle(view, place.tile)

    async def _read_tile(self, view: View, tile: TileId) -> bytes:
        data = await read_tile(self._rows, view.member, tile)
        if len(data) != tile.width * HASH_BYTES:
            raise RowsMissingError("a tile of the signed tree cannot be made")
        return data

    async def _read_bundle(self, view: View, bundle: BundleId) -> bytes:
        first = bundle.index * TILE_WIDTH
        entries = await self._rows.leaves(view.member, first, first + bundle.width)
        # Withdrawn since the view was read, an entry's bytes may be gone already.
        if len(entries) != bundle.width or not all(entries):
            raise RowsMissingError("a bundle of the signed tree cannot be made")
        return encode_bundle(entries)
