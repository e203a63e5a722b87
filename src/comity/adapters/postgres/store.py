"""The store on PostgreSQL: the one system of record.

Guarantee: whatever `batch` writes is on disk when its context is left without an error; the
contract is that of `comity.ports.Store`, and tests/contract/ holds it for this and the twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from comity.adapters.postgres import reading
from comity.adapters.postgres.batch import (
    PostgresTransaction,
    lock_heads,
    open_batch,
    read_heads,
)
from comity.adapters.postgres.expiry import expire
from comity.adapters.postgres.rows import result_columns
from comity.adapters.postgres.session import CONNECTIONS_MAX, Pool
from comity.adapters.postgres.statements import CLAIM, SAVE_RESULTS
from comity.domain.ids import ExchangeId, HostName, Member, QueryId
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, encode_frontier
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

__all__ = ["PostgresStore"]

_SAVE_ACKNOWLEDGED: Final = """
    WITH unflushed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO line_position AS p (line, acknowledged)
    SELECT n.line, n.acknowledged
    FROM unnest($1::text[], $2::bigint[]) AS n(line, acknowledged), unflushed
    ON CONFLICT (line) DO UPDATE SET acknowledged = excluded.acknowledged
    WHERE p.acknowledged < excluded.acknowledged"""
_SAVE_CHECKPOINT: Final = """
    INSERT INTO checkpoint (state, size, note) VALUES ($1, $2, $3)
    ON CONFLICT (state, size) DO NOTHING"""


class PostgresStore:
    """The store over one pool of connections."""

    def __init__(self, pool: Pool, *, is_reader: bool = False) -> None:
        self._pool = pool
        self._is_reader = is_reader

    @classmethod
    async def open(
        cls,
        url: str,
        connections_max: int = CONNECTIONS_MAX,
        *,
        members: Sequence[Member] = (),
    ) -> PostgresStore:
        """Return a store; the server need not be there yet.

        `members` makes it a reader, to be opened as the role that only reads: it writes nothing,
        waits for no writer, and sees the rows of these members alone.
        """
        pool = await Pool.open(url, connections_max, states=members)
        return cls(pool, is_reader=bool(members))

    @property
    def pool(self) -> Pool:
        """The connections, for what stands in the same database: the built-in source."""
        return self._pool

    @property
    def losses(self) -> int:
        """How often a connection was lost, as it is when the server crashes."""
        return self._pool.losses

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.close()

    async def claim(self, host: HostName, members: Sequence[Member]) -> dict[Member, int]:
        """Own these ledgers from now on; return the epoch of each (creates missing heads)."""
        async with self._pool.lend() as session:
            rows = await session.fetch(
                CLAIM, sorted(members), EMPTY_ROOT, encode_frontier(EMPTY_FRONTIER), host
            )
        return {Member(row["state"]): int(row["epoch"]) for row in rows}

    def batch(
        self, members: Sequence[Member], keys: Sequence[LeafKey]
    ) -> AbstractAsyncContextManager[PostgresTransaction]:
        """Open a batch transaction.

        Raises on leaving: StoreDownError (nothing persisted), CommitUnknownError; within also
        HeadMovedError and RowRefusedError.
        """
        return open_batch(self._pool, members, keys)

    async def heads(self, members: Sequence[Member]) -> dict[Member, tuple[LedgerHead, bytes]]:
        """Return heads with roots, waiting for a commit in flight (locks the rows).

        Locking rows writes, so that the commit is flushed, here and at a standby, and all that was
        committed before it with it. A reader's does not wait. Raises: StoreDownError,
        HeadMovedError.
        """
        if self._is_reader:
            async with self._pool.lend() as session:
                return await read_heads(session, members)
        async with self._pool.lend() as session:
            await session.execute("BEGIN")
            try:
                heads = await lock_heads(session, members)
                await session.execute("COMMIT")
            except BaseException:
                await session.roll_back()
                raise
        return heads

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last)."""
        async with self._pool.lend() as session:
            return await reading.leaves(session, member, first, last)

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last)."""
        async with self._pool.lend() as session:
            return await reading.leaf_hashes(session, member, first, last)

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last)."""
        async with self._pool.lend() as session:
            return await reading.nodes(session, member, level, (first, last))

    async def private_row(self, member: Member, index: int) -> PrivateRow | None:
        """Return a leaf's private record, or None if it was expunged."""
        async with self._pool.lend() as session:
            return await reading.private_row(session, member, index)

    async def answers(self, keys: Sequence[tuple[ExchangeId, Member]]) -> list[AnswerRow]:
        """Return the stored answers of these exchanges, in step order."""
        async with self._pool.lend() as session:
            return await reading.answers(session, keys)

    async def accepted_frame(self, line: str, frame_no: int) -> AcceptedRow | None:
        """Return the query that a line's frame became, or None."""
        async with self._pool.lend() as session:
            return await reading.accepted_frame(session, line, frame_no)

    async def line_position(self, line: str) -> tuple[int, int, int]:
        """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
        async with self._pool.lend() as session:
            return await reading.line_position(session, line)

    async def open_queries(self, members: Sequence[Member], since: int) -> list[OpenQuery]:
        """Return queries accepted since `since` (Unix seconds) that are not ended."""
        async with self._pool.lend() as session:
            return await reading.open_queries(session, members, since)

    async def save_results(self, rows: Sequence[ResultRow]) -> list[bool]:
        """Write results without waiting for the disk; say for each whether it was new."""
        async with self._pool.lend() as session:
            saved = await session.fetch(SAVE_RESULTS, *result_columns(rows))
        new = {(bytes(row["exchange_id"]), int(row["step"])) for row in saved}
        answers = []
        for row in rows:
            key = (bytes(row.exchange_id), row.step)
            answers.append(key in new)
            new.discard(key)  # the same result twice in one call is new once
        return answers

    async def results_of(self, query_id: QueryId) -> list[ResultRow]:
        """Return the results of one query in step order, then in that of their deliveries."""
        async with self._pool.lend() as session:
            return await reading.results_of(session, query_id)

    async def results_after(self, line: str, number: int, limit: int) -> list[ResultRow]:
        """Return a line's results beyond a delivery number, in order."""
        async with self._pool.lend() as session:
            return await reading.results_after(session, line, number, limit)

    async def save_acknowledged(self, positions: Mapping[str, int]) -> None:
        """Remember up to which delivery each line has acknowledged; never less than before."""
        lines = sorted(positions)
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_ACKNOWLEDGED, lines, [positions[line] for line in lines])

    async def open_holds(
        self, members: Sequence[Member], due_by: int | None = None
    ) -> list[HoldRow]:
        """Return open holds, oldest deadline first."""
        async with self._pool.lend() as session:
            return await reading.open_holds(session, members, due_by)

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        async with self._pool.lend() as session:
            return await reading.open_hold(session, member, leaf_index)

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        async with self._pool.lend() as session:
            return await reading.policies(session, members)

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        async with self._pool.lend() as session:
            return await reading.directory_parts(session)

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again keeps the first note."""
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_CHECKPOINT, row.member, row.size, row.note)

    async def checkpoint(self, member: Member) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger."""
        async with self._pool.lend() as session:
            return await reading.checkpoint(session, member)

    async def expire(self, now: int) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows."""
        return await expire(self._pool, now)

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        async with self._pool.lend() as session:
            return await reading.clock_ns(session) - now_ns
