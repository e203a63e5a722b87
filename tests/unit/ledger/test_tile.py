"""Tiles and bundles have C2SP's paths and bytes, and one form each."""

from __future__ import annotations

import pytest

from comity.ledger.errors import BundleError, TileError, TilePathError
from comity.ledger.tile import (
    BundleId,
    TileId,
    bundle_path,
    bundles_of,
    cut_tiles,
    decode_bundle,
    decode_tile,
    document_path,
    encode_bundle,
    is_within,
    parse_document_path,
    parse_tile_path,
    tile_path,
    tile_root,
    tiles_of,
)
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import entries_of

PATHS = [
    (TileId(level=0, index=0), "tile/0/000"),
    (TileId(level=0, index=273, width=112), "tile/0/273.p/112"),
    (TileId(level=1, index=1_234_067), "tile/1/x001/x234/067"),
    (TileId(level=0, index=1_000, width=1), "tile/0/x001/000.p/1"),
    (TileId(level=63, index=5, width=255), "tile/63/005.p/255"),
    (BundleId(index=0), "tile/entries/000"),
    (BundleId(index=1_234_067, width=8), "tile/entries/x001/x234/067.p/8"),
]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_path_names_a_tile(tile: TileId | BundleId, path: str) -> None:
    """A tile's path is read back as the tile."""
    written = tile_path(tile) if isinstance(tile, TileId) else bundle_path(tile)
    assert written == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/08",
        "tile/0/000.p/",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/data/000",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/../../checkpoint",
        "tile/0/x999/x999/x999/x999/x999/999",
    ],
)
def test_path_of_another_form_is_refused(path: str) -> None:
    """Only the one canonical path of a tile names it."""
    with pytest.raises(TilePathError):
        parse_tile_path(path)


def test_tiles_of_seventy_thousand_leaves() -> None:
    """A tree of 70,000 leaves has the tiles that the specification counts."""
    tiles = list(tiles_of(70_000))
    assert [t for t in tiles if t.width != 256] == [
        TileId(level=0, index=273, width=112),
        TileId(level=1, index=1, width=17),
        TileId(level=2, index=0, width=1),
    ]
    assert len(tiles) == 274 + 2 + 1
    assert list(bundles_of(70_000)) == [
        BundleId(index=t.index, width=t.width) for t in tiles if t.level == 0
    ]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_tile_counts_at_the_edges(size: int) -> None:
    """No empty tile exists, and a full one is never listed as partial."""
    level_0 = [t for t in tiles_of(size) if t.level == 0]
    assert sum(t.width for t in level_0) == size
    assert all(1 <= t.width <= 256 for t in tiles_of(size))


def test_full_tile_is_one_hash_of_the_level_above() -> None:
    """A full tile's root is the root of its 256 leaves; a partial tile has none."""
    hashes = hash_leaves(entries_of(300))
    full, partial = list(cut_tiles(0, 7, hashes))
    assert [full[0], partial[0]] == [
        TileId(level=0, index=7),
        TileId(level=0, index=8, width=44),
    ]
    assert tile_root(decode_tile(full[1], 256)) == tree_root(hashes[:256])
    with pytest.raises(TileError):
        tile_root(decode_tile(partial[1], 44))


@pytest.mark.parametrize("change", [b"\x00", b"\x00" * 32])
def test_tile_of_another_length_is_refused(change: bytes) -> None:
    """A tile holds exactly its width in hashes."""
    data = b"".join(hash_leaves(entries_of(4)))
    with pytest.raises(TileError):
        decode_tile(data + change, 4)
    with pytest.raises(TileError):
        decode_tile(data[: -len(change)], 4)


def test_bundle_round_trips() -> None:
    """Entries are read back from a bundle, empty and longest ones included."""
    entries = [b"a", b"", b"x" * 65_535]
    assert decode_bundle(encode_bundle(entries), 3) == entries


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00\x01b", 1),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a\x00", 2),
        (b"\x00\x01a\x00\x00", 1),
    ],
)
def test_bundle_of_another_width_is_refused(data: bytes, width: int) -> None:
    """A bundle with an entry short, one too many, or bytes after the last is refused."""
    with pytest.raises(BundleError):
        decode_bundle(data, width)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * 65_536]])
def test_bundle_that_cannot_be_written_is_refused(entries: list[bytes]) -> None:
    """No bundle is written without entries, with 257, or with an entry beyond its length field."""
    with pytest.raises(BundleError):
        encode_bundle(entries)


@pytest.mark.parametrize("index", [0, 7, 999, 1_000, 1_234_067, 2**48 - 1])
def test_document_path_is_read_back(index: int) -> None:
    """A document's path is a tile's index, and names one leaf."""
    assert parse_document_path(document_path(index)) == index


@pytest.mark.parametrize(
    "path",
    ["", "document/", "document/7", "document/0007", "document/x000/007", "document/x1/007",
     "document/000.p/7", "Document/000", "document/000/", "document/x281/x474/x976/x710/656"],
)  # fmt: skip
def test_other_spelling_of_a_document_is_refused(path: str) -> None:
    """Each document has one path."""
    with pytest.raises(TilePathError):
        parse_document_path(path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 70_000])
def test_tree_has_its_own_tiles_and_none_beyond(size: int) -> None:
    """Every tile and bundle of a size is within it, and one hash or entry more is not."""
    for tile in tiles_of(size):
        assert is_within(tile, size)
        if tile.width < 256:
            wider = TileId(level=tile.level, index=tile.index, width=tile.width + 1)
            assert not is_within(wider, size)
        else:
            assert is_within(TileId(level=tile.level, index=tile.index, width=1), size)
    for bundle in bundles_of(size):
        assert is_within(bundle, size)
    assert not is_within(BundleId(index=size // 256, width=size % 256 + 1), size)
    assert not is_within(TileId(level=7, index=0, width=1), size)
