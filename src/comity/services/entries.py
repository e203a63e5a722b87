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
from comity.domain.verdict import SignedVerdict
from comity.domain.vocabulary import LeafKind
from comity.exchange.answering import HoldFile
from comity.exchange.origin import encode_accepted
from comity.exchange.private import payload_of
from comity.ledger.commitment import commit
from comity.ledger.plan import Draft, Placed, PlacedLeaf, Plan, Submission
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CountedRow,
    DelayedRow,
    DeskDayRow,
    DirectoryRow,
    DocumentRow,
    DutyKind,
    HeadWrite,
    HoldChange,
    HoldReply,
    HoldRow,
    NewDuty,
    PolicyRow,
    PrivateRow,
    RedactionRow,
    Sealed,
)
from comity.review.queue import WaitsFor, waits_for
from comity.services.demand_rows import seal_demands
from comity.services.detail import Detail
from comity.services.entry import (
    ActedOn,
    DirectoryPublication,
    Entry,
    Frame,
    HoldEnd,
    InstrumentEnd,
    NewDemand,
    PassEnd,
    ReviewEnd,
    entry_of,
)
from comity.services.review_rows import ReviewRows, Sealing, seal_reviews
from comity.services.vault import Vault, encode_private, month_of

__all__ = [
    "ActedOn",
    "DirectoryPublication",
    "Entry",
    "Frame",
    "HoldEnd",
    "InstrumentEnd",
    "NewDemand",
    "PassEnd",
    "Prepared",
    "Preparer",
    "ReviewEnd",
    "SealedRows",
    "accepted_place",
    "answer_place",
    "batch_write",
    "decode_hold",
    "decode_passed",
    "decode_proposal",
    "entry_of",
    "hold_place",
    "passed_place",
    "private_place",
    "proposal_place",
]

_NS: Final = 1_000_000_000


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its commitments made: what the ledger is given, and the private bodies.

    `delays` are the months for which each leaf's detail stands sealed.
    """

    submission: Submission
    private: tuple[bytes, ...]
    delays: tuple[int, ...]


class SealedRows(msgspec.Struct, kw_only=True):
    """Rows of one batch, encrypted."""

    private: list[PrivateRow] = msgspec.field(default_factory=list)
    accepted: list[AcceptedRow] = msgspec.field(default_factory=list)
    answers: list[AnswerRow] = msgspec.field(default_factory=list)
    holds: list[HoldRow] = msgspec.field(default_factory=list)
    hold_changes: list[HoldChange] = msgspec.field(default_factory=list)
    hold_replies: list[HoldReply] = msgspec.field(default_factory=list)
    policies: list[PolicyRow] = msgspec.field(default_factory=list)
    directory: list[DirectoryRow] = msgspec.field(default_factory=list)
    documents: list[DocumentRow] = msgspec.field(default_factory=list)
    delayed: list[DelayedRow] = msgspec.field(default_factory=list)
    revealed: list[tuple[Member, LeafIndex]] = msgspec.field(default_factory=list)
    key_events: list[tuple[Member, LeafIndex]] = msgspec.field(default_factory=list)
    redactions: list[RedactionRow] = msgspec.field(default_factory=list)
    counted: list[CountedRow] = msgspec.field(default_factory=list)
    desk_days: list[DeskDayRow] = msgspec.field(default_factory=list)
    shadows: list[tuple[Member, LeafIndex, int]] = msgspec.field(default_factory=list)
    duties: list[NewDuty] = msgspec.field(default_factory=list)
    reviews: ReviewRows = msgspec.field(default_factory=ReviewRows)


_hold_encoder = msgspec.msgpack.Encoder()
_hold_decoder = msgspec.msgpack.Decoder(HoldFile)
_proposal_decoder = msgspec.msgpack.Decoder(SignedVerdict)
_passed_decoder = msgspec.msgpack.Decoder(tuple[SignedVerdict, ...])


def decode_proposal(data: bytes) -> SignedVerdict:
    """Return a proposed approval as it was kept."""
    return _proposal_decoder.decode(data)


def decode_passed(data: bytes) -> tuple[SignedVerdict, ...]:
    """Return the verdicts that passed a hold on or record a call back, as they were kept."""
    return _passed_decoder.decode(data)


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


def proposal_place(exchange_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where a hold's proposed approval stands."""
    return (b"proposal", exchange_id, member.encode())


