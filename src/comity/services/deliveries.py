"""Answers on their way to agencies' lines: kept, numbered, delivered until acknowledged.

A line numbers what it is sent; it acknowledges a number and all before it. What is rendered is what
is kept, so that a repeat is the same bytes. Results need no flush of their own: whatever a crash
takes, the origin asks again and is answered from the state's store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.answer import Answer
from comity.domain.errors import ComityError
from comity.domain.ids import QueryId
from comity.exchange.origin import AcceptedQuery, decode_accepted
from comity.ports import AcceptedRow, Clock, Lines, ResultRow, Store, StoreDownError
from comity.services.entries import accepted_place
from comity.services.events import Events
from comity.services.forms import Stamps, render_answer
from comity.services.open_queries import OpenExchange, OpenQueryState
from comity.services.vault import Vault, month_of

__all__ = ["PAGE_ROWS", "WINDOW_DELIVERIES", "Deliveries"]

PAGE_ROWS: Final = 256
WINDOW_DELIVERIES: Final = 4_096
RESTART_GAP: Final = 100_000
_NS: Final = 1_000_000_000
_RETRY_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)

_Kept = tuple[int, bytes]
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[int, bytes])


class _Line(msgspec.Struct, kw_only=True):
    """What is known of one line: frames accepted, deliveries made, written out and acknowledged.

    `made` is the last number given, `saved` the last one in the store, `written` the last delivery
    handed to the live connection, `waiting` those handed to it and not acknowledged yet. A line
    that `is_behind` (not connected, slow to read or to acknowledge) is written to by `resume`
    alone, in order.
    """

    last_frame: int
    made: int
    saved: int
    acknowledged: int
    written: int
    waiting: deque[int] = msgspec.field(default_factory=deque)
    is_behind: bool = True


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

    async def open_line(self, line: str) -> tuple[int, int]:
        """Take up a line that connects; return its last accepted frame and its last delivery."""
        position = await self._position(line)
        position.written = position.acknowledged
        position.waiting.clear()
        position.is_behind = True
        return position.last_frame, position.made

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
        while position.written < (saved := position.saved):
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

    async def save(self, answers: Sequence[tuple[OpenQueryState, OpenExchange, Answer]]) -> None:
        """Keep answers as rendered for their requesters, then write out those that can go.

        One call at a time, which waits out a store that is down: numbers are saved in the order in
        which they are given, so that none is passed over.
        """
        if not answers:
            return
        rows: list[ResultRow] = []
        kept: list[_Kept] = []
        now = self._clock.now_ns() // _NS
        nonces = iter(self._vault.nonces(len(answers)))
        for state, _, answer in answers:
            position = await self._position(state.accepted.line)
            position.made += 1
            self._received += 1
            stamps = Stamps(received=self._received, sent=position.made, at=now)
            kept.append((state.frame_no, render_answer(state.accepted, answer, stamps)))
            rows.append(self._row(state, answer, stamps, kept[-1], next(nonces)))
        is_new = await self._save_rows(rows)
        self._events.note("results_saved", sum(is_new))
        for row, made, new in zip(rows, kept, is_new, strict=True):
            if not new:
                continue
            position = self._positions[row.line]
            position.saved = row.number
            if not position.is_behind:
                position.is_behind = not self._write(row, made, position)

    async def _save_rows(self, rows: Sequence[ResultRow]) -> list[bool]:
        attempt = 0
        while True:
            try:
                is_new = await self._store.save_results(rows)
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

    async def _is_kept(self, row: ResultRow) -> bool:
        kept = await self._store.results_of(row.query_id)
        place = (row.exchange_id, row.step, row.number)
        return place in {(r.exchange_id, r.step, r.number) for r in kept}

    def _row(
        self, state: OpenQueryState, answer: Answer, stamps: Stamps, kept: _Kept, nonce: bytes
    ) -> ResultRow:
        member, query_id = state.accepted.member, state.accepted.query_id
        place = (b"result", answer.exchange_id, b"%d" % answer.step)
        return ResultRow(
            exchange_id=answer.exchange_id,
            step=answer.step,
            query_id=query_id,
            member=member,
            line=state.accepted.line,
            number=stamps.sent,
            is_final=answer.is_final,
            sealed=self._vault.seal(
                member, month_of(stamps.at), nonce, _encoder.encode(kept), place
            ),
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
        place = (b"result", row.exchange_id, b"%d" % row.step)
        try:
            return _decoder.decode(self._vault.open(row.member, row.sealed, place))
        except ComityError as error:
            # Passed over, or the line would get nothing that comes behind it.
            self._events.failure("delivery_not_opened", error, member=row.member)
            return None

    async def deliver_again(self, query_id: QueryId, frame_no: int) -> None:
        """Write out all results of a query once more, for a frame that was repeated."""
        for row in await self._store.results_of(query_id):
            position = await self._position(row.line)
            # What was not written yet comes in its turn: out of turn it would acknowledge others.
            kept = self._open(row) if row.number <= position.written else None
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
