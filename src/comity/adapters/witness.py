"""Somebody's witness, asked over HTTP.

Guarantee: whatever it does, an answer comes within the time and length below, or UnreachableError;
nothing is read from the environment, no redirect is followed. What it says is verified elsewhere.
Source: https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

from comity.ledger.note import VerifierKey
from comity.ledger.quorum import KnownWitness
from comity.ledger.witnessing import origin_id
from comity.ports import UnreachableError, WitnessReply

__all__ = ["WITNESS_REPLY_BYTES_MAX", "WITNESS_SECONDS_MAX", "HttpWitness"]

WITNESS_SECONDS_MAX: Final = 1.0
"""How long a witness may take to answer."""
WITNESS_REPLY_BYTES_MAX: Final = 65_536

_CONNECTIONS_MAX: Final = 8
_OK: Final = 200
_NOT_FOUND: Final = 404


class HttpWitness:
    """One witness of a quorum file."""

    def __init__(self, known: KnownWitness, seconds_max: float = WITNESS_SECONDS_MAX) -> None:
        assert known.url
        self._key = known.key
        self._prefix = known.url.rstrip("/")
        self._seconds_max = seconds_max
        self._session: aiohttp.ClientSession | None = None

    @property
    def key(self) -> VerifierKey:
        """The key that its cosignatures are checked by."""
        return self._key

    async def add_checkpoint(self, request: bytes) -> WitnessReply:
        """Ask for a cosignature. Raises: UnreachableError if there is no answer in time."""
        return await self._ask("POST", f"{self._prefix}/add-checkpoint", request)

    async def last_checkpoint(self, origin: str) -> bytes | None:
        """Return the note it cosigned last, or None. Raises: UnreachableError."""
        reply = await self._ask("GET", f"{self._prefix}/{origin_id(origin)}/checkpoint", b"")
        if reply.status == _NOT_FOUND:
            return None
        if reply.status != _OK:
            raise UnreachableError(f"the witness answered with status {reply.status}")
        return reply.body

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, url: str, body: bytes) -> WitnessReply:
        try:
            # One clock for all of it: connecting, sending and reading to the end.
            async with (
                asyncio.timeout(self._seconds_max),
                self._open().request(method, url, data=body or None, allow_redirects=False) as got,
            ):
                return WitnessReply(status=got.status, body=await _read(got))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise UnreachableError(f"the witness did not answer: {type(error).__name__}") from None

    def _open(self) -> aiohttp.ClientSession:
        """Return the session, made by the first request: it belongs to a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"Accept-Encoding": "identity"},
                skip_auto_headers=("User-Agent", "Content-Type"),
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = b""
    async for part in response.content.iter_chunked(WITNESS_REPLY_BYTES_MAX):
        data += part
        if len(data) > WITNESS_REPLY_BYTES_MAX:
            response.close()
            raise UnreachableError("the witness's reply is too long")
    return data
