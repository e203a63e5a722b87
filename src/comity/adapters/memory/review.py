"""The memory store's part for the review desk: queue, case passes, instruments, urgent releases."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ports import HoldRow, InstrumentRow, PassRow, QueuedCase, UrgentRow
from comity.review.queue import QueueCounts, QueuePlace, WaitsFor, counted_as
from comity.review.urgent import ReviewState

__all__ = ["MemoryReviews"]


class MemoryReviews:
    """What `ReviewStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def case_passes(self, members: Collection[Member], now: int) -> list[PassRow]:
        """Return passes that are not revoked and not over, in the order of member and leaf."""
        tables = await self._reach()
        return [
            row
            for place, row in sorted(tables.case_passes.items())
            if place[0] in members and row.revoked_by is None and row.until > now
        ]

    async def case_pass(self, member: Member, leaf_index: int) -> PassRow | None:
        """Return one pass by its leaf, whether it still holds or not."""
        return (await self._reach()).case_passes.get((member, leaf_index))

    async def instruments(self, members: Collection[Member], now: int) -> list[InstrumentRow]:
        """Return instruments that are not revoked and not over, in the order of member and leaf."""
        return [
            row
            for place, row in sorted((await self._reach()).instruments.items())
            if place[0] in members and row.revoked_by is None and row.until > now
        ]

    async def instrument(self, member: Member, leaf_index: int) -> InstrumentRow | None:
        """Return one instrument by its leaf, whether it still counts or not."""
        return (await self._reach()).instruments.get((member, leaf_index))

    async def urgent_releases(
        self, members: Collection[Member], stands: Sequence[ReviewState], since: int = 0
    ) -> list[UrgentRow]:
        """Return urgent releases that stand so since then or later, by due time, member, leaf."""
        rows = [
            row
            for row in (await self._reach()).urgent.values()
            if row.member in members and row.stands in stands and row.changed_at >= since
        ]
        return sorted(rows, key=lambda row: (row.due, row.member, row.leaf_index))

    async def late_releases(
        self, members: Collection[Member], due_by: int, limit: int
    ) -> list[UrgentRow]:
        """Return urgent releases that are open and due by then, by due time, member, leaf."""
        rows = await self.urgent_releases(members, [ReviewState.OPEN])
        return [row for row in rows if row.due <= due_by][:limit]

    async def review_page(
        self,
        member: Member,
        after: QueuePlace | None,
        limit: int,
        *,
        without: Collection[int] = (),
    ) -> list[QueuedCase]:
        """Return what waits for a review, a case once, in the order of the queue, after a place."""
        rows = sorted(await self._waiting(member), key=_place)
        cases: dict[tuple[object, ...], list[HoldRow]] = {}
        for row in rows:
            if row.leaf_index not in without:
                alone = row.leaf_index if row.case_tag is None else None
                key = (row.case_tag, row.asked_at is not None, alone)
                cases.setdefault(key, []).append(row)
        start = (
            (False, -1, -1) if after is None else (after.is_asked, after.until, after.leaf_index)
        )
        found = [QueuedCase(first=each[0], requests=len(each)) for each in cases.values()]
        return [case for case in found if _place(case.first) > start][:limit]

    async def review_case(
        self, hold: HoldRow, limit: int, *, without: Collection[int] = ()
    ) -> tuple[list[HoldRow], int]:
        """Return open holds of a hold's case that wait as it does, in order, and how many."""
        if hold.case_tag is None:
            return [hold], 1
        found = [
            row
            for row in sorted(await self._waiting(hold.member), key=_place)
            if row.case_tag == hold.case_tag
            and (row.asked_at is None) == (hold.asked_at is None)
            and row.leaf_index not in without
        ]
        return found[:limit], len(found)

    async def review_holds(self, member: Member, numbers: Collection[int]) -> list[HoldRow]:
        """Return those of these leaves that wait for a review, in the order of the queue."""
        found = [row for row in await self._waiting(member) if row.leaf_index in numbers]
        return sorted(found, key=_place)

    async def review_passed(
        self, member: Member, limit: int, *, without: Collection[int] = ()
    ) -> list[HoldRow]:
        """Return what was passed on and waits for a review, the nearest deadline first."""
        found = [
            row
            for row in await self._waiting(member)
            if row.passed_at is not None and row.leaf_index not in without
        ]
        return sorted(found, key=lambda row: (row.until, row.leaf_index))[:limit]

    async def review_counts(self, member: Member, now: int) -> QueueCounts:
        """Return how many open holds wait for a review, by what is left of their time."""
        counts = dict.fromkeys(("soon", "today", "later", "asked"), 0)
        for row in await self._waiting(member):
            place = QueuePlace(
                is_asked=row.asked_at is not None, until=row.until, leaf_index=row.leaf_index
            )
            counts[counted_as(place, now)] += 1
        return QueueCounts(**counts)

    async def _waiting(self, member: Member) -> list[HoldRow]:
        tables = await self._reach()
        return [
            row
            for place, row in tables.holds.items()
            if row.member == member
            and row.waits_for is WaitsFor.REVIEW
            and place not in tables.closed_holds
        ]

    async def urgent_release(self, member: Member, leaf_index: int) -> UrgentRow | None:
        """Return one urgent release by its disclosure's leaf."""
        return (await self._reach()).urgent.get((member, leaf_index))


def _place(row: HoldRow) -> tuple[bool, int, int]:
    return row.asked_at is not None, row.until, row.leaf_index
