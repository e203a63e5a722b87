"""A witness in memory, and what one keeps; both forget everything with the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comity.ledger.errors import WitnessRequestError
from comity.ledger.note import VerifierKey
from comity.ledger.witnessing import (
    WitnessedHead,
    WitnessKey,
    WitnessStatus,
    WitnessStep,
    decide,
    parse_add_checkpoint,
    refuse,
)
from comity.ports import Clock, EvidenceRow, UnreachableError, WitnessReply

__all__ = ["MemoryWitness", "MemoryWitnessRecords"]


class MemoryWitnessRecords:
    """Heads and evidence in memory."""

    def __init__(self) -> None:
        self._heads: dict[str, WitnessedHead] = {}
        self._evidence: dict[str, EvidenceRow] = {}

    def head(self, origin: str) -> WitnessedHead | None:
        """Return what was cosigned last of an origin."""
        return self._heads.get(origin)

    def heads(self) -> Sequence[WitnessedHead]:
        """Return what was cosigned last of every origin, by origin."""
        return [self._heads[origin] for origin in sorted(self._heads)]

    def swap(self, before: WitnessedHead | None, after: WitnessedHead) -> bool:
        """Keep a head in the place of the one given; say whether that one still stood there."""
        standing = self._heads.get(after.origin)
        if _place(standing) != _place(before):
            return False
        self._heads[after.origin] = after
        return True

    def keep(self, row: EvidenceRow, count_max: int) -> bool:
        """Keep evidence, once, unless its origin has `count_max` already; say whether it is new."""
        origin = row.evidence.origin
        count = sum(kept.evidence.origin == origin for kept in self._evidence.values())
        if row.evidence_id in self._evidence or count >= count_max:
            return False
        self._evidence[row.evidence_id] = row
        return True

    def evidence(self) -> Sequence[EvidenceRow]:
        """Return all evidence, oldest first."""
        return sorted(self._evidence.values(), key=lambda row: (row.kept_at, row.evidence_id))

    def find_evidence(self, evidence_id: str) -> EvidenceRow | None:
        """Return one piece of evidence."""
        return self._evidence.get(evidence_id)


def _place(head: WitnessedHead | None) -> tuple[int, bytes] | None:
    return (head.size, head.root) if head is not None else None


class MemoryWitness:
    """A witness that answers at once, or not at all while `is_silent`."""

    def __init__(
        self, key: WitnessKey, ledgers: Mapping[str, Sequence[VerifierKey]], clock: Clock
    ) -> None:
        self._key = key
        self._ledgers = ledgers
        self._clock = clock
        self.heads: dict[str, WitnessedHead] = {}
        self.is_silent = False
        self.requests = 0

    @property
    def key(self) -> VerifierKey:
        """The key that its cosignatures are checked by."""
        return self._key.key

    async def add_checkpoint(self, request: bytes) -> WitnessReply:
        """Ask for a cosignature. Raises: UnreachableError if there is no answer in time."""
        self._reach()
        step = self._decide(request)
        if step.head is not None:
            self.heads[step.head.origin] = step.head
        return WitnessReply(status=int(step.status), body=step.body)

    async def last_checkpoint(self, origin: str) -> bytes | None:
        """Return the note it cosigned last, or None. Raises: UnreachableError."""
        self._reach()
        head = self.heads.get(origin)
        return head.note if head is not None else None

    def _reach(self) -> None:
        self.requests += 1
        if self.is_silent:
            raise UnreachableError("the witness did not answer")

    def _decide(self, request: bytes) -> WitnessStep:
        try:
            wanted = parse_add_checkpoint(request)
        except WitnessRequestError as error:
            return refuse(WitnessStatus.MALFORMED, str(error))
        origin = wanted.checkpoint.origin
        now_s = self._clock.now_ns() // 1_000_000_000
        return decide(
            wanted, self._ledgers.get(origin, ()), self.heads.get(origin), self._key, now_s
        )
