"""The public ledgers over HTTP: read by anyone, from anywhere, and cached by whoever likes.

Guarantee: only GET and HEAD; nothing is read but what its path names in its one spelling. What
never changes says so, what is not there may not be cached. Memory is bounded by one cache and by
what is under way; an address asks no oftener than its rate.
Source: https://c2sp.org/tlog-tiles, static GET; docs/adr/0025-public-store.md, section paths.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from hashlib import sha256
from typing import Final

import msgspec
import zstandard
from starlette.types import Receive, Scope, Send

from comity.domain.errors import ComityError
from comity.front.http.plain import PlainServer, Rates
from comity.front.http.protocol import HttpTimes
from comity.front.http.replies import Reply, reply_headers
from comity.services.events import Events
from comity.services.public_ledgers import Place, PublicKind, PublicLedgers, View

__all__ = [
    "CACHE_BYTES_MAX",
    "READER_BURST_MAX",
    "READER_RATE_MAX",
    "READS_MAX",
    "LedgerServer",
    "pick_encoding",
]

READER_RATE_MAX: Final = 500.0
"""Requests of one address a second, over time: an auditor reads a million leaves in 16 s."""
READER_BURST_MAX: Final = 4_096.0
"""Requests of one address at once."""
CACHE_BYTES_MAX: Final = 32 * 2**20
"""Bytes of documents kept ready; the one asked for least recently goes."""
READS_MAX: Final = 16
"""Documents that are made ready at the same time; further requests wait their turn."""

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_FRESH: Final = "public, max-age=5"
_HOUR: Final = "public, max-age=3600"
_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_MEDIA: Final = {
    PublicKind.CHECKPOINT: (_TEXT, _FRESH),
    PublicKind.PROOF: (_TEXT, _FRESH),
    PublicKind.VKEY: (_TEXT, _HOUR),
    PublicKind.TILE: (_BYTES, _IMMUTABLE),
    PublicKind.BUNDLE: (_BYTES, _IMMUTABLE),
    PublicKind.DOCUMENT: (_BYTES, _IMMUTABLE),
}
_COMPRESSED: Final = frozenset({PublicKind.BUNDLE, PublicKind.DOCUMENT})
"""Hashes do not become smaller."""
_IDENTITY: Final = "identity"
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 6
_IN_LOOP_BYTES_MAX: Final = 32_768
"""What is longer is compressed in a thread."""
_ANYONE: Final = (("access-control-allow-origin", "*"),)


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A document in one encoding, as it goes out."""

    body: bytes
    tag: str


class _Cache:
    """Documents that never change, in the encodings in which they were asked for."""

    def __init__(self) -> None:
        self._ready: OrderedDict[tuple[str, str, str], _Ready] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, str, str]) -> _Ready | None:
        """Return a document, if it is kept."""
        ready = self._ready.get(key)
        if ready is not None:
            self._ready.move_to_end(key)
        return ready

    def put(self, key: tuple[str, str, str], ready: _Ready) -> None:
        """Keep a document; what was asked for least recently makes room."""
        if key in self._ready:
            return
        self._ready[key] = ready
        self._bytes += len(ready.body)
        while self._bytes > CACHE_BYTES_MAX:
            _, gone = self._ready.popitem(last=False)
            self._bytes -= len(gone.body)


