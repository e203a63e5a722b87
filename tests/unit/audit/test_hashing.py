"""The checker's own Merkle arithmetic agrees with the definition and refuses what cannot be."""

from __future__ import annotations

import pytest

from comity.audit.findings import EvidenceError
from comity.audit.hashing import check_consistency, fold, join, path_root, root_of_levels
from tests.support.ledger import NaiveTree, entries_of

NAIVE = NaiveTree(entries_of(300))
EMPTY = NAIVE.root(0)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 300])
def test_row_of_leaves_folds_to_the_root(size: int) -> None:
    """A row of leaf hashes has the root of the recursive definition."""
    assert fold(NAIVE.leaves[:size]) == NAIVE.root(size)


def test_open_tiles_make_the_root() -> None:
    """The open tiles of a tree, lowest level first, make its root; none make the empty one."""
    full = fold(NAIVE.leaves[:256])
    assert root_of_levels([NAIVE.leaves[256:], [full]]) == NAIVE.root(300)
    assert root_of_levels([[], [full]]) == NAIVE.root(256)
    assert root_of_levels([[]]) == EMPTY


@pytest.mark.parametrize("index", [-1, 300])
def test_index_beyond_the_tree_is_refused(index: int) -> None:
    """No path leads from a leaf that is not in the tree."""
    with pytest.raises(EvidenceError):
        path_root(NAIVE.leaves[0], index, 300, NAIVE.path(0, 0, 300))


def test_path_of_two_leaves() -> None:
    """A path's side follows from the index."""
    left, right = NAIVE.leaves[:2]
    assert path_root(left, 0, 2, [right]) == path_root(right, 1, 2, [left]) == join(left, right)


@pytest.mark.parametrize(
    ("old", "root_old", "size", "proof"),
    [
        (301, NAIVE.root(300), 300, []),
        (-1, EMPTY, 300, []),
        (300, NAIVE.root(299), 300, []),
        (300, NAIVE.root(300), 300, [EMPTY]),
        (0, NAIVE.root(300), 300, []),
        (0, EMPTY, 300, [EMPTY]),
        (299, NAIVE.root(299), 300, []),
        (256, NAIVE.root(256), 300, []),
    ],
)
def test_impossible_consistency_is_refused(
    old: int, root_old: bytes, size: int, proof: list[bytes]
) -> None:
    """Sizes out of order, trivial proofs with hashes and missing hashes are refused."""
    with pytest.raises(EvidenceError):
        check_consistency(old, root_old, size, NAIVE.root(size), proof)


def test_trivial_consistency_is_accepted() -> None:
    """Equal trees and the empty tree need no proof."""
    check_consistency(300, NAIVE.root(300), 300, NAIVE.root(300), [])
    check_consistency(0, EMPTY, 300, NAIVE.root(300), [])
