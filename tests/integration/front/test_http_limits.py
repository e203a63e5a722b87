"""What a connection may not do: too much, too slowly, or so that it could be read in two ways."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from comity.front.http import app as app_module
from comity.front.http import protocol as module
from comity.front.http.protocol import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    TARGET_BYTES_MAX,
    HttpRoom,
    HttpTimes,
)
from tests.support.http import JSON, Caller, Office, json_message, open_office, waiting
from tests.support.line import Contexts

QUICK = HttpTimes(request=0.2, read=0.2, idle=1)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture
async def office(contexts: Contexts) -> AsyncIterator[Office]:
    async with open_office(contexts) as office:
        yield office


@pytest.fixture
async def hasty(contexts: Contexts) -> AsyncIterator[Office]:
    """A front with little patience."""
    async with open_office(contexts, times=QUICK) as office:
        yield office


async def refused(caller: Caller, status: int, code: str) -> None:
    """The reply is a problem after which the connection ends, with nothing behind it."""
    said = await caller.said()
    assert (said.status, said.code) == (status, code)
    assert said.header("connection") == "close"
    assert await caller.ended() == b""


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# The head.


async def test_head_at_its_limit_is_read_and_one_beyond_is_not(office: Office) -> None:
    """8,192 bytes of target and headers."""
    caller = await office.call()
    size = len("/healthz") + len("host") + len("localhost") + 4
    room = HEAD_BYTES_MAX - size - len("x") - 4
    assert (await caller.ask("GET", "/healthz", ("x", "y" * room))).status == 200
    caller.begin("GET", "/healthz", ("x", "y" * (room + 1)))
    await refused(caller, 431, "headers-too-large")


async def test_headers_are_counted(office: Office) -> None:
    """64 headers are read, 65 are not."""
    caller = await office.call()
    many = [(f"x{number}", "1") for number in range(HEADERS_MAX)]
    assert (await caller.ask("GET", "/healthz", *many[:-1])).status == 200
    caller.begin("GET", "/healthz", *many)
    await refused(caller, 431, "headers-too-large")


async def test_target_at_its_limit_is_read_and_one_beyond_is_not(office: Office) -> None:
    """2,048 bytes of path and query."""
    caller = await office.call()
    longest = "/" + "x" * (TARGET_BYTES_MAX - 1)
    assert (await caller.ask("GET", longest)).code == "route-unknown"
    caller.begin("GET", longest + "x")
    await refused(caller, 414, "url-too-long")


async def test_header_that_does_not_end_is_refused_while_it_is_small(office: Office) -> None:
    """A head that only grows is not collected until it is complete."""
    caller = await office.call()
    caller.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: ")
    for _ in range(8):
        caller.write(b"y" * 1_024)
        await asyncio.sleep(0.01)
    await refused(caller, 431, "headers-too-large")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 no http\r\n\r\n",
        request("GET /healthz HTTP/1.1"),
        request("GET /healthz HTTP/1.1", "host: a", "host: b"),
        request("GET /healthz HTTP/1.1", "host: x", "bad header"),
        request("GET /healthz HTTP/1.1", "host: x", "a: b\x00c"),
        request("GET /healthz HTTP/1.1", "host: x", "a: b\rc: d"),
        request("GET /healthz HTTP/1.1", "host: x", "content-length: 1", "content-length: 2"),
        request("GET /healthz HTTP/1.1", "host: x", "content-length: -1"),
        request(
            "POST /v1/messages HTTP/1.1",
            "host: x",
            "content-length: 4",
            "transfer-encoding: chunked",
            body=b"0\r\n\r\n",
        ),
        request("GET /healthz HTTP/1.1", "host: x", "connection: upgrade", "upgrade: websocket"),
        request("CONNECT other:443 HTTP/1.1", "host: x"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_for_certain_is_refused(office: Office, data: bytes) -> None:
    """Nobody in between may see another request than we do; the connection ends."""
    caller = await office.call()
    caller.write(data)
    await refused(caller, 400, "request-malformed")


async def test_trailers_are_refused(office: Office) -> None:
    """A header behind the body would be taken for one that stood before it."""
    caller = await office.call()
    body = json_message()
    head = request(
        "POST /v1/messages HTTP/1.1",
        "host: x",
        f"content-type: {JSON}",
        "transfer-encoding: chunked",
    )
    caller.write(head + b"%x\r\n%b\r\n0\r\nidempotency-key: k1\r\n\r\n" % (len(body), body))
    await caller.ended()
    assert office.disk.store.tables.accepted == {}


async def test_second_request_is_read_behind_a_first(office: Office) -> None:
    """Requests that are sent without waiting are answered in their order."""
    caller = await office.call()
    caller.begin("GET", "/healthz")
    caller.begin("GET", "/nowhere")
    caller.begin("GET", "/openapi.json")
    assert [(await caller.said()).status for _ in range(3)] == [200, 404, 200]


@pytest.mark.parametrize("key", ["a\r\nset-cookie: b=c", "a\nb", "a\x00b"])
async def test_header_is_not_broken_into_two(office: Office, key: str) -> None:
    """A key that holds the end of a line never reaches a reply's headers."""
    caller = await office.call()
    caller.begin("POST", "/v1/messages", ("idempotency-key", key), body=json_message())
    said = await caller.said()
    assert said.status in {400, 415}
    assert "set-cookie" not in dict(said.headers)
    again = await (await office.call()).ask("GET", f"/v1/messages/{quote(key)}")
    assert (again.status, "set-cookie" in dict(again.headers)) == (404, False)


