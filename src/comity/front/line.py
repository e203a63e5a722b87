"""The TCP line: TLS with client certificates, frames in and out, batches to the origin face.

What arrives during one event-loop tick, on all connections, is one batch; replies of one tick are
one write per connection. A socket costs per wake-up, not per message.
INVARIANT (fail-closed): a line that the directory does not list gets no further than HELLO's place.
Source: docs/adr/0011-line-protocol.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from comity.domain.errors import ComityError
from comity.formats.frames import (
    MESSAGE_FRAME_BYTES_MAX,
    PROTOCOL,
    FrameError,
    FrameKind,
    FrameReader,
    Hello,
    LineEvent,
    encode_delivery,
    encode_frame,
    encode_hello,
)
from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.ports import LineFrame
from comity.services.events import Events

__all__ = [
    "CONNECTIONS_MAX",
    "LINE_PREFIX",
    "UNANSWERED_MAX",
    "WRITE_BUFFER_BYTES_MAX",
    "Desk",
    "LineServer",
]

LINE_PREFIX: Final = "line:"
CONNECTIONS_MAX: Final = 4_096
UNANSWERED_MAX: Final = 1_024
WRITE_BUFFER_BYTES_MAX: Final = 8 * 2**20
HANDSHAKE_SECONDS_MAX: Final = 10.0
_KINDS_IN: Final = frozenset({FrameKind.MESSAGE, FrameKind.TAKEN})


class Desk(Protocol):
    """What a line's frames are given to."""

    def oris_of(self, line: str) -> tuple[str, ...]:
        """Return the agencies that may be spoken for on a line; none: it is not listed."""
        ...

    async def open_line(self, line: str) -> tuple[int, int]:
        """Take up a line; return its last accepted frame and its last delivery."""
        ...

    async def resume(self, line: str) -> None:
        """Write out what the line has not acknowledged."""
        ...

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept or refuse messages."""
        ...

    async def acknowledged(self, line: str, number: int) -> None:
        """Take a line's acknowledgement."""
        ...


