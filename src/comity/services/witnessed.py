"""Witnesses as the gateway sees them: cosignatures to keep, and what was cosigned before its start.

Guarantee: a line is kept only if a witness of the quorum file signed the stored checkpoint with it.
A ledger is held against a head that a witness shows only if the ledger's own key signed that head,
so that no witness can stop a ledger by lying; one that is silent stops nothing.
Source: docs/adr/0021-witnesses.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.cosignature import take_cosignatures
from comity.ledger.note import Checkpoint, VerifierKey, parse_note, verify_checkpoint
from comity.ledger.quorum import QuorumFile
from comity.ports import CosignatureRow, Store, UnreachableError, Witness
from comity.services.events import Events
from comity.services.export import NoCheckpointError

__all__ = ["Cosignatures", "WitnessedHeads"]


class Cosignatures:
    """Keeps what witnesses added to the checkpoints of one host."""

    def __init__(self, *, store: Store, quorum: QuorumFile, events: Events) -> None:
        self._store = store
        self._quorum = quorum
        self._events = events

    async def keep(self, member: Member, size: int, lines: Sequence[bytes]) -> int:
        """Keep the lines by known witnesses over a checkpoint; return how many.

        Raises: NoCheckpointError if there is none of that size, NoteError, SignatureError.
        """
        row = await self._store.checkpoint(member, size)
        if row is None:
            raise NoCheckpointError("the ledger has no public checkpoint of this size")
        text, _ = parse_note(row.note)
        found = take_cosignatures(text, b"".join(lines), self._quorum.witness_keys)
        rows = [
            CosignatureRow(
                member=member,
                size=size,
                name=one.key.name,
                key_id=one.key.key_id,
                line=one.line,
            )
            for one in found
        ]
        if rows:
            await self._store.save_cosignatures(rows)
        self._events.note("cosignatures_kept", len(rows))
        return len(rows)


class WitnessedHeads:
    """What witnesses cosigned last, asked once for each ledger at a start.

    `_silent` holds those that did not answer: 55 ledgers must not each wait for them.
    """

    def __init__(self, witnesses: Sequence[Witness], events: Events) -> None:
        self._witnesses = witnesses
        self._events = events
        self._silent: set[VerifierKey] = set()

    async def of(self, ledger: VerifierKey) -> list[Checkpoint]:
        """Return the heads that witnesses show of a ledger, signed by its own key."""
        asked = [witness for witness in self._witnesses if witness.key not in self._silent]
        found = await asyncio.gather(*(self._ask(witness, ledger) for witness in asked))
        return [head for head in found if head is not None]

    async def _ask(self, witness: Witness, ledger: VerifierKey) -> Checkpoint | None:
        try:
            note = await witness.last_checkpoint(ledger.name)
            return verify_checkpoint(note, ledger) if note is not None else None
        except UnreachableError as error:
            self._silent.add(witness.key)
            self._events.failure("witness_silent", error, witness=witness.key.name)
        except ComityError as error:
            self._events.failure("witnessed_head_refused", error, witness=witness.key.name)
        return None
