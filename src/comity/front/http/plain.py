"""A server of public matters without TLS and without accounts, and how often an address may ask it.

Guarantee: connections are bounded as those of the agencies' HTTPS front are; what is under way when
it closes is answered first. TLS ends at the operator's own front.
Source: RFC 9112; docs/adr/0015-http-front.md.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp

from comity.front.http.protocol import Connections, HttpConnection, HttpRoom, HttpTimes
from comity.services.events import Events

__all__ = ["ADDRESSES_MAX", "PlainServer", "Rates"]

ADDRESSES_MAX: Final = 4_096
"""Addresses whose rate is remembered; the one heard least recently is forgotten."""

_CLOSE_SECONDS_MAX: Final = 2.0


class Rates:
    """A bucket of requests for each address, which fills with time."""

    def __init__(self, now: Callable[[], float], *, rate: float, burst: float) -> None:
        self._now = now
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, address: str) -> bool:
        """Take one request out of an address's bucket; say whether there was one."""
        now = self._now()
        left, at = self._buckets.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        has_one = left >= 1
        self._buckets[address] = (left - has_one, now)
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        return has_one


class PlainServer:
    """Listens for an application's requests."""

    def __init__(
        self,
        app: ASGIApp,
        events: Events,
        times: HttpTimes | None = None,
        room: HttpRoom | None = None,
    ) -> None:
        self._connections = Connections(app, events, times or HttpTimes(), room)
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Begin to listen; return the port."""
        shared = self._connections
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(shared), host, port, backlog=128
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, answer what is under way, and end every connection."""
        if self._server is None:
            return
        self._server.close()
        state = self._connections.state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            _, late = await asyncio.wait(set(state.tasks), timeout=_CLOSE_SECONDS_MAX)
            for task in late:
                task.cancel()
        for connection in list(state.connections):
            connection.transport.close()
