"""What a second reviewer signs about a decision that was chosen to be looked at again.

# INVARIANT (review-is-verified): what is signed is `re_review_bytes`, nothing else; it names the
verdict, and by its own prefix it can order no release.
Source: docs/adr/0050-re-review.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass

__all__ = ["ReReview", "SignedReReview", "re_review_bytes"]

_PREFIX: Final = b"comity/re-review/v1\n"


class ReReview(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer would have decided on a hold that another one decided.

    `verdict_entry` cites the `verdict` leaf; `approved` are the classes that would have been
    released, none for a refusal. `note` has 0..500 characters and stays with the state; `at` is
    Unix seconds.
    """

    state: Member
    verdict_entry: str
    approved: tuple[DataClass, ...]
    note: str = ""
    reviewer: str
    at: int


class SignedReReview(msgspec.Struct, frozen=True, kw_only=True):
    """A second look and its proof."""

    review: ReReview
    proof: VerdictProof


def re_review_bytes(review: ReReview) -> bytes:
    """Return what a second reviewer signs: a prefix and the look as compact JSON."""
    return _PREFIX + msgspec.json.encode(review)
