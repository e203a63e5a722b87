"""A witness over real sockets: its paths, its limits, and what a stranger can do to it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from comity.front.http.plain import ADDRESSES_MAX, Rates
from comity.front.http.protocol import HttpTimes
from comity.front.witness import ADDRESS_BURST_MAX, ADDRESS_RATE_MAX
from comity.ledger.witnessing import SIZE_MEDIA, WITNESS_REQUEST_BYTES_MAX, origin_id
from tests.support.ledger import ORIGIN
from tests.support.witness import FORK, WitnessHost, listening, note_of, request_of


async def test_paths_of_the_specification() -> None:
    """POST of a checkpoint, GET of the last one, each with its media type."""
    async with listening(WitnessHost()) as (port, _), aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{port}"
        async with session.post(f"{base}/add-checkpoint", data=request_of(0, 8)) as reply:
            line = await reply.read()
            assert (reply.status, reply.content_type) == (200, "text/plain")
        async with session.get(f"{base}/{origin_id(ORIGIN)}/checkpoint") as reply:
            assert (reply.status, await reply.read()) == (200, note_of(8) + line)
        async with session.post(f"{base}/add-checkpoint", data=request_of(0, 20)) as reply:
            assert (reply.status, reply.headers["content-type"]) == (409, SIZE_MEDIA)
            assert await reply.read() == b"8\n"


async def test_evidence_is_published() -> None:
    """What contradicts is listed, and each document can be had."""
    async with listening(WitnessHost()) as (port, _), aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{port}"
        async with session.get(f"{base}/evidence") as reply:
            assert await reply.json() == {"evidence": []}
        for body in (request_of(0, 8), request_of(8, 8, FORK)):
            async with session.post(f"{base}/add-checkpoint", data=body) as reply:
                pass
        assert reply.status == 422
        async with session.get(f"{base}/evidence") as reply:
            (listed,) = (await reply.json())["evidence"]
        async with session.get(f"{base}/evidence/{listed['id']}") as reply:
            document = await reply.json()
        assert (document["v"], document["kind"], document["origin"]) == (1, "fork", ORIGIN)
        assert document["shown"].encode() == request_of(8, 8, FORK)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/add-checkpoint", 405),
        ("POST", "/evidence", 405),
        ("GET", f"/{origin_id('other')}/checkpoint", 404),
        ("GET", f"/{origin_id(ORIGIN)}/checkpoint", 404),
        ("GET", f"/{origin_id(ORIGIN).upper()}/checkpoint", 404),
        ("GET", "/evidence/", 404),
        ("GET", f"/evidence/{'0' * 64}", 404),
        ("HEAD", "/evidence", 200),
        ("POST", "/add-checkpoint", 400),
    ],
)
async def test_other_requests_have_their_status(method: str, path: str, status: int) -> None:
    """What is not there, or not so, is told so."""
    async with listening(WitnessHost()) as (port, _), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}{path}"
        async with session.request(method, url) as reply:
            assert reply.status == status


async def test_body_has_a_limit() -> None:
    """Its last byte is read, the next one is not, and the connection ends with it."""
    async with listening(WitnessHost()) as (port, _), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/add-checkpoint"
        async with session.post(url, data=b"x" * WITNESS_REQUEST_BYTES_MAX) as reply:
            assert reply.status == 400
        async with session.post(url, data=b"x" * (WITNESS_REQUEST_BYTES_MAX + 1)) as reply:
            assert (reply.status, reply.headers["connection"]) == (413, "close")
        async with session.post(url, data=request_of(0, 3)) as reply:
            assert reply.status == 200


async def test_request_that_does_not_end_is_ended() -> None:
    """Half a request holds its connection for a time, and no longer."""
    times = HttpTimes(request=0.2, read=0.2, idle=1)
    async with listening(WitnessHost(), times) as (port, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 9\r\n\r\nold")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        await reader.read()
        writer.close()
        assert (await client.add_checkpoint(request_of(0, 3))).status == 200


async def test_fault_ends_one_request_only() -> None:
    """What fails inside is told as such, without its text; the next request is answered."""
    host = WitnessHost()
    async with listening(host) as (port, client), aiohttp.ClientSession() as session:
        host.signed_state.write(origin_id(ORIGIN), 30, bytes(32))
        reply = await client.add_checkpoint(request_of(0, 3))
        assert (reply.status, b"signed" in reply.body) == (500, False)
        async with session.get(f"http://127.0.0.1:{port}/evidence") as got:
            assert got.status == 200
        assert host.events.counts["witness_request_failed"] == 1


async def test_too_many_requests_are_put_off() -> None:
    """What is beyond an address's bucket gets 429, before anything is verified."""
    host = WitnessHost()
    async with listening(host) as (_, client):
        replies = [await client.add_checkpoint(b"") for _ in range(int(ADDRESS_BURST_MAX) + 100)]
    assert {reply.status for reply in replies} == {400, 429}
    assert host.events.counts["witness_requests_too_many"] > 0


def test_rates_at_their_limits() -> None:
    """A full bucket, one beyond, then as many as time has brought; the oldest is forgotten."""
    now = 0.0
    rates = Rates(lambda: now, rate=ADDRESS_RATE_MAX, burst=ADDRESS_BURST_MAX)
    assert all(rates.admits("a") for _ in range(int(ADDRESS_BURST_MAX)))
    assert not rates.admits("a")
    assert rates.admits("b")
    now = 1.0
    assert all(rates.admits("a") for _ in range(int(ADDRESS_RATE_MAX)))
    assert not rates.admits("a")
    for number in range(ADDRESSES_MAX):
        rates.admits(f"n{number}")
    assert all(rates.admits("a") for _ in range(int(ADDRESS_BURST_MAX)))
