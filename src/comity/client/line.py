"""A line to a gateway: send messages, know when each is durable, receive what answers it.

Guarantee: `send` returns when the gateway has the message durably (or answered it with an error
message); deliveries are acknowledged only after `deliveries` handed them out.
Source: docs/adr/0011-line-protocol.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final, cast

from comity.domain.errors import ComityError
from comity.formats.frames import (
    DELIVERY_FRAME_BYTES_MAX,
    FrameError,
    FrameKind,
    FrameReader,
    Hello,
    LineEvent,
    decode_hello,
    encode_frame,
)

__all__ = ["LineClient", "LineClosedError", "MessageNotTakenError", "open_line"]

_KINDS_IN: Final = frozenset(
    {FrameKind.HELLO, FrameKind.ACCEPTED, FrameKind.REFUSED, FrameKind.DELIVERY}
)
_HELLO_SECONDS_MAX: Final = 15.0


class LineClosedError(ComityError):
    """The connection ended; messages not yet accepted may be sent again under their numbers."""

    code = "line-closed"


class MessageNotTakenError(ComityError):
    """The gateway did not take a message; `reason` is its code, `busy` means later."""

    code = "message-not-taken"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the gateway did not take the message: {reason}")
        self.reason = reason


class LineClient(asyncio.Protocol):
    """One live connection of one line. Made by `open_line`."""

    def __init__(self) -> None:
        self._reader = FrameReader(_KINDS_IN, DELIVERY_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._deliveries: asyncio.Queue[LineEvent | None] = asyncio.Queue()
        self._next = 1
        self._is_closed = False

    @property
    def next_number(self) -> int:
        """The number that the next message gets."""
        return self._next

    async def hello(self) -> Hello:
        """Return what the gateway said first. Raises: LineClosedError, TimeoutError."""
        async with asyncio.timeout(_HELLO_SECONDS_MAX):
            return await asyncio.shield(self._hello)

    async def send(self, message: bytes, number: int | None = None) -> int:
        """Send a message; return its number once it is durable or answered by an error message.

        `number` repeats an earlier one.
        Raises: MessageNotTakenError, LineClosedError.
        """
        number, accepted = self.post(message, number)
        await accepted
        return number

    def post(self, message: bytes, number: int | None = None) -> tuple[int, asyncio.Future[None]]:
        """Send a message without waiting; return its number and what becomes of it.

        `number`, if given, is not that of a message that still waits on this connection.
        """
        transport = self._live()
        if transport is None:
            raise LineClosedError("the connection is closed")
        if number is None:
            number = self._next
        assert number not in self._waiting
        self._next = max(self._next, number + 1)
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = accepted
        transport.write(encode_frame(FrameKind.MESSAGE, number, message))
        return number, accepted

    async def deliveries(self) -> AsyncIterator[LineEvent]:
        """Yield deliveries as they come; each is acknowledged when the next one is asked for."""
        while True:
            event = await self._deliveries.get()
            if event is None:
                # Whoever asks next is told too.
                self._deliveries.put_nowait(None)
                return
            yield event
            self.take(event.number)

    def take(self, number: int) -> None:
        """Acknowledge a delivery and all before it."""
        transport = self._live()
        if number and transport is not None:
            transport.write(encode_frame(FrameKind.TAKEN, number))

    def _live(self) -> asyncio.Transport | None:
        transport = self._transport
        is_ending = self._is_closed or transport is None or transport.is_closing()
        return None if is_ending else transport

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Not asserted: the TLS transport of uvloop is no subclass of it.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take frames as they come."""
        try:
            for event in self._reader.feed(data):
                self._take(event)
        except FrameError:
            self.close()
            return
        if self._reader.fault is not None:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        """End everything that still waits."""
        self._is_closed = True
        error = LineClosedError("the connection ended")
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            _fail(future, error)
        _fail(self._hello, error)
        self._deliveries.put_nowait(None)

    def _take(self, event: LineEvent) -> None:
        match event.kind:
            case FrameKind.HELLO:
                hello = decode_hello(event)
                if self._hello.done():
                    raise FrameError("`hello` is said once")
                self._next = max(self._next, hello.last_frame + 1)
                self._hello.set_result(hello)
            case FrameKind.DELIVERY:
                self._deliveries.put_nowait(event)
            case FrameKind.ACCEPTED:
                self._settle(event.number, None)
            case FrameKind.REFUSED:
                self._settle(event.number, MessageNotTakenError(_text(event.payload)))
            case FrameKind.MESSAGE | FrameKind.TAKEN:
                raise FrameError("`kind` is not one that this end takes")

    def _settle(self, number: int, error: MessageNotTakenError | None) -> None:
        future = self._waiting.pop(number, None)
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            _fail(future, error)


def _text(payload: bytes) -> str:
    return payload.decode("ascii", "replace")


def _fail(future: asyncio.Future[Any], error: ComityError) -> None:
    """Tell whoever still waits; nobody waiting is no fault."""
    if not future.done():
        future.set_exception(error)
        future.exception()


async def open_line(host: str, port: int, context: ssl.SSLContext, server_name: str) -> LineClient:
    """Connect a line and wait for the gateway's hello.

    `context` holds the line's client certificate and the authority that the gateway is checked by.
    Raises: OSError if nobody listens, ssl.SSLError, LineClosedError if the line is not listed,
    TimeoutError if the gateway says nothing.
    """
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        LineClient, host, port, ssl=context, server_hostname=server_name
    )
    try:
        await client.hello()
    except BaseException:
        client.close()
        raise
    return client
