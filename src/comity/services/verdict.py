"""The review desk's commands: a verdict, an expiry, a list of holds; each as the sequencer allows.

INVARIANT (review-is-verified): a verdict's signature is checked against the enrolled key before
anything is decided, and the policy in force is asked again with the review known.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.keys import Handling
from comity.domain.query import Exchange
from comity.domain.record_reading import RecordOutcome
from comity.domain.said import classes_said
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.exchange.answering import (
    Answered,
    Found,
    HoldFile,
    Judged,
    is_let_through,
    judge,
)
from comity.exchange.bases import rests_on_claim
from comity.exchange.claimed import claims_instrument, unclaimed
from comity.exchange.facts import facts_of
from comity.ledger.plan import Existing, Stale
from comity.link.holds import Replied
from comity.link.parcel import Answered as AnsweredParcel
from comity.ports import Clock, HoldRow, Source, SourceError, Store
from comity.review.call_backs import call_of, called, check_call
from comity.review.clocks import HoldNotDueError, expire
from comity.review.conflicts import declare, ground_of, with_kept
from comity.review.instruments import InstrumentNeededError
from comity.review.planted_case import invented_record
from comity.review.second import (
    as_after_two,
    check_two,
    classes_of_two,
    propose,
    released_by_two,
)
from comity.review.showing import WouldRelease, would_release
from comity.review.verdicts import (
    HoldClosedError,
    VerdictError,
    approve,
    approve_message,
    ask,
    check_verdict,
    escalate,
    refuse,
)
from comity.services.beside import Beside
from comity.services.carried_out import CarriedOut, carried_out
from comity.services.courier import Courier
from comity.services.deciding import (
    SOURCE_SECONDS_MAX,
    found_of,
    is_fit,
    is_looked_up,
    is_message,
    lookup_of,
)
from comity.services.desks import asks_leave, handling_of
from comity.services.entries import (
    Entry,
    HoldEnd,
    decode_hold,
    hold_place,
)
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.instruments import Instruments
from comity.services.mailroom import Mailroom
from comity.services.member import World
from comity.services.replay import with_proofs
from comity.services.replies import read_replies
from comity.services.rosters import Rosters
from comity.services.sequencer import Committed, Refused, Sequencer
from comity.services.vault import Vault

__all__ = ["ClockSkewedError", "HoldNotDueError", "OpenHold", "ReviewDesk"]

_NS: Final = 1_000_000_000
_ROUNDS_MAX: Final = 4


OpenHold = tuple[HoldRow, HoldFile]


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict makes, whether it ends the hold, asks the requester something, and whether a
    second one may confirm it.

    `kept` is what is kept beside the hold from then on where it passes that on, or is a call back.
    """

    answered: Answered
    closes: bool
    asks: bool = False
    proposes: bool = False
    kept: tuple[SignedVerdict, ...] = ()


