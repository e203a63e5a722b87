"""Test cases as the command line tells of them: what one was, and how many were caught."""

from __future__ import annotations

from comity.audit.planted import ReviewTally
from comity.domain.planted import Flaw
from comity.domain.verdict import VerdictKind
from comity.review.past_figures import FEW
from comity.review.planted import right_of, wrong_with

__all__ = ["tally_lines", "told_sentence"]


def told_sentence(flaw: Flaw, kind: VerdictKind) -> str:
    """Return what whoever ended a test case is told of it."""
    is_missed = kind is VerdictKind.APPROVE
    did = "you released it, and nothing went out" if is_missed else "you caught it"
    mark = "✕" if is_missed else "●"
    return f"{mark} A test case: {wrong_with(flaw)}; {did}. Right was {right_of(flaw)}."


def tally_lines(label: str, tally: ReviewTally) -> list[str]:
    """Return what a ledger's reviews came to; the test cases stand beside them."""
    decided = tally.tests_caught + tally.tests_missed
    mark = "✕" if tally.disclosed else "●"
    reviewed = tally.approved + tally.refused
    few = "; few" if decided < FEW else ""
    tests = f"{tally.tests_caught:,} of {decided:,} test cases caught{few}"
    lines = [
        f"{mark} {label}: {reviewed:,} reviewed, {tally.approved:,} of them approved; {tests}.",
        "",
        f"  ended without a look   {tally.expired:,}",
        f"  tests not looked at    {tally.tests_not_looked_at:,}",
    ]
    if tally.disclosed:
        lines.append(f"  planted, and disclosed {tally.disclosed:,}: this ledger is in doubt")
    return lines
