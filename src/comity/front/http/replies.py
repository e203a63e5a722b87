"""A reply and the headers that every reply has.

Guarantee: unless a reply says otherwise, nothing of it may be cached; nothing says which software
answers. No other origin may read it, but for what is public anyway and says so in its own headers.
Source: RFC 9110; RFC 9111.
"""

from __future__ import annotations

import http
import time
from email.utils import formatdate
from functools import lru_cache
from typing import Final

import msgspec

__all__ = ["Reply", "encode_reply", "reply_headers"]

_NOT_MODIFIED: Final = 304


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered with; without a body if it has no media type.

    `cache` says who may keep it, and for how long.
    """

    status: int
    media: str = ""
    body: bytes = b""
    cache: str = "no-store"
    headers: tuple[tuple[str, str], ...] = ()


def reply_headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    """Return a reply's headers as the wire has them."""
    found = [
        (b"date", _date(int(time.time()))),
        (b"cache-control", reply.cache.encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
    ]
    if reply.status != _NOT_MODIFIED:
        # There it would be taken for the length of what the client has.
        found.append((b"content-length", b"%d" % len(reply.body)))
    if reply.media:
        found.append((b"content-type", reply.media.encode("ascii")))
    found += [(name.encode("ascii"), value.encode("ascii")) for name, value in reply.headers]
    return found


def encode_reply(reply: Reply) -> bytes:
    """Return a whole response after which the connection ends."""
    phrase = http.HTTPStatus(reply.status).phrase
    lines = [b"HTTP/1.1 %d %s" % (reply.status, phrase.encode("ascii"))]
    lines += [b"%s: %s" % header for header in reply_headers(reply)]
    return b"\r\n".join([*lines, b"connection: close", b"", reply.body])


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
