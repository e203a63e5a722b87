"""What waits for a review, in which order, and how it is counted.

First what nobody has asked a question about, the nearest deadline first; then what waits for the
requester's reply. Source: docs/adr/0036-console.md, section "The queue is read in pages".
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from comity.exchange.answering import HoldFile

__all__ = [
    "DAY_SECONDS",
    "SOON_SECONDS",
    "QueueCounts",
    "QueuePlace",
    "WaitsFor",
    "counted_as",
    "waits_for",
]

SOON_SECONDS: Final = 3_600
"""What ends within this time is due soon."""
DAY_SECONDS: Final = 86_400


class WaitsFor(StrEnum):
    """Whom a hold waits for: a reviewer, the agency that was written to, or nobody."""

    REVIEW = "review"
    AGENCY = "agency"
    NOBODY = "nobody"


class QueuePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the order of what waits: was it asked about, its deadline, its leaf."""

    is_asked: bool
    until: int
    leaf_index: int


class QueueCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much waits for a review: what ends within the hour, within the day, later than that, and
    what waits for the requester's reply, whenever that ends.
    """

    soon: int = 0
    today: int = 0
    later: int = 0
    asked: int = 0

    @property
    def all(self) -> int:
        """Everything that waits."""
        return self.soon + self.today + self.later + self.asked

    def without(self, places: Iterable[QueuePlace], now: int) -> QueueCounts:
        """Return what waits beside these, each taken from where it is counted at `now`."""
        left = msgspec.structs.asdict(self)
        for place in places:
            left[counted_as(place, now)] -= 1
        # What ended between two looks at it is not counted any more.
        return QueueCounts(**{name: max(0, count) for name, count in left.items()})


def counted_as(place: QueuePlace, now: int) -> str:
    """Return under which name of QueueCounts a hold is counted at `now` (Unix seconds)."""
    if place.is_asked:
        return "asked"
    if place.until <= now + SOON_SECONDS:
        return "soon"
    return "today" if place.until <= now + DAY_SECONDS else "later"


def waits_for(hold: HoldFile) -> WaitsFor:
    """Return whom a hold waits for; nobody asked what a drill asks, and its clock ends it."""
    if hold.exchange.probe:
        return WaitsFor.NOBODY
    return WaitsFor.AGENCY if hold.awaits else WaitsFor.REVIEW
