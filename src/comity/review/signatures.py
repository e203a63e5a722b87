"""Whether an enrolled reviewer signed something, now: what every paper of the review desk rests on.

# INVARIANT (review-is-verified): the key is the one that the directory has enrolled under the name.
Source: docs/adr/0006-verdicts.md, "What is checked".
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.verdict import VerdictProof

__all__ = ["CLOCK_SECONDS_MAX", "VerdictError", "check_proof", "check_time"]

CLOCK_SECONDS_MAX: Final = 300


class VerdictError(ComityError):
    """What was signed is not an enrolled reviewer's word about this, now."""

    code = "verdict-refused"


def check_proof(
    proof: VerdictProof, key: ReviewerKey | None, reviewer: str, message: bytes
) -> None:
    """Check that the enrolled key of a reviewer signed a message. Raises: VerdictError."""
    if key is None or (key.name, key.key_id) != (reviewer, proof.key_id):
        raise VerdictError("`reviewer` has no such key enrolled")
    try:
        Ed25519PublicKey.from_public_bytes(key.verify_key).verify(proof.signature, message)
    except (InvalidSignature, ValueError):
        raise VerdictError("`signature` is not the reviewer's") from None


def check_time(at: int, now: int) -> None:
    """Check that something was signed within 300 s of now, either way. Raises: VerdictError."""
    if abs(now - at) > CLOCK_SECONDS_MAX:
        raise VerdictError("`at` is more than 300 seconds from now")
