"""Which decisions are looked at again, what such a look must hold, and the leaf that it becomes.

Guarantee: whether a verdict is chosen follows from its public leaf alone. A verdict has one look,
however often one is sent, and a look changes nothing else.
Source: docs/adr/0050-re-review.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, make_id, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.re_review import SignedReReview, re_review_bytes
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import note_fields
from comity.review.signatures import check_proof, check_time

__all__ = [
    "ONE_IN",
    "RE_REVIEW_NOTE_CHARS_MAX",
    "ReReviewDoneError",
    "ReReviewRefusedError",
    "ReReviewTally",
    "SecondLook",
    "check_re_review",
    "is_chosen",
    "is_decision",
    "look_of",
    "re_review_id",
    "re_review_leaf",
]

ONE_IN: Final = 10
"""Of so many decisions one is looked at again."""
RE_REVIEW_NOTE_CHARS_MAX: Final = 500
"""The note of a second look."""
_CHOSEN: Final = b"comity/re-review/chosen/v1\n"
_NS: Final = 1_000_000_000
_DECISIONS: Final = frozenset({LeafDecision.APPROVE, LeafDecision.REFUSE})


class ReReviewRefusedError(ComityError):
    """A decision is not chosen to be looked at again, or not by whoever signed."""

    code = "re-review-refused"


class ReReviewDoneError(ComityError):
    """A decision was looked at again already."""

    code = "re-review-done"


class SecondLook(msgspec.Struct, frozen=True, kw_only=True):
    """What a second reviewer would have released, of the verdict at `verdict_index`."""

    verdict_index: LeafIndex
    approved: tuple[DataClass, ...]


class ReReviewTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many decisions were chosen and looked at, and how many of those came out otherwise.

    `reversed` would have released nothing in place of something, or the reverse; `in_part` other
    parts.
    """

    chosen: int
    looked: int
    reversed: int
    in_part: int


def is_chosen(leaf: bytes) -> bool:
    """Say whether the bytes of a verdict's leaf choose it to be looked at again."""
    return int.from_bytes(sha256(_CHOSEN + leaf).digest()[:8], "big") % ONE_IN == 0


def is_decision(leaf: LeafHeader) -> bool:
    """Say whether a leaf is a person's live verdict that ended something."""
    is_live = leaf.kind is LeafKind.VERDICT and leaf.mode is LeafMode.LIVE
    return is_live and leaf.decision in _DECISIONS


def look_of(leaf: LeafHeader, cited: tuple[LeafIndex, LeafHeader] | None) -> SecondLook | None:
    """Return what a leaf says of a verdict, if it is a second look at one."""
    if cited is None or not is_decision(leaf) or cited[1].kind is not LeafKind.VERDICT:
        return None
    return SecondLook(verdict_index=cited[0], approved=leaf.released or ())


def check_re_review(signed: SignedReReview, key: ReviewerKey | None, now: int) -> None:
    """Check who says what they would have decided, and its form.

    Raises: VerdictError, ReReviewRefusedError.
    """
    review = signed.review
    check_proof(signed.proof, key, review.reviewer, re_review_bytes(review))
    check_time(review.at, now)
    if parse_entry_name(review.verdict_entry)[0] != review.state:
        raise ReReviewRefusedError("`verdict_entry` is of another state")
    if len(set(review.approved)) != len(review.approved):
        raise ReReviewRefusedError("`approved` names a class twice")
    if len(review.note) > RE_REVIEW_NOTE_CHARS_MAX:
        raise ReReviewRefusedError(f"`note` is longer than {RE_REVIEW_NOTE_CHARS_MAX} characters")


def re_review_id(entry: str, verdict: LeafHeader) -> bytes:
    """Return the id of the leaf of a look: one for each verdict."""
    name = f"comity/re-review/{entry}"
    return make_id(verdict.hour * HOUR_SECONDS * _NS, sha256(name.encode()).digest()[:8])


def re_review_leaf(signed: SignedReReview, held: Iterable[DataClass], now: int) -> WantedLeaf:
    """Return the leaf of a look at a verdict on a hold of these classes.

    Raises: ReReviewRefusedError: it names one that was not held.
    """
    review, classes = signed.review, tuple(held)
    if not set(review.approved) <= set(classes):
        raise ReReviewRefusedError("`approved` names a class that was not held")
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.VERDICT,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=review.state,
            released=ordered(review.approved),
            withheld=ordered([each for each in classes if each not in review.approved]),
            decision=LeafDecision.APPROVE if review.approved else LeafDecision.REFUSE,
            cites=review.verdict_entry,
        ),
        fields=note_fields(
            re_review=re_review_bytes(review).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
        ),
    )
