"""What a reviewer passed on, and whom a conflict of interest keeps from deciding.

A conflict of interest is an `escalate` whose note is of a closed form; whoever declared one gives
no verdict on that hold any more.
Guarantee: a note that begins as a declaration and is none is refused, never taken for a plain one.
Source: docs/adr/0053-assignment-and-conflict-of-interest.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.planted import Planted
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.exchange.answering import Answered, HoldFile
from comity.review.signatures import VerdictError
from comity.review.verdicts import escalate

__all__ = [
    "ConflictError",
    "Ground",
    "check_no_conflict",
    "check_not_ordered",
    "conflict_note",
    "declare",
    "ground_of",
    "with_kept",
]

_PREFIX: Final = "conflict-of-interest: "
_MARK: Final = "conflict-of-interest"
_WAITS: Final = "ANOTHER REVIEWER OF THE STATE LOOKS AT THIS"


class Ground(StrEnum):
    """Why a reviewer must not decide."""

    KNOWS_PERSON = "knows-person"
    WORKS_WITH_AGENCY = "works-with-agency"
    OTHER = "other"


class ConflictError(ComityError):
    """Whoever declared a conflict of interest on a hold has no part in it any more."""

    code = "conflict-of-interest"


def conflict_note(ground: Ground) -> str:
    """Return the note by which a conflict of interest is declared."""
    return f"{_PREFIX}{ground.value}"


def ground_of(verdict: Verdict) -> Ground | None:
    """Return what a verdict declares; None where it declares nothing.

    Raises: VerdictError for a note that begins as a declaration and is none.
    """
    if verdict.kind is not VerdictKind.ESCALATE or not verdict.note.lower().startswith(_MARK):
        return None
    for ground in Ground:
        if verdict.note == conflict_note(ground):
            return ground
    raise VerdictError("`note` is no declaration of a conflict of interest in its form")


def check_no_conflict(kept: Iterable[SignedVerdict], reviewer: str, key_id: str) -> None:
    """Check that a reviewer has declared nothing, under this name or by this key.

    `kept` are the verdicts kept beside the hold. Raises: ConflictError.
    """
    for signed in kept:
        is_same = signed.verdict.reviewer == reviewer or signed.proof.key_id == key_id
        if is_same and ground_of(signed.verdict) is not None:
            raise ConflictError("a conflict of interest was declared here under this name or key")


def check_not_ordered(planted: Planted, key: ReviewerKey, orderer: ReviewerKey | None) -> None:
    """Check that a test case was not ordered by whoever decides it, under this name or by this key.

    `orderer` is the key enrolled for whoever ordered it, None if there is none any more. Raises:
    ConflictError.
    """
    is_same_key = orderer is not None and orderer.verify_key == key.verify_key
    if planted.ordered_by == key.name or is_same_key:
        raise ConflictError("whoever ordered a test case has no verdict on it")


def with_kept(kept: Iterable[SignedVerdict], signed: SignedVerdict) -> tuple[SignedVerdict, ...]:
    """Return what is kept beside a hold once a verdict left it open that is to be known later.

    Every declaration and every call back stays, and the last plain passing on: so it is bounded by
    the reviewers enrolled and by the calls that one hold may have.
    """
    is_plain = _is_plain(signed.verdict)
    return (*(each for each in kept if not (is_plain and _is_plain(each.verdict))), signed)


def _is_plain(verdict: Verdict) -> bool:
    return verdict.kind is VerdictKind.ESCALATE and ground_of(verdict) is None


def declare(
    signed: SignedVerdict, hold: HoldFile, *, contact: str, policy: int, step: int, now: int
) -> Answered:
    """Return what a declaration makes: the verdict leaf, and the word that it is still held.

    The requester is not told the note: whom a reviewer knows is none of its business.
    """
    passed = escalate(signed, hold, contact=contact, policy=policy, step=step, now=now)
    told = msgspec.structs.replace(passed.answer, remark=_WAITS)
    return msgspec.structs.replace(passed, answer=told)
