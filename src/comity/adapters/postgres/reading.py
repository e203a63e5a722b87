"""What the store reads back, one statement per question.

Shape: rows come back as rows of the ports, in the order that the port states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.rows import (
    accepted_of,
    answer_of,
    hold_of,
    private_of,
    result_of,
)
from comity.adapters.postgres.session import Session
from comity.domain.ids import ExchangeId, LeafIndex, Member, QueryId
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    CheckpointRow,
    DirectoryRow,
    HoldRow,
    OpenQuery,
    PolicyRow,
    PrivateRow,
    ResultRow,
)

__all__ = [
    "accepted_frame",
    "answers",
    "checkpoint",
    "clock_ns",
    "directory_parts",
    "leaf_hashes",
    "leaves",
    "line_position",
    "nodes",
    "open_hold",
    "open_holds",
    "open_queries",
    "policies",
    "private_row",
    "results_after",
    "results_of",
]

_LEAVES: Final = """
    SELECT bytes FROM ledger_leaf
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index"""
_LEAF_HASHES: Final = """
    SELECT hash FROM ledger_leaf
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index"""
_NODES: Final = """
    SELECT hash FROM ledger_node
    WHERE state = $1 AND level = $2 AND node_index >= $3 AND node_index < $4 ORDER BY node_index"""
_PRIVATE: Final = "SELECT * FROM ledger_private WHERE state = $1 AND leaf_index = $2"
_ANSWERS: Final = """
    SELECT a.* FROM unnest($1::bytea[], $2::text[]) WITH ORDINALITY AS n(exchange_id, state, place)
    JOIN answer a USING (exchange_id, state) ORDER BY n.place, a.step"""
_ACCEPTED_FRAME: Final = "SELECT * FROM accepted WHERE line = $1 AND frame_no = $2"
_LINE_POSITION: Final = """
    SELECT
        greatest(p.last_frame, (SELECT max(frame_no) FROM accepted WHERE line = $1), 0) AS accepted,
        greatest(p.made, (SELECT max(number) FROM result WHERE line = $1), 0) AS made,
        coalesce(p.acknowledged, 0) AS acknowledged
    FROM (SELECT $1::text AS line) l LEFT JOIN line_position p USING (line)"""
# Ids begin with their time: queries since then, and their results, are a range of each index, so
# that both are read once and in order, however many there are.
_OPEN_QUERIES: Final = """
    SELECT a.* FROM accepted a
    LEFT JOIN (
        SELECT query_id, count(DISTINCT exchange_id) AS ended FROM result
        WHERE is_final AND query_id >= $3 GROUP BY query_id
    ) r USING (query_id)
    WHERE a.query_id >= $3 AND a.state = ANY($1::text[]) AND a.accepted_at >= $2
        AND coalesce(r.ended, 0) < a.exchange_count
    ORDER BY a.query_id"""
_RESULTS_OF_MANY: Final = """
    SELECT * FROM result WHERE query_id = ANY($1::bytea[]) ORDER BY query_id, step, number"""
_RESULTS_AFTER: Final = """
    SELECT * FROM result WHERE line = $1 AND number > $2 ORDER BY number LIMIT $3"""
_OPEN_HOLDS: Final = """
    SELECT * FROM hold WHERE is_open AND state = ANY($1::text[])
        AND ($2::bigint IS NULL OR until <= $2)
    ORDER BY until, state, leaf_index"""
_OPEN_HOLD: Final = "SELECT * FROM hold WHERE is_open AND state = $1 AND leaf_index = $2"
_POLICIES: Final = """
    SELECT p.* FROM ledger_head h
    JOIN policy p ON p.state = h.state AND p.leaf_index = h.policy
    WHERE h.state = ANY($1::text[]) ORDER BY p.state"""
_DIRECTORY: Final = """
    SELECT DISTINCT ON (state) * FROM directory ORDER BY state, version DESC"""
_CHECKPOINT: Final = """
    SELECT size, note FROM checkpoint WHERE state = $1 ORDER BY size DESC LIMIT 1"""
_CLOCK: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us"

_ID_SLACK_SECONDS: Final = 3_600
"""An id is made before its query is accepted, by a clock that may have been set since."""


async def leaves(session: Session, member: Member, first: int, last: int) -> list[bytes]:
    """Return leaf bytes of [first, last)."""
    return [row["bytes"] for row in await session.fetch(_LEAVES, member, first, last)]


async def leaf_hashes(session: Session, member: Member, first: int, last: int) -> list[bytes]:
    """Return leaf hashes of [first, last)."""
    return [row["hash"] for row in await session.fetch(_LEAF_HASHES, member, first, last)]


async def nodes(
    session: Session, member: Member, level: int, indexes: tuple[int, int]
) -> list[bytes]:
    """Return full-tile roots of a tile level, from the first index up to the last, exclusive."""
    return [row["hash"] for row in await session.fetch(_NODES, member, level, *indexes)]


async def private_row(session: Session, member: Member, index: int) -> PrivateRow | None:
    """Return a leaf's private record, or None."""
    row = await session.fetch_row(_PRIVATE, member, index)
    return None if row is None else private_of(row)


