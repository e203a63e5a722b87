"""One HTTPS connection: uvicorn's parser and flow control, our limits, and who is at the other end.

uvicorn bounds neither the head of a request nor how long it may take to come, and does not show the
client's certificate. This subclass does, and answers with our problem documents where the
application is not reached.
Guarantee: a connection holds at most one head of 8 KiB, one body's buffer and one unread reply, and
none of them for ever. What cannot be read for certain (a second `Host`, a trailer, an upgrade) is
refused, so that nobody in between can see another request than we do.
Source: RFC 9112; docs/adr/0015-http-front.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any, Final, cast

import msgspec
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from comity.front.http.app import LINE_EXTENSION
from comity.front.http.problems import Problem, ProblemError
from comity.front.http.replies import encode_reply
from comity.front.line import line_of
from comity.services.events import Events

__all__ = [
    "CONNECTIONS_MAX",
    "HEADERS_MAX",
    "HEAD_BYTES_MAX",
    "KEEP_ALIVE_SECONDS_MAX",
    "LINE_CONNECTIONS_MAX",
    "READ_SECONDS_MAX",
    "REQUEST_SECONDS_MAX",
    "TARGET_BYTES_MAX",
    "Connections",
    "HttpConnection",
    "HttpRoom",
    "HttpTimes",
]

CONNECTIONS_MAX: Final = 1_024
"""HTTPS connections of one host."""
LINE_CONNECTIONS_MAX: Final = 128
"""HTTPS connections of one line: more than it may have requests under way, and far from all."""
HEAD_BYTES_MAX: Final = 8_192
"""Bytes of a request's target and headers."""
HEADERS_MAX: Final = 64
"""Headers of a request."""
TARGET_BYTES_MAX: Final = 2_048
"""Bytes of a request's target, its path and query."""
REQUEST_SECONDS_MAX: Final = 10.0
"""From the first byte of a request to its last, and from a connection to its first request."""
READ_SECONDS_MAX: Final = 30.0
"""How long a reply may stand unread before the connection is let go."""
KEEP_ALIVE_SECONDS_MAX: Final = 60
"""How long a connection may stand idle between two requests."""


class HttpTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a connection may take over things, in seconds."""

    request: float = REQUEST_SECONDS_MAX
    read: float = READ_SECONDS_MAX
    idle: int = KEEP_ALIVE_SECONDS_MAX


class HttpRoom(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections one line may have, all of them where there are no lines, and how many
    bytes an address.
    """

    connections: int = LINE_CONNECTIONS_MAX
    target_bytes: int = TARGET_BYTES_MAX


class Connections:
    """What all connections of a front share."""

    def __init__(
        self, app: ASGIApp, events: Events, times: HttpTimes, room: HttpRoom | None = None
    ) -> None:
        self.events = events
        self.times = times
        self.room = room or HttpRoom()
        self.state = ServerState()
        self.of_line: Counter[str] = Counter()
        self.config = Config(
            app,
            interface="asgi3",
            http=HttpConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # Nobody in front of us is believed about who asks.
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=times.idle,
        )
        self.config.load()

    def enter(self, connection: HttpConnection) -> bool:
        """Count a connection in; say whether there was a place for it."""
        has_place = (
            len(self.state.connections) <= CONNECTIONS_MAX
            and self.of_line[connection.line] < self.room.connections
        )
        self.of_line[connection.line] += 1
        return has_place

    def leave(self, connection: HttpConnection) -> None:
        """Count a connection out."""
        self.of_line[connection.line] -= 1
        if not self.of_line[connection.line]:
            del self.of_line[connection.line]


