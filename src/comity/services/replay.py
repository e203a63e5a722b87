"""Stored answers go out again, byte for byte, with a receipt for the same index.

INVARIANT (one-final-outcome): a repeated ask never makes a second outcome; this answers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.answer import Answer, Proof
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, Member, entry_name, parse_entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.query import Exchange
from comity.exchange.private import Fields
from comity.formats.rules import is_ori
from comity.ledger.tree import hash_leaf
from comity.link.parcel import Answered
from comity.ports import AnswerRow, Store
from comity.services.entries import answer_place
from comity.services.events import Events
from comity.services.private_records import private_fields
from comity.services.proofs import ProofMaker
from comity.services.sequencer import Committed
from comity.services.vault import Vault

__all__ = ["AnswerReplay", "attach_proofs", "decode_answer", "with_proofs"]

_decoder: Final = msgspec.msgpack.Decoder(Answer)


def decode_answer(data: bytes) -> Answer:
    """Return an answer as it was stored, without proofs."""
    return _decoder.decode(data)


class AnswerReplay:
    """Reads the stored answers of exchanges and proves them anew."""

    def __init__(self, *, store: Store, vault: Vault, proofs: ProofMaker, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._proofs = proofs
        self._events = events

    async def answers(self, exchanges: Sequence[Exchange]) -> list[Answered]:
        """Return every stored answer of these exchanges, in step order.

        None where another query of another member made the first outcome: an exchange id is seen
        by those who were answered, and must not open the answer to anyone who learnt it.
        """
        if not exchanges:
            return []
        rows: dict[tuple[ExchangeId, Member], list[AnswerRow]] = {}
        for row in await self._store.answers([_key(exchange) for exchange in exchanges]):
            rows.setdefault((row.exchange_id, row.member), []).append(row)
        answers: list[Answered] = []
        for exchange in exchanges:
            try:
                restored = [await self._restore(row) for row in rows.get(_key(exchange), ())]
            except ComityError as error:
                # Such as a month key that is gone: nobody else of this batch waits for it.
                self._events.failure("answer_not_restored", error, member=exchange.state)
                continue
            if restored and await self._was_asked_by(exchange, restored[0]):
                answers += [
                    Answered(origin=exchange.origin_member, answer=answer) for answer in restored
                ]
        return answers

    async def stored(self, exchange_id: bytes, member: Member) -> list[Answer]:
        """Return what stands in a member's store for an exchange: also an origin's own closure."""
        try:
            rows = await self._store.answers([(ExchangeId(exchange_id), member)])
            return [await self._restore(row) for row in rows]
        except ComityError as error:
            self._events.failure("answer_not_restored", error, member=member)
            return []

    async def _was_asked_by(self, exchange: Exchange, answer: Answer) -> bool:
        """Say whether an answer's first outcome is of this very query and agency (double entry).

        Where the header does not name the agency, the private record behind it does.
        """
        read = ((proof, parse_leaf(proof.leaf)) for proof in answer.proofs)
        # What an agency certifies by a message stands before the message's own leaf.
        found = next((pair for pair in read if pair[1].peer is not None), None)
        if found is None:
            return False
        proof, leaf = found
        if leaf.peer != exchange.query_entry or leaf.agency is None:
            return False
        if is_ori(leaf.agency):
            return leaf.agency == exchange.agency
        member, index = parse_entry_name(proof.entry)
        leaf_hash = hash_leaf(proof.leaf)
        fields = await private_fields(self._store, self._vault, member, index, leaf_hash)
        return dict(fields or ()).get("agency") == exchange.agency.encode()

    async def fields(self, answer: Answer) -> Fields | None:
        """Return what stands behind the last leaf of a stored answer; None if it cannot be read."""
        proof = answer.proofs[-1]
        member, index = parse_entry_name(proof.entry)
        return await private_fields(self._store, self._vault, member, index, hash_leaf(proof.leaf))

    async def _restore(self, row: AnswerRow) -> Answer:
        place = answer_place(row.exchange_id, row.member, row.step)
        answer = decode_answer(self._vault.open(row.member, row.sealed, place))
        indexes = [int(index) for index in row.leaf_indexes]
        made = await self._proofs.receipts(row.member, indexes)
        proofs = tuple(
            Proof(entry=entry_name(row.member, index), leaf=leaf, receipt=receipt)
            for index, (leaf, receipt) in zip(indexes, made, strict=True)
        )
        return attach_proofs(answer, proofs)


def _key(exchange: Exchange) -> tuple[ExchangeId, Member]:
    return exchange.exchange_id, exchange.state


def attach_proofs(answer: Answer, proofs: tuple[Proof, ...]) -> Answer:
    """Return an answer with its proofs, and a hold's notice with the hold's own citation.

    Both are known only once the leaves are committed, so the stored answer is without them.
    """
    hold = answer.hold
    if hold is not None and not hold.entry:
        hold = msgspec.structs.replace(hold, entry=proofs[-1].entry)
    return msgspec.structs.replace(answer, proofs=proofs, hold=hold)


def with_proofs(answer: Answer, committed: Committed, member: Member | None = None) -> Answer:
    """Return an answer with the proof of each of its leaves.

    They stand in the answering state's ledger, or in that of `member`: the origin's own, for what
    no state answered.
    """
    ledger = member or answer.state
    proofs = tuple(
        Proof(entry=entry_name(ledger, leaf.index), leaf=leaf.data, receipt=leaf.receipt)
        for leaf in committed.leaves
    )
    return attach_proofs(answer, proofs)