def passed_place(exchange_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where the verdicts stand that passed a hold on or record a call back."""
    return (b"passed", exchange_id, member.encode())


class Preparer:
    """Makes commitments before the lock and sealed rows under it."""

    def __init__(self, vault: Vault, detail: Detail) -> None:
        self._vault = vault
        self._detail = detail

    def prepare(self, entries: Sequence[Entry]) -> list[Prepared]:
        """Return each entry with a fresh key, a commitment and a private body per leaf."""
        keys = iter(self._vault.commitment_keys(sum(len(entry.leaves) for entry in entries)))
        return [_prepare(entry, keys, self._detail) for entry in entries]

    def seal(
        self, entries: Sequence[Entry], prepared: Sequence[Prepared], plan: Plan, now_ns: int
    ) -> SealedRows:
        """Return the rows of every placed entry, encrypted for the current month."""
        rows = SealedRows()
        month = month_of(now_ns // _NS)
        nonces = self._vault.nonces(sum(len(e.leaves) + 5 for e in entries))
        for entry, item, outcome in zip(entries, prepared, plan.outcomes, strict=True):
            if isinstance(outcome, Placed):
                self._seal_private(rows, item, outcome, month, nonces)
                self._delay(rows, item, outcome, now_ns // _NS)
                self._seal_entry(rows, entry, outcome, month, nonces)
                _owe(rows, entry, outcome.leaves, now_ns // _NS)
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

    def _delay(self, rows: SealedRows, item: Prepared, outcome: Placed, now: int) -> None:
        for leaf, months in zip(outcome.leaves, item.delays, strict=True):
            if months:
                row = DelayedRow(
                    member=item.submission.member,
                    leaf_index=leaf.index,
                    made_month=month_of(now),
                    opens_at=self._detail.opens_at(now, months),
                )
                rows.delayed.append(row)

    def _seal_entry(
        self, rows: SealedRows, entry: Entry, outcome: Placed, month: int, nonces: Iterator[bytes]
    ) -> None:
        leaves = outcome.leaves
        rows.counted += entry.counted
        if entry.desk_day is not None:
            rows.desk_days.append(entry.desk_day)
        if entry.accepted is not None:
            rows.accepted.append(self._accepted(entry, leaves[0], month, next(nonces)))
        if entry.answer is not None:
            rows.answers.append(self._answer(entry, entry.answer, leaves, month, next(nonces)))
        if entry.hold is not None:
            rows.holds.append(self._hold(entry, entry.hold, leaves[-1], month, next(nonces)))
        if entry.hold_end is not None:
            step = leaves[-1].step + 1
            rows.hold_changes.append(self._hold_change(entry, entry.hold_end, step, month, nonces))
        if entry.replies_to is not None:
            rows.hold_replies.append(
                HoldReply(member=entry.member, leaf_index=entry.replies_to, reply=leaves[-1].index)
            )
        sealing = Sealing(month, nonces)
        seal_reviews(self._vault, rows.reviews, entry, leaves, sealing)
        seal_demands(self._vault, rows.reviews, entry, leaves, sealing)
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
            exchange_count=accepted.result_count,
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
        sealed = self._vault.seal(entry.member, month, nonce, body, place)
        return HoldRow(
            exchange_id=ExchangeId(entry.exchange_id),
            member=entry.member,
            leaf_index=leaf.index,
            opened_at=hold.opened_at,
            until=hold.until,
            next_step=leaf.step + 1,
            waits_for=waits_for(hold),
            case_tag=self._case_tag(hold, sealed.key_number),
            paged_at=hold.opened_at if entry.duty is DutyKind.PAGE_HOLD_AT_NIGHT else None,
            sealed=sealed,
        )

    def _hold_change(
        self, entry: Entry, end: HoldEnd, step: int, month: int, nonces: Iterator[bytes]
    ) -> HoldChange:
        def seal(kept: object, place: tuple[bytes, ...]) -> Sealed | None:
            if not kept:
                return None
            body = _hold_encoder.encode(kept)
            return self._vault.seal(entry.member, month, next(nonces), body, place)

        own = entry.exchange_id, entry.member
        return HoldChange(
            exchange_id=ExchangeId(entry.exchange_id),
            member=entry.member,
            leaf_index=end.leaf_index,
            next_step=step,
            closed=end.closed,
            asked_at=end.asked_at,
            proposal=seal(end.proposal, proposal_place(*own)),
            passed_at=end.passed_at,
            passed=seal(end.passed, passed_place(*own)),
        )

    def _case_tag(self, hold: HoldFile, number: int) -> bytes | None:
        exchange = hold.exchange
        case_number = exchange.claims.case_number
        if not case_number or waits_for(hold) is not WaitsFor.REVIEW:
            return None
        return self._vault.case_tag(exchange.state, number, exchange.agency, case_number)


def _prepare(entry: Entry, keys: Iterator[bytes], detail: Detail) -> Prepared:
    drafts: list[Draft] = []
    private: list[bytes] = []
    shown, decided_under = detail.shown(entry.member, entry.leaves, entry.decided_under)
    for wanted, (published, _) in zip(entry.leaves, shown, strict=True):
        key = next(keys)
        header = msgspec.structs.replace(published, commitment=commit(key, wanted.fields))
        drafts.append(Draft(step=wanted.step, header=header, cites_previous=wanted.cites_previous))
        private.append(encode_private(key, wanted.fields, wanted.noted))
    submission = Submission(
        member=entry.member,
        exchange_id=entry.exchange_id,
        drafts=tuple(drafts),
        decided_under=decided_under,
        sets_policy=entry.policy is not None,
        with_next=entry.with_next,
    )
    delays = tuple(months for _, months in shown)
    return Prepared(submission=submission, private=tuple(private), delays=delays)


def _publications(rows: SealedRows, entry: Entry, leaf: PlacedLeaf) -> None:
    digest = entry.leaves[0].header.digest
    if entry.policy is not None:
        assert digest is not None
        rows.policies.append(
            PolicyRow(member=entry.member, leaf_index=leaf.index, digest=digest, body=entry.policy)
        )
    if entry.document is not None:
        rows.documents.append(
            DocumentRow(member=entry.member, leaf_index=leaf.index, body=entry.document)
        )
        if entry.leaves[0].header.kind is LeafKind.KEY:
            rows.key_events.append((entry.member, leaf.index))
        if entry.announced is not None:
            rows.shadows.append((entry.member, leaf.index, entry.announced))
    if entry.reveals is not None:
        rows.revealed.append((entry.member, entry.reveals))
    if entry.redacts is not None:
        rows.redactions.append(
            RedactionRow(member=entry.member, leaf_index=entry.redacts, named_by=leaf.index)
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


def _owe(rows: SealedRows, entry: Entry, leaves: Sequence[PlacedLeaf], now: int) -> None:
    if entry.duty is not None:
        # What is held beside something that was released is the second leaf of its exchange.
        about = -1 if entry.hold is not None else 0
        duty = NewDuty(
            member=entry.member,
            leaf_index=leaves[about].index,
            kind=entry.duty,
            made_at=now,
            about=entry.duty_about,
        )
        rows.duties.append(duty)


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
        hold_replies=tuple(rows.hold_replies),
        policies=tuple(rows.policies),
        directory=tuple(rows.directory),
        documents=tuple(rows.documents),
        delayed=tuple(rows.delayed),
        revealed=tuple(rows.revealed),
        key_events=tuple(rows.key_events),
        redactions=tuple(rows.redactions),
        counted=tuple(rows.counted),
        desk_days=tuple(rows.desk_days),
        shadows=tuple(rows.shadows),
        duties=tuple(rows.duties),
        case_passes=tuple(rows.reviews.case_passes),
        pass_changes=tuple(rows.reviews.pass_changes),
        instruments=tuple(rows.reviews.instruments),
        instrument_changes=tuple(rows.reviews.instrument_changes),
        urgent=tuple(rows.reviews.urgent),
        review_changes=tuple(rows.reviews.review_changes),
        demands=tuple(rows.reviews.demands),
        demand_changes=tuple(rows.reviews.demand_changes),
    )
