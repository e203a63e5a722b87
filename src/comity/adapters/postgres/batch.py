"""The batch transaction: heads locked in state order, keys read under the lock, one write, commit.

Guarantee: what is lost before COMMIT was sent is a StoreDownError, and nothing persisted; what goes
wrong from then on is a CommitUnknownError, whatever the server said, because a commit may persist
whose acknowledgement is an error (a standby's wait cut short, a shutdown after the flush).
Source: docs/adr/0003-batch-transaction.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from comity.adapters.errors import RowRefusedError
from comity.adapters.postgres.rows import batch_columns, hold_change_columns, hold_columns
from comity.adapters.postgres.session import Pool, Session
from comity.adapters.postgres.statements import (
    CHANGE_HOLDS,
    HOLD,
    LOCK_HEADS,
    READ_HEADS,
    READ_KEYS,
    WRITE_BATCH,
    insert,
)
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ledger.tree import decode_frontier
from comity.ports import BatchWrite, CommitUnknownError, HeadMovedError, StoreDownError

__all__ = ["PostgresTransaction", "lock_heads", "open_batch", "read_heads"]

_ADD_HOLDS = insert(HOLD)
_ADD_POLICIES = (
    "INSERT INTO policy (state, leaf_index, digest, body)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[])"
)
_ADD_DIRECTORY = (
    "INSERT INTO directory (state, leaf_index, version, body, signature)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])"
)


async def lock_heads(
    session: Session, members: Sequence[Member]
) -> dict[Member, tuple[LedgerHead, bytes]]:
    """Lock heads in state order and return them with their roots, once no other holds them.

    Raises: StoreDownError; HeadMovedError if a ledger has no head, because no host has claimed it.
    """
    return await _heads(session, LOCK_HEADS, members)


async def read_heads(
    session: Session, members: Sequence[Member]
) -> dict[Member, tuple[LedgerHead, bytes]]:
    """Return heads with their roots as last committed. Raises: as `lock_heads`."""
    return await _heads(session, READ_HEADS, members)


async def _heads(
    session: Session, statement: str, members: Sequence[Member]
) -> dict[Member, tuple[LedgerHead, bytes]]:
    rows = await session.fetch(statement, members)
    heads = {
        Member(row["state"]): (
            LedgerHead(frontier=decode_frontier(row["frontier"]), policy=row["policy"]),
            bytes(row["root"]),
        )
        for row in rows
    }
    missing = sorted(set(members) - heads.keys())
    if missing:
        raise HeadMovedError(missing)
    return heads


class PostgresTransaction:
    """One open batch transaction."""

    def __init__(
        self,
        session: Session,
        heads: Mapping[Member, LedgerHead],
        existing: Mapping[LeafKey, LeafIndex],
    ) -> None:
        self._session = session
        self._heads = heads
        self._existing = existing
        self.has_written = False

    @property
    def heads(self) -> Mapping[Member, LedgerHead]:
        """The heads of the batch's members, as of the lock."""
        return self._heads

    @property
    def existing(self) -> Mapping[LeafKey, LeafIndex]:
        """Those of the batch's keys that have a leaf."""
        return self._existing

    async def write(self, batch: BatchWrite) -> None:
        """Write the batch. Raises: HeadMovedError, StoreDownError, RowRefusedError."""
        self.has_written = True
        moved = await self._session.fetch(WRITE_BATCH, *batch_columns(batch))
        if len(moved) != len(batch.heads):
            written = {row["state"] for row in moved}
            raise HeadMovedError([h.member for h in batch.heads if h.member not in written])
        await self._write_rarer(batch)

    async def _write_rarer(self, batch: BatchWrite) -> None:
        """Write what an ordinary batch does not have."""
        if batch.holds:
            await self._session.fetch(_ADD_HOLDS, *hold_columns(batch.holds))
        if batch.hold_changes:
            columns = hold_change_columns(batch.hold_changes)
            changed = await self._session.fetch(CHANGE_HOLDS, *columns)
            if len(changed) != len(batch.hold_changes):
                raise RowRefusedError("a hold that the batch changes is not open")
        if batch.policies:
            policies = [(r.member, r.leaf_index, r.digest, r.body) for r in batch.policies]
            await self._session.fetch(_ADD_POLICIES, *_columns(policies))
        if batch.directory:
            parts = [
                (r.member, r.leaf_index, r.version, r.body, r.signature) for r in batch.directory
            ]
            await self._session.fetch(_ADD_DIRECTORY, *_columns(parts))


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


@asynccontextmanager
async def open_batch(
    pool: Pool, members: Sequence[Member], keys: Sequence[LeafKey]
) -> AsyncIterator[PostgresTransaction]:
    """Open a batch transaction; leaving it commits what was written, an error rolls back.

    Raises: StoreDownError, CommitUnknownError, HeadMovedError, RowRefusedError.
    """
    async with pool.lend() as session:
        await session.execute("BEGIN")
        try:
            locked = await lock_heads(session, members)
            heads = {member: head for member, (head, _) in locked.items()}
            transaction = PostgresTransaction(session, heads, await _existing(session, keys))
            yield transaction
        except BaseException:
            await session.roll_back()
            raise
        if transaction.has_written:
            await _commit(session)
        else:
            await session.roll_back()


async def _existing(session: Session, keys: Sequence[LeafKey]) -> dict[LeafKey, LeafIndex]:
    wanted = set(keys)
    rows = await session.fetch(READ_KEYS, [exchange_id for exchange_id, _, _ in keys])
    found = {
        (bytes(row["exchange_id"]), Member(row["state"]), int(row["step"])): row["leaf_index"]
        for row in rows
    }
    return {key: LeafIndex(index) for key, index in found.items() if key in wanted}


async def _commit(session: Session) -> None:
    try:
        said = await session.commit()
    except ComityError as error:
        session.abandon()
        raise CommitUnknownError("the answer to a commit was lost") from error
    except BaseException:
        session.abandon()
        raise
    if said == "ROLLBACK":
        raise StoreDownError("the store rolled the batch back")
    if said != "COMMIT":
        # Committed here; whether a standby has it is not known until the heads say so.
        raise CommitUnknownError(f"the store committed with warning `{said}`")
