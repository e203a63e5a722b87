"""The register of demands in PostgreSQL: a row with its leaf, one act after another, ended once.

Guarantee: a change that finds its row otherwise than it was made for fails the batch, so that no
leaf stands that the rows contradict. Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from comity.adapters.errors import RowRefusedError
from comity.adapters.postgres.session import Pool, Session
from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import Instrument
from comity.ports import (
    BatchWrite,
    DemandChange,
    DemandCount,
    DemandRow,
    NewDuty,
    Sealed,
)

__all__ = ["PostgresDemands", "cut_demands", "demand_of", "write_demands"]

_OPEN: Final = """
    SELECT * FROM demand WHERE state = ANY($1::text[]) AND ended_by IS NULL
    ORDER BY answer_by, state COLLATE "C", leaf_index LIMIT $2"""
_ENDED: Final = """
    SELECT * FROM demand WHERE state = $1 AND ended_by IS NOT NULL
    ORDER BY leaf_index DESC LIMIT $2"""
_ONE: Final = "SELECT * FROM demand WHERE state = $1 AND leaf_index = $2"
_COUNTS: Final = """
    SELECT kind, count(*) AS count, count(*) FILTER (WHERE ended_by IS NULL) AS open
    FROM demand WHERE state = $1 GROUP BY kind ORDER BY kind COLLATE "C" """
_ADD: Final = """
    INSERT INTO demand (state, leaf_index, demand_id, kind, answer_by, warned, acts, handed,
        ended_by, key_month, nonce, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""
_CHANGE: Final = """
    UPDATE demand SET acts = acts + 1, answer_by = $4,
        warned = CASE WHEN answer_by = $4 THEN warned ELSE 0 END,
        handed = CASE WHEN $5::bigint IS NULL THEN handed ELSE handed || $5::bigint END,
        ended_by = $6, key_month = $7, nonce = $8, body = $9
    WHERE state = $1 AND leaf_index = $2 AND acts = $3 AND ended_by IS NULL
    RETURNING leaf_index"""
_WARN: Final = """
    WITH warned AS (
        UPDATE demand SET warned = $3
        WHERE state = $1 AND leaf_index = $2 AND warned < $3 AND answer_by = $4
            AND ended_by IS NULL
        RETURNING state, leaf_index
    ), owed AS (
        INSERT INTO duty (state, leaf_index, kind, made_at, about)
        SELECT state, leaf_index, $5, $6, $7 FROM warned
    )
    SELECT count(*) AS warned FROM warned"""
# What was handed over stays told; its leaf is gone, and so is the one that ended it.
_CUT: Final = (
    "DELETE FROM demand WHERE state = $1 AND leaf_index >= $2",
    "UPDATE demand SET ended_by = NULL WHERE state = $1 AND ended_by >= $2",
    """UPDATE demand SET handed = ARRAY(
        SELECT CASE WHEN h < $2 THEN h END FROM unnest(handed) WITH ORDINALITY AS u(h, n)
        ORDER BY n)
    WHERE state = $1 AND $2 <= ANY (handed)""",
)


async def write_demands(session: Session, batch: BatchWrite) -> None:
    """Write what a batch has of demands. Raises: RowRefusedError, StoreDownError."""
    # A few in a year: each by itself.
    for row in batch.demands:
        await session.fetch(
            _ADD,
            row.member,
            row.leaf_index,
            row.demand_id,
            row.kind.value,
            row.answer_by,
            row.warned,
            row.acts,
            list(row.handed),
            row.ended_by,
            *_columns(row.sealed),
        )
    for change in batch.demand_changes:
        await _change(session, change)


async def cut_demands(session: Session, member: Member, first: int) -> None:
    """Delete what stands at a leaf or beyond it, before the ledger is cut there.

    One that ended there is open again: whoever ended it does so anew.
    """
    for statement in _CUT:
        await session.fetch(statement, member, first)


def demand_of(row: Any) -> DemandRow:
    """Return a row as the port has it."""
    return DemandRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        demand_id=row["demand_id"],
        kind=Instrument(row["kind"]),
        answer_by=row["answer_by"],
        warned=row["warned"],
        acts=row["acts"],
        handed=tuple(map(_index, row["handed"])),
        ended_by=_index(row["ended_by"]),
        sealed=Sealed(key_number=row["key_month"], nonce=row["nonce"], body=row["body"]),
    )


class PostgresDemands:
    """What `DemandStore` asks, over the store's connections."""

    _pool: Pool

    async def open_demands(self, members: Collection[Member], limit: int) -> list[DemandRow]:
        """Return demands that have not ended, the next answer first, then by member and leaf."""
        async with self._pool.lend() as session:
            return [demand_of(row) for row in await session.fetch(_OPEN, list(members), limit)]

    async def ended_demands(self, member: Member, limit: int) -> list[DemandRow]:
        """Return a member's demands that have ended, the newest first."""
        async with self._pool.lend() as session:
            return [demand_of(row) for row in await session.fetch(_ENDED, member, limit)]

    async def demand(self, member: Member, leaf_index: int) -> DemandRow | None:
        """Return one demand by its leaf, open or not."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_ONE, member, leaf_index)
        return demand_of(rows[0]) if rows else None

    async def demand_counts(self, member: Member) -> list[DemandCount]:
        """Return how many demands of each kind came, by kind."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_COUNTS, member)
        return [
            DemandCount(kind=Instrument(row["kind"]), count=row["count"], open=row["open"])
            for row in rows
        ]

    async def change_demand(self, change: DemandChange) -> None:
        """Keep an act that has no leaf. Raises: RowRefusedError if the demand is not as thought."""
        async with self._pool.lend() as session:
            await _change(session, change)

    async def warn_demand(self, row: DemandRow, warned: int, duty: NewDuty) -> bool:
        """Owe a warning of an open demand, once; say whether it was not owed before."""
        place = (row.member, row.leaf_index, warned, row.answer_by)
        async with self._pool.lend() as session:
            done = await session.fetch_row(_WARN, *place, duty.kind, duty.made_at, duty.about)
        return bool(done["warned"])


async def _change(session: Session, change: DemandChange) -> None:
    done = await session.fetch(
        _CHANGE,
        change.member,
        change.leaf_index,
        change.acts,
        change.answer_by,
        change.handed_by,
        change.ended_by,
        *_columns(change.sealed),
    )
    if not done:
        raise RowRefusedError("a demand that is acted on has ended, moved on, or is none")


def _index(value: int | None) -> LeafIndex | None:
    return None if value is None else LeafIndex(value)


def _columns(sealed: Sealed) -> tuple[int, bytes, bytes]:
    return sealed.key_number, sealed.nonce, sealed.body
