"""Recorded traffic as a roll-up: a step's rows, and how far the ledger is folded, in one statement.

Guarantee: a step counts once. It takes effect only where the ledger is folded up to its first leaf,
and its rows are added by the same statement that moves that on. Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.rows import private_of
from comity.adapters.postgres.session import Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import UNDER_NONE, Fold, FoldRow, PrivateRow, TrafficRow

__all__ = ["fold", "folds", "private_rows", "traffic"]

_PRIVATE_ROWS: Final = """
    SELECT * FROM ledger_private
    WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index"""
_FOLDS: Final = """
    SELECT * FROM traffic_fold WHERE state = ANY($1::text[]) ORDER BY state COLLATE "C" """
_FOLD: Final = """
    WITH moved AS (
        INSERT INTO traffic_fold AS f (state, folded, lost)
        SELECT $1, $3, $4
        WHERE $2::bigint = 0 OR EXISTS (SELECT FROM traffic_fold WHERE state = $1)
        ON CONFLICT (state) DO UPDATE SET folded = excluded.folded, lost = f.lost + excluded.lost
        WHERE f.folded = $2
        RETURNING state
    ), added AS (
        INSERT INTO traffic AS t (state, month, under, request, count)
        SELECT moved.state, n.month, n.under, n.request, n.count
        FROM moved, unnest($5::int[], $6::bigint[], $7::text[], $8::bigint[])
            AS n(month, under, request, count)
        ON CONFLICT (state, month, under, request) DO UPDATE SET count = t.count + excluded.count
    ), gone AS (
        DELETE FROM traffic t USING moved WHERE t.state = moved.state AND t.month < $9
    )
    SELECT count(*) AS moved FROM moved"""
_TRAFFIC: Final = """
    SELECT * FROM traffic
    WHERE state = $1 AND (month, under, request) > ($2, $3, $4)
        AND ($6::bigint IS NULL OR under = $6)
    ORDER BY month, under, request LIMIT $5"""
_BEFORE_ALL: Final = (-1, UNDER_NONE, "")


async def private_rows(session: Session, member: Member, first: int, last: int) -> list[PrivateRow]:
    """Return the private records of the leaves of [first, last) that have one, in order."""
    return [private_of(row) for row in await session.fetch(_PRIVATE_ROWS, member, first, last)]


async def folds(session: Session, members: Sequence[Member]) -> list[FoldRow]:
    """Return how far each of these members' ledgers is folded, by member."""
    return [
        FoldRow(member=Member(row["state"]), folded=LeafIndex(row["folded"]), lost=row["lost"])
        for row in await session.fetch(_FOLDS, list(members))
    ]


async def fold(session: Session, step: Fold) -> bool:
    """Add a step if the ledger is folded up to its first leaf; say whether it was."""
    rows = step.rows
    row = await session.fetch_row(
        _FOLD, step.member, step.first, step.last, step.lost,
        [r.month for r in rows], [r.under for r in rows], [r.request for r in rows],
        [r.count for r in rows], step.kept_from,
    )  # fmt: skip
    return bool(row["moved"])


async def traffic(
    session: Session, member: Member, after: TrafficRow | None, limit: int, under: int | None
) -> list[TrafficRow]:
    """Return rows in the order of month, rules and request, those behind `after` if given."""
    behind = _BEFORE_ALL if after is None else (after.month, after.under, after.request)
    return [
        TrafficRow(
            member=member,
            month=row["month"],
            under=row["under"],
            request=row["request"],
            count=row["count"],
        )
        for row in await session.fetch(_TRAFFIC, member, *behind, limit, under)
    ]
