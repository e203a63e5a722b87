"""Asking witnesses: the worker's part. It shows them new checkpoints and hands on what they answer.

    1. read the newest checkpoint of each ledger
    2. ask every witness that has not cosigned it, all at once; a second time with the size that a
       409 names
    3. hand the lines to the gateway

Guarantee: nothing waits for a witness; what one does not answer is asked again later, for the
newest checkpoint only. The gateway verifies the lines again: it does not believe the worker.
Source: docs/adr/0021-witnesses.md; https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.cosignature import Cosignature, read_cosignatures, take_cosignatures
from comity.ledger.errors import WitnessRequestError
from comity.ledger.note import VerifierKey, parse_note
from comity.ledger.quorum import QuorumFile
from comity.ledger.witnessing import WitnessStatus, encode_add_checkpoint, parse_size
from comity.ports import CheckpointRow, Clock, LedgerRows, Store, Witness
from comity.services.events import Events
from comity.services.proofs import consistency_proof

__all__ = ["Cosigning", "Keep"]

Keep = Callable[[Member, int, tuple[bytes, ...]], Awaitable[None]]
"""Hands cosignature lines of a member's checkpoint to the gateway that owns its ledger."""

_AGAIN_NS: Final = 10 * 1_000_000_000
"""After how long a checkpoint that some witness has not cosigned is shown again."""
_AT_ONCE_MAX: Final = 16


class _RefusedError(ComityError):
    """A witness answered and gave no cosignature."""

    code = "witness-refused"


class Cosigning:
    """Gets the newest checkpoints of one host's members cosigned.

    `_asked` holds what was shown last of each ledger and when, `_sizes` what each witness had.
    """

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows | None = None,
        members: Sequence[Member],
        witnesses: Sequence[Witness],
        quorum: QuorumFile,
        keep: Keep,
        clock: Clock,
        events: Events,
    ) -> None:
        self._store = store
        self._rows = rows or store
        self._members = members
        self._witnesses = witnesses
        self._quorum = quorum
        self._keep = keep
        self._clock = clock
        self._events = events
        self._asked: dict[Member, tuple[int, int]] = {}
        self._sizes: dict[tuple[VerifierKey, Member], int] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE_MAX)

    async def ask(self) -> int:
        """Show what is new to the witnesses; return how many cosignatures were kept."""
        if not self._witnesses:
            return 0
        rows = await self._store.checkpoints(self._members)
        return sum(await asyncio.gather(*(self._cosign(row) for row in rows if self._is_due(row))))

    def _is_due(self, row: CheckpointRow) -> bool:
        size, at = self._asked.get(row.member, (-1, 0))
        return size != row.size or self._clock.now_ns() - at >= _AGAIN_NS

    async def _cosign(self, row: CheckpointRow) -> int:
        have = {one.key for one in read_cosignatures(row.published, self._quorum.witness_keys)}
        missing = [witness for witness in self._witnesses if witness.key not in have]
        is_first = self._asked.get(row.member, (-1, 0))[0] != row.size
        self._asked[row.member] = (row.size, self._clock.now_ns())
        if not missing:
            return 0
        async with self._at_once:
            found = await asyncio.gather(*(self._ask_one(one, row) for one in missing))
            lines = tuple(cosignature.line for one in found for cosignature in one)
            if lines:
                await self._hand_on(row, lines)
        cosigned = have.union(cosignature.key for one in found for cosignature in one)
        if is_first and not (cosigned and self._quorum.is_satisfied(cosigned)):
            self._events.note(
                "checkpoint_unwitnessed",
                member=row.member,
                size=row.size,
                cosigned=len(cosigned),
                witnesses=len(self._quorum.witnesses),
            )
        return len(lines)

    async def _hand_on(self, row: CheckpointRow, lines: tuple[bytes, ...]) -> None:
        try:
            await self._keep(row.member, row.size, lines)
        except ComityError as error:
            # Asked again, the witnesses give the same once more.
            self._events.failure("cosignatures_not_handed_on", error, member=row.member)

    async def _ask_one(self, witness: Witness, row: CheckpointRow) -> tuple[Cosignature, ...]:
        try:
            return await self._answer(witness, row)
        except ComityError as error:
            self._events.failure(
                "witness_gave_nothing", error, member=row.member, witness=witness.key.name
            )
            return ()

    async def _answer(self, witness: Witness, row: CheckpointRow) -> tuple[Cosignature, ...]:
        """Return a witness's cosignature. Raises: ComityError, with the reason there is none."""
        place = witness.key, row.member
        size_old = min(self._sizes.get(place, 0), row.size)
        reply = await witness.add_checkpoint(await self._request(row, size_old))
        if reply.status == WitnessStatus.OTHER_SIZE:
            size_old = self._sizes[place] = parse_size(reply.body)
            if size_old > row.size:
                return self._is_behind(witness, row, size_old)
            reply = await witness.add_checkpoint(await self._request(row, size_old))
        if reply.status == WitnessStatus.INCONSISTENT:
            self._events.alarm(
                "ledger_contradicted", member=row.member, witness=witness.key.name, size=row.size
            )
        if reply.status != WitnessStatus.COSIGNED:
            raise _RefusedError(f"the witness answered with status {reply.status}")
        found = take_cosignatures(parse_note(row.note)[0], reply.body, [witness.key])
        if not found:
            raise WitnessRequestError("`body` holds no line of the witness's key")
        self._sizes[place] = row.size
        return found

    async def _request(self, row: CheckpointRow, size_old: int) -> bytes:
        proof = await consistency_proof(self._rows, row.member, size_old, row.size)
        return encode_add_checkpoint(size_old, proof, row.note)

    def _is_behind(self, witness: Witness, row: CheckpointRow, size: int) -> tuple[()]:
        """Tell that a witness cosigned more than the newest checkpoint that stands here.

        Either it was quicker than this look at the store, or the ledger is an old backup: the size
        of the next checkpoint tells, and its gateway's next start refuses the latter.
        """
        self._events.note(
            "ledger_behind_witness", member=row.member, witness=witness.key.name, size=size
        )
        return ()
