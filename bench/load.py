"""The load generator of the exchange bench: many lines, one open loop, in a process of its own.

A query is due at a time that does not depend on any answer, and its latency counts from then, so
that a stall is seen by everything that was due during it. Frames are made before the window; what
comes back is read as far as its frame, and every n-th delivery is kept for whoever verifies it.

Commands come on stdin and results go to stdout, as msgpack with a length of 4 bytes before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, TypeVar, cast

import msgspec
import uvloop

from comity.formats.frames import FrameKind
from comity.roles.certificates import SERVER_NAME, client_context, tls_files

HEAD = struct.Struct(">IBQ")
NUMBERS = struct.Struct(">QQ")
PLAIN_BYTES = 9
TICK_S = 0.001
HANDSHAKES = 16
UNANSWERED = 0xFFFF_FFFF
MESSAGE, TAKEN = int(FrameKind.MESSAGE), int(FrameKind.TAKEN)
HELLO, ACCEPTED = int(FrameKind.HELLO), int(FrameKind.ACCEPTED)
REFUSED, DELIVERY = int(FrameKind.REFUSED), int(FrameKind.DELIVERY)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines to open, and the messages to send, each with its line and its answers."""

    host: str
    port: int
    tls: str
    lines: tuple[str, ...]
    messages: tuple[tuple[int, int, bytes], ...]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The lines are open."""

    connections: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of load: so many queries a second for so long; then a time to drain."""

    rate: float
    seconds: float
    drain_s: float
    first: int = 0
    keep_every: int = 100


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a window's queries.

    `latencies_us` holds one unsigned 4-byte number a query, in the order of their due times: until
    its last answer, or `UNANSWERED`. `late_us` is how late the generator itself was at most.
    """

    sent: int
    accepted: int
    refused: int
    faults: int
    lost: int
    late_us: int
    latencies_us: bytes
    kept: tuple[bytes, ...]


class Line(asyncio.Protocol):
    """One line's connection; numbers its messages and acknowledges what it is sent."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.rest = b""
        self.number = 0
        self.waiting: dict[int, list[int]] = {}
        self.is_lost = False
        self.hello: asyncio.Future[None] = load.loop.create_future()
        self.write: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep how to write."""
        self.write = cast("asyncio.Transport", transport).write

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        """Count a connection that ended as lost."""
        self.is_lost = True
        self.load.lost += 1
        if not self.hello.done():
            self.hello.set_exception(ConnectionError("a line was not taken up"))

    def ask(self, message: bytes, index: int, answers: int) -> None:
        """Send a message of the running window."""
        self.number = number = self.number + 1
        self.waiting[number] = [self.load.window, index, answers]
        self.write(HEAD.pack(PLAIN_BYTES + len(message), MESSAGE, number) + message)

    def data_received(self, data: bytes) -> None:
        """Read frames; acknowledge the last kept delivery of this read, and so all before it."""
        rest = self.rest + data if self.rest else data
        at, size, taken = 0, len(rest), 0
        while size - at >= 4:
            end = at + 4 + int.from_bytes(rest[at : at + 4], "big")
            if end > size:
                break
            kind = rest[at + 4]
            if kind == DELIVERY:
                number, reply_to = NUMBERS.unpack_from(rest, at + 5)
                if number:
                    taken = number
                    self.load.delivered(self, reply_to, rest, at + 21, end)
                else:
                    self.load.faults += 1
            elif kind == ACCEPTED:
                self.load.accepted += 1
            else:
                self.other(kind, rest[at:end])
            at = end
        self.rest = rest[at:]
        if taken:
            self.write(HEAD.pack(PLAIN_BYTES, TAKEN, taken))

    def other(self, kind: int, frame: bytes) -> None:
        """Take a hello or a refusal."""
        if kind == HELLO:
            self.number = msgspec.json.decode(frame[13:])["last_frame"]
            self.hello.set_result(None)
            return
        assert kind == REFUSED
        self.load.refused += 1
        self.waiting.pop(int.from_bytes(frame[5:13], "big"), None)
        self.load.ended()


class Load:
    """All lines and the running window's counts."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lines: list[Line] = []
        self.messages: Sequence[tuple[int, int, bytes]] = ()
        self.window = 0
        self.begun = 0.0
        self.rate = 1.0
        self.open = 0
        self.drained = asyncio.Event()
        self.keep_every = 100
        self.clear(0)

    def clear(self, count: int) -> None:
        """Begin counting anew, for a window of `count` queries."""
        self.accepted = self.refused = self.faults = self.lost = self.late_us = self.answers = 0
        self.latencies = array("I", [UNANSWERED]) * count
        self.kept: list[bytes] = []

    async def connect(self, plan: Plan) -> Opened:
        """Open every line, a few handshakes at a time."""
        self.messages = plan.messages
        folder = Path(plan.tls)
        slots = asyncio.Semaphore(HANDSHAKES)

        async def one(name: str) -> Line:
            async with slots:
                context = client_context(tls_files(folder, name))
                _, line = await self.loop.create_connection(
                    lambda: Line(self),
                    plan.host,
                    plan.port,
                    ssl=context,
                    server_hostname=SERVER_NAME,
                )
                await line.hello
                return line

        self.lines = list(await asyncio.gather(*map(one, plan.lines)))
        return Opened(connections=len(self.lines))

    def delivered(self, line: Line, reply_to: int, data: bytes, start: int, end: int) -> None:
        """Count an answer; its query is done with its last one."""
        waiting = line.waiting.get(reply_to)
        if waiting is None:
            return
        waiting[2] -= 1
        if waiting[2]:
            return
        del line.waiting[reply_to]
        self.ended()
        window, index, _ = waiting
        if window != self.window:
            return
        due = self.begun + index / self.rate
        self.latencies[index] = int((monotonic() - due) * 1e6)
        self.answers += 1
        if self.answers % self.keep_every == 0:
            self.kept.append(data[start:end])

    def ended(self) -> None:
        """Count a query as no longer waited for."""
        self.open -= 1
        if not self.open:
            self.drained.set()

    async def run(self, window: Window) -> Seen:
        """Send a window's queries as they fall due, then wait until all are answered."""
        count = max(1, int(window.rate * window.seconds))
        self.clear(count)
        self.window += 1
        self.rate, self.keep_every = window.rate, window.keep_every
        self.begun = monotonic() + TICK_S
        sent = 0
        while sent < count:
            passed = monotonic() - self.begun
            due = min(count, int(passed * window.rate) + 1) if passed >= 0 else 0
            if due > sent:
                self.late_us = max(self.late_us, int((passed - sent / window.rate) * 1e6))
                self.send(window.first, sent, due)
                sent = due
            await asyncio.sleep(TICK_S)
        if self.open:
            self.drained.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(window.drain_s):
                    await self.drained.wait()
        return Seen(
            sent=sent,
            accepted=self.accepted,
            refused=self.refused,
            faults=self.faults,
            lost=self.lost,
            late_us=self.late_us,
            latencies_us=self.latencies.tobytes(),
            kept=tuple(self.kept),
        )

    def send(self, first: int, start: int, end: int) -> None:
        """Send the queries of these indexes; `first` is the place of the first in the messages."""
        messages, lines, size = self.messages, self.lines, len(self.messages)
        for index in range(start, end):
            place, answers, message = messages[(first + index) % size]
            lines[place].ask(message, index, answers)
        self.open += end - start


ValueT = TypeVar("ValueT")


def read_value(stream: BinaryIO, kind: type[ValueT]) -> ValueT | None:
    """Return the next value of a stream, or None at its end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return msgspec.msgpack.decode(stream.read(int.from_bytes(head, "big")), type=kind)


def packed(value: object) -> bytes:
    """Return a value as it goes through the pipe."""
    data = msgspec.msgpack.encode(value)
    return len(data).to_bytes(4, "big") + data


def say(value: object) -> None:
    """Answer the process that started this one."""
    sys.stdout.buffer.write(packed(value))
    sys.stdout.buffer.flush()


async def main() -> None:
    """Open the lines, then run windows until stdin ends."""
    load = Load()
    plan = read_value(sys.stdin.buffer, Plan)
    if plan is None:
        return
    say(await load.connect(plan))
    while True:
        # Off the loop: lines go on being read while no window runs.
        window = await asyncio.to_thread(read_value, sys.stdin.buffer, Window)
        if window is None:
            return
        say(await load.run(window))


if __name__ == "__main__":
    uvloop.run(main())
