"""A state's web service as a source: look-ups in batches over HTTPS, in the documented JSON.

Guarantee: whatever the service does, each look-up gets its record, None for a record that it says
is not there, or a SourceError; within the terms' time, and with no more requests, look-ups and
bytes than they say. Nothing is read from the environment: no proxy, no `netrc`, no certificates.
Source: docs/reference/source-protocol.md; docs/adr/0016-sources.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import msgspec

from comity.adapters.errors import SourcesFileError
from comity.adapters.sources.breaker import Breaker, BreakerState
from comity.adapters.sources.elements import element_classes
from comity.adapters.sources.protocol import encode_lookups, read_results
from comity.adapters.sources.terms import HttpTerms
from comity.ports import Clock, Lookup, Record, SourceError

__all__ = ["TOKEN_BYTES_MAX", "HttpSource", "SourceEvents"]

TOKEN_BYTES_MAX: Final = 8_192
"""A bearer token's length: what fits into a header line."""

_CHUNK_BYTES: Final = 65_536
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_JSON: Final = "application/json"
_Found = Record | SourceError | None


class SourceEvents(Protocol):
    """Where it is said what becomes of a source."""

    def note(self, event: str, count: int = 1, **fields: str | float) -> None:
        """Record something ordinary."""
        ...

    def failure(self, event: str, error: Exception, **fields: str | float) -> None:
        """Record a failure under a static name."""
        ...


class _Group(msgspec.Struct, kw_only=True):
    """What one caller asks together."""

    lookups: Sequence[Lookup]
    results: list[_Found]
    left: int
    future: asyncio.Future[list[_Found]]


