"""What a release rests on: the rules alone, a case pass, or the urgent lane with its after-review.

# INVARIANT (review-is-verified): a pass comes here only after its signature was verified, and the
policy in force is asked again for the classes that it grants; every other class stays as it was.
# INVARIANT (fail-closed): a rule that asks for an after-review releases only through `on_lane`;
what was not taken through it is denied by `gated`.
Each basis has a disclosure leaf of its own, so that public leaves alone say what rested on what.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final

import msgspec

from comity.domain.decision import ClassDecision, Reason
from comity.domain.vocabulary import DataClass, Outcome
from comity.exchange.judged import Judged
from comity.policy import CompiledPolicy, Obligation
from comity.policy.block import blocks_of
from comity.policy.check import CASE_PASS, URGENT_LANE

__all__ = [
    "REVIEW_AFTER_SECONDS",
    "Basis",
    "basis_of",
    "on_lane",
    "pass_remark",
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
_DUTY: Final = Obligation.REVIEW_AFTER.value


class Basis(IntEnum):
    """What a class's release rests on, in the order of its leaves."""

    RULES = 0
    URGENT = 1
    PASS = 2


_BASES: Final = {URGENT_LANE: Basis.URGENT, CASE_PASS: Basis.PASS}


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


def under_pass(
    judged: Judged, policy: CompiledPolicy, granted: frozenset[DataClass], entry: str
) -> Judged:
    """Return what is decided where a pass grants these classes; unchanged where none is held.

    What a block holds, not confirmed or lapsed, no pass opens: a person reviews every query. Nor
    what two reviewers release.
    The caller found the pass: verified, in time, of this agency, case and persons.
    """
    blocks = blocks_of(policy.bundle)

    def is_opened(decision: ClassDecision) -> bool:
        return (
            decision.outcome is Outcome.HOLD
            and decision.data_class in granted
            and not any(reason.rule in blocks for reason in decision.reasons)
        )

    cells = [d for row in (*judged.rows, *judged.beside) for d in row]
    held = tuple(dict.fromkeys(d.data_class for d in cells if is_opened(d)))
    if not held:
        return judged
    again = policy.table(judged.facts, held, judged.kinds, reviewed=True)
    # One person signed the pass: what two release waits for two at each request.
    reviewed = {
        (d.data_class, d.record_kind): d
        for d in again.cells
        if Obligation.SECOND_REVIEW.value not in d.obligations
    }
    if not any(is_opened(d) and (d.data_class, d.record_kind) in reviewed for d in cells):
        return judged

    def settled(decision: ClassDecision) -> ClassDecision:
        if not is_opened(decision):
            return decision
        found = reviewed.get((decision.data_class, decision.record_kind), decision)
        if found.outcome is not Outcome.RELEASE:
            return found
        return msgspec.structs.replace(found, reasons=(_PASSED, *found.reasons))

    return msgspec.structs.replace(_each(judged, settled), case_pass=entry)


def pass_remark(entry: str) -> str:
    """Return what a requester is told of a pass that an answer used."""
    return f"UNDER CASE PASS {entry.upper()}"


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