class _Connection(asyncio.Protocol):
    """One line's live connection; the server owns the batches that it feeds."""

    def __init__(self, server: LineServer) -> None:
        self._server = server
        self._reader = FrameReader(_KINDS_IN, MESSAGE_FRAME_BYTES_MAX)
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self.line = ""
        self.is_open = False
        self.unanswered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind the connection to the line that its certificate names."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.line = _line_of(transport.get_extra_info("peercert"))
        # Nothing is read until the line's position is known.
        transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._server.opened(self))

    def data_received(self, data: bytes) -> None:
        """Hand complete frames to the server's batch."""
        try:
            events = self._reader.feed(data)
        except FrameError as error:
            self._server.events.failure("frame_malformed", error)
            self.close()
            return
        for event in events:
            self._server.received(self, event)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        """Forget the connection; what was accepted goes on without it."""
        self.is_open = False
        self._server.lost(self)

    def start(self, hello: Hello) -> None:
        """Say hello and begin to read."""
        if self._transport is None or self._transport.is_closing():
            return
        self.is_open = True
        self._transport.write(encode_hello(hello))
        self._transport.resume_reading()

    def send(self, frame: bytes) -> None:
        """Add a frame to what this tick writes."""
        if not self._out:
            self._server.will_flush(self)
        self._out.append(frame)

    def flush(self) -> None:
        """Write this tick's frames at once; a line that does not read is let go."""
        frames, self._out = self._out, []
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(b"".join(frames))
        if transport.get_write_buffer_size() > WRITE_BUFFER_BYTES_MAX:
            self._server.events.note("lines_not_reading")
            transport.abort()

    def pause(self) -> None:
        """Stop reading: too many messages of this line are unanswered."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()


class LineServer:
    """Listens for lines; is the `Lines` port to the services."""

    def __init__(
        self,
        *,
        events: Events,
        ssl_context: ssl.SSLContext,
        is_practice: bool,
    ) -> None:
        self.events = events
        self._ssl = ssl_context
        self._is_practice = is_practice
        self._desk: Desk | None = None
        self._connections: dict[str, _Connection] = {}
        self._count = 0
        self._frames: list[LineFrame] = []
        self._taken: dict[str, int] = {}
        self._flushing: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, desk: Desk, host: str, port: int) -> int:
        """Begin to listen; return the port."""
        self._desk = desk
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self),
            host,
            port,
            ssl=self._ssl,
            ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX,
            backlog=1024,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.close()
        for task in list(self._tasks):
            task.cancel()

    # The Lines port.

    def accepted(self, line: str, number: int) -> None:
        """Tell a line that its message is durable, or was answered by an error message."""
        self._answered(line, encode_frame(FrameKind.ACCEPTED, number))

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its message was not taken."""
        self._answered(line, encode_frame(FrameKind.REFUSED, number, code.encode()))

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Write a delivery; say whether the line is connected."""
        connection = self._connections.get(line)
        if connection is None or not connection.is_open:
            return False
        connection.send(encode_delivery(number, reply_to, data))
        return True

    def _answered(self, line: str, frame: bytes) -> None:
        connection = self._connections.get(line)
        if connection is None or not connection.is_open:
            return
        connection.send(frame)
        connection.unanswered -= 1
        if connection.unanswered == UNANSWERED_MAX // 2:
            connection.resume()

    # What connections call.

    async def opened(self, connection: _Connection) -> None:
        """Take up a line, or close a connection that no agency lists."""
        desk = self._desk
        assert desk is not None
        self._count += 1
        oris = desk.oris_of(connection.line) if connection.line else ()
        if not oris or self._count > CONNECTIONS_MAX:
            self.events.note("lines_refused")
            connection.close()
            return
        try:
            last_frame, last_delivery = await desk.open_line(connection.line)
        except ComityError as error:
            self.events.failure("line_not_opened", error)
            connection.close()
            return
        older = self._connections.get(connection.line)
        if older is not None:
            self.events.note("lines_taken_over")
            older.is_open = False
            older.close()
        self._connections[connection.line] = connection
        connection.start(
            Hello(
                protocol=PROTOCOL,
                line=connection.line,
                oris=oris,
                message_bytes_max=MESSAGE_BYTES_MAX,
                last_frame=last_frame,
                last_delivery=last_delivery,
                practice=self._is_practice,
            )
        )
        self.run(desk.resume(connection.line))

    def lost(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._count -= 1
        if self._connections.get(connection.line) is connection:
            del self._connections[connection.line]

    def received(self, connection: _Connection, event: LineEvent) -> None:
        """Add a frame to this tick's batch."""
        if not connection.is_open:
            return
        if not self._frames and not self._taken:
            asyncio.get_running_loop().call_soon(self._hand_over)
        if event.kind is FrameKind.TAKEN:
            self._taken[connection.line] = max(event.number, self._taken.get(connection.line, 0))
            return
        self._frames.append(
            LineFrame(line=connection.line, number=event.number, data=event.payload)
        )
        connection.unanswered += 1
        if connection.unanswered == UNANSWERED_MAX:
            connection.pause()

    def _hand_over(self) -> None:
        assert self._desk is not None
        frames, self._frames = self._frames, []
        taken, self._taken = self._taken, {}
        if frames:
            self.run(self._desk.take_frames(frames))
        if taken:
            self.run(self._acknowledge(taken))

    async def _acknowledge(self, taken: dict[str, int]) -> None:
        assert self._desk is not None
        for line, number in taken.items():
            await self._desk.acknowledged(line, number)

    def will_flush(self, connection: _Connection) -> None:
        """Write a connection's frames at the end of this tick."""
        if not self._flushing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._flushing.append(connection)

    def _flush(self) -> None:
        flushing, self._flushing = self._flushing, []
        for connection in flushing:
            connection.flush()

    def run(self, work: Awaitable[None]) -> None:
        """Run work of a batch; a fault in it is an event, never the end of the server."""
        task = asyncio.ensure_future(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - one batch must not stop the line
            self.events.failure("line_batch_failed", error)


def _line_of(certificate: object) -> str:
    """Return the line that a verified certificate names, or nothing."""
    if not isinstance(certificate, dict):
        return ""
    for part in certificate.get("subject", ()):
        for name, value in part:
            if name == "commonName" and value.startswith(LINE_PREFIX):
                return str(value.removeprefix(LINE_PREFIX))
    return ""
