"""The origin face: an agency's messages are accepted, recorded, sent on, and answered to its line.

    1. a frame is parsed and checked; what is wrong gets its error message at once
    2. the accepted query and its `query` leaf are committed; then the frame is acknowledged
    3. each exchange goes out in a signed, sealed envelope; until its final answer it is asked again
    4. answers are kept, rendered in the requester's own format, and delivered to its line until
       the line has acknowledged them

Whatever crashes, a restart finds the rows of step 2 and goes on at 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.answer import Answer
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, HostName, Member, QueryId, entry_name, make_id
from comity.domain.query import Query
from comity.exchange.origin import (
    AcceptedQuery,
    assurance_of,
    exchanges_of,
    query_leaf,
    undeliverable,
)
from comity.ledger.plan import Existing
from comity.link.envelope import Opened
from comity.link.parcel import Answered, Ask, Parcel
from comity.link.parcel import Refused as RefusedParcel
from comity.ports import Clock, Entropy, LineFrame, Lines, OpenQuery, Store
from comity.services.answer import with_proofs
from comity.services.courier import Courier
from comity.services.deliveries import Deliveries
from comity.services.entries import Entry, Frame
from comity.services.events import Events
from comity.services.forms import MessageRefusedError, parse_message, render_error, render_waiting
from comity.services.member import World
from comity.services.open_queries import OpenExchange, OpenQueries, OpenQueryState
from comity.services.replay import AnswerReplay
from comity.services.sequencer import (
    BATCH_ENTRIES_MAX,
    BusyError,
    Committed,
    NotOwnedError,
    Refused,
    Sequencer,
    SequencerResult,
    recorded_index,
)

__all__ = ["ANSWERS_PER_EXCHANGE_MAX", "OPEN_QUERIES_MAX", "OriginFace"]

OPEN_QUERIES_MAX: Final = 200_000
ANSWERS_PER_EXCHANGE_MAX: Final = 64
"""Answers of one state to one query that are kept before its final one."""
FRAME_REUSED: Final = "frame-number-reused"
_NS: Final = 1_000_000_000
_FIRST_REDRIVE_SECONDS: Final = 2


class _Taken(msgspec.Struct, kw_only=True):
    """A frame on its way to being recorded."""

    frame: LineFrame
    digest: bytes
    accepted: AcceptedQuery


class OriginFace:
    """Takes agencies' frames and other states' answers for the members of one host.

    `_in_flight` holds frames between `take_frames` and their commit, so that a repeat inside that
    time is not recorded twice.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        sequencer: Sequencer,
        courier: Courier,
        lines: Lines,
        deliveries: Deliveries,
        replay: AnswerReplay,
        open_queries: OpenQueries,
        clock: Clock,
        entropy: Entropy,
        events: Events,
        network: ORI,
        undeliverable_s: int,
    ) -> None:
        self._world = world
        self._network = network
        self._undeliverable_s = undeliverable_s
        self._store = store
        self._sequencer = sequencer
        self._courier = courier
        self._lines = lines
        self._deliveries = deliveries
        self._replay = replay
        self._open = open_queries
        self._clock = clock
        self._entropy = entropy
        self._events = events
        self._in_flight: dict[tuple[str, int], bytes] = {}
        self._saving = asyncio.Lock()

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept or refuse a batch of frames; each gets its acknowledgement or its refusal."""
        now_ns = self._clock.now_ns()
        taken: list[_Taken] = []
        try:
            for frame in frames:
                key = (frame.line, frame.number)
                digest = sha256(frame.data).digest()
                if key in self._in_flight:
                    if self._in_flight[key] != digest:
                        self._lines.refused(frame.line, frame.number, FRAME_REUSED)
                    continue
                # A number that was not passed is new; the others are looked for.
                is_passed = frame.number <= self._deliveries.last_frame(frame.line)
                if is_passed and await self._is_recorded(frame, digest):
                    continue
                accepted = self._accept(frame, now_ns)
                if accepted is not None:
                    self._in_flight[key] = digest
                    taken.append(_Taken(frame=frame, digest=digest, accepted=accepted))
            await self._record(taken, now_ns)
        finally:
            for item in taken:
                self._in_flight.pop((item.frame.line, item.frame.number), None)

    def _accept(self, frame: LineFrame, now_ns: int) -> AcceptedQuery | None:
        """Return the query that a frame holds, or None after its error message went out."""
        if len(self._open) + len(self._in_flight) >= OPEN_QUERIES_MAX:
            self._lines.refused(frame.line, frame.number, BusyError.code)
            return None
        try:
            oris = self._world.directory.agencies_for_line(frame.line)
            form, query = parse_message(frame.data, oris)
            member, states = self._route(frame.line, form, query)
        except MessageRefusedError as error:
            self._refuse(frame, error, now_ns)
            return None
        except Exception as error:  # noqa: BLE001 - one message must not refuse all of this tick
            self._events.failure("message_fault", error)
            self._lines.refused(frame.line, frame.number, BusyError.code)
            return None
        query_id = QueryId(make_id(now_ns, self._entropy.token(8)))
        return AcceptedQuery(
            query_id=query_id,
            query=query,
            states=states,
            member=member,
            line=frame.line,
            form=form,
            assurance=assurance_of(query),
            accepted_at=now_ns // _NS,
        )

    def _refuse(self, frame: LineFrame, error: MessageRefusedError, now_ns: int) -> None:
        """Answer a message with its error message; it is not recorded."""
        self._events.note("message_refused")
        stamps = self._deliveries.stamps(frame.line, now_ns)
        message = render_error(error, stamps, self._network)
        self._lines.deliver(frame.line, 0, frame.number, message)
        self._lines.accepted(frame.line, frame.number)

    def _route(self, line: str, form: str, query: Query) -> tuple[Member, tuple[Member, ...]]:
        """Return the sender's member and the states asked, both checked in the directory."""
        directory = self._world.directory
        try:
            directory.check_sender(line, query.origin)
            states = tuple(directory.check_destination(d, query.key) for d in query.destinations)
        except ComityError as error:
            raise MessageRefusedError.of_route(error, form, query) from error
        member = directory.member_of(query.origin)
        if member is None or not self._sequencer.owns(member):
            unserved = NotOwnedError("the sender's member is not served here")
            raise MessageRefusedError.of_route(unserved, form, query)
        return member, tuple(dict.fromkeys(states))

    async def _record(self, taken: Sequence[_Taken], now_ns: int) -> None:
        if not taken:
            return
        entries = [_entry(item, now_ns) for item in taken]
        try:
            results: list[SequencerResult] = await self._sequencer.commit(entries)
        except BusyError as error:
            results = [Refused(error=error)] * len(entries)
        asks: dict[Member, list[Parcel]] = {}
        for item, result in zip(taken, results, strict=True):
            frame = item.frame
            index = recorded_index(result)
            if index is not None:
                self._deliveries.frame_accepted(frame.line, frame.number)
                self._lines.accepted(frame.line, frame.number)
                state = self._open_state(item.accepted, frame.number, index)
                self._open.add(state, now_ns // _NS + _FIRST_REDRIVE_SECONDS)
                _collect(asks, state.pending())
            else:
                # Whatever the reason: nothing was recorded, and it may be sent again later.
                self._lines.refused(frame.line, frame.number, BusyError.code)
        self._ask(asks)

    def _open_state(self, accepted: AcceptedQuery, frame_no: int, index: int) -> OpenQueryState:
        entry = entry_name(accepted.member, index)
        return OpenQueryState(
            accepted=accepted,
            frame_no=frame_no,
            entry=entry,
            exchanges={e.state: OpenExchange(exchange=e) for e in exchanges_of(accepted, entry)},
            tries=1,
        )

    def _ask(self, asks: dict[Member, list[Parcel]]) -> None:
        for state, parcels in asks.items():
            host = self._world.directory.host_of(state)
            if host is not None:
                self._courier.post(host, parcels)

    async def _is_recorded(self, frame: LineFrame, digest: bytes) -> bool:
        """Answer a repeated frame from what is recorded; it never becomes a second query.

        A number that was passed and is not recorded was refused with an error message: it is new.
        """
        row = await self._store.accepted_frame(frame.line, frame.number)
        if row is None:
            return False
        if row.frame_digest != digest:
            self._lines.refused(frame.line, frame.number, FRAME_REUSED)
            return True
        self._events.note("frames_repeated")
        self._lines.accepted(frame.line, frame.number)
        await self._deliveries.deliver_again(row.query_id, frame.number)
        return True

    async def take_answers(self, opened: Opened) -> None:
        """Keep and deliver the answers of one verified envelope; note what was not taken in."""
        answers: list[Answer] = []
        for _, parcel in opened.parcels:
            if isinstance(parcel, Answered):
                answers.append(parcel.answer)
            elif isinstance(parcel, RefusedParcel):
                self._refused(parcel)
        if answers:
            async with self._saving:
                await self._save(answers)

    async def _save(self, answers: Sequence[Answer]) -> None:
        """Keep what is new; a second copy, or an answer to a query that has ended, is not."""
        new = self._in_order(answers)
        await self._deliveries.save(new)
        for state, item, answer in new:
            item.take(answer)
            item.is_held = answer.hold is not None
            item.is_final = answer.is_final
            state.is_hastened = False
            self._open.end_if_final(state)

    def _in_order(
        self, answers: Sequence[Answer]
    ) -> list[tuple[OpenQueryState, OpenExchange, Answer]]:
        """Return what can be kept now: per exchange the next step, and what follows on it.

        What came before its predecessor is not kept: the query is asked again, and its state
        repeats all of them in order.
        """
        new: list[tuple[OpenQueryState, OpenExchange, Answer]] = []
        reach: dict[ExchangeId, int] = {}
        ended: set[ExchangeId] = set()
        for answer in sorted(answers, key=lambda a: (a.exchange_id, a.step)):
            found = self._open.of_exchange(answer.exchange_id)
            is_over = answer.exchange_id in ended or (found is not None and found[1].is_final)
            if found is None or is_over or found[1].exchange.state != answer.state:
                self._events.note("answers_unasked")
                continue
            state, item = found
            next_step = reach.get(answer.exchange_id, item.next_step)
            if answer.step in item.seen:
                item.take(answer)
                reach[answer.exchange_id] = max(next_step, item.next_step)
                self._events.note("answers_repeated")
            elif len(item.seen) >= ANSWERS_PER_EXCHANGE_MAX and not answer.is_final:
                # Each would be a kept row of the requester's line.
                self._events.note("answers_over_limit")
            elif answer.step == next_step:
                reach[answer.exchange_id] = answer.step + max(1, len(answer.proofs))
                new.append((state, item, answer))
                if answer.is_final:
                    ended.add(answer.exchange_id)
            elif answer.step > next_step:
                self._events.note("answers_early")
                self._open.hasten(state, self._clock.now_ns() // _NS)
            else:
                self._events.note("answers_repeated")
        return new

    def _refused(self, parcel: RefusedParcel) -> None:
        """A host did not take an ask in: it stays open and is asked again."""
        self._events.note("asks_refused", code=parcel.code.value, member=parcel.state)
        found = self._open.of_exchange(parcel.exchange_id)
        if found is not None and found[1].exchange.state == parcel.state:
            self._tell_waiting(found[0], parcel.state)

    def unheard(self, parcels: Sequence[Parcel]) -> None:
        """Nobody listens where these parcels went: tell the requesters that their query waits."""
        self._events.note("envelopes_unheard")
        for parcel in parcels:
            if isinstance(parcel, Ask):
                found = self._open.of_exchange(parcel.exchange.exchange_id)
                if found is not None:
                    self._tell_waiting(found[0], parcel.exchange.state)

    def host_unheard(self, host: HostName) -> None:
        """The hub says that nobody listens at a host: tell whoever waits for its members."""
        members = frozenset(self._world.directory.members_on(host))
        for state, member in self._open.waiting_for(members):
            self._tell_waiting(state, member)

    def _tell_waiting(self, state: OpenQueryState, member: Member) -> None:
        if state.told_waiting:
            return
        state.told_waiting = True
        accepted = state.accepted
        stamps = self._deliveries.stamps(accepted.line, self._clock.now_ns())
        message = render_waiting(accepted, member, stamps, self._network)
        self._lines.deliver(accepted.line, 0, state.frame_no, message)

    async def redrive(self) -> None:
        """Ask again for whatever fell due, and end what no state has answered; every second."""
        now = self._clock.now_ns() // _NS
        asks: dict[Member, list[Parcel]] = {}
        over: list[tuple[OpenQueryState, OpenExchange]] = []
        for state in list(self._open.fall_due(now)):
            if now - state.accepted.accepted_at >= self._undeliverable_s:
                # Not asked again while it is closed: a state might still disclose, to nobody.
                over += [(state, item) for item in state.pending() if not item.seen]
                _collect(asks, [item for item in state.pending() if item.seen])
            else:
                _collect(asks, state.pending())
            self._open.wait_again(state, now)
        if asks:
            self._events.note("queries_redriven", sum(len(p) for p in asks.values()))
            self._ask(asks)
        for at in range(0, len(over), BATCH_ENTRIES_MAX):
            # An answer that comes meanwhile waits: each exchange gets one outcome.
            async with self._saving:
                await self._close(over[at : at + BATCH_ENTRIES_MAX], now)

    async def _close(self, over: Sequence[tuple[OpenQueryState, OpenExchange]], now: int) -> None:
        """End exchanges that were never answered: a `closure` leaf, and word to the requester."""
        entries = []
        for state, item in over:
            if item.seen:
                continue
            answer, leaf = undeliverable(item.exchange, now)
            entries.append(
                Entry(
                    member=state.accepted.member,
                    exchange_id=item.exchange.exchange_id,
                    leaves=(leaf,),
                    answer=answer,
                )
            )
        try:
            results = await self._sequencer.commit(entries)
        except BusyError:
            return
        closed: list[Answer] = []
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Committed) and entry.answer is not None:
                closed.append(with_proofs(entry.answer, result, entry.member))
            elif isinstance(result, Existing):
                # It was closed before a crash that took the word to the requester with it.
                closed += await self._replay.stored(entry.exchange_id, entry.member)
        self._events.note("queries_undeliverable", len(closed))
        await self._save(closed)

    async def recover(self, since: int) -> int:
        """Take up every accepted query that is not ended; return how many there are."""
        now = self._clock.now_ns() // _NS
        members = [m for m in self._world.members() if self._sequencer.owns(m)]
        async with self._saving:
            opened = await self._store.open_queries(members, since)
            for item in opened:
                try:
                    self._take_up(item, now)
                except ComityError as error:
                    # Such as a month key that is gone: this query alone cannot be taken up.
                    self._events.failure("query_not_taken_up", error, member=item.accepted.member)
        return len(opened)

    def _take_up(self, opened: OpenQuery, now: int) -> None:
        """Go on with a query from what the store has of it, whatever this process knew."""
        row = opened.accepted
        state = self._open.of_query(row.query_id)
        is_new = state is None
        if state is None:
            accepted = self._deliveries.open_accepted(row)
            state = self._open_state(accepted, row.frame_no, row.leaf_index)
        for item in state.exchanges.values():
            own = [r for r in opened.results if r.exchange_id == item.exchange.exchange_id]
            item.restore((r.step for r in own), is_final=any(r.is_final for r in own))
        if is_new:
            self._open.add(state, now)
        else:
            self._open.hasten(state, now)


def _collect(asks: dict[Member, list[Parcel]], items: Iterable[OpenExchange]) -> None:
    for item in items:
        asks.setdefault(item.exchange.state, []).append(Ask(exchange=item.exchange))


def _entry(item: _Taken, now_ns: int) -> Entry:
    accepted = item.accepted
    return Entry(
        member=accepted.member,
        exchange_id=accepted.query_id,
        leaves=(query_leaf(accepted, now_ns // _NS),),
        accepted=accepted,
        frame=Frame(number=item.frame.number, digest=item.digest),
    )
