"""How far a desk gets with what waits for it, at the pace of its last decisions.

Guarantee: pure; a forecast, and told only from so many decisions and so much staffed time on that
it says something. In the order of the queue each request takes its turn in staffed time; what ends
before its turn takes none. Source: docs/adr/0060-quotas-and-triage.md, "Triage".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comity.review.past_figures import FEW, DecidedBy
from comity.review.rosters import (
    LOOK_AHEAD_DAYS_MAX,
    Roster,
    staffed_seconds,
    staffed_stretches,
)

__all__ = ["STAFFED_PACE_SECONDS_MIN", "Load", "Pace", "load_of", "pace_of"]

STAFFED_PACE_SECONDS_MIN: Final = 3_600
"""Staffed time over which decisions were made, below which no pace is told."""
_DAY_SECONDS: Final = 86_400


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How many decisions were made in so much staffed time, and by how many reviewers."""

    decisions: int
    seconds: int
    reviewers: int

    @property
    def per_hour(self) -> float:
        """Decisions in an hour of staffed time."""
        return self.decisions * 3_600 / self.seconds


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """When the last of what waits is looked at (Unix seconds; None: nothing is reached), and how
    many end before their turn.
    """

    pace: Pace
    last_at: int | None
    ends_before: int


def pace_of(decided: Iterable[DecidedBy], roster: Roster, now: int) -> Pace | None:
    """Return the pace of decisions up to now; None where too little is known to tell it.

    Raises: CalendarRangeError.
    """
    # Staffed time is looked for so many days ahead: older decisions would seem quicker.
    since = now - LOOK_AHEAD_DAYS_MAX * _DAY_SECONDS
    lately = [each for each in decided if since <= each.at <= now]
    if len(lately) < FEW:
        return None
    seconds = staffed_seconds(roster, min(each.at for each in lately), now)
    if seconds < STAFFED_PACE_SECONDS_MIN:
        return None
    reviewers = len({each.reviewer for each in lately})
    return Pace(decisions=len(lately), seconds=seconds, reviewers=reviewers)


def load_of(ends: Sequence[int], pace: Pace, roster: Roster, now: int) -> Load:
    """Return how far a desk gets; `ends` are the clocks of what waits, in the order of the queue.

    Raises: CalendarRangeError.
    """
    stretches = iter(staffed_stretches(roster, now))
    first, last = next(stretches, (0, 0))
    passed = taken = before = 0
    last_at = None
    for end in ends:
        # In staffed time, when the next request was looked at if it takes its turn.
        needed = -(-(taken + 1) * pace.seconds // pace.decisions)
        while last > first and needed > passed + last - max(first, now):
            passed += last - max(first, now)
            first, last = next(stretches, (0, 0))
        at = max(first, now) + needed - passed
        if last <= first or at > end:
            before += 1
        else:
            taken, last_at = taken + 1, at
    return Load(pace=pace, last_at=last_at, ends_before=before)
