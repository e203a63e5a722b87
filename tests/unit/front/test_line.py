"""Which line a certificate names, and what the front insists on before it listens."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from comity.front.line import LINE_PREFIX, WRITE_BUFFER_BYTES_MAX, LineServer, _Connection, line_of
from comity.roles import certificates
from comity.services.events import Events
from tests.support.line import MemoryLog


def named(*pairs: tuple[str, str]) -> dict[str, object]:
    return {"subject": tuple(((name, value),) for name, value in pairs)}


@pytest.mark.parametrize(
    ("certificate", "line"),
    [
        (named(("commonName", "line:salem-1")), "salem-1"),
        (named(("organizationName", "line:x"), ("commonName", "line:salem-1")), "salem-1"),
        (named(("commonName", "salem-1")), ""),
        (named(("commonName", "host:salem-1")), ""),
        (named(("commonName", "line:")), ""),
        (named(("commonName", "line:http:salem-1")), ""),
        (named(), ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_line_of_a_certificate(certificate: object, line: str) -> None:
    """The line is the common name behind `line:`; any other certificate names none."""
    assert line_of(certificate) == line


def test_prefix_is_that_of_the_practice_certificates() -> None:
    """Who makes certificates and who reads them mean the same prefix."""
    assert certificates.LINE_PREFIX == LINE_PREFIX


@pytest.mark.parametrize("weak", ["certificate", "version"])
def test_context_that_lets_anyone_in_is_refused(weak: str) -> None:
    """A context that asks for no certificate, or takes older TLS, is a fault at the start."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    LineServer(events=Events(MemoryLog()), ssl_context=context, is_practice=True)
    if weak == "certificate":
        context.verify_mode = ssl.CERT_OPTIONAL
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(AssertionError):
        LineServer(events=Events(MemoryLog()), ssl_context=context, is_practice=True)


class Wire(asyncio.Transport):
    """A transport that counts what was written and says whether it was aborted."""

    def __init__(self) -> None:
        super().__init__({"peercert": named(("commonName", "line:unlisted"))})
        self.count = 0
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.count += len(data)

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.is_aborted = True


@pytest.mark.parametrize(("more", "is_aborted"), [(0, False), (1, True)])
async def test_one_tick_writes_no_more_than_the_buffer(more: int, is_aborted: bool) -> None:
    """What one tick would write is bounded before it is written; beyond it the line is let go."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    server = LineServer(events=Events(MemoryLog()), ssl_context=context, is_practice=True)
    connection, wire = _Connection(server), Wire()
    connection._transport = wire
    connection.send(bytes(WRITE_BUFFER_BYTES_MAX))
    connection.send(bytes(more))
    tick = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(tick.set_result, None)
    await tick
    assert wire.is_aborted is is_aborted
    assert wire.count == (0 if is_aborted else WRITE_BUFFER_BYTES_MAX)
    assert server.events.counts["lines_not_reading"] == more
