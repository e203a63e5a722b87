"""Signing keys in memory."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.ids import Member
from comity.domain.verdict import Ed25519Proof
from comity.ledger.note import verifier_key
from comity.ports import SigningKeyError

__all__ = ["MemorySigningKeys"]


class MemorySigningKeys:
    """The keys of some people, by state and enrolled name."""

    def __init__(self, keys: Mapping[tuple[Member, str], Ed25519PrivateKey]) -> None:
        self._keys = dict(keys)

    def sign(self, state: Member, name: str, message: bytes) -> Ed25519Proof:
        """Return a person's signature of a message. Raises: SigningKeyError if there is no key."""
        key = self._keys.get((state, name))
        if key is None:
            raise SigningKeyError(f"no key is kept here to sign with for `{state}`")
        named = verifier_key(f"{state}-{name}", key.public_key().public_bytes_raw())
        return Ed25519Proof(key_id=named.key_id.hex(), signature=key.sign(message))