async def test_nothing_names_the_software_or_may_be_kept(office: Office) -> None:
    """Every reply, of every kind, also to another origin's page."""
    caller = await office.call()
    origin = ("origin", "https://elsewhere.example")
    replies = [
        await caller.ask("GET", "/healthz", origin),
        await caller.ask(
            "OPTIONS", "/v1/messages", origin, ("access-control-request-method", "POST")
        ),
        await caller.send(json_message(), "k1", origin),
        await caller.send(b"{", "k2", origin),
    ]
    assert [reply.status for reply in replies] == [200, 405, 202, 422]
    for reply in replies:
        names = {name for name, _ in reply.headers}
        assert reply.header("cache-control") == "no-store"
        assert not [n for n in names if n.startswith("access-control") or n in {"server", "via"}]


async def test_forwarded_headers_are_not_believed(office: Office) -> None:
    """Who asks is who holds the certificate."""
    caller = await office.call("unlisted")
    claims = (("x-forwarded-for", "127.0.0.1"), ("x-client-cert", "line:salem-1"))
    assert (await caller.ask("GET", "/v1/deliveries", *claims)).code == "line-not-listed"


async def test_body_that_waits_for_our_word_is_refused_without_it(office: Office) -> None:
    """It gets no `100 Continue`, and the connection ends: the body will not come."""
    caller = await office.call()
    pairs = (("expect", "100-continue"), ("content-length", "20000"))
    caller.begin("POST", "/v1/messages", ("idempotency-key", "k"), ("content-type", JSON), *pairs)
    await refused(caller, 413, "body-too-large")
    caller = await office.call()
    body = json_message()
    pairs = (("expect", "100-continue"), ("content-length", str(len(body))))
    caller.begin("POST", "/v1/messages", ("idempotency-key", "k"), ("content-type", JSON), *pairs)
    assert (await caller.said()).status == 100
    caller.write(body)
    assert (await caller.said()).status == 202


# Time.


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /healthz HTT",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n",
        b"\r\n",
    ],
)
async def test_head_that_does_not_come_in_time_is_refused(hasty: Office, data: bytes) -> None:
    """A connection that says nothing, or never ends what it says."""
    caller = await hasty.call()
    caller.write(data)
    await refused(caller, 408, "request-timeout")


async def test_body_that_trickles_is_refused(hasty: Office) -> None:
    """The whole request has its time, however often a byte comes."""
    caller = await hasty.call()
    head = (("idempotency-key", "k"), ("content-type", JSON), ("content-length", "200"))
    caller.begin("POST", "/v1/messages", *head)
    said = asyncio.ensure_future(caller.said())
    while not said.done():
        caller.write(b"{")
        await asyncio.sleep(0.01)
    assert ((await said).status, (await said).code) == (408, "request-timeout")
    assert hasty.disk.store.tables.accepted == {}


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"])
async def test_waiting_is_not_counted_against_who_waits(hasty: Office, behind: bytes) -> None:
    """A poll outlasts the time of a request, also with line ends or a request behind it."""
    caller = await hasty.call()
    caller.begin("GET", "/v1/deliveries?wait=1")
    await waiting(hasty)
    caller.write(behind)
    assert (await caller.said()).status == 200
    if len(behind) > 2:
        assert (await caller.said()).status == 200


