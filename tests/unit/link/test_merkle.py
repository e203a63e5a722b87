"""The tree over an envelope's parcels is that of RFC 6962, recomputed here by its definition."""

from __future__ import annotations

from hashlib import sha256

import pytest

from comity.link.merkle import climb, grow, leaf_hash, path_length, path_of


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as written: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = tree_hash(leaves[:split]), tree_hash(leaves[split:])
    return sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100])
def test_root_is_the_recursive_definition(count: int) -> None:
    """Pairing level by level gives the root that the RFC defines by splitting."""
    leaves = [bytes([n]) for n in range(count)]
    assert grow(leaves)[-1] == (tree_hash(leaves),)


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 8, 33])
def test_every_path_leads_to_the_root(count: int) -> None:
    """From each leaf its path climbs to the same root, with the length that its place says."""
    leaves = [bytes([n]) for n in range(count)]
    levels = grow(leaves)
    for index, data in enumerate(leaves):
        path = path_of(levels, index)
        assert len(path) == path_length(index, count)
        assert climb(leaf_hash(data), index, count, path) == levels[-1][0]


def test_a_node_is_never_a_leaf() -> None:
    """A leaf that holds two hashes does not hash to their node."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != grow([b"a", b"b"])[-1][0]


def test_known_root_of_the_rfc() -> None:
    """The root of seven known leaves is the one of the certificate transparency test data."""
    leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    ]  # fmt: skip
    root = grow([bytes.fromhex(leaf) for leaf in leaves])[-1][0]
    assert root.hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
