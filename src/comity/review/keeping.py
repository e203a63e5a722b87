"""Where a member's keys stand by the events of its ledger, and why an act on them is refused.

Guarantee: an order is carried out only if nothing here speaks against it. A month that a litigation
hold covers, in which an exchange can still be open or repeated, or whose delayed detail is still to
be opened, keeps its keys.
Source: docs/adr/0024-private-records.md, "Key events".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.keeping import (
    KEPT_DAYS,
    KeyEvent,
    KeyEventKind,
    Order,
    OrderAct,
    month_name,
    parse_month,
)

__all__ = [
    "DemandOpenError",
    "DetailNotOpenedError",
    "HoldUnknownError",
    "KeyInUseError",
    "KeyUnderHoldError",
    "KeyUnknownError",
    "LitigationHold",
    "Standing",
    "check_destruction",
    "event_of",
    "is_due",
    "standing_of",
]

_KINDS: Final = {
    OrderAct.ROTATE: KeyEventKind.ROTATED,
    OrderAct.DESTROY: KeyEventKind.DESTROYED,
    OrderAct.DECLARE_LOST: KeyEventKind.LOST,
    OrderAct.HOLD: KeyEventKind.HELD,
    OrderAct.END_HOLD: KeyEventKind.HOLD_ENDED,
    OrderAct.SCHEDULE: KeyEventKind.SCHEDULED,
    OrderAct.EXPUNGE: KeyEventKind.EXPUNGED,
}
_GONE: Final = frozenset({KeyEventKind.DESTROYED, KeyEventKind.LOST})
_RENEWED: Final = frozenset({KeyEventKind.ROTATED, KeyEventKind.LOST})


class KeyUnderHoldError(ComityError):
    """A litigation hold covers the month: nothing of it is destroyed until the hold is ended."""

    code = "key-under-hold"


class KeyInUseError(ComityError):
    """An exchange of that time can still be open or be repeated."""

    code = "key-in-use"


class DetailNotOpenedError(ComityError):
    """Detail that was sealed in that month is still to be opened; without its key it never is."""

    code = "detail-not-opened"


class DemandOpenError(ComityError):
    """A demand for the state's own data stands in that month and has not ended."""

    code = "demand-open"


class KeyUnknownError(ComityError):
    """There is no key of that month in the keyring."""

    code = "key-unknown"


class HoldUnknownError(ComityError):
    """No litigation hold stands under that entry."""

    code = "hold-unknown"


class LitigationHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that stands: its leaf, and the months since 1970-01 it covers; None: all."""

    leaf_index: int
    months: frozenset[int] | None

    def covers(self, month: int) -> bool:
        """Say whether a month is held."""
        return self.months is None or month in self.months


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a member's key events came to.

    `gone` has the leaf that said so of each month whose keys are destroyed or lost, `destroyed` the
    months that were destroyed. `generations` counts how often a month's key was renewed.
    """

    holds: tuple[LitigationHold, ...] = ()
    keep_months: int | None = None
    schedule: int | None = None
    gone: tuple[tuple[int, KeyEventKind, int], ...] = ()
    generations: tuple[tuple[int, int], ...] = ()

    def holding(self, month: int) -> LitigationHold | None:
        """Return a hold that covers a month, or None."""
        return next((hold for hold in self.holds if hold.covers(month)), None)

    def generation(self, month: int) -> int:
        """Return how often a month's key was renewed."""
        return dict(self.generations).get(month, 0)

    @property
    def destroyed(self) -> frozenset[int]:
        """The months whose keys were destroyed, not lost."""
        return frozenset(m for m, kind, _ in self.gone if kind is KeyEventKind.DESTROYED)


def standing_of(events: Iterable[tuple[int, KeyEvent]]) -> Standing:
    """Return what events, each with the index of its leaf, in order, come to."""
    holds: dict[int, LitigationHold] = {}
    gone: dict[int, tuple[int, KeyEventKind, int]] = {}
    generations: dict[int, int] = {}
    keep_months, schedule = None, None
    for index, event in events:
        months = [parse_month(month) for month in event.months or ()]
        if event.event is KeyEventKind.HELD:
            covered = frozenset(months) if event.months is not None else None
            holds[index] = LitigationHold(leaf_index=index, months=covered)
        elif event.event is KeyEventKind.HOLD_ENDED:
            holds.pop(_index_of(event.entry), None)
        elif event.event is KeyEventKind.SCHEDULED:
            keep_months, schedule = event.keep_months, index
        if event.event in _GONE:
            gone |= {month: (month, event.event, index) for month in months if month not in gone}
        if event.event in _RENEWED:
            generations |= {month: generations.get(month, 0) + 1 for month in months}
    return Standing(
        holds=tuple(holds.values()),
        keep_months=keep_months,
        schedule=schedule,
        gone=tuple(gone[month] for month in sorted(gone)),
        generations=tuple(sorted(generations.items())),
    )


def event_of(order: Order) -> KeyEvent:
    """Return the event that an order makes; of a redaction or a succession there is none here."""
    return KeyEvent(
        version=1,
        member=order.state,
        event=_KINDS[order.act],
        reason=order.reason,
        months=order.months,
        entry=order.entry,
        keep_months=order.keep_months,
    )


def check_destruction(
    standing: Standing,
    end_of: Mapping[int, int],
    *,
    now: int,
    sealed: frozenset[int],
    demanded: frozenset[int],
) -> None:
    """Check that the keys of months may be destroyed.

    `end_of` has the months and the end of each in Unix seconds, as `now` is; `sealed` the months of
    which detail is still to be opened, `demanded` those in which an open demand is kept.
    Raises: KeyUnderHoldError, KeyInUseError, DetailNotOpenedError, DemandOpenError for the first
    that may not.
    """
    for month, end in end_of.items():
        if standing.holding(month) is not None:
            raise KeyUnderHoldError(f"{month_name(month)} is under a litigation hold")
        if now < end + KEPT_DAYS * 86_400:
            raise KeyInUseError(
                f"{month_name(month)} is in use until {KEPT_DAYS} days after its end: "
                "an exchange of it can be open or be repeated"
            )
        if month in sealed:
            raise DetailNotOpenedError(f"detail of {month_name(month)} is still to be opened")
        if month in demanded:
            raise DemandOpenError(f"a demand that is kept in {month_name(month)} has not ended")


def is_due(standing: Standing, month: int, this_month: int) -> bool:
    """Say whether the schedule has a month's keys destroyed, if nothing speaks against it."""
    return standing.keep_months is not None and month + standing.keep_months < this_month


def _index_of(entry: str | None) -> int:
    assert entry is not None
    return int(entry.partition("/")[2])
