"""Random tokens that a browser holds and the console knows by their hash alone."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Final

from comity.ports import Entropy

__all__ = ["TOKEN_BYTES", "TOKEN_CHARS", "draw_token", "token_hash"]

TOKEN_BYTES: Final = 32
TOKEN_CHARS: Final = 43
"""The same in base64url without padding."""


def draw_token(entropy: Entropy) -> str:
    """Return a new token in base64url."""
    return base64.urlsafe_b64encode(entropy.token(TOKEN_BYTES)).rstrip(b"=").decode("ascii")


def token_hash(token: str) -> bytes:
    """Return what a token is kept and found by; any text has one."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
