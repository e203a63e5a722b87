"""Store and forward: what waits for a state that is out of service, in the order of acceptance.

A state (for one message key) goes down when nobody listens at its host, when its gateway says that
it is out of service, or when its source does not answer. From then on its exchanges wait here; one
at a time is asked again, as a probe: the first of them, so that it is the first to be answered.
Only where a source failed others have their turn, because what fails may be that one exchange.
The first sign of life lets all of them go, urgent ones first, then in the order in which they were
accepted.

Guarantee: one state's outage costs one probe at a time, however much waits for it, and keeps no
other state's exchange; one exchange that its state cannot answer keeps no other either. Everything
here can be rebuilt: a restart asks all that is open.
Source: docs/adr/0020-messages-and-outages.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

import msgspec

from comity.domain.ids import ExchangeId, Member
from comity.domain.keys import MessageKey, Priority
from comity.domain.query import Exchange
from comity.exchange.origin import priority_of

__all__ = ["PROBE_SECONDS", "RELEASED_MAX", "Parking", "Place", "place_of"]

PROBE_SECONDS: Final = (2, 5, 15)
"""Waits before the next probe of a state that is down; the last one repeats."""

RELEASED_MAX: Final = 8_192
"""Exchanges of one place that are under way at a time when it is back."""

Place = tuple[Member, MessageKey]
"""What can be out of service: one state, for one message key as it is delivered there."""

_ORDER: Final = {priority: place for place, priority in enumerate(Priority)}


def place_of(exchange: Exchange) -> Place:
    """Return where an exchange is answered."""
    return exchange.state, exchange.key


_Entry = tuple[int, bytes, ExchangeId]
"""Urgent first; ids begin with their time, so that they stand in the order of acceptance."""


class _Down(msgspec.Struct, kw_only=True):
    """A place that is out of service: what waits there, and when it is probed next.

    `order` is a heap of what waits and was not probed in this round, `probed` the rest; either may
    still have what ended meanwhile. `out` was sent since the place is back, and is not answered.
    `takes_turns` says that what failed last may be one exchange alone, and not the place.
    """

    waiting: dict[ExchangeId, Exchange] = msgspec.field(default_factory=dict)
    order: list[_Entry] = msgspec.field(default_factory=list)
    probed: list[_Entry] = msgspec.field(default_factory=list)
    out: set[ExchangeId] = msgspec.field(default_factory=set)
    probes: int = 0
    due_at: int = 0
    is_back: bool = False
    takes_turns: bool = False

    def add(self, exchange: Exchange) -> None:
        """Have an exchange wait, once."""
        exchange_id = exchange.exchange_id
        self.out.discard(exchange_id)
        if exchange_id not in self.waiting:
            self.waiting[exchange_id] = exchange
            entry = (_ORDER[priority_of(exchange)], exchange.query_id, exchange_id)
            heapq.heappush(self.order, entry)

    def first(self) -> _Entry | None:
        """Take the first that waits out of the order; it still waits."""
        while self.order:
            entry = heapq.heappop(self.order)
            if entry[2] in self.waiting:
                return entry
        return None

    def next_probe(self) -> _Entry | None:
        """Return what is tried next; it still waits, in its place where nobody takes turns."""
        if not self.takes_turns:
            self.new_round()
        entry = self.first()
        if entry is None:
            self.new_round()
            entry = self.first()
        if entry is not None:
            self.probed.append(entry)
        return entry

    def new_round(self) -> None:
        """Let those that were probed stand in the order again."""
        probed, self.probed = self.probed, []
        for entry in probed:
            heapq.heappush(self.order, entry)


class Parking:
    """The exchanges of one host that wait for places which are out of service."""

    def __init__(self) -> None:
        self._down: dict[Place, _Down] = {}

    def is_down(self, place: Place) -> bool:
        """Say whether a place is out of service, as far as this host knows."""
        return place in self._down

    def takes(self, place: Place) -> bool:
        """Say whether a place answers what it is asked: it never went down, or it is back."""
        down = self._down.get(place)
        return down is None or down.is_back

    def park(self, exchange: Exchange, now: int, *, may_be_alone: bool = False) -> bool:
        """Have an exchange wait that its place did not take; say whether that went down only now.

        A place that was held to be back is not: what is left there is not sent either.
        `may_be_alone`: it failed, and its place may take others.
        """
        down = self._down.get(place_of(exchange))
        is_new = down is None or down.is_back
        if down is None:
            down = self._down[place_of(exchange)] = _Down()
        if is_new:
            down.is_back, down.probes, down.due_at = False, 0, now + PROBE_SECONDS[0]
        down.takes_turns = may_be_alone
        down.add(exchange)
        return is_new

    def queue(self, exchange: Exchange) -> None:
        """Have an exchange wait behind the others of a place that is down."""
        self._down[place_of(exchange)].add(exchange)

    def forget(self, exchange: Exchange) -> None:
        """Take an exchange out that has ended; a place where nothing waits is asked again."""
        place = place_of(exchange)
        down = self._down.get(place)
        if down is not None:
            down.out.discard(exchange.exchange_id)
            down.waiting.pop(exchange.exchange_id, None)
            if not down.waiting:
                del self._down[place]

    def revive(self, place: Place) -> None:
        """Take a place's word that it is back: what waits there is let go by `released`."""
        down = self._down.get(place)
        if down is not None and not down.is_back:
            down.is_back = True
            down.out.clear()
            down.new_round()

    def released(self, limit: int = RELEASED_MAX) -> list[Exchange]:
        """Return what may be sent now, in the order to send it; of each place as much as leaves at
        most `limit` unanswered.

        A place takes part in the ordinary course again when nothing waits there any more; what is
        accepted meanwhile goes behind.
        """
        found: list[Exchange] = []
        for place, down in list(self._down.items()):
            while down.is_back and len(down.out) < limit and (entry := down.first()) is not None:
                found.append(down.waiting.pop(entry[2]))
                down.out.add(entry[2])
            if not down.waiting:
                del self._down[place]
        return found

    def probes(self, now: int) -> Iterator[Exchange]:
        """Yield one exchange of each place that is due to be tried again."""
        for down in self._down.values():
            if down.due_at > now or down.is_back:
                continue
            down.probes += 1
            down.due_at = now + PROBE_SECONDS[min(down.probes, len(PROBE_SECONDS) - 1)]
            entry = down.next_probe()
            if entry is not None:
                yield down.waiting[entry[2]]
