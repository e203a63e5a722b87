"""Proofs made from tiles are RFC 9162's; a verifier takes exactly the hashes that are needed."""

from __future__ import annotations

import pytest

from comity.ledger.errors import ProofError, ProofLengthError, RootMismatchError, TileError
from comity.ledger.proof import (
    TreeReader,
    encode_tlog_proof,
    verify_consistency,
    verify_inclusion,
)
from comity.ledger.tile import TileId
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, append
from tests.support.ledger import NaiveTree, entries_of, signed_checkpoint, tile_documents

ENTRIES = entries_of(600)
NAIVE = NaiveTree(ENTRIES)


def reader(size: int) -> TreeReader:
    return TreeReader(size, tile_documents(ENTRIES[:size]).__getitem__)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 600])
def test_tiles_give_root_frontier_and_paths(size: int) -> None:
    """What is read from tiles is what the recursive definition says."""
    tree = reader(size)
    assert tree.root() == NAIVE.root(size)
    assert tree.frontier() == append(EMPTY_FRONTIER, NAIVE.leaves[:size]).frontier
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        path = tree.inclusion(index)
        assert list(path) == NAIVE.path(index, 0, size)
        verify_inclusion(NAIVE.leaves[index], index, size, path, NAIVE.root(size))


def test_empty_tree_reads_no_tile() -> None:
    """A ledger without leaves has a root and a frontier, and no leaf to prove."""
    tree = reader(0)
    assert (tree.root(), tree.frontier()) == (EMPTY_ROOT, EMPTY_FRONTIER)
    assert tree.consistency(0) == ()
    with pytest.raises(ProofError):
        tree.inclusion(0)


def test_each_tile_is_read_once() -> None:
    """A reader keeps a tile's inner levels, so that proofs cost no second read."""
    documents, seen = tile_documents(ENTRIES), []

    def read(tile: TileId) -> bytes:
        seen.append(tile)
        return documents[tile]

    tree = TreeReader(600, read)
    for index in range(600):
        tree.inclusion(index)
    assert sorted(seen, key=repr) == sorted(documents, key=repr)


def test_old_tiles_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader keeps a bounded number of tiles and still proves every leaf."""
    monkeypatch.setattr("comity.ledger.proof.TILES_CACHED_MAX", 2)
    tree = reader(600)
    for index in range(0, 600, 50):
        assert list(tree.inclusion(index)) == NAIVE.path(index, 0, 600)


def test_short_tile_is_refused() -> None:
    """A tile of another length than the size requires makes no proof."""
    with pytest.raises(TileError):
        TreeReader(3, lambda _: b"\x00" * 64).inclusion(0)


@pytest.mark.parametrize("old", [1, 2, 3, 255, 256, 257, 512, 599, 600])
def test_consistency_from_tiles(old: int) -> None:
    """The proof that a tree continues a smaller one is RFC 9162's."""
    proof = reader(600).consistency(old)
    assert list(proof) == NAIVE.proof(old, 600)
    verify_consistency(old, NAIVE.root(old), 600, NAIVE.root(600), proof)


@pytest.mark.parametrize("index", [-1, 600, 601])
def test_index_beyond_the_tree_has_no_proof(index: int) -> None:
    """No path is made or accepted for a leaf that is not in the tree."""
    with pytest.raises(ProofError):
        reader(600).inclusion(index)
    with pytest.raises(ProofError):
        verify_inclusion(b"", index, 600, (), NAIVE.root(600))


def test_path_of_another_length_is_refused() -> None:
    """A hash too many or too few is a length error, at either end of the path."""
    path, root = NAIVE.path(599, 0, 600), NAIVE.root(600)
    for wrong in (path[1:], path[:-1], [*path, root], [root, *path], []):
        with pytest.raises((ProofLengthError, RootMismatchError)):
            verify_inclusion(NAIVE.leaves[599], 599, 600, wrong, root)
    with pytest.raises(ProofLengthError):
        verify_inclusion(NAIVE.leaves[599], 599, 600, [*path, root], root)
    with pytest.raises(ProofLengthError):
        verify_inclusion(NAIVE.leaves[599], 599, 600, path[:-1], root)


def test_consistency_of_another_length_is_refused() -> None:
    """A consistency proof with a hash too many or too few is refused."""
    for old in (255, 256):
        proof = NAIVE.proof(old, 600)
        for wrong in (proof[1:], proof[:-1], [*proof, proof[0]], []):
            with pytest.raises(ProofError):
                verify_consistency(old, NAIVE.root(old), 600, NAIVE.root(600), wrong)


def test_trivial_consistency_needs_no_hash_and_the_same_root() -> None:
    """Equal sizes and empty old trees are checked by their roots alone."""
    root = NAIVE.root(600)
    verify_consistency(600, root, 600, root, ())
    verify_consistency(0, EMPTY_ROOT, 600, root, ())
    for old, root_old, proof in ((600, root, [root]), (600, EMPTY_ROOT, ()), (0, root, ())):
        with pytest.raises(ProofError):
            verify_consistency(old, root_old, 600, root, proof)


def test_smaller_tree_continues_no_larger_one() -> None:
    """A ledger that lost leaves is not consistent with what it was."""
    with pytest.raises(ProofError):
        verify_consistency(600, NAIVE.root(600), 599, NAIVE.root(599), ())
    with pytest.raises(ProofError):
        reader(599).consistency(600)


def test_tlog_proof_is_written_line_by_line() -> None:
    """A `.tlog-proof` file holds the index, the path and the checkpoint verbatim."""
    checkpoint = signed_checkpoint(ENTRIES)
    proof = encode_tlog_proof(7, NAIVE.path(7, 0, 600), checkpoint)
    head, _, rest = proof.partition(b"\n\n")
    assert head.splitlines()[:2] == [b"c2sp.org/tlog-proof@v1", b"index 7"]
    assert len(head.splitlines()) == 2 + 10
    assert rest == checkpoint
