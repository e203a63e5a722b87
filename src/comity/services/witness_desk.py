"""The witness itself: one request at a time, kept before it is answered.

    1. read the head   2. decide   3. keep the new head by compare-and-swap
    4. write the signed state, outside of the database   5. answer

Guarantee: what was answered with a cosignature is in both places. A crash before 3 leaves nothing;
after it the asker is told the new size, and its checkpoint is cosigned again. An old copy of the
database is noticed at the start and refused.
Source: docs/adr/0021-witnesses.md; https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.ledger.errors import WitnessRequestError
from comity.ledger.quorum import QuorumFile
from comity.ledger.witnessing import (
    AddCheckpoint,
    Evidence,
    WitnessedHead,
    WitnessKey,
    WitnessStatus,
    WitnessStep,
    decide,
    origin_id,
    parse_add_checkpoint,
    refuse,
)
from comity.ports import Clock, EvidenceRow, SignedState, WitnessRecords
from comity.services.events import Events

__all__ = ["EVIDENCE_MAX", "WitnessBehindError", "WitnessDesk"]

EVIDENCE_MAX: Final = 1_000
"""Evidence documents of one origin; later ones are not kept, and an event says so."""

_NS: Final = 1_000_000_000


class WitnessBehindError(ComityError):
    """A witness's database is older than what it has cosigned: it must not go on from there."""

    code = "witness-behind"


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    origin: str
    kind: str
    size: int
    root: bytes
    kept_at: str


class _Document(_Listed, frozen=True, kw_only=True):
    v: int = 1
    seen: str
    shown: str


class WitnessDesk:
    """Answers for the ledgers of one quorum file.

    `_turn` is held from reading a head to keeping the next.
    """

    def __init__(
        self,
        *,
        records: WitnessRecords,
        signed_state: SignedState,
        follows: QuorumFile,
        key: WitnessKey,
        clock: Clock,
        events: Events,
    ) -> None:
        self._records = records
        self._signed_state = signed_state
        self._follows = follows
        self._key = key
        self._clock = clock
        self._events = events
        self._turn = asyncio.Lock()
        self._origins = {origin_id(one.key.name): one.key.name for one in follows.ledgers}

    def check(self) -> None:
        """Compare heads with the signed state, as at each start. Raises: WitnessBehindError."""
        heads = {head.origin: head for head in self._records.heads()}
        for origin in sorted({*heads, *self._origins.values()}):
            signed = self._signed_state.read(origin_id(origin))
            head = heads.get(origin)
            if signed is None:
                continue
            # A witness that forgot would cosign a second history.
            if head is None or head.size < signed[0]:
                raise WitnessBehindError("the database is older than what this witness cosigned")
            if head.size == signed[0] and head.root != signed[1]:
                raise WitnessBehindError("the database holds another head than was cosigned")
        for head in heads.values():
            self._signed_state.write(origin_id(head.origin), head.size, head.root)

    async def take(self, body: bytes) -> WitnessStep:
        """Return the answer to an `add-checkpoint` request; what it keeps is kept."""
        try:
            request = parse_add_checkpoint(body)
        except WitnessRequestError as error:
            self._events.note("witness_requests_refused")
            return refuse(WitnessStatus.MALFORMED, str(error))
        # Not to be left half done, nor the next one begun, when the asker goes away.
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(request)))

    async def _in_turn(self, request: AddCheckpoint) -> WitnessStep:
        async with self._turn:
            step = await asyncio.to_thread(self._step, request)
        self._tell(step)
        return step

    def _step(self, request: AddCheckpoint) -> WitnessStep:
        origin, now_s = request.checkpoint.origin, self._clock.now_ns() // _NS
        keys = self._follows.keys_of(origin)
        head = self._records.head(origin) if keys else None  # 1
        step = decide(request, keys, head, self._key, now_s)  # 2
        if step.evidence is not None:
            self._keep(step.evidence, now_s)
        if step.head is not None:
            swapped = self._records.swap(head, step.head)  # 3
            assert swapped, "nobody else has the database"
            self._signed_state.write(origin_id(origin), step.head.size, step.head.root)  # 4
        return step  # 5

    def _keep(self, evidence: Evidence, now_s: int) -> None:
        row = EvidenceRow(evidence_id=_evidence_id(evidence), kept_at=now_s, evidence=evidence)
        is_new = self._records.keep(row, EVIDENCE_MAX)
        if is_new:
            self._events.alarm(
                "evidence_kept", origin=evidence.origin, kind=evidence.kind, size=evidence.size
            )
        elif self._records.find_evidence(row.evidence_id) is None:
            self._events.alarm("evidence_not_kept", origin=evidence.origin)

    def _tell(self, step: WitnessStep) -> None:
        match step.status:
            case WitnessStatus.COSIGNED:
                self._events.note("checkpoints_cosigned")
            case WitnessStatus.OTHER_SIZE:
                self._events.note("witness_sizes_told")
            case _:
                self._events.note("witness_requests_refused")

    async def last_checkpoint(self, named: str) -> bytes | None:
        """Return the note cosigned last of the origin with this id, or None."""
        origin = self._origins.get(named)
        if origin is None:
            return None
        head: WitnessedHead | None = await asyncio.to_thread(self._records.head, origin)
        return head.note if head is not None else None

    async def list_evidence(self) -> bytes:
        """Return the list of evidence as JSON, oldest first."""
        rows = await asyncio.to_thread(self._records.evidence)
        return msgspec.json.encode({"evidence": [_listed(row) for row in rows]})

    async def find_evidence(self, evidence_id: str) -> bytes | None:
        """Return one evidence document as JSON, or None."""
        row = await asyncio.to_thread(self._records.find_evidence, evidence_id)
        return msgspec.json.encode(_document(row)) if row is not None else None


def _evidence_id(evidence: Evidence) -> str:
    """Return one id for each kind, origin, size and root: a repeated request fills nothing."""
    root = evidence.root.hex()
    text = f"{evidence.kind}\n{evidence.origin}\n{evidence.size}\n{root}\n"
    return sha256(text.encode()).hexdigest()


def _listed(row: EvidenceRow) -> _Listed:
    said = row.evidence
    return _Listed(
        id=row.evidence_id,
        origin=said.origin,
        kind=said.kind.value,
        size=said.size,
        root=said.root,
        kept_at=datetime.fromtimestamp(row.kept_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _document(row: EvidenceRow) -> _Document:
    listed = _listed(row)
    fields = {name: getattr(listed, name) for name in listed.__struct_fields__}
    return _Document(**fields, seen=row.evidence.seen.decode(), shown=row.evidence.shown.decode())
