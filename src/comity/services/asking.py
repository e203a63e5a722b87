"""How exchanges go out to their states, and what becomes of those that cannot.

Guarantee: what is for a state out of service waits in the order of acceptance and is told to its
requester once; nobody else waits for it. Nothing here is durable: the origin's rows are.
Source: docs/adr/0020-messages-and-outages.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from comity.domain.ids import ORI, ExchangeId, HostName, Member
from comity.domain.keys import Handling, key_row
from comity.domain.query import Exchange
from comity.formats.status import StatusKind
from comity.link.parcel import Ask, Parcel
from comity.ports import Clock, Lines
from comity.services.courier import Courier
from comity.services.deliveries import Deliveries
from comity.services.events import Events
from comity.services.forms import render_queued, render_status
from comity.services.member import World
from comity.services.open_queries import OpenExchange, OpenQueries, OpenQueryState
from comity.services.parking import Parking, place_of

__all__ = ["Asking", "OpenItem"]

_NS: Final = 1_000_000_000

OpenItem = tuple[OpenQueryState, OpenExchange]
"""One state of an open query."""


class Asking:
    """Sends exchanges for the origin face of one host.

    `_sent` are those that were sent to a member and have no answer yet.
    """

    def __init__(
        self,
        *,
        world: World,
        courier: Courier,
        lines: Lines,
        deliveries: Deliveries,
        open_queries: OpenQueries,
        clock: Clock,
        events: Events,
        network: ORI,
    ) -> None:
        self._world = world
        self._courier = courier
        self._lines = lines
        self._deliveries = deliveries
        self._open = open_queries
        self._clock = clock
        self._events = events
        self._network = network
        self._parking = Parking()
        self._sent: dict[Member, set[ExchangeId]] = {}

    def ask(self, items: Iterable[OpenItem]) -> None:
        """Ask the states, but those that are out of service: what is for them waits in order."""
        ready: list[Exchange] = []
        for state, item in items:
            if self._parking.is_down(place_of(item.exchange)) and not item.seen:
                self._parking.queue(item.exchange)
                self.tell(state, item, StatusKind.QUEUED)
            else:
                ready.append(item.exchange)
        self._post(ready)

    def probe(self) -> None:
        """Try the states that are down, and send on what waited for those that are back."""
        self._post(self._parking.probes(self._clock.now_ns() // _NS))
        self.send_on()

    def send_on(self) -> None:
        """Send what waited for states that are back."""
        self._post(self._parking.released())

    def _post(self, exchanges: Iterable[Exchange]) -> None:
        asks: dict[Member, list[Parcel]] = {}
        for exchange in exchanges:
            asks.setdefault(exchange.state, []).append(Ask(exchange=exchange))
            self._sent.setdefault(exchange.state, set()).add(exchange.exchange_id)
        for state, parcels in asks.items():
            host = self._world.directory.host_of(state)
            if host is not None:
                self._courier.post(host, parcels)

    def park(
        self, state: OpenQueryState, item: OpenExchange, *, may_be_alone: bool = False
    ) -> None:
        """Have an exchange wait until its state is back, and tell its requester."""
        self._sent.get(item.exchange.state, set()).discard(item.exchange.exchange_id)
        now = self._clock.now_ns() // _NS
        if self._parking.park(item.exchange, now, may_be_alone=may_be_alone):
            self._events.note("destination_down", member=item.exchange.state)
        self.tell(state, item, StatusKind.QUEUED)

    def source_failed(self, state: OpenQueryState, item: OpenExchange) -> None:
        """A state's source had no answer for an exchange: the state is down, or this one alone.

        It is this one where others were answered since it failed before: then it is asked again by
        itself, and keeps nobody.
        """
        if item.has_failed and self._parking.takes(place_of(item.exchange)):
            self.tell(state, item, StatusKind.QUEUED)
            return
        item.has_failed = True
        self.park(state, item, may_be_alone=True)

    def unheard(self, parcels: Sequence[Parcel]) -> None:
        """Nobody listens where these parcels went: they wait."""
        self._events.note("envelopes_unheard")
        for parcel in parcels:
            if isinstance(parcel, Ask):
                found = self._open.of_exchange(parcel.exchange.exchange_id)
                if found is not None and not found[1].seen:
                    self.park(*found)

    def host_unheard(self, host: HostName) -> None:
        """The hub says that nobody listens at a host: what was sent to its members waits.

        It costs what is under way there, however much is open.
        """
        for member in self._world.directory.members_on(host):
            for exchange_id in self._sent.pop(member, ()):
                found = self._open.of_exchange(exchange_id)
                if found is not None and not found[1].seen:
                    self.park(*found)

    def heard(self, item: OpenExchange, *, is_back: bool) -> None:
        """Note that an exchange has its first answer; `is_back`: from its state itself."""
        if is_back:
            self._parking.revive(place_of(item.exchange))
        self._sent.get(item.exchange.state, set()).discard(item.exchange.exchange_id)
        self._parking.forget(item.exchange)

    def tell_queued(self, state: OpenQueryState) -> None:
        """Acknowledge a search of the archive at once, as the network does: its answer follows."""
        accepted = state.accepted
        if key_row(accepted.query.key).handling is not Handling.ARCHIVE:
            return
        stamps = self._deliveries.stamps(accepted.line, self._clock.now_ns())
        message = render_queued(accepted, stamps, self._network)
        self._lines.deliver(accepted.line, 0, state.frame_no, message)

    def tell(self, state: OpenQueryState, item: OpenExchange, kind: StatusKind) -> None:
        """Send the status message of one state; a merged message says by itself who is silent, and
        a search of the archive was told that it is in the queue.
        """
        is_search = key_row(item.exchange.key).handling is Handling.ARCHIVE
        if item.told_waiting or state.accepted.merges or is_search:
            return
        item.told_waiting = True
        accepted = state.accepted
        stamps = self._deliveries.stamps(accepted.line, self._clock.now_ns())
        message = render_status(accepted, item.exchange, kind, stamps, self._network)
        self._lines.deliver(accepted.line, 0, state.frame_no, message)
