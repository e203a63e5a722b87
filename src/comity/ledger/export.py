"""The plan of a static export: every document of a ledger's C2SP tree, made from its leaves' bytes.

Guarantee: the documents come in an order that is safe to publish in: bundles and tiles, then
`vkey`, and `checkpoint` last, and only if the leaves make exactly the tree it commits to. Memory is
bounded by one tile per level. A withdrawn entry's whole bundle is left out; its hash stays.
Source: https://c2sp.org/tlog-tiles; docs/adr/0004-receipt-format.md, section Exports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from comity.ledger.errors import ExportError
from comity.ledger.note import Checkpoint, VerifierKey, encode_vkey, verify_checkpoint
from comity.ledger.tile import (
    TILE_WIDTH,
    BundleId,
    TileId,
    bundle_path,
    encode_bundle,
    tile_path,
    tile_root,
)
from comity.ledger.tree import EMPTY_ROOT, hash_leaf, tree_root

__all__ = ["Withdrawn", "export_tree"]


class Withdrawn(Struct, frozen=True, kw_only=True):
    """An entry whose bytes are no longer public; a `redaction` leaf of the ledger names it."""

    leaf_hash: bytes


class _Levels:
    """The open tile of each level; `add` closes tiles as they fill."""

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[list[bytes]] = []
        self._closed: list[int] = []

    def add(self, hashes: list[bytes]) -> Iterator[tuple[str, bytes]]:
        """Take the leaf hashes of one bundle; yield every tile that is now full."""
        self.size += len(hashes)
        level = 0
        while hashes:
            if level == len(self._hashes):
                self._hashes.append([])
                self._closed.append(0)
            self._hashes[level].extend(hashes)
            hashes = []
            if len(self._hashes[level]) == TILE_WIDTH:
                hashes = [tile_root(self._hashes[level])]
                yield self._close(level)
            level += 1

    def root(self) -> bytes:
        """Return the root: each level's open hashes, with the smaller tree to their right."""
        edge: list[bytes] = []
        for hashes in self._hashes:
            row = [*hashes, *edge]
            edge = [tree_root(row)] if row else []
        return edge[0] if edge else EMPTY_ROOT

    def finish(self) -> Iterator[tuple[str, bytes]]:
        """Yield the partial tiles of the final size."""
        for level, hashes in enumerate(self._hashes):
            if hashes:
                yield self._close(level)

    def _close(self, level: int) -> tuple[str, bytes]:
        hashes = self._hashes[level]
        tile = TileId(level=level, index=self._closed[level], width=len(hashes))
        self._hashes[level] = []
        self._closed[level] += 1
        return tile_path(tile), b"".join(hashes)


def export_tree(
    entries: Iterable[bytes | Withdrawn], checkpoint: bytes, key: VerifierKey
) -> Iterator[tuple[str, bytes]]:
    """Yield each document's path and bytes for the ledger that a signed checkpoint commits to.

    entries: exactly the checkpoint's size of them, in index order.
    Raises: NoteError, SignatureError, NoteUnverifiedError before the first document; ExportError
            before the partial tiles if the entries are not those of the checkpoint.
    """
    signed = verify_checkpoint(checkpoint, key)
    levels = _Levels()
    for index, bundle in enumerate(_bundles(entries)):
        yield from _bundle_document(index, bundle)
        yield from levels.add([_hash(entry) for entry in bundle])
    _check(levels, signed)
    yield from levels.finish()
    yield "vkey", f"{encode_vkey(key)}\n".encode()
    yield "checkpoint", checkpoint


def _bundles(entries: Iterable[bytes | Withdrawn]) -> Iterator[list[bytes | Withdrawn]]:
    bundle: list[bytes | Withdrawn] = []
    for entry in entries:
        bundle.append(entry)
        if len(bundle) == TILE_WIDTH:
            yield bundle
            bundle = []
    if bundle:
        yield bundle


def _bundle_document(index: int, bundle: list[bytes | Withdrawn]) -> Iterator[tuple[str, bytes]]:
    """Yield the bundle, unless one of its entries is withdrawn."""
    public = [entry for entry in bundle if isinstance(entry, bytes)]
    if len(public) == len(bundle):
        yield bundle_path(BundleId(index=index, width=len(bundle))), encode_bundle(public)


def _hash(entry: bytes | Withdrawn) -> bytes:
    return entry.leaf_hash if isinstance(entry, Withdrawn) else hash_leaf(entry)


def _check(levels: _Levels, signed: Checkpoint) -> None:
    if levels.size != signed.size:
        raise ExportError("`entries` are not as many as the checkpoint's size")
    if levels.root() != signed.root:
        raise ExportError("`entries` make another root than the checkpoint's")
