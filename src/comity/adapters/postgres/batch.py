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
from comity.adapters.postgres import duties
from comity.adapters.postgres.budgets import add_counted
from comity.adapters.postgres.demands import write_demands
from comity.adapters.postgres.desk import add_desk_days
from comity.adapters.postgres.review import write_reviews
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

__all__ = ["PostgresTransaction", "commit", "lock_heads", "open_batch", "read_heads"]

_ADD_HOLDS = insert(HOLD)
_ADD_POLICIES = (
    "INSERT INTO policy (state, leaf_index, digest, body)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[])"
)
_ADD_DOCUMENTS = (
    "INSERT INTO ledger_document (state, leaf_index, body)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])"
)
_ADD_SHADOWS = (
    "INSERT INTO policy_shadow (state, leaf_index, since)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])"
)
_ADD_DELAYED = (
    "INSERT INTO delayed_detail (state, leaf_index, made_month, opens_at)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::int[], $4::bigint[])"
)
_OPEN_DELAYED = (
    "UPDATE delayed_detail d SET is_open = true"
    " FROM unnest($1::text[], $2::bigint[]) AS n(state, leaf_index)"
    " WHERE d.state = n.state AND d.leaf_index = n.leaf_index AND NOT d.is_open"
    " RETURNING d.leaf_index"
)
_ADD_KEY_EVENTS = (
    "INSERT INTO key_event (state, leaf_index) SELECT * FROM unnest($1::text[], $2::bigint[])"
)
_ADD_REDACTIONS = (
    "INSERT INTO ledger_redaction (state, leaf_index, named_by)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])"
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
        if batch.counted:
            await add_counted(self._session, batch.counted)
        if batch.desk_days:
            await add_desk_days(self._session, batch.desk_days)
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
        if batch.documents:
            documents = [(r.member, r.leaf_index, r.body) for r in batch.documents]
            await self._session.fetch(_ADD_DOCUMENTS, *_columns(documents))
        if batch.shadows:
            await self._session.fetch(_ADD_SHADOWS, *_columns(batch.shadows))
        if batch.duties:
            await duties.add(self._session, batch.duties)
        await self._write_detail(batch)
        await write_reviews(self._session, batch)
        await write_demands(self._session, batch)
        if batch.key_events:
            await self._session.fetch(_ADD_KEY_EVENTS, *_columns(batch.key_events))
        if batch.redactions:
            withdrawn = [(r.member, r.leaf_index, r.named_by) for r in batch.redactions]
            await self._session.fetch(_ADD_REDACTIONS, *_columns(withdrawn))
        if batch.directory:
            parts = [
                (r.member, r.leaf_index, r.version, r.body, r.signature) for r in batch.directory
            ]
            await self._session.fetch(_ADD_DIRECTORY, *_columns(parts))

    async def _write_detail(self, batch: BatchWrite) -> None:
        if batch.delayed:
            rows = [(r.member, r.leaf_index, r.made_month, r.opens_at) for r in batch.delayed]
            await self._session.fetch(_ADD_DELAYED, *_columns(rows))
        if batch.revealed:
            opened = await self._session.fetch(_OPEN_DELAYED, *_columns(batch.revealed))
            if len(opened) != len(batch.revealed):
                raise RowRefusedError("detail that the batch opens is not sealed")


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
            await commit(session)
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


async def commit(session: Session) -> None:
    """Commit. Raises: StoreDownError if it was rolled back, CommitUnknownError."""
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
