"""Delay of a notice: by a court's order or by a purpose that the state named, and never for ever.

Each grant has a reason, an authority and a last day; how long it may be and how often it may be
renewed is data. When none stands any more, the notice is owed again and its clock runs anew, whole.
Guarantee: no delay is without an end; a delay never makes a deadline earlier, and a deadline that
passed undelayed stays missed.
Source: docs/adr/0039-statutory-clocks.md, "Decision: delay and seal".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, assert_never

import msgspec

from comity.domain.errors import ComityError, MalformedError
from comity.domain.vocabulary import Purpose
from comity.policy.clock import Clock
from comity.policy.laws import LawMark
from comity.review.calendars import CALENDAR_YEAR_MAX, CALENDAR_YEAR_MIN, Calendar
from comity.review.deadline_words import day_words
from comity.review.deadlines import Deadline, deadline_of, end_of_day, is_reason, local_date
from comity.review.tables import read_table

__all__ = [
    "DELAY_DAYS_MAX",
    "DELAY_RENEWALS_MAX",
    "Delay",
    "DelayError",
    "DelayKind",
    "DelayLimit",
    "DelayLimits",
    "DelayLimitsError",
    "NoticeState",
    "Standing",
    "add_delay",
    "house_limits",
    "lift_delay",
    "parse_delay_limits",
    "standing_of",
]

DELAY_DAYS_MAX: Final = 366
"""Local days of one grant at most, whatever a state's own limits say."""
DELAY_RENEWALS_MAX: Final = 12
"""Renewals of a delay at most, whatever a state's own limits say."""
_SECOND: Final = timedelta(seconds=1)


class DelayError(ComityError):
    """A delay of a notice is not one that its limits allow, or cannot be lifted."""

    code = "delay-refused"


class DelayLimitsError(MalformedError):
    """A state's limits of delays do not have their form."""

    code = "delay-limits-malformed"


class DelayKind(StrEnum):
    """What delays a notice."""

    COURT_ORDER = "court_order"
    PURPOSE = "purpose"


class DelayLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many local days one grant may last, and how often it may be renewed.

    `purposes` are those that may delay a notice; a court's order asks for none.
    """

    days_max: Annotated[int, msgspec.Meta(ge=1, le=DELAY_DAYS_MAX)]
    renewals_max: Annotated[int, msgspec.Meta(ge=0, le=DELAY_RENEWALS_MAX)]
    purposes: tuple[Purpose, ...] = ()


class DelayLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of both kinds, and how far their text was checked."""

    mark: LawMark
    source: str
    court_order: DelayLimit
    purpose: DelayLimit

    def of(self, kind: DelayKind) -> DelayLimit:
        """Return the limits of one kind."""
        match kind:
            case DelayKind.COURT_ORDER:
                return self.court_order
            case DelayKind.PURPOSE:
                return self.purpose
            case _:
                assert_never(kind)


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """One grant: from the moment `at` (aware) to the end of the local day `until`.

    `authority` is the court and its case, or the text that lets a purpose delay. `lifted_at` is
    when it ended before its time.
    """

    kind: DelayKind
    at: datetime
    until: date
    reason: str
    authority: str
    purpose: Purpose | None = None
    lifted_at: datetime | None = None


class NoticeState(StrEnum):
    """How a notice that nobody has given yet stands."""

    OWED = "owed"
    DELAYED = "delayed"
    OVERDUE = "overdue"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a notice stands at a moment, and when it must be given.

    While it is delayed, `deadline` is what holds if nothing is renewed, and `delayed_until` (aware
    UTC) the last second of the delay. `is_late` stays true once a deadline passed undelayed.
    """

    state: NoticeState
    deadline: Deadline
    delayed_until: datetime | None
    is_late: bool
    sentence: str


@cache
def house_limits() -> DelayLimits:
    """Return the limits that stand until the state's own file."""
    return parse_delay_limits(files("comity.review").joinpath("delays.toml").read_bytes())


def parse_delay_limits(data: bytes) -> DelayLimits:
    """Return the limits that a TOML file records. Raises: DelayLimitsError."""
    limits = read_table(data, DelayLimits, "a file of delays", DelayLimitsError)
    named = limits.purpose.purposes
    checks = (
        ("source", is_reason(limits.source)),
        ("purposes", not limits.court_order.purposes and len(set(named)) == len(named)),
        # Whoever states no purpose claims nothing that could keep a resident from knowing.
        ("purposes", Purpose.NOT_STATED not in named),
    )
    for name, holds in checks:
        if not holds:
            raise DelayLimitsError(f"`{name}` of a file of delays is out of its range")
    return limits


