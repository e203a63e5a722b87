"""The OpenAPI document is what the front does: each status it names is provoked, and held to it.

The replies are real, over TLS; a reply's media type, required headers and schema are those of the
document that the front itself serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from comity.front.http import app as app_module
from comity.front.http import handlers
from comity.front.http.routes import OPERATIONS
from tests.support.http import (
    JSON,
    TEXT,
    Caller,
    Office,
    Said,
    json_message,
    open_office,
    text_message,
)
from tests.support.line import Contexts
from tests.support.schema import faults

WAIT = ("prefer", "wait=15")
SEND, READ = "POST /v1/messages", "GET /v1/messages/{key}"
LIST, TAKE = "GET /v1/deliveries", "POST /v1/deliveries/taken"
PREVIEW = "POST /v1/previews"
ANY_LINE = {"line-not-listed": 403, "too-many-requests": 429, "fault": 500, "busy": 503}

Provoke = Callable[[Office], Awaitable[Said]]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture
async def office(contexts: Contexts) -> AsyncIterator[Office]:
    async with open_office(contexts) as office:
        yield office


def ask(method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> Provoke:
    """Ask as a listed line, after one message was answered."""

    async def provoke(office: Office) -> Said:
        caller = await office.call()
        await caller.send(json_message(), "known", WAIT)
        return await caller.ask(method, target, *headers, body=body)

    return provoke


def send(body: bytes, key: str, *headers: tuple[str, str], media: str = JSON) -> Provoke:
    """Send a message."""
    fixed = (("idempotency-key", key), ("content-type", media), *headers)
    return ask("POST", "/v1/messages", *fixed, body=body)


def take(body: bytes, *headers: tuple[str, str], media: str = JSON) -> Provoke:
    """Acknowledge."""
    return ask("POST", "/v1/deliveries/taken", ("content-type", media), *headers, body=body)


def preview(body: bytes, *headers: tuple[str, str], media: str = JSON) -> Provoke:
    """Ask what a message would get."""
    return ask("POST", "/v1/previews", ("content-type", media), *headers, body=body)


PLAIN: dict[tuple[str, int, str], Provoke] = {
    (SEND, 200, ""): send(json_message(), "k", WAIT),
    (SEND, 200, "list"): send(json_message("WA", "OR"), "k", WAIT),
    (SEND, 200, "text"): send(text_message(), "k", WAIT, media=TEXT),
    (SEND, 200, "parts"): send(text_message("WA", "OR"), "k", WAIT, media=TEXT),
    (SEND, 202, ""): send(json_message(), "k"),
    (SEND, 202, "notice"): send(json_message("TX"), "k", ("prefer", "wait=1")),
    (SEND, 422, "text"): send(b"DQ.", "k", media=TEXT),
    (SEND, 422, "json-schema"): send(b"{}", "k"),
    (SEND, 400, "idempotency-key-missing"): ask("POST", "/v1/messages"),
    (SEND, 400, "idempotency-key-malformed"): send(json_message(), "a b"),
    (SEND, 400, "prefer-malformed"): send(json_message(), "k", ("prefer", "wait=x")),
    (SEND, 400, "body-missing"): send(b"", "k"),
    (SEND, 413, "body-too-large"): send(b"{" * 16_385, "k"),
    (SEND, 415, "media-type-unsupported"): send(json_message(), "k", media="text/html"),
    (SEND, 415, "media-type-mismatch"): send(json_message(), "k", media=TEXT),
    (SEND, 415, "content-encoding-unsupported"): send(
        json_message(), "k", ("content-encoding", "gzip")
    ),
    (SEND, 422, "idempotency-key-reused"): send(json_message("TX"), "known"),
    (PREVIEW, 200, ""): preview(json_message("WA", "TX")),
    (PREVIEW, 400, "body-missing"): preview(b""),
    (PREVIEW, 413, "body-too-large"): preview(b"{" * 16_385),
    (PREVIEW, 415, "media-type-unsupported"): preview(text_message(), media=TEXT),
    (PREVIEW, 415, "media-type-mismatch"): preview(text_message()),
    (PREVIEW, 415, "content-encoding-unsupported"): preview(
        json_message(), ("content-encoding", "gzip")
    ),
    (PREVIEW, 422, "json-schema"): preview(b"{}"),
    (READ, 200, ""): ask("GET", "/v1/messages/known"),
    (READ, 200, "parts"): ask("GET", "/v1/messages/known", ("accept", "multipart/mixed")),
    (READ, 400, "prefer-malformed"): ask("GET", "/v1/messages/known", ("prefer", "wait=x")),
    (READ, 400, "query-malformed"): ask("GET", "/v1/messages/known?after=x"),
    (READ, 404, "message-unknown"): ask("GET", "/v1/messages/unknown"),
    (LIST, 200, ""): ask("GET", "/v1/deliveries"),
    (LIST, 200, "parts"): ask("GET", "/v1/deliveries", ("accept", "multipart/mixed")),
    (LIST, 400, "query-malformed"): ask("GET", "/v1/deliveries?wait=61"),
    (TAKE, 200, ""): take(b'{"number":1}'),
    (TAKE, 400, "body-missing"): take(b""),
    (TAKE, 400, "document-malformed"): take(b'{"number":-1}'),
    (TAKE, 413, "body-too-large"): take(b"{" * 16_385),
    (TAKE, 415, "media-type-unsupported"): take(b'{"number":1}', media=TEXT),
    (TAKE, 415, "media-type-mismatch"): take(b"[]"),
    (TAKE, 415, "content-encoding-unsupported"): take(
        b'{"number":1}', ("content-encoding", "gzip")
    ),
    (TAKE, 422, "delivery-unknown"): take(b'{"number":900000000}'),
    ("GET /openapi.json", 200, ""): ask("GET", "/openapi.json"),
    ("GET /healthz", 200, ""): ask("GET", "/healthz"),
}
LINES: dict[str, tuple[str, tuple[tuple[str, str], ...], bytes]] = {
    SEND: ("/v1/messages", (("idempotency-key", "k"), ("content-type", JSON)), json_message()),
    PREVIEW: ("/v1/previews", (("content-type", JSON),), json_message()),
    READ: ("/v1/messages/known", (), b""),
    LIST: ("/v1/deliveries", (), b""),
    TAKE: ("/v1/deliveries/taken", (("content-type", JSON),), b'{"number":1}'),
}


async def document_of(office: Office) -> dict[str, Any]:
    """The document as the front serves it."""
    found = (await (await office.call()).ask("GET", "/openapi.json")).json
    assert isinstance(found, dict)
    return found


def check(said: Said, operation: str, document: dict[str, Any]) -> None:
    """Hold a reply to what the document says of its operation and status."""
    method, path = operation.split(" ")
    responses = document["paths"][path][method.lower()]["responses"]
    content = responses[str(said.status)]["content"]
    assert said.media in content, (said.media, operation)
    schema = content[said.media].get("schema")
    if schema is not None:
        assert faults(said.json, schema, document) == []
    if said.media == "application/problem+json":
        assert said.json["status"] == said.status


@pytest.mark.parametrize("place", PLAIN, ids=lambda place: f"{place[0]} {place[1]} {place[2]}")
async def test_documented_reply_is_real(office: Office, place: tuple[str, int, str]) -> None:
    """A request that provokes a status gets it, in the form that the document gives it."""
    operation, status, code = place
    said = await PLAIN[place](office)
    assert said.status == status
    if said.media == "application/problem+json":
        assert said.code == code
    check(said, operation, await document_of(office))


@pytest.mark.parametrize("code", ANY_LINE)
@pytest.mark.parametrize("operation", LINES)
async def test_reply_that_any_line_may_get_is_real(
    office: Office, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    """Not listed, too many, a fault, a store that is away: each operation, each as documented."""
    target, headers, body = LINES[operation]
    document = await document_of(office)
    caller = await office.call("unlisted" if code == "line-not-listed" else "salem-1")
    if code == "too-many-requests":
        monkeypatch.setattr(app_module, "LINE_REQUESTS_MAX", 0)
    elif code == "fault":
        monkeypatch.setattr(office.gateway, "open_pulled", broken)
    elif code == "busy":
        monkeypatch.setattr(handlers, "TAKE_SECONDS_MAX", 0.1)
        office.disk.store.is_down = True
    said = await caller.ask(operation.partition(" ")[0], target, *headers, body=body)
    office.disk.store.is_down = False
    assert (said.status, said.code) == (ANY_LINE[code], code)
    check(said, operation, document)


async def broken(_line: str) -> int:
    raise RuntimeError("a fault that nobody thought of")


async def test_every_documented_status_and_code_is_provoked(office: Office) -> None:
    """Nothing is documented that no test has seen."""
    document = await document_of(office)
    provoked = {(operation, status) for operation, status, _ in PLAIN}
    provoked |= {(operation, status) for operation in LINES for status in ANY_LINE.values()}
    documented = {
        (f"{method.upper()} {path}", int(status))
        for path, methods in document["paths"].items()
        for method, said in methods.items()
        for status in said["responses"]
        if status != "default"
    }
    assert documented == provoked
    codes = {(operation, code) for operation, _, code in PLAIN}
    codes |= {(operation, code) for operation in LINES for code in ANY_LINE}
    for operation in OPERATIONS:
        place = f"{operation.method} {operation.path}"
        assert {(place, problem.value) for problem in operation.problems} <= codes


async def test_undocumented_methods_and_paths_are_problems(office: Office) -> None:
    """Each method of each path that the document does not name, and paths beside them."""
    document = await document_of(office)
    caller = await office.call()
    for path, methods in document["paths"].items():
        allowed = {method.upper() for method in methods}
        allowed |= {"HEAD"} & ({"HEAD"} if "GET" in allowed else set())
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
            said = await caller.ask(method, path.replace("{key}", "known"))
            assert (said.status, said.code) == (405, "method-not-allowed")
            assert set(said.header("allow").split(", ")) == allowed
    for path in ("/", "/v1", "/v1/", "/v1/messages/", "/v1/deliveries/", "/V1/deliveries", "//"):
        said = await caller.ask("GET", path)
        assert (said.status, said.code.removesuffix("-unknown")) in {
            (404, "route"),
            (404, "message"),
        }


async def taken(caller: Caller, key: str) -> Said:
    """Send a message until it is taken."""
    for _ in range(100):
        said = await caller.send(json_message(), key, WAIT)
        if said.status != 503:
            return said
        await asyncio.sleep(0.01)
    raise AssertionError("it was not taken")


async def test_message_is_safe_while_the_store_is_away(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told to come again does so, meanwhile and later: the message is recorded once."""
    monkeypatch.setattr(handlers, "TAKE_SECONDS_MAX", 0.1)
    caller = await office.call()
    assert (await caller.ask("GET", "/v1/deliveries")).status == 200
    office.disk.store.is_down = True
    for _ in range(2):
        said = await caller.send(json_message(), "k1")
        assert (said.status, said.code, said.header("retry-after")) == (503, "busy", "1")
    office.disk.store.is_down = False
    monkeypatch.undo()
    assert (await taken(caller, "k1")).status == 200
    assert len(office.disk.store.tables.accepted) == 1