class _Silent(logging.Logger):
    """uvicorn's log lines are not ours: what an operator should see is an event."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the logger's own
        """Nothing is written."""
        return False


_SILENT: Final = _Silent("comity.front.http", level=logging.CRITICAL)


class _JoinedTransport(asyncio.Transport):
    """Writes what one tick of the loop brings at once.

    uvicorn writes a reply's head and its body apart, and over TLS each costs as much as both.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._out: list[bytes] = []
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add to what this tick writes."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(bytes(data))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def close(self) -> None:
        """Close after what was written."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._out.clear()
        self._transport.abort()


class HttpConnection(HttpToolsProtocol):
    """One connection. `line` is the name that its certificate holds, or nothing.

    `_deadline` runs while a request is on its way in, `_reading` while a reply is not read.
    """

    def __init__(self, shared: Connections) -> None:
        super().__init__(shared.config, shared.state, {}, _loop=asyncio.get_running_loop())
        self.logger = _SILENT
        self.access_log = False
        self.line = ""
        self._shared = shared
        self._has_entered = False
        self._begun = 0
        self._head_bytes = 0
        self._is_head = False
        self._refusal = Problem.REQUEST_MALFORMED
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind the connection to the line that its certificate names."""
        # Not asserted: the TLS transport of uvloop is no subclass of it.
        transport = cast("asyncio.Transport", transport)
        super().connection_made(_JoinedTransport(transport, self.loop))
        self.line = line_of(transport.get_extra_info("peercert"))
        self._has_entered = True
        if not self._shared.enter(self):
            self._shared.events.note("http_connections_refused")
            self._answer_and_close(Problem.BUSY)
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a message that was handed in goes on without it."""
        self._disarm()
        self._stop_reading_clock()
        if self._has_entered:
            self._has_entered = False
            self._shared.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that does not end is refused while it is still small."""
        if self.transport.is_closing():
            return
        if self._deadline is None:
            self._arm()
        was_head, was_idle = self._is_head, not self._is_head and not self._is_busy
        self._begun = 0
        super().data_received(data)
        # Of data that holds other requests too, only what follows is counted.
        is_rest = was_head and self._begun == 0
        is_start = was_idle and self._begun == 1
        if self._is_head and (is_rest or is_start):
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._answer_and_close(Problem.HEADERS_TOO_LARGE)

    @property
    def _is_busy(self) -> bool:
        """Whether a request is on its way in, or a reply on its way out."""
        cycle = self.cycle
        return cycle is not None and (cycle.more_body or not cycle.response_complete)

    def pause_writing(self) -> None:
        """Start the clock of a reply that is not read."""
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(self._shared.times.read, self._let_go)

    def resume_writing(self) -> None:
        """Stop it."""
        super().resume_writing()
        self._stop_reading_clock()

    # The parser's callbacks. What they raise, the parser reports as a malformed request.

    def on_message_begin(self) -> None:
        """Begin a request, with a clock of its own."""
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {LINE_EXTENSION: {"name": self.line}}
        self._begun += 1
        self._is_head = True
        self._head_bytes = 0
        self._disarm()
        self._arm()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        super().on_url(url)
        if len(self.url) > self._shared.room.target_bytes:
            self._refuse(Problem.URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; behind the body it would be taken for one that stood before it."""
        if not self._is_head:
            self._refuse(Problem.REQUEST_MALFORMED)
        super().on_header(name, value)
        if len(self.headers) > HEADERS_MAX:
            self._refuse(Problem.HEADERS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Check the head as a whole, then start the application."""
        self._is_head = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            self._refuse(Problem.HEADERS_TOO_LARGE)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts != 1 or self.parser.should_upgrade():
            self._refuse(Problem.REQUEST_MALFORMED)
        super().on_headers_complete()
        if self.pipeline:
            # Nothing is read until its turn comes: the time until then is not the client's.
            self._disarm()

    def on_message_complete(self) -> None:
        """A request has come whole."""
        self._disarm()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.more_body and self._deadline is None:
            self._arm()
        super()._start_asgi_task(cycle, app)

    def _refuse(self, problem: Problem) -> None:
        self._refusal = problem
        raise ProblemError(problem)

    # What is answered without the application.

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's own words
        """Answer what cannot be parsed, and end the connection."""
        self._answer_and_close(self._refusal)

    def _answer_and_close(self, problem: Problem) -> None:
        """Answer and close; where another reply is under way this one would be taken for it."""
        self._disarm()
        self._shared.events.note("http_requests_malformed")
        cycle = self.cycle
        is_other = cycle is not None and not cycle.response_complete
        if is_other and not self._is_head and not self.pipeline and cycle.more_body:
            # The request on its way in is the one that is refused.
            is_other = cycle.response_started
        if not is_other:
            self.transport.write(encode_reply(ProblemError(problem).reply))
        self.transport.close()

    # Clocks.

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self._shared.times.request, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        is_stray = self._is_busy and not self._is_head and not self.cycle.more_body
        # Line ends behind a whole request, as old clients send them, are no further request.
        if not is_stray and not self.transport.is_closing():
            self._answer_and_close(Problem.REQUEST_TIMEOUT)

    def _stop_reading_clock(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _let_go(self) -> None:
        self._reading = None
        self._shared.events.note("http_replies_not_read")
        self.transport.abort()
