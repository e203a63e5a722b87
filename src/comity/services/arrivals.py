"""Which of the answers that came can be kept, and in which order.

Guarantee: of each exchange the next step alone is taken, and what follows on it; nothing of an
exchange that has ended, of another state than the one asked, or beyond the limit.
INVARIANT (one-final-outcome): the first final answer of an exchange is its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId
from comity.ports import Clock
from comity.services.events import Events
from comity.services.open_queries import OpenExchange, OpenQueries, OpenQueryState

__all__ = ["ANSWERS_PER_EXCHANGE_MAX", "Arrivals", "NewAnswer"]

ANSWERS_PER_EXCHANGE_MAX: Final = 64
"""Answers of one state to one query that are kept before its final one."""

_NS: Final = 1_000_000_000

NewAnswer = tuple[OpenQueryState, OpenExchange, Answer]
"""An answer that is new, with the query and the state of it that it answers."""


class Arrivals:
    """Tells new answers from repeated, early and unasked ones."""

    def __init__(self, *, open_queries: OpenQueries, clock: Clock, events: Events) -> None:
        self._open = open_queries
        self._clock = clock
        self._events = events

    def in_order(self, answers: Sequence[Answer]) -> list[NewAnswer]:
        """Return what can be kept now: per exchange the next step, and what follows on it.

        What came before its predecessor is not kept: the query is asked again, and its state
        repeats all of them in order.
        """
        new: list[NewAnswer] = []
        reach: dict[ExchangeId, int] = {}
        ended: set[ExchangeId] = set()
        now = self._clock.now_ns() // _NS
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
                # After a restart, this is how a hold's time is known again.
                self._open.rest(state, now)
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
                self._open.hasten(state, now)
            else:
                self._events.note("answers_repeated")
        return new