def add_delay(
    limits: DelayLimits, calendar: Calendar, earlier: Sequence[Delay], delay: Delay
) -> tuple[Delay, ...]:
    """Return the delays of a notice with one more, in order of time.

    Raises: DelayError if it is too long, renewed too often, or given before an earlier one.
    """
    _check_year(delay.at)
    limit = limits.of(delay.kind)
    days = (delay.until - local_date(calendar, delay.at)).days + 1
    if not 1 <= days <= limit.days_max:
        raise DelayError(f"a delay is not 1 to {limit.days_max} days")
    alike = sum(each.kind is delay.kind for each in earlier)
    if alike > limit.renewals_max:
        raise DelayError(f"a delay was renewed {limit.renewals_max} times, which is its limit")
    if not (is_reason(delay.reason) and is_reason(delay.authority)):
        raise DelayError("`reason` or `authority` of a delay is missing or too long")
    if delay.lifted_at is not None:
        raise DelayError("a delay is not granted and lifted at once")
    if earlier and delay.at < max(each.at for each in earlier):
        raise DelayError("a delay is granted before an earlier one")
    is_for = delay.purpose in limit.purposes if delay.kind is DelayKind.PURPOSE else True
    if not is_for or (delay.purpose is not None) is not (delay.kind is DelayKind.PURPOSE):
        raise DelayError("`purpose` of a delay is not one that may delay a notice")
    return (*earlier, delay)


def lift_delay(calendar: Calendar, delay: Delay, at: datetime) -> Delay:
    """Return a delay that ends at a moment before its time. Raises: DelayError."""
    _check_year(at)
    if not delay.at <= at <= _end(calendar, delay):
        raise DelayError("a delay that does not stand cannot be lifted")
    return msgspec.structs.replace(delay, lifted_at=at)


def standing_of(
    clock: Clock,
    calendar: Calendar,
    first: Deadline,
    delays: Sequence[Delay],
    at: datetime,
) -> Standing:
    """Return how a notice stands at `at` (aware) whose deadline without delays is `first`.

    Delays that begin later than `at` are not looked at: they were not granted yet.
    Raises: as `deadline_of`.
    """
    deadline, is_late = first, False
    delayed_until = None
    for begins, ends in _stretches(calendar, [each for each in delays if each.at <= at]):
        is_late = is_late or deadline.expires_at < begins
        anew = deadline_of(clock, calendar, ends + _SECOND)
        deadline = max(anew, deadline, key=lambda each: each.expires_at)
        if at <= ends:
            delayed_until = ends
    if delayed_until is not None:
        state = NoticeState.DELAYED
        last = day_words(local_date(calendar, delayed_until))
        sentence = f"delayed until {last}, then owed again: {deadline.sentence}"
    else:
        is_overdue = deadline.expires_at < at
        state = NoticeState.OVERDUE if is_overdue else NoticeState.OWED
        is_late = is_late or is_overdue
        sentence = deadline.sentence
    return Standing(
        state=state,
        deadline=deadline,
        delayed_until=delayed_until,
        is_late=is_late,
        sentence=sentence,
    )


def _check_year(at: datetime) -> None:
    # Beyond them lie moments that no zone can tell.
    if not CALENDAR_YEAR_MIN <= at.year < CALENDAR_YEAR_MAX:
        raise DelayError("a moment of a delay is not in the years that are counted")


def _end(calendar: Calendar, delay: Delay) -> datetime:
    """Return the last second of a delay."""
    end = end_of_day(calendar, delay.until)
    return end if delay.lifted_at is None else min(end, delay.lifted_at)


def _stretches(calendar: Calendar, delays: Sequence[Delay]) -> Iterator[tuple[datetime, datetime]]:
    """Yield from when to when a notice was delayed without a gap, in order of time."""
    spans = sorted((delay.at, _end(calendar, delay)) for delay in delays)
    if not spans:
        return
    begins, ends = spans[0]
    for since, until in spans[1:]:
        if since > ends + _SECOND:
            yield begins, ends
            begins = since
            ends = until
        ends = max(ends, until)
    yield begins, ends
