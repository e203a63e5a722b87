"""Web services on this machine: a real server of an application, and one that goes by a script."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import uvicorn
from starlette.types import ASGIApp

from comity.adapters.memory.clock import ManualClock
from comity.adapters.sources.http import HttpSource
from comity.adapters.sources.protocol import RecordForm, Reply, Request, ResultForm
from comity.adapters.sources.terms import HttpTerms
from comity.domain.vocabulary import DataClass
from comity.practice.web_service import LOOKUPS_PATH
from comity.services.events import Events
from tests.support.line import MemoryLog

NAMES = {"OLN": DataClass.IDENTITY, "LIC": DataClass.VEHICLE}
"""The elements' names of the contract's records, which are not of the shipped table."""

Step = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, **tls: str | int) -> AsyncIterator[int]:
    """Serve an application on a free port of this machine."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, **tls)  # type: ignore[arg-type]
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:
                assert not task.done()
                await asyncio.sleep(0.001)
            yield port
        finally:
            server.should_exit = True
            await task


def terms_of(port: int, **changes: object) -> HttpTerms:
    """Terms of a service on this machine, spoken to in the clear."""
    terms = HttpTerms(url=f"http://127.0.0.1:{port}{LOOKUPS_PATH}", elements=NAMES)
    return msgspec.structs.replace(terms, **changes)


class Heard:
    """An open source with its clock and what it said."""

    def __init__(self, terms: HttpTerms) -> None:
        self.clock = ManualClock(1_795_500_000 * 10**9)
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.source = HttpSource("dmv", terms, self.clock, self.events)


@asynccontextmanager
async def opened(terms: HttpTerms) -> AsyncIterator[Heard]:
    """A source by HTTP that is closed at the end."""
    heard = Heard(terms)
    try:
        yield heard
    finally:
        await heard.source.close()


class Scripted:
    """A service that takes a step of its script for each request; `bodies` is what it was sent."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.bodies: list[bytes] = []
        self.heads: list[str] = []
        self.connections = 0
        self._changed = asyncio.Event()

    async def asked(self, count: int) -> None:
        """Return when so many requests have come."""
        while len(self.bodies) < count:
            self._changed.clear()
            await self._changed.wait()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it or the script ends."""
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                self._changed.set()
                await self.steps.pop(0)(reader, writer, self.bodies[-1])
        writer.close()


@asynccontextmanager
async def scripted(*steps: Step) -> AsyncIterator[tuple[int, Scripted]]:
    """Serve a script on a free port of this machine."""
    service = Scripted(steps)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await service.take(reader, writer)
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], service
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def talking(*steps: Step, **terms: object) -> AsyncIterator[tuple[Heard, Scripted]]:
    """A source and the scripted service that it asks."""
    async with scripted(*steps) as (port, service), opened(terms_of(port, **terms)) as heard:
        yield heard, service


def says(body: bytes, *, status: str = "200 OK", head: str = "", length: int | None = None) -> Step:
    """A reply with these bytes as JSON."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        size = len(body) if length is None else length
        lines = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{head}"
        writer.write(f"{lines}Content-Length: {size}\r\n\r\n".encode() + body)
        await writer.drain()

    return step


def writes(data: bytes) -> Step:
    """These bytes and the end of the connection, whatever they are."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return step


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: bytes) -> None:
    """Nothing, until the other side goes."""
    await reader.read()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
    """A reset instead of a reply."""
    writer.transport.abort()


async def answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    """A record of no elements for each look-up."""
    await says(reply_to(body))(_, writer, body)


def reply_to(body: bytes) -> bytes:
    """A reply with a record of no elements for each look-up."""
    asked = msgspec.json.decode(body, type=Request)
    record = RecordForm(kind="licence")  # type: ignore[arg-type]
    results = tuple(ResultForm(place=form.place, record=record) for form in asked.lookups)
    return msgspec.json.encode(Reply(version=1, results=results))
