"""Recorded traffic as a roll-up: per month, how often what a rule may look at was so.

A row is a month, everything about a request that a rule may look at (the data class apart: the key
says which classes are asked for), and a count. It has no person, no operator, no case and no time
but the month and the time band. The same row is a line of the store's table and of an imported
file. What a row does not hold is empty: it stands at a stated default, and the axis is named in
`unheld` of its half.

# INVARIANT (not-stated-is-no-claim): a default is never more than was said.
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import msgspec

from comity.domain.decision import Facts
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey, key_row
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.errors import TrafficFormError
from comity.policy.families import is_ori

__all__ = [
    "COUNT_MAX",
    "IMAGE",
    "LEDGER_UNHELD",
    "ROLL_UP_FIELDS",
    "WHAT_FIELDS",
    "WHO_FIELDS",
    "Traffic",
    "TrafficBuilder",
    "What",
    "Who",
    "facts_of",
    "first_kind",
    "month_number",
    "month_text",
    "request_text",
]

COUNT_MAX: Final = 1 << 52
"""Requests of one replay at most: beyond, a sum would no longer be exact."""

IMAGE: Final = "image"
"""The one column that is no axis: whether the photo was asked for."""

LEDGER_UNHELD: Final = (Axis.RECORD_KIND, Axis.FAN_OUT, Axis.EMERGENCY, Axis.BUDGET)
"""What a private record does not hold of a request where nothing is noted beside its fields."""

_YES_NO: Final = {"no": False, "yes": True}
_V = TypeVar("_V", bound=StrEnum)


class Who(NamedTuple):
    """Who asks, as rules see it; `unheld` stands at a default."""

    agency: ORI
    agency_type: AgencyType
    certification: Certification
    assurance: Assurance
    unheld: tuple[Axis, ...] = ()


class What(NamedTuple):
    """What is asked and what was said of why, as rules see it; data classes follow from the key.

    `unheld` stands at a default.
    """

    message_key: MessageKey
    image: bool
    record_kind: RecordKind
    purpose: Purpose
    offence: Offence
    instrument: Instrument
    fan_out: FanOut
    emergency: Emergency
    time_band: TimeBand
    budget: BudgetState
    direction: Direction
    unheld: tuple[Axis, ...] = ()


WHO_FIELDS: Final = Who._fields[:-1]
WHAT_FIELDS: Final = What._fields[:-1]
ROLL_UP_FIELDS: Final = (*WHO_FIELDS, *WHAT_FIELDS)
"""The fields of a row between month and count, in their order."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in columns: row `i` is `counts[i]` requests of `whats[what[i]]` by `whos[who[i]]`."""

    whos: tuple[Who, ...]
    whats: tuple[What, ...]
    months: array[int]
    who: array[int]
    what: array[int]
    counts: array[int]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.counts)

    @property
    def requests(self) -> int:
        """How many requests the rows count."""
        return sum(self.counts)

    @property
    def unheld(self) -> tuple[Axis, ...]:
        """The axes that some row does not hold, in their order."""
        halves = (
            *(self.whos[place].unheld for place in set(self.who)),
            *(self.whats[place].unheld for place in set(self.what)),
        )
        found = {axis for unheld in set(halves) for axis in unheld}
        return tuple(axis for axis in Axis if axis in found)

    def within(self, first: int | None, last: int | None) -> Traffic:
        """Return the rows of the months from one to another, both included."""
        if first is None and last is None:
            return self
        kept = [
            place
            for place, month in enumerate(self.months)
            if (first is None or month >= first) and (last is None or month <= last)
        ]
        columns = {
            name: array("q", [getattr(self, name)[place] for place in kept])
            for name in ("months", "who", "what", "counts")
        }
        return msgspec.structs.replace(self, **columns)


def facts_of(who: Who, what: What) -> Facts:
    """Return a row as the policy decides it."""
    return Facts(
        agency=who.agency,
        agency_type=who.agency_type,
        certification=who.certification,
        assurance=who.assurance,
        key=what.message_key,
        purpose=what.purpose,
        offence=what.offence,
        instrument=what.instrument,
        fan_out=what.fan_out,
        emergency=what.emergency,
        time_band=what.time_band,
        budget=what.budget,
        direction=what.direction,
    )


def first_kind(key: MessageKey) -> RecordKind:
    """Return the kind that stands for the record where nobody noted which was found."""
    kinds = key_row(key).kinds
    return kinds[0] if kinds else RecordKind.OTHER


def request_text(
    facts: Facts,
    *,
    image: bool,
    record_kind: RecordKind,
    unheld: Collection[Axis] = (),
) -> str:
    """Return everything between month and count of a row, as table and file have it.

    Values of `unheld` are left empty.
    """
    values: tuple[str, ...] = (
        facts.agency, facts.agency_type, facts.certification, facts.assurance, facts.key,
        "yes" if image else "no", record_kind, facts.purpose, facts.offence, facts.instrument,
        facts.fan_out, facts.emergency, facts.time_band, facts.budget, facts.direction,
    )  # fmt: skip
    if unheld:
        named = zip(ROLL_UP_FIELDS, values, strict=True)
        values = tuple("" if name in unheld else value for name, value in named)
    return ",".join(values)


def month_text(month: int) -> str:
    """Return months since 1970-01 as in `2026-11`."""
    return f"{1970 + month // 12}-{month % 12 + 1:02}"


def month_number(text: str) -> int:
    """Return the months since 1970-01 of a month as in `2026-11`. Raises: TrafficFormError."""
    year, _, month = text.partition("-")
    is_month = len(text) == len("2026-11") and year.isdecimal() and month.isdecimal()
    if not is_month or not text.isascii() or int(year) < 1970 or not 1 <= int(month) <= 12:
        raise TrafficFormError("`month` is not one as in `2026-11`")
    return (int(year) - 1970) * 12 + int(month) - 1


