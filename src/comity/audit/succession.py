"""Whether a ledger succeeds another: it begins with its good prefix, and says where that ends.

Guarantee: a report without findings has shown that the successor's own event names exactly the
retired key and a checkpoint that this key signed; that its tree begins with that checkpoint's; that
the old copy is a part of that prefix or begins with it; and which heads of the retired key lie
beyond, so that none of them is taken for the record.
Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct

from comity.audit.documents import read_key_event
from comity.audit.findings import (
    AuditReport,
    EvidenceError,
    EvidenceFormError,
    Finding,
    FindingCode,
)
from comity.audit.growth import check_growth
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint, read_vkey, unbase64
from comity.audit.places import document_path
from comity.domain.errors import MalformedError
from comity.domain.ids import parse_origin
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind

__all__ = ["RetiredHead", "SuccessionAudit", "SuccessionReport"]

Fetch = Callable[[str], bytes]
_KEY: Final = b'"k":"key"'


class RetiredHead(Struct, frozen=True, kw_only=True):
    """A head that the retired key signed: beyond the cut it is evidence, not record."""

    size: int
    root: bytes
    is_beyond: bool


class SuccessionReport(Struct, frozen=True, kw_only=True):
    """What was found of a succession; `cut` is 0 where none was found.

    heads: those of the old copy, of the event and of whoever kept one, the largest first.
    """

    retired: str
    origin: str
    reason: str
    cut: int
    root: bytes
    heads: tuple[RetiredHead, ...]
    findings: tuple[Finding, ...]


class SuccessionAudit:
    """Collects a successor's key leaves while it is audited, then compares it with the old one."""

    def __init__(self, successor: TrustedKey, retired: TrustedKey) -> None:
        self._successor = successor
        self._retired = retired
        self._keys: dict[int, bytes] = {}

    def read(self, first: int, entries: Sequence[bytes]) -> None:
        """Take good leaves of the successor, as `audit_tree` hands them on."""
        for index, entry in enumerate(entries, start=first):
            if _KEY in entry:
                header = parse_leaf(entry)
                if header.kind is LeafKind.KEY and header.digest is not None:
                    self._keys[index] = header.digest

    def report(
        self,
        new: tuple[Fetch, AuditReport],
        old: tuple[Fetch, AuditReport],
        kept: Sequence[SignedHead] = (),
    ) -> SuccessionReport:
        """Return how the successor and the old copy belong together.

        new, old: both ledgers with their audits, which are good, whole ones.
        kept: heads of the retired key that the caller holds, verified.
        """
        fetch_new, found = new
        event = self._event(fetch_new)
        if event is None:
            text = f"no leaf says that this ledger succeeds {self._retired.name}"
            return self._of(None, (), [_finding(FindingCode.SUCCESSION_MISSING, text)])
        index, retired = event
        findings = [
            _finding(FindingCode.SUCCESSION_DIFFERS, text, index)
            for text in self._faults(retired, index)
        ]
        if findings:
            return self._of(event, (), findings)
        cut = SignedHead(self._retired.name, index, unbase64(retired["root"]), {})
        if not _grows(fetch_new, (cut.size, cut.root), (found.size, found.root)):
            text = f"the first {index} leaves are not those of the retired ledger's checkpoint"
            return self._of(event, (), [_finding(FindingCode.SUCCESSION_DIFFERS, text, index)])
        fetch_old, standing = old
        before = SignedHead(self._retired.name, standing.size, standing.root, {})
        if before.size >= cut.size and not _grows(
            fetch_old, (cut.size, cut.root), (before.size, before.root)
        ):
            text = "the old copy does not begin with the prefix that the successor has"
            findings.append(_finding(FindingCode.SUCCESSION_DIFFERS, text, index))
        heads = [before, *kept]
        for note in retired.get("beyond", ()):
            try:
                heads.append(read_checkpoint(note.encode(), self._retired))
            except (EvidenceError, EvidenceFormError):
                text = "a note beyond the cut is not by the retired key"
                findings.append(_finding(FindingCode.SUCCESSION_DIFFERS, text, index))
        shown: dict[tuple[int, bytes], RetiredHead] = {}
        for head in heads:
            place = (head.size, head.root)
            is_part = head.size <= cut.size and _grows(fetch_new, place, (found.size, found.root))
            shown[place] = RetiredHead(size=head.size, root=head.root, is_beyond=not is_part)
        return self._of(event, tuple(shown.values()), findings)

    def _event(self, fetch: Fetch) -> tuple[int, dict[str, Any]] | None:
        """Return the index and the `retired` part of the event that names the retired ledger."""
        member, _ = parse_origin(self._successor.name)
        for index in sorted(self._keys, reverse=True):
            try:
                data = fetch(document_path(index))
                event = read_key_event(data, member)
            except (LookupError, FileNotFoundError, EvidenceFormError):
                continue
            retired = event.get("retired", {})
            is_named = sha256(data).digest() == self._keys[index]
            if is_named and retired.get("origin") == self._retired.name:
                return index, {**retired, "reason": event["reason"]}
        return None

    def _faults(self, retired: dict[str, Any], index: int) -> list[str]:
        """Return what an event says that is not so."""
        faults = []
        try:
            if read_vkey(retired["vkey"]) != self._retired:
                faults.append("the event names another key than the retired ledger's")
            head = read_checkpoint(retired["checkpoint"].encode(), self._retired)
        except (EvidenceError, EvidenceFormError) as error:
            return [*faults, f"the event's checkpoint does not hold: {error}"]
        if (head.size, head.root) != (retired["size"], unbase64(retired["root"])):
            faults.append("the event's checkpoint is of another size or root than it says")
        if index != retired["size"]:
            faults.append(f"the event stands at {index}, the cut is at {retired['size']}")
        try:
            member, number = parse_origin(self._successor.name)
            if parse_origin(self._retired.name) != (member, number - 1):
                faults.append("the names do not follow each other")
        except MalformedError:
            faults.append("the origin is not that of a member's ledger")
        return faults

    def _of(
        self,
        event: tuple[int, dict[str, Any]] | None,
        heads: tuple[RetiredHead, ...],
        findings: list[Finding],
    ) -> SuccessionReport:
        index, retired = event if event is not None else (0, {})
        return SuccessionReport(
            retired=self._retired.name,
            origin=self._successor.name,
            reason=str(retired.get("reason", "")),
            cut=index,
            root=unbase64(retired["root"]) if event is not None else b"",
            heads=tuple(sorted(heads, key=lambda head: -head.size)),
            findings=tuple(findings),
        )


def _grows(fetch: Fetch, old: tuple[int, bytes], new: tuple[int, bytes]) -> bool:
    try:
        check_growth(fetch, old, new)
    except (EvidenceError, LookupError, FileNotFoundError):
        return False
    return True


def _finding(code: FindingCode, text: str, index: int | None = None) -> Finding:
    path = "checkpoint" if index is None else document_path(index)
    return Finding(code=code, path=path, text=text)
