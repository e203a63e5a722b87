"""What a service hands to the sequencer, and how it becomes the rows of one transaction.

Before the lock: keys are drawn and commitments made. Under it, once indexes are known: rows are
encrypted, bound to their place. Nothing personal reaches the store in clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId, LeafIndex, Member
from comity.exchange.answering import HoldFile
from comity.exchange.leaves import WantedLeaf
from comity.exchange.origin import AcceptedQuery, encode_accepted
from comity.exchange.private import payload_of
from comity.ledger.commitment import commit
from comity.ledger.plan import Draft, Placed, PlacedLeaf, Plan, Submission
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    DirectoryRow,
    HeadWrite,
    HoldChange,
    HoldRow,
    PolicyRow,
    PrivateRow,
)
from comity.services.vault import Vault, encode_private, month_of

__all__ = [
    "DirectoryPublication",
    "Entry",
    "Frame",
    "HoldEnd",
    "Prepared",
    "Preparer",
    "SealedRows",
    "accepted_place",
    "answer_place",
    "batch_write",
    "decode_hold",
    "hold_place",
    "private_place",
]

_NS: Final = 1_000_000_000


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where an accepted query came from: its line's frame."""

    number: int
    digest: bytes


class HoldEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Which hold a verdict or the clock answers, and whether that ends it."""

    leaf_index: LeafIndex
    closed: bool


class DirectoryPublication(msgspec.Struct, frozen=True, kw_only=True):
    """A member's signed part, to be published with its leaf."""

    version: int
    body: bytes
    signature: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be recorded: leaves of one exchange, and the rows that go with them."""

    member: Member
    exchange_id: bytes
    leaves: tuple[WantedLeaf, ...]
    decided_under: int | None = None
    accepted: AcceptedQuery | None = None
    frame: Frame | None = None
    answer: Answer | None = None
    hold: HoldFile | None = None
    hold_end: HoldEnd | None = None
    policy: bytes | None = None
    directory: DirectoryPublication | None = None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its commitments made: what the ledger is given, and the private bodies."""

    submission: Submission
    private: tuple[bytes, ...]


class SealedRows(msgspec.Struct, kw_only=True):
    """Rows of one batch, encrypted."""

    private: list[PrivateRow] = msgspec.field(default_factory=list)
    accepted: list[AcceptedRow] = msgspec.field(default_factory=list)
    answers: list[AnswerRow] = msgspec.field(default_factory=list)
    holds: list[HoldRow] = msgspec.field(default_factory=list)
    hold_changes: list[HoldChange] = msgspec.field(default_factory=list)
    policies: list[PolicyRow] = msgspec.field(default_factory=list)
    directory: list[DirectoryRow] = msgspec.field(default_factory=list)


_hold_encoder = msgspec.msgpack.Encoder()
_hold_decoder = msgspec.msgpack.Decoder(HoldFile)


def decode_hold(data: bytes) -> HoldFile:
    """Return a hold's file as it was kept."""
    return _hold_decoder.decode(data)


def private_place(member: Member, index: int, leaf_hash: bytes) -> tuple[bytes, ...]:
    """Return where a private record stands: its ledger, index and leaf."""
    return (b"private", member.encode(), b"%d" % index, leaf_hash)


def accepted_place(query_id: bytes) -> tuple[bytes, ...]:
    """Return where an accepted query stands."""
    return (b"accepted", query_id)


def answer_place(exchange_id: bytes, member: Member, step: int) -> tuple[bytes, ...]:
    """Return where an answer stands, in its state or at its origin."""
    return (b"answer", exchange_id, member.encode(), b"%d" % step)


