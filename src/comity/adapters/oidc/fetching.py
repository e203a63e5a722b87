"""Requests to an identity provider.

Guarantee: each takes 5 seconds and 64 KiB at most, follows no redirect and leaves no cookie;
no proxy and no `netrc` is read. The authorities of https are the system's, as OpenSSL finds them.
Every failure is a ProviderDownError.
Source: docs/adr/0037-signing-in.md, as in docs/adr/0016-sources.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
import msgspec

from comity.ports import ProviderDownError

__all__ = [
    "PROVIDER_REPLY_BYTES_MAX",
    "PROVIDER_SECONDS_MAX",
    "Fetched",
    "Fetcher",
]

PROVIDER_SECONDS_MAX: Final = 5.0
"""One request to the identity provider, from connecting to the last byte."""
PROVIDER_REPLY_BYTES_MAX: Final = 65_536
"""A reply of the identity provider."""

_CHUNK_BYTES: Final = 16_384
_CONNECTIONS_MAX: Final = 8


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, whole."""

    status: int
    body: bytes


class Fetcher:
    """Asks one identity provider."""

    def __init__(self, seconds_max: float = PROVIDER_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._session: aiohttp.ClientSession | None = None

    async def fetch(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Get what is at an address, or post a form to it. Raises: ProviderDownError."""
        method = "GET" if form is None else "POST"
        try:
            # One clock for all of it: connecting, sending and reading to the end.
            async with (
                asyncio.timeout(self._seconds_max),
                self._open().request(
                    method, url, data=form, headers=headers, allow_redirects=False
                ) as reply,
            ):
                if reply.headers.get("Content-Encoding", "identity") != "identity":
                    raise ProviderDownError("the identity provider's reply is compressed")
                return Fetched(status=reply.status, body=await _read(reply))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # A library's own text may hold what was sent.
            raise ProviderDownError(
                f"the identity provider did not answer: {type(error).__name__}"
            ) from None

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        """Return the session, made by the first request: it belongs to a running loop."""
        if self._session is None:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit=_CONNECTIONS_MAX),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                skip_auto_headers=("User-Agent",),
            )
        return self._session


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in reply.content.iter_chunked(_CHUNK_BYTES):
        data += part
        if len(data) > PROVIDER_REPLY_BYTES_MAX:
            reply.close()
            raise ProviderDownError("the identity provider's reply is too long")
    return bytes(data)
