"""What the services need to count persons against budgets: a day's key and its rows.

Guarantee: as of all ports; `Store` has the methods of `BudgetStore` beside its own. Rows are added
by the batch transaction, with the leaf of the exchange that asked (`BatchWrite.counted`).
Source: docs/adr/0031-budgets.md.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from comity.domain.ids import Member
from comity.ports.rows import CountedRow, Sealed

__all__ = ["BudgetStore", "BudgetUse", "CountedDay"]


class CountedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A member's day as it was counted so far, and the sealed key of its hashes."""

    key: Sealed
    rows: tuple[CountedRow, ...]


class BudgetUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many persons one operator or agency was counted for against one budget."""

    budget: bytes
    persons: int
    photos: int


class BudgetStore(Protocol):
    """What the one system of record has of budgets."""

    async def counted_day(self, member: Member, day: int, key: Sealed, limit: int) -> CountedDay:
        """Return a member's day; the first who asks for it gives it its key.

        `day` is in days since 1970-01-01. At most `limit` rows come, in no order.
        """
        ...

    async def budget_use(self, member: Member, day: int) -> list[BudgetUse]:
        """Return what was counted on a day: one row for each budget, and operator or agency."""
        ...
