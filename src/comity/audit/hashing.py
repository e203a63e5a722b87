"""Merkle hashes and proofs, derived here from the definition and not from the writer's code.

A proof is taken apart by the shape of the tree: below the point where a leaf's way leaves the right
edge every level has a sibling; above it only the set bits of the index have one.
Source: RFC 6962, 2.1; RFC 9162, 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from comity.audit.findings import EvidenceError

__all__ = [
    "check_consistency",
    "fold",
    "join",
    "leaf_hash",
    "leaf_hashes",
    "path_root",
    "root_of_levels",
]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Return the hashes of a bundle's entries."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def join(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node from its two children."""
    return sha256(b"\x01" + left + right).digest()


def fold(nodes: Sequence[bytes]) -> bytes:
    """Return the root above a row of nodes, the last of which may be the root of a smaller tree."""
    row = list(nodes)
    while len(row) > 1:
        odd = row.pop() if len(row) % 2 else None
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if odd is not None:
            row.append(odd)
    return row[0]


def root_of_levels(levels: Sequence[Sequence[bytes]]) -> bytes:
    """Return the root of a tree from its open tile of each level, lowest first."""
    edge: list[bytes] = []
    for hashes in levels:
        row = [*hashes, *edge]
        edge = [fold(row)] if row else []
    return edge[0] if edge else sha256(b"").digest()


def path_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion path leads to. Raises: EvidenceError."""
    if not 0 <= index < size:
        raise EvidenceError("`index` is not in the tree")
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise EvidenceError("`path` does not have the length of its index and size")
    node = leaf
    for height, sibling in enumerate(path):
        is_right = height >= inner or index >> height & 1
        node = join(sibling, node) if is_right else join(node, sibling)
    return node


def check_consistency(
    size_old: int, root_old: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that one tree continues another. Raises: EvidenceError."""
    if not 0 <= size_old <= size:
        raise EvidenceError("`size_old` is beyond the tree")
    if size_old in (0, size):
        expected = root if size_old else sha256(b"").digest()
        if proof or root_old != expected:
            raise EvidenceError("`proof` does not belong to these sizes")
        return
    # The proof starts at the largest full subtree that ends where the old tree ends.
    start = (size_old & -size_old).bit_length() - 1
    index = (size_old - 1) >> start
    seed = [root_old] if index == 0 else list(proof[:1])
    rest = proof if index == 0 else proof[1:]
    inner = (index ^ ((size - 1) >> start)).bit_length()
    if not seed or len(rest) != inner + (index >> inner).bit_count():
        raise EvidenceError("`proof` does not have the length of its sizes")
    old = new = seed[0]
    for height, node in enumerate(rest):
        if height >= inner or index >> height & 1:
            old, new = join(node, old), join(node, new)
        else:
            new = join(new, node)
    if old != root_old or new != root:
        raise EvidenceError("`proof` leads to other roots")
