"""A web service that misbehaves: whatever it does, what is not known is never "no record"."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from comity.adapters.errors import SourcesFileError
from comity.adapters.memory.source import MemorySource
from comity.adapters.sources.breaker import BreakerState
from comity.adapters.sources.http import HttpSource
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import RecordKind
from comity.ports import Lookup, Record, SourceError
from comity.practice.web_service import LOOKUPS_PATH, web_service
from comity.roles.certificates import TlsFiles, keep_certificates
from tests.support.web import (
    Heard,
    Step,
    answers,
    hangs,
    opened,
    reply_to,
    resets,
    says,
    scripted,
    serving,
    talking,
    terms_of,
    writes,
)

BARE = Record(kind=RecordKind.LICENCE, elements=())
SECRET = "PX000204K7"


def look_ups(count: int = 1) -> list[Lookup]:
    """Look-ups of Washington drivers."""
    fields = (("OLN", SECRET),)
    return [Lookup(state=Member("wa"), key=MessageKey("DQ"), fields=fields)] * count


async def ask(heard: Heard, count: int = 1) -> list[Record | SourceError | None]:
    return await heard.source.find(look_ups(count))


def said(results: Sequence[Record | SourceError | None]) -> set[str]:
    """Why nothing is known, where nothing is."""
    assert all(isinstance(result, SourceError) for result in results)
    return {str(result) for result in results}


GARBAGE: dict[str, Step] = {
    "not http": writes(b"\x00\xff garbage\r\n\r\n"),
    "nothing": writes(b""),
    "half a head": writes(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": says(b'{"version":1', length=400),
    "endless head": writes(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000),
    "no json": says(b"<html>busy</html>"),
    "wrong version": says(b'{"version":2,"results":[]}'),
    "unknown member": says(b'{"version":1,"results":[],"more":1}'),
    "not asked for": says(b'{"version":1,"results":[{"place":3,"record":null}]}'),
    "no place": says(b'{"version":1,"results":[{"record":null}]}'),
    "error": says(b"{}", status="500 Internal Server Error"),
    "too busy": says(b"{}", status="503 Service Unavailable", head="Retry-After: 1\r\n"),
    "no content": says(b"", status="204 No Content"),
    "redirect": says(
        b"", status="307 Temporary Redirect", head="Location: http://127.0.0.1:9/\r\n"
    ),
    "compressed": says(b"{}", head="Content-Encoding: gzip\r\n"),
    "as text": writes(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n\r\n"
        b'{"version":1,"results":[]}'
    ),
}


@pytest.mark.parametrize("step", GARBAGE.values(), ids=GARBAGE.keys())
async def test_a_reply_that_is_none_tells_nothing(step: Step) -> None:
    """Every look-up of it is unknown; it is an event, and no value of the query is in that."""
    async with talking(step, step) as (heard, _):
        assert len(said(await ask(heard, 3))) == 1
        assert heard.events.counts["source_failed"] == 1
        assert SECRET not in repr(heard.log.written)


async def test_a_redirect_is_not_followed() -> None:
    """Only the address that the state gave is ever asked."""
    async with scripted(answers) as (elsewhere, other):
        away = f"Location: http://127.0.0.1:{elsewhere}/\r\n"
        redirect = says(b"", status="308 Permanent Redirect", head=away)
        async with talking(redirect) as (heard, _):
            assert said(await ask(heard)) == {"the source answered with status 308"}
        assert other.bodies == []


@pytest.mark.parametrize(
    "terms",
    [{"read_s": 0.02}, {"total_s": 0.02}],
)
async def test_a_slow_service_is_given_up(terms: dict[str, float]) -> None:
    """Nothing within its time: unknown. It is not asked again by itself."""
    async with talking(hangs, **terms) as (heard, service):
        assert said(await ask(heard)) == {"the source did not answer in time"}
        assert len(service.bodies) == 1


async def test_a_reply_that_drips_is_given_up() -> None:
    """A byte now and then keeps no look-up beyond the whole's time."""

    async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: ")
        while not writer.is_closing():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with talking(drips, total_s=0.05) as (heard, _):
        assert said(await ask(heard)) == {"the source did not answer in time"}


async def test_a_service_that_is_not_there_cannot_be_reached() -> None:
    """A refused connection is an error like any other."""
    async with scripted() as (port, _):
        pass
    async with opened(terms_of(port)) as heard:
        assert said(await ask(heard)) == {"the source cannot be reached"}


