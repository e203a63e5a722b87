"""The urgent lane: who may use it, and what a reviewer or the clock makes of its releases.

# INVARIANT (review-is-verified): `check_after_review` comes first, with the enrolled key.
Guarantee: a release is looked at by a person, or a leaf says that nobody did in time; what was
found not justified closes the lane to its agency for 30 days.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import Final

from comity.domain.after_review import (
    CALL_CHARACTERS_MAX,
    SignedAfterReview,
    after_review_bytes,
)
from comity.domain.agency import Agency, ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import Member, id_time_ns, make_id
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from comity.exchange.judged import UrgentFile
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import note_fields
from comity.review.signatures import CLOCK_SECONDS_MAX, check_proof, check_time

__all__ = [
    "LANE_CLOSED_SECONDS",
    "LOOK_PREFIX",
    "AfterReviewError",
    "ReviewDoneError",
    "ReviewState",
    "check_after_review",
    "look_id",
    "overdue_leaf",
    "records_alone",
    "review_leaf",
    "unmet",
]

LANE_CLOSED_SECONDS: Final = 30 * 86_400
LOOK_PREFIX: Final = b"comity/after-review-leaf/v1\n"
_NOTE_CHARACTERS_MAX: Final = 500


class AfterReviewError(ComityError):
    """An after-review lacks the call back, or has a part that has not its form."""

    code = "after-review-refused"


class ReviewDoneError(ComityError):
    """No urgent release waits under this entry: it was looked at, or there was none."""

    code = "after-review-done"


class ReviewState(StrEnum):
    """Where the look at an urgent release stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    """A leaf says that nobody looked in time; a look is still owed."""
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


def unmet(exchange: Exchange, agency: Agency | None, contact: str, *, is_closed: bool) -> str:
    """Return why an urgent request is not released at once, and whom to call; empty: it is."""
    call = _call(contact)
    if not exchange.is_live:
        return "What nobody asked is never urgent."
    if not exchange.claims.operator:
        return f"An urgent request must name its operator. {call}"
    if agency is None or not agency.phone:
        return f"The directory has no number to call this agency back. {call}"
    if is_closed:
        return (
            "A release to this agency was found not justified, so that a person decides its urgent "
            f"requests. {call}"
        )
    return ""


def look_id(exchange_id: bytes) -> bytes:
    """Return the id of a look's leaves: beside the exchange's own, whose steps a hold may need."""
    return make_id(id_time_ns(exchange_id), sha256(LOOK_PREFIX + exchange_id).digest()[:8])


def records_alone(contact: str) -> str:
    """Return why a message or a query that leaves its state is not urgent, and whom to call."""
    return f"The urgent lane is for records alone. {_call(contact)}"


def check_after_review(
    signed: SignedAfterReview,
    key: ReviewerKey | None,
    file: UrgentFile,
    agency: Agency | None,
    now: int,
) -> None:
    """Check that an enrolled reviewer looked at a release and called its agency back.

    An agency that has no number in the directory any more can only be found not justified. Raises:
    VerdictError; AfterReviewError if the number is not the directory's, the call not after the
    release, or a text not in its limits.
    """
    review = signed.review
    check_proof(signed.proof, key, review.reviewer, after_review_bytes(review))
    check_time(review.at, now)
    listed = agency.phone if agency is not None else ""
    if review.called != listed:
        raise AfterReviewError("`called` is not the agency's number in the directory")
    if not listed and review.justified:
        # Nobody confirmed it, and nobody can: only the finding that restricts may be made.
        raise AfterReviewError("`justified` needs a call, and the directory has no number any more")
    earliest = file.released_at - CLOCK_SECONDS_MAX
    if not earliest <= review.called_at <= now + CLOCK_SECONDS_MAX:
        raise AfterReviewError("`called_at` is before the release, or still to come")
    if not review.answered.strip() or len(review.answered) > CALL_CHARACTERS_MAX:
        raise AfterReviewError(f"`answered` is not 1 to {CALL_CHARACTERS_MAX} characters")
    if len(review.note) > _NOTE_CHARACTERS_MAX:
        raise AfterReviewError("`note` is longer than 500 characters")


def review_leaf(signed: SignedAfterReview, file: UrgentFile, *, step: int, now: int) -> WantedLeaf:
    """Return the leaf of a look: a verdict that cites the disclosure."""
    review = signed.review
    classes = ordered(file.classes)
    decision = LeafDecision.APPROVE if review.justified else LeafDecision.REFUSE
    return WantedLeaf(
        step=step,
        header=LeafHeader(
            version=1,
            kind=LeafKind.VERDICT,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=review.state,
            released=classes if review.justified else (),
            withheld=() if review.justified else classes,
            decision=decision,
            cites=review.entry,
        ),
        fields=note_fields(
            review=after_review_bytes(review).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
        ),
    )


def overdue_leaf(
    member: Member,
    classes: tuple[DataClass, ...],
    entry: str,
    *,
    step: int,
    times: tuple[int, int],
) -> WantedLeaf:
    """Return the leaf that says that nobody looked in time; `times` are that, and now."""
    due, now = times
    return WantedLeaf(
        step=step,
        header=LeafHeader(
            version=1,
            kind=LeafKind.CLOSURE,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=member,
            withheld=ordered(classes),
            decision=LeafDecision.EXPIRED,
            cites=entry,
        ),
        fields=note_fields(release=entry, due=str(due)),
    )


def _call(contact: str) -> str:
    return f"Call the state: {contact}." if contact else "Call the state."
