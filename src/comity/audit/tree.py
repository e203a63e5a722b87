"""The audit of one ledger: every public byte from entry bundles to the signed root.

Guarantee: a report is `ok` only if every bundle holds exactly its entries, every entry is a leaf of
this ledger's member, every tile of every level is exactly the hashes of what is below it, the root
is the one that the ledger's key signed, and the tree continues the one found good before and every
older head that the caller holds. An absent bundle is accepted only where a later `redaction` leaf
names one of its entries.
Memory: one tile per level, one bundle, and a bounded list of each thing noted; never the ledger.
Source: https://c2sp.org/tlog-tiles; docs/adr/0004-receipt-format.md, section What an audit accepts;
docs/adr/0022-audit.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from comity.audit.documents import check_document
from comity.audit.findings import (
    AuditReport,
    AuditState,
    EvidenceError,
    EvidenceFormError,
    Finding,
    FindingCode,
    Redaction,
)
from comity.audit.hashing import fold, leaf_hashes, root_of_levels
from comity.audit.instruments import InstrumentUses
from comity.audit.leaves import LeafForm, Refusal
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint, read_vkey
from comity.audit.passes import PassUses
from comity.audit.places import BUNDLE_BYTES_MAX, HASH_BYTES, WIDTH, hashes_of, tile_path
from comity.audit.reveals import Reveals
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, parse_entry_name, parse_origin
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind

__all__ = ["FINDINGS_MAX", "NOTED_MAX", "Fetch", "Reader", "audit_tree"]

FINDINGS_MAX: Final = 1_000
"""Findings after which an audit stops: the list is long enough to act on."""

NOTED_MAX: Final = 65_536
"""Absent bundles, and redacted entries, that one audit notes."""

Fetch = Callable[[str], bytes]
"""Returns a public document by its path; LookupError or FileNotFoundError if there is none."""

Reader = Callable[[int, Sequence[bytes]], None]
"""Takes the leaves of one bundle, all of them good, and the index of the first."""

_REDACTION: Final = b'"k":"redaction"'
_DOCUMENTED: Final = {
    LeafKind.KEY: b'"k":"key"',
    LeafKind.POLICY: b'"k":"policy"',
    LeafKind.REVEAL: b'"k":"reveal"',
}


class _StopError(Exception):
    """Nothing more can be learnt from this ledger."""


def audit_tree(
    fetch: Fetch,
    vkey: str,
    *,
    previous: AuditState | None = None,
    heads: Sequence[SignedHead] = (),
    read: Reader | None = None,
) -> AuditReport:
    """Audit a ledger from its public documents alone.

    previous: what the last audit found good; its leaves are not read again, but the tree must
              continue it.
    heads: older checkpoints that the caller checked and holds; the tree must have passed each.
    read: gets every bundle whose leaves are good. What it gathers counts only if the report is ok.
    Raises: EvidenceFormError if `vkey` is malformed; whatever `fetch` raises but for absence, and
            whatever `read` raises.
    """
    key = read_vkey(vkey)
    audit = _Audit(fetch, read)
    head = SignedHead(key.name, 0, b"", {})
    try:
        found = audit.head(key)
        if found is not None:
            head = found
            audit.run(head, previous, heads)
    except _StopError:
        pass
    return AuditReport(
        origin=head.origin,
        size=head.size,
        root=head.root,
        leaves_read=audit.leaves_read,
        bundles_withdrawn=tuple(audit.bundles_withdrawn),
        redactions=tuple(audit.redactions),
        findings=tuple(audit.findings),
    )


class _Audit:
    """One run; `_levels[l]` holds the hashes of level l's open tile, which is tile `_closed[l]`."""

    def __init__(self, fetch: Fetch, read: Reader | None) -> None:
        self.findings: list[Finding] = []
        self.leaves_read = 0
        self.bundles_withdrawn: list[int] = []
        self.redactions: list[Redaction] = []
        self._fetch = fetch
        self._read = read
        self._levels: list[list[bytes]] = [[]]
        self._closed: list[int] = [0]
        self._bundles_absent: list[int] = []
        self._bundles_redacted: set[int] = set()
        self._size = 0
        self._form: LeafForm
        self._reveals: Reveals
        self._pass_uses: PassUses
        self._instrument_uses: InstrumentUses

    def head(self, key: TrustedKey) -> SignedHead | None:
        """Return what the ledger's key signed, or None with a finding."""
        try:
            note = self.fetch("checkpoint", FindingCode.CHECKPOINT_MISSING)
            return None if note is None else read_checkpoint(note, key)
        except EvidenceFormError as error:
            self._note(FindingCode.CHECKPOINT_MALFORMED, "checkpoint", str(error))
        except EvidenceError as error:
            self._note(FindingCode.CHECKPOINT_UNVERIFIED, "checkpoint", str(error))
        return None

    def fetch(self, path: str, absent: FindingCode | None) -> bytes | None:
        """Return a document, or None if there is none, noting it as `absent` says."""
        try:
            return self._fetch(path)
        except (LookupError, FileNotFoundError):
            if absent is not None:
                self._note(absent, path, "there is no such document")
            return None

    def _fetch_optional(self, path: str) -> bytes | None:
        return self.fetch(path, None)

    def run(
        self, head: SignedHead, previous: AuditState | None, heads: Sequence[SignedHead]
    ) -> None:
        """Go through the ledger from where the last audit ended to the signed head."""
        self._size = head.size
        self._form = LeafForm(self._member_of(head), {LeafKind.REDACTION, *_DOCUMENTED})
        self._reveals = Reveals(self._fetch_optional, head.size, head.root)
        self._pass_uses = PassUses(self._form.member)
        self._instrument_uses = InstrumentUses(self._form.member)
        if previous is not None:
            self._resume(head, previous)
        passes = self._passes(head, previous, heads)
        for index in range(self._closed[0], -(-head.size // WIDTH)):
            hashes = self._bundle(index)
            while passes and passes[-1].size < (index + 1) * WIDTH:
                self._check_pass(passes.pop(), hashes)
            self._add(hashes)
        while passes:
            self._check_pass(passes.pop(), self._levels[0])
        for level in range(len(self._levels)):
            self._check_tile(level)
        if root_of_levels(self._levels) != head.root:
            self._note(FindingCode.ROOT_MISMATCH, "checkpoint", "the entries make another root")
        self._account_for_absent()

    def _member_of(self, head: SignedHead) -> Member:
        try:
            return parse_origin(head.origin)[0]
        except MalformedError:
            text = "the origin names no member whose ledger this could be"
            self._stop(FindingCode.LEAF_MEMBER, "checkpoint", text)

    def _passes(
        self, head: SignedHead, previous: AuditState | None, heads: Sequence[SignedHead]
    ) -> list[AuditState]:
        """Return what the tree must have been on its way, the largest size first."""
        passes = [] if previous is None else [previous]
        for held in heads:
            if held.origin != head.origin:
                self._stop(FindingCode.LEDGER_CHANGED, "checkpoint", "another origin than before")
            if held.size > head.size:
                self._stop(FindingCode.LEDGER_SHRUNK, "checkpoint", "fewer leaves than before")
            if held.size >= self._closed[0] * WIDTH:
                passes.append(AuditState(origin=held.origin, size=held.size, root=held.root))
            else:
                text = (
                    f"a checkpoint of {held.size} leaves is older than the last audit: begin anew"
                )
                self._note(FindingCode.AUDIT_STOPPED, "checkpoint", text)
        return sorted(passes, key=lambda state: state.size, reverse=True)

    def _resume(self, head: SignedHead, previous: AuditState) -> None:
        """Take up the open tiles as they stood when the last audit ended."""
        if previous.origin != head.origin:
            self._stop(FindingCode.LEDGER_CHANGED, "checkpoint", "another origin than before")
        if previous.size > head.size:
            self._stop(FindingCode.LEDGER_SHRUNK, "checkpoint", "fewer leaves than before")
        count = previous.size // WIDTH
        self._closed = [count]
        while count:
            level = len(self._levels)
            self._closed.append(count // WIDTH)
            self._levels.append([])
            if count % WIDTH:
                data = self._tile(level, count // WIDTH)
                if data is None:
                    self._stop(
                        FindingCode.AUDIT_STOPPED, "checkpoint", "the tree cannot be taken up again"
                    )
                self._levels[level] = hashes_of(data)[: count % WIDTH]
            count //= WIDTH

    def _check_pass(self, old: AuditState, hashes: list[bytes]) -> None:
        """Check that the tree, as far as it goes by now, was the old one, down to its last leaf."""
        levels = [hashes[: old.size % WIDTH], *self._levels[1:]]
        if root_of_levels(levels) != old.root:
            text = f"not a continuation of the tree of {old.size} leaves before"
            self._note(FindingCode.LEDGER_FORKED, "checkpoint", text)

    def _bundle(self, index: int) -> list[bytes]:
        """Return the leaf hashes of a bundle; from its tile if the bundle cannot be read."""
        width = min(WIDTH, self._size - index * WIDTH)
        path = tile_path("entries", index, width)
        data = self.fetch(path, None)
        entries: list[bytes] | None = None
        if data is not None:
            entries = self._form.entries(data, width)
            if entries is not None:
                self._take_leaves(index * WIDTH, entries)
                return leaf_hashes(entries)
            entries = self._entries(path, data, width)
        elif len(self._bundles_absent) < NOTED_MAX:
            self._bundles_absent.append(index)
        else:
            self._note(FindingCode.BUNDLE_MISSING, path, "there is no such document")
        if entries is not None:
            self._read_leaves(path, index * WIDTH, entries, data or b"")
            return leaf_hashes(entries)
        tile = self._tile(0, index)
        if tile is None:
            self._stop(FindingCode.AUDIT_STOPPED, path, "neither bundle nor tile can be read")
        return hashes_of(tile)

    def _entries(self, path: str, data: bytes, width: int) -> list[bytes] | None:
        """Return a bundle's entries, or None with a finding unless there are exactly `width`."""
        entries: list[bytes] = []
        at, end = 0, len(data)
        if end > BUNDLE_BYTES_MAX:
            text = f"is longer than {BUNDLE_BYTES_MAX} bytes, the most that leaves can fill"
            self._note(FindingCode.BUNDLE_MALFORMED, path, text)
            return None
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

    def _read_leaves(self, path: str, first: int, entries: list[bytes], data: bytes) -> None:
        """Check each leaf, strictly, and note what it withdraws."""
        refused = dict(self._form.refusals(entries))
        for place, refusal in refused.items():
            code = FindingCode.LEAF_MEMBER if refusal.is_stranger else FindingCode.LEAF_MALFORMED
            self._note(code, path, f"leaf {first + place}: {refusal.text}")
        if _REDACTION in data:
            self._read_redactions(path, _good(first, entries, refused))
        if any(mark in data for mark in _DOCUMENTED.values()):
            self._check_documents(_good(first, entries, refused))
        self._take_leaves(first, entries, is_good=not refused)

    def _take_leaves(self, first: int, entries: list[bytes], *, is_good: bool = True) -> None:
        """Count the leaves of a bundle, and hand them on if all of them are good."""
        self.leaves_read += len(entries)
        if is_good:
            path = tile_path("entries", first // WIDTH, len(entries))
            for text in self._pass_uses.read(first, entries):
                self._note(FindingCode.PASS_MISUSED, path, text)
            for text in self._instrument_uses.read(first, entries):
                self._note(FindingCode.INSTRUMENT_MISUSED, path, text)
        if self._read is not None and is_good:
            self._read(first, entries)

    def _check_documents(self, leaves: list[tuple[int, bytes]]) -> None:
        """Check what the leaves that name a public document name."""
        for index, entry in leaves:
            header = parse_leaf(entry)
            if header.kind not in _DOCUMENTED:
                continue
            if header.kind is LeafKind.REVEAL:
                found = self._reveals.finding(index, header)
            else:
                found = check_document(self._fetch_optional, index, header)
            if found is not None:
                self._note(found.code, found.path, found.text)

    def _read_redactions(self, path: str, leaves: list[tuple[int, bytes]]) -> None:
        """Note which bundles may be absent from now on: those of earlier leaves of this ledger."""
        for index, entry in leaves:
            header = parse_leaf(entry)
            if header.kind is not LeafKind.REDACTION:
                continue
            member, redacted = parse_entry_name(header.cites or "")
            if member != self._form.member or redacted >= index:
                text = f"leaf {index} redacts no earlier leaf of this ledger"
                self._note(FindingCode.LEAF_CITATION, path, text)
            elif len(self.redactions) < NOTED_MAX:
                self.redactions.append(Redaction(index=redacted, by=index))
                self._bundles_redacted.add(redacted // WIDTH)

    def _add(self, hashes: list[bytes]) -> None:
        """Put one bundle's hashes on the tree; check and close every tile that they fill."""
        level = 0
        while hashes:
            if level == len(self._levels):
                self._levels.append([])
                self._closed.append(0)
            self._levels[level].extend(hashes)
            hashes = []
            if len(self._levels[level]) == WIDTH:
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
        path = tile_path(str(level), self._closed[level], len(hashes))
        pairs = zip(hashes_of(data), hashes, strict=True)
        wrong = next(place for place, (public, derived) in enumerate(pairs) if public != derived)
        self._note(FindingCode.TILE_MISMATCH, path, f"hash {wrong} is not that of what is below it")

    def _tile(self, level: int, index: int) -> bytes | None:
        """Return a public tile of exactly its length, or None with a finding."""
        width = min(WIDTH, self._size // WIDTH**level - index * WIDTH)
        path = tile_path(str(level), index, width)
        data = self.fetch(path, FindingCode.TILE_MISSING)
        if data is not None and len(data) != width * HASH_BYTES:
            text = f"holds {len(data)} bytes in place of {width * HASH_BYTES}"
            self._note(FindingCode.TILE_LENGTH, path, text)
            return None
        return data

    def _account_for_absent(self) -> None:
        """Accept an absent bundle only if a redaction names one of its entries."""
        for index in self._bundles_absent:
            if index in self._bundles_redacted:
                self.bundles_withdrawn.append(index)
            else:
                width = min(WIDTH, self._size - index * WIDTH)
                path = tile_path("entries", index, width)
                self._note(FindingCode.BUNDLE_MISSING, path, "absent, and no leaf redacts it")

    def _note(self, code: FindingCode, path: str, text: str) -> None:
        self.findings.append(_finding(code, path, text))
        if len(self.findings) >= FINDINGS_MAX:
            self._stop(FindingCode.AUDIT_STOPPED, path, "too many findings")

    def _stop(self, code: FindingCode, path: str, text: str) -> NoReturn:
        self.findings.append(_finding(code, path, text))
        raise _StopError


def _good(
    first: int, entries: list[bytes], refused: Mapping[int, Refusal]
) -> list[tuple[int, bytes]]:
    """Return the leaves that were not refused, by their index."""
    return [(first + p, e) for p, e in enumerate(entries) if p not in refused]


def _finding(code: FindingCode, path: str, text: str) -> Finding:
    return Finding(code=code, path=path, text=text)
