"""The TCP line: TLS with client certificates, frames in and out, batches to the origin face.

What arrives during one event-loop tick, on all connections, is one batch; replies of one tick are
one write per connection. A socket costs per wake-up, not per message.
Every message gets exactly one ACCEPTED or REFUSED, also when its batch fails. Kept deliveries are
written only as fast as the line reads them; a line that lets replies pile up is let go.
INVARIANT (fail-closed): a line that the directory does not list gets no further than HELLO's place.
Source: docs/adr/0011-line-protocol.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol, cast

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
    "DELIVERY_BUFFER_BYTES",
    "LINE_PREFIX",
    "UNANSWERED_MAX",
    "WRITE_BUFFER_BYTES_MAX",
    "Desk",
    "LineServer",
    "line_of",
]

LINE_PREFIX: Final = "line:"
CONNECTIONS_MAX: Final = 4_096
UNANSWERED_MAX: Final = 1_024
WRITE_BUFFER_BYTES_MAX: Final = 8 * 2**20
"""Beyond this many bytes, of one tick or not yet written, a line is let go."""
DELIVERY_BUFFER_BYTES: Final = 2**20
"""Beyond this many unwritten bytes no kept delivery is added until the line has read them."""
HANDSHAKE_SECONDS_MAX: Final = 10.0
_FAILED: Final = "busy"
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
    """One line's live connection; the server owns the batches that it feeds.

    `unanswered` holds the numbers of messages that were neither accepted nor refused; `owes` says
    that a kept delivery was turned away because the line reads slowly.
    """

    def __init__(self, server: LineServer) -> None:
        self._server = server
        self._reader = FrameReader(_KINDS_IN, MESSAGE_FRAME_BYTES_MAX)
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._is_choked = False
        self._is_paused = False
        self._transport: asyncio.Transport | None = None
        self.line = ""
        self.is_open = False
        self.owes = False
        self.unanswered: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind the connection to the line that its certificate names."""
        # Not asserted: the TLS transport of uvloop is no subclass of it.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self.line = line_of(transport.get_extra_info("peercert"))
        transport.set_write_buffer_limits(high=DELIVERY_BUFFER_BYTES)
        # Nothing is read until the line's position is known.
        transport.pause_reading()
        self._server.run(self._server.opened(self))

    def data_received(self, data: bytes) -> None:
        """Hand complete frames to the server's batch."""
        for event in self._reader.feed(data):
            self._server.received(self, event)
        if self._reader.fault is not None:
            self.refuse(self._reader.fault)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        """Forget the connection; what was accepted goes on without it."""
        self.is_open = False
        self._server.lost(self)

    def pause_writing(self) -> None:
        """Take no more deliveries: the line reads too slowly."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """Go on with deliveries."""
        self._is_choked = False
        self._pay()

    @property
    def is_full(self) -> bool:
        """Say whether kept deliveries must wait."""
        return self._is_choked or self._out_bytes >= DELIVERY_BUFFER_BYTES

    def start(self, hello: Hello) -> bool:
        """Say hello and begin to read; say whether the connection is still there."""
        transport = self._live()
        if transport is None:
            return False
        self.is_open = True
        transport.write(encode_hello(hello))
        transport.resume_reading()
        return True

    def send(self, frame: bytes) -> None:
        """Add a frame to what this tick writes."""
        if not self._out:
            self._server.will_flush(self)
        self._out.append(frame)
        self._out_bytes += len(frame)
        if self._out_bytes > WRITE_BUFFER_BYTES_MAX:
            self._let_go()

    def flush(self) -> None:
        """Write this tick's frames at once; a line that does not read is let go."""
        frames, self._out, self._out_bytes = self._out, [], 0
        transport = self._live()
        if transport is None or not frames:
            return
        transport.write(b"".join(frames))
        if transport.get_write_buffer_size() > WRITE_BUFFER_BYTES_MAX:
            self._let_go()
        self._pay()

    def _let_go(self) -> None:
        self._out, self._out_bytes, self.is_open = [], 0, False
        self._server.events.note("lines_not_reading")
        if (transport := self._live()) is not None:
            transport.abort()

    def _pay(self) -> None:
        if self.owes and self.is_open and not self.is_full:
            self.owes = False
            self._server.resume(self)

    def is_asked(self, number: int) -> bool:
        """Count a message as unanswered, reading no further while there are too many.

        A number that is unanswered already closes the connection: which of the two messages an
        answer is meant for could not be told.
        """
        if number in self.unanswered:
            self.refuse(FrameError("`number` is that of an unanswered message"))
            return False
        self.unanswered.add(number)
        if len(self.unanswered) >= UNANSWERED_MAX and not self._is_paused:
            self._is_paused = True
            if (transport := self._live()) is not None:
                transport.pause_reading()
        return True

    def answered(self, number: int) -> None:
        """Count a message as answered; read again once enough are."""
        self.unanswered.discard(number)
        if self._is_paused and len(self.unanswered) <= UNANSWERED_MAX // 2:
            self._is_paused = False
            if (transport := self._live()) is not None:
                transport.resume_reading()

    def _live(self) -> asyncio.Transport | None:
        transport = self._transport
        return None if transport is None or transport.is_closing() else transport

    def refuse(self, fault: FrameError) -> None:
        """Close because of what the line sent; what it sent before stands."""
        if self.is_open:
            self._server.events.failure("frame_malformed", fault)
        self.is_open = False
        self.close()

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
        # INVARIANT (fail-closed): without a verified certificate nobody could be told apart.
        assert ssl_context.verify_mode is ssl.CERT_REQUIRED
        assert ssl_context.minimum_version >= ssl.TLSVersion.TLSv1_3
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
        self._answered(line, number, encode_frame(FrameKind.ACCEPTED, number))

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its message was not taken."""
        self._answered(line, number, encode_frame(FrameKind.REFUSED, number, code.encode()))

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Write a delivery; say whether the line is connected and takes it now.

        What is kept (a number other than 0) waits while the line reads slowly: the desk is asked to
        resume when it has read.
        """
        connection = self._connections.get(line)
        if connection is None or not connection.is_open:
            return False
        if number and connection.is_full:
            connection.owes = True
            return False
        connection.send(encode_delivery(number, reply_to, data))
        return True

    def _answered(self, line: str, number: int, frame: bytes) -> None:
        connection = self._connections.get(line)
        if connection is None or not connection.is_open:
            return
        connection.send(frame)
        connection.answered(number)

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
        except Exception as error:  # noqa: BLE001 - a line that cannot be taken up is let go
            self.events.failure("line_not_opened", error)
            connection.close()
            return
        hello = Hello(
            protocol=PROTOCOL,
            line=connection.line,
            oris=oris,
            message_bytes_max=MESSAGE_BYTES_MAX,
            last_frame=last_frame,
            last_delivery=last_delivery,
            practice=self._is_practice,
        )
        if connection.start(hello):
            self._take_over(connection)
            self.resume(connection)

    def _take_over(self, connection: _Connection) -> None:
        older = self._connections.get(connection.line)
        self._connections[connection.line] = connection
        if older is not None:
            self.events.note("lines_taken_over")
            older.is_open = False
            older.close()

    def resume(self, connection: _Connection) -> None:
        """Have the desk write out what the line was not sent yet."""
        assert self._desk is not None
        self.run(self._desk.resume(connection.line))

    def lost(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._count -= 1
        if self._connections.get(connection.line) is connection:
            del self._connections[connection.line]

    def received(self, connection: _Connection, event: LineEvent) -> None:
        """Add a frame to this tick's batch."""
        if not connection.is_open:
            return
        if event.kind is FrameKind.MESSAGE and not connection.is_asked(event.number):
            return
        if not self._frames and not self._taken:
            asyncio.get_running_loop().call_soon(self._hand_over)
        if event.kind is FrameKind.TAKEN:
            self._taken[connection.line] = max(event.number, self._taken.get(connection.line, 0))
        else:
            frame = LineFrame(line=connection.line, number=event.number, data=event.payload)
            self._frames.append(frame)

    def _hand_over(self) -> None:
        frames, self._frames = self._frames, []
        taken, self._taken = self._taken, {}
        if frames:
            self.run(self._take_frames(frames))
        if taken:
            self.run(self._acknowledge(taken))

    async def _take_frames(self, frames: Sequence[LineFrame]) -> None:
        assert self._desk is not None
        try:
            await self._desk.take_frames(frames)
        except Exception:
            # What was recorded before the fault is found again when the line repeats its message.
            for frame in frames:
                connection = self._connections.get(frame.line)
                if connection is not None and frame.number in connection.unanswered:
                    self.refused(frame.line, frame.number, _FAILED)
            raise

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


def line_of(certificate: object) -> str:
    """Return the line that a verified certificate names, or nothing.

    A name with a colon is none: it could be that of the same line at another front.
    """
    if not isinstance(certificate, dict):
        return ""
    for part in certificate.get("subject", ()):
        for name, value in part:
            if name == "commonName" and value.startswith(LINE_PREFIX):
                line = str(value.removeprefix(LINE_PREFIX))
                return "" if ":" in line else line
    return ""
