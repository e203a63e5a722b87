"""What is encrypted, wherever it is kept."""

from __future__ import annotations

import msgspec

__all__ = ["Sealed"]


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes under a member's month key, by its number (`KEY_GENERATION`); AES-256-GCM."""

    key_number: int
    nonce: bytes
    body: bytes
