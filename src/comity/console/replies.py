"""What the console answers, and the headers that every answer has.

Guarantee: unless it is an asset, nothing of an answer is kept by a browser or a cache; a page runs
no script, style or frame but the console's own. Source: docs/adr/0036-console.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

__all__ = ["CONTENT_POLICY", "Reply", "go_to", "headers_of", "html"]

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    # Not `no-referrer`: with it a browser hides the origin of our own forms from us.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
_OF_PAGES: Final = (
    ("content-security-policy", CONTENT_POLICY),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
_HSTS: Final = ("strict-transport-security", "max-age=63072000")
_HTML: Final = "text/html; charset=utf-8"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; `cookies` are values of `Set-Cookie`, `attachment` the name of a file to keep.

    `stream` is what makes the body where that goes on: it gives bytes until it ends, none of them
    where it only lets it be seen whether somebody is still there.
    """

    status: int = 200
    media: str = _HTML
    body: bytes = b""
    cache: str = "no-store"
    location: str = ""
    cookies: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    attachment: str = ""
    stream: Callable[[], AsyncGenerator[bytes, None]] | None = None


def html(text: str, status: int = 200) -> Reply:
    """Return a page."""
    return Reply(status=status, body=text.encode("utf-8"))


def go_to(url: str, *cookies: str) -> Reply:
    """Return that a browser goes on elsewhere, by GET."""
    return Reply(status=303, media="text/plain; charset=utf-8", location=url, cookies=cookies)


def headers_of(reply: Reply, *, is_tls: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer as the wire has them."""
    found = [
        ("content-type", reply.media),
        ("cache-control", reply.cache),
        *_ALWAYS,
    ]
    if reply.stream is None:
        found.append(("content-length", str(len(reply.body))))
    else:
        # Or a front would keep back what is to arrive now.
        found.append(("x-accel-buffering", "no"))
    if reply.media == _HTML:
        found += _OF_PAGES
    if is_tls:
        found.append(_HSTS)
    if reply.location:
        found.append(("location", reply.location))
    if reply.allow:
        found.append(("allow", ", ".join(reply.allow)))
    if reply.attachment:
        found.append(("content-disposition", f'attachment; filename="{reply.attachment}"'))
    found += [("set-cookie", value) for value in reply.cookies]
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in found]
