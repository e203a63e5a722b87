"""Accepted queries that are not ended: what each still waits for, and when to ask again.

Guarantee: everything here can be rebuilt from durable rows; losing it loses nothing. The wheel
holds one entry per open query, so a second costs what falls due in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.domain.query import Exchange
from comity.exchange.origin import AcceptedQuery

__all__ = ["REDRIVE_SECONDS", "OpenExchange", "OpenQueries", "OpenQueryState"]

REDRIVE_SECONDS: Final = (2, 5, 15, 60)
"""Waits before a query is asked again, counted from its last new word; the last one repeats."""

HELD_REDRIVE_SECONDS: Final = 300
"""Wait before a query is asked again that a reviewer has; what an agency is to answer, which has
minutes, is asked again as often as any other."""

HELD_SLACK_SECONDS: Final = 3
"""How long after a hold's time its end is asked for: its word may have been lost."""


class OpenExchange(msgspec.Struct, kw_only=True):
    """One state of an open query; `seen` are the steps of its answers that are saved (or, before
    a merged message went out, are at hand for it). `told_waiting` says that the requester knows
    that it waits, `held_until` until when a person has it, and `is_awaited` that this is an agency
    which is to answer; `has_failed` that its state's source had no answer for it.

    Answers are taken in the order of their steps: what was released at once must arrive too, even
    if the wire lost it and brought what followed a review. So a final answer is the last one here,
    and in the store. `next_step` is the step that comes next, as far as this host has seen.
    """

    exchange: Exchange
    seen: set[int] = msgspec.field(default_factory=set)
    next_step: int = 0
    is_held: bool = False
    is_awaited: bool = False
    held_until: int = 0
    is_final: bool = False
    told_waiting: bool = False
    has_failed: bool = False

    def take(self, answer: Answer) -> None:
        """Note an answer that is saved; one that was saved before tells how far it reaches."""
        self.seen.add(answer.step)
        if answer.hold is not None:
            self.held_until = answer.hold.until
            self.is_awaited = answer.response is ResponseKind.DELIVERED
        self.next_step = max(self.next_step, answer.step + max(1, len(answer.proofs)))

    def is_resting(self, now: int) -> bool:
        """Whether a person has it, as far as this host knows, and still has time for it."""
        return self.is_held and self.held_until > now

    def held_wait_s(self, now: int) -> int:
        """Return how long to wait before asking again for what a person has."""
        longest = REDRIVE_SECONDS[-1] if self.is_awaited else HELD_REDRIVE_SECONDS
        return min(longest, self.held_until + HELD_SLACK_SECONDS - now)

    def restore(self, steps: Iterable[int], *, is_final: bool) -> None:
        """Set what the store has of this exchange."""
        self.seen = set(steps)
        # How many leaves the last one has is seen when its state repeats it.
        self.next_step = max(self.seen, default=-1) + 1
        self.is_held = bool(self.seen) and not is_final
        self.is_final = is_final


class OpenQueryState(msgspec.Struct, kw_only=True):
    """One open query. `tries` counts asks since one of its states said something new.

    `due_at` is when it is asked again; `is_hastened` that this was brought forward. `unmerged` are
    the first answers of states that a merged message will bring, `later` what came behind them;
    None where there is no such message to come.
    """

    accepted: AcceptedQuery
    frame_no: int
    entry: str
    exchanges: dict[Member, OpenExchange]
    tries: int = 0
    due_at: int = 0
    is_hastened: bool = False
    unmerged: dict[Member, Answer] | None = None
    later: list[Answer] = msgspec.field(default_factory=list)

    def pending(self) -> list[OpenExchange]:
        """Return the exchanges whose final answer is not here."""
        return [item for item in self.exchanges.values() if not item.is_final]

    def wait_s(self, now: int) -> int:
        """Return how long to wait before asking again.

        A hold whose time this host does not know, or whose time is over, is asked for like
        anything else that is owed: its word, or the ask for it, may have been lost.
        """
        if self.is_resting(now):
            return min(item.held_wait_s(now) for item in self.pending())
        return REDRIVE_SECONDS[min(max(self.tries, 1), len(REDRIVE_SECONDS)) - 1]

    def is_resting(self, now: int) -> bool:
        """Whether people have all that it waits for, and time for it."""
        pending = self.pending()
        return bool(pending) and all(item.is_resting(now) for item in pending)


class OpenQueries:
    """The open queries of one host's origin face."""

    def __init__(self) -> None:
        self._queries: dict[QueryId, OpenQueryState] = {}
        self._by_exchange: dict[ExchangeId, tuple[QueryId, Member]] = {}
        self._due: list[tuple[int, QueryId]] = []
        self._merging: list[tuple[int, QueryId]] = []

    def __len__(self) -> int:
        return len(self._queries)

    @property
    def exchanges(self) -> int:
        """How many states all open queries ask."""
        return len(self._by_exchange)

    def add(self, state: OpenQueryState, due_at: int) -> None:
        """Wait for a query's answers; ask again at `due_at` (Unix seconds)."""
        query_id = state.accepted.query_id
        self._queries[query_id] = state
        for member, item in state.exchanges.items():
            self._by_exchange[item.exchange.exchange_id] = (query_id, member)
        self._wait_until(state, due_at)

    def merge_at(self, state: OpenQueryState, due_at: int) -> None:
        """Have a query's answers collected for one message until `due_at` (Unix seconds)."""
        state.unmerged = {}
        heapq.heappush(self._merging, (due_at, state.accepted.query_id))

    def merges_due(self, now: int) -> Iterator[OpenQueryState]:
        """Yield the queries whose merged message is due: it has waited long enough."""
        while self._merging and self._merging[0][0] <= now:
            state = self._queries.get(heapq.heappop(self._merging)[1])
            if state is not None and state.unmerged is not None:
                yield state

    def hasten(self, state: OpenQueryState, now: int) -> None:
        """Have a query asked again at the next second; once between two of its answers."""
        if not state.is_hastened:
            state.is_hastened = True
            self._wait_until(state, now)

    def rest(self, state: OpenQueryState, now: int) -> None:
        """Let a query wait as long as a person may take, once a person has all that it waits for.

        Each further ask would have its state look up and prove again what it said a moment ago.
        """
        if state.is_resting(now):
            self._wait_until(state, now + state.wait_s(now))

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

    def end_if_final(self, state: OpenQueryState) -> bool:
        """Forget a query whose every final answer is on its way; say whether it ended."""
        if state.pending() or state.unmerged is not None:
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
        self._wait_until(state, now + state.wait_s(now))

    def _wait_until(self, state: OpenQueryState, due_at: int) -> None:
        state.due_at = due_at
        heapq.heappush(self._due, (due_at, state.accepted.query_id))
