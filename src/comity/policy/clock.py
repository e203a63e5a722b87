"""The clock that a clause of a law sets: what starts it, how long it runs, on which day it ends.

A clock decides nothing and reads no time: `review.deadlines` counts. What a text does not say is
recorded so that the deadline is earlier: the last day stands, nothing pauses, nothing extends.
Source: docs/adr/0039-statutory-clocks.md, "Decision: clocks".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec

__all__ = [
    "CLOCK_AMOUNT_MAX",
    "PAUSE_DAYS_MAX",
    "Clock",
    "ClockUnit",
    "ClosedDay",
    "StartEvent",
    "english_of_clock",
]

CLOCK_AMOUNT_MAX: Final = 1_000
"""How much a clock may run, and all its extensions may add, in its own unit."""
PAUSE_DAYS_MAX: Final = 366
"""Days that all pauses of one clock may cover together, whatever its law's data says."""


class StartEvent(StrEnum):
    """What starts a clock."""

    REQUEST_RECEIVED = "request_received"
    INSTRUMENT_RECEIVED = "instrument_received"
    DECISION_MADE = "decision_made"
    DISCLOSURE_MADE = "disclosure_made"
    COMPLAINT_RECEIVED = "complaint_received"


class ClockUnit(StrEnum):
    """What a clock counts in."""

    HOURS = "hours"
    CALENDAR_DAYS = "calendar_days"
    BUSINESS_DAYS = "business_days"


class ClosedDay(StrEnum):
    """What a last day on which the state's offices are closed does."""

    STANDS = "stands"
    NEXT_BUSINESS_DAY = "next_business_day"


class Clock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` of `unit` from `starts`; the day of the start is not counted.

    All pauses together may cover `pause_days_max` local days, all extensions add `extend_max` of
    the unit; 0 where the law's text gives neither. A clock of hours ends at its hour, on a closed
    day too.
    Raises: ValueError for one of hours that moves on from a closed day.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z-]{0,63}\Z")]
    starts: StartEvent
    amount: Annotated[int, msgspec.Meta(ge=1, le=CLOCK_AMOUNT_MAX)]
    unit: ClockUnit
    closed_day: ClosedDay = ClosedDay.STANDS
    pause_days_max: Annotated[int, msgspec.Meta(ge=0, le=PAUSE_DAYS_MAX)] = 0
    extend_max: Annotated[int, msgspec.Meta(ge=0, le=CLOCK_AMOUNT_MAX)] = 0

    def __post_init__(self) -> None:
        # It would end with the next open day, and so after one that starts a few hours later.
        if self.unit is ClockUnit.HOURS and self.closed_day is not ClosedDay.STANDS:
            raise ValueError("a clock of hours does not move on from a closed day")


_STARTS: Final = {
    StartEvent.REQUEST_RECEIVED: "the request was received",
    StartEvent.INSTRUMENT_RECEIVED: "the order, warrant or subpoena was received",
    StartEvent.DECISION_MADE: "it was decided",
    StartEvent.DISCLOSURE_MADE: "the record was released",
    StartEvent.COMPLAINT_RECEIVED: "the complaint was received",
}


def english_of_clock(clock: Clock) -> str:
    """Return the clock in one sentence, without a full stop."""
    unit = clock.unit.replace("_", " ")
    unit = unit.removesuffix("s") if clock.amount == 1 else unit
    said = f"{clock.amount} {unit} from when {_STARTS[clock.starts]}"
    if clock.closed_day is ClosedDay.NEXT_BUSINESS_DAY:
        said += "; from a closed last day on to the next business day"
    return said
