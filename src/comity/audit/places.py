"""Where a ledger's public documents lie, and how long they can be, written from C2SP tlog-tiles.

Source: https://c2sp.org/tlog-tiles; docs/adr/0002-ids-vocabularies-leaves.md, section Limits.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BUNDLE_BYTES_MAX",
    "CHECKPOINT_BYTES_MAX",
    "DOCUMENT_BYTES_MAX",
    "HASH_BYTES",
    "TILE_BYTES_MAX",
    "WIDTH",
    "bytes_max",
    "document_path",
    "hashes_of",
    "tile_path",
]

WIDTH: Final = 256
HASH_BYTES: Final = 32

TILE_BYTES_MAX: Final = WIDTH * HASH_BYTES
"""A full tile."""

BUNDLE_BYTES_MAX: Final = WIDTH * (2 + 1_024)
"""A full bundle of leaves that are all as long as a leaf can be."""

CHECKPOINT_BYTES_MAX: Final = 65_536
"""A signed checkpoint with its cosignatures."""

DOCUMENT_BYTES_MAX: Final = 4_194_304
"""A leaf's public document."""


def bytes_max(path: str) -> int:
    """Return how many bytes a ledger's document at a path can have at most."""
    if path.startswith("tile/entries/"):
        return BUNDLE_BYTES_MAX
    if path.startswith("document/"):
        return DOCUMENT_BYTES_MAX
    return TILE_BYTES_MAX if path.startswith("tile/") else CHECKPOINT_BYTES_MAX


def hashes_of(tile: bytes) -> list[bytes]:
    """Return the hashes that a tile holds."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def tile_path(level: str, index: int, width: int) -> str:
    """Return the public path of a tile, or of a bundle where the level is `entries`."""
    return f"tile/{level}/{_index_path(index)}" + ("" if width == WIDTH else f".p/{width}")


def document_path(index: int) -> str:
    """Return the public path of the document of a leaf."""
    return f"document/{_index_path(index)}"


def _index_path(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
