"""The origin face: an agency's messages are accepted, recorded, sent on, and answered to its line.

    1. a frame is parsed, checked and routed (`intake`); what is wrong gets its error message
    2. the accepted query and its `query` leaf are committed; then the frame is acknowledged
    3. each exchange goes out in a signed, sealed envelope; until its final answer it is asked
       again, and what a state out of service cannot take waits for it in order (`asking`)
    4. answers are kept, rendered in the requester's own format, alone or as one message of many
       states (`merging`), and delivered to its line until the line has acknowledged them

Whatever crashes, a restart finds the rows of step 2 and goes on at 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, QueryId, entry_name, make_id, parse_entry_name
from comity.exchange.origin import AcceptedQuery, exchanges_of, forwarded, query_leaf, undeliverable
from comity.formats.status import StatusKind
from comity.ledger.plan import Existing
from comity.link.envelope import Opened
from comity.link.parcel import Answered, RefusalCode
from comity.link.parcel import Refused as RefusedParcel
from comity.ports import Clock, Entropy, LineFrame, Lines, OpenQuery, Store
from comity.services.accepting import Taken, record_taken
from comity.services.arrivals import Arrivals, NewAnswer
from comity.services.asking import Asking, OpenItem
from comity.services.deliveries import Deliveries
from comity.services.entries import Entry, Frame
from comity.services.events import Events
from comity.services.forms import MessageRefusedError, render_error
from comity.services.intake import Intake
from comity.services.member import World
from comity.services.merging import AtHand, answer_outgoing, apart_outgoing, merged_outgoing
from comity.services.open_queries import OpenExchange, OpenQueries, OpenQueryState
from comity.services.replay import AnswerReplay, with_proofs
from comity.services.sequencer import (
    BATCH_ENTRIES_MAX,
    BusyError,
    Committed,
    Sequencer,
    recorded_index,
)

__all__ = ["OPEN_EXCHANGES_MAX", "OPEN_QUERIES_MAX", "OriginFace"]

OPEN_QUERIES_MAX: Final = 200_000
OPEN_EXCHANGES_MAX: Final = 1_000_000
"""States asked by all open queries together: one query may ask 64."""
FRAME_REUSED: Final = "frame-number-reused"
_NS: Final = 1_000_000_000
_FIRST_REDRIVE_SECONDS: Final = 2

# What a refusal of the answering gateway means for the query, and what its requester is told.
_ENDS: Final = {
    RefusalCode.NEVER_ANSWERED: StatusKind.NEVER_FORWARDED,
    RefusalCode.OUT_OF_SERVICE: StatusKind.NOT_QUEUED,
}
_ENDED_REMARK: Final = {
    StatusKind.NEVER_FORWARDED: "THE STATE DOES NOT ANSWER THIS MESSAGE KEY - NOTHING WAS RELEASED",
    StatusKind.NOT_QUEUED: "THE STATE IS OUT OF SERVICE - NOTHING WAS RELEASED - ASK AGAIN LATER",
}


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
        asking: Asking,
        lines: Lines,
        deliveries: Deliveries,
        replay: AnswerReplay,
        open_queries: OpenQueries,
        clock: Clock,
        entropy: Entropy,
        events: Events,
        network: ORI,
        undeliverable_s: int,
        merge_s: int,
    ) -> None:
        self._world = world
        self._network = network
        self._undeliverable_s = undeliverable_s
        self._merge_s = merge_s
        self._store = store
        self._sequencer = sequencer
        self._asking = asking
        self._lines = lines
        self._deliveries = deliveries
        self._replay = replay
        self._open = open_queries
        self._clock = clock
        self._entropy = entropy
        self._events = events
        self._intake = Intake(world=world, sequencer=sequencer)
        self._arrivals = Arrivals(open_queries=open_queries, clock=clock, events=events)
        self.at_hand = AtHand()
        self._in_flight: dict[tuple[str, int], bytes] = {}
        self._saving = asyncio.Lock()

    # Steps 1 and 2.

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept or refuse a batch of frames; each gets its acknowledgement or its refusal."""
        now_ns = self._clock.now_ns()
        taken: list[Taken] = []
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
                    taken.append(Taken(frame=frame, digest=digest, accepted=accepted))
            await self._record(taken, now_ns)
        finally:
            for item in taken:
                self._in_flight.pop((item.frame.line, item.frame.number), None)

    def _accept(self, frame: LineFrame, now_ns: int) -> AcceptedQuery | None:
        """Return the query that a frame holds, or None after its error message went out."""
        is_full = len(self._open) + len(self._in_flight) >= OPEN_QUERIES_MAX
        if is_full or self._open.exchanges >= OPEN_EXCHANGES_MAX:
            self._lines.refused(frame.line, frame.number, BusyError.code)
            return None
        query_id = QueryId(make_id(now_ns, self._entropy.token(8)))
        try:
            return self._intake.accept(frame, query_id, now_ns)
        except MessageRefusedError as error:
            self._refuse(frame, error, now_ns)
        except Exception as error:  # noqa: BLE001 - one message must not refuse all of this tick
            self._events.failure("message_fault", error)
            self._lines.refused(frame.line, frame.number, BusyError.code)
        return None

    def _refuse(self, frame: LineFrame, error: MessageRefusedError, now_ns: int) -> None:
        """Answer a message with its error message; it is not recorded."""
        self._events.note("message_refused")
        stamps = self._deliveries.stamps(frame.line, now_ns)
        message = render_error(error, stamps, self._network)
        self._lines.deliver(frame.line, 0, frame.number, message)
        self._lines.accepted(frame.line, frame.number)

    async def _record(self, taken: Sequence[Taken], now_ns: int) -> None:
        if not taken:
            return
        results = await record_taken(self._sequencer, taken, now_ns)
        opened: list[OpenItem] = []
        for item, result in zip(taken, results, strict=True):
            frame = item.frame
            index = recorded_index(result)
            if index is not None:
                self._deliveries.frame_accepted(frame.line, frame.number)
                self._lines.accepted(frame.line, frame.number)
                state = self._begin(item.accepted, frame.number, index)
                opened += [(state, exchange) for exchange in state.pending()]
            else:
                # Whatever the reason: nothing was recorded, and it may be sent again later.
                self._lines.refused(frame.line, frame.number, BusyError.code)
        self._asking.ask(opened)

    def _begin(self, accepted: AcceptedQuery, frame_no: int, index: int) -> OpenQueryState:
        """Open a query that was recorded just now."""
        state = self._open_state(accepted, frame_no, index)
        self._open.add(state, accepted.accepted_at + _FIRST_REDRIVE_SECONDS)
        if accepted.merges:
            self._open.merge_at(state, accepted.accepted_at + self._merge_s)
        self._asking.tell_queued(state)
        return state

    def _open_state(self, accepted: AcceptedQuery, frame_no: int, index: int) -> OpenQueryState:
        entry = entry_name(accepted.member, index)
        return OpenQueryState(
            accepted=accepted,
            frame_no=frame_no,
            entry=entry,
            exchanges={e.state: OpenExchange(exchange=e) for e in exchanges_of(accepted, entry)},
            tries=1,
        )

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
        sent_on = await self._store.accepted_frame(frame.line, -frame.number)
        if sent_on is not None:
            await self._deliveries.deliver_again(sent_on.query_id, frame.number)
        return True

    # Step 3.

    async def redrive(self) -> None:
        """Ask again for whatever fell due, and end what no state has answered; every second."""
        now = self._clock.now_ns() // _NS
        due: list[OpenItem] = []
        over: list[OpenItem] = []
        for state in list(self._open.fall_due(now)):
            is_over = now - state.accepted.accepted_at >= self._undeliverable_s
            for item in state.pending():
                # Not asked again while it is closed: a state might still disclose, to nobody.
                (over if is_over and not item.seen else due).append((state, item))
            self._open.wait_again(state, now)
        if due:
            self._events.note("queries_redriven", len(due))
        self._asking.ask(due)
        self._asking.probe()
        await self._end(over, now)
        for state in list(self._open.merges_due(now)):
            async with self._saving:
                await self._merge(state)

    async def _end(
        self, over: Sequence[OpenItem], now: int, kind: StatusKind | None = None
    ) -> None:
        """End exchanges without an answer: a `closure` leaf each, and word to the requester."""
        for at in range(0, len(over), BATCH_ENTRIES_MAX):
            # An answer that comes meanwhile waits: each exchange gets one outcome.
            async with self._saving:
                await self._close(over[at : at + BATCH_ENTRIES_MAX], now, kind)

    async def _close(self, over: Sequence[OpenItem], now: int, kind: StatusKind | None) -> None:
        entries = []
        for state, item in over:
            if item.seen:
                continue
            if kind is None:
                answer, leaf = undeliverable(item.exchange, now)
            else:
                answer, leaf = undeliverable(item.exchange, now, _ENDED_REMARK[kind])
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

    async def send_own(self, accepted: AcceptedQuery, owing: Entry, number: int) -> bool:
        """Record a message of a member itself, with the entry that owes it, and send it on.

        It takes the place of a frame of its own line. False where nothing could be recorded now.
        """
        first = msgspec.structs.replace(owing, with_next=True)
        return await self._record_own(accepted, number, accepted.query_id, first)

    async def _record_own(
        self, accepted: AcceptedQuery, number: int, made_of: bytes, *before: Entry
    ) -> bool:
        entry = Entry(
            member=accepted.member,
            exchange_id=accepted.query_id,
            leaves=(query_leaf(accepted, accepted.accepted_at),),
            accepted=accepted,
            frame=Frame(number=number, digest=sha256(made_of).digest()),
        )
        index = recorded_index((await self._sequencer.commit([*before, entry]))[-1])
        if index is None:
            return False
        opened = self._begin(accepted, abs(number), index)
        self._asking.ask((opened, item) for item in opened.pending())
        return True

    # Step 4.

    async def take_answers(self, opened: Opened) -> None:
        """Keep and deliver the answers of one verified envelope; note what was not taken in."""
        answers: list[Answer] = []
        ended: dict[StatusKind, list[OpenItem]] = {}
        for _, parcel in opened.parcels:
            if isinstance(parcel, Answered):
                answers.append(parcel.answer)
            elif isinstance(parcel, RefusedParcel):
                self._refused(parcel, ended)
        if answers:
            async with self._saving:
                await self._save(answers)
            self._asking.send_on()
        now = self._clock.now_ns() // _NS
        for kind, over in ended.items():
            await self._end(over, now, kind)

    def _refused(self, parcel: RefusedParcel, ended: dict[StatusKind, list[OpenItem]]) -> None:
        """A host did not take an ask in: it waits and is asked again, or it is among the ended."""
        self._events.note("asks_refused", code=parcel.code.value, member=parcel.state)
        found = self._open.of_exchange(parcel.exchange_id)
        if found is None or found[1].exchange.state != parcel.state or found[1].seen:
            return
        kind = _ENDS.get(parcel.code)
        if kind is not None:
            self._asking.tell(*found, kind)
            ended.setdefault(kind, []).append(found)
        elif parcel.code is RefusalCode.OUT_OF_SERVICE_QUEUED:
            self._asking.park(*found)
        elif parcel.code is RefusalCode.SOURCE_UNAVAILABLE:
            self._asking.source_failed(*found)
        else:
            self._asking.tell(*found, StatusKind.QUEUED)

    async def _save(self, answers: Sequence[Answer]) -> None:
        """Keep what is new; a second copy, or an answer to a query that has ended, is not."""
        alone: list[NewAnswer] = []
        merging: dict[QueryId, OpenQueryState] = {}
        for state, item, answer in self._arrivals.in_order(answers):
            if state.unmerged is None:
                alone.append((state, item, answer))
            elif answer.state not in state.unmerged:
                state.unmerged[answer.state] = answer
                self._taken(state, item, answer)
                is_full = not self.at_hand.add(state.accepted.query_id, answer)
                if is_full or len(state.unmerged) == len(state.exchanges):
                    merging[state.accepted.query_id] = state
            elif all(answer.exchange_id != known.exchange_id for known in state.later):
                # The next step of its exchange, and so the only one that comes here.
                state.later.append(answer)
                self.at_hand.add(state.accepted.query_id, answer)
        # What its own state let go is sent on before that word is kept, or it is asked for again.
        alone = [
            (state, item, answer)
            for state, item, answer in alone
            if not state.accepted.waits_for_home or await self._is_sent_on(state, answer)
        ]
        await self._deliveries.save([answer_outgoing(s, answer) for s, _, answer in alone])
        for state, item, answer in alone:
            self._taken(state, item, answer)
            if not self._open.end_if_final(state):
                self._open.rest(state, self._clock.now_ns() // _NS)
        for state in merging.values():
            await self._merge(state)

    def _taken(self, state: OpenQueryState, item: OpenExchange, answer: Answer) -> None:
        self._note(item, answer)
        state.is_hastened = False
        state.tries = 0
        # Only a state that answers itself shows that it is back.
        self._asking.heard(item, is_back=answer.response is not ResponseKind.UNAVAILABLE)

    @staticmethod
    def _note(item: OpenExchange, answer: Answer) -> None:
        item.take(answer)
        item.is_held = answer.hold is not None
        item.is_final = answer.is_final

    async def _merge(self, state: OpenQueryState) -> None:
        """Send the answers that are here as one message; what comes later goes alone."""
        if state.unmerged is None:
            return
        try:
            outgoing, aside = merged_outgoing(state, self._network)
            outgoing += [answer_outgoing(state, answer) for _, answer in aside]
        except Exception as error:  # noqa: BLE001 - its answers are here, and must be told
            self._events.failure("message_not_merged", error, member=state.accepted.member)
            outgoing = apart_outgoing(state)
        await self._deliveries.save(outgoing)
        state.unmerged = None
        later, state.later = state.later, []
        self.at_hand.release(state.accepted.query_id)
        if not self._open.end_if_final(state) and later:
            await self._save(later)
            # What came behind these was not kept.
            self._open.hasten(state, self._clock.now_ns() // _NS)

    async def _is_sent_on(self, state: OpenQueryState, answer: Answer) -> bool:
        """Send on what the sender's own state let go, once.

        False where that could not be recorded now; True also where there is nothing to send on.
        """
        if not answer.is_final or answer.response is not ResponseKind.HIT:
            return True
        try:
            is_recorded = await self._send_on(state, answer)
        except ComityError as error:
            self._events.failure("query_not_sent_on", error, member=state.accepted.member)
            is_recorded = False
        if not is_recorded:
            self._open.hasten(state, self._clock.now_ns() // _NS)
        return is_recorded

    async def _send_on(self, state: OpenQueryState, answer: Answer) -> bool:
        # No frame of a line has a number below one: this place is the query's that came of one.
        place = (state.accepted.line, -state.frame_no)
        if await self._store.accepted_frame(*place) is not None:
            return True
        now_ns = self._clock.now_ns()
        accepted = forwarded(
            state.accepted,
            QueryId(make_id(now_ns, self._entropy.token(8))),
            now_ns // _NS,
            parse_entry_name(answer.policy_entry)[1],
        )
        return await self._record_own(accepted, place[1], state.accepted.query_id)

    # Starting again.

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
            state = self._open_state(accepted, abs(row.frame_no), row.leaf_index)
        for item in state.exchanges.values():
            own = [r for r in opened.results if r.exchange_id == item.exchange.exchange_id]
            item.restore((r.step for r in own), is_final=any(r.is_final for r in own))
        state.tries = 0
        if is_new:
            self._open.add(state, now)
        else:
            self._open.hasten(state, now)
        is_told = any(r.exchange_id == ExchangeId(row.query_id) for r in opened.results)
        if not state.accepted.merges or is_told:
            return
        if state.unmerged is None:
            # All are asked anew: silence is told once they have had the time for it.
            self._open.merge_at(state, now + self._merge_s)
        for member, answer in (state.unmerged or {}).items():
            self._note(state.exchanges[member], answer)
