"""Trees, tiles and proofs equal the recursive definition, and every one-bit change is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.audit.findings import EvidenceError
from comity.audit.growth import check_growth
from comity.audit.hashing import check_consistency, path_root
from comity.domain.ids import Member
from comity.ledger.errors import ProofError
from comity.ledger.plan import NO_POLICY, LedgerPlan
from comity.ledger.proof import TreeReader, verify_consistency, verify_inclusion
from comity.ledger.tile import TileId, tile_path, tiles_of
from comity.ledger.tree import (
    EMPTY_FRONTIER,
    Frontier,
    append,
    decode_frontier,
    encode_frontier,
    tree_root,
)
from tests.support.ledger import NaiveTree, entries_of, tile_documents

SMALL = NaiveTree(entries_of(1_100))
LARGE = NaiveTree(entries_of(66_000))
TILES = tile_documents(entries_of(1_100))
TILES_AT = {(tile.level, tile.index): data for tile, data in TILES.items()}
PAIRS_MAX = 300
EDGE = 65_536


def bits_changed(hashes: Sequence[bytes], bit: int) -> list[bytes]:
    """Return the hashes with one bit of them all changed."""
    data = bytearray(b"".join(hashes))
    data[bit // 8] ^= 1 << bit % 8
    return [bytes(data[at : at + 32]) for at in range(0, len(data), 32)]


def test_every_size_to_1100_has_the_root_of_the_definition() -> None:
    """Grown leaf by leaf, each tree has the recursive definition's root, path and frontier."""
    frontier = EMPTY_FRONTIER
    assert tree_root([]) == TreeReader(0, TILES.__getitem__).root() == SMALL.root(0)
    for size, leaf in enumerate(SMALL.leaves, 1):
        growth = append(frontier, [leaf])
        frontier = growth.frontier
        assert growth.root == SMALL.root(size)
        assert list(growth.paths()[0]) == SMALL.path(size - 1, 0, size)
        assert decode_frontier(encode_frontier(frontier)) == frontier


