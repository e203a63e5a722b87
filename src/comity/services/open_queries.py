"""Accepted queries that are not ended: what each still waits for, and when to ask again.

Guarantee: everything here can be rebuilt from durable rows; losing it loses nothing. The wheel
holds one entry per open query, so a second costs what falls due in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.domain.query import Exchange
from comity.exchange.origin import AcceptedQuery

__all__ = ["REDRIVE_SECONDS", "OpenExchange", "OpenQueries", "OpenQueryState"]

REDRIVE_SECONDS: Final = (2, 5, 15, 60)
"""Waits before a query is asked again; the last one repeats."""

HELD_REDRIVE_SECONDS: Final = 300


class OpenExchange(msgspec.Struct, kw_only=True):
    """One state of an open query; `seen` are the steps of its answers that are saved.

    Answers are taken in the order of their steps: what was released at once must arrive too, even
    if the wire lost it and brought what followed a review. So a final answer is the last one here,
    and in the store. `next_step` is the step that comes next, as far as this host has seen.
    """

    exchange: Exchange
    seen: set[int] = msgspec.field(default_factory=set)
    next_step: int = 0
    is_held: bool = False
    is_final: bool = False

    def take(self, answer: Answer) -> None:
        """Note an answer that is saved; one that was saved before tells how far it reaches."""
        self.seen.add(answer.step)
        self.next_step = max(self.next_step, answer.step + max(1, len(answer.proofs)))

    def restore(self, steps: Iterable[int], *, is_final: bool) -> None:
        """Set what the store has of this exchange."""
        self.seen = set(steps)
        # How many leaves the last one has is seen when its state repeats it.
        self.next_step = max(self.seen, default=-1) + 1
        self.is_held = bool(self.seen) and not is_final
        self.is_final = is_final


class OpenQueryState(msgspec.Struct, kw_only=True):
    """One open query. `tries` counts asks; `told_waiting` that the requester knows it waits.

    `due_at` is when it is asked again; `is_hastened` that this was brought forward.
    """

    accepted: AcceptedQuery
    frame_no: int
    entry: str
    exchanges: dict[Member, OpenExchange]
    tries: int = 0
    told_waiting: bool = False
    due_at: int = 0
    is_hastened: bool = False

    def pending(self) -> list[OpenExchange]:
        """Return the exchanges whose final answer is not here."""
        return [item for item in self.exchanges.values() if not item.is_final]

    def wait_s(self) -> int:
        """Return how long to wait before asking again."""
        if all(item.is_held for item in self.pending()):
            return HELD_REDRIVE_SECONDS
        return REDRIVE_SECONDS[min(self.tries, len(REDRIVE_SECONDS)) - 1]


class OpenQueries:
    """The open queries of one host's origin face."""

    def __init__(self) -> None:
        self._queries: dict[QueryId, OpenQueryState] = {}
        self._by_exchange: dict[ExchangeId, tuple[QueryId, Member]] = {}
        self._due: list[tuple[int, QueryId]] = []

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, state: OpenQueryState, due_at: int) -> None:
        """Wait for a query's answers; ask again at `due_at` (Unix seconds)."""
        query_id = state.accepted.query_id
        self._queries[query_id] = state
        for member, item in state.exchanges.items():
            self._by_exchange[item.exchange.exchange_id] = (query_id, member)
        self._wait_until(state, due_at)

    def hasten(self, state: OpenQueryState, now: int) -> None:
        """Have a query asked again at the next second; once between two of its answers."""
        if not state.is_hastened:
            state.is_hastened = True
            self._wait_until(state, now)

    def of_exchange(self, exchange_id: ExchangeId) -> tuple[OpenQueryState, OpenExchange] | None:
        """Return the open query that an exchange belongs to, and its place in it."""
        found = self._by_exchange.get(exchange_id)
        if found is None:
            return None
        state = self._queries[found[0]]
        return state, state.exchanges[found[1]]

    def of_query(self, query_id: QueryId) -> OpenQueryState | None:
        """Return an open query."""
        return self._queries.get(query_id)

    def waiting_for(self, members: frozenset[Member]) -> list[tuple[OpenQueryState, Member]]:
        """Return queries that wait for one of these members, their requester not told yet.

        Each with the first of the members that it waits for.
        """
        found: list[tuple[OpenQueryState, Member]] = []
        for state in self._queries.values():
            if state.told_waiting or members.isdisjoint(state.exchanges):
                continue
            waits = [i.exchange.state for i in state.pending() if i.exchange.state in members]
            if waits:
                found.append((state, waits[0]))
        return found

    def end_if_final(self, state: OpenQueryState) -> bool:
        """Forget a query whose every exchange has its final answer; say whether it ended."""
        if state.pending():
            return False
        self._queries.pop(state.accepted.query_id, None)
        for item in state.exchanges.values():
            self._by_exchange.pop(item.exchange.exchange_id, None)
        return True

    def fall_due(self, now: int) -> Iterator[OpenQueryState]:
        """Yield the queries to be asked again; the caller puts each back with `wait_again`."""
        while self._due and self._due[0][0] <= now:
            due_at, query_id = heapq.heappop(self._due)
            state = self._queries.get(query_id)
            # One that was brought forward stands in the wheel twice.
            if state is not None and state.due_at == due_at:
                yield state

    def wait_again(self, state: OpenQueryState, now: int) -> None:
        """Put a query back after it was asked again."""
        state.tries += 1
        self._wait_until(state, now + state.wait_s())

    def _wait_until(self, state: OpenQueryState, due_at: int) -> None:
        state.due_at = due_at
        heapq.heappush(self._due, (due_at, state.accepted.query_id))
