"""What a reviewer signs about a claim that an agency was asked to prove.

# INVARIANT (review-is-verified): what is signed is `claim_finding_bytes`, nothing else; it names
the disclosure whose claim it is about.
Source: docs/adr/0052-claim-checks.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = ["ClaimFinding", "SignedClaimFinding", "claim_finding_bytes"]

_PREFIX: Final = b"comity/claim-finding/v1\n"


class ClaimFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's finding about the claim behind one release.

    `entry` cites its `disclosure` leaf; `note` has 0..500 characters; `at` is Unix seconds.
    """

    state: Member
    entry: str
    proved: bool
    note: str = ""
    reviewer: str
    at: int


class SignedClaimFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and its proof."""

    finding: ClaimFinding
    proof: VerdictProof


def claim_finding_bytes(finding: ClaimFinding) -> bytes:
    """Return what a reviewer signs: a prefix and the finding as compact JSON."""
    return _PREFIX + msgspec.json.encode(finding)
