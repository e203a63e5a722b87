"""Proofs for leaves of earlier batches, read from the store's tile rows.

A receipt for a repeated answer names the same index as the first one; its path is in the tree as it
stands now, under a fresh signature over the committed head.
"""

from __future__ import annotations

from comity.domain.ids import Member, ledger_origin
from comity.ledger.note import Signer, VerifierKey
from comity.ledger.proof import TreeReader
from comity.ledger.receipt import Head, encode_receipt, make_receipt, sign_batch
from comity.ledger.tile import TILE_HEIGHT, TILE_WIDTH, TileId
from comity.ledger.tree import hash_leaf
from comity.ports import Store

__all__ = ["ProofMaker", "read_tile"]


async def read_tile(store: Store, member: Member, tile: TileId) -> bytes:
    """Return a tile's bytes: leaf hashes at level 0, roots of full tiles above."""
    first = tile.index * TILE_WIDTH
    last = first + tile.width
    if tile.level == 0:
        return b"".join(await store.leaf_hashes(member, first, last))
    return b"".join(await store.nodes(member, tile.level, first, last))


class ProofMaker:
    """Makes receipts for leaves that are already in a ledger of this host."""

    def __init__(self, *, store: Store, signer: Signer, host: VerifierKey, domain: str) -> None:
        self._store = store
        self._signer = signer
        self._host = host
        self._domain = domain

    async def receipts(self, member: Member, indexes: list[int]) -> list[tuple[bytes, bytes]]:
        """Return (leaf bytes, receipt bytes) of leaves at these indexes."""
        head, root = (await self._store.heads([member]))[member]
        size = head.frontier.size
        origin = ledger_origin(self._domain, member)
        batch = sign_batch(self._signer, self._host, [Head(origin=origin, size=size, root=root)])
        made = []
        for index in indexes:
            (data,) = await self._store.leaves(member, index, index + 1)
            path = await self.path(member, index, size)
            receipt = make_receipt(batch, origin, index, hash_leaf(data), path)
            made.append((data, encode_receipt(receipt)))
        return made

    async def path(self, member: Member, index: int, size: int) -> tuple[bytes, ...]:
        """Return a leaf's inclusion path in the tree of `size`, which is committed."""
        return (await self._reader(member, index, size)).inclusion(index)

    async def root(self, member: Member, size: int) -> bytes:
        """Return the root of the first `size` (at least one) leaves, which are committed."""
        return (await self._reader(member, size - 1, size)).root()

    async def _reader(self, member: Member, index: int, size: int) -> TreeReader:
        tiles: dict[TileId, bytes] = {}
        for tile in _tiles_for(index, size):
            tiles[tile] = await read_tile(self._store, member, tile)
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