class HttpSource:
    """Finds records by one web service. What waits while requests are under way is the next one.

    `_waiting` holds (group, place) in order; `_work` takes from its front, and each item it took it
    also settles. `_active` counts the workers that will look at `_waiting` again.
    """

    def __init__(self, name: str, terms: HttpTerms, clock: Clock, events: SourceEvents) -> None:
        self._name = name
        self._terms = terms
        self._classes = element_classes(terms.elements)
        self._context = _context(terms)
        self._token = _token(terms.token_file)
        self._events = events
        self._breaker = Breaker(
            failures_max=terms.failures_max,
            rest_s=terms.rest_s,
            rest_s_max=terms.rest_s_max,
            clock=clock,
            changed=self._note_state,
        )
        self._session: aiohttp.ClientSession | None = None
        self._waiting: deque[tuple[_Group, int]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._active = 0

    @property
    def state(self) -> BreakerState:
        """Return whether requests go."""
        return self._breaker.state

    def lane(self, lookup: Lookup) -> str:  # noqa: ARG002 - every look-up shares this service
        """Return the lane of this service."""
        return self._name

    async def find(self, lookups: Sequence[Lookup]) -> list[_Found]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        if not lookups:
            return []
        if len(self._waiting) + len(lookups) > self._terms.waiting_max:
            self._events.note("source_full", len(lookups), source=self._name)
            return [SourceError("too many look-ups wait for the source")] * len(lookups)
        future: asyncio.Future[list[_Found]] = asyncio.get_running_loop().create_future()
        group = _Group(
            lookups=lookups, results=[None] * len(lookups), left=len(lookups), future=future
        )
        self._waiting += [(group, place) for place in range(len(lookups))]
        self._engage(-(-len(lookups) // self._terms.lookups_max))
        return await future

    async def close(self) -> None:
        """End the requests under way and the connections; what waits is unknown."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        while self._waiting:
            _settle(*self._waiting.popleft(), SourceError("the source is closed"))
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _engage(self, count: int) -> None:
        for _ in range(min(count, self._terms.requests_max - self._active)):
            self._active += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        try:
            while batch := self._take():
                await self._answer(batch)
        finally:
            self._active -= 1

    async def _answer(self, batch: Sequence[tuple[_Group, int]]) -> None:
        results: Sequence[_Found] = [SourceError("the source is closed")] * len(batch)
        try:
            results = await self._ask([group.lookups[place] for group, place in batch])
        finally:
            for (group, place), result in zip(batch, results, strict=True):
                _settle(group, place, result)

    def _take(self) -> list[tuple[_Group, int]]:
        """Return what the next request asks; nobody waits for what its caller gave up."""
        batch: list[tuple[_Group, int]] = []
        while self._waiting and len(batch) < self._terms.lookups_max:
            group, place = self._waiting.popleft()
            if not group.future.done():
                batch.append((group, place))
        return batch

    async def _ask(self, lookups: Sequence[Lookup]) -> Sequence[_Found]:
        if not self._breaker.admits():
            return [SourceError("the source has failed and rests")] * len(lookups)
        try:
            async with asyncio.timeout(self._terms.total_s):
                reply = await self._post(encode_lookups(lookups))
            results = read_results(reply, len(lookups), self._classes)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known of the records
            self._breaker.failed()
            fault = _fault(error)
            self._events.failure("source_failed", fault, source=self._name)
            return [fault] * len(lookups)
        self._breaker.succeeded()
        if refused := sum(isinstance(result, SourceError) for result in results):
            self._events.note("source_results_refused", refused, source=self._name)
        return results

    async def _post(self, body: bytes) -> bytes:
        async with await self._send_twice(body) as response:
            if response.status == _UNAUTHORIZED:
                # It may have been replaced since; the next request has what the file holds now.
                self._token = await asyncio.to_thread(_token, self._terms.token_file)
            _check_head(response)
            return await self._read(response)

    async def _send_twice(self, body: bytes) -> aiohttp.ClientResponse:
        """Send once, and once more where the connection ended before its reply began.

        Such a connection was kept from an earlier request and closed meanwhile; to look something
        up twice does no harm. What takes too long or is answered by an error is not repeated.
        """
        try:
            return await self._send(body)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            return await self._send(body)

    async def _send(self, body: bytes) -> aiohttp.ClientResponse:
        headers = {"Content-Type": _JSON, "Accept": _JSON, "Accept-Encoding": "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return await self._open_session().post(
            self._terms.url, data=body, headers=headers, allow_redirects=False
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._terms.reply_bytes_max
        if (response.content_length or 0) > limit:
            response.close()
            raise SourceError("the source's reply is too long")
        parts, size = [], 0
        async for part in response.content.iter_chunked(_CHUNK_BYTES):
            size += len(part)
            if size > limit:
                response.close()
                raise SourceError("the source's reply is too long")
            parts.append(part)
        return b"".join(parts)

    def _open_session(self) -> aiohttp.ClientSession:
        """Return the session, made by the first request: it belongs to a running loop."""
        if self._session is None:
            terms = self._terms
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, limit=terms.requests_max),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=terms.connect_s, sock_read=terms.read_s
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("User-Agent",),
            )
        return self._session

    def _note_state(self, state: BreakerState) -> None:
        match state:
            case BreakerState.OPEN:
                self._events.note("source_opened", source=self._name)
            case BreakerState.HALF_OPEN:
                self._events.note("source_half_open", source=self._name)
            case BreakerState.CLOSED:
                self._events.note("source_closed", source=self._name)


def _settle(group: _Group, place: int, result: _Found) -> None:
    group.results[place] = result
    group.left -= 1
    if not group.left and not group.future.done():
        group.future.set_result(group.results)


def _check_head(response: aiohttp.ClientResponse) -> None:
    if response.status != _OK:
        raise SourceError(f"the source answered with status {response.status}")
    if response.content_type != _JSON:
        raise SourceError("the source's reply is not JSON")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceError("the source's reply is compressed")


def _fault(error: Exception) -> SourceError:
    """Return a failure as its kind; a library's own text may hold what was sent."""
    match error:
        case SourceError():
            return error
        case TimeoutError():
            return SourceError("the source did not answer in time")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return SourceError("the source's certificate is not the state's")
        case aiohttp.ClientConnectorError():
            return SourceError("the source cannot be reached")
        case aiohttp.ClientError() | OSError():
            return SourceError("the source's connection broke")
        case _:
            return SourceError(f"the look-up failed: {type(error).__name__}")


def _context(terms: HttpTerms) -> ssl.SSLContext:
    """Return what a connection is checked by: the state's own CA, and nothing without one."""
    # Not the default context: it would trust what the environment names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if terms.ca_file is not None:
            context.load_verify_locations(cafile=terms.ca_file)
        if terms.certificate_file is not None:
            context.load_cert_chain(terms.certificate_file, terms.key_file)
    except (OSError, ssl.SSLError):
        raise SourcesFileError("a certificate or key of a source cannot be read") from None
    return context


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            data = opened.read(TOKEN_BYTES_MAX + 1)
        token = data.decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SourcesFileError("`token_file` of a source cannot be read") from None
    if not token or len(data) > TOKEN_BYTES_MAX or not token.isprintable() or " " in token:
        raise SourcesFileError("`token_file` of a source does not hold a token")
    return token
