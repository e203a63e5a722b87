"""Answers on their way to agencies' lines: kept, numbered, delivered until acknowledged.

A line numbers what it is sent; it acknowledges a number and all before it. What is rendered is what
is kept, so that a repeat is the same bytes. Results need no flush of their own: whatever a crash
takes, the origin asks again and is answered from the state's store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.exchange.origin import AcceptedQuery, decode_accepted
from comity.ports import AcceptedRow, Clock, Lines, ResultRow, Store, StoreDownError
from comity.services.entries import accepted_place
from comity.services.events import Events
from comity.services.forms import Stamps
from comity.services.vault import Vault, month_of

__all__ = [
    "PAGE_ROWS",
    "WINDOW_DELIVERIES",
    "Deliveries",
    "KeptDelivery",
    "KeptPage",
    "Outgoing",
    "Standing",
    "open_result",
]

PAGE_ROWS: Final = 256
WINDOW_DELIVERIES: Final = 4_096
RESTART_GAP: Final = 100_000
_NS: Final = 1_000_000_000
_RETRY_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)

_Kept = tuple[int, bytes]
_NO_NUMBER: Final = 0
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[int, bytes])


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be kept for a line under (exchange id, step): once, however often it is given.

    `render` is given the clock lines; None where only that an exchange got this answer is kept,
    because what it said stands in another delivery. `frame_no` is the message that it answers, 0
    for what the line did not ask for.
    """

    exchange_id: ExchangeId
    step: int
    query_id: QueryId
    member: Member
    line: str
    frame_no: int
    is_final: bool
    render: Callable[[Stamps], bytes] | None


def open_result(vault: Vault, row: ResultRow) -> _Kept:
    """Return what a result's row keeps: the frame it replies to, and the delivery as rendered.

    Raises: LostKeyError, or ComityError if the row was altered or moved.
    """
    place = (b"result", row.exchange_id, b"%d" % row.step)
    return _decoder.decode(vault.open(row.member, row.sealed, place))


class _Line(msgspec.Struct, kw_only=True):
    """What is known of one line: frames accepted, deliveries made, written out and acknowledged.

    `made` is the last number given, `saved` the last one in the store, `written` the last delivery
    handed to the live connection, `waiting` those handed to it and not acknowledged yet. A line
    that `is_behind` (not connected, slow to read or to acknowledge) is written to by `resume`
    alone, in order. A line that `pulls` reads its deliveries itself: it is only told of each.
    """

    last_frame: int
    made: int
    saved: int
    acknowledged: int
    written: int
    waiting: deque[int] = msgspec.field(default_factory=deque)
    is_behind: bool = True
    pulls: bool = False


class KeptDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as it is kept: its number, the frame that it answers, its bytes."""

    number: int
    reply_to: int
    data: bytes


class KeptPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries of a line, in order; `last` is how far was read, `is_full` that more may follow.

    `last` counts what could not be opened too.
    """

    deliveries: tuple[KeptDelivery, ...]
    last: int
    is_full: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an accepted message stands: its row and the results that its query has.

    A result under the query's own id is one message for all its states. One with the number 0 is
    no delivery by itself. `sent_on` is the query that its own state let go to where it asked.
    """

    accepted: AcceptedRow
    rows: tuple[ResultRow, ...]
    sent_on: Standing | None = None

    @property
    def delivered(self) -> tuple[ResultRow, ...]:
        """The rows of deliveries, in the order of their numbers."""
        rows = (*self.rows, *(self.sent_on.rows if self.sent_on is not None else ()))
        return tuple(sorted((r for r in rows if r.number), key=lambda row: row.number))

    @property
    def is_answered(self) -> bool:
        """Whether each state has said something, or one message speaks of all of them."""
        heard: set[bytes] = {row.exchange_id for row in self.rows}
        is_merged = self.accepted.query_id in heard
        return is_merged or len(heard) >= self.accepted.exchange_count

    @property
    def is_ended(self) -> bool:
        """Whether each state has said its last word: nothing more follows."""
        ended = {row.exchange_id for row in self.rows if row.is_final}
        is_over = self.sent_on is None or self.sent_on.is_ended
        return len(ended) >= self.accepted.exchange_count and is_over


class Deliveries:
    """Positions and results of the lines that have been opened here."""

    def __init__(
        self, *, store: Store, vault: Vault, lines: Lines, clock: Clock, events: Events
    ) -> None:
        self._store = store
        self._vault = vault
        self._lines = lines
        self._clock = clock
        self._events = events
        self._positions: dict[str, _Line] = {}
        self._unsaved: dict[str, int] = {}
        self._stopped: set[str] = set()
        self._received = 0
        self._saving = asyncio.Lock()

    async def open_line(self, line: str) -> tuple[int, int]:
        """Take up a line that connects; return its last accepted frame and its last delivery."""
        position = await self._position(line)
        position.written = position.acknowledged
        position.waiting.clear()
        position.is_behind = True
        return position.last_frame, position.made

    # A line that pulls.

    async def open_pulled(self, line: str) -> int:
        """Take up a line that asks for its deliveries; return up to which it has acknowledged."""
        position = await self._position(line)
        position.pulls = True
        return position.acknowledged

    async def standing(self, line: str, frame_no: int) -> Standing | None:
        """Return where the message of a line's frame stands; None if no query came of it."""
        standing = await self._standing(line, frame_no)
        if standing is None or not standing.is_ended:
            return standing
        # Its row stands before the word that let it go is kept.
        sent_on = await self._standing(line, -frame_no)
        return msgspec.structs.replace(standing, sent_on=sent_on)

    async def _standing(self, line: str, frame_no: int) -> Standing | None:
        accepted = await self._store.accepted_frame(line, frame_no)
        if accepted is None:
            return None
        rows = await self._store.results_of(accepted.query_id)
        return Standing(accepted=accepted, rows=tuple(rows))

    async def kept_after(self, line: str, number: int, limit: int) -> KeptPage:
        """Return a line's deliveries beyond a number, at most `limit`."""
        rows = await self._store.results_after(line, number, limit)
        return KeptPage(
            deliveries=self.opened(rows),
            last=rows[-1].number if rows else number,
            is_full=len(rows) >= limit,
        )

    def opened(self, rows: Sequence[ResultRow]) -> tuple[KeptDelivery, ...]:
        """Return what rows hold; those that cannot be opened are passed over."""
        return tuple(
            KeptDelivery(number=row.number, reply_to=kept[0], data=kept[1])
            for row in rows
            if (kept := self._open(row)) is not None
        )

    # A line that is written to.

    async def resume(self, line: str) -> None:
        """Write out what a line has not acknowledged, in order, as far as the window allows.

        What the store's absence stops here goes on with `resume_stopped`.
        """
        try:
            await self._resume(line)
        except StoreDownError:
            self._stopped.add(line)
            raise

    async def resume_stopped(self) -> None:
        """Go on with lines whose rows could not be read; called every second."""
        for line in sorted(self._stopped):
            await self._resume(line)
            self._stopped.discard(line)

    async def _resume(self, line: str) -> None:
        position = await self._position(line)
        while not position.pulls and position.written < (saved := position.saved):
            rows = await self._store.results_after(line, position.written, PAGE_ROWS)
            # Another call may have gone on, or more been saved, while this one was reading.
            fresh = [row for row in rows if row.number > position.written]
            if not fresh and position.saved == saved:
                break
            for row in fresh:
                if not self._write(row, self._open(row), position):
                    position.is_behind = True
                    return
        position.is_behind = False

    def last_frame(self, line: str) -> int:
        """Return the number of the last frame that was accepted from an open line."""
        return self._positions[line].last_frame

    def frame_accepted(self, line: str, number: int) -> None:
        """Remember a durable frame."""
        position = self._positions[line]
        position.last_frame = max(position.last_frame, number)

    def stamps(self, line: str, now_ns: int) -> Stamps:
        """Return the clock lines of something that is delivered now and not kept."""
        self._received += 1
        position = self._positions.get(line)
        made = position.made if position is not None else 0
        return Stamps(received=self._received, sent=made, at=now_ns // _NS)

    async def save(
        self, outgoing: Sequence[Outgoing], *, is_flushed: bool = False
    ) -> frozenset[ExchangeId]:
        """Keep what is to be delivered, as rendered, then write out what can go.

        Waits out a store that is down: numbers are saved in the order in which they are given, so
        that none is passed over. `is_flushed` for what nobody would ask for again. Returns the ids
        of what could not be made, and is not kept: it keeps nothing else from its line.
        """
        if not outgoing:
            return frozenset()
        async with self._saving:
            return await self._save(outgoing, is_flushed)

    async def _save(self, outgoing: Sequence[Outgoing], is_flushed: bool) -> frozenset[ExchangeId]:
        rows: list[ResultRow] = []
        kept: list[_Kept] = []
        failed: set[ExchangeId] = set()
        now = self._clock.now_ns() // _NS
        nonces = self._vault.nonces(len(outgoing))
        for item in outgoing:
            number = await self._next_number(item)
            stamps = Stamps(received=self._received, sent=number, at=now)
            try:
                made = (item.frame_no, item.render(stamps) if item.render is not None else b"")
                rows.append(self._row(item, stamps, made, next(nonces)))
            except Exception as error:  # noqa: BLE001 - one delivery must not keep back the others
                self._events.failure("delivery_not_made", error, member=item.member)
                failed.add(item.exchange_id)
                continue
            kept.append(made)
        is_new = await self._save_rows(rows, is_flushed)
        self._events.note("results_saved", sum(is_new))
        self._write_new(rows, kept, is_new)
        return frozenset(failed)

    def _write_new(
        self, rows: Sequence[ResultRow], kept: Sequence[_Kept], is_new: Sequence[bool]
    ) -> None:
        for row, made, new in zip(rows, kept, is_new, strict=True):
            if not new or row.number == _NO_NUMBER:
                continue
            position = self._positions[row.line]
            position.saved = row.number
            if position.pulls:
                self._lines.deliver(row.line, row.number, *made)
            elif not position.is_behind:
                position.is_behind = not self._write(row, made, position)

    async def _next_number(self, item: Outgoing) -> int:
        """Return the number of a delivery; what is not delivered by itself takes none."""
        if item.render is None:
            return _NO_NUMBER
        position = await self._position(item.line)
        position.made += 1
        self._received += 1
        return position.made

    async def _save_rows(self, rows: Sequence[ResultRow], is_flushed: bool) -> list[bool]:
        attempt = 0
        while rows:
            try:
                is_new = await self._store.save_results(rows, is_flushed=is_flushed)
                if not attempt:
                    return is_new
                # An attempt whose answer was lost may have persisted: then the row is this one.
                return [
                    new or await self._is_kept(row) for row, new in zip(rows, is_new, strict=True)
                ]
            except StoreDownError as error:
                self._events.failure("results_not_saved", error)
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1
        return []

    async def _is_kept(self, row: ResultRow) -> bool:
        kept = await self._store.results_of(row.query_id)
        place = (row.exchange_id, row.step, row.number)
        return place in {(r.exchange_id, r.step, r.number) for r in kept}

    def _row(self, item: Outgoing, stamps: Stamps, kept: _Kept, nonce: bytes) -> ResultRow:
        place = (b"result", item.exchange_id, b"%d" % item.step)
        sealed = self._vault.seal(
            item.member, month_of(stamps.at), nonce, _encoder.encode(kept), place
        )
        return ResultRow(
            exchange_id=item.exchange_id,
            step=item.step,
            query_id=item.query_id,
            member=item.member,
            line=item.line,
            number=stamps.sent,
            is_final=item.is_final,
            sealed=sealed,
        )

    def _write(self, row: ResultRow, kept: _Kept | None, position: _Line) -> bool:
        """Write a delivery to the live connection; say whether there is one and it took it."""
        # Counted, not reckoned from the numbers: they leap at a restart.
        if len(position.waiting) >= WINDOW_DELIVERIES:
            return False
        if kept is not None and not self._lines.deliver(row.line, row.number, *kept):
            return False
        if kept is not None:
            position.waiting.append(row.number)
        position.written = row.number
        return True

    def _open(self, row: ResultRow) -> _Kept | None:
        """Return what is kept; None where it cannot be opened, such as when its key is gone."""
        try:
            return open_result(self._vault, row)
        except ComityError as error:
            # Passed over, or the line would get nothing that comes behind it.
            self._events.failure("delivery_not_opened", error, member=row.member)
            return None

    async def deliver_again(self, query_id: QueryId, frame_no: int) -> None:
        """Write out all results of a query once more, for a frame that was repeated."""
        for row in await self._store.results_of(query_id):
            position = await self._position(row.line)
            # What was not written yet comes in its turn: out of turn it would acknowledge others.
            is_out = _NO_NUMBER < row.number <= position.written
            kept = self._open(row) if is_out else None
            if kept is not None:
                self._lines.deliver(row.line, row.number, frame_no, kept[1])

    async def acknowledged(self, line: str, number: int) -> None:
        """Take a line's word that it has everything up to a delivery."""
        position = self._positions.get(line)
        if position is None or not position.acknowledged < number <= position.made:
            return
        position.acknowledged = number
        while position.waiting and position.waiting[0] <= number:
            position.waiting.popleft()
        self._unsaved[line] = number
        if position.is_behind:
            await self.resume(line)

    async def save_acknowledged(self) -> None:
        """Keep the acknowledgements that came since the last call; called every second."""
        unsaved, self._unsaved = self._unsaved, {}
        if not unsaved:
            return
        try:
            await self._store.save_acknowledged(unsaved)
        except ComityError:
            self._unsaved = unsaved | self._unsaved
            raise

    def open_accepted(self, row: AcceptedRow) -> AcceptedQuery:
        """Return an accepted query from its row."""
        place = accepted_place(row.query_id)
        return decode_accepted(self._vault.open(row.member, row.sealed, place))

    async def _position(self, line: str) -> _Line:
        position = self._positions.get(line)
        if position is None:
            last_frame, saved, acknowledged = await self._store.line_position(line)
            # A result that the line got may have been lost in a crash: well above it, no number is
            # given again to other bytes, which a late acknowledgement would take for delivered.
            made = max(saved, acknowledged) + RESTART_GAP
            # Another task may have opened the line while this one was reading.
            position = self._positions.setdefault(
                line,
                _Line(
                    last_frame=last_frame,
                    made=made,
                    saved=saved,
                    acknowledged=acknowledged,
                    written=acknowledged,
                ),
            )
        return position
