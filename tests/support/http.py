"""A gateway on memory twins behind the real HTTPS front, and a client that can misbehave.

The whole way is on: TLS, the origin face, envelopes, the hub, the answering state's policy, the
ledgers, kept deliveries. Only disk, wire and clock are twins.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import msgspec

from comity.adapters.memory.bus import MemoryBus
from comity.directory.part import sign_part
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.front.http import HttpServer, LineSwitch
from comity.front.http.protocol import HttpTimes
from comity.front.line import LineServer
from comity.roles.certificates import SERVER_NAME
from comity.roles.gateway import FoundingPapers, Gateway, GatewayParts, GatewayPorts
from comity.roles.hub import Hub
from comity.services.events import Events
from comity.services.roster_changes import RosterChanges
from tests.support.certifications import warnings_on
from tests.support.directory import signer_of
from tests.support.gateway import (
    LINES,
    NUMBER,
    OR,
    RELEASE,
    SALEM,
    TX,
    WA,
    Disk,
    PracticeHost,
    heard_of,
    policy_of,
    practice_parts,
)
from tests.support.line import Contexts, MemoryLog
from tests.support.link import WEST
from tests.support.previews import previews_of
from tests.support.written_lines import WrittenLines

SIGNED = {part.member: sign_part(part, signer_of(part.member)) for part in practice_parts()}
JSON, TEXT = "application/json", "text/plain"


def query_of(*states: str, number: str = NUMBER, control: str = "C1") -> Query:
    """A licence query of Salem's, by default to Washington."""
    return Query(
        key=MessageKey("DQ"),
        origin=SALEM,
        destinations=states or ("WA",),
        control=control,
        fields=(("OLN", number),),
    )


def json_message(*states: str, **changes: Any) -> bytes:
    """A query in JSON."""
    return json_form.render_query(query_of(*states, **changes))


def text_message(*states: str, **changes: Any) -> bytes:
    """A query in the network's text."""
    return text_form.render_query(query_of(*states, **changes))


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A response as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the one value of a header, or nothing."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1
        return found[0] if found else ""

    @property
    def media(self) -> str:
        """The media type without its parameters."""
        return self.header("content-type").partition(";")[0]

    @property
    def json(self) -> Any:
        """The body, decoded."""
        assert self.media in {JSON, "application/problem+json"}, self
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.media == "application/problem+json", self
        return str(self.json["code"])


class Caller:
    """One HTTPS connection of a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def begin(self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> None:
        """Send a request."""
        lines = [f"{method} {target} HTTP/1.1", "host: localhost"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"content-length: {len(body)}")
        self.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    async def ask(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b""
    ) -> Said:
        """Send a request and return what is said."""
        self.begin(method, target, *headers, body=body)
        return await self.said(has_body=method != "HEAD")

    async def send(
        self, body: bytes, key: str, *headers: tuple[str, str], media: str = JSON
    ) -> Said:
        """Send a message."""
        fixed = (("idempotency-key", key), ("content-type", media))
        return await self.ask("POST", "/v1/messages", *fixed, *headers, body=body)

    async def said(self, *, has_body: bool = True) -> Said:
        """Read one response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        headers = tuple((name.lower(), value) for name, _, value in pairs)
        size = int(dict(headers).get("content-length", "0")) if has_body else 0
        body = await self.reader.readexactly(size)
        return Said(status=int(first.split(" ")[1]), headers=headers, body=body)

    async def ended(self) -> bytes:
        """Read until the other end has closed; return what came."""
        rest = b""
        with suppress(OSError, ssl.SSLError):
            while data := await self.reader.read(65_536):
                rest += data
        return rest

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


class NoFront:
    """A TCP front that does not listen."""

    async def listen(self, _desk: object, _host: str, port: int) -> int:
        return port

    async def close(self) -> None:
        pass


class Office:
    """One life of a gateway behind HTTPS, and the connections that a test opened."""

    def __init__(self, contexts: Contexts, disk: Disk, times: HttpTimes | None) -> None:
        self.contexts = contexts
        self.disk = disk
        self.events = Events(MemoryLog())
        self.server = HttpServer(
            events=self.events, ssl_context=contexts.server(), is_practice=True, times=times
        )
        tcp = WrittenLines(LINES)
        lines = LineSwitch(tcp=tcp, http=self.server.lines)
        self.host = PracticeHost(disk, keeps_post=False, lines=lines)
        self.bus = MemoryBus(disk.wire)
        self.gateway = Gateway(self._parts())
        self.port = 0
        self._callers: list[Caller] = []

    def _parts(self) -> GatewayParts:
        host = self.host
        host.courier.when_unheard(host.asking.unheard)
        return GatewayParts(
            host=WEST.name,
            seal_private=WEST.opener,
            world=host.world,
            store=host.store,
            bus=self.bus,
            clock=host.clock,
            sequencer=host.sequencer,
            courier=host.courier,
            checkpoints=host.checkpoints,
            succession=host.succession,
            founding=host.founding,
            health=host.health,
            deliveries=host.deliveries,
            asking=host.asking,
            origin=host.origin,
            previews=previews_of(host),
            answer=host.answer,
            board=host.board,
            archive=host.archive,
            keeping=host.keeping,
            reveals=host.reveals,
            rulebook=host.rulebook,
            review=host.review.commands,
            claims=host.review.claims,
            plantings=host.review.plantings,
            demands=host.review.demands,
            onward=host.review.onward,
            appeals=host.review.appeals,
            certifications=warnings_on(host),
            roster_changes=RosterChanges(
                store=host.store, rosters=host.rosters, clock=host.clock, events=host.events
            ),
            recheck=host.recheck,
            commands=host.commands,
            lines=cast("LineServer", NoFront()),
            http=self.server,
            events=host.events,
            papers=FoundingPapers(
                parts=(SIGNED[OR], SIGNED[WA]),
                policies=((OR, policy_of(OR, RELEASE)), (WA, policy_of(WA, RELEASE))),
            ),
            listen_on=("127.0.0.1", GatewayPorts(line=0, http=0)),
            checkpoint_s=3_600.0,
        )

    async def start(self) -> None:
        await Hub(bus=MemoryBus(self.disk.wire), events=self.events).start()
        self.port = (await self.gateway.start()).http
        self.host.world.take_parts([heard_of(SIGNED[TX])])

    async def call(self, line: str = "salem-1", context: ssl.SSLContext | None = None) -> Caller:
        """Open a connection as a line."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=context or self.contexts.client(line),
            server_hostname=SERVER_NAME,
        )
        caller = Caller(reader, writer)
        self._callers.append(caller)
        return caller

    async def stop(self) -> None:
        for caller in self._callers:
            await caller.close()
        await self.gateway.stop()
        await self.bus.close()
        self.disk.wire.listeners.clear()
        shared = self.server._connections
        assert shared is not None
        for _ in range(200):
            if not shared.state.connections:
                break
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_office(
    contexts: Contexts, disk: Disk | None = None, times: HttpTimes | None = None
) -> AsyncIterator[Office]:
    """A gateway behind HTTPS from its start to its stop."""
    office = Office(contexts, disk or Disk(), times)
    await office.start()
    try:
        yield office
    finally:
        await office.stop()


async def waiting(office: Office, *, are_any: bool = True) -> None:
    """Wait until requests wait for deliveries, or none does any more."""
    for _ in range(500):
        if bool(office.server.lines._watches) is are_any:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")
