"""The answer face: others' queries to this host's members, decided by each member's own policy.

    1. check each exchange: its agency is the origin member's, it is not too old, its state is here
    2. decide every class and kind; look up, in one batch, only what the outcome depends on
    3. hand answer, leaves and hold to the sequencer; what a newer policy overtook goes back to 2
    4. send the answers with their receipts; a repeat gets the stored answer

INVARIANT (state-decides): only this face, under the state's policy, makes a release.
INVARIANT (no-answer-before-receipt): step 4 takes answers only out of committed results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from comity.directory.errors import SenderError
from comity.domain.answer import Answer, Proof
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, Member, entry_name, id_time_ns
from comity.domain.query import Exchange
from comity.exchange.answering import (
    Answered,
    Found,
    Judged,
    answer_exchange,
    judge,
    needs_look_up,
)
from comity.exchange.facts import facts_of
from comity.exchange.origin import exchange_id_of
from comity.ledger.plan import Existing, Stale
from comity.link.envelope import Opened
from comity.link.limits import ANSWER_ELEMENTS_MAX, PARCEL_BYTES_MAX
from comity.link.parcel import Answered as AnsweredParcel
from comity.link.parcel import Ask, Parcel, RefusalCode
from comity.link.parcel import Refused as RefusedParcel
from comity.ports import Clock, Lookup, Record, Source, SourceError, Store
from comity.services.courier import Courier
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.forms import TOO_LONG_REMARK
from comity.services.health import Health
from comity.services.member import NoPolicyError, World
from comity.services.replay import AnswerReplay, attach_proofs
from comity.services.sequencer import BusyError, Committed, Refused, Sequencer, SequencerResult

__all__ = ["DEDUP_SECONDS", "FUTURE_SECONDS_MAX", "SOURCE_SECONDS_MAX", "AnswerFace"]

DEDUP_SECONDS: Final = 7 * 86_400
FUTURE_SECONDS_MAX: Final = 300
SOURCE_SECONDS_MAX: Final = 10.0
_NS: Final = 1_000_000_000
_DECIDE_ROUNDS_MAX: Final = 4
_ELEMENT_BYTES: Final = 64
_ANSWER_ROOM_BYTES: Final = 262_144
"""For all of an answer but its elements: reasons, proofs and text."""


class AnswerFace:
    """Answers asks for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        source: Source,
        store: Store,
        sequencer: Sequencer,
        courier: Courier,
        replay: AnswerReplay,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._source = source
        self._store = store
        self._sequencer = sequencer
        self._courier = courier
        self._replay = replay
        self._health = health
        self._clock = clock
        self._events = events

    async def take(self, opened: Opened) -> None:
        """Answer every ask of one verified envelope."""
        asks = [parcel for _, parcel in opened.parcels if isinstance(parcel, Ask)]
        if not self._health.may_release:
            self._send([_refused(ask.exchange, RefusalCode.BUSY) for ask in asks])
            return
        now = self._clock.now_ns() // _NS
        refusals: list[RefusedParcel] = []
        exchanges: dict[ExchangeId, Exchange] = {}
        stale: list[Exchange] = []
        for ask in asks:
            code = self._refusal(ask.exchange, now)
            if code is None:
                # A member cannot take its own traffic out of the counts.
                exchange = ask.exchange
                if exchange.probe:
                    exchange = msgspec.structs.replace(exchange, probe=False)
                exchanges[exchange.exchange_id] = exchange
            elif code is RefusalCode.STALE:
                stale.append(ask.exchange)
            else:
                refusals.append(_refused(ask.exchange, code))
        answers, undecided = await self._answer(list(exchanges.values()))
        # Too old to be decided, or not to be decided now; but what was decided before stands.
        late = [exchanges[refused.exchange_id] for refused in undecided]
        stored = await self._replay.answers([*stale, *late])
        known = {parcel.answer.exchange_id for parcel in stored}
        undecided += [_refused(exchange, RefusalCode.STALE) for exchange in stale]
        refusals += [refused for refused in undecided if refused.exchange_id not in known]
        self._send([*answers, *stored, *refusals])

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
        if not self._world.directory.answers(exchange.state, exchange.key):
            return RefusalCode.KEY_NOT_ANSWERED
        try:
            # INVARIANT (signed-query): an agency is asked for only by the member that lists it.
            self._world.directory.check_asker(exchange.origin_member, exchange.agency)
        except SenderError:
            return RefusalCode.AGENCY_NOT_LISTED
        return None

    async def _answer(
        self, exchanges: Sequence[Exchange]
    ) -> tuple[list[AnsweredParcel], list[RefusedParcel]]:
        """Return answers that are durable, and refusals for what could not be decided now."""
        answers: list[AnsweredParcel] = []
        refusals: list[RefusedParcel] = []
        waiting = list(exchanges)
        for _ in range(_DECIDE_ROUNDS_MAX):
            if not waiting:
                return answers, refusals
            decided, failed = await self._decide(waiting)
            refusals += failed
            results = await self._commit(decided)
            waiting = []
            repeated: list[Exchange] = []
            for (exchange, answered), result in zip(decided, results, strict=True):
                match result:
                    case Committed():
                        answer = with_proofs(answered.answer, result)
                        answers.append(AnsweredParcel(origin=exchange.origin_member, answer=answer))
                    case Stale():
                        waiting.append(exchange)
                    case Existing():
                        repeated.append(exchange)
                    case Refused():
                        refusals.append(_refused(exchange, RefusalCode.BUSY))
            answers += await self._replay.answers(repeated)
        refusals += [_refused(exchange, RefusalCode.BUSY) for exchange in waiting]
        return answers, refusals

    async def _decide(
        self, exchanges: Sequence[Exchange]
    ) -> tuple[list[tuple[Exchange, Answered]], list[RefusedParcel]]:
        now = self._clock.now_ns() // _NS
        judged, refusals = self._judge(exchanges, now)
        found = await self._look_up([j for j in judged if needs_look_up(j)])
        decided: list[tuple[Exchange, Answered]] = []
        for item in judged:
            record = found.get(item.exchange.exchange_id)
            if isinstance(record, SourceError):
                # Nothing is known, so nothing is decided: the origin asks again.
                refusals.append(_refused(item.exchange, RefusalCode.SOURCE_UNAVAILABLE))
                continue
            try:
                decided.append((item.exchange, self._answered(item, record, now)))
            except Exception as error:  # noqa: BLE001 - one exchange must not silence the others
                self._events.failure("exchange_fault", error)
                refusals.append(_refused(item.exchange, RefusalCode.BUSY))
        return decided, refusals

    def _judge(
        self, exchanges: Sequence[Exchange], now: int
    ) -> tuple[list[Judged], list[RefusedParcel]]:
        judged: list[Judged] = []
        refusals: list[RefusedParcel] = []
        for exchange in exchanges:
            try:
                index, policy = self._world.policy(exchange.state)
            except NoPolicyError as error:
                self._events.failure("policy_missing", error, member=exchange.state)
                refusals.append(_refused(exchange, RefusalCode.BUSY))
                continue
            try:
                facts = facts_of(exchange, self._world.directory, now)
                judged.append(judge(exchange, facts, policy, index))
            except Exception as error:  # noqa: BLE001 - one exchange must not silence the others
                self._events.failure("exchange_fault", error)
                refusals.append(_refused(exchange, RefusalCode.BUSY))
        return judged, refusals

    async def _look_up(
        self, judged: Sequence[Judged]
    ) -> Mapping[ExchangeId, Found | SourceError | None]:
        if not judged:
            return {}
        lookups = [
            Lookup(state=j.exchange.state, key=j.exchange.key, fields=j.exchange.fields)
            for j in judged
        ]
        try:
            async with asyncio.timeout(SOURCE_SECONDS_MAX):
                records = await self._source.find(lookups)
        except (ComityError, TimeoutError) as error:
            self._events.failure("source_unavailable", error)
            fault = SourceError("the source did not answer")
            return {j.exchange.exchange_id: fault for j in judged}
        return {j.exchange.exchange_id: _found(r) for j, r in zip(judged, records, strict=True)}

    def _answered(self, judged: Judged, record: Found | None, now: int) -> Answered:
        """Return the answer; a record that cannot travel is told of without its elements.

        Seen before the commit, so that no leaf names as released what could never leave.
        """
        answered = self._made(judged, record, now)
        if record is None or is_fit(answered.answer):
            return answered
        self._events.note("records_too_long", member=judged.exchange.state)
        bare = msgspec.structs.replace(record, elements=())
        return self._made(judged, bare, now, remark=TOO_LONG_REMARK)

    def _made(self, judged: Judged, record: Found | None, now: int, remark: str = "") -> Answered:
        state = judged.exchange.state
        return answer_exchange(
            judged,
            record,
            now=now,
            hold_until=now + self._world.hold_seconds(state),
            contact=self._world.directory.duty_contact(state) or "",
            remark=remark,
        )

    async def _commit(self, decided: Sequence[tuple[Exchange, Answered]]) -> list[SequencerResult]:
        entries = [entry_of(exchange, answered) for exchange, answered in decided]
        try:
            return await self._sequencer.commit(entries)
        except BusyError as error:
            return [Refused(error=error)] * len(entries)

    def _send(self, parcels: Sequence[Parcel]) -> None:
        by_member: dict[Member, list[Parcel]] = {}
        for parcel in parcels:
            assert isinstance(parcel, AnsweredParcel | RefusedParcel)
            by_member.setdefault(parcel.origin, []).append(parcel)
        for member, group in by_member.items():
            host = self._world.directory.host_of(member)
            if host is not None:
                self._courier.post(host, group)


def is_fit(answer: Answer) -> bool:
    """Say whether an answer can travel; its proofs are still to come and have their room."""
    if len(answer.elements) > ANSWER_ELEMENTS_MAX:
        return False
    size = sum(len(e.name) + len(e.value.encode()) + _ELEMENT_BYTES for e in answer.elements)
    return size <= PARCEL_BYTES_MAX - _ANSWER_ROOM_BYTES


def entry_of(exchange: Exchange, answered: Answered) -> Entry:
    """Return what the sequencer is given for an answer."""
    return Entry(
        member=exchange.state,
        exchange_id=exchange.exchange_id,
        leaves=answered.leaves,
        decided_under=answered.policy,
        answer=answered.answer,
        hold=answered.hold,
    )


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


def _found(record: Record | SourceError | None) -> Found | SourceError | None:
    if record is None or isinstance(record, SourceError):
        return record
    return Found(kind=record.kind, elements=record.elements, matches=record.matches)


def _refused(exchange: Exchange, code: RefusalCode) -> RefusedParcel:
    return RefusedParcel(
        origin=exchange.origin_member,
        state=exchange.state,
        exchange_id=exchange.exchange_id,
        code=code,
    )
