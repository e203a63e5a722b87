"""The seal of an envelope: HPKE base mode to the receiving host's X25519 key.

Guarantee: only the holder of the private key reads the contents, and neither they nor `info` (the
envelope's header) can be altered unnoticed. Who sealed is not proved here: that is the signature
inside. Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
Source: RFC 9180, sections 5.1.1 and 6.1; docs/adr/0009-envelope.md.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from comity.link.errors import SealBrokenError

__all__ = ["SEAL_BYTES", "seal", "unseal"]

SEAL_BYTES: Final = 48
"""What sealing adds: the encapsulated key (32) before the contents, the tag (16) after them."""

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(contents: bytes, *, recipient_key: bytes, info: bytes) -> bytes:
    """Return contents sealed to a host's key.

    The one function of the pure floors that is not a function of its arguments alone: HPKE makes a
    fresh ephemeral key inside `cryptography`, and its safety rests on nobody choosing that key.
    Sealing the same contents twice gives different bytes that open to the same.
    """
    return _SUITE.encrypt(contents, X25519PublicKey.from_public_bytes(recipient_key), info=info)


def unseal(sealed: bytes, *, own_private: X25519PrivateKey, info: bytes) -> bytes:
    """Return what was sealed to this host. Raises: SealBrokenError."""
    try:
        return _SUITE.decrypt(sealed, own_private, info=info)
    except (InvalidTag, ValueError):
        raise SealBrokenError("envelope was altered, or sealed to another key") from None
