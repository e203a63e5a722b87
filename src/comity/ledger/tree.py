"""The Merkle tree of a ledger, grown batch by batch from its frontier alone.

Guarantee: `append` gives the frontier, the root hash and every new leaf's inclusion path of the
larger tree, at a cost that depends on the batch and on the logarithm of the size alone.
Source: RFC 6962, 2.1 (hashes), RFC 9162, 2.1.3 (paths).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

from comity.ledger.errors import FrontierError

__all__ = [
    "EMPTY_FRONTIER",
    "EMPTY_ROOT",
    "HASH_BYTES",
    "TREE_SIZE_MAX",
    "Frontier",
    "Growth",
    "append",
    "decode_frontier",
    "encode_frontier",
    "frontier_root",
    "hash_leaf",
    "hash_leaves",
    "hash_node",
    "hash_pairs",
    "tree_root",
]

HASH_BYTES: Final = 32
TREE_SIZE_MAX: Final = 2**48
"""Leaves in one ledger at most: at a million leaves a second this is nine years' worth."""

EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


class Frontier(Struct, frozen=True, kw_only=True):
    """What a ledger must remember to grow: its size and the roots of its full subtrees.

    carries: one hash per set bit of `size`, the lowest bit (the smallest, rightmost subtree) first.
    """

    size: int
    carries: tuple[bytes, ...]


EMPTY_FRONTIER: Final = Frontier(size=0, carries=())


class Growth(Struct, frozen=True, kw_only=True):
    """The larger tree after one batch: its frontier, its root and the nodes the batch touched.

    levels: levels[h] holds the nodes of height h from the even index `(size_old >> h) & ~1` to the
            right edge of the tree; the last may be the root of an incomplete subtree.
    """

    size_old: int
    frontier: Frontier
    root: bytes
    levels: tuple[list[bytes], ...]

    @property
    def size(self) -> int:
        """The size after the batch."""
        return self.frontier.size

    def paths(self) -> list[tuple[bytes, ...]]:
        """Return the inclusion path of every new leaf, in index order, each leaf side first.

        From the top down: a node's path is its sibling before its parent's path, so that the part
        which leaves have in common is built once.
        """
        paths: list[tuple[bytes, ...]] = [()]
        for height in range(len(self.levels) - 2, -1, -1):
            level = self.levels[height]
            below: list[tuple[bytes, ...]] = []
            for path, left, right in zip(paths, level[::2], level[1::2], strict=False):
                below.append((right, *path))
                below.append((left, *path))
            if len(level) & 1:
                below.append(paths[-1])  # The last node of an odd level has no sibling.
            # The first node of the level may be the old frontier's: no new leaf is under it.
            paths = below[1:] if self.size_old >> height & 1 else below
        return paths


def hash_leaf(entry: bytes) -> bytes:
    """Return the leaf hash of an entry's stored bytes."""
    return sha256(_LEAF + entry).digest()


def hash_leaves(entries: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hashes of a batch of entries."""
    return [sha256(_LEAF + entry).digest() for entry in entries]


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(_NODE + left + right).digest()


def hash_pairs(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above the complete pairs of a level."""
    return [
        sha256(_NODE + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]


def append(frontier: Frontier, leaf_hashes: Sequence[bytes]) -> Growth:
    """Return the tree after `leaf_hashes` (at least one) were appended to it.

    Level by level, a left-over carry of the old tree goes in front and an unpaired last node is
    promoted, which is exactly RFC 6962's shape; the full one of a pair is the new carry.
    """
    old, new = frontier.size, frontier.size + len(leaf_hashes)
    assert old < new <= TREE_SIZE_MAX
    carries_old = iter(frontier.carries)
    carries: list[bytes] = []
    levels: list[list[bytes]] = []
    level, height = list(leaf_hashes), 0
    while True:
        if old >> height & 1:
            level.insert(0, next(carries_old))
        levels.append(level)
        if new >> height & 1:
            carries.append(level[(new >> height) - 1 - (old >> height & ~1)])
        if not (new - 1) >> height:
            break
        above = hash_pairs(level)
        if len(level) & 1:
            above.append(level[-1])
        level, height = above, height + 1
    grown = Frontier(size=new, carries=tuple(carries))
    return Growth(size_old=old, frontier=grown, root=level[0], levels=tuple(levels))


def frontier_root(frontier: Frontier) -> bytes:
    """Return the root hash of the tree that a frontier stands for."""
    root: bytes | None = None
    for carry in frontier.carries:
        root = carry if root is None else hash_node(carry, root)
    return EMPTY_ROOT if root is None else root


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root hash over a whole sequence of leaf hashes."""
    return append(EMPTY_FRONTIER, leaf_hashes).root if leaf_hashes else EMPTY_ROOT


def encode_frontier(frontier: Frontier) -> bytes:
    """Return the canonical bytes: the size as 8 bytes, big-endian, then the carries."""
    return frontier.size.to_bytes(_SIZE_BYTES, "big") + b"".join(frontier.carries)


def decode_frontier(data: bytes) -> Frontier:
    """Return the frontier that `encode_frontier` wrote. Raises: FrontierError."""
    size = int.from_bytes(data[:_SIZE_BYTES], "big")
    if size > TREE_SIZE_MAX:
        raise FrontierError("`size` is beyond the largest tree")
    if len(data) != _SIZE_BYTES + HASH_BYTES * size.bit_count():
        raise FrontierError("`frontier` does not hold one hash per set bit of its size")
    starts = range(_SIZE_BYTES, len(data), HASH_BYTES)
    return Frontier(size=size, carries=tuple(data[at : at + HASH_BYTES] for at in starts))
