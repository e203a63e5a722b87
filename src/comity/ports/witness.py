"""Witnesses from both sides: one that is asked, and what one keeps.

Guarantee: `WitnessRecords.swap` is durable when it returns, and of two that start from the same
head at most one succeeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.ledger.note import VerifierKey
from comity.ledger.witnessing import Evidence, WitnessedHead

__all__ = ["EvidenceRow", "Witness", "WitnessRecords", "WitnessReply"]


class WitnessReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness answered: an HTTP status, and the body as it came."""

    status: int
    body: bytes


class Witness(Protocol):
    """Somebody's witness. What it says is believed only under its key, or a ledger's."""

    @property
    def key(self) -> VerifierKey:
        """The key that its cosignatures are checked by."""
        ...

    async def add_checkpoint(self, request: bytes) -> WitnessReply:
        """Ask for a cosignature. Raises: UnreachableError if there is no answer in time."""
        ...

    async def last_checkpoint(self, origin: str) -> bytes | None:
        """Return the note it cosigned last, or None. Raises: UnreachableError."""
        ...


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence as it is kept, under its own id, since `kept_at` (Unix seconds)."""

    evidence_id: str
    kept_at: int
    evidence: Evidence


class WitnessRecords(Protocol):
    """What a witness keeps. Calls wait for the disk: not for an event loop's own thread."""

    def head(self, origin: str) -> WitnessedHead | None:
        """Return what was cosigned last of an origin."""
        ...

    def heads(self) -> Sequence[WitnessedHead]:
        """Return what was cosigned last of every origin, by origin."""
        ...

    def swap(self, before: WitnessedHead | None, after: WitnessedHead) -> bool:
        """Keep a head in the place of the one given; say whether that one still stood there."""
        ...

    def keep(self, row: EvidenceRow, count_max: int) -> bool:
        """Keep evidence, once, unless its origin has `count_max` already; say whether it is new."""
        ...

    def evidence(self) -> Sequence[EvidenceRow]:
        """Return all evidence, oldest first."""
        ...

    def find_evidence(self, evidence_id: str) -> EvidenceRow | None:
        """Return one piece of evidence."""
        ...
