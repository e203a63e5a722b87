"""When an agency's certification to a state lapses, and at which steps someone is told of it.

    30, 14, 3   days before its last day, at 09:00 of the state, on the last business day until then
    lapsed      at its end

Guarantee: one certification and step have one id, so that they are told once. The last day is the
local day of the second before the end. Source: docs/adr/0045-certifications-that-lapse.md;
docs/adr/0055-residents-and-warnings.md (what the agency itself is told).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.agency import CertifiedUntil
from comity.domain.ids import Member, make_id, member_label
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.review.calendars import Calendar
from comity.review.deadline_words import day_words
from comity.review.deadlines import opening_by

__all__ = [
    "LAPSED_DAYS_MAX",
    "LAST_SECOND",
    "UNTOLD",
    "WARNING_DAYS",
    "Step",
    "Warned",
    "days_left",
    "lapse_words",
    "last_day_of",
    "step_due",
    "warn_at",
    "warning_id",
    "warning_leaf",
    "warning_number",
    "warning_text",
    "warnings_due",
]

LAPSED_DAYS_MAX: Final = 30
"""So many days after its end nobody is told any more that a certification has lapsed."""
LAST_SECOND: Final = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())
"""The last second (Unix) that has a day in every zone."""
_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400
_NAME_CHARS_MAX: Final = 120
_NUMBER_BYTES: Final = 6
UNTOLD: Final = " (no message could go to it)"
"""What a page says of an agency that was not told itself."""


class Step(StrEnum):
    """How near its end a certification is told of, the nearest last."""

    MONTH = "30"
    FORTNIGHT = "14"
    DAYS = "3"
    LAPSED = "lapsed"


WARNING_DAYS: Final = {Step.MONTH: 30, Step.FORTNIGHT: 14, Step.DAYS: 3}
"""How many days before its last day a certification is told of."""


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """A certification that is told of, and at which step."""

    certified: CertifiedUntil
    step: Step


def last_day_of(until: int, zone: str) -> date:
    """Return the last local day on which a certification stands that ends at `until`.

    One that ends beyond the year 9999 is told as of then: a directory's times go further.
    """
    last = min(max(until - 1, 0), LAST_SECOND)
    return datetime.fromtimestamp(last, UTC).astimezone(ZoneInfo(zone)).date()


def days_left(until: int, now: int, zone: str) -> int:
    """Return how many local days are left until the last day: 0 on it, less behind it."""
    today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).date()
    return (last_day_of(until, zone) - today).days


def warn_at(until: int, step: Step, calendar: Calendar) -> int:
    """Return when a step is due (Unix seconds). Raises: CalendarRangeError."""
    if step is Step.LAPSED:
        return until
    # Earlier rather than later where an office is closed.
    day = last_day_of(until, calendar.zone) - timedelta(days=WARNING_DAYS[step])
    return opening_by(calendar, day)


def step_due(until: int, now: int, calendar: Calendar) -> Step | None:
    """Return the latest step that is due, None before the first and long after the end.

    Raises: CalendarRangeError.
    """
    if now >= until:
        return Step.LAPSED if now < until + LAPSED_DAYS_MAX * _DAY_SECONDS else None
    if now < until - 2 * WARNING_DAYS[Step.MONTH] * _DAY_SECONDS:
        # Far from it: most are, and a calendar need not be asked.
        return None
    for step in (Step.DAYS, Step.FORTNIGHT, Step.MONTH):
        if now >= warn_at(until, step, calendar):
            return step
    return None


def warnings_due(rows: Iterable[CertifiedUntil], now: int, calendar: Calendar) -> list[Warned]:
    """Return what is to be told of by now, the nearest end first. Raises: CalendarRangeError."""
    found = [(row, step_due(row.until, now, calendar)) for row in rows]
    due = [Warned(certified=row, step=step) for row, step in found if step is not None]
    return sorted(due, key=lambda each: (each.certified.until, each.certified.agency))


def warning_id(state: Member, warned: Warned) -> bytes:
    """Return the id of a warning's leaf: the same for the same certification and step."""
    return make_id(warned.certified.until * _NS, _digest(state, warned)[:8])


def warning_number(state: Member, warned: Warned) -> int:
    """Return the place of a warning's message on its line: the same for the same one, above 0."""
    return int.from_bytes(_digest(state, warned)[8 : 8 + _NUMBER_BYTES], "big") + 1


def _digest(state: Member, warned: Warned) -> bytes:
    row = warned.certified
    name = f"comity/certification/{state}/{row.agency}/{row.until}/{warned.step}"
    return sha256(name.encode()).digest()


def warning_text(state: Member, warned: Warned, zone: str, contact: str) -> str:
    """Return what the agency itself is told; nobody in a record is in it."""
    row, label = warned.certified, member_label(state)
    ends = "has ended. Its last day was" if warned.step is Step.LAPSED else "ends. Its last day is"
    call = f" Call {contact}." if contact else ""
    return (
        f"CERTIFICATION {row.agency}\n"
        f"Your agency's certification to {label} {ends} {day_words(last_day_of(row.until, zone))}."
        f"\nRenew it with the state.{call}\n"
        f"Without it {label} decides what you ask as of an agency that is not certified."
    )


def warning_leaf(state: Member, warned: Warned, now: int) -> WantedLeaf:
    """Return the leaf that says that someone is told of a certification."""
    row = warned.certified
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.CERTIFICATION,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=state,
            agency=row.agency,
        ),
        fields=note_fields(agency=row.agency, until=str(row.until), step=warned.step.value),
    )


def lapse_words(name: str, warned: Warned, zone: str) -> str:
    """Return who lapses, or has lapsed, and when: what a page to a person says of one."""
    row = warned.certified
    shown = "".join(c if c.isprintable() else "\ufffd" for c in name)[:_NAME_CHARS_MAX]
    return f"{shown} ({row.agency}), {day_words(last_day_of(row.until, zone))}"
