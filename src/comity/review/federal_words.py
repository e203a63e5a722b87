"""What became of federal queries, in words that page and digest share."""

from __future__ import annotations

from comity.policy.english import join_words
from comity.review.federal import FederalTally

__all__ = ["tally_said"]


def tally_said(tally: FederalTally) -> str:
    """Return what became of queries: `1 was refused and 2 wait for a person`; empty for none."""
    ends = [
        (tally.released, "was", "were", "released in whole or part"),
        (tally.refused, "was", "were", "refused"),
        (tally.none, "found", "found", "no record"),
        (tally.held, "waits", "wait", "for a person"),
    ]
    said = [f"{n:,} {one if n == 1 else many} {what}" for n, one, many, what in ends if n]
    return join_words(said, "and")
