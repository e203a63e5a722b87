"""Rows whose time is over go: what an exchange keeps beside its leaves, once nobody may ask for it.

Guarantee: nothing of a ledger goes, and nothing within the seven days in which a repeat is answered
from the store. Rows go oldest first and a few at a time, so that no lock and no statement is long.
Source: docs/adr/0002-ids-vocabularies-leaves.md (ids begin with their time).
"""

from __future__ import annotations

from typing import Final

from comity.adapters.limits import KEPT_DAYS
from comity.adapters.postgres.session import Pool

__all__ = ["ROWS_PER_STEP", "expire"]

ROWS_PER_STEP: Final = 5_000
_NS_PER_DAY: Final = 86_400 * 10**9

_LINE: Final = """
    WITH gone AS (
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE {id} < $1 ORDER BY {id} LIMIT $2))
        RETURNING line, {number} AS number
    ), kept AS (
        INSERT INTO line_position AS p (line, acknowledged, {column})
        SELECT line, 0, max(number) FROM gone GROUP BY line ORDER BY line
        ON CONFLICT (line) DO UPDATE SET {column} = greatest(p.{column}, excluded.{column})
    )
    SELECT count(*) AS gone FROM gone"""
_PLAIN: Final = """
    WITH gone AS (
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE {id} < $1 {more} ORDER BY {id} LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone"""
_STEPS: Final = (
    _LINE.format(table="result", id="query_id", number="number", column="made"),
    _LINE.format(table="accepted", id="query_id", number="frame_no", column="last_frame"),
    _PLAIN.format(table="answer", id="exchange_id", more=""),
    _PLAIN.format(table="ledger_key", id="exchange_id", more=""),
    _PLAIN.format(table="hold", id="exchange_id", more="AND NOT is_open"),
)


async def expire(pool: Pool, now: int) -> int:
    """Delete what is older than `KEPT_DAYS`; return how many rows. Raises: StoreDownError."""
    oldest = max(0, now * 10**9 - KEPT_DAYS * _NS_PER_DAY).to_bytes(8, "big")
    count = 0
    for statement in _STEPS:
        gone = ROWS_PER_STEP
        while gone == ROWS_PER_STEP:
            async with pool.lend() as session:
                row = await session.fetch_row(statement, oldest, ROWS_PER_STEP)
            gone = int(row["gone"])
            count += gone
    return count