async def test_a_kept_connection_that_ended_is_replaced_once() -> None:
    """A service that closed or reset a kept connection is asked once more, and not a third time."""
    for ends in (resets, writes(b"")):
        async with talking(answers, ends, answers) as (heard, service):
            assert await ask(heard) == [BARE]
            assert await ask(heard) == [BARE]
            assert len(service.bodies) == 3
            assert heard.events.counts["source_failed"] == 0
        async with talking(ends, ends, answers) as (heard, service):
            assert said(await ask(heard)) == {"the source's connection broke"}
            assert len(service.bodies) == 2


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_reply_has_a_longest_length(*, is_announced: bool) -> None:
    """At the limit a reply is read, one byte beyond it is not, its length said or not."""
    body = msgspec.json.encode({"version": 1, "results": [{"place": 0, "record": None}]})

    def padded(size: int) -> Step:
        data = body + b" " * (size - len(body))
        if is_announced:
            return says(data)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        return writes(head + data)

    async with talking(padded(2_048), padded(2_049), reply_bytes_max=2_048) as (heard, _):
        assert await ask(heard) == [None]
        assert said(await ask(heard)) == {"the source's reply is too long"}


async def test_a_bad_result_spoils_no_other() -> None:
    """Twice, out of form, unknown or missing: that look-up's error; the others have theirs."""
    results = (
        b'{"place":0,"record":null},{"place":0,"record":{"kind":"licence"}},'
        b'{"place":1,"record":{"kind":"spaceship"}},{"place":2},'
        b'{"place":3,"fault":"busy"},'
        b'{"place":5,"record":{"kind":"licence","elements":'
        b'[{"class":"status","name":"SSN","value":"900-00-0001"}]}},'
        b'{"place":6,"record":{"kind":"licence"}},{"place":7,"record":null}'
    )
    reply = says(b'{"version":1,"results":[' + results + b"]}")
    async with talking(reply) as (heard, _):
        found = await ask(heard, 8)
        assert said(found[:6]) == {
            "the source gave two results",
            "a result of the source is not in form",
            "a result of the source has not one of `record` and `fault`",
            "the source could not look this up",
            "the source gave no result",
            "an element of the source is unknown, or under another class",
        }
        assert found[6:] == [BARE, None]
        assert heard.events.counts["source_results_refused"] == 6
        assert heard.source.state is BreakerState.CLOSED


async def test_the_breaker_opens_rests_tries_and_closes() -> None:
    """After failures in a row nothing is sent; after the rest one request goes and decides."""
    busy = says(b"{}", status="500 Internal Server Error")
    async with talking(
        busy, busy, busy, answers, answers, failures_max=2, rest_s=5.0, rest_s_max=60.0
    ) as (heard, service):
        assert said([*await ask(heard), *await ask(heard)])
        assert heard.events.counts["source_opened"] == 1
        assert said(await ask(heard)) == {"the source has failed and rests"}
        assert len(service.bodies) == 2
        heard.clock.advance_ns(5 * 10**9)
        assert said(await ask(heard)) == {"the source answered with status 500"}
        heard.clock.advance_ns(10 * 10**9 - 1)
        assert said(await ask(heard)) == {"the source has failed and rests"}
        heard.clock.advance_ns(1)
        assert await ask(heard) == [BARE]
        assert await ask(heard) == [BARE]
        counts = heard.events.counts
        assert counts["source_opened"] == counts["source_half_open"] == 2
        assert counts["source_closed"] == 1


