"""Inclusion and consistency proofs: made from tiles, checked without recursion.

Guarantee: a verifier accepts exactly the hashes that index and sizes require, none left over.
Source: RFC 9162, 2.1.3.2 and 2.1.4.2; https://c2sp.org/tlog-proof.
"""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from comity.ledger.errors import ProofError, ProofLengthError, RootMismatchError
from comity.ledger.tile import TILE_HEIGHT, TILE_WIDTH, TileId, decode_tile
from comity.ledger.tree import EMPTY_ROOT, Frontier, hash_node, hash_pairs

__all__ = [
    "TILES_CACHED_MAX",
    "TileReader",
    "TreeReader",
    "encode_tlog_proof",
    "inclusion_root",
    "verify_consistency",
    "verify_inclusion",
]

TileReader = Callable[[TileId], bytes]
"""Returns the bytes of a tile of the tree; what it raises passes through."""

TILES_CACHED_MAX: Final = 1_024
"""Tiles whose inner levels a reader keeps: about 20 KB each."""


class TreeReader:
    """Reads proofs of a tree of `size` leaves from its tiles; keeps recent tiles' inner levels.

    A tile's bytes are trusted here: whoever needs certainty verifies the proof it gave.
    """

    def __init__(self, size: int, read: TileReader) -> None:
        self._size = size
        self._read = read
        self._tiles: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def root(self) -> bytes:
        """Return the root hash."""
        return self._span(0, self._size) if self._size else EMPTY_ROOT

    def frontier(self) -> Frontier:
        """Return the frontier, from which the tree can grow on."""
        heights = [h for h in range(self._size.bit_length()) if self._size >> h & 1]
        carries = tuple(self._node(h, (self._size >> h) - 1) for h in heights)
        return Frontier(size=self._size, carries=carries)

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Return a leaf's inclusion path, leaf side first. Raises: ProofError if there is none."""
        if not 0 <= index < self._size:
            raise ProofError("`index` is not in the tree")
        path: list[bytes] = []
        start, stop = 0, self._size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._span(middle, stop))
                stop = middle
            else:
                path.append(self._span(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency(self, size_old: int) -> tuple[bytes, ...]:
        """Return the proof that this tree continues that of `size_old`. Raises: ProofError."""
        if not 0 <= size_old <= self._size:
            raise ProofError("`size_old` is beyond the tree")
        if size_old in (0, self._size):
            return ()
        proof: list[bytes] = []
        start, stop = 0, self._size
        while size_old < stop:
            middle = start + _split(stop - start)
            if size_old <= middle:
                proof.append(self._span(middle, stop))
                stop = middle
            else:
                proof.append(self._span(start, middle))
                start = middle
        if start:  # The old tree is not a left subtree of the new one: its last part is needed too.
            proof.append(self._span(start, stop))
        return tuple(reversed(proof))

    def _span(self, start: int, stop: int) -> bytes:
        """Return the root over the leaves of a subtree, which may be cut off by the right edge."""
        count, root = stop - start, None
        while count:
            height = (count & -count).bit_length() - 1
            stop -= 1 << height
            node = self._node(height, stop >> height)
            root = node if root is None else hash_node(node, root)
            count &= count - 1
        assert root is not None
        return root

    def _node(self, height: int, index: int) -> bytes:
        """Return the root of a full subtree from the tile that holds or implies it."""
        level, inner = divmod(height, TILE_HEIGHT)
        tile = index >> (TILE_HEIGHT - inner)
        return self._levels(level, tile)[inner][index - (tile << (TILE_HEIGHT - inner))]

    def _levels(self, level: int, index: int) -> list[list[bytes]]:
        """Return the hashes of a tile and the full nodes above them, height by height."""
        levels = self._tiles.get((level, index))
        if levels is not None:
            self._tiles.move_to_end((level, index))
            return levels
        width = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
        tile = TileId(level=level, index=index, width=width)
        levels = [decode_tile(self._read(tile), width)]
        for _ in range(TILE_HEIGHT - 1):
            levels.append(hash_pairs(levels[-1]))
        self._tiles[(level, index)] = levels
        if len(self._tiles) > TILES_CACHED_MAX:
            self._tiles.popitem(last=False)
        return levels


def inclusion_root(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion path leads to.

    Raises: ProofLengthError if the path is too long or too short, ProofError if the index is not
            in a tree of that size.
    Source: RFC 9162, 2.1.3.2, whose step numbers stand below.
    """
    if not 0 <= index < size:
        raise ProofError("`index` is not in the tree")
    at, last, root = index, size - 1, leaf_hash  # 1 to 3
    for sibling in path:  # 4
        if last == 0:
            raise ProofLengthError("`path` is too long")
        if at & 1 or at == last:
            root = hash_node(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = hash_node(root, sibling)
        at, last = at >> 1, last >> 1
    if last:  # 5
        raise ProofLengthError("`path` is too short")
    return root


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is at an index of the tree that `root` commits to.

    Raises: ProofError, ProofLengthError, RootMismatchError.
    Trusts: `size` and `root` are from a verified checkpoint or receipt.
    """
    if inclusion_root(leaf_hash, index, size, path) != root:
        raise RootMismatchError("`path` leads to another root")


def verify_consistency(
    size_old: int, root_old: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `size` continues the tree of `size_old`.

    Raises: ProofError, ProofLengthError, RootMismatchError.
    Source: RFC 9162, 2.1.4.2, whose step numbers stand below; an empty old tree needs no proof.
    """
    if not 0 <= size_old <= size:
        raise ProofError("`size_old` is beyond the tree")
    if size_old in (0, size):
        if proof:
            raise ProofLengthError("`proof` is too long")
        if root_old != (root if size_old else EMPTY_ROOT):
            raise RootMismatchError("`root_old` is another root")
        return
    hashes = list(proof)
    if size_old & (size_old - 1) == 0:  # 2: a power of two is a node of the new tree.
        hashes.insert(0, root_old)
    if not hashes:  # 1
        raise ProofLengthError("`proof` is too short")
    at, last = size_old - 1, size - 1  # 3
    while at & 1:  # 4
        at, last = at >> 1, last >> 1
    old = new = hashes[0]  # 5
    for node in hashes[1:]:  # 6
        if last == 0:
            raise ProofLengthError("`proof` is too long")
        if at & 1 or at == last:
            old, new = hash_node(node, old), hash_node(node, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = hash_node(new, node)
        at, last = at >> 1, last >> 1
    if last:  # 7
        raise ProofLengthError("`proof` is too short")
    if old != root_old or new != root:
        raise RootMismatchError("`proof` leads to other roots")


def encode_tlog_proof(index: int, path: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Return a `.tlog-proof` file: an inclusion path and the signed checkpoint it leads to."""
    head = b"c2sp.org/tlog-proof@v1\nindex %d\n" % index
    return head + b"".join(b64encode(node) + b"\n" for node in path) + b"\n" + checkpoint


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
