"""A state's own receiver of its feed, by HTTPS.

Guarantee: a request takes 10 seconds at most, follows no redirect and leaves no cookie; no proxy
and no `netrc` is read; only a status of 2xx counts as delivered, and nothing of a reply is kept.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a webhook".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp

from comity.ports import FeedDownError

__all__ = ["FEED_SECONDS_MAX", "WebHook"]

FEED_SECONDS_MAX: Final = 10.0
"""One request to a receiver, from connecting to the head of its reply."""
_CONNECTIONS_MAX: Final = 8


class WebHook:
    """Posts to receivers; connections are kept for as long as they live."""

    def __init__(self, seconds_max: float = FEED_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Hand over lines. Raises: FeedDownError."""
        try:
            async with (
                asyncio.timeout(self._seconds_max),
                self._open().post(
                    url, data=body, headers=dict(headers), allow_redirects=False
                ) as reply,
            ):
                status = reply.status
                reply.close()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # A library's own text may hold what was sent.
            raise FeedDownError(f"the receiver did not answer: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise FeedDownError(f"the receiver answered {status}")

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
                trust_env=False,
                skip_auto_headers=("User-Agent",),
            )
        return self._session
