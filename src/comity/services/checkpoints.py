"""Public checkpoints: the committed head of a ledger, signed by its own key, for anyone to keep.

Guarantee: what is signed is committed; its size and root are in the signed state, outside the
database, before anyone sees the note. At the start a ledger is taken up only if its head continues
that state, and what witnesses cosigned last: an old backup, or damage, is refused (invariant
`one-ledger-one-writer`), also where the signed state was lost with the rest.
"""

from __future__ import annotations

import asyncio
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.note import checkpoint_text, sign_note
from comity.ledger.tree import EMPTY_ROOT
from comity.ports import CheckpointRow, SignedState, Store
from comity.services.events import Events
from comity.services.ledger_keys import LedgerKeys, LedgerRetiredError
from comity.services.proofs import ProofMaker
from comity.services.sequencer import Sequencer
from comity.services.witnessed import WitnessedHeads

__all__ = ["Checkpoints", "LedgerDamagedError"]

_FIRST_SIZE: Final = 0


class LedgerDamagedError(ComityError):
    """A ledger's head does not continue what was signed: an old backup, or damage."""

    code = "ledger-does-not-continue"


class Checkpoints:
    """Signs the heads of the ledgers of one host."""

    def __init__(
        self,
        *,
        store: Store,
        sequencer: Sequencer,
        signed_state: SignedState,
        proofs: ProofMaker,
        keys: LedgerKeys,
        events: Events,
        witnessed: WitnessedHeads | None = None,
    ) -> None:
        self._store = store
        self._sequencer = sequencer
        self._signed_state = signed_state
        self._proofs = proofs
        self._keys = keys
        self._events = events
        self._witnessed = witnessed
        self._signed: dict[Member, int] = {}
        self._signing = asyncio.Lock()

    async def check(self, member: Member) -> None:
        """Check at the start that the leaves make the head, and that the head continues.

        Raises: LedgerDamagedError: this ledger must not be written to; LedgerKeyError if this host
        cannot sign for it, LedgerRetiredError if nobody may.
        """
        _, key = self._keys.of(member)
        if self._signed_state.is_retired(self._keys.label(member)):
            raise LedgerRetiredError("the ledger was retired, and nothing has succeeded it yet")
        head, root = (await self._store.heads([member]))[member]
        size = head.frontier.size
        if await self._root_at(member, size) != root:
            raise LedgerDamagedError("the leaves do not make the ledger's head")
        signed = self._signed_state.read(self._keys.label(member))
        if signed is not None:
            await self._check_continues(member, size, signed)
        if self._witnessed is not None:
            for seen in await self._witnessed.of(key):
                await self._check_continues(member, size, (seen.size, seen.root))

    async def _check_continues(self, member: Member, size: int, signed: tuple[int, bytes]) -> None:
        signed_size, signed_root = signed
        if size < signed_size:
            raise LedgerDamagedError("the ledger is smaller than what was signed")
        if await self._root_at(member, signed_size) != signed_root:
            raise LedgerDamagedError("the ledger is not the one that was signed")

    async def _root_at(self, member: Member, size: int) -> bytes:
        return await self._proofs.root(member, size) if size else EMPTY_ROOT

    async def sign_all(self) -> int:
        """Sign every head that has grown; return how many. Called every few seconds.

        Raises: the first error, once every other head is signed.
        """
        # One at a time: a head read before another call's is not signed after it.
        async with self._signing:
            return await self._sign_grown()

    async def _sign_grown(self) -> int:
        members = [m for m in self._keys.members() if self._sequencer.owns(m)]
        if not members:
            return 0
        count = 0
        failed: ComityError | None = None
        for member, (head, root) in (await self._store.heads(members)).items():
            size = head.frontier.size
            if size > self._signed.get(member, _FIRST_SIZE):
                try:
                    await self._sign(member, size, root)
                    count += 1
                except ComityError as error:
                    self._events.failure("checkpoint_not_signed", error, member=member)
                    failed = failed or error
        if failed is not None:
            raise failed
        return count

    async def _sign(self, member: Member, size: int, root: bytes) -> None:
        signer, key = self._keys.of(member)
        note = sign_note(checkpoint_text(key.name, size, root), key, signer)
        await self._keep(self._keys.label(member), size, root)
        await self._store.save_checkpoint(CheckpointRow(member=member, size=size, note=note))
        self._signed[member] = size
        self._events.note("checkpoints_signed")

    async def _keep(self, ledger: str, size: int, root: bytes) -> None:
        """Keep what is about to be signed; off the loop, because it flushes the disk twice.

        Whoever is cancelled meanwhile waits for it: no later write may be overtaken by this one.
        """
        writing = asyncio.ensure_future(
            asyncio.to_thread(self._signed_state.write, ledger, size, root)
        )
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing
            raise