async def test_half_open_is_one_request() -> None:
    """While the one is under way, others fail at once instead of waiting for it."""
    busy = says(b"{}", status="500 Internal Server Error")
    go = asyncio.Event()

    async def waits(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> None:
        await go.wait()
        await answers(reader, writer, body)

    async with talking(busy, waits, failures_max=1) as (heard, service):
        assert said(await ask(heard))
        heard.clock.advance_ns(5 * 10**9)
        first = asyncio.create_task(ask(heard))
        await service.asked(2)
        assert said(await ask(heard)) == {"the source has failed and rests"}
        go.set()
        assert await first == [BARE]


async def test_requests_at_a_time_and_what_waits_have_limits() -> None:
    """Two at a time; what waits becomes whole requests; beyond its limit one fails at once."""
    go = asyncio.Event()

    async def waits(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> None:
        await go.wait()
        await answers(reader, writer, body)

    terms = {"requests_max": 2, "lookups_max": 4, "waiting_max": 10}
    async with talking(*[waits] * 9, **terms) as (heard, service):
        first = asyncio.create_task(ask(heard, 8))
        await service.asked(2)
        waiting = [asyncio.create_task(ask(heard)) for _ in range(10)]
        await asyncio.sleep(0)
        assert said(await ask(heard)) == {"too many look-ups wait for the source"}
        assert (len(service.bodies), service.connections) == (2, 2)
        go.set()
        assert await first == [BARE] * 8
        assert await asyncio.gather(*waiting) == [[BARE]] * 10
        sizes = [len(msgspec.json.decode(body)["lookups"]) for body in service.bodies]
        assert sorted(sizes) == [2, 4, 4, 4, 4]
        assert service.connections == 2


async def test_what_nobody_waits_for_is_not_asked() -> None:
    """A caller that gave up takes its look-ups with it."""
    go = asyncio.Event()

    async def waits(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> None:
        await go.wait()
        await answers(reader, writer, body)

    async with talking(waits, answers, requests_max=1) as (heard, service):
        first = asyncio.create_task(ask(heard))
        await service.asked(1)
        gone, kept = asyncio.create_task(ask(heard, 5)), asyncio.create_task(ask(heard))
        await asyncio.sleep(0)
        gone.cancel()
        go.set()
        assert [await first, await kept] == [[BARE], [BARE]]
        assert len(msgspec.json.decode(service.bodies[1])["lookups"]) == 1


async def test_a_source_that_is_closed_knows_nothing() -> None:
    """What is under way and what waits is unknown at once."""
    async with talking(hangs, requests_max=1) as (heard, service):
        under_way = asyncio.create_task(ask(heard))
        await service.asked(1)
        waiting = asyncio.create_task(ask(heard, 2))
        await asyncio.sleep(0)
        await heard.source.close()
        assert said([*await under_way, *await waiting]) == {"the source is closed"}


async def test_a_token_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    """After a refusal the next request has what the file holds now; without one none is sent."""
    file = tmp_path / "token"
    file.write_text("old-token\n")
    app = web_service(MemorySource(), token="new-token")
    async with serving(app) as port, opened(terms_of(port, token_file=file)) as heard:
        file.write_text("new-token\n")
        assert said(await ask(heard)) == {"the source answered with status 401"}
        assert await ask(heard) == [None]


@pytest.mark.parametrize("content", ["", " \n", "two words", "caf\u00e9", "a" * 8_193])
def test_a_token_file_holds_one_token(tmp_path: Path, content: str) -> None:
    """Whatever else it holds is refused at the start."""
    file = tmp_path / "token"
    file.write_text(content, "utf-8")
    with pytest.raises(SourcesFileError):
        Heard(terms_of(1, token_file=file))


async def test_the_environment_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy, no password of a `netrc`, no cookie of the service: only what the terms say."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login practice password practice\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with scripted(answers) as (elsewhere, proxy):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere}")

        async def sets(r: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
            await says(reply_to(body), head="Set-Cookie: practice=1\r\n")(r, writer, body)

        async with talking(sets, answers) as (heard, service):
            assert [await ask(heard), await ask(heard)] == [[BARE], [BARE]]
            heads = "".join(service.heads).lower()
            assert "cookie" not in heads
            assert "authorization" not in heads
            assert "user-agent" not in heads
        assert proxy.bodies == []


@pytest.fixture
def files(tmp_path: Path) -> dict[str, TlsFiles]:
    """The certificates of a practice service and of one client."""
    return keep_certificates(tmp_path, datetime.now(UTC), lines=["gateway"])


async def test_certificates_are_checked_on_both_sides(
    files: dict[str, TlsFiles], tmp_path: Path
) -> None:
    """A gateway with the state's certificate gets records, from the state's own service alone."""
    server, client = files["server"], files["gateway"]
    tls: dict[str, str | int] = {
        "ssl_certfile": str(server.identity),
        "ssl_ca_certs": str(server.authority),
        "ssl_cert_reqs": int(ssl.CERT_REQUIRED),
    }
    (tmp_path / "other").mkdir()
    stranger = keep_certificates(tmp_path / "other", datetime.now(UTC), lines=["gateway"])
    async with serving(web_service(MemorySource()), **tls) as port:
        terms = terms_of(
            port,
            url=f"https://127.0.0.1:{port}{LOOKUPS_PATH}",
            ca_file=client.authority,
            certificate_file=client.identity,
            key_file=client.identity,
        )
        async with opened(terms) as heard:
            assert await ask(heard) == [None]
        unknown = msgspec.structs.replace(terms, ca_file=stranger["gateway"].authority)
        untrusting = msgspec.structs.replace(terms, ca_file=None)
        for wrong in (unknown, untrusting):
            async with opened(wrong) as heard:
                assert said(await ask(heard)) == {"the source's certificate is not the state's"}
        nobody = msgspec.structs.replace(terms, certificate_file=None, key_file=None)
        async with opened(nobody) as heard:
            assert said(await ask(heard))


def test_a_certificate_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """A gateway does not begin with a source that it could never ask."""
    (tmp_path / "no.pem").write_text("no certificate")
    for ca_file in (tmp_path / "no.pem", tmp_path / "not-there.pem"):
        with pytest.raises(SourcesFileError):
            Heard(terms_of(1, url="https://127.0.0.1/", ca_file=ca_file))


async def test_a_source_names_its_own_lane() -> None:
    """Every look-up of a service waits in its lane."""
    async with opened(terms_of(1)) as heard:
        assert isinstance(heard.source, HttpSource)
        assert heard.source.lane(look_ups()[0]) == "dmv"
        assert await heard.source.find([]) == []