@pytest.mark.parametrize("comes", [True, False])
async def test_body_behind_a_poll_has_its_own_time(hasty: Office, comes: bool) -> None:
    """It is read when the poll is done, and only then does its time begin; it ends as well."""
    caller = await hasty.call()
    caller.begin("GET", "/v1/deliveries?wait=1")
    await waiting(hasty)
    body = json_message()
    head = (("idempotency-key", "k"), ("content-type", JSON), ("content-length", str(len(body))))
    caller.begin("POST", "/v1/messages", *head)
    await asyncio.sleep(0.5)
    caller.write(body if comes else b"")
    assert (await caller.said()).status == 200
    assert (await caller.said()).status == (202 if comes else 408)


@pytest.mark.parametrize("behind", [b"\x00\x01\r\n\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\n"])
async def test_what_is_wrong_behind_a_poll_is_not_its_reply(hasty: Office, behind: bytes) -> None:
    """What is malformed or too slow ends the connection, and no word of it is a reply."""
    caller = await hasty.call()
    caller.begin("GET", "/v1/deliveries?wait=30")
    await waiting(hasty)
    caller.write(behind)
    assert await caller.ended() == b""
    await waiting(hasty, are_any=False)


async def test_what_follows_a_last_request_is_not_taken(office: Office) -> None:
    """Who says that it closes gets its reply, and nothing that it sends behind is a request."""
    caller = await office.call()
    caller.begin("GET", "/healthz", ("connection", "close"))
    fixed = (("idempotency-key", "k1"), ("content-type", JSON))
    caller.begin("POST", "/v1/messages", *fixed, body=json_message())
    assert (await caller.said()).status == 200
    assert await caller.ended() == b""
    assert office.disk.store.tables.accepted == {}


async def test_idle_connection_is_closed(hasty: Office) -> None:
    """Between two requests it may stand for its time, then it ends without a word."""
    caller = await hasty.call()
    assert (await caller.ask("GET", "/healthz")).status == 200
    assert await caller.ended() == b""


async def flood(caller: Caller) -> None:
    """Ask on and on, until the connection has ended."""
    for _ in range(10_000):
        for _ in range(20):
            caller.begin("GET", "/openapi.json")
        await caller.writer.drain()
        await asyncio.sleep(0)


async def test_reply_that_nobody_reads_is_let_go(hasty: Office) -> None:
    """What stands in our buffers for a connection that does not read does not stand for ever."""
    caller = await hasty.call()
    sock = caller.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
    with pytest.raises(OSError, match=r"lost|reset|closed"):
        await flood(caller)
    assert hasty.events.counts["http_replies_not_read"] == 1


# Numbers.


async def test_requests_of_a_line_are_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit a request is taken, one beyond is told to come again; other lines go on."""
    monkeypatch.setattr(app_module, "LINE_REQUESTS_MAX", 2)
    polls = [await office.call() for _ in range(2)]
    for poll in polls:
        poll.begin("GET", "/v1/deliveries?wait=30")
    caller, other = await office.call(), await office.call("salem-2")
    while (said := await caller.ask("GET", "/v1/deliveries")).status == 200:
        pass
    assert (said.code, said.header("retry-after")) == ("too-many-requests", "1")
    assert (await caller.send(json_message(), "k1")).code == "too-many-requests"
    assert (await other.send(json_message(), "k1")).status == 202
    assert (await caller.ask("GET", "/healthz")).status == 200
    office.server.lines.close()
    for poll in polls:
        assert (await poll.said()).status == 200
    assert (await caller.ask("GET", "/v1/deliveries")).status == 200


@pytest.mark.parametrize("is_of_line", [True, False])
async def test_connections_are_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, is_of_line: bool
) -> None:
    """At the limit a connection is taken, one beyond is told to come again; a place comes free."""
    shared = office.server._connections
    assert shared is not None
    if is_of_line:
        assert shared.room == HttpRoom(connections=module.LINE_CONNECTIONS_MAX)
        shared.room = HttpRoom(connections=2)
    else:
        monkeypatch.setattr(module, "CONNECTIONS_MAX", 2)
    first, second = await office.call(), await office.call()
    for caller in (first, second):
        assert (await caller.ask("GET", "/healthz")).status == 200
    await refused(await office.call(), 503, "busy")
    assert office.events.counts["http_connections_refused"] == 1
    if is_of_line:
        assert (await (await office.call("salem-2")).ask("GET", "/healthz")).status == 200
    await first.close()
    for _ in range(500):
        if shared.of_line["salem-1"] == 1:
            break
        await asyncio.sleep(0.01)
    assert (await (await office.call()).ask("GET", "/healthz")).status == 200
