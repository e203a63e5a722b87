"""What a reviewer says of an urgent release afterwards, and the readings of the desks beside it.

# INVARIANT (review-is-verified): what is signed is `after_review_bytes`, nothing else; it names the
release and the number that was called back.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = [
    "CALL_CHARACTERS_MAX",
    "AfterReview",
    "Desk",
    "DeskReading",
    "SignedAfterReview",
    "SignedDeskReading",
    "after_review_bytes",
    "desk_reading_bytes",
]

CALL_CHARACTERS_MAX: Final = 200
_PREFIX: Final = b"comity/after-review/v1\n"
_READING_PREFIX: Final = b"comity/desk-reading/v1\n"


class AfterReview(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's finding about one urgent release.

    `entry` cites its `disclosure` leaf; `called` is the agency's number in the directory (empty
    where it has none any more: then it is not justified), at which it was called back at
    `called_at` (Unix seconds, as `at` is), and `answered` (1..200 characters) what was said there.
    `note` has 0..500 characters.
    """

    state: Member
    entry: str
    justified: bool
    called: str
    called_at: int
    answered: str
    note: str = ""
    reviewer: str
    at: int


class SignedAfterReview(msgspec.Struct, frozen=True, kw_only=True):
    """An after-review and its proof."""

    review: AfterReview
    proof: VerdictProof


class Desk(StrEnum):
    """What a reviewer reads: passes, urgent releases, legal instruments, claim checks, onward
    transfers, or appeals.
    """

    PASSES = "passes"
    URGENT = "urgent"
    INSTRUMENTS = "instruments"
    CLAIMS = "claims"
    ONWARD = "onward"
    APPEALS = "appeals"


class DeskReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's wish to read a desk's list, or one of its entries where `entry` is named.

    One entry names whom it is about, so that its reading is recorded first.
    """

    state: Member
    desk: Desk
    entry: str = ""
    reviewer: str
    at: int


class SignedDeskReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of a desk and its proof."""

    reading: DeskReading
    proof: VerdictProof


def after_review_bytes(review: AfterReview) -> bytes:
    """Return what a reviewer signs afterwards: a prefix and the review as compact JSON."""
    return _PREFIX + msgspec.json.encode(review)


def desk_reading_bytes(reading: DeskReading) -> bytes:
    """Return what a reviewer signs to read a desk: a prefix and the reading as compact JSON."""
    return _READING_PREFIX + msgspec.json.encode(reading)
