"""What an audit reports: typed findings, a summary, and the state that the next one starts from."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "AuditReport",
    "AuditState",
    "EvidenceError",
    "EvidenceFormError",
    "Finding",
    "FindingCode",
    "Redaction",
]


class EvidenceFormError(MalformedError):
    """A key, note, proof, receipt or opening does not have its form."""

    code: ClassVar[str] = "evidence-malformed"


class EvidenceError(ComityError):
    """A well-formed note, proof, receipt or opening does not prove what it is shown for."""

    code: ClassVar[str] = "evidence-invalid"


class FindingCode(StrEnum):
    """Everything that can be wrong with a public ledger."""

    CHECKPOINT_MISSING = "checkpoint-missing"
    CHECKPOINT_MALFORMED = "checkpoint-malformed"
    CHECKPOINT_UNVERIFIED = "checkpoint-unverified"
    LEDGER_SHRUNK = "ledger-shrunk"
    LEDGER_FORKED = "ledger-forked"
    LEDGER_CHANGED = "ledger-changed"
    BUNDLE_MISSING = "bundle-missing"
    BUNDLE_MALFORMED = "bundle-malformed"
    BUNDLE_COUNT = "bundle-count"
    LEAF_MALFORMED = "leaf-malformed"
    LEAF_MEMBER = "leaf-member"
    LEAF_CITATION = "leaf-citation"
    TILE_MISSING = "tile-missing"
    TILE_LENGTH = "tile-length"
    TILE_MISMATCH = "tile-mismatch"
    ROOT_MISMATCH = "root-mismatch"
    LEDGER_INCONSISTENT = "ledger-inconsistent"
    CHECKPOINT_STALLED = "checkpoint-stalled"
    PEER_QUERY_MISSING = "peer-query-missing"
    PEER_QUERY_DIFFERS = "peer-query-differs"
    PEER_ANSWERS_MANY = "peer-answers-many"
    PEER_ANSWER_MISSING = "peer-answer-missing"
    COUNTS_DIFFER = "counts-differ"
    COUNTS_UNPUBLISHED = "counts-unpublished"
    DOCUMENT_MISSING = "document-missing"
    DOCUMENT_DIFFERS = "document-differs"
    DOCUMENT_MALFORMED = "document-malformed"
    SUCCESSION_MISSING = "succession-missing"
    SUCCESSION_DIFFERS = "succession-differs"
    PASS_MISUSED = "pass-misused"  # noqa: S105 - a case pass, not a password
    INSTRUMENT_MISUSED = "instrument-misused"
    AUDIT_STOPPED = "audit-stopped"


class Finding(Struct, frozen=True, kw_only=True):
    """One problem: what kind, at which public path, in words."""

    code: FindingCode
    path: str
    text: str


class AuditState(Struct, frozen=True, kw_only=True):
    """The last head that was found good; the next audit must continue it."""

    origin: str
    size: int
    root: bytes


class Redaction(Struct, frozen=True, kw_only=True):
    """A leaf whose bundle may be withdrawn, and the later leaf that says so."""

    index: int
    by: int


class AuditReport(Struct, frozen=True, kw_only=True):
    """What an audit saw. Only a report without findings is `ok`.

    size, root: of the signed checkpoint; 0 and empty if there was none to trust.
    leaves_read: leaves whose bytes were hashed and decoded in this run.
    bundles_withdrawn: indexes of absent bundles that a `redaction` leaf accounts for.
    redactions: what the leaves read in this run declare withdrawn, whether or not it is absent.
    """

    origin: str
    size: int
    root: bytes
    leaves_read: int
    bundles_withdrawn: tuple[int, ...]
    redactions: tuple[Redaction, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no doubt at all."""
        return not self.findings

    @property
    def state(self) -> AuditState | None:
        """What the next audit starts from, or None if this one must not be built upon."""
        if self.findings:
            return None
        return AuditState(origin=self.origin, size=self.size, root=self.root)
