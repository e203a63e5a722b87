"""The memory store's part for desks: what waits there, what came, of what somebody was paged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import DeskDayRow, DeskPlace, NewDuty
from comity.review.queue import WaitsFor

__all__ = ["MemoryDesk", "forget_desk_days"]


class MemoryDesk:
    """What `DeskStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def desk_places(self, member: Member) -> list[DeskPlace]:
        """Return every open hold that waits for a reviewer, in the order of the queue."""
        tables = await self._reach()
        places = [
            DeskPlace(
                leaf_index=row.leaf_index,
                opened_at=row.opened_at,
                until=row.until,
                is_asked=row.asked_at is not None,
                case_tag=row.case_tag,
                is_paged=row.paged_at is not None,
            )
            for place, row in tables.holds.items()
            if row.member == member
            and row.waits_for is WaitsFor.REVIEW
            and place not in tables.closed_holds
        ]
        return sorted(places, key=lambda each: (each.is_asked, each.until, each.leaf_index))

    async def desk_mark(self, member: Member) -> tuple[int, ...]:
        """Return numbers that change with what waits for a reviewer, and stay while that does."""
        places = await self.desk_places(member)
        asked = [each.leaf_index for each in places if each.is_asked]
        leaves = sum(each.leaf_index for each in places)
        return len(places), leaves, len(asked), sum(each * each for each in asked)

    async def desk_day(self, member: Member, day: int) -> list[DeskDayRow]:
        """Return what came and was refused on a day, by agency, who was refused most first."""
        tables = await self._reach()
        rows = [row for row in tables.desk_days.values() if (row.member, row.day) == (member, day)]
        return sorted(rows, key=lambda row: (-row.refused, -row.came, row.agency))

    async def page_holds(self, duties: Sequence[NewDuty]) -> int:
        """Add duties about open holds of which nobody was paged, once each; return how many."""
        tables = await self._reach()
        added = 0
        for duty in duties:
            place = (duty.member, int(duty.leaf_index))
            row = tables.holds.get(place)
            if row is None or row.paged_at is not None or place in tables.closed_holds:
                continue
            tables.holds[place] = msgspec.structs.replace(row, paged_at=duty.made_at)
            tables.owe(duty)
            added += 1
        return added


def forget_desk_days(tables: Tables, before: int) -> None:
    """Delete what came on days before one."""
    over: Iterable[tuple[Member, int, str]] = [key for key in tables.desk_days if key[1] < before]
    for key in over:
        del tables.desk_days[key]
