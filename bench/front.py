#!/usr/bin/env python3
"""The HTTPS front alone: requests a second over TLS keep-alive, and processor time of the front.

A gateway's desk that takes every message at once stands behind the front, in a process of its own
with uvloop, as a gateway has it; what a message costs behind the desk is the exchange bench's.
Prints `{"bench", "figures": [...]}`; there is no target, so that it always ends with 0.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from bench.report import percentile, print_figures, told
from comity.front.http import HttpServer
from comity.ports import LineFrame, ResultRow
from comity.roles.certificates import client_context, keep_certificates, server_context, tls_files
from comity.services.deliveries import KeptDelivery, KeptPage, Standing
from comity.services.events import Events
from comity.services.previews import Previewed

LINE = "salem-1"
BODY = b'{"key":"DQ","origin":"ORPX00001","destinations":["WA"],"fields":{"OLN":"PX000204K7"}}'
HEAD = (
    "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    "idempotency-key: {key}\r\ncontent-length: {size}\r\n\r\n"
)
READY_S_MAX = 10.0


class NoLog:
    """Writes nothing."""

    def info(self, event: str, **fields: object) -> None:
        """Pass over an event."""

    warning = info
    error = info


class TakingDesk:
    """Takes every message at once and keeps nothing."""

    def __init__(self, server: HttpServer) -> None:
        self._lines = server.lines

    def oris_of(self, _: str) -> tuple[str, ...]:
        """Return the one agency."""
        return ("ORPX00001",)

    async def open_pulled(self, _: str) -> int:
        """Return that nothing was acknowledged."""
        return 0

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept messages."""
        for frame in frames:
            self._lines.accepted(frame.line, frame.number)

    async def preview(self, _line: str, _data: bytes) -> Previewed:
        """Return that no rules are known here."""
        return Previewed(entry="or/0", states=())

    async def standing(self, _line: str, _frame_no: int) -> Standing | None:
        """Return that no message is known."""
        return None

    async def kept_after(self, _line: str, number: int, _limit: int) -> KeptPage:
        """Return nothing."""
        return KeptPage(deliveries=(), last=number, is_full=False)

    def opened(self, _: Sequence[ResultRow]) -> tuple[KeptDelivery, ...]:
        """Return nothing."""
        return ()

    async def acknowledged(self, line: str, number: int) -> None:
        """Take an acknowledgement."""


def serve(folder: Path, pipe: Connection) -> None:
    """Run the front until the other end says so; answer each word with the processor time used."""
    uvloop.run(_serve(folder, pipe))


async def _serve(folder: Path, pipe: Connection) -> None:
    context = server_context(tls_files(folder, "server"))
    server = HttpServer(events=Events(NoLog()), ssl_context=context, is_practice=True)
    pipe.send(await server.listen(TakingDesk(server), "127.0.0.1", 0))
    heard = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), heard.set)
    while True:
        await heard.wait()
        heard.clear()
        if not pipe.poll():
            continue
        if pipe.recv() == "end":
            break
        pipe.send(time.process_time())
    await server.close()


async def caller(port: int, context: ssl.SSLContext, name: int, until: float) -> list[float]:
    """Send one message after another; return how long each took, in seconds."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    took: list[float] = []
    while (begun := time.perf_counter()) < until:
        head = HEAD.format(key=f"{os.getpid()}-{name}-{len(took)}", size=len(BODY))
        writer.write(head.encode() + BODY)
        said = await reader.readuntil(b"\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 202 "), said
        size = int(said.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
        took.append(time.perf_counter() - begun)
    writer.close()
    return took


async def measure(
    folder: Path, port: int, pipe: Connection, connections: int, seconds: float
) -> None:
    """Let connections send for a time, and print what was seen."""
    context = client_context(tls_files(folder, LINE))
    await asyncio.gather(*(caller(port, context, n, time.perf_counter() + 1) for n in range(2)))
    before = _used(pipe)
    begun = time.perf_counter()
    callers = (caller(port, context, n, begun + seconds) for n in range(connections))
    took = sorted(value for part in await asyncio.gather(*callers) for value in part)
    passed, used = time.perf_counter() - begun, _used(pipe) - before
    print_figures(
        "front",
        [
            told("requests_per_s", len(took) / passed, "1/s"),
            told("cpu_us_per_request", used / len(took) * 1e6, "us"),
            told("latency_p50_ms", percentile(took, 0.5) * 1e3, "ms"),
            told("latency_p99_ms", percentile(took, 0.99) * 1e3, "ms"),
        ],
    )


def _used(pipe: Connection) -> float:
    pipe.send("time")
    if not pipe.poll(READY_S_MAX):
        raise TimeoutError("the front does not answer")
    return float(pipe.recv())


def main() -> int:
    """Measure once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="the only form there is")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep_certificates(folder, datetime.now(UTC), lines=[LINE])
        here, there = multiprocessing.Pipe()
        front = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, there))
        front.start()
        try:
            if not here.poll(READY_S_MAX):
                raise TimeoutError("the front does not start")
            port = int(here.recv())
            uvloop.run(measure(folder, port, here, arguments.connections, arguments.seconds))
        finally:
            here.send("end")
            front.join(READY_S_MAX)
    return 0


if __name__ == "__main__":
    sys.exit(main())