def pick_encoding(accepted: str) -> str:
    """Return the encoding to send, by a request's `Accept-Encoding`: zstd, gzip or identity."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        _, _, stated = parameter.strip().partition("=")
        try:
            weights[name.strip()] = float(stated) if stated else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    best = max(("zstd", "gzip"), key=lambda name: weights.get(name, weights.get("*", 0.0)))
    # What does not name identity takes it all the same, and after anything that it names.
    weight = weights.get(best, weights.get("*", 0.0))
    return best if weight > 0 and weight >= weights.get(_IDENTITY, 0.0) else _IDENTITY


class _LedgerApp:
    """The routes of the public ledgers."""

    def __init__(self, ledgers: PublicLedgers, events: Events, rates: Rates) -> None:
        self._ledgers = ledgers
        self._events = events
        self._rates = rates
        self._cache = _Cache()
        self._turns = asyncio.Semaphore(READS_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a body that comes with it is not read."""
        del receive
        assert scope["type"] == "http"
        try:
            reply = await self._reply(scope)
        except ComityError as error:
            self._events.failure("ledger_request_failed", error)
            reply = _said(503, "this cannot be read now", ("retry-after", "5"))
        except Exception as error:  # noqa: BLE001 - one request must not end the server
            self._events.failure("ledger_request_failed", error)
            reply = _said(500, "this request could not be carried out")
        start = {
            "type": "http.response.start",
            "status": reply.status,
            "headers": reply_headers(reply),
        }
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope) -> Reply:
        address = scope["client"][0] if scope["client"] else ""
        if not self._rates.admits(address):
            self._events.note("ledger_requests_too_many")
            return _said(429, "too many requests", ("retry-after", "1"))
        if scope["method"] not in ("GET", "HEAD"):
            return _said(405, "this can only be read", ("allow", "GET, HEAD"))
        # The path as it was sent: decoded, another spelling would look like the one there is.
        path = scope["raw_path"].decode("ascii", "replace")
        name, _, rest = path.removeprefix("/").partition("/")
        view = None if scope["query_string"] else await self._ledgers.view(name)
        place = self._ledgers.locate(view, rest) if view is not None else None
        if view is None or place is None:
            return _absent()
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        encoding = _IDENTITY
        if place.kind in _COMPRESSED:
            encoding = pick_encoding(headers.get("accept-encoding", ""))
        ready = await self._ready(view, place, (name, rest, encoding))
        if ready is None:
            return _absent()
        return _shown(place, ready, encoding, headers.get("if-none-match", ""))

    async def _ready(self, view: View, place: Place, key: tuple[str, str, str]) -> _Ready | None:
        is_immutable = _MEDIA[place.kind][1] == _IMMUTABLE
        ready = self._cache.get(key) if is_immutable else None
        if ready is not None:
            return ready
        async with self._turns:
            data = await self._ledgers.read(view, place)
            if data is None:
                return None
            ready = await _encode(data, key[2])
        if is_immutable:
            self._cache.put(key, ready)
        return ready


async def _encode(data: bytes, encoding: str) -> _Ready:
    tag = sha256(data).hexdigest()[:32]
    if encoding == _IDENTITY:
        return _Ready(body=data, tag=f'"{tag}"')
    if len(data) > _IN_LOOP_BYTES_MAX:
        body = await asyncio.to_thread(_compress, data, encoding)
    else:
        body = _compress(data, encoding)
    return _Ready(body=body, tag=f'"{tag}-{encoding}"')


def _compress(data: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)


def _shown(place: Place, ready: _Ready, encoding: str, known: str) -> Reply:
    """Return a document, or that the client has it already."""
    media, cache = _MEDIA[place.kind]
    headers = [*_ANYONE, ("etag", ready.tag)]
    if place.kind in _COMPRESSED:
        headers.append(("vary", "accept-encoding"))
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    if known.strip() == "*" or ready.tag in tags:
        return Reply(status=304, cache=cache, headers=tuple(headers))
    if encoding != _IDENTITY:
        headers.append(("content-encoding", encoding))
    return Reply(status=200, media=media, body=ready.body, cache=cache, headers=tuple(headers))


def _absent() -> Reply:
    return _said(404, "there is nothing here")


def _said(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    body = f"{text}\n".encode()
    return Reply(status=status, media=_TEXT, body=body, headers=(*_ANYONE, *headers))


class LedgerServer(PlainServer):
    """Listens for readers of public ledgers."""

    def __init__(
        self, *, ledgers: PublicLedgers, events: Events, times: HttpTimes | None = None
    ) -> None:
        rates = Rates(time.monotonic, rate=READER_RATE_MAX, burst=READER_BURST_MAX)
        super().__init__(_LedgerApp(ledgers, events, rates), events, times)
