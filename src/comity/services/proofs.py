"""Proofs for leaves of earlier batches, read from the store's tile rows.

A receipt for a repeated answer names the same index as the first one; its path is in the tree as it
stands now, under a fresh signature over the committed head.
"""

from __future__ import annotations

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.note import Signer, VerifierKey
from comity.ledger.proof import TreeReader
from comity.ledger.receipt import Head, encode_receipt, make_receipt, sign_batch
from comity.ledger.tile import TILE_HEIGHT, TILE_WIDTH, TileId
from comity.ledger.tree import hash_leaf
from comity.ports import LedgerRows, Store
from comity.services.ledger_keys import LedgerKeys

__all__ = [
    "LeafWithdrawnError",
    "ProofMaker",
    "consistency_proof",
    "inclusion_path",
    "read_tile",
    "tree_root_at",
]


async def read_tile(rows: LedgerRows, member: Member, tile: TileId) -> bytes:
    """Return a tile's bytes: leaf hashes at level 0, roots of full tiles above."""
    first = tile.index * TILE_WIDTH
    last = first + tile.width
    if tile.level == 0:
        return b"".join(await rows.leaf_hashes(member, first, last))
    return b"".join(await rows.nodes(member, tile.level, first, last))


async def inclusion_path(
    rows: LedgerRows, member: Member, index: int, size: int
) -> tuple[bytes, ...]:
    """Return a leaf's inclusion path in the tree of `size`, which is committed."""
    return (await _reader(rows, member, index, size)).inclusion(index)


async def tree_root_at(rows: LedgerRows, member: Member, size: int) -> bytes:
    """Return the root of the first `size` (at least one) leaves, which are committed."""
    return (await _reader(rows, member, size - 1, size)).root()


async def consistency_proof(
    rows: LedgerRows, member: Member, size_old: int, size: int
) -> tuple[bytes, ...]:
    """Return the proof that a ledger's tree of `size`, which is committed, continues a smaller one.

    It needs no tiles but those of the old tree's last leaf: each hash is beside that leaf's way.
    """
    if size_old in (0, size):
        return ()
    return (await _reader(rows, member, size_old - 1, size)).consistency(size_old)


class LeafWithdrawnError(ComityError):
    """A leaf's bytes were withdrawn by a `redaction` leaf: its hash alone is left."""

    code = "leaf-withdrawn"


class ProofMaker:
    """Makes receipts for leaves that are already in a ledger of this host."""

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows | None = None,
        signer: Signer,
        host: VerifierKey,
        keys: LedgerKeys,
    ) -> None:
        self._store = store
        self._rows = rows or store
        self._signer = signer
        self._host = host
        self._keys = keys

    async def receipts(self, member: Member, indexes: list[int]) -> list[tuple[bytes, bytes]]:
        """Return (leaf bytes, receipt bytes) of leaves at these indexes.

        Raises: LeafWithdrawnError if one has no bytes any more that it could be proved by.
        """
        origin = self._keys.origin(member)
        head, root = (await self._store.heads([member]))[member]
        size = head.frontier.size
        batch = sign_batch(self._signer, self._host, [Head(origin=origin, size=size, root=root)])
        made = []
        for index in indexes:
            (data,) = await self._rows.leaves(member, index, index + 1)
            if not data:
                raise LeafWithdrawnError("a leaf of the answer was withdrawn")
            path = await self.path(member, index, size)
            receipt = make_receipt(batch, origin, index, hash_leaf(data), path)
            made.append((data, encode_receipt(receipt)))
        return made

    async def path(self, member: Member, index: int, size: int) -> tuple[bytes, ...]:
        """Return a leaf's inclusion path in the tree of `size`, which is committed."""
        return await inclusion_path(self._rows, member, index, size)

    async def root(self, member: Member, size: int) -> bytes:
        """Return the root of the first `size` (at least one) leaves, which are committed."""
        return await tree_root_at(self._rows, member, size)


async def _reader(rows: LedgerRows, member: Member, index: int, size: int) -> TreeReader:
    tiles: dict[TileId, bytes] = {}
    for tile in _tiles_for(index, size):
        tiles[tile] = await read_tile(rows, member, tile)
    return TreeReader(size, tiles.__getitem__)


def _tiles_for(index: int, size: int) -> list[TileId]:
    """Return the tiles that an inclusion path can touch: the leaf's own and the right edge's."""
    tiles: list[TileId] = []
    level = 0
    while size >> TILE_HEIGHT * level:
        count = size >> TILE_HEIGHT * level
        own = index >> TILE_HEIGHT * (level + 1)
        edge = (count - 1) // TILE_WIDTH
        for at in sorted({own, edge} if own <= edge else {edge}):
            width = min(TILE_WIDTH, count - at * TILE_WIDTH)
            tiles.append(TileId(level=level, index=at, width=width))
        level += 1
    return tiles
