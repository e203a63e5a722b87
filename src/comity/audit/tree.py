"""The audit of one ledger: every public byte from entry bundles to the signed root.

Guarantee: a report is `ok` only if every bundle holds exactly its entries, every entry is a leaf of
this ledger's member, every tile of every level is exactly the hashes of what is below it, the root
is the one that the ledger's key signed, and the tree continues the one found good before. An absent
bundle is accepted only where a later `redaction` leaf names one of its entries.
Memory: one tile per level, one bundle, and at most 65,536 noted indexes; never the ledger.
Source: https://c2sp.org/tlog-tiles; docs/adr/0004-receipt-format.md, section What an audit accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from comity.audit.findings import (
    AuditReport,
    AuditState,
    EvidenceError,
    EvidenceFormError,
    Finding,
    FindingCode,
)
from comity.audit.hashing import fold, leaf_hashes, root_of_levels
from comity.audit.notes import SignedHead, read_checkpoint, read_vkey
from comity.domain.errors import MalformedError
from comity.domain.ids import parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind

__all__ = ["FINDINGS_MAX", "NOTED_MAX", "Fetch", "LeafParser", "audit_tree"]

FINDINGS_MAX: Final = 1_000
"""Findings after which an audit stops: the list is long enough to act on."""

NOTED_MAX: Final = 65_536
"""Absent bundles, and redacted entries, that one audit notes."""

Fetch = Callable[[str], bytes]
"""Returns a public document by its path; LookupError or FileNotFoundError if there is none."""

LeafParser = Callable[[bytes], LeafHeader]
"""Returns the header of a leaf's bytes; raises MalformedError."""

_WIDTH: Final = 256
_HASH_BYTES: Final = 32


class _StopError(Exception):
    """Nothing more can be learnt from this ledger."""


def audit_tree(
    fetch: Fetch,
    vkey: str,
    *,
    previous: AuditState | None = None,
    parse: LeafParser = parse_leaf,
) -> AuditReport:
    """Audit a ledger from its public documents alone.

    previous: what the last audit found good; its leaves are not read again, but the tree must
              continue it.
    Raises: EvidenceFormError if `vkey` is malformed; whatever `fetch` raises but for absence.
    """
    key = read_vkey(vkey)
    audit = _Audit(fetch, parse)
    head = SignedHead(key.name, 0, b"", {})
    try:
        note = audit.fetch("checkpoint", FindingCode.CHECKPOINT_MISSING)
        if note is not None:
            head = read_checkpoint(note, key)
            audit.run(head, previous)
    except EvidenceFormError as error:
        audit.findings.append(_finding(FindingCode.CHECKPOINT_MALFORMED, "checkpoint", str(error)))
    except EvidenceError as error:
        audit.findings.append(_finding(FindingCode.CHECKPOINT_UNVERIFIED, "checkpoint", str(error)))
    except _StopError:
        pass
    return AuditReport(
        origin=head.origin,
        size=head.size,
        root=head.root,
        leaves_read=audit.leaves_read,
        bundles_withdrawn=tuple(audit.bundles_withdrawn),
        findings=tuple(audit.findings),
    )


