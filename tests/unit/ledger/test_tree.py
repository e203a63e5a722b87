"""The Merkle tree grows batch by batch to RFC 6962's roots and paths."""

from __future__ import annotations

import pytest

from comity.ledger.errors import FrontierError
from comity.ledger.tree import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    TREE_SIZE_MAX,
    Frontier,
    append,
    decode_frontier,
    encode_frontier,
    frontier_root,
    hash_leaf,
    hash_leaves,
    hash_node,
    tree_root,
)
from tests.support.ledger import NaiveTree, entries_of


def test_empty_tree_has_the_hash_of_nothing() -> None:
    """A ledger without leaves has the root hash of the empty string."""
    assert frontier_root(EMPTY_FRONTIER) == EMPTY_ROOT == tree_root([])
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")


def test_leaf_and_node_hashes_are_told_apart() -> None:
    """A leaf whose bytes are two hashes has another hash than the node above them."""
    left, right = hash_leaf(b"a"), hash_leaf(b"b")
    assert hash_node(left, right) != hash_leaf(left + right)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 64, 255, 256, 257])
def test_batches_of_any_width_grow_one_tree(batch: int) -> None:
    """However leaves are batched, root, frontier and paths are those of the whole tree."""
    naive = NaiveTree(entries_of(600))
    frontier = EMPTY_FRONTIER
    for start in range(0, 600, batch):
        growth = append(frontier, naive.leaves[start : start + batch])
        frontier = growth.frontier
        assert growth.root == naive.root(growth.size) == frontier_root(frontier)
        for index, path in zip(range(start, growth.size), growth.paths(), strict=True):
            assert list(path) == naive.path(index, 0, growth.size)


def test_append_leaves_its_arguments_as_they_were() -> None:
    """A batch that failed to commit can be appended again to the same frontier."""
    leaves = hash_leaves(entries_of(5))
    before = append(EMPTY_FRONTIER, leaves[:3]).frontier
    again = list(leaves)
    first = append(before, again)
    assert again == leaves
    assert append(before, again) == first


def test_frontier_round_trips() -> None:
    """A head row's frontier is read back as it was written."""
    for count in (0, 1, 2, 3, 255, 256, 257):
        frontier = (
            append(EMPTY_FRONTIER, hash_leaves(entries_of(count))).frontier
            if count
            else (EMPTY_FRONTIER)
        )
        assert decode_frontier(encode_frontier(frontier)) == frontier
        assert len(encode_frontier(frontier)) == 8 + 32 * count.bit_count()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 9,
        (1).to_bytes(8, "big"),
        (1).to_bytes(8, "big") + b"\x00" * 31,
        (1).to_bytes(8, "big") + b"\x00" * 64,
        (2 * TREE_SIZE_MAX).to_bytes(8, "big") + b"\x00" * 32,
    ],
)
def test_frontier_of_another_length_is_refused(data: bytes) -> None:
    """A frontier that does not hold one hash per set bit of its size is refused."""
    with pytest.raises(FrontierError):
        decode_frontier(data)


def test_tree_has_a_largest_size() -> None:
    """A tree takes its last leaf and not one more."""
    carries = tuple(bytes([height]) * 32 for height in range(48))
    nearly = Frontier(size=TREE_SIZE_MAX - 1, carries=carries)
    full = append(nearly, [b"\xff" * 32])
    assert full.size == TREE_SIZE_MAX
    assert decode_frontier(encode_frontier(full.frontier)) == full.frontier
    with pytest.raises(AssertionError):
        append(full.frontier, [b"\xff" * 32])
