"""What a release rests on: the rules alone, the urgent lane with its after-review, a case pass, or
a verified instrument.

# INVARIANT (review-is-verified): a pass or an instrument comes here only after its signatures were
verified, and the policy in force is asked again for its classes; every other one stays as it was.
# INVARIANT (fail-closed): a rule that asks for an after-review releases only through `on_lane`;
what was not taken through it is denied by `gated`. What a claimed instrument alone releases is
held.
Each basis has a disclosure leaf of its own, so that public leaves alone say what rested on what.
Source: docs/adr/0034-passes-and-urgent-lane.md, docs/adr/0046-instruments.md,
docs/adr/0052-claim-checks.md, docs/adr/0060-quotas-and-triage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from comity.domain.decision import ClassDecision, Reason, RuleId
from comity.domain.vocabulary import DataClass, Outcome
from comity.exchange.judged import Judged
from comity.policy import CompiledPolicy, Obligation
from comity.policy.block import blocks_of
from comity.policy.check import CASE_PASS, CLAIM_CHECK, INSTRUMENT, QUOTA, URGENT_LANE

__all__ = [
    "REVIEW_AFTER_SECONDS",
    "Basis",
    "Covering",
    "basis_of",
    "instrument_remark",
    "is_by_block",
    "on_check",
    "on_claim",
    "on_lane",
    "on_quota",
    "pass_remark",
    "rests_on_claim",
    "under_pass",
    "urgent_remark",
]

REVIEW_AFTER_SECONDS: Final = 86_400
_PASSED: Final = Reason(
    rule=CASE_PASS, sentence="A reviewer of the state granted this for the case."
)
_URGENT: Final = Reason(
    rule=URGENT_LANE, sentence="Released at once as urgent; the state looks at it afterwards."
)
_VERIFIED: Final = Reason(
    rule=INSTRUMENT,
    sentence="Two people of the state have verified the instrument that is claimed.",
)
_UNVERIFIED: Final = Reason(
    rule=INSTRUMENT,
    sentence="An instrument is claimed that the state has not verified: a person looks first.",
)
_DUTY: Final = Obligation.REVIEW_AFTER.value


class Basis(IntEnum):
    """What a class's release rests on, in the order of its leaves."""

    RULES = 0
    URGENT = 1
    PASS = 2
    INSTRUMENT = 3


_BASES: Final = {
    URGENT_LANE: Basis.URGENT,
    CASE_PASS: Basis.PASS,
    INSTRUMENT: Basis.INSTRUMENT,
}


class Covering(NamedTuple):
    """A verified instrument that covers a request: its entry, and the classes in its scope."""

    entry: str
    classes: frozenset[DataClass]


def basis_of(decision: ClassDecision) -> Basis:
    """Return what a release rests on: its first reason says so."""
    if not decision.reasons:
        return Basis.RULES
    return _BASES.get(decision.reasons[0].rule, Basis.RULES)


def on_lane(judged: Judged, unmet: str) -> Judged:
    """Return what becomes of classes that a rule releases only with an after-review.

    `unmet` is a sentence: why the lane is not open to this request, and whom to call; then they are
    held. Empty: they are released, and the state must look at them.
    """

    def settled(decision: ClassDecision) -> ClassDecision:
        if decision.outcome is not Outcome.RELEASE or _DUTY not in decision.obligations:
            return decision
        if unmet:
            reasons = (Reason(rule=URGENT_LANE, sentence=unmet), *decision.reasons)
            return msgspec.structs.replace(
                decision, outcome=Outcome.HOLD, reasons=reasons, obligations=()
            )
        return msgspec.structs.replace(
            decision,
            reasons=(_URGENT, *decision.reasons),
            obligations=tuple(duty for duty in decision.obligations if duty != _DUTY),
        )

    return _each(judged, settled)


def on_check(judged: Judged, unproved: str) -> Judged:
    """Return what is decided of an agency whose claim is not proved: all but the urgent waits.

    `unproved` is a sentence: which claim, and whom to call; empty: nothing waits. It comes before
    lane and pass, so that what a person has looked at, or looks at within a day, goes on.
    """
    if not unproved:
        return judged

    def settled(decision: ClassDecision) -> ClassDecision:
        if decision.outcome is not Outcome.RELEASE or _DUTY in decision.obligations:
            return decision
        reasons = (Reason(rule=CLAIM_CHECK, sentence=unproved), *decision.reasons)
        return msgspec.structs.replace(
            decision, outcome=Outcome.HOLD, reasons=reasons, obligations=()
        )

    return _each(judged, settled)


def on_quota(judged: Judged, full: str, blocks: Collection[RuleId]) -> Judged:
    """Return what is decided where as many wait for a person as may: what is held is refused.

    `full` is a sentence: how many wait, when to ask again, whom to call. It comes last, and only
    restricts: what is released or denied stays so. # INVARIANT (restriction-never-waits): what a
    block holds stays held, for it becomes a denial by a second person and by nothing else.
    """

    def settled(decision: ClassDecision) -> ClassDecision:
        if decision.outcome is not Outcome.HOLD:
            return decision
        if is_by_block(decision.reasons, blocks):
            return decision
        reasons = (Reason(rule=QUOTA, sentence=full), *decision.reasons)
        return msgspec.structs.replace(
            decision, outcome=Outcome.DENY, reasons=reasons, obligations=()
        )

    return _each(judged, settled)


