"""The memory store's part for budgets: a day's key, and whom it counted."""

from __future__ import annotations

from collections import Counter

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import BudgetUse, CountedDay, CountedRow, Sealed

__all__ = ["MemoryBudgets", "forget_days"]


class MemoryBudgets:
    """What `BudgetStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def counted_day(self, member: Member, day: int, key: Sealed, limit: int) -> CountedDay:
        """Return a member's day as it was counted so far, with the key that it was given first."""
        tables = await self._reach()
        standing = tables.counted_keys.setdefault((member, day), key)
        rows = _of_day(tables, member, day)
        return CountedDay(key=standing, rows=tuple(rows[:limit]))

    async def budget_use(self, member: Member, day: int) -> list[BudgetUse]:
        """Return what was counted on a day, budget by budget, the most used first."""
        tables = await self._reach()
        persons: Counter[tuple[bytes, bytes]] = Counter()
        photos: Counter[tuple[bytes, bytes]] = Counter()
        for row in _of_day(tables, member, day):
            (photos if row.is_photo else persons)[row.budget, row.scope] += 1
        used = [
            BudgetUse(budget=place[0], persons=persons[place], photos=photos[place])
            for place in persons.keys() | photos.keys()
        ]
        return sorted(used, key=lambda use: (use.budget, -use.persons, -use.photos))


def forget_days(tables: Tables, before: int) -> int:
    """Delete keys and rows of days before one; return how many rows."""
    for place in [place for place in tables.counted_keys if place[1] < before]:
        del tables.counted_keys[place]
    over = [row for row in tables.counted if row.day < before]
    for row in over:
        del tables.counted[row]
    return len(over)


def _of_day(tables: Tables, member: Member, day: int) -> list[CountedRow]:
    return [row for row in tables.counted if (row.member, row.day) == (member, day)]
