"""What the store reads back, one statement per question.

Shape: rows come back as rows of the ports, in the order that the port states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.adapters.postgres.rows import (
    accepted_of,
    answer_of,
    hold_of,
    private_of,
    result_of,
)
from comity.adapters.postgres.session import Session
from comity.domain.ids import ExchangeId, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    CheckpointRow,
    DelayedRow,
    DirectoryRow,
    DocumentRow,
    HelpRow,
    HoldRow,
    OpenQuery,
    OutageRow,
    PrivateRow,
    ResultRow,
    ResultSpan,
    UnopenedDetail,
)

__all__ = [
    "accepted_between",
    "accepted_frame",
    "accepted_on",
    "answers",
    "checkpoints",
    "clock_ns",
    "detail_due",
    "directory_part",
    "directory_parts",
    "directory_versions",
    "documents",
    "help_file",
    "leaf_hashes",
    "leaves",
    "line_position",
    "nodes",
    "open_hold",
    "open_holds",
    "open_holds_after",
    "open_queries",
    "outages",
    "private_row",
    "results_after",
    "results_between",
    "results_of",
    "unopened_detail",
    "withdrawn",
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
_ACCEPTED_ON: Final = """
    SELECT * FROM accepted WHERE line = $1 ORDER BY query_id DESC LIMIT $2"""
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
# Ids begin with their time: a stretch of traffic is a range of each index, read from either end.
# The rows of other members in it are passed over: docs/adr/0019-archive.md, "Figures".
_ACCEPTED_BETWEEN: Final = """
    SELECT * FROM accepted WHERE state = $1 AND query_id >= $2 AND query_id < $3
    ORDER BY query_id {order} LIMIT $4"""
_RESULTS_BETWEEN: Final = """
    SELECT * FROM result WHERE state = $1
        AND (query_id, exchange_id, step) > ($2, $3, $4)
        AND (query_id, exchange_id, step) < ($5, $6, $7)
    ORDER BY query_id {order}, exchange_id {order}, step {order} LIMIT $8"""
_ORDERS: Final = {False: "ASC", True: "DESC"}
_OPEN_HOLDS: Final = """
    SELECT * FROM hold WHERE is_open AND state = ANY($1::text[])
        AND ($2::bigint IS NULL OR until <= $2)
    ORDER BY until, state, leaf_index"""
_OPEN_HOLDS_AFTER: Final = """
    SELECT * FROM hold WHERE is_open AND state = $1 AND leaf_index > $2 ORDER BY leaf_index"""
_OPEN_HOLD: Final = "SELECT * FROM hold WHERE is_open AND state = $1 AND leaf_index = $2"
_DOCUMENTS: Final = """
    SELECT leaf_index, body FROM ledger_document
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3
    UNION ALL
    SELECT leaf_index, body FROM policy
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3
    ORDER BY leaf_index"""
_WITHDRAWN: Final = """
    SELECT leaf_index FROM ledger_redaction
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index"""
# Whose record was expunged, or whose leaf was withdrawn, is never to be opened any more.
_DETAIL_DUE: Final = """
    SELECT state, leaf_index, made_month, opens_at FROM delayed_detail d
    WHERE NOT is_open AND state = ANY($1::text[]) AND opens_at <= $2
        AND (opens_at, state COLLATE "C", leaf_index) > ($3, $4, $5)
        AND EXISTS (
            SELECT FROM ledger_private p WHERE p.state = d.state AND p.leaf_index = d.leaf_index)
        AND NOT EXISTS (
            SELECT FROM ledger_redaction r
            WHERE r.state = d.state AND r.leaf_index = d.leaf_index)
    ORDER BY opens_at, state COLLATE "C", leaf_index LIMIT $6"""
_UNOPENED_DETAIL: Final = """
    SELECT made_month, count(*) AS sealed, count(*) FILTER (WHERE opens_at <= $2) AS due
    FROM delayed_detail d WHERE NOT is_open AND state = $1
        AND EXISTS (
            SELECT FROM ledger_private p WHERE p.state = d.state AND p.leaf_index = d.leaf_index)
        AND NOT EXISTS (
            SELECT FROM ledger_redaction r
            WHERE r.state = d.state AND r.leaf_index = d.leaf_index)
    GROUP BY made_month ORDER BY made_month"""
_DIRECTORY: Final = """
    SELECT DISTINCT ON (state) * FROM directory ORDER BY state, version DESC"""
_VERSIONS: Final = """
    SELECT version, leaf_index FROM directory WHERE state = $1 ORDER BY version DESC LIMIT $2"""
_VERSION: Final = "SELECT * FROM directory WHERE state = $1 AND version = $2"
_HELP: Final = "SELECT body, changed_by FROM help_file WHERE state = $1 AND file = $2"
_CHECKPOINTS: Final = """
    SELECT c.state, c.size, c.note, ARRAY(
        SELECT line FROM cosignature s WHERE s.state = c.state AND s.size = c.size
        ORDER BY name COLLATE "C", key_id
    ) AS lines
    FROM unnest($1::text[]) AS m(state) CROSS JOIN LATERAL (
        SELECT * FROM checkpoint k
        WHERE k.state = m.state AND ($2::bigint IS NULL OR k.size = $2)
        ORDER BY k.size DESC LIMIT 1
    ) c ORDER BY c.state"""
_OUTAGES: Final = "SELECT * FROM outage WHERE state = ANY($1::text[]) ORDER BY state, key"
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


async def documents(session: Session, member: Member, first: int, last: int) -> list[DocumentRow]:
    """Return public documents of [first, last) in the order of their leaves."""
    return [
        DocumentRow(member=member, leaf_index=LeafIndex(row["leaf_index"]), body=bytes(row["body"]))
        for row in await session.fetch(_DOCUMENTS, member, first, last)
    ]


async def withdrawn(session: Session, member: Member, first: int, last: int) -> list[LeafIndex]:
    """Return the withdrawn leaves of [first, last), in order."""
    rows = await session.fetch(_WITHDRAWN, member, first, last)
    return [LeafIndex(row["leaf_index"]) for row in rows]


async def detail_due(
    session: Session, members: Sequence[Member], by: int, after: DelayedRow | None, limit: int
) -> list[DelayedRow]:
    """Return leaves whose sealed detail is to be opened by a time, behind `after`."""
    place = (-1, "", -1) if after is None else (after.opens_at, after.member, after.leaf_index)
    rows = await session.fetch(_DETAIL_DUE, members, by, *place, limit)
    return [
        DelayedRow(
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            made_month=row["made_month"],
            opens_at=row["opens_at"],
        )
        for row in rows
    ]


async def unopened_detail(session: Session, member: Member, now: int) -> list[UnopenedDetail]:
    """Return how many of a member's leaves still stand sealed, by the month of their commit."""
    return [
        UnopenedDetail(made_month=row["made_month"], sealed=row["sealed"], due=row["due"])
        for row in await session.fetch(_UNOPENED_DETAIL, member, now)
    ]


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