def test_every_size_to_1100_is_read_from_its_tiles() -> None:
    """Full and partial tiles of each size lead to the definition's root, to audit and ledger."""
    for size in range(1, len(SMALL.leaves) + 1):
        tiles = {
            tile: TILES_AT[tile.level, tile.index][: tile.width * 32] for tile in tiles_of(size)
        }
        tree = TreeReader(size, tiles.__getitem__)
        assert tree.root() == SMALL.root(size)
        assert tree_root(SMALL.leaves[:size]) == SMALL.root(size)
        old = size // 2
        check_growth(
            {tile_path(tile): data for tile, data in tiles.items()}.__getitem__,
            (old, SMALL.root(old)),
            (size, SMALL.root(size)),
        )


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536, 65_537])
def test_sizes_around_full_tiles(size: int) -> None:
    """Around a full tile, whole trees, tile reads and both checkers agree with the definition."""
    root = LARGE.root(size)
    assert tree_root(LARGE.leaves[:size]) == root
    tree = TreeReader(size, tile_documents(entries_of(size)).__getitem__)
    assert tree.root() == root
    grown = append(tree.frontier(), LARGE.leaves[size : size + 1])
    assert grown.root == LARGE.root(size + 1)
    for index in (0, 1, 254, size // 2, size - 2, size - 1):
        path = tree.inclusion(index)
        assert list(path) == LARGE.path(index, 0, size)
        assert path_root(LARGE.leaves[index], index, size, path) == root
    for old in (1, 128, 255, size // 2, size - 1):
        proof = tree.consistency(old)
        assert list(proof) == LARGE.proof(old, size)
        check_consistency(old, LARGE.root(old), size, root, proof)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_batching_does_not_matter(batches: list[int]) -> None:
    """Any way of cutting leaves into batches gives one tree and the definition's paths."""
    frontier, start = EMPTY_FRONTIER, 0
    for count in batches:
        growth = append(frontier, LARGE.leaves[start : start + count])
        frontier, stop = growth.frontier, start + count
        assert growth.root == LARGE.root(stop)
        paths = growth.paths()
        assert len(paths) == count
        for index in {start, stop - 1, (start + stop) // 2}:
            assert list(paths[index - start]) == LARGE.path(index, 0, stop)
        start = stop


def test_all_consistency_pairs_to_300() -> None:
    """Each pair of sizes has exactly one proof, taken by both checkers and by neither if cut."""
    for size in range(1, PAIRS_MAX + 1):
        root = SMALL.root(size)
        for old in range(1, size + 1):
            root_old, proof = SMALL.root(old), SMALL.proof(old, size)
            verify_consistency(old, root_old, size, root, proof)
            check_consistency(old, root_old, size, root, proof)


def test_all_inclusion_pairs_to_300() -> None:
    """Each leaf of each small tree has exactly one path, at no other index."""
    for size in range(1, PAIRS_MAX + 1):
        root = SMALL.root(size)
        for index in range(size):
            path, leaf = SMALL.path(index, 0, size), SMALL.leaves[index]
            verify_inclusion(leaf, index, size, path, root)
            assert path_root(leaf, index, size, path) == root
            if size > 1:
                with pytest.raises(ProofError):
                    verify_inclusion(leaf, (index + 1) % size, size, path, root)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(0, 2))
def test_any_batches_over_the_edge_of_65536(batches: list[int], spare: int) -> None:
    """However a ledger grows over a level-2 tile's edge, rows of the store prove all of it."""
    # What is read is what the store has: leaf hashes, and the roots of tiles that batches filled.
    start = EDGE - sum(batches) + batches[-1] - spare
    frontier = frontier_at(start)
    nodes = {
        (level, at): LARGE.mth(at << 8 * level, at + 1 << 8 * level) for level, at in full(start)
    }
    for count in batches:
        size = frontier.size + count
        leaves = LARGE.leaves[frontier.size : size]
        grown = LedgerPlan(
            member=Member("tx"),
            size_old=frontier.size,
            growth=append(frontier, leaves),
            hashes=tuple(leaves),
            policy=NO_POLICY,
        )
        nodes.update({(node.level, node.index): node.node_hash for node in grown.nodes()})
        assert grown.growth.root == LARGE.root(size)
        assert nodes.keys() == full(size)
        read = reader_of(nodes)
        tree = TreeReader(size, read)
        assert (tree.root(), tree.frontier()) == (grown.growth.root, grown.growth.frontier)
        for index in {0, start, size - 1}:
            assert list(tree.inclusion(index)) == LARGE.path(index, 0, size)
        proof = tree.consistency(frontier.size)
        check_consistency(frontier.size, LARGE.root(frontier.size), size, LARGE.root(size), proof)
        frontier = grown.growth.frontier


def frontier_at(size: int) -> Frontier:
    """The frontier of the large tree, from the definition."""
    heights = [height for height in range(size.bit_length()) if size >> height & 1]
    carries = tuple(
        LARGE.mth((size >> height) - 1 << height, size >> height << height) for height in heights
    )
    return Frontier(size=size, carries=carries)


def full(size: int) -> set[tuple[int, int]]:
    """Which nodes above the leaves a tree of this size has: the roots of full tiles."""
    return {(level, at) for level in (1, 2, 3) for at in range(size >> 8 * level)}


def reader_of(nodes: dict[tuple[int, int], bytes]) -> Callable[[TileId], bytes]:
    def read(tile: TileId) -> bytes:
        first = tile.index * 256
        if tile.level == 0:
            return b"".join(LARGE.leaves[first : first + tile.width])
        return b"".join(nodes[tile.level, first + at] for at in range(tile.width))

    return read


@given(st.data(), st.integers(2, 1_100))
def test_inclusion_with_one_bit_changed_is_refused(data: st.DataObject, size: int) -> None:
    """Both checkers refuse a path with any one bit changed, or with a hash too many or too few."""
    index = data.draw(st.integers(0, size - 1))
    path, leaf, root = SMALL.path(index, 0, size), SMALL.leaves[index], SMALL.root(size)
    bit = data.draw(st.integers(0, len(path) * 256 - 1))
    cut = data.draw(st.integers(0, len(path) - 1))
    for wrong in (bits_changed(path, bit), path[:cut] + path[cut + 1 :], [*path, path[cut]]):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size, wrong, root)
        with pytest.raises(EvidenceError):
            refuse_other_root(path_root(leaf, index, size, wrong), root)


def refuse_other_root(found: bytes, root: bytes) -> None:
    if found != root:
        raise EvidenceError("`path` leads to another root")


@given(st.data(), st.integers(2, 1_100))
def test_consistency_with_one_bit_changed_is_refused(data: st.DataObject, size: int) -> None:
    """Both checkers refuse a consistency proof with one bit changed or a hash too many or few."""
    old = data.draw(st.integers(1, size - 1))
    proof, root_old, root = SMALL.proof(old, size), SMALL.root(old), SMALL.root(size)
    bit = data.draw(st.integers(0, len(proof) * 256 - 1))
    cut = data.draw(st.integers(0, len(proof) - 1))
    for wrong in (bits_changed(proof, bit), proof[:cut] + proof[cut + 1 :], [*proof, proof[cut]]):
        with pytest.raises(ProofError):
            verify_consistency(old, root_old, size, root, wrong)
        with pytest.raises(EvidenceError):
            check_consistency(old, root_old, size, root, wrong)


@given(st.data(), st.integers(1, 1_100))
def test_proofs_from_tiles_are_those_of_the_definition(data: st.DataObject, size: int) -> None:
    """Whatever the size, a proof read from tiles is the definition's."""

    def read(tile: TileId) -> bytes:
        return TILES_AT[tile.level, tile.index][: tile.width * 32]

    tree = TreeReader(size, read)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root() == SMALL.root(size)
    assert list(tree.inclusion(index)) == SMALL.path(index, 0, size)
    assert list(tree.consistency(old)) == SMALL.proof(old, size)


@given(st.integers(0, 2**40), st.integers(1, 5_000))
def test_growth_of_any_tree_is_proved(size: int, count: int) -> None:
    """New leaves of a tree of any size are proved against its new root, from the frontier alone."""
    carries = tuple(bytes([height]) * 32 for height in range(size.bit_count()))
    start = decode_frontier(size.to_bytes(8, "big") + b"".join(carries))
    leaves = LARGE.leaves[:count]
    growth = append(start, leaves)
    paths = growth.paths()
    for offset in {0, count // 2, count - 1}:
        leaf, index = leaves[offset], size + offset
        verify_inclusion(leaf, index, growth.size, paths[offset], growth.root)
        assert path_root(leaf, index, growth.size, paths[offset]) == growth.root