class TrafficBuilder:
    """Gathers rows; what they have in common is read once and kept once.

    `fields` are the columns between month and count, those of the roll-up unless a file has others;
    `types` are the types of listed agencies, for a file that does not say them; `unheld` are not
    held by any row, whatever it has. Raises, as `add` does: TrafficFormError.
    """

    def __init__(
        self,
        fields: Sequence[str] = ROLL_UP_FIELDS,
        unheld: Iterable[Axis] = (),
        types: Mapping[ORI, AgencyType] | None = None,
    ) -> None:
        self._fields = tuple(fields)
        self._is_plain = self._fields == ROLL_UP_FIELDS
        self._types = types or {}
        self._unheld = frozenset(unheld)
        self._whos: dict[Who, int] = {}
        self._whats: dict[What, int] = {}
        self._who_texts: dict[str, int] = {}
        self._what_texts: dict[str, int] = {}
        self._months = array("q")
        self._who = array("q")
        self._what = array("q")
        self._counts = array("q")
        self._total = 0

    def add(self, month: int, request: str, count: int) -> None:
        """Take one row: `request` has its fields, joined by commas, in their order."""
        if not 0 < count <= COUNT_MAX - self._total:
            raise TrafficFormError(f"`count` is not a number from 1, or over {COUNT_MAX:,} in all")
        if self._is_plain:
            who, what = self._places(request)
        else:
            who, what = self._places_of(self._values(request))
        self._months.append(month)
        self._who.append(who)
        self._what.append(what)
        self._counts.append(count)
        self._total += count

    def traffic(self) -> Traffic:
        """Return all that was taken."""
        return Traffic(
            whos=tuple(self._whos),
            whats=tuple(self._whats),
            months=self._months,
            who=self._who,
            what=self._what,
            counts=self._counts,
        )

    def _places(self, request: str) -> tuple[int, int]:
        """Two halves of a row, each read once: rows are many, halves are few."""
        cut = len(WHO_FIELDS)
        parts = request.split(",", cut)
        front, rest = ",".join(parts[:cut]), parts[-1]
        who, what = self._who_texts.get(front), self._what_texts.get(rest)
        if who is None or what is None or len(parts) <= cut:
            who, what = self._places_of(self._values(request))
            self._who_texts[front], self._what_texts[rest] = who, what
        return who, what

    def _places_of(self, values: Mapping[str, str]) -> tuple[int, int]:
        who, what = _who_of(values, self._types), _what_of(values)
        who = who._replace(unheld=self._lacking(WHO_FIELDS, values))
        what = what._replace(unheld=self._lacking(WHAT_FIELDS, values))
        return (
            self._whos.setdefault(who, len(self._whos)),
            self._whats.setdefault(what, len(self._whats)),
        )

    def _lacking(self, names: Sequence[str], values: Mapping[str, str]) -> tuple[Axis, ...]:
        """Return the axes of these columns that a row does not hold."""
        return tuple(
            Axis(name)
            for name in names
            if name != IMAGE and (not values.get(name) or name in self._unheld)
        )

    def _values(self, request: str) -> dict[str, str]:
        parts = request.split(",")
        if len(parts) != len(self._fields):
            raise TrafficFormError(f"{len(parts)} fields where {len(self._fields)} belong")
        return dict(zip(self._fields, parts, strict=True))


def _who_of(values: Mapping[str, str], types: Mapping[ORI, AgencyType]) -> Who:
    agency = values["agency"]
    if not is_ori(agency):
        raise TrafficFormError("`agency` is not nine of A-Z and 0-9")
    listed = types.get(ORI(agency), AgencyType.OTHER)
    return Who(
        agency=ORI(agency),
        agency_type=_value(AgencyType, values, Axis.AGENCY_TYPE, listed),
        certification=_value(Certification, values, Axis.CERTIFICATION, Certification.NONE),
        assurance=_value(Assurance, values, Axis.ASSURANCE, Assurance.NOT_STATED),
    )


def _what_of(values: Mapping[str, str]) -> What:
    key = values[Axis.MESSAGE_KEY]
    if key not in AXIS_VALUES[Axis.MESSAGE_KEY]:
        raise TrafficFormError("`message_key` is no key that a state decides")
    if values.get(IMAGE, "no") not in _YES_NO:
        raise TrafficFormError("`image` is neither `yes` nor `no`")
    kind = first_kind(MessageKey(key))
    return What(
        message_key=MessageKey(key),
        image=_YES_NO[values.get(IMAGE, "no")],
        record_kind=_value(RecordKind, values, Axis.RECORD_KIND, kind),
        purpose=_value(Purpose, values, Axis.PURPOSE, Purpose.NOT_STATED),
        offence=_value(Offence, values, Axis.OFFENCE, Offence.NOT_STATED),
        instrument=_value(Instrument, values, Axis.INSTRUMENT, Instrument.NOT_STATED),
        fan_out=_value(FanOut, values, Axis.FAN_OUT, FanOut.SINGLE),
        emergency=_value(Emergency, values, Axis.EMERGENCY, Emergency.NONE),
        time_band=_value(TimeBand, values, Axis.TIME_BAND, TimeBand.WEEKDAY_DAY),
        budget=_value(BudgetState, values, Axis.BUDGET, BudgetState.WITHIN),
        direction=_value(Direction, values, Axis.DIRECTION, Direction.INBOUND),
    )


def _value(kind: type[_V], values: Mapping[str, str], axis: Axis, absent: _V) -> _V:
    text = values.get(axis.value)
    if not text:
        return absent
    try:
        return kind(text)
    except ValueError:
        raise TrafficFormError(f"`{axis.value}` has no value of that name") from None