def hold_place(exchange_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where a hold stands."""
    return (b"hold", exchange_id, member.encode())


class Preparer:
    """Makes commitments before the lock and sealed rows under it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def prepare(self, entries: Sequence[Entry]) -> list[Prepared]:
        """Return each entry with a fresh key, a commitment and a private body per leaf."""
        keys = iter(self._vault.commitment_keys(sum(len(entry.leaves) for entry in entries)))
        return [_prepare(entry, keys) for entry in entries]

    def seal(
        self, entries: Sequence[Entry], prepared: Sequence[Prepared], plan: Plan, now_ns: int
    ) -> SealedRows:
        """Return the rows of every placed entry, encrypted for the current month."""
        rows = SealedRows()
        month = month_of(now_ns // _NS)
        nonces = iter(self._vault.nonces(sum(len(e.leaves) + 3 for e in entries)))
        for entry, item, outcome in zip(entries, prepared, plan.outcomes, strict=True):
            if isinstance(outcome, Placed):
                self._seal_private(rows, item, outcome, month, nonces)
                self._seal_entry(rows, entry, outcome, month, nonces)
        return rows

    def _seal_private(
        self,
        rows: SealedRows,
        item: Prepared,
        outcome: Placed,
        month: int,
        nonces: Iterator[bytes],
    ) -> None:
        member = item.submission.member
        for leaf, body in zip(outcome.leaves, item.private, strict=True):
            place = private_place(member, leaf.index, leaf.leaf_hash)
            sealed = self._vault.seal(member, month, next(nonces), body, place)
            rows.private.append(PrivateRow(member=member, leaf_index=leaf.index, sealed=sealed))

    def _seal_entry(
        self, rows: SealedRows, entry: Entry, outcome: Placed, month: int, nonces: Iterator[bytes]
    ) -> None:
        leaves = outcome.leaves
        if entry.accepted is not None:
            rows.accepted.append(self._accepted(entry, leaves[0], month, next(nonces)))
        if entry.answer is not None:
            rows.answers.append(self._answer(entry, entry.answer, leaves, month, next(nonces)))
        if entry.hold is not None:
            rows.holds.append(self._hold(entry, entry.hold, leaves[-1], month, next(nonces)))
        if entry.hold_end is not None:
            rows.hold_changes.append(
                HoldChange(
                    exchange_id=ExchangeId(entry.exchange_id),
                    member=entry.member,
                    leaf_index=entry.hold_end.leaf_index,
                    next_step=leaves[-1].step + 1,
                    closed=entry.hold_end.closed,
                )
            )
        _publications(rows, entry, leaves[0])

    def _accepted(self, entry: Entry, leaf: PlacedLeaf, month: int, nonce: bytes) -> AcceptedRow:
        accepted, frame = entry.accepted, entry.frame
        assert accepted is not None
        assert frame is not None
        place = accepted_place(accepted.query_id)
        return AcceptedRow(
            query_id=accepted.query_id,
            member=entry.member,
            line=accepted.line,
            frame_no=frame.number,
            frame_digest=frame.digest,
            accepted_at=accepted.accepted_at,
            exchange_count=len(accepted.states),
            leaf_index=leaf.index,
            sealed=self._vault.seal(entry.member, month, nonce, encode_accepted(accepted), place),
        )

    def _answer(
        self,
        entry: Entry,
        answer: Answer,
        leaves: Sequence[PlacedLeaf],
        month: int,
        nonce: bytes,
    ) -> AnswerRow:
        place = answer_place(entry.exchange_id, entry.member, answer.step)
        return AnswerRow(
            exchange_id=ExchangeId(entry.exchange_id),
            member=entry.member,
            step=answer.step,
            leaf_indexes=tuple(leaf.index for leaf in leaves),
            sealed=self._vault.seal(entry.member, month, nonce, payload_of(answer), place),
        )

    def _hold(
        self, entry: Entry, hold: HoldFile, leaf: PlacedLeaf, month: int, nonce: bytes
    ) -> HoldRow:
        place = hold_place(entry.exchange_id, entry.member)
        body = _hold_encoder.encode(hold)
        return HoldRow(
            exchange_id=ExchangeId(entry.exchange_id),
            member=entry.member,
            leaf_index=leaf.index,
            opened_at=hold.opened_at,
            until=hold.until,
            next_step=leaf.step + 1,
            sealed=self._vault.seal(entry.member, month, nonce, body, place),
        )


def _prepare(entry: Entry, keys: Iterator[bytes]) -> Prepared:
    drafts: list[Draft] = []
    private: list[bytes] = []
    for wanted in entry.leaves:
        key = next(keys)
        header = msgspec.structs.replace(wanted.header, commitment=commit(key, wanted.fields))
        drafts.append(Draft(step=wanted.step, header=header, cites_previous=wanted.cites_previous))
        private.append(encode_private(key, wanted.fields))
    submission = Submission(
        member=entry.member,
        exchange_id=entry.exchange_id,
        drafts=tuple(drafts),
        decided_under=entry.decided_under,
        sets_policy=entry.policy is not None,
    )
    return Prepared(submission=submission, private=tuple(private))


def _publications(rows: SealedRows, entry: Entry, leaf: PlacedLeaf) -> None:
    digest = entry.leaves[0].header.digest
    if entry.policy is not None:
        assert digest is not None
        rows.policies.append(
            PolicyRow(member=entry.member, leaf_index=leaf.index, digest=digest, body=entry.policy)
        )
    if entry.directory is not None:
        part = entry.directory
        rows.directory.append(
            DirectoryRow(
                member=entry.member,
                leaf_index=leaf.index,
                version=part.version,
                body=part.body,
                signature=part.signature,
            )
        )


def batch_write(plan: Plan, epochs: Mapping[Member, int], rows: SealedRows) -> BatchWrite:
    """Return everything that the transaction writes."""
    placed = [
        (member, outcome)
        for member, outcome in zip(plan.members, plan.outcomes, strict=True)
        if isinstance(outcome, Placed)
    ]
    # A leaf without its private record could never be opened: both come from one plan.
    assert len(rows.private) == sum(len(outcome.leaves) for _, outcome in placed)
    return BatchWrite(
        heads=tuple(
            HeadWrite(
                member=ledger.member,
                size_old=ledger.size_old,
                epoch=epochs[ledger.member],
                frontier=ledger.growth.frontier,
                root=ledger.growth.root,
                policy=ledger.policy,
            )
            for ledger in plan.ledgers.values()
        ),
        leaves=tuple((member, leaf) for member, outcome in placed for leaf in outcome.leaves),
        keys=tuple(plan.keys()),
        nodes=tuple(
            (ledger.member, node) for ledger in plan.ledgers.values() for node in ledger.nodes()
        ),
        private=tuple(rows.private),
        accepted=tuple(rows.accepted),
        answers=tuple(rows.answers),
        holds=tuple(rows.holds),
        hold_changes=tuple(rows.hold_changes),
        policies=tuple(rows.policies),
        directory=tuple(rows.directory),
    )
