"""What a person signs about an appeal against a refusal, and where an appeal stands.

# INVARIANT (review-is-verified): what is signed is `appeal_finding_bytes`, nothing else; it names
the refusal that was appealed, and by its own prefix it can order no release.
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass

__all__ = [
    "APPEAL_NOTE_CHARS_MAX",
    "AppealDecision",
    "AppealFinding",
    "AppealStands",
    "SignedAppealFinding",
    "appeal_finding_bytes",
]

APPEAL_NOTE_CHARS_MAX: Final = 500
"""The note of a finding, which the agency reads."""
_PREFIX: Final = b"comity/appeal-finding/v1\n"


class AppealDecision(StrEnum):
    """What a person decides about an appeal."""

    GRANTED = "granted"
    """What was refused is released when it is asked for again, as far as the rules let it."""
    UPHELD = "upheld"
    """The refusal stands."""
    FOR_RULES = "for_rules"
    """The rule is the question: who writes the rules reads of it."""


class AppealStands(StrEnum):
    """Where an appeal stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    """Nobody decided it in time; it is still owed a decision."""
    GRANTED = "granted"
    UPHELD = "upheld"
    FOR_RULES = "for_rules"


class AppealFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decides about an appeal who had no part in the refusal.

    `appealed_entry` cites the `denial` leaf, or the `closure` of a hold that nobody decided.
    `classes` are granted, none but where `decision` is `granted`; `note` has 0..500 characters and
    goes to the agency; `at` is Unix seconds.
    """

    state: Member
    appealed_entry: str
    decision: AppealDecision
    classes: tuple[DataClass, ...]
    note: str = ""
    reviewer: str
    at: int


class SignedAppealFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and its proof."""

    finding: AppealFinding
    proof: VerdictProof


def appeal_finding_bytes(finding: AppealFinding) -> bytes:
    """Return what is signed: a prefix and the finding as compact JSON."""
    return _PREFIX + msgspec.json.encode(finding)
