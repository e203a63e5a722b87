"""Test cases in words: how many were caught, and what whoever decided one is told of it.

Guarantee: nothing here is said of a case that is still open.
Source: docs/adr/0054-planted-test-cases.md.
"""

from __future__ import annotations

from comity.domain.planted import Flaw
from comity.domain.verdict import VerdictKind
from comity.review.past_figures import FEW
from comity.review.planted import PlantedTally, right_of, wrong_with

__all__ = ["caught_said", "told_of_test"]


def caught_said(tally: PlantedTally) -> str:
    """Return how many test cases were caught, of how many, as what stands beside other figures."""
    missed_look = _not_looked_at(tally.not_looked_at)
    if not tally.decided:
        return f"No test case has been decided yet{missed_look}."
    cases = "test case was" if tally.decided == 1 else "test cases were"
    few = f" They are few: below {FEW}, such figures say little." if tally.decided < FEW else ""
    return f"{tally.caught:,} of {tally.decided:,} {cases} caught{missed_look}.{few}"


def _not_looked_at(count: int) -> str:
    if not count:
        return ""
    return f"; {count:,} more ended before anybody decided"


def told_of_test(flaw: Flaw, kind: VerdictKind) -> str:
    """Return what whoever ended a test case is told of it."""
    was = f"This was a test case, and nobody in it is real: {wrong_with(flaw)}."
    if kind is VerdictKind.APPROVE:
        return f"{was} You released it; nothing went out. Right was {right_of(flaw)}."
    return f"{was} You caught it. Right was {right_of(flaw)}."
