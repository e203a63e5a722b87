"""What a decision saw beside what the fields behind its leaf say, noted in the private record.

One line, values joined by commas, in the order of `Noted`; the record kind is empty where no
record was found, or the outcome did not depend on one. It stands beside the fields, is sealed with
them and destroyed with them. It is not committed to: it proves nothing, and lets other rules be
weighed over exactly what was asked. The first leaf of an exchange has one, each further leaf an
empty one: by that an exchange counts once, whatever its leaves cite.
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from comity.domain.decision import Facts
from comity.domain.vocabulary import (
    AgencyType,
    BudgetState,
    Certification,
    Direction,
    Emergency,
    FanOut,
    RecordKind,
    TimeBand,
)

__all__ = ["NOT_FIRST", "Noted", "note_of", "read_note"]

NOT_FIRST: Final = ""
"""What is noted beside each leaf of an exchange but its first."""

_YES: Final = "yes"
_NO: Final = "no"


class Noted(NamedTuple):
    """The facts of a decision that its leaf and fields do not hold, and the kind of the record."""

    agency_type: AgencyType
    certification: Certification
    fan_out: FanOut
    emergency: Emergency
    time_band: TimeBand
    budget: BudgetState
    direction: Direction
    image: bool
    record_kind: RecordKind | None


def note_of(facts: Facts, *, image: bool, record_kind: RecordKind | None = None) -> str:
    """Return what is noted beside an exchange's first leaf."""
    # On the path of every answer: a vocabulary's values are strings, and are joined as such.
    return ",".join(
        (
            facts.agency_type,
            facts.certification,
            facts.fan_out,
            facts.emergency,
            facts.time_band,
            facts.budget,
            facts.direction,
            _YES if image else _NO,
            record_kind or "",
        )
    )


def read_note(text: str) -> Noted:
    """Return what `note_of` wrote. Raises: ValueError."""
    (type_, certification, fan_out, emergency, band, budget, direction, image, kind) = text.split(
        ","
    )
    if image not in {_YES, _NO}:
        raise ValueError("`image` is neither yes nor no")
    return Noted(
        agency_type=AgencyType(type_),
        certification=Certification(certification),
        fan_out=FanOut(fan_out),
        emergency=Emergency(emergency),
        time_band=TimeBand(band),
        budget=BudgetState(budget),
        direction=Direction(direction),
        image=image == _YES,
        record_kind=RecordKind(kind) if kind else None,
    )
