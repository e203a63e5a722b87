"""Sealed segments: their rows, the turn of whoever seals, and leaves that leave the database.

Guarantee: no statement here deletes a leaf; the function of the migration does, and only those of
a segment that has its row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

from comity.adapters.postgres.session import Pool, Session
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.segment import segment_span
from comity.ledger.tree import hash_leaves
from comity.ports import SegmentRow

__all__ = ["has_leaves", "release_leaves", "restore_leaves", "save_segment", "segments", "turn"]

_SEGMENTS: Final = "SELECT * FROM ledger_segment WHERE state = $1 ORDER BY segment"
_SAVE: Final = """
    INSERT INTO ledger_segment (state, segment, root, sealed_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (state, segment) DO NOTHING"""
_HAS_LEAVES: Final = """
    SELECT EXISTS (SELECT FROM ledger_leaf
        WHERE state = $1 AND leaf_index >= $2 AND leaf_index < $3) AS found"""
_RELEASE: Final = "SELECT ledger_leaves_leave($1, $2) AS gone"
_RESTORE: Final = """
    INSERT INTO ledger_leaf (state, leaf_index, hash, bytes)
    SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::bytea[])
    ON CONFLICT (state, leaf_index) DO NOTHING RETURNING 1"""
_TAKE_TURN: Final = "SELECT pg_try_advisory_lock($1) AS is_ours"
_END_TURN: Final = "SELECT pg_advisory_unlock($1)"


async def segments(session: Session, member: Member) -> list[SegmentRow]:
    """Return a ledger's sealed segments in order."""
    return [
        SegmentRow(
            member=member,
            segment=row["segment"],
            root=bytes(row["root"]),
            sealed_at=row["sealed_at"],
        )
        for row in await session.fetch(_SEGMENTS, member)
    ]


async def save_segment(session: Session, row: SegmentRow) -> None:
    """Keep a sealed segment; the first row of it stays."""
    await session.fetch(_SAVE, row.member, row.segment, row.root, row.sealed_at)


async def has_leaves(session: Session, member: Member, segment: int) -> bool:
    """Say whether a segment has rows."""
    row = await session.fetch_row(_HAS_LEAVES, member, *segment_span(segment))
    return bool(row["found"])


async def release_leaves(session: Session, member: Member, segment: int) -> int:
    """Delete the rows of a sealed segment; return how many. Raises: RowRefusedError."""
    return int((await session.fetch_row(_RELEASE, member, segment))["gone"])


async def restore_leaves(
    session: Session, member: Member, first: int, leaves: Sequence[bytes]
) -> int:
    """Write leaves back that had left; return how many were not here."""
    indexes = list(range(first, first + len(leaves)))
    rows = await session.fetch(_RESTORE, member, indexes, hash_leaves(leaves), list(leaves))
    return len(rows)


@asynccontextmanager
async def turn(pool: Pool, name: str) -> AsyncIterator[bool]:
    """Hold a turn that one session of the database has at a time, or say that another has it."""
    number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    async with pool.lend() as session:
        is_ours = bool((await session.fetch_row(_TAKE_TURN, number))["is_ours"])
        try:
            yield is_ours
        except Exception:
            if is_ours:
                await _end_turn(session, number)
            raise
        except BaseException:
            # The turn ends with its connection: it may not be lent on with it.
            if is_ours:
                session.abandon()
            raise
        if is_ours:
            await session.fetch(_END_TURN, number)


async def _end_turn(session: Session, number: int) -> None:
    """End a turn whose work failed; at once, or with its connection where that cannot be told."""
    try:
        await session.fetch(_END_TURN, number)
    except ComityError:
        session.abandon()
