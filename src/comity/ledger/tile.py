"""Tiles and entry bundles: their paths, their bytes, and which of them a tree of a given size has.

Guarantee: paths and bytes are those of C2SP tlog-tiles; every decoder takes exactly one form.
Source: https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from comity.ledger.errors import BundleError, TileError, TilePathError
from comity.ledger.tree import HASH_BYTES, TREE_SIZE_MAX, hash_pairs

__all__ = [
    "ENTRY_BYTES_MAX",
    "SEGMENT_LEAVES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "BundleId",
    "TileId",
    "bundle_path",
    "bundles_of",
    "cut_tiles",
    "decode_bundle",
    "decode_tile",
    "document_path",
    "encode_bundle",
    "is_within",
    "parse_document_path",
    "parse_tile_path",
    "tile_path",
    "tile_root",
    "tiles_of",
]

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
SEGMENT_LEAVES: Final = TILE_WIDTH * TILE_WIDTH
"""Leaves of a segment: those of one full tile of level 1."""
ENTRY_BYTES_MAX: Final = 65_535
_LENGTH_BYTES: Final = 2
_TILE_LEVEL_MAX: Final = 63
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_DOCUMENT_PATH: Final = re.compile(r"document/((?:x[0-9]{3}/)*[0-9]{3})")


class TileId(Struct, frozen=True, kw_only=True):
    """A tile: `width` hashes of one level, from hash `index * 256` of that level on."""

    level: int
    index: int
    width: int = TILE_WIDTH


class BundleId(Struct, frozen=True, kw_only=True):
    """An entry bundle: the entries of the level-0 tile of the same index and width."""

    index: int
    width: int = TILE_WIDTH


def tile_path(tile: TileId) -> str:
    """Return where a tile is served, for example `tile/0/x001/x234/067.p/8`."""
    return f"tile/{tile.level}/{_index_path(tile.index)}{_width_path(tile.width)}"


def bundle_path(bundle: BundleId) -> str:
    """Return where an entry bundle is served, for example `tile/entries/000`."""
    return f"tile/entries/{_index_path(bundle.index)}{_width_path(bundle.width)}"


def document_path(index: int) -> str:
    """Return where the public document of a leaf is served: `document/x001/234`."""
    return f"document/{_index_path(index)}"


def parse_tile_path(path: str) -> TileId | BundleId:
    """Return what a path names. Raises: TilePathError unless it is canonical."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise TilePathError("`path` is not a tile's or an entry bundle's")
    index, width = _index_of(found["index"]), int(found["width"] or TILE_WIDTH)
    if index * TILE_WIDTH >= TREE_SIZE_MAX:
        raise TilePathError("`path` is beyond the largest tree")
    if found["width"] is not None and width >= TILE_WIDTH:
        raise TilePathError("`path` names a partial tile that is not partial")
    if found["level"] == "entries":
        return BundleId(index=index, width=width)
    if int(found["level"]) > _TILE_LEVEL_MAX:
        raise TilePathError("`path` names a level above 63")
    return TileId(level=int(found["level"]), index=index, width=width)


def parse_document_path(path: str) -> int:
    """Return the index of the leaf whose document a path names. Raises: TilePathError."""
    found = _DOCUMENT_PATH.fullmatch(path)
    if found is None:
        raise TilePathError("`path` is not a document's")
    index = _index_of(found[1])
    if index >= TREE_SIZE_MAX:
        raise TilePathError("`path` is beyond the largest tree")
    return index


def is_within(tile: TileId | BundleId, size: int) -> bool:
    """Say whether a tree of `size` leaves has all hashes, or entries, of a tile or bundle.

    It then has every narrower one too, which trees of earlier sizes ended in.
    """
    level = tile.level if isinstance(tile, TileId) else 0
    return tile.index * TILE_WIDTH + tile.width <= size >> TILE_HEIGHT * level


def tiles_of(size: int) -> Iterator[TileId]:
    """Yield every tile of a tree of `size` leaves, level by level; a level's partial one last."""
    level, hashes = 0, size
    while hashes:
        for index in range(hashes // TILE_WIDTH):
            yield TileId(level=level, index=index)
        if hashes % TILE_WIDTH:
            yield TileId(level=level, index=hashes // TILE_WIDTH, width=hashes % TILE_WIDTH)
        level, hashes = level + 1, hashes // TILE_WIDTH


def bundles_of(size: int) -> Iterator[BundleId]:
    """Yield every entry bundle of a tree of `size` leaves, in order."""
    for index in range(size // TILE_WIDTH):
        yield BundleId(index=index)
    if size % TILE_WIDTH:
        yield BundleId(index=size // TILE_WIDTH, width=size % TILE_WIDTH)


def cut_tiles(level: int, index: int, hashes: Sequence[bytes]) -> Iterator[tuple[TileId, bytes]]:
    """Yield the tiles of a run of one level's hashes, the first of which starts tile `index`."""
    for at in range(0, len(hashes), TILE_WIDTH):
        cut = hashes[at : at + TILE_WIDTH]
        yield TileId(level=level, index=index + at // TILE_WIDTH, width=len(cut)), b"".join(cut)


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of one full tile, which is its hash in the tile a level above.

    Raises: TileError if the tile is not full: a partial tile never feeds the level above.
    """
    if len(hashes) != TILE_WIDTH:
        raise TileError("`tile` is not full")
    level: Sequence[bytes] = hashes
    while len(level) > 1:
        level = hash_pairs(level)
    return level[0]


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """Return a tile's hashes. Raises: TileError unless it holds exactly `width` of them."""
    if len(data) != width * HASH_BYTES:
        raise TileError("`tile` does not hold exactly its width in hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle. Raises: BundleError if it has none, too many, or a long entry."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise BundleError("`bundle` does not have 1 to 256 entries")
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise BundleError("`entry` is longer than 65,535 bytes")
        parts.append(len(entry).to_bytes(_LENGTH_BYTES, "big"))
        parts.append(entry)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return a bundle's entries. Raises: BundleError unless it holds exactly `width`."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise BundleError("`bundle` ends within an entry")
        entries.append(data[start:at])
    if len(entries) != width:
        raise BundleError("`bundle` does not hold exactly its width in entries")
    return entries


def _index_of(text: str) -> int:
    """Return the index that groups of digits are. Raises: TilePathError."""
    groups = text.replace("x", "").split("/")
    if len(groups) > 1 and groups[0] == "000":
        raise TilePathError("`path` has a leading group of zeros")
    return int("".join(groups))


def _index_path(index: int) -> str:
    """Return three-digit groups, each but the last marked with an x."""
    path = f"{index % 1000:03d}"
    while index := index // 1000:
        path = f"x{index % 1000:03d}/{path}"
    return path


def _width_path(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