async def accepted_on(session: Session, line: str, limit: int) -> list[AcceptedRow]:
    """Return the newest queries that a line's frames became, the newest first."""
    return [accepted_of(row) for row in await session.fetch(_ACCEPTED_ON, line, limit)]


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


async def accepted_between(
    session: Session,
    member: Member,
    ids: tuple[bytes, bytes],
    limit: int,
    *,
    newest_first: bool,
) -> list[AcceptedRow]:
    """Return a member's accepted queries with ids from the first up to the last, exclusive."""
    statement = _ACCEPTED_BETWEEN.format(order=_ORDERS[newest_first])
    return [accepted_of(row) for row in await session.fetch(statement, member, *ids, limit)]


async def results_between(
    session: Session,
    member: Member,
    places: ResultSpan,
    limit: int,
    *,
    newest_first: bool,
) -> list[ResultRow]:
    """Return a member's results between two places, both exclusive, in their order."""
    statement = _RESULTS_BETWEEN.format(order=_ORDERS[newest_first])
    after, before = places
    rows = await session.fetch(statement, member, *after, *before, limit)
    return [result_of(row) for row in rows]


async def open_holds(
    session: Session, members: Sequence[Member], due_by: int | None
) -> list[HoldRow]:
    """Return open holds, the earliest deadline first; all of them where `due_by` is None."""
    return [hold_of(row) for row in await session.fetch(_OPEN_HOLDS, members, due_by)]


async def open_holds_after(session: Session, member: Member, leaf_index: int) -> list[HoldRow]:
    """Return a member's open holds whose leaf is beyond one, in the order of leaves."""
    return [hold_of(row) for row in await session.fetch(_OPEN_HOLDS_AFTER, member, leaf_index)]


async def open_hold(session: Session, member: Member, leaf_index: int) -> HoldRow | None:
    """Return one open hold by its leaf, or None."""
    row = await session.fetch_row(_OPEN_HOLD, member, leaf_index)
    return None if row is None else hold_of(row)


async def directory_parts(session: Session) -> list[DirectoryRow]:
    """Return the newest part of each member."""
    return [_part_of(row) for row in await session.fetch(_DIRECTORY)]


async def directory_versions(
    session: Session, member: Member, limit: int
) -> list[tuple[int, LeafIndex]]:
    """Return the versions of a member's part with their leaves, the newest first."""
    rows = await session.fetch(_VERSIONS, member, limit)
    return [(row["version"], LeafIndex(row["leaf_index"])) for row in rows]


async def directory_part(session: Session, member: Member, version: int) -> DirectoryRow | None:
    """Return one version of a member's part, or None."""
    row = await session.fetch_row(_VERSION, member, version)
    return None if row is None else _part_of(row)


def _part_of(row: Any) -> DirectoryRow:
    return DirectoryRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        version=row["version"],
        body=row["body"],
        signature=row["signature"],
    )


async def help_file(session: Session, member: Member, file: str) -> HelpRow | None:
    """Return a member's help file, or None."""
    row = await session.fetch_row(_HELP, member, file)
    if row is None:
        return None
    changed_by = ExchangeId(row["changed_by"])
    return HelpRow(member=member, file=file, text=row["body"], changed_by=changed_by)


async def outages(session: Session, members: Sequence[Member]) -> list[OutageRow]:
    """Return what members have announced of their service, by member and key."""
    return [
        OutageRow(
            member=Member(row["state"]),
            key=MessageKey(row["key"]),
            kind=row["kind"],
            since=row["since"],
        )
        for row in await session.fetch(_OUTAGES, members)
    ]


async def checkpoints(
    session: Session, members: Sequence[Member], size: int | None = None
) -> list[CheckpointRow]:
    """Return the newest public checkpoint of each ledger, or the one of a size, by member."""
    rows = await session.fetch(_CHECKPOINTS, sorted(set(members)), size)
    return [
        CheckpointRow(
            member=Member(row["state"]),
            size=row["size"],
            note=row["note"],
            cosignatures=tuple(row["lines"]),
        )
        for row in rows
    ]


async def clock_ns(session: Session) -> int:
    """Return the server's time in nanoseconds since 1970 UTC, to a microsecond."""
    row = await session.fetch_row(_CLOCK)
    return int(row["us"]) * 1_000
