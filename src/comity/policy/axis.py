"""The fifteen axes that a rule may look at, and the closed values of each.

# INVARIANT (fail-closed): every axis but `agency` is a closed vocabulary, so that a rule, a proof
# and a decision speak of the same values; what is in none of them is refused before it is decided.
Source: docs/adr/0008-rule-record.md; docs/adr/0029-axes.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from comity.domain.keys import KEYS
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Purpose,
    RecordKind,
    TimeBand,
)

__all__ = ["AXIS_VALUES", "OPEN_AXES", "Axis"]


class Axis(StrEnum):
    """What a condition can name, in the order in which every record lists it."""

    AGENCY = "agency"
    AGENCY_TYPE = "agency_type"
    CERTIFICATION = "certification"
    ASSURANCE = "assurance"
    MESSAGE_KEY = "message_key"
    DATA_CLASS = "data_class"
    RECORD_KIND = "record_kind"
    PURPOSE = "purpose"
    OFFENCE = "offence"
    INSTRUMENT = "instrument"
    FAN_OUT = "fan_out"
    EMERGENCY = "emergency"
    TIME_BAND = "time_band"
    BUDGET = "budget"
    DIRECTION = "direction"


# A response is never decided, it is what a decision leads to; so no rule can name one. Messages of
# unknown keys are decided as `other`.
_QUERY_KEYS: Final = tuple(key for key, row in KEYS.items() if not row.is_response)

AXIS_VALUES: Final[dict[Axis, tuple[str, ...]]] = {
    Axis.AGENCY_TYPE: tuple(AgencyType),
    Axis.CERTIFICATION: tuple(Certification),
    Axis.ASSURANCE: tuple(Assurance),
    Axis.MESSAGE_KEY: _QUERY_KEYS,
    Axis.DATA_CLASS: tuple(DataClass),
    Axis.RECORD_KIND: tuple(RecordKind),
    Axis.PURPOSE: tuple(Purpose),
    Axis.OFFENCE: tuple(Offence),
    Axis.INSTRUMENT: tuple(Instrument),
    Axis.FAN_OUT: tuple(FanOut),
    Axis.EMERGENCY: tuple(Emergency),
    Axis.TIME_BAND: tuple(TimeBand),
    Axis.BUDGET: tuple(BudgetState),
    Axis.DIRECTION: tuple(Direction),
}
"""The values of every axis but `agency`, whose values are family paths and ORIs."""

OPEN_AXES: Final = (Axis.PURPOSE, Axis.CERTIFICATION, Axis.ASSURANCE, Axis.INSTRUMENT)
"""What a requester can honestly add to a query; only these appear in what would change an outcome.

The offence and the emergency are facts of the case, not things to be supplied for an answer's sake.
"""
