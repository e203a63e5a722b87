"""The answer face: others' queries to this host's members, decided by each member's own policy.

    1. check each exchange: its agency is the origin member's, it is not too old, its state is here
       and in service, and answers this key; count it where its state has budgets (`budgets`)
    2. decide and look up (`deciding`), beside how much waits at the desk already
    3. hand answer, leaves and hold to the sequencer; what a newer policy overtook goes back to 2
    4. keep messages that were let in for their agencies (`mailroom`)
    5. send the answers with their receipts; a repeat gets the stored answer

Steps 2 to 5 are taken lane by lane (`Source.lane`), each for itself: a source that does not answer
keeps back its own look-ups and nothing else.

INVARIANT (state-decides): only this face, under the state's policy, makes a release.
INVARIANT (no-answer-before-receipt): step 5 takes answers only out of committed results.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from comity.directory.errors import SenderError, SenderNotEntitledError
from comity.directory.help import help_file_at
from comity.directory.routing import check_entitled
from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, LeafIndex, Member, id_time_ns
from comity.domain.keys import Handling, MessageKey, delivered_key, key_row
from comity.domain.query import Exchange
from comity.exchange.answering import Answered
from comity.exchange.origin import exchange_id_of
from comity.ledger.plan import Existing, Stale
from comity.link.envelope import Opened
from comity.link.parcel import Answered as AnsweredParcel
from comity.link.parcel import Ask, Parcel, RefusalCode
from comity.link.parcel import Refused as RefusedParcel
from comity.ports import OWN_LANE, Clock
from comity.services.budgets import NOT_COUNTED, Budgets, Counted
from comity.services.courier import Courier
from comity.services.deciding import Decided, Deciding, is_looked_up, refused
from comity.services.desks import OWN_HANDLINGS, asks_leave, handling_of
from comity.services.entries import entry_of
from comity.services.events import Events
from comity.services.health import Health
from comity.services.mailroom import Mail, Mailroom
from comity.services.member import World
from comity.services.replay import AnswerReplay, with_proofs
from comity.services.rosters import Rosters
from comity.services.sequencer import BusyError, Committed, Refused, Sequencer, SequencerResult
from comity.services.service_board import ServiceBoard

__all__ = [
    "DEDUP_SECONDS",
    "FUTURE_SECONDS_MAX",
    "LANE_WAITING_MAX",
    "AnswerFace",
]

DEDUP_SECONDS: Final = 7 * 86_400
FUTURE_SECONDS_MAX: Final = 300

LANE_WAITING_MAX: Final = 4_096
"""Exchanges of one lane that wait for its source; a further one is refused, and asked again."""

_NS: Final = 1_000_000_000
_DECIDE_ROUNDS_MAX: Final = 4
# What is not decided now, but may have been before: then that stands, and is told.
_CLOSED: Final = frozenset(
    {
        RefusalCode.STALE,
        RefusalCode.NEVER_ANSWERED,
        RefusalCode.OUT_OF_SERVICE_QUEUED,
        RefusalCode.OUT_OF_SERVICE,
    }
)
_STATUS: Final = MessageKey("SM")
_TO_PEOPLE: Final = MessageKey("AM")


class AnswerFace:
    """Answers asks for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        budgets: Budgets,
        deciding: Deciding,
        sequencer: Sequencer,
        courier: Courier,
        replay: AnswerReplay,
        mailroom: Mailroom,
        board: ServiceBoard,
        rosters: Rosters,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._budgets = budgets
        self._deciding = deciding
        self._sequencer = sequencer
        self._courier = courier
        self._replay = replay
        self._mailroom = mailroom
        self._board = board
        self._rosters = rosters
        self._health = health
        self._clock = clock
        self._events = events
        self._waiting: Counter[str] = Counter()
        self._lanes: set[asyncio.Task[None]] = set()

    async def take(self, opened: Opened) -> None:
        """Answer every ask of one verified envelope; those of lanes beside the host's own later."""
        asks = [parcel for _, parcel in opened.parcels if isinstance(parcel, Ask)]
        if not self._health.may_release:
            self._send([refused(ask.exchange, RefusalCode.BUSY) for ask in asks])
            return
        now = self._clock.now_ns() // _NS
        refusals: list[RefusedParcel] = []
        exchanges: dict[ExchangeId, Exchange] = {}
        closed: list[tuple[Exchange, RefusalCode]] = []
        for ask in asks:
            code = self._refusal(ask.exchange, now)
            if code is None:
                exchange = _as_asked(ask.exchange)
                exchanges[exchange.exchange_id] = exchange
            elif code in _CLOSED:
                closed.append((ask.exchange, code))
            else:
                refusals.append(refused(ask.exchange, code))
        lanes = self._by_lane(exchanges.values())
        own = lanes.pop(OWN_LANE, [])
        for lane, group in lanes.items():
            if not self._start(lane, group):
                closed += [(exchange, RefusalCode.SOURCE_UNAVAILABLE) for exchange in group]
        await self._finish(own, closed, refusals)

    async def drill(self, exchanges: Sequence[Exchange]) -> list[AnsweredParcel]:
        """Decide and record probes as queries are, and send nothing; return what was answered."""
        assert all(exchange.probe for exchange in exchanges)
        answers, _ = await self._answer(exchanges)
        return answers

    async def settled(self) -> None:
        """Return when no lane is under way."""
        while self._lanes:
            await asyncio.wait(set(self._lanes))

    async def stop(self) -> None:
        """End what is under way; nothing is lost by it, the origin asks again."""
        lanes = list(self._lanes)
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _by_lane(self, exchanges: Iterable[Exchange]) -> dict[str, list[Exchange]]:
        """Return exchanges by the lane they wait in; what needs no look-up waits in none."""
        lanes: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            lane = self._deciding.lane(exchange)
            if lane != OWN_LANE:
                judged, _ = self._deciding.judge([exchange])
                if not any(map(is_looked_up, judged)):
                    lane = OWN_LANE
            lanes.setdefault(lane, []).append(exchange)
        return lanes

    def _start(self, lane: str, group: Sequence[Exchange]) -> bool:
        """Begin to answer a lane's exchanges, unless too many wait for its source."""
        if self._waiting[lane] + len(group) > LANE_WAITING_MAX:
            self._events.note("lane_full", len(group), lane=lane)
            return False
        self._waiting[lane] += len(group)
        task = asyncio.create_task(self._run_lane(lane, group))
        self._lanes.add(task)
        task.add_done_callback(self._lanes.discard)
        return True

    async def _run_lane(self, lane: str, group: Sequence[Exchange]) -> None:
        try:
            await self._finish(group, (), ())
        except Exception as error:  # noqa: BLE001 - a fault of one lane, and the origin asks again
            self._events.failure("lane_failed", error, lane=lane)
        finally:
            self._waiting[lane] -= len(group)

    async def _finish(
        self,
        exchanges: Sequence[Exchange],
        closed: Sequence[tuple[Exchange, RefusalCode]],
        refusals: Sequence[RefusedParcel],
    ) -> None:
        """Answer exchanges and send what came of them, and of those `closed` to a decision.

        Those are too old to be decided, or not to be decided now; but what was decided before
        stands. # INVARIANT (one-final-outcome): else their origin would close what has ended here.
        """
        by_id = {exchange.exchange_id: exchange for exchange in exchanges}
        answers, undecided = await self._answer(exchanges)
        late = [by_id[parcel.exchange_id] for parcel in undecided]
        stored = await self._repeated([*(exchange for exchange, _ in closed), *late])
        known = {parcel.answer.exchange_id for parcel in stored}
        undecided += [refused(exchange, code) for exchange, code in closed]
        left = [parcel for parcel in undecided if parcel.exchange_id not in known]
        self._send([*answers, *stored, *refusals, *left])

    def _refusal(self, exchange: Exchange, now: int) -> RefusalCode | None:
        """Return why an ask is not taken in, or None; its signature is already verified."""
        if not self._sequencer.owns(exchange.state):
            return RefusalCode.NOT_HOSTED_HERE
        if not now - DEDUP_SECONDS <= exchange.accepted_at <= now + FUTURE_SECONDS_MAX:
            return RefusalCode.STALE
        derived = exchange_id_of(exchange.query_id, exchange.origin_member, exchange.state)
        is_dated = id_time_ns(exchange.query_id) // _NS == exchange.accepted_at
        if exchange.exchange_id != derived or not is_dated:
            # By the id's time its key is kept: an older one could be asked, and recorded, twice.
            # Whoever else was asked knows the query id, and must not take this exchange's place.
            return RefusalCode.NOT_DERIVED
        # What an agency may ask elsewhere does not wait for its own state's systems.
        if not asks_leave(self._world.directory, exchange):
            code = self._board.refusal(exchange)
            if code is not None:
                return code
        if not self._is_answered(exchange):
            return RefusalCode.KEY_NOT_ANSWERED
        return self._refusal_of_asker(exchange)

    def _refusal_of_asker(self, exchange: Exchange) -> RefusalCode | None:
        """Return why its agency may not ask this, or None."""
        try:
            # INVARIANT (signed-query): an agency is asked for only by the member that lists it.
            agency = self._world.directory.check_asker(exchange.origin_member, exchange.agency)
        except SenderError:
            return RefusalCode.AGENCY_NOT_LISTED
        try:
            # The origin checked it too; whoever is delivered the message relies on this one.
            check_entitled(agency, exchange.original_key)
        except SenderNotEntitledError:
            return RefusalCode.KEY_NOT_ANSWERED
        return None

    def _is_answered(self, exchange: Exchange) -> bool:
        """Say whether this member answers this key to this agency at all.

        To its own agencies a member also answers for its directory, archive and service, and says
        whether a query may leave it: `desks` has who does.
        """
        row = key_row(exchange.key)
        is_own = exchange.state == exchange.origin_member
        if not _is_delivered_as(exchange.original_key, exchange.key):
            return False
        if row.is_response:
            return is_own and row.handling is Handling.AGENCY
        if row.handling in OWN_HANDLINGS:
            return is_own
        is_listed = self._world.directory.answers(exchange.state, exchange.key)
        if row.handling is not Handling.AGENCY:
            return is_listed or is_own
        file = help_file_at(exchange.to)
        if file is not None:
            return file.member == exchange.state
        return is_listed and bool(self._mailroom.addressees(exchange))

    async def _answer(
        self, exchanges: Sequence[Exchange]
    ) -> tuple[list[AnsweredParcel], list[RefusedParcel]]:
        """Return answers that are durable, and refusals for what could not be decided now."""
        answers: list[AnsweredParcel] = []
        refusals: list[RefusedParcel] = []
        waiting = await self._not_acted_on([e for e in exchanges if not _is_reply(e)], answers)
        replies = [e for e in exchanges if _is_reply(e)]
        await asyncio.gather(*(self._pass_on(e, answers, refusals) for e in replies))
        for _ in range(_DECIDE_ROUNDS_MAX):
            if not waiting:
                return answers, refusals
            # Again in each round: other rules may have other budgets; places taken are found.
            counted = await self._budgets.count(waiting)
            decided, failed = await self._decide_and_record(waiting, counted)
            refusals += failed
            waiting = []
            repeated: list[Exchange] = []
            made: list[tuple[Exchange, Answered, Committed]] = []
            for (exchange, answered), result in decided:
                match result:
                    case Committed():
                        made.append((exchange, answered, result))
                    case Stale():
                        waiting.append(exchange)
                    case Existing():
                        repeated.append(exchange)
                    case Refused():
                        refusals.append(refused(exchange, RefusalCode.BUSY))
            answers += await self._told(made, refusals)
            answers += await self._repeated(repeated)
        refusals += [refused(exchange, RefusalCode.BUSY) for exchange in waiting]
        return answers, refusals

    async def _decide_and_record(
        self, waiting: Sequence[Exchange], counted: Mapping[ExchangeId, Counted]
    ) -> tuple[list[tuple[Decided, SequencerResult]], list[RefusedParcel]]:
        """Return what became of each exchange that could be decided, and refusals of the others."""
        await self._deciding.ready(waiting)
        decided, failed = await self._deciding.decide(waiting, counted)
        held: dict[ExchangeId, LeafIndex] = {}
        try:
            results = list(zip(decided, await self._commit(decided, counted), strict=True))
            for (exchange, answered), result in results:
                if answered.hold is not None and isinstance(result, Committed):
                    held[exchange.exchange_id] = result.leaves[-1].index
        finally:
            for exchange, answered in decided:
                if answered.hold is not None:
                    self._deciding.settle(exchange, held.get(exchange.exchange_id))
        return results, failed

    async def _not_acted_on(
        self, exchanges: Sequence[Exchange], answers: list[AnsweredParcel]
    ) -> list[Exchange]:
        """Return what is still to be answered; what was carried out before is told again.

        To look up is to act here: a status message that is asked again must not take the place of
        what its terminal has said since. Nor is anyone counted again who was on an earlier day.
        """
        acting = [e for e in exchanges if handling_of(e.key, e.to) in OWN_HANDLINGS]
        acting += self._budgets.of_earlier_days(exchanges)
        stored = await self._repeated(acting)
        answers += stored
        known = {parcel.answer.exchange_id for parcel in stored}
        return [e for e in exchanges if e.exchange_id not in known]

    async def _told(
        self,
        made: Sequence[tuple[Exchange, Answered, Committed]],
        refusals: list[RefusedParcel],
    ) -> list[AnsweredParcel]:
        """Return what is told of answers that are durable, once what they let in is delivered."""
        mail = [
            (exchange, answered.leaves[-1].fields)
            for exchange, answered, _ in made
            if answered.answer.response is ResponseKind.DELIVERED
        ]
        failed = await self._mailroom.deliver(mail)
        answers: list[AnsweredParcel] = []
        for exchange, answered, committed in made:
            if exchange.exchange_id in failed:
                refusals.append(refused(exchange, RefusalCode.BUSY))
                continue
            answer = with_proofs(answered.answer, committed)
            answers.append(AnsweredParcel(origin=exchange.origin_member, answer=answer))
        return answers

    async def _pass_on(
        self,
        exchange: Exchange,
        answers: list[AnsweredParcel],
        refusals: list[RefusedParcel],
    ) -> None:
        """Pass an agency's answer to a message on, or answer a repeat of it from the store."""
        stored = await self._replay.answers([exchange])
        if stored:
            answers += stored
            return
        judged, failed = self._deciding.judge([exchange])
        refusals += failed
        for item in judged:
            try:
                told = await self._mailroom.take_reply(item)
            except ComityError as error:
                self._events.failure("reply_not_passed_on", error, member=exchange.state)
                told = None
            if told is None:
                refusals.append(refused(exchange, RefusalCode.BUSY))
            else:
                answers.append(told)

    async def _repeated(self, exchanges: Sequence[Exchange]) -> list[AnsweredParcel]:
        """Return the stored answers of exchanges; a crash may have kept a message from its line."""
        stored = await self._replay.answers(exchanges)
        by_id = {exchange.exchange_id: exchange for exchange in exchanges}
        mail: list[Mail] = []
        for parcel in stored:
            if parcel.answer.response is ResponseKind.DELIVERED:
                fields = await self._replay.fields(parcel.answer)
                if fields is not None:
                    mail.append((by_id[parcel.answer.exchange_id], fields))
        failed = await self._mailroom.deliver(mail)
        return [parcel for parcel in stored if parcel.answer.exchange_id not in failed]

    async def _commit(
        self,
        decided: Sequence[Decided],
        counted: Mapping[ExchangeId, Counted] = NOT_COUNTED,
    ) -> list[SequencerResult]:
        """Record answers, and with each whom it counts."""
        rows = [counted[e.exchange_id].rows if e.exchange_id in counted else () for e, _ in decided]
        # INVARIANT (review-is-verified): a pass may have ended during the look-up. From here to the
        # sequencer's queue nothing waits, so that whatever ends it later stands behind its use.
        standing = [self._deciding.stands(each) for each in decided]
        now = self._clock.now_ns() // _NS
        entries = [
            self._rosters.with_page(self._deciding.with_day(pair, entry_of(*pair, counts)), now)
            for pair, counts, is_so in zip(decided, rows, standing, strict=True)
            if is_so
        ]
        try:
            recorded = await self._sequencer.commit(entries)
        except BusyError as error:
            recorded = [Refused(error=error)] * len(entries)
        in_order = iter(recorded)
        results = [
            next(in_order) if is_so else Stale(policy=answered.policy)
            for (_, answered), is_so in zip(decided, standing, strict=True)
        ]
        for counts, result in zip(rows, results, strict=True):
            if counts and isinstance(result, Committed):
                self._budgets.written(counts)
        return results

    def _send(self, parcels: Sequence[Parcel]) -> None:
        by_member: dict[Member, list[Parcel]] = {}
        for parcel in parcels:
            assert isinstance(parcel, AnsweredParcel | RefusedParcel)
            by_member.setdefault(parcel.origin, []).append(parcel)
        for member, group in by_member.items():
            host = self._world.directory.host_of(member)
            if host is not None:
                self._courier.post(host, group)


def _as_asked(exchange: Exchange) -> Exchange:
    """Return an exchange as live: a member cannot take its own traffic out of the counts."""
    if exchange.is_live:
        return exchange
    return msgspec.structs.replace(exchange, probe=False, planted=msgspec.UNSET)


def _is_delivered_as(original: MessageKey, key: MessageKey) -> bool:
    """Say whether a message of one key is asked under another: what is decided is what is told.

    A status message to people is asked as an administrative one; nothing else changes its nature.
    """
    return key == delivered_key(original) or (original, key) == (_STATUS, _TO_PEOPLE)


def _is_reply(exchange: Exchange) -> bool:
    row = key_row(exchange.key)
    return row.is_response and row.handling is Handling.AGENCY
