"""Addresses on the web that a person's name, a code or a secret may be sent to.

Guarantee: what passes is `https`, or `http` to this very machine, names a host and no user, and has
neither query nor fragment. Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from comity.domain.errors import MalformedError

__all__ = ["WEB_ADDRESS_CHARS_MAX", "is_loopback", "parse_web_address"]

WEB_ADDRESS_CHARS_MAX: Final = 2_000

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_loopback(address: str) -> bool:
    """Say whether an address is spoken to in the clear, on this machine."""
    return urlsplit(address).scheme == "http"


def parse_web_address(text: str, field: str, *, is_base: bool = False) -> str:
    """Return an address as it stands; a base has no path. Raises: MalformedError naming `field`."""
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>`{|}^')
    if not is_plain or len(text) > WEB_ADDRESS_CHARS_MAX:
        raise MalformedError(f"`{field}` is not an address of printable ASCII characters")
    try:
        url = urlsplit(text)
        has_place = bool(url.hostname) and url.port != 0
    except ValueError:
        raise MalformedError(f"`{field}` is not an address") from None
    if not has_place or "@" in url.netloc or "?" in text or "#" in text:
        raise MalformedError(f"`{field}` is not a plain address of a host and path")
    # In its one spelling: who compares the beginning of an address sees what we see.
    is_clear = text.startswith("http://") and url.hostname in _LOOPBACK
    if not text.startswith("https://") and not is_clear:
        raise MalformedError(f"`{field}` is not https, and not http on this machine")
    if is_base and url.path:
        raise MalformedError(f"`{field}` has a path: name scheme, host and port alone")
    return text
