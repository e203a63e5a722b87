"""Whether a ledger's tree of today holds its tree of before, from a few tiles.

Guarantee: a check that returns has shown, by a consistency proof, that the larger tree begins with
the smaller. The proof's hashes are taken from tiles, which nobody signed: they prove themselves by
leading to both roots. At most three tiles a level are read.
Source: RFC 6962, 2.1.2; https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable

from comity.audit.findings import EvidenceError
from comity.audit.hashing import check_consistency, fold
from comity.audit.places import HASH_BYTES, WIDTH, hashes_of, tile_path

__all__ = ["check_growth"]

_HEIGHT = 8


def check_growth(
    fetch: Callable[[str], bytes], old: tuple[int, bytes], new: tuple[int, bytes]
) -> None:
    """Check that a tree (size, root) continues an older one, by the larger one's tiles.

    Raises: EvidenceError; whatever `fetch` raises.
    """
    tiles = _Tiles(fetch, new[0])
    proof = tiles.proof(old[0], 0, new[0], is_known=True) if 0 < old[0] < new[0] else []
    check_consistency(*old, *new, proof)


class _Tiles:
    """Hashes of a tree of one size, read from its tiles."""

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def proof(self, count: int, first: int, last: int, *, is_known: bool) -> list[bytes]:
        """Return the proof for the first `count` leaves of [first, last): RFC 6962, SUBPROOF."""
        if count == last - first:
            return [] if is_known else [self._root(first, last)]
        left = 1 << (last - first - 1).bit_length() - 1
        middle = first + left
        if count <= left:
            below = self.proof(count, first, middle, is_known=is_known)
            return [*below, self._root(middle, last)]
        below = self.proof(count - left, middle, last, is_known=False)
        return [*below, self._root(first, middle)]

    def _root(self, first: int, last: int) -> bytes:
        """Return the root over [first, last), whose largest full subtrees are hashes of tiles."""
        row: list[bytes] = []
        edge: list[bytes] = []
        # Of a proof's ranges only the last is not a full tree; its parts fall in size.
        while first < last:
            height = (last - first).bit_length() - 1
            edge.append(self._node(height, first >> height))
            first += 1 << height
        row = [edge.pop()]
        while edge:
            row = [fold([edge.pop(), *row])]
        return row[0]

    def _node(self, height: int, index: int) -> bytes:
        """Return the root of the full subtree of a height, folded from one tile."""
        level, up = divmod(height, _HEIGHT)
        first = index << up
        tile = self._tile(level, first // WIDTH)
        return fold(tile[first % WIDTH : first % WIDTH + (1 << up)])

    def _tile(self, level: int, index: int) -> list[bytes]:
        found = self._tiles.get((level, index))
        if found is None:
            width = min(WIDTH, (self._size >> _HEIGHT * level) - index * WIDTH)
            data = self._fetch(tile_path(str(level), index, width))
            if len(data) != width * HASH_BYTES:
                raise EvidenceError("`tile` does not have its length")
            found = self._tiles[level, index] = hashes_of(data)
        return found
