"""What is taken away for good: private records with what lies beside them, bytes of leaves.

Guarantee: rows go in one statement, and are on the disk as gone when this returns; then the tables'
dead rows are vacuumed, so that nothing leads to them and their space is free. What a page holds
there until it is written over, and write-ahead log, standbys and backups, are encrypted bytes.
Source: docs/adr/0024-private-records.md, "Expungement"; PostgreSQL, "Routine Vacuuming".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.session import Pool, Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import KeyEventRow

__all__ = ["erase", "expunge", "key_events", "open_exchange", "save_done"]

_EVENTS: Final = """
    SELECT e.leaf_index, d.body, e.is_done FROM key_event e
    JOIN ledger_document d USING (state, leaf_index)
    WHERE state = $1 ORDER BY e.leaf_index"""
_DONE: Final = "UPDATE key_event SET is_done = true WHERE state = $1 AND leaf_index = $2"
_ERASE: Final = "SELECT * FROM erase_leaf($1, $2)"
# A leaf's key goes no sooner than the rows of its exchange, so that it leads to all there are.
_IDS: Final = "SELECT exchange_id FROM ledger_key WHERE state = $1 AND leaf_index = $2"
_OPEN: Final = """
    WITH ids AS MATERIALIZED ($IDS)
    SELECT EXISTS (
        SELECT FROM hold h JOIN ids USING (exchange_id) WHERE h.state = $1 AND h.is_open
    ) OR EXISTS (
        SELECT FROM after_review r JOIN ids USING (exchange_id)
        WHERE r.state = $1 AND r.stands IN ('open', 'overdue')
    ) OR EXISTS (
        SELECT FROM accepted a JOIN ids ON a.query_id = ids.exchange_id
        WHERE a.state = $1 AND a.exchange_count > (
            SELECT count(DISTINCT r.exchange_id) FROM result r
            WHERE r.query_id = a.query_id AND r.is_final)
    ) AS is_open""".replace("$IDS", _IDS)
# Numbers of a line continue after its rows went, as they do when rows expire.
_EXPUNGE: Final = """
    WITH ids AS MATERIALIZED ($IDS),
    results AS (
        DELETE FROM result r USING ids WHERE r.query_id = ids.exchange_id AND r.state = $1
        RETURNING line, number
    ), queries AS (
        DELETE FROM accepted a USING ids WHERE a.query_id = ids.exchange_id AND a.state = $1
        RETURNING line, frame_no
    ), positions AS (
        INSERT INTO line_position AS p (line, acknowledged, last_frame, made)
        SELECT line, 0, max(frame_no), max(number) FROM (
            SELECT line, frame_no, 0 AS number FROM queries
            UNION ALL SELECT line, 0, number FROM results
        ) gone GROUP BY line ORDER BY line
        ON CONFLICT (line) DO UPDATE SET
            last_frame = greatest(p.last_frame, excluded.last_frame),
            made = greatest(p.made, excluded.made)
    ), answers AS (
        DELETE FROM answer a USING ids WHERE a.exchange_id = ids.exchange_id AND a.state = $1
        RETURNING 1
    ), holds AS (
        DELETE FROM hold h USING ids
        WHERE h.exchange_id = ids.exchange_id AND h.state = $1 AND NOT h.is_open
        RETURNING 1
    ), passes AS (
        DELETE FROM case_pass WHERE state = $1 AND leaf_index = $2 RETURNING 1
    ), instruments AS (
        DELETE FROM instrument WHERE state = $1 AND leaf_index = $2 RETURNING 1
    ), demands AS (
        DELETE FROM demand WHERE state = $1 AND leaf_index = $2 RETURNING 1
    ), looks AS (
        DELETE FROM after_review r USING ids
        WHERE r.exchange_id = ids.exchange_id AND r.state = $1
            AND r.stands NOT IN ('open', 'overdue')
        RETURNING 1
    ), record AS (
        DELETE FROM ledger_private WHERE state = $1 AND leaf_index = $2 RETURNING 1
    )
    SELECT (SELECT count(*) FROM results) + (SELECT count(*) FROM queries)
        + (SELECT count(*) FROM answers) + (SELECT count(*) FROM holds)
        + (SELECT count(*) FROM passes) + (SELECT count(*) FROM instruments)
        + (SELECT count(*) FROM demands) + (SELECT count(*) FROM looks)
        + (SELECT count(*) FROM record) AS gone""".replace("$IDS", _IDS)
_EXPUNGED: Final = (
    "ledger_private", "accepted", "answer", "hold", "result", "case_pass", "instrument",
    "demand", "after_review",
)  # fmt: skip


async def key_events(session: Session, member: Member) -> list[KeyEventRow]:
    """Return the key events of a member, in the order of their leaves."""
    return [
        KeyEventRow(
            member=member,
            leaf_index=LeafIndex(row["leaf_index"]),
            body=bytes(row["body"]),
            is_done=row["is_done"],
        )
        for row in await session.fetch(_EVENTS, member)
    ]


async def save_done(session: Session, member: Member, leaf_index: int) -> None:
    """Remember that what a key event says was carried out."""
    await session.fetch(_DONE, member, leaf_index)


async def erase(pool: Pool, member: Member, leaf_index: int) -> bool:
    """Erase the bytes of a withdrawn leaf; say whether there was one that had not gone yet."""
    async with pool.lend() as session:
        rows = await session.fetch(_ERASE, member, leaf_index)
    if rows:
        await _vacuum(pool, ("ledger_leaf",))
    return bool(rows)


async def expunge(pool: Pool, member: Member, leaf_index: int) -> int:
    """Delete a leaf's private record and what its exchange left beside it; return the rows."""
    async with pool.lend() as session:
        row = await session.fetch_row(_EXPUNGE, member, leaf_index)
    await _vacuum(pool, _EXPUNGED)
    return int(row["gone"])


async def open_exchange(session: Session, member: Member, leaf_index: int) -> bool:
    """Say whether a leaf's exchange is open: a hold that waits, a query without its end."""
    return bool((await session.fetch_row(_OPEN, member, leaf_index))["is_open"])


async def _vacuum(pool: Pool, tables: Sequence[str]) -> None:
    """Vacuum tables outside a transaction, for as long as it takes."""
    async with pool.lend() as session:
        for table in tables:
            await session.vacuum(table)
