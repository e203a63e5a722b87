"""What a reviewer signs about a claim that an agency was asked to prove, and where that stands.

# INVARIANT (review-is-verified): what is signed is `claim_finding_bytes`, nothing else; it names
the disclosure whose claim it is about.
Source: docs/adr/0052-claim-checks.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = ["ClaimFinding", "ClaimStands", "SignedClaimFinding", "claim_finding_bytes"]

_PREFIX: Final = b"comity/claim-finding/v1\n"


class ClaimStands(StrEnum):
    """Where a claim check stands."""

    OPEN = "open"
    """The agency was asked, and has time."""
    ANSWERED = "answered"
    """It answered; a reviewer looks at that."""
    UNANSWERED = "unanswered"
    """Its time is over, and it said nothing."""
    NOT_PROVED = "not_proved"
    PROVED = "proved"

    @property
    def waits(self) -> bool:
        """Say whether what the agency asks for the same purpose waits for a person."""
        return self in (ClaimStands.UNANSWERED, ClaimStands.NOT_PROVED)


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
