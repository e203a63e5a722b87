"""A way to a server that can be cut: at a named message, before it arrives or after its answer.

Guarantee: what a test arms happens once; everything else passes through unread.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import StrEnum


class Cut(StrEnum):
    """When the armed message is seen on its way to the server."""

    BEFORE = "before"  # the message does not arrive
    AFTER = "after"  # the message arrives, its answer does not


class Proxy:
    """Passes connections on to a port of this machine; none while `refuse` is set."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._armed: tuple[tuple[bytes, ...], Cut] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.refuse = False

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def arm(self, *messages: bytes, cut: Cut) -> None:
        """Cut the connection that next carries one of these to the server."""
        self._armed = (messages, cut)

    def cut_all(self) -> None:
        """Cut every connection that is open."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def stop(self) -> None:
        """Cut everything and stop listening."""
        assert self._server is not None
        self._server.close()
        self.cut_all()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        pair = (writer, back)
        self._writers.update(pair)
        try:
            async with asyncio.TaskGroup() as group:
                muted = asyncio.Event()
                group.create_task(self._forth(reader, back, muted))
                group.create_task(self._back(there, writer, muted))
        except* OSError:
            pass
        finally:
            self._writers.difference_update(pair)
            for end in pair:
                end.transport.abort()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _forth(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            if self._armed is not None and any(message in data for message in self._armed[0]):
                (_, cut), self._armed = self._armed, None
                if cut is Cut.BEFORE:
                    raise ConnectionAbortedError("cut before the message")
                muted.set()
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError("the client went away")

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            if muted.is_set():
                raise ConnectionAbortedError("cut before the answer")
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError("the server went away")
