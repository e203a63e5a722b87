"""The HTTPS listener of a gateway: TLS 1.3 with client certificates in front of the application.

uvicorn's own server is not used: it would take over the process's signals, and its listener has no
limit on handshakes. Its protocol runs on a listener of ours.
Source: docs/adr/0015-http-front.md; ADR 0001.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from comity.front.http.app import HttpApp
from comity.front.http.desk import HttpDesk
from comity.front.http.lines import HttpLines
from comity.front.http.protocol import Connections, HttpConnection, HttpTimes
from comity.front.line import HANDSHAKE_SECONDS_MAX
from comity.services.events import Events

__all__ = ["HttpServer"]

SHUTDOWN_SECONDS_MAX: Final = 2.0
"""How long the end of a connection may take, and the replies under way when the front closes."""


class HttpServer:
    """Listens for requests; `lines` is its side of the `Lines` port."""

    def __init__(
        self,
        *,
        events: Events,
        ssl_context: ssl.SSLContext,
        is_practice: bool,
        times: HttpTimes | None = None,
    ) -> None:
        # INVARIANT (fail-closed): without a verified certificate nobody could be told apart.
        assert ssl_context.verify_mode is ssl.CERT_REQUIRED
        assert ssl_context.minimum_version >= ssl.TLSVersion.TLSv1_3
        ssl_context.set_alpn_protocols(["http/1.1"])
        self.lines = HttpLines(events)
        self._events = events
        self._ssl = ssl_context
        self._is_practice = is_practice
        self._times = times or HttpTimes()
        self._server: asyncio.Server | None = None
        self._connections: Connections | None = None

    async def listen(self, desk: HttpDesk, host: str, port: int) -> int:
        """Begin to listen; return the port."""
        app = HttpApp(
            desk=desk, lines=self.lines, events=self._events, is_practice=self._is_practice
        )
        shared = self._connections = Connections(app, self._events, self._times)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(shared),
            host,
            port,
            ssl=self._ssl,
            ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS_MAX,
            backlog=1024,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, answer what waits with what there is, and end every connection."""
        if self._server is None or self._connections is None:
            return
        self._server.close()
        self.lines.close()
        state = self._connections.state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            _, late = await asyncio.wait(set(state.tasks), timeout=SHUTDOWN_SECONDS_MAX)
            for task in late:
                task.cancel()
        self.lines.end()
        for connection in list(state.connections):
            connection.transport.close()
