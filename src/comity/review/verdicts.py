"""What a reviewer's verdict makes of a hold: leaves, an answer, and whether the hold is closed.

# INVARIANT (review-is-verified): `check_verdict` comes first, with the key that the directory has
enrolled; what it approves is decided again under the policy now in force.
Source: docs/adr/0006-verdicts.md.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import REVIEW_RULE, ClassDecision, Reason
from comity.domain.errors import ComityError
from comity.domain.ids import entry_name, parse_entry_name
from comity.domain.keys import response_key
from comity.domain.leaf import LeafHeader
from comity.domain.verdict import (
    SignedHistoryReading,
    SignedOpeningReading,
    SignedReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    history_reading_bytes,
    opening_reading_bytes,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import (
    DataClass,
    LeafDecision,
    LeafKind,
    Outcome,
    RecordKind,
)
from comity.exchange.answering import Answered, Found, HoldFile, Judged, answer_exchange, whole
from comity.exchange.appeals import with_appeal
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered, outcome_header
from comity.exchange.messages import Terms, delivered
from comity.exchange.private import exchange_fields, note_fields, payload_of
from comity.review.signatures import VerdictError, check_proof, check_time

__all__ = [
    "NOTE_CHARACTERS_MAX",
    "HoldClosedError",
    "VerdictError",
    "approve",
    "approve_message",
    "ask",
    "check_history_reading",
    "check_opening_reading",
    "check_reading",
    "check_verdict",
    "escalate",
    "refuse",
    "settled_of",
    "verdict_leaf",
]

NOTE_CHARACTERS_MAX = 500
_REFUSED_BY_REVIEWER = "A reviewer of the state refused this part."


class HoldClosedError(ComityError):
    """The hold has ended: by a verdict, or by its clock."""

    code = "hold-closed"


def check_verdict(
    signed: SignedVerdict,
    key: ReviewerKey | None,
    hold: HoldFile,
    entry: str,
    now: int,
    *,
    step: int,
) -> None:
    """Check that an enrolled reviewer signed this verdict for this hold, now.

    `step` is the next one of the hold's exchange: after any verdict it is another, so that none
    can be sent twice.

    Raises: VerdictError if the key is not the enrolled one of the reviewer named, the signature
    fails, the verdict names another hold, a class that is not held or the same twice, a time more
    than 300 s off, or too long a note; HoldClosedError if the hold's time is over.
    """
    verdict = signed.verdict
    check_proof(signed.proof, key, verdict.reviewer, signed_bytes(verdict))
    if (verdict.state, verdict.exchange_id) != (hold.exchange.state, hold.exchange.exchange_id):
        raise VerdictError("`hold` is not the one signed for")
    if verdict.hold_entry != entry:
        raise VerdictError("`hold_entry` is not the one signed for")
    if verdict.step != step:
        raise VerdictError("`step` is not the hold's next one: it was answered meanwhile")
    check_time(verdict.at, now)
    if len(verdict.note) > NOTE_CHARACTERS_MAX:
        raise VerdictError("`note` is longer than 500 characters")
    _check_classes(verdict, hold)
    if now >= hold.until:
        raise HoldClosedError("the hold has expired")


def check_reading(signed: SignedReading, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer of the state asks to read, now. Raises: VerdictError."""
    check_proof(signed.proof, key, signed.reading.reviewer, reading_bytes(signed.reading))
    check_time(signed.reading.at, now)


