"""Signatures in the name of enrolled people, by keys that this host keeps for them.

Source: docs/adr/0037-signing-in.md, section who signs.
"""

from __future__ import annotations

from typing import Protocol

from comity.domain.ids import Member
from comity.domain.verdict import Ed25519Proof

__all__ = ["SigningKeys"]


class SigningKeys(Protocol):
    """The keys of enrolled people that this host may sign with in their name."""

    def sign(self, state: Member, name: str, message: bytes) -> Ed25519Proof:
        """Return a person's signature of a message. Raises: SigningKeyError if there is no key.

        Called for the person who is signed in, within that person's request, and for nobody else.
        """
        ...
