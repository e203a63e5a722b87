"""A review desk as a whole: what waits there, what came in a day, and of what somebody was paged.

Guarantee: what came is added with the batch of its leaf, once; a hold is marked and its duty added
by one statement, so that nobody is paged of it twice.
Source: docs/adr/0060-quotas-and-triage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.session import Pool, Session
from comity.domain.ids import ORI, LeafIndex, Member
from comity.ports import DeskDayRow, DeskPlace, NewDuty

__all__ = ["PostgresDesk", "add_desk_days", "forget_desk_days"]

_ADD: Final = """
    INSERT INTO desk_day AS d (state, day, agency, came, refused)
    SELECT state, day, agency, sum(came), sum(refused) FROM unnest(
        $1::text[], $2::int[], $3::text[], $4::bigint[], $5::bigint[])
        AS n(state, day, agency, came, refused)
    GROUP BY state, day, agency ORDER BY state, day, agency
    ON CONFLICT (state, day, agency)
    DO UPDATE SET came = d.came + excluded.came, refused = d.refused + excluded.refused"""
_PLACES: Final = """
    SELECT leaf_index, opened_at, until, asked_at IS NOT NULL AS is_asked, case_tag,
        paged_at IS NOT NULL AS is_paged
    FROM hold WHERE is_open AND waits_for = 'review' AND state = $1
    ORDER BY asked_at IS NOT NULL, until, leaf_index"""
# A leaf's number is never used again, and new ones are larger than all that wait.
_MARK: Final = """
    SELECT count(*), coalesce(sum(leaf_index), 0)::bigint AS leaves, count(asked_at) AS asked,
        coalesce(sum(leaf_index::numeric * leaf_index) FILTER (WHERE asked_at IS NOT NULL), 0)
            AS of_asked
    FROM hold WHERE is_open AND waits_for = 'review' AND state = $1"""
_DAY: Final = """
    SELECT agency, came, refused FROM desk_day WHERE state = $1 AND day = $2
    ORDER BY refused DESC, came DESC, agency"""
_PAGE: Final = """
    WITH marked AS (
        UPDATE hold h SET paged_at = n.made_at
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
            AS n(state, leaf_index, kind, made_at, about)
        WHERE h.state = n.state AND h.leaf_index = n.leaf_index
            AND h.is_open AND h.paged_at IS NULL
        RETURNING n.state, n.leaf_index, n.kind, n.made_at, n.about
    ), added AS (
        INSERT INTO duty (state, leaf_index, kind, made_at, about)
        SELECT * FROM marked ORDER BY state, leaf_index RETURNING 1
    )
    SELECT count(*) AS added FROM added"""
_FORGET: Final = "DELETE FROM desk_day WHERE day < $1"


async def add_desk_days(session: Session, rows: Sequence[DeskDayRow]) -> None:
    """Add to what stands of these days, within a batch transaction. Raises: StoreDownError."""
    columns = zip(*((r.member, r.day, r.agency, r.came, r.refused) for r in rows), strict=True)
    await session.fetch(_ADD, *map(list, columns))


async def forget_desk_days(session: Session, before: int) -> None:
    """Delete what came on days before one."""
    await session.fetch(_FORGET, before)


class PostgresDesk:
    """`DeskStore`, over the store's connections."""

    _pool: Pool

    async def desk_places(self, member: Member) -> list[DeskPlace]:
        """Return every open hold that waits for a reviewer, in the order of the queue."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_PLACES, member)
        return [
            DeskPlace(
                leaf_index=LeafIndex(leaf_index),
                opened_at=opened_at,
                until=until,
                is_asked=is_asked,
                case_tag=case_tag,
                is_paged=is_paged,
            )
            for leaf_index, opened_at, until, is_asked, case_tag, is_paged in rows
        ]

    async def desk_mark(self, member: Member) -> tuple[int, ...]:
        """Return numbers that change with what waits for a reviewer, and stay while that does."""
        async with self._pool.lend() as session:
            row = await session.fetch_row(_MARK, member)
        return tuple(int(value) for value in row)

    async def desk_day(self, member: Member, day: int) -> list[DeskDayRow]:
        """Return what came and was refused on a day, by agency, who was refused most first."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_DAY, member, day)
        return [
            DeskDayRow(
                member=member,
                day=day,
                agency=ORI(row["agency"]),
                came=row["came"],
                refused=row["refused"],
            )
            for row in rows
        ]

    async def page_holds(self, duties: Sequence[NewDuty]) -> int:
        """Add duties about open holds of which nobody was paged, once each; return how many."""
        rows = [(d.member, d.leaf_index, d.kind, d.made_at, d.about) for d in duties]
        if not rows:
            return 0
        async with self._pool.lend() as session:
            row = await session.fetch_row(_PAGE, *map(list, zip(*rows, strict=True)))
        return int(row["added"])
