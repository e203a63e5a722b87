"""Under which identity a line's HTTP messages are kept, and which frame number a key is.

Source: docs/adr/0015-http-front.md.
"""

from __future__ import annotations

from hashlib import sha256

from comity.directory.directory import HTTP_LINE_PREFIX

__all__ = ["frame_number", "http_line"]


def http_line(name: str) -> str:
    """Return the identity under which a line's HTTP messages and deliveries are kept."""
    return HTTP_LINE_PREFIX + name


def frame_number(line: str, key: str) -> int:
    """Return the frame number of a key: 63 bits of SHA-256 over the line and the key, never 0."""
    digest = sha256(f"{line}\0{key}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") >> 1 or 1