async def answers(session: Session, keys: Sequence[tuple[ExchangeId, Member]]) -> list[AnswerRow]:
    """Return the answers of exchanges in the order of the keys, then of the steps."""
    unique = list(dict.fromkeys(keys))
    ids, members = [key[0] for key in unique], [key[1] for key in unique]
    return [answer_of(row) for row in await session.fetch(_ANSWERS, ids, members)]


async def accepted_frame(session: Session, line: str, frame_no: int) -> AcceptedRow | None:
    """Return the query that a line's frame became, or None."""
    row = await session.fetch_row(_ACCEPTED_FRAME, line, frame_no)
    return None if row is None else accepted_of(row)


async def line_position(session: Session, line: str) -> tuple[int, int, int]:
    """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
    row = await session.fetch_row(_LINE_POSITION, line)
    return row["accepted"], row["made"], row["acknowledged"]


async def open_queries(session: Session, members: Sequence[Member], since: int) -> list[OpenQuery]:
    """Return queries accepted since then that are not ended, with the results that they have."""
    from_id = max(0, since - _ID_SLACK_SECONDS) * 1_000_000_000
    rows = await session.fetch(_OPEN_QUERIES, members, since, from_id.to_bytes(8, "big"))
    accepted = [accepted_of(row) for row in rows]
    found: dict[QueryId, list[ResultRow]] = {row.query_id: [] for row in accepted}
    for row in await session.fetch(_RESULTS_OF_MANY, list(found)):
        found[row["query_id"]].append(result_of(row))
    return [OpenQuery(accepted=row, results=tuple(found[row.query_id])) for row in accepted]


async def results_of(session: Session, query_id: QueryId) -> list[ResultRow]:
    """Return the results of one query in step order, then in that of their deliveries."""
    return [result_of(row) for row in await session.fetch(_RESULTS_OF_MANY, [query_id])]


async def results_after(session: Session, line: str, number: int, limit: int) -> list[ResultRow]:
    """Return a line's results beyond a delivery number, in order."""
    return [result_of(row) for row in await session.fetch(_RESULTS_AFTER, line, number, limit)]


async def open_holds(
    session: Session, members: Sequence[Member], due_by: int | None
) -> list[HoldRow]:
    """Return open holds, the earliest deadline first; all of them where `due_by` is None."""
    return [hold_of(row) for row in await session.fetch(_OPEN_HOLDS, members, due_by)]


async def open_hold(session: Session, member: Member, leaf_index: int) -> HoldRow | None:
    """Return one open hold by its leaf, or None."""
    row = await session.fetch_row(_OPEN_HOLD, member, leaf_index)
    return None if row is None else hold_of(row)


async def policies(session: Session, members: Sequence[Member]) -> list[PolicyRow]:
    """Return the policy in force of each member that has one."""
    return [
        PolicyRow(
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            digest=row["digest"],
            body=row["body"],
        )
        for row in await session.fetch(_POLICIES, members)
    ]


async def directory_parts(session: Session) -> list[DirectoryRow]:
    """Return the newest part of each member."""
    return [
        DirectoryRow(
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            version=row["version"],
            body=row["body"],
            signature=row["signature"],
        )
        for row in await session.fetch(_DIRECTORY)
    ]


async def checkpoint(session: Session, member: Member) -> CheckpointRow | None:
    """Return the newest public checkpoint of a ledger, or None."""
    row = await session.fetch_row(_CHECKPOINT, member)
    if row is None:
        return None
    return CheckpointRow(member=member, size=row["size"], note=row["note"])


async def clock_ns(session: Session) -> int:
    """Return the server's time in nanoseconds since 1970 UTC, to a microsecond."""
    row = await session.fetch_row(_CLOCK)
    return int(row["us"]) * 1_000
