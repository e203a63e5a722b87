"""What a release of a hold would let go, for the reviewer who decides: said by the release itself.

# INVARIANT (withheld-never-rendered): only what the answer to an approval would hold is in it; a
photo is named without its value.
Source: docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, Element, ResponseKind
from comity.domain.record_reading import (
    RecordOutcome,
    SignedRecordReading,
    record_reading_bytes,
)
from comity.domain.vocabulary import DataClass
from comity.exchange.answering import Found, HoldFile, Judged, answer_exchange
from comity.review.signatures import VerdictError, check_proof, check_time
from comity.review.verdicts import HoldClosedError, settled_of

__all__ = ["WouldRelease", "check_record_reading", "shown_elements", "would_release"]


class WouldRelease(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval of everything held would come to, under the rules at leaf `policy`.

    `tells` says that it tells something of a record, or that there is none; then it is recorded.
    """

    outcome: RecordOutcome
    policy: int
    answer: Answer | None = None
    tells: bool = False


def check_record_reading(
    signed: SignedRecordReading,
    key: ReviewerKey | None,
    hold: HoldFile,
    now: int,
    *,
    step: int,
) -> None:
    """Check that an enrolled reviewer of the hold's state asks to see it as it stands, now.

    Raises: VerdictError, HoldClosedError if the hold's time is over.
    """
    reading = signed.reading
    check_proof(signed.proof, key, reading.reviewer, record_reading_bytes(reading))
    if reading.state != hold.exchange.state:
        raise VerdictError("`hold_entry` is of another state")
    if reading.step != step:
        raise VerdictError("`step` is not the hold's next one: it was answered meanwhile")
    check_time(reading.at, now)
    if now >= hold.until:
        raise HoldClosedError("the hold has expired")


def would_release(
    hold: HoldFile, judged: Judged, found: Found | None, *, now: int, is_looked_up: bool
) -> WouldRelease:
    """Return what an approval of all that is held would let go.

    `judged` is of the held classes with the review known; `found` None with a look-up done means no
    record.
    """
    answer = answer_exchange(
        settled_of(hold, judged, hold.classes), found, now=now, hold_until=hold.until, contact=""
    ).answer
    outcome = RecordOutcome.FOUND
    if answer.response is ResponseKind.REFUSED:
        outcome = RecordOutcome.REFUSED
    elif answer.response is ResponseKind.NO_HIT:
        outcome = RecordOutcome.NO_RECORD
    elif found is not None and found.matches > 1:
        outcome = RecordOutcome.SEVERAL
    # Refused after a look-up, it may tell what kind of record there is: so it is recorded too.
    return WouldRelease(outcome=outcome, policy=judged.policy, answer=answer, tells=is_looked_up)


def shown_elements(answer: Answer) -> tuple[Element, ...]:
    """Return an answer's elements as a reviewer is shown them: a photo is said, not shown."""
    return tuple(
        msgspec.structs.replace(e, value="") if e.data_class is DataClass.PHOTO else e
        for e in answer.elements
    )
