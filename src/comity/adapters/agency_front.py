"""The gateway's HTTPS front, spoken to with the certificates of lines that are kept on this host.

Guarantee: each request takes 15 seconds and 2 MiB at most, over TLS 1.3 and mutual certificates; no
redirect is followed, and nothing is read from the environment. Every failure is an UnreachableError
that says nothing of what was sent.
Source: docs/adr/0042-asking-in-the-browser.md; docs/adr/0015-http-front.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp

from comity.ports import FrontReply, FrontRequest, UnreachableError

__all__ = ["FRONT_REPLY_BYTES_MAX", "FRONT_SECONDS_MAX", "HttpAgencyFront"]

FRONT_SECONDS_MAX: Final = 15.0
"""One request to the gateway's front, from connecting to the last byte."""
FRONT_REPLY_BYTES_MAX: Final = 2_097_152
"""A reply of the gateway's front: a list of deliveries ends after half of it."""

_CHUNK_BYTES: Final = 65_536
_JSON: Final = "application/json"


class HttpAgencyFront:
    """Speaks to one front."""

    def __init__(
        self,
        *,
        address: Callable[[], str],
        server_name: str,
        context_of: Callable[[str], ssl.SSLContext | None],
    ) -> None:
        """`address` returns `host:port`, or raises ComityError while nobody is known to listen.

        `context_of` returns a line's certificate and authority, or None if none is kept here.
        """
        self._address = address
        self._server_name = server_name
        self._context_of = context_of

    def line_of(self, lines: Sequence[str]) -> str | None:
        """Return the first of these lines whose certificate is kept here, or None."""
        return next((line for line in lines if self._context_of(line) is not None), None)

    async def ask(self, line: str, request: FrontRequest) -> FrontReply:
        """Make one request as a line. Raises: UnreachableError."""
        context = self._context_of(line)
        if context is None:
            raise UnreachableError("no certificate of this line is kept here")
        try:
            async with asyncio.timeout(FRONT_SECONDS_MAX):
                return await self._ask(context, request)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise UnreachableError(f"the front did not answer: {type(error).__name__}") from None

    async def _ask(self, context: ssl.SSLContext, request: FrontRequest) -> FrontReply:
        headers = dict(request.headers)
        if request.body:
            headers["Content-Type"] = _JSON
        async with (
            # A connection for each: a certificate that was renewed counts from the next one on.
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("User-Agent", "Content-Type"),
            ) as session,
            session.request(
                request.method,
                f"https://{self._address()}{request.target}",
                data=request.body or None,
                headers={"Accept": _JSON, "Accept-Encoding": "identity", **headers},
                allow_redirects=False,
                server_hostname=self._server_name,
            ) as reply,
        ):
            media = reply.headers.get("Content-Type", "").partition(";")[0].strip()
            return FrontReply(status=reply.status, media=media, body=await _read(reply))


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in reply.content.iter_chunked(_CHUNK_BYTES):
        data += part
        if len(data) > FRONT_REPLY_BYTES_MAX:
            reply.close()
            raise UnreachableError("the front's reply is too long")
    return bytes(data)
