"""Counted persons: added with the batch that asked, read when a day is taken up, gone after it.

Guarantee: a person stands once for each budget, scope and day, however often the row is written.
Source: docs/adr/0031-budgets.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.session import Session
from comity.domain.ids import Member
from comity.ports import BudgetUse, CountedDay, CountedRow, Sealed

__all__ = ["add_counted", "budget_use", "counted_day", "forget_days"]

_ADD: Final = """
    INSERT INTO counted_person (state, day, budget, scope, is_photo, person)
    SELECT * FROM unnest(
        $1::text[], $2::int[], $3::bytea[], $4::bytea[], $5::boolean[], $6::bytea[])
    ON CONFLICT DO NOTHING"""
_GIVE_KEY: Final = """
    INSERT INTO counted_day (state, day, key_month, nonce, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING"""
_KEY: Final = "SELECT key_month, nonce, body FROM counted_day WHERE state = $1 AND day = $2"
_ROWS: Final = """
    SELECT budget, scope, is_photo, person FROM counted_person
    WHERE state = $1 AND day = $2 LIMIT $3"""
_USE: Final = """
    SELECT budget, count(*) FILTER (WHERE NOT is_photo) AS persons,
        count(*) FILTER (WHERE is_photo) AS photos
    FROM counted_person WHERE state = $1 AND day = $2
    GROUP BY budget, scope ORDER BY budget, persons DESC, photos DESC"""
_FORGET_KEYS: Final = "DELETE FROM counted_day WHERE day < $1"
_FORGET_SOME: Final = """
    WITH gone AS (
        DELETE FROM counted_person WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM counted_person WHERE day < $1 LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone"""


async def add_counted(session: Session, rows: Sequence[CountedRow]) -> None:
    """Add rows that may stand already. Raises: StoreDownError."""
    columns = zip(
        *((r.member, r.day, r.budget, r.scope, r.is_photo, r.person) for r in rows), strict=True
    )
    await session.fetch(_ADD, *map(list, columns))


async def counted_day(
    session: Session, member: Member, day: int, key: Sealed, limit: int
) -> CountedDay:
    """Return a member's day, with the key that it was given first."""
    await session.fetch(_GIVE_KEY, member, day, key.key_number, key.nonce, key.body)
    standing = await session.fetch_row(_KEY, member, day)
    rows = await session.fetch(_ROWS, member, day, limit)
    return CountedDay(
        key=Sealed(
            key_number=standing["key_month"],
            nonce=bytes(standing["nonce"]),
            body=bytes(standing["body"]),
        ),
        rows=tuple(
            CountedRow(
                member=member,
                day=day,
                budget=bytes(row["budget"]),
                scope=bytes(row["scope"]),
                is_photo=row["is_photo"],
                person=bytes(row["person"]),
            )
            for row in rows
        ),
    )


async def budget_use(session: Session, member: Member, day: int) -> list[BudgetUse]:
    """Return what was counted on a day, budget by budget, the most used first."""
    rows = await session.fetch(_USE, member, day)
    return [
        BudgetUse(budget=bytes(row["budget"]), persons=row["persons"], photos=row["photos"])
        for row in rows
    ]


async def forget_days(session: Session, before: int, limit: int) -> int:
    """Delete keys and rows of days before one, at most so many rows; return how many rows."""
    await session.fetch(_FORGET_KEYS, before)
    return int((await session.fetch_row(_FORGET_SOME, before, limit))["gone"])