def check_history_reading(signed: SignedHistoryReading, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer asks to read a history, now. Raises: VerdictError."""
    reading = signed.reading
    check_proof(signed.proof, key, reading.reviewer, history_reading_bytes(reading))
    check_time(reading.at, now)
    if not reading.since < reading.until:
        raise VerdictError("`until` is not after `since`")


def check_opening_reading(signed: SignedOpeningReading, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer asks to open a record, now. Raises: VerdictError."""
    reading = signed.reading
    check_proof(signed.proof, key, reading.reviewer, opening_reading_bytes(reading))
    check_time(reading.at, now)
    if parse_entry_name(reading.entry)[0] != reading.state:
        raise VerdictError("`entry` is of another state")


def _check_classes(verdict: Verdict, hold: HoldFile) -> None:
    if not set(verdict.approved) <= set(hold.classes):
        raise VerdictError("`approved` names a class that is not held")
    if len(set(verdict.approved)) != len(verdict.approved):
        raise VerdictError("`approved` names a class twice")
    if (verdict.kind is VerdictKind.APPROVE) != bool(verdict.approved):
        raise VerdictError("`approved` is not what this kind of verdict carries")


def approve(
    signed: SignedVerdict,
    hold: HoldFile,
    judged: Judged,
    found: Found | None,
    *,
    step: int,
    now: int,
    is_whole: bool = False,
) -> Answered:
    """Return what an approval releases: the approved classes as the policy in force allows.

    `judged` is of the approved classes with `reviewed` true; the others of the hold end refused.
    A record that is free text goes whole or not at all: an approval of part of it releases none;
    `is_whole` says so of anything else, such as a query that is to leave its state.
    # INVARIANT (one-final-outcome): a verdict ends the hold, so that nothing is held again.
    """
    verdict = signed.verdict
    settled = settled_of(hold, judged, verdict.approved)
    return answer_exchange(
        whole(settled) if is_whole else settled,
        found,
        now=now,
        hold_until=hold.until,
        contact="",
        step=step,
        after=verdict_leaf(signed, hold, step=step, policy=judged.policy, now=now),
        remark=verdict.note,
    )


def settled_of(hold: HoldFile, judged: Judged, approved: tuple[DataClass, ...]) -> Judged:
    """Return what is decided once a hold ends with these classes approved: nothing is held."""
    refused = tuple(c for c in hold.classes if c not in approved)
    rows = tuple(
        (*(_ended(d) for d in row), *(_refused(c, kind) for c in refused))
        for kind, row in zip(judged.kinds, judged.rows, strict=True)
    )
    beside = tuple(tuple(_ended(d) for d in row) for row in judged.beside)
    return msgspec.structs.replace(judged, rows=rows, beside=beside)


def approve_message(
    signed: SignedVerdict, hold: HoldFile, judged: Judged, terms: Terms, *, step: int, now: int
) -> Answered:
    """Return what the approval of a held message makes: it is delivered, and may await its answer.

    `judged` is of the approved class with `reviewed` true, and lets the message in.
    """
    return delivered(
        judged,
        terms,
        now=now,
        step=step,
        after=verdict_leaf(signed, hold, step=step, policy=judged.policy, now=now),
        remark=signed.verdict.note,
    )


def _ended(decision: ClassDecision) -> ClassDecision:
    if decision.outcome is not Outcome.HOLD:
        return decision
    return msgspec.structs.replace(decision, outcome=Outcome.DENY)


def _refused(data_class: DataClass, kind: RecordKind) -> ClassDecision:
    return ClassDecision(
        data_class=data_class,
        outcome=Outcome.DENY,
        reasons=(Reason(rule=REVIEW_RULE, sentence=_REFUSED_BY_REVIEWER),),
        record_kind=kind,
    )


def refuse(signed: SignedVerdict, hold: HoldFile, *, policy: int, step: int, now: int) -> Answered:
    """Return what a refusal makes: the verdict, a denial that cites it, and the answer."""
    exchange = hold.exchange
    remark = with_appeal(signed.verdict.note, exchange.state)
    answer = _plain_answer(hold, remark, step=step, response=ResponseKind.REFUSED)
    reasons = (Reason(rule=REVIEW_RULE, sentence="A reviewer of the state refused this request."),)
    answer = msgspec.structs.replace(
        answer,
        is_final=True,
        policy_entry=entry_name(exchange.state, policy),
        withheld=tuple(
            Withheld(data_class=c, outcome=Outcome.DENY, reasons=reasons) for c in hold.classes
        ),
    )
    denial = WantedLeaf(
        step=step + 1,
        header=outcome_header(
            exchange,
            kind=LeafKind.DENIAL,
            decision=LeafDecision.DENY,
            withheld=hold.classes,
            policy=policy,
            hour=now // HOUR_SECONDS,
        ),
        fields=exchange_fields(
            exchange, payload_hash=sha256(payload_of(answer)).digest(), rules=(REVIEW_RULE,)
        ),
        cites_previous=True,
    )
    verdict = verdict_leaf(signed, hold, step=step, policy=policy, now=now)
    return Answered(answer=answer, leaves=(verdict, denial), policy=policy)


def ask(
    signed: SignedVerdict, hold: HoldFile, *, contact: str, policy: int, step: int, now: int
) -> Answered:
    """Return what a question makes: the verdict leaf and word to the requester."""
    answer = _plain_answer(hold, signed.verdict.note, step=step, response=ResponseKind.HELD)
    answer = msgspec.structs.replace(
        answer,
        withheld=hold.withheld,
        hold=HoldNotice(until=hold.until, contact=contact, entry=signed.verdict.hold_entry),
    )
    leaf = verdict_leaf(signed, hold, step=step, policy=policy, now=now)
    return Answered(answer=answer, leaves=(leaf,), policy=policy)


def escalate(
    signed: SignedVerdict, hold: HoldFile, *, contact: str, policy: int, step: int, now: int
) -> Answered:
    """Return what an escalation makes: the verdict leaf, and the same word to the requester."""
    return ask(signed, hold, contact=contact, policy=policy, step=step, now=now)


def _plain_answer(hold: HoldFile, note: str, *, step: int, response: ResponseKind) -> Answer:
    exchange = hold.exchange
    return Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=response_key(exchange.key),
        response=response,
        is_final=False,
        remark=note,
    )


def verdict_leaf(
    signed: SignedVerdict,
    hold: HoldFile,
    *,
    step: int,
    policy: int,
    now: int,
    decision: LeafDecision | None = None,
    released: tuple[DataClass, ...] | None = None,
) -> WantedLeaf:
    """Return a verdict's leaf; it says what was decided, unless `decision` and `released` do."""
    verdict = signed.verdict
    approved = verdict.approved if released is None else released
    return WantedLeaf(
        step=step,
        header=LeafHeader(
            version=1,
            kind=LeafKind.VERDICT,
            mode=hold.exchange.mode,
            hour=now // HOUR_SECONDS,
            member=verdict.state,
            released=ordered(approved),
            withheld=ordered([c for c in hold.classes if c not in approved]),
            decision=decision or LeafDecision(verdict.kind.value),
            policy=policy,
            cites=verdict.hold_entry,
        ),
        fields=note_fields(
            verdict=signed_bytes(verdict).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
            **_test_case(hold, signed),
        ),
    )


def _test_case(hold: HoldFile, signed: SignedVerdict) -> dict[str, str]:
    """Return what the record says further of a verdict on a planted case, empty for any other.

    Only of one that ends it: who opens the record of what was passed on must learn nothing.
    """
    planted = hold.exchange.test_case
    if planted is None or signed.verdict.kind is VerdictKind.ESCALATE:
        return {}
    return {"planted": planted.flaw.value, "ordered_by": planted.ordered_by}