def under_pass(
    judged: Judged, policy: CompiledPolicy, granted: frozenset[DataClass], entry: str
) -> Judged:
    """Return what is decided where a pass grants these classes; unchanged where none is held.

    The caller found the pass: verified, in time, of this agency, case and persons.
    """
    again = _looked_at(judged, policy, granted, _PASSED)
    return judged if again is judged else msgspec.structs.replace(again, case_pass=entry)


def on_claim(
    judged: Judged, plain: Judged, policy: CompiledPolicy, covering: Covering | None
) -> Judged:
    """Return what is decided of a request that claims an instrument.

    `plain` is the same request without it, settled by lane and pass as this one is. What only the
    claim releases is held, unless a verified instrument covers it; then what is held in its scope
    is decided again too, as after a review.
    """
    classes = covering.classes if covering is not None else frozenset[DataClass]()
    claimed = iter([_is_claimed(*pair) for pair in _pairs(judged, plain)])

    def settled(decision: ClassDecision) -> ClassDecision:
        if not next(claimed):
            return decision
        if decision.data_class in classes:
            return msgspec.structs.replace(decision, reasons=(_VERIFIED, *decision.reasons))
        reasons = (_UNVERIFIED, *decision.reasons)
        return msgspec.structs.replace(
            decision, outcome=Outcome.HOLD, reasons=reasons, obligations=()
        )

    gated = _each(judged, settled) if rests_on_claim(judged, plain) else judged
    if covering is None:
        return gated
    again = _looked_at(gated, policy, classes, _VERIFIED)
    return again if again is judged else msgspec.structs.replace(again, instrument=covering.entry)


def is_by_block(reasons: Iterable[Reason], blocks: Collection[RuleId]) -> bool:
    """Say whether a block is among the reasons of what is decided."""
    return any(reason.rule in blocks for reason in reasons)


def rests_on_claim(judged: Judged, plain: Judged) -> tuple[DataClass, ...]:
    """Return the classes that are released, of some record, only because of what is claimed."""
    found = {cell.data_class for cell, other in _pairs(judged, plain) if _is_claimed(cell, other)}
    return tuple(part for part in DataClass if part in found)


def _is_claimed(decision: ClassDecision, plain: ClassDecision) -> bool:
    return decision.outcome is Outcome.RELEASE and plain.outcome is not Outcome.RELEASE


def _pairs(judged: Judged, plain: Judged) -> list[tuple[ClassDecision, ClassDecision]]:
    """Return each decision with its fellow of the same kind and class, in `_each`'s order."""
    return list(zip(_cells(judged), _cells(plain), strict=True))


def _cells(judged: Judged) -> list[ClassDecision]:
    return list(chain.from_iterable((*judged.rows, *judged.beside)))


def _looked_at(
    judged: Judged, policy: CompiledPolicy, granted: frozenset[DataClass], reason: Reason
) -> Judged:
    """Return what is decided of these classes after a review; the same where none is held.

    What a block holds, not confirmed or lapsed, nothing opens: a person reviews every query. Nor
    what two reviewers release: they do so at each request.
    """
    blocks = blocks_of(policy.bundle)

    def is_opened(decision: ClassDecision) -> bool:
        return (
            decision.outcome is Outcome.HOLD
            and decision.data_class in granted
            and not is_by_block(decision.reasons, blocks)
        )

    held = tuple(dict.fromkeys(d.data_class for d in _cells(judged) if is_opened(d)))
    if not held:
        return judged
    again = policy.table(judged.facts, held, judged.kinds, reviewed=True)
    # What two release waits for two at each request, whoever signed a paper before.
    reviewed = {
        (d.data_class, d.record_kind): d
        for d in again.cells
        if Obligation.SECOND_REVIEW.value not in d.obligations
    }
    if not any(is_opened(d) and (d.data_class, d.record_kind) in reviewed for d in _cells(judged)):
        return judged

    def settled(decision: ClassDecision) -> ClassDecision:
        if not is_opened(decision):
            return decision
        found = reviewed.get((decision.data_class, decision.record_kind), decision)
        if found.outcome is not Outcome.RELEASE:
            return found
        return msgspec.structs.replace(found, reasons=(reason, *found.reasons))

    return _each(judged, settled)


def pass_remark(entry: str) -> str:
    """Return what a requester is told of a pass that an answer used."""
    return f"UNDER CASE PASS {entry.upper()}"


def instrument_remark(entry: str) -> str:
    """Return what a requester is told of an instrument that an answer rests on."""
    return f"UNDER INSTRUMENT {entry.upper()}"


def urgent_remark(contact: str) -> str:
    """Return what a requester is told of an urgent release."""
    told = "RELEASED AS URGENT - THE STATE REVIEWS THIS WITHIN 24 HOURS AND CALLS YOUR AGENCY BACK"
    return f"{told} - CALL {contact}" if contact else told


def _each(judged: Judged, settled: Callable[[ClassDecision], ClassDecision]) -> Judged:
    def row_of(row: Sequence[ClassDecision]) -> tuple[ClassDecision, ...]:
        return tuple(settled(decision) for decision in row)

    return msgspec.structs.replace(
        judged,
        rows=tuple(row_of(row) for row in judged.rows),
        beside=tuple(row_of(row) for row in judged.beside),
        ruled=judged.ruled or judged.rows,
    )
