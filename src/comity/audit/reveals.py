"""What a `reveal` leaf says of an earlier one, held against that leaf's own commitment.

Guarantee: a reveal is taken only if its published document opens the commitment of the leaf that it
cites, shows exactly what the reveal says, and that leaf stands sealed in all of it. The cited leaf
is read again from the public files, however far back, and proved to stand under the signed root: a
server that shows other bytes the second time is found.
Memory: 64 bundles.
Source: docs/adr/0024-private-records.md, "Documents" and "Delayed detail".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from comity.audit.evidence import check_opening
from comity.audit.findings import EvidenceError, EvidenceFormError, Finding, FindingCode
from comity.audit.hashing import fold, leaf_hashes, root_of_levels
from comity.audit.places import HASH_BYTES, WIDTH, document_path, hashes_of, tile_path
from comity.domain.errors import MalformedError
from comity.domain.ids import parse_entry_name
from comity.domain.leaf import SEALED, LeafHeader, parse_leaf

__all__ = ["Reveals"]

_BUNDLES_KEPT: Final = 64
_DETAIL: Final = ("agency", "purpose", "offence")

_Fetch = Callable[[str], bytes | None]


class Reveals:
    """Checks the `reveal` leaves of one ledger of a signed size and root.

    `fetch` returns a public document by its path, or None if there is none.
    """

    def __init__(self, fetch: _Fetch, size: int, root: bytes) -> None:
        self._fetch = fetch
        self._size = size
        self._root = root
        self._bundles: OrderedDict[int, list[bytes] | None] = OrderedDict()
        self._open_tiles: list[list[bytes]] | None = None

    def finding(self, index: int, header: LeafHeader) -> Finding | None:
        """Return what is wrong with a `reveal` leaf, or None.

        Nothing is said of one whose cited leaf is withdrawn: that is accounted for by itself.
        """
        path = document_path(index)
        try:
            cited = self._cited(index, header)
            if cited is None:
                return None
            document = self._fetch(path)
            if document is None:
                text = f"leaf {index} reveals, and no document proves it"
                return Finding(code=FindingCode.DOCUMENT_MISSING, path=path, text=text)
            _check_says(document, index, header, cited)
        except EvidenceFormError as error:
            return Finding(code=FindingCode.DOCUMENT_MALFORMED, path=path, text=str(error))
        except _CitationError as error:
            return Finding(code=FindingCode.LEAF_CITATION, path=path, text=str(error))
        except EvidenceError as error:
            return Finding(code=FindingCode.DOCUMENT_DIFFERS, path=path, text=str(error))
        return None

    def _cited(self, index: int, header: LeafHeader) -> LeafHeader | None:
        """Return the header of the leaf that a reveal cites, or None where it is withdrawn."""
        member, cited = parse_entry_name(header.cites or "")
        if member != header.member or cited >= index:
            raise _CitationError(f"leaf {index} reveals no earlier leaf of this ledger")
        entries = self._bundle(cited // WIDTH)
        if entries is None:
            return None
        try:
            found = parse_leaf(entries[cited % WIDTH])
        except MalformedError:
            raise _CitationError(f"leaf {index} reveals what is no leaf") from None
        revealed = [name for name in _DETAIL if getattr(header, name) is not None]
        if not revealed or any(getattr(found, name) != SEALED for name in revealed):
            raise _CitationError(f"leaf {index} reveals what does not stand sealed in leaf {cited}")
        return found

    def _bundle(self, index: int) -> list[bytes] | None:
        """Return the entries of a bundle that stands under the root; None if it is absent."""
        if index in self._bundles:
            self._bundles.move_to_end(index)
            return self._bundles[index]
        width = min(WIDTH, self._size - index * WIDTH)
        data = self._fetch(tile_path("entries", index, width))
        entries = None if data is None else _entries(data)
        if entries is not None and not self._stands(index, leaf_hashes(entries)):
            raise EvidenceError(f"bundle {index} is not what stands under the signed root")
        self._bundles[index] = entries
        if len(self._bundles) > _BUNDLES_KEPT:
            self._bundles.popitem(last=False)
        return entries

    def _stands(self, index: int, hashes: list[bytes]) -> bool:
        """Say whether a tile of level 0 leads, tile by tile, to the signed root."""
        level = 0
        while len(hashes) == WIDTH and index != self._size >> 8 * (level + 1):
            above = self._tile(level + 1, index // WIDTH)
            if len(above) <= index % WIDTH or above[index % WIDTH] != fold(hashes):
                return False
            level, index, hashes = level + 1, index // WIDTH, above
        edge = self._edge()
        return level < len(edge) and edge[level] == hashes

    def _edge(self) -> Sequence[list[bytes]]:
        """Return the open tile of each level, which together are the signed root."""
        if self._open_tiles is None:
            tiles: list[list[bytes]] = []
            while self._size >> 8 * len(tiles):
                level = len(tiles)
                is_open = (self._size >> 8 * level) % WIDTH
                tiles.append(self._tile(level, self._size >> 8 * (level + 1)) if is_open else [])
            if root_of_levels(tiles) != self._root:
                raise EvidenceError("the tiles read again do not make the signed root")
            self._open_tiles = tiles
        return self._open_tiles

    def _tile(self, level: int, index: int) -> list[bytes]:
        width = min(WIDTH, (self._size >> 8 * level) - index * WIDTH)
        data = self._fetch(tile_path(str(level), index, width))
        return hashes_of(data) if data is not None and len(data) == width * HASH_BYTES else []


class _CitationError(EvidenceError):
    """A reveal cites what it cannot reveal."""


def _entries(data: bytes) -> list[bytes]:
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(data):
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    return entries


def _check_says(document: bytes, index: int, header: LeafHeader, cited: LeafHeader) -> None:
    """Check that a document opens the cited commitment to exactly what a reveal says."""
    shown = check_opening(document, cited.commitment)
    said = {
        name: getattr(header, name).encode()
        for name in _DETAIL
        if getattr(header, name) is not None
    }
    if shown != said:
        raise EvidenceError(f"the document of leaf {index} shows something else than it reveals")
