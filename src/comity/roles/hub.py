"""The hub: routes signed, sealed envelopes between gateways. It keeps nothing and can read nothing.

It looks at an envelope's outer header only; it can neither forge nor read (invariant
`signed-query`). Several hubs share one queue group. Where nobody listens, the sender is told, and
keeps its query.
"""

from __future__ import annotations

from typing import Final

from comity.domain.errors import ComityError
from comity.link.envelope import Route, route_of
from comity.ports import Bus
from comity.roles.gateway import UNHEARD_MARK
from comity.services.courier import HUB_SUBJECT, gateway_subject
from comity.services.events import Events

__all__ = ["HUB_GROUP", "Hub"]

HUB_GROUP: Final = "hub"


class Hub:
    """Routes envelopes."""

    def __init__(self, *, bus: Bus, events: Events) -> None:
        self._bus = bus
        self._events = events

    async def start(self) -> None:
        """Begin to route."""
        await self._bus.listen(HUB_SUBJECT, self._route, group=HUB_GROUP)

    async def _route(self, data: bytes) -> None:
        try:
            route = route_of(data)
        except ComityError as error:
            self._events.failure("envelope_not_routed", error)
            return
        await self._bus.publish(
            gateway_subject(route.recipient), data, unheard=lambda: self._unheard(route)
        )
        self._events.note("envelopes_routed")

    def _unheard(self, route: Route) -> None:
        self._events.note("recipients_unheard")
        self._bus.post(gateway_subject(route.sender), UNHEARD_MARK + route.recipient.encode())
