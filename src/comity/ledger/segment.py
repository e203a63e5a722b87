"""A sealed segment's files: which there are, and how they are made and hashed again.

Guarantee: the files of a segment follow from its leaves alone; `SegmentTree` makes of 65,536 leaf
hashes the one tree that they have, or nothing.
Source: https://c2sp.org/tlog-tiles; docs/adr/0025-public-store.md, section segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from comity.ledger.errors import TileError
from comity.ledger.tile import SEGMENT_LEAVES, TILE_WIDTH, TileId, tile_path, tile_root

__all__ = [
    "SegmentTree",
    "filled_tiles",
    "parquet_path",
    "sealed_path",
    "segment_count",
    "segment_span",
]


def segment_count(size: int) -> int:
    """Return how many whole segments a tree of `size` leaves has."""
    return size // SEGMENT_LEAVES


def segment_span(segment: int) -> tuple[int, int]:
    """Return a segment's first leaf, and the one behind its last."""
    return segment * SEGMENT_LEAVES, (segment + 1) * SEGMENT_LEAVES


def parquet_path(segment: int) -> str:
    """Return where a segment's table of leaves is."""
    return f"parquet/{segment}.parquet"


def sealed_path(segment: int) -> str:
    """Return where the checkpoint is that covered a segment when it was sealed."""
    return f"sealed/{segment}"


def filled_tiles(segment: int) -> Iterator[TileId]:
    """Yield the tiles of higher levels that a segment fills: one of level 2 every 256th does."""
    level, index = 2, segment
    while index % TILE_WIDTH == TILE_WIDTH - 1:
        index //= TILE_WIDTH
        yield TileId(level=level, index=index)
        level += 1


class SegmentTree:
    """The tiles of one segment, from its leaf hashes. Raises: TileError if they are not 65,536."""

    def __init__(self, segment: int, hashes: Sequence[bytes]) -> None:
        if len(hashes) != SEGMENT_LEAVES:
            raise TileError("`hashes` are not those of a whole segment")
        self._segment = segment
        self._hashes = hashes
        cuts = range(0, SEGMENT_LEAVES, TILE_WIDTH)
        self._roots = [tile_root(hashes[at : at + TILE_WIDTH]) for at in cuts]
        self.root = tile_root(self._roots)

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each tile: those of level 0, then the one above them."""
        first = self._segment * TILE_WIDTH
        for place in range(TILE_WIDTH):
            cut = self._hashes[place * TILE_WIDTH : (place + 1) * TILE_WIDTH]
            yield tile_path(TileId(level=0, index=first + place)), b"".join(cut)
        yield tile_path(TileId(level=1, index=self._segment)), b"".join(self._roots)
