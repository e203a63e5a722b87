"""What two reviewers release: the first proposes it, another one confirms.

# INVARIANT (review-is-verified): the obligation `second_review` is taken off a decision for a
# `TwoReviews` alone, which `check_two` makes of two verified signatures of two people.
# INVARIANT (fail-closed): a decision from which it is not taken off releases nothing (`gated`).
Source: docs/adr/0049-second-review.md.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, HoldNotice, ResponseKind
from comity.domain.decision import ClassDecision
from comity.domain.errors import ComityError
from comity.domain.keys import response_key
from comity.domain.verdict import SignedVerdict, VerdictKind, signed_bytes
from comity.domain.vocabulary import DataClass, LeafDecision, Outcome
from comity.exchange.answering import Answered, HoldFile, Judged
from comity.policy import Obligation
from comity.review.signatures import VerdictError, check_proof
from comity.review.verdicts import verdict_leaf

__all__ = [
    "SecondReviewerError",
    "TwoReviews",
    "as_after_two",
    "check_two",
    "classes_of_two",
    "is_proposal",
    "propose",
    "released_by_two",
]

_DUTY = Obligation.SECOND_REVIEW.value
_WAITS = "A SECOND REVIEWER OF THE STATE LOOKS AT THIS"


class SecondReviewerError(ComityError):
    """Another reviewer than the one who proposed it confirms this, and no more than that."""

    code = "second-reviewer-needed"


class TwoReviews(msgspec.Struct, frozen=True, kw_only=True):
    """That two people approved these classes of one hold. Made by `check_two` alone."""

    classes: frozenset[DataClass]


def classes_of_two(judged: Judged) -> tuple[DataClass, ...]:
    """Return the classes of which the rules let something go to two reviewers alone."""
    owed = {each.data_class for each in _cells(judged) if _owes(each)}
    return tuple(part for part in DataClass if part in owed)


def is_proposal(
    signed: SignedVerdict, key: ReviewerKey | None, hold: HoldFile, entry: str, *, step: int
) -> bool:
    """Say whether what is kept as proposed is an approval that a verdict at `step` may confirm.

    `key` is what is enrolled now under its author's name. It is none once any other verdict was
    given behind it.
    """
    verdict, exchange = signed.verdict, hold.exchange
    try:
        check_proof(signed.proof, key, verdict.reviewer, signed_bytes(verdict))
    except VerdictError:
        return False
    of_hold = (exchange.state, exchange.exchange_id, entry, step - 1, VerdictKind.APPROVE)
    said = (
        verdict.state, verdict.exchange_id, verdict.hold_entry, verdict.step, verdict.kind,
    )  # fmt: skip
    return said == of_hold


def check_two(
    proposal: SignedVerdict,
    proposer: ReviewerKey,
    confirming: SignedVerdict,
    confirmer: ReviewerKey,
    *,
    hold: HoldFile,
    classes: Iterable[DataClass],
) -> TwoReviews:
    """Return that two people approved `classes`, those that two release.

    `proposal` is one that `is_proposal` calls so, and `confirming` is checked against its hold; the
    keys are those enrolled for their authors. A class that no verdict could name, since it shows in
    a free text alone, goes with all that is held.

    Raises: SecondReviewerError if it is one person, or only one of them approved all of them.
    """
    one, other = proposal.verdict, confirming.verdict
    keys = (proposer.key_id, proposer.verify_key), (confirmer.key_id, confirmer.verify_key)
    if one.reviewer == other.reviewer or any(a == b for a, b in zip(*keys, strict=True)):
        raise SecondReviewerError("who proposed a release does not confirm it: another one does")
    held, wanted = frozenset(hold.classes), frozenset(classes)
    both = frozenset(one.approved) & frozenset(other.approved)
    if not wanted & held <= both:
        raise SecondReviewerError("`approved` names a part that was not proposed and needs two")
    return TwoReviews(classes=wanted if held <= both else wanted & both)


def released_by_two(judged: Judged, reviews: TwoReviews) -> Judged:
    """Return what is decided of classes that two people approved; of others it is still owed."""
    return _met(judged, reviews.classes)


def as_after_two(judged: Judged) -> Judged:
    """Return what would be decided if a second person approved all of it: to be looked at only."""
    return _met(judged, frozenset(DataClass))


def propose(
    signed: SignedVerdict, hold: HoldFile, *, contact: str, policy: int, step: int, now: int
) -> Answered:
    """Return what a proposal makes: its leaf, the word that it is still held, and what is kept.

    Neither what was proposed nor the note is told: one person alone says nothing to the requester.
    """
    exchange = hold.exchange
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=response_key(exchange.key),
        response=ResponseKind.HELD,
        is_final=False,
        remark=_WAITS,
        withheld=hold.withheld,
        hold=HoldNotice(until=hold.until, contact=contact, entry=signed.verdict.hold_entry),
    )
    leaf = verdict_leaf(
        signed,
        hold,
        step=step,
        policy=policy,
        now=now,
        decision=LeafDecision.ESCALATE,
        released=(),
    )
    return Answered(answer=answer, leaves=(leaf,), policy=policy)


def _cells(judged: Judged) -> Iterable[ClassDecision]:
    return (cell for row in (*judged.rows, *judged.beside) for cell in row)


def _owes(decision: ClassDecision) -> bool:
    return decision.outcome is Outcome.RELEASE and _DUTY in decision.obligations


def _met(judged: Judged, classes: frozenset[DataClass]) -> Judged:
    def met(decision: ClassDecision) -> ClassDecision:
        if decision.data_class not in classes or not _owes(decision):
            return decision
        left = tuple(duty for duty in decision.obligations if duty != _DUTY)
        return msgspec.structs.replace(decision, obligations=left)

    return msgspec.structs.replace(
        judged,
        rows=tuple(tuple(met(cell) for cell in row) for row in judged.rows),
        beside=tuple(tuple(met(cell) for cell in row) for row in judged.beside),
    )
