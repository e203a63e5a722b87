"""Months whose keys stay for what is still to come: detail to be opened, demands to be ended.

Source: docs/adr/0024-private-records.md; docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from comity.domain.ids import Member, id_time_ns, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind
from comity.ports import Store, month_of_key
from comity.review.demands import DEMANDS_OPEN_MAX
from comity.review.keeping import Standing, check_destruction
from comity.services.vault import month_of, month_start

__all__ = ["NeededMonths", "check_months", "is_for_demand", "months_needed", "sealed_months"]

_NS: Final = 1_000_000_000


class NeededMonths(NamedTuple):
    """Those of which detail is still to be opened, and those in which an open demand is kept."""

    detail: frozenset[int]
    demands: frozenset[int]


async def months_needed(store: Store, member: Member, now: int) -> NeededMonths:
    """Return the months of a member whose keys are needed. Raises: StoreDownError."""
    rows = await store.open_demands([member], DEMANDS_OPEN_MAX)
    # Its leaf's record is of the month in which it was registered, its row of the last act's.
    made = {month_of(id_time_ns(row.demand_id) // _NS) for row in rows}
    acted = {month_of_key(row.sealed.key_number) for row in rows}
    return NeededMonths(await sealed_months(store, member, now), frozenset(made | acted))


async def sealed_months(store: Store, member: Member, now: int) -> frozenset[int]:
    """Return the months of which detail is still to be opened. Raises: StoreDownError."""
    return frozenset(row.made_month for row in await store.unopened_detail(member, now))


def check_months(standing: Standing, months: Sequence[int], now: int, needed: NeededMonths) -> None:
    """Check that the keys of months may be destroyed. Raises: as `check_destruction`."""
    end_of = {month: month_start(month + 1) for month in months}
    check_destruction(standing, end_of, now=now, sealed=needed.detail, demanded=needed.demands)


async def is_for_demand(store: Store, member: Member, index: int, header: LeafHeader) -> bool:
    """Say whether a leaf is of what was handed over for a demand. Raises: StoreDownError."""
    if header.kind is not LeafKind.ACCESS or header.cites is None:
        return False
    state, cited = parse_entry_name(header.cites)
    row = await store.demand(member, cited) if state == member else None
    return row is not None and index in row.handed
