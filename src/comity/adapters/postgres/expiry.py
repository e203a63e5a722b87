"""Rows whose time is over go: what an exchange keeps beside its leaves, once nobody may ask for it.

Guarantee: nothing of a ledger goes, nothing of a month that is held, and nothing within the seven
days in which a repeat is answered from the store. Whom the budgets of a day counted goes when that
day is over everywhere, whatever is held: it is nothing of an exchange. Rows go a few at a time, so
that no lock and no statement is long.
Source: docs/adr/0002-ids-vocabularies-leaves.md (ids begin with their time);
docs/adr/0024-private-records.md, "Holds".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.limits import INSTRUMENT_ROWS_DAYS, KEPT_DAYS, REVIEW_ROWS_DAYS
from comity.adapters.postgres.budgets import forget_days
from comity.adapters.postgres.desk import forget_desk_days
from comity.adapters.postgres.session import Pool
from comity.ports import EVERY_MONTH, KEY_GENERATION, HeldMonth

__all__ = ["ROWS_PER_STEP", "expire"]

ROWS_PER_STEP: Final = 5_000
_DAY_SECONDS: Final = 86_400
_NS_PER_DAY: Final = _DAY_SECONDS * 10**9

# A row is held by the month of the key that sealed it: that of its commit.
_FREE: Final = """
    AND NOT EXISTS (
        SELECT FROM unnest($3::text[], $4::int[]) AS h(state, month)
        WHERE h.state = t.state AND h.month IN ($EVERY, t.key_month % $GENERATION))""".replace(
    "$EVERY", str(EVERY_MONTH)
).replace("$GENERATION", str(KEY_GENERATION))
_LINE: Final = """
    WITH gone AS (
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} t WHERE {id} < $1 {more} ORDER BY {id} LIMIT $2))
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
            SELECT ctid FROM {table} t WHERE {id} < $1 {more} ORDER BY {id} LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone"""
# A key leads to its exchange's rows, so that it goes behind them; while a state holds, none goes.
_KEY_FREE: Final = "AND state <> ALL($3::text[]) AND $4::int[] IS NOT NULL"
_STEPS: Final = (
    _LINE.format(table="result", id="query_id", number="number", column="made", more=_FREE),
    _LINE.format(
        table="accepted", id="query_id", number="frame_no", column="last_frame", more=_FREE
    ),
    _PLAIN.format(table="answer", id="exchange_id", more=_FREE),
    _PLAIN.format(table="hold", id="exchange_id", more=f"AND NOT is_open {_FREE}"),
    _PLAIN.format(table="ledger_key", id="exchange_id", more=_KEY_FREE),
)
_LATER_STEPS: Final = (
    _PLAIN.format(table="case_pass", id="pass_id", more=_FREE),
    _PLAIN.format(
        table="after_review",
        id="exchange_id",
        more=f"AND stands NOT IN ('open', 'overdue') {_FREE}",
    ),
)

_INSTRUMENTS: Final = _PLAIN.format(table="instrument", id="instrument_id", more=_FREE)


async def expire(pool: Pool, now: int, held: Sequence[HeldMonth]) -> int:
    """Delete what is older than `KEPT_DAYS` and not held; return how many rows.

    Raises: StoreDownError.
    """
    months = [member for member, _ in held], [month for _, month in held]
    count = 0
    steps = [(statement, KEPT_DAYS) for statement in _STEPS]
    steps += [(statement, KEPT_DAYS + REVIEW_ROWS_DAYS) for statement in _LATER_STEPS]
    steps.append((_INSTRUMENTS, KEPT_DAYS + INSTRUMENT_ROWS_DAYS))
    for statement, days in steps:
        oldest = max(0, now * 10**9 - days * _NS_PER_DAY).to_bytes(8, "big")
        gone = ROWS_PER_STEP
        while gone == ROWS_PER_STEP:
            async with pool.lend() as session:
                row = await session.fetch_row(statement, oldest, ROWS_PER_STEP, *months)
            gone = int(row["gone"])
            count += gone
    return count + await _forget_counts(pool, now // _DAY_SECONDS - 1)


async def _forget_counts(pool: Pool, before: int) -> int:
    """Delete what was counted before a day: by yesterday's date no zone's today is older."""
    async with pool.lend() as session:
        await forget_desk_days(session, before)
    count, gone = 0, ROWS_PER_STEP
    while gone == ROWS_PER_STEP:
        async with pool.lend() as session:
            gone = await forget_days(session, before, ROWS_PER_STEP)
        count += gone
    return count
