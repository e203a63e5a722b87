"""A state's console whose requesters reach the gateway's front, as over HTTPS, without sockets.

The front is the real application; TLS alone is left out: the line is named where the certificate
would be. What the host posts to itself is carried there at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from comity.domain.ids import ORI
from comity.front.http.app import LINE_EXTENSION, HttpApp
from comity.front.http.lines import HttpLines, LineSwitch
from comity.link.parcel import Answered, Ask
from comity.ports import FrontReply, FrontRequest, LineFrame, ResultRow, UnreachableError
from comity.services.deliveries import KeptDelivery, KeptPage, Standing
from comity.services.events import Events
from comity.services.previews import Previewed
from tests.support.console import PracticeConsole, console_on
from tests.support.gateway import LINES, PracticeHost, opened, running
from tests.support.line import MemoryLog
from tests.support.link import WEST
from tests.support.previews import previews_of
from tests.support.written_lines import WrittenLines

__all__ = ["MemoryFront", "asking_on"]


class _HostDesk:
    """What the front gives requests to, of a host on memory twins."""

    def __init__(self, host: PracticeHost) -> None:
        self._host = host
        self.previews = previews_of(host)

    def oris_of(self, line: str) -> tuple[ORI, ...]:
        return tuple(map(ORI, self._host.world.directory.agencies_for_line(line)))

    async def open_pulled(self, line: str) -> int:
        return await self._host.deliveries.open_pulled(line)

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        await self._host.origin.take_frames(frames)

    async def preview(self, line: str, data: bytes) -> Previewed:
        return await self.previews.preview(line, data)

    async def standing(self, line: str, frame_no: int) -> Standing | None:
        return await self._host.deliveries.standing(line, frame_no)

    async def kept_after(self, line: str, number: int, limit: int) -> KeptPage:
        return await self._host.deliveries.kept_after(line, number, limit)

    def opened(self, rows: Sequence[ResultRow]) -> tuple[KeptDelivery, ...]:
        return self._host.deliveries.opened(rows)

    async def acknowledged(self, line: str, number: int) -> None:
        await self._host.deliveries.acknowledged(line, number)


class MemoryFront:
    """The front of a host, for every line; `is_down` says that nobody listens."""

    def __init__(self, host: PracticeHost, lines: HttpLines) -> None:
        self._host = host
        desk = _HostDesk(host)
        self.previews = desk.previews
        self._app = HttpApp(desk=desk, lines=lines, events=host.events, is_practice=True)
        self.is_down = False
        self.asked: list[tuple[str, FrontRequest]] = []

    def line_of(self, lines: Sequence[str]) -> str | None:
        return next(iter(lines), None)

    async def ask(self, line: str, request: FrontRequest) -> FrontReply:
        if self.is_down:
            raise UnreachableError("nobody listens")
        self.asked.append((line, request))
        reply = await self._asgi(line, request)
        await self.carry()
        return reply

    async def carry(self) -> None:
        """Carry what the host posted to itself, and what that posts, until nothing is left."""
        while self._host.courier.posted:
            posted, self._host.courier.posted = self._host.courier.posted, []
            for name, parcel in posted:
                if name != WEST.name:
                    continue
                if isinstance(parcel, Ask):
                    await self._host.answer.take(opened(parcel))
                elif isinstance(parcel, Answered):
                    await self._host.origin.take_answers(opened(parcel))

    async def _asgi(self, line: str, request: FrontRequest) -> FrontReply:
        path, _, query = request.target.partition("?")
        headers = [(name.lower().encode(), value.encode()) for name, value in request.headers]
        if request.body:
            headers.append((b"content-type", b"application/json"))
        scope: dict[str, Any] = {
            "type": "http",
            "method": request.method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "extensions": {LINE_EXTENSION: {"name": line}},
        }
        bodies = [request.body]
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        start, end = told
        said = {name.decode(): value.decode() for name, value in start["headers"]}
        media = said["content-type"].partition(";")[0]
        return FrontReply(status=start["status"], media=media, body=end["body"])


@asynccontextmanager
async def asking_on(*policies: bytes) -> AsyncIterator[tuple[PracticeConsole, MemoryFront]]:
    """A console over a host under these rules, and the front that its requesters ask by."""
    lines = HttpLines(Events(MemoryLog()))
    switch = LineSwitch(tcp=WrittenLines(LINES), http=lines)
    async with running(*policies, lines=switch) as host:
        front = MemoryFront(host, lines)
        async with console_on(host, front=front) as console:
            yield console, front
