"""The Merkle tree over the parcels of one envelope.

Guarantee: root and paths are those of RFC 6962, section 2.1: leaf H(0x00 || x), node
H(0x01 || left || right), SHA-256. A leaf can therefore never be passed off as a node.
The ledger has a tree of its own; nothing is shared, so that either can change alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

__all__ = ["HASH_BYTES", "Levels", "climb", "grow", "leaf_hash", "path_length", "path_of"]

HASH_BYTES: Final = 32

Levels = tuple[tuple[bytes, ...], ...]
"""All hashes of a tree, leaves first; the last level holds the root alone."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(b"\x00" + data).digest()


def grow(leaves: Sequence[bytes]) -> Levels:
    """Return the tree over one or more leaves.

    Pairing level by level, an odd last hash moving up unchanged, gives RFC 6962's tree: it splits
    at the largest power of two below the size.
    """
    assert leaves
    level = tuple([sha256(b"\x00" + data).digest() for data in leaves])
    levels = [level]
    while len(level) > 1:
        level = _pair(level)
        levels.append(level)
    return tuple(levels)


def _pair(level: tuple[bytes, ...]) -> tuple[bytes, ...]:
    pairs = zip(level[::2], level[1::2], strict=False)
    parents = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    if len(level) % 2:
        parents.append(level[-1])
    return tuple(parents)


def path_of(levels: Levels, index: int) -> tuple[bytes, ...]:
    """Return what hashes a leaf up to the root, leaf side first."""
    assert 0 <= index < len(levels[0])
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return tuple(path)


def path_length(index: int, count: int) -> int:
    """Return how many hashes the path of this leaf has, in a tree of `count` leaves."""
    length = 0
    while count > 1:
        length += (index ^ 1) < count
        index, count = index // 2, (count + 1) // 2
    return length


def climb(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf's hash and its path lead to; the path has its exact length."""
    assert 0 <= index < count
    assert len(path) == path_length(index, count)
    node, hashes = leaf, iter(path)
    while count > 1:
        if index % 2:
            node = sha256(b"\x01" + next(hashes) + node).digest()
        elif index + 1 < count:
            node = sha256(b"\x01" + node + next(hashes)).digest()
        index, count = index // 2, (count + 1) // 2
    return node