class ReviewDesk:
    """Ends holds of this host's members."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        source: Source,
        sequencer: Sequencer,
        courier: Courier,
        vault: Vault,
        mailroom: Mailroom,
        instruments: Instruments,
        rosters: Rosters,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._source = source
        self._sequencer = sequencer
        self._courier = courier
        self._vault = vault
        self._mailroom = mailroom
        self._instruments = instruments
        self._rosters = rosters
        self._health = health
        self._clock = clock
        self._events = events
        self.beside = Beside(world=world, vault=vault, events=events)

    async def holds(self, member: Member) -> list[OpenHold]:
        """Return a member's open holds, the earliest deadline first."""
        opened: list[OpenHold] = []
        for row in await self._store.open_holds([member]):
            try:
                file = self._file(row)
                # What waits for an agency's answer is no reviewer's to decide, and nobody asked
                # what a drill asks: its hold ends by its clock.
                if not file.awaits and not file.exchange.probe:
                    opened.append((row, file))
            except ComityError as error:
                # Such as a month key that is gone: the others must still be seen.
                self._events.failure("hold_not_opened", error, member=member)
        return opened

    async def hold(self, entry: str) -> OpenHold:
        """Return one open hold by its citation. Raises: HoldClosedError if there is none."""
        row, file = await self._open(entry)
        if file.awaits:
            raise HoldClosedError("this message waits for an agency's answer, not for a review")
        if file.exchange.probe:
            raise HoldClosedError("this is a probe of a drill: nobody asked it")
        return row, file

    async def _open(self, entry: str) -> OpenHold:
        member, index = parse_entry_name(entry)
        row = await self._store.open_hold(member, index)
        if row is None:
            raise HoldClosedError("no hold is open under this entry")
        return row, self._file(row)

    async def decide(self, signed: SignedVerdict) -> CarriedOut:
        """Carry out a verdict; return its leaf's entry and what was answered.

        Raises: VerdictError, ConflictError, CallBackNumberError, CallBacksFullError,
        HoldClosedError, InstrumentNeededError, SourceError, ClockSkewedError, or what the
        sequencer refused with.
        """
        self._check_clock()
        verdict = signed.verdict
        for _ in range(_ROUNDS_MAX):
            row, hold = await self.hold(verdict.hold_entry)
            now = self._clock.now_ns() // _NS
            key = self._world.directory.reviewer(verdict.state, verdict.reviewer)
            check_verdict(signed, key, hold, verdict.hold_entry, now, step=row.next_step)
            self.beside.check_no_conflict(row, verdict.reviewer, signed.proof.key_id)
            self.beside.check_not_ordered(hold, key)
            made = await self._answered(signed, row, hold, now)
            end = HoldEnd(
                leaf_index=LeafIndex(row.leaf_index),
                closed=made.closes,
                asked_at=now if made.asks else None,
                proposal=signed if made.proposes else None,
                passed_at=now if verdict.kind is VerdictKind.ESCALATE else None,
                passed=made.kept,
            )
            entry = await self._record(hold, made.answered, end)
            if entry is not None:
                return carried_out(entry, signed, made.answered, hold, is_ended=made.closes)
        raise HoldClosedError("the hold changed while the verdict was carried out")

    async def expire(self, entry: str) -> str:
        """End a hold whose time is over; return the entry of the closure.

        Raises: HoldClosedError, HoldNotDueError: the caller's clock is not believed;
        ClockSkewedError: nor is this host's.
        """
        self._check_clock()
        row, hold = await self._open(entry)
        now = self._clock.now_ns() // _NS
        if now < hold.until:
            raise HoldNotDueError("the hold's time is not over")
        remark = self._rosters.expiry(row.member)
        answered = expire(hold, entry=entry, step=row.next_step, now=now, remark=remark)
        end = HoldEnd(leaf_index=LeafIndex(row.leaf_index), closed=True)
        recorded = await self._record(hold, answered, end)
        if recorded is None:
            raise HoldClosedError("the hold was answered meanwhile")
        return recorded

    async def _answered(
        self, signed: SignedVerdict, row: HoldRow, hold: HoldFile, now: int
    ) -> _Outcome:
        step = row.next_step
        policy = self._world.policy(hold.exchange.state)[0]
        contact = self._world.directory.duty_contact(hold.exchange.state) or ""
        match signed.verdict.kind:
            case VerdictKind.APPROVE:
                answered = await self._approved(signed, row, hold, now)
                if answered is not None:
                    return _Outcome(answered=answered, closes=True)
                answered = propose(signed, hold, contact=contact, policy=policy, step=step, now=now)
                return _Outcome(answered=answered, closes=False, proposes=True)
            case VerdictKind.REFUSE:
                refused = refuse(signed, hold, policy=policy, step=step, now=now)
                return _Outcome(answered=refused, closes=True)
            case VerdictKind.ASK:
                call = call_of(signed.verdict)
                if call is not None:
                    agency = self._world.directory.agency(hold.exchange.agency)
                    check_call(call, agency, self.beside.calls(row))
                if hold.exchange.test_case is not None:
                    # Nobody is there to answer: who asked, or called back, has caught it.
                    ended = refuse(signed, hold, policy=policy, step=step, now=now)
                    return _Outcome(answered=ended, closes=True)
                if call is None:
                    asked = ask(signed, hold, contact=contact, policy=policy, step=step, now=now)
                    return _Outcome(answered=asked, closes=False, asks=True)
                spoke = called(signed, hold, contact=contact, policy=policy, step=step, now=now)
                kept = with_kept(self.beside.kept(row), signed)
                return _Outcome(answered=spoke, closes=False, kept=kept)
            case VerdictKind.ESCALATE:
                pass_on = escalate if ground_of(signed.verdict) is None else declare
                passed = pass_on(signed, hold, contact=contact, policy=policy, step=step, now=now)
                kept = with_kept(self.beside.kept(row), signed)
                return _Outcome(answered=passed, closes=False, kept=kept)

    async def _approved(
        self, signed: SignedVerdict, row: HoldRow, hold: HoldFile, now: int
    ) -> Answered | None:
        """Return what an approval releases; None where it is the first of two.

        Raises: InstrumentNeededError, SecondReviewerError, SourceError.
        """
        exchange = hold.exchange
        approved = signed.verdict.approved
        first = self._judged(hold, approved, now)
        self._check_claim(first, approved)
        judged = self._by_two(signed, row, hold, first)
        if judged is None:
            return None
        if exchange.test_case is not None:
            # Checked as every approval is; there is nothing that it could release.
            return refuse(signed, hold, policy=judged.policy, step=row.next_step, now=now)
        if is_message(exchange) and is_let_through(judged):
            terms = self._mailroom.terms(exchange, now)
            return approve_message(signed, hold, judged, terms, step=row.next_step, now=now)
        judged, found = await self._found(hold, judged, approved)
        # Once more: a free text shows classes that nobody could ask about before.
        judged = self._by_two(signed, row, hold, judged)
        if judged is None:
            return None
        is_whole = asks_leave(self._world.directory, exchange)
        answered = approve(
            signed, hold, judged, found, step=row.next_step, now=now, is_whole=is_whole
        )
        if not is_fit(answered.answer):
            raise SourceError("the record is too long to travel")
        return answered

    def _by_two(
        self, signed: SignedVerdict, row: HoldRow, hold: HoldFile, judged: Judged
    ) -> Judged | None:
        """Return what is decided where two people approved it, if the rules want two of anything;
        None where this verdict is the first. Raises: SecondReviewerError.
        """
        classes = classes_of_two(judged)
        if not classes:
            return judged
        proposal = self.beside.proposal(row, hold)
        if proposal is None:
            return None
        proposer, confirmer = self.beside.key_of(proposal), self.beside.key_of(signed)
        if proposer is None or confirmer is None:
            # Revoked while the source was asked.
            raise VerdictError("`reviewer` has no such key enrolled")
        reviews = check_two(proposal, proposer, signed, confirmer, hold=hold, classes=classes)
        return released_by_two(judged, reviews)

    def second(self, hold: OpenHold) -> tuple[tuple[DataClass, ...], Verdict | None]:
        """Return the held classes that two release by the rules in force, and what one proposed."""
        row, file = hold
        now = self._clock.now_ns() // _NS
        proposal = self.beside.proposal(row, file)
        classes = classes_of_two(self._judged(file, file.classes, now))
        return classes, None if proposal is None else proposal.verdict

    async def replies(self, hold: OpenHold) -> tuple[Replied, ...]:
        """Return what the agency replied about a hold. Raises: StoreDownError."""
        return await read_replies(self._store, self._vault, hold[0])

    async def would_release(self, hold: HoldFile, now: int) -> WouldRelease:
        """Return what an approval of everything held would let go now; nothing is recorded.

        Raises: InstrumentNeededError, SourceError, ClockSkewedError.
        """
        self._check_clock()
        exchange = hold.exchange
        judged = self._judged(hold, hold.classes, now)
        self._check_claim(judged, hold.classes)
        if handling_of(exchange.key, exchange.to) is not Handling.RECORDS or asks_leave(
            self._world.directory, exchange
        ):
            # What acts, or has no record of this state's, is not asked before it is decided.
            return WouldRelease(outcome=RecordOutcome.NOT_LOOKED_UP, policy=judged.policy)
        judged, found = await self._found(hold, judged, hold.classes)
        judged = as_after_two(judged)
        would = would_release(hold, judged, found, now=now, is_looked_up=is_looked_up(judged))
        if would.answer is not None and not is_fit(would.answer):
            raise SourceError("the record is too long to travel")
        return would

    def _judged(self, hold: HoldFile, approved: tuple[DataClass, ...], now: int) -> Judged:
        index, policy = self._world.policy(hold.exchange.state)
        # A day that went on, or this exchange itself, must not undo what a person approves.
        facts = facts_of(hold.exchange, self._world.directory, now, hold.budget)
        return judge(hold.exchange, facts, policy, index, classes=approved, reviewed=True)

    def _check_claim(
        self, judged: Judged, approved: tuple[DataClass, ...], *, is_text: bool = False
    ) -> None:
        """Check that what an approval releases because of an instrument rests on a verified one.

        # INVARIANT (fail-closed): a claim that nobody has verified opens nothing, nor does a hold
        end by it. Raises: InstrumentNeededError.
        """
        exchange = judged.exchange
        if not claims_instrument(exchange):
            return
        _, policy = self._world.policy(exchange.state)
        plain = unclaimed(judged, policy, classes=approved, reviewed=True, is_text=is_text)
        known = self._instruments.find(exchange)
        scope = known.instrument.classes if known is not None else ()
        resting = [part for part in rests_on_claim(judged, plain) if part not in scope]
        if resting:
            raise InstrumentNeededError(
                f"{classes_said(resting)} would go because of the instrument that is claimed: "
                "two people must have verified it first"
            )

    async def _found(
        self, hold: HoldFile, judged: Judged, approved: tuple[DataClass, ...]
    ) -> tuple[Judged, Found | None]:
        """Return the record where the outcome depends on it, and what is decided of it."""
        exchange = hold.exchange
        found = await self._look_up(exchange) if is_looked_up(judged) else None
        if found is not None and found.text:
            index, policy = self._world.policy(exchange.state)
            judged = judge(
                exchange, judged.facts, policy, index, classes=approved, reviewed=True, is_text=True
            )
            self._check_claim(judged, approved, is_text=True)
        return judged, found

    async def _look_up(self, exchange: Exchange) -> Found | None:
        if exchange.test_case is not None:
            return invented_record(exchange)
        try:
            async with asyncio.timeout(SOURCE_SECONDS_MAX):
                (record,) = await self._source.find([lookup_of(exchange)])
        except TimeoutError:
            raise SourceError("the source did not answer") from None
        found = found_of(record, exchange)
        if isinstance(found, SourceError):
            raise found
        return found

    def _check_clock(self) -> None:
        # INVARIANT (fail-closed): deadlines and bands would be wrong by this host's clock.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")

    async def _record(self, hold: HoldFile, answered: Answered, end: HoldEnd) -> str | None:
        """Commit, then send the answer; None if the hold or the policy changed meanwhile."""
        exchange = hold.exchange
        entry = Entry(
            member=exchange.state,
            exchange_id=exchange.exchange_id,
            leaves=answered.leaves,
            decided_under=answered.policy if answered.policy >= 0 else None,
            answer=answered.answer,
            hold=answered.hold,
            hold_end=end,
        )
        (result,) = await self._sequencer.commit([entry])
        match result:
            case Committed():
                if answered.answer.response is ResponseKind.DELIVERED:
                    await self._mailroom.deliver([(exchange, answered.leaves[-1].fields)])
                host = self._world.directory.host_of(exchange.origin_member)
                # Nobody waits for what a drill asked, or a test: nothing is sent.
                if host is not None and exchange.is_live:
                    answer = with_proofs(answered.answer, result)
                    parcel = AnsweredParcel(origin=exchange.origin_member, answer=answer)
                    self._courier.post(host, [parcel])
                return entry_name(exchange.state, result.leaves[0].index)
            case Refused():
                raise result.error
            case Stale() | Existing():
                return None
            case _:
                assert_never(result)

    def _file(self, row: HoldRow) -> HoldFile:
        place = hold_place(ExchangeId(row.exchange_id), row.member)
        return decode_hold(self._vault.open(row.member, row.sealed, place))
