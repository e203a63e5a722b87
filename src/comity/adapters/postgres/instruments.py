"""Instruments in PostgreSQL: registered, verified once, used while they stand, revoked once.

Guarantee: a change that finds its row otherwise than it was made for fails the batch, so that no
leaf stands that the rows contradict. Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from comity.adapters.errors import RowRefusedError
from comity.adapters.postgres.session import Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import BatchWrite, InstrumentRow, Sealed

__all__ = [
    "ONE_INSTRUMENT",
    "STANDING_INSTRUMENTS",
    "cut_instruments",
    "instrument_of",
    "write_instruments",
]

STANDING_INSTRUMENTS: Final = """
    SELECT * FROM instrument
    WHERE state = ANY($1::text[]) AND revoked_by IS NULL AND until > $2
    ORDER BY state COLLATE "C", leaf_index"""
ONE_INSTRUMENT: Final = "SELECT * FROM instrument WHERE state = $1 AND leaf_index = $2"
_ADD: Final = """
    INSERT INTO instrument (state, leaf_index, instrument_id, until, key_month, nonce, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_VERIFY: Final = """
    UPDATE instrument SET verified_by = $3, key_month = $4, nonce = $5, body = $6
    WHERE state = $1 AND leaf_index = $2 AND verified_by IS NULL AND revoked_by IS NULL
    RETURNING leaf_index"""
_USE: Final = """
    UPDATE instrument SET uses = uses + $3
    WHERE state = $1 AND leaf_index = $2 AND verified_by IS NOT NULL AND revoked_by IS NULL
    RETURNING leaf_index"""
_REVOKE: Final = """
    UPDATE instrument SET revoked_by = $3
    WHERE state = $1 AND leaf_index = $2 AND revoked_by IS NULL
    RETURNING leaf_index"""
# What a cut verification said is gone with its leaf: without it the instrument covers nothing.
_CUT: Final = (
    "DELETE FROM instrument WHERE state = $1 AND leaf_index >= $2",
    "UPDATE instrument SET verified_by = NULL WHERE state = $1 AND verified_by >= $2",
)


async def write_instruments(session: Session, batch: BatchWrite) -> None:
    """Write what a batch has of instruments: verified first, then used, then revoked.

    Raises: RowRefusedError, StoreDownError.
    """
    # A few in a day: each by itself.
    for row in batch.instruments:
        place = (row.member, row.leaf_index, row.instrument_id, row.until)
        await session.fetch(_ADD, *place, *_columns(row.sealed))
    uses: Counter[tuple[Member, LeafIndex]] = Counter()
    for change in batch.instrument_changes:
        at = (change.member, change.leaf_index)
        if change.sealed is not None:
            done = await session.fetch(_VERIFY, *at, change.verified_by, *_columns(change.sealed))
            _expect(done, "an instrument that the batch verifies is verified or revoked")
        elif change.revoked_by is None:
            uses[at] += 1
    for at, count in uses.items():
        done = await session.fetch(_USE, *at, count)
        _expect(done, "an instrument that the batch uses does not stand")
    for change in batch.instrument_changes:
        if change.revoked_by is not None:
            at = (change.member, change.leaf_index)
            done = await session.fetch(_REVOKE, *at, change.revoked_by)
            _expect(done, "an instrument that the batch revokes is revoked, or is none")


async def cut_instruments(session: Session, member: Member, first: int) -> None:
    """Delete what stands at a leaf or beyond it, before the ledger is cut there.

    One that was revoked stays revoked: who ended it does not wait for a leaf.
    """
    for statement in _CUT:
        await session.fetch(statement, member, first)


def instrument_of(row: Any) -> InstrumentRow:
    """Return a row as the port has it."""
    return InstrumentRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        instrument_id=row["instrument_id"],
        until=row["until"],
        uses=row["uses"],
        verified_by=_index(row["verified_by"]),
        revoked_by=_index(row["revoked_by"]),
        sealed=Sealed(key_number=row["key_month"], nonce=row["nonce"], body=row["body"]),
    )


def _index(value: int | None) -> LeafIndex | None:
    return None if value is None else LeafIndex(value)


def _columns(sealed: Sealed) -> tuple[int, bytes, bytes]:
    return sealed.key_number, sealed.nonce, sealed.body


def _expect(done: object, otherwise: str) -> None:
    if not done:
        raise RowRefusedError(otherwise)
