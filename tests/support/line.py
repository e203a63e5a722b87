"""A desk for the line's front that keeps everything in memory, and certificates to reach it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comity.domain.errors import ComityError
from comity.front.line import LineServer
from comity.ports import LineFrame
from comity.roles.certificates import client_context, keep_certificates, server_context
from comity.services.events import Events

LINES = {"salem-1": ("ORPX00001",), "salem-2": ("ORPX00001", "ORPX00002"), "broken": ("ORPX9",)}


class DeskDownError(ComityError):
    """The desk cannot take this up now."""

    code = "practice-desk-down"


class MemoryLog:
    """A log that keeps its events."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.written.append((event, fields))

    warning = info
    error = info


@dataclass
class PracticeDesk:
    """Does what a message's first word says: `accept`, `refuse`, `fail`, `wait`, `big`, `answer`.

    `kept` are deliveries by line, numbered from 1; `written` is how far each was written out.
    """

    server: LineServer | None = None
    frames: list[LineFrame] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    acknowledged_to: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[bytes]] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    waiting: list[LineFrame] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def oris_of(self, line: str) -> tuple[str, ...]:
        return LINES.get(line, ())

    async def open_line(self, line: str) -> tuple[int, int]:
        if line == "broken":
            raise DeskDownError("practice")
        self.written[line] = self.acknowledged_to.get(line, 0)
        numbers = [frame.number for frame in self.frames if frame.line == line]
        return max(numbers, default=0), len(self.kept.get(line, []))

    async def resume(self, line: str) -> None:
        assert self.server is not None
        kept = self.kept.get(line, [])
        while self.written[line] < len(kept):
            number = self.written[line] + 1
            if not self.server.deliver(line, number, 1, kept[number - 1]):
                return
            self.written[line] = number

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        assert self.server is not None
        self.batches.append(len(frames))
        for frame in frames:
            word = frame.data.split(b" ")[0]
            if word == b"fail":
                raise DeskDownError("practice")
            self.frames.append(frame)
            if word == b"refuse":
                self.server.refused(frame.line, frame.number, "line-not-listed")
            elif word == b"wait":
                self.waiting.append(frame)
            else:
                if word == b"big":
                    self.server.deliver(frame.line, 0, frame.number, bytes(2**19))
                self.server.accepted(frame.line, frame.number)
            if word == b"answer":
                self.kept.setdefault(frame.line, []).append(b"to " + frame.data)
                await self.resume(frame.line)
        self.changed.set()

    async def acknowledged(self, line: str, number: int) -> None:
        self.acknowledged_to[line] = max(number, self.acknowledged_to.get(line, 0))
        self.changed.set()

    async def until(self, *, frames: int = 0, acknowledged: int = 0) -> None:
        """Wait until so many frames came, and the line acknowledged so far."""
        while (
            len(self.frames) < frames
            or max(self.acknowledged_to.values(), default=0) < acknowledged
        ):
            self.changed.clear()
            await self.changed.wait()


class Contexts:
    """TLS contexts of a practice authority, and of a second one that nobody trusts."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        lines = (*LINES, "seattle-1", "unlisted")
        for name in ("one", "two"):
            (folder / name).mkdir()
        self._files = keep_certificates(folder / "one", now, lines=lines)
        self._others = keep_certificates(folder / "two", now, lines=("salem-1",))

    def server(self) -> ssl.SSLContext:
        return server_context(self._files["server"])

    def client(self, line: str) -> ssl.SSLContext:
        return client_context(self._files[line])

    def bare(self) -> ssl.SSLContext:
        """A client without a certificate."""
        return ssl.create_default_context(cafile=str(self._files["server"].authority))

    def foreign(self) -> ssl.SSLContext:
        """A client whose certificate another authority signed."""
        context = client_context(self._others["salem-1"])
        context.load_verify_locations(self._files["server"].authority)
        return context


def line_server(contexts: Contexts) -> tuple[LineServer, Events]:
    """A front that is not listening yet, and its events."""
    events = Events(MemoryLog())
    server = LineServer(events=events, ssl_context=contexts.server(), is_practice=True)
    return server, events