class _Audit:
    """One run; `_levels[l]` holds the hashes of level l's open tile, which is tile `_closed[l]`."""

    def __init__(self, fetch: Fetch, parse: LeafParser) -> None:
        self.findings: list[Finding] = []
        self.leaves_read = 0
        self.bundles_withdrawn: list[int] = []
        self._fetch = fetch
        self._parse = parse
        self._levels: list[list[bytes]] = [[]]
        self._closed: list[int] = [0]
        self._bundles_absent: list[int] = []
        self._bundles_redacted: set[int] = set()
        self._size = 0
        self._member = ""

    def fetch(self, path: str, absent: FindingCode | None) -> bytes | None:
        """Return a document, or None if there is none, noting it as `absent` says."""
        try:
            return self._fetch(path)
        except (LookupError, FileNotFoundError):
            if absent is not None:
                self._note(absent, path, "there is no such document")
            return None

    def run(self, head: SignedHead, previous: AuditState | None) -> None:
        """Go through the ledger from where the last audit ended to the signed head."""
        self._size = head.size
        self._member = head.origin.rpartition("/")[2]
        pending = self._resume(head, previous) if previous is not None else None
        for index in range(self._closed[0], -(-head.size // _WIDTH)):
            hashes = self._bundle(index)
            if pending is not None:
                self._check_previous(pending, hashes)
                pending = None
            self._add(hashes)
        if pending is not None:
            self._check_previous(pending, [])
        for level in range(len(self._levels)):
            self._check_tile(level)
        if root_of_levels(self._levels) != head.root:
            self._note(FindingCode.ROOT_MISMATCH, "checkpoint", "the entries make another root")
        self._account_for_absent()

    def _resume(self, head: SignedHead, previous: AuditState) -> AuditState:
        """Take up the open tiles as they stood when the last audit ended."""
        if previous.origin != head.origin:
            self._stop(FindingCode.LEDGER_CHANGED, "checkpoint", "another origin than before")
        if previous.size > head.size:
            self._stop(FindingCode.LEDGER_SHRUNK, "checkpoint", "fewer leaves than before")
        count = previous.size // _WIDTH
        self._closed = [count]
        while count:
            level = len(self._levels)
            self._closed.append(count // _WIDTH)
            self._levels.append([])
            if count % _WIDTH:
                data = self._tile(level, count // _WIDTH)
                if data is None:
                    self._stop(
                        FindingCode.AUDIT_STOPPED, "checkpoint", "the tree cannot be taken up again"
                    )
                self._levels[level] = _hashes_of(data)[: count % _WIDTH]
            count //= _WIDTH
        return previous

    def _check_previous(self, previous: AuditState, hashes: list[bytes]) -> None:
        """Check that the tree taken up is the one found good before, down to its last leaf."""
        levels = [hashes[: previous.size % _WIDTH], *self._levels[1:]]
        if root_of_levels(levels) != previous.root:
            self._note(
                FindingCode.LEDGER_FORKED, "checkpoint", "not a continuation of the tree before"
            )

    def _bundle(self, index: int) -> list[bytes]:
        """Return the leaf hashes of a bundle; from its tile if the bundle cannot be read."""
        width = min(_WIDTH, self._size - index * _WIDTH)
        path = _path("entries", index, width)
        data = self.fetch(path, None)
        entries: list[bytes] | None = None
        if data is not None:
            entries = self._entries(path, data, width)
        elif len(self._bundles_absent) < NOTED_MAX:
            self._bundles_absent.append(index)
        else:
            self._note(FindingCode.BUNDLE_MISSING, path, "there is no such document")
        if entries is not None:
            self._read_leaves(path, index * _WIDTH, entries)
            return leaf_hashes(entries)
        tile = self._tile(0, index)
        if tile is None:
            self._stop(FindingCode.AUDIT_STOPPED, path, "neither bundle nor tile can be read")
        return _hashes_of(tile)

    def _entries(self, path: str, data: bytes, width: int) -> list[bytes] | None:
        """Return a bundle's entries, or None with a finding unless there are exactly `width`."""
        entries: list[bytes] = []
        at, end = 0, len(data)
        while at + 2 <= end:
            start = at + 2
            at = start + (data[at] << 8 | data[at + 1])
            entries.append(data[start:at])
        if at != end:
            self._note(FindingCode.BUNDLE_MALFORMED, path, "ends within an entry")
            return None
        if len(entries) != width:
            text = f"holds {len(entries)} entries in place of {width}"
            self._note(FindingCode.BUNDLE_COUNT, path, text)
            return None
        return entries

    def _read_leaves(self, path: str, first: int, entries: list[bytes]) -> None:
        """Decode each leaf, strictly, and note what it withdraws."""
        self.leaves_read += len(entries)
        for index, entry in enumerate(entries, first):
            try:
                header = self._parse(entry)
            except MalformedError as error:
                self._note(FindingCode.LEAF_MALFORMED, path, f"leaf {index}: {error}")
                continue
            if header.member != self._member:
                self._note(FindingCode.LEAF_MEMBER, path, f"leaf {index} is of another member")
            if header.kind is LeafKind.REDACTION:
                self._read_redaction(path, index, header)

    def _read_redaction(self, path: str, index: int, header: LeafHeader) -> None:
        """Note which bundle may be absent from now on: that of an earlier leaf of this ledger."""
        member, redacted = parse_entry_name(header.cites or "")
        if member != self._member or redacted >= index:
            text = f"leaf {index} redacts no earlier leaf of this ledger"
            self._note(FindingCode.LEAF_CITATION, path, text)
        elif len(self._bundles_redacted) < NOTED_MAX:
            self._bundles_redacted.add(redacted // _WIDTH)

    def _add(self, hashes: list[bytes]) -> None:
        """Put one bundle's hashes on the tree; check and close every tile that they fill."""
        level = 0
        while hashes:
            if level == len(self._levels):
                self._levels.append([])
                self._closed.append(0)
            self._levels[level].extend(hashes)
            hashes = []
            if len(self._levels[level]) == _WIDTH:
                self._check_tile(level)
                hashes = [fold(self._levels[level])]
                self._levels[level] = []
                self._closed[level] += 1
            level += 1

    def _check_tile(self, level: int) -> None:
        """Compare the open tile of a level, full or at the end partial, with the public one."""
        hashes = self._levels[level]
        if not hashes:
            return
        data = self._tile(level, self._closed[level])
        if data is None or data == b"".join(hashes):
            return
        path = _path(str(level), self._closed[level], len(hashes))
        pairs = zip(_hashes_of(data), hashes, strict=True)
        wrong = next(place for place, (public, derived) in enumerate(pairs) if public != derived)
        self._note(FindingCode.TILE_MISMATCH, path, f"hash {wrong} is not that of what is below it")

    def _tile(self, level: int, index: int) -> bytes | None:
        """Return a public tile of exactly its length, or None with a finding."""
        width = min(_WIDTH, self._size // _WIDTH**level - index * _WIDTH)
        path = _path(str(level), index, width)
        data = self.fetch(path, FindingCode.TILE_MISSING)
        if data is not None and len(data) != width * _HASH_BYTES:
            text = f"holds {len(data)} bytes in place of {width * _HASH_BYTES}"
            self._note(FindingCode.TILE_LENGTH, path, text)
            return None
        return data

    def _account_for_absent(self) -> None:
        """Accept an absent bundle only if a redaction names one of its entries."""
        for index in self._bundles_absent:
            if index in self._bundles_redacted:
                self.bundles_withdrawn.append(index)
            else:
                width = min(_WIDTH, self._size - index * _WIDTH)
                path = _path("entries", index, width)
                self._note(FindingCode.BUNDLE_MISSING, path, "absent, and no leaf redacts it")

    def _note(self, code: FindingCode, path: str, text: str) -> None:
        self.findings.append(_finding(code, path, text))
        if len(self.findings) >= FINDINGS_MAX:
            self._stop(FindingCode.AUDIT_STOPPED, path, "too many findings")

    def _stop(self, code: FindingCode, path: str, text: str) -> NoReturn:
        self.findings.append(_finding(code, path, text))
        raise _StopError


def _finding(code: FindingCode, path: str, text: str) -> Finding:
    return Finding(code=code, path=path, text=text)


def _hashes_of(tile: bytes) -> list[bytes]:
    return [tile[at : at + _HASH_BYTES] for at in range(0, len(tile), _HASH_BYTES)]


def _path(level: str, index: int, width: int) -> str:
    """Return the public path of a tile, or of a bundle where the level is `entries`."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{name}" + ("" if width == _WIDTH else f".p/{width}")
