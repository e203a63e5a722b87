"""The store on PostgreSQL: the one system of record.

Guarantee: whatever `batch` writes is on disk when its context is left without an error; the
contract is that of `comity.ports.Store`, and tests/contract/ holds it for this and the twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from comity.adapters.postgres import keeping, reading, segments
from comity.adapters.postgres.batch import (
    PostgresTransaction,
    lock_heads,
    open_batch,
    read_heads,
)
from comity.adapters.postgres.cutting import (
    PostgresCutting,
    checkpoints_down,
    open_cutting,
    successions,
)
from comity.adapters.postgres.demands import PostgresDemands
from comity.adapters.postgres.desk import PostgresDesk
from comity.adapters.postgres.expiry import expire
from comity.adapters.postgres.protections import PostgresProtections
from comity.adapters.postgres.review import PostgresReviews
from comity.adapters.postgres.rows import result_columns
from comity.adapters.postgres.rules import PostgresRules
from comity.adapters.postgres.session import CONNECTIONS_MAX, Pool
from comity.adapters.postgres.statements import CLAIM, SAVE_FLUSHED, SAVE_RESULTS
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, encode_frontier
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    CheckpointRow,
    CosignatureRow,
    DelayedRow,
    DirectoryRow,
    DocumentRow,
    HeldMonth,
    HelpRow,
    HoldRow,
    KeyEventRow,
    OpenQuery,
    OutageRow,
    PrivateRow,
    ResultRow,
    ResultSpan,
    SegmentRow,
    SuccessionRow,
    UnopenedDetail,
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
_SAVE_COSIGNATURES: Final = """
    INSERT INTO cosignature (state, size, name, key_id, line)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])
    ON CONFLICT (state, size, name, key_id) DO NOTHING"""
_SAVE_OUTAGE: Final = """
    INSERT INTO outage (state, key, kind, since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (state, key) DO UPDATE SET kind = excluded.kind, since = excluded.since"""
_END_OUTAGES: Final = """
    DELETE FROM outage WHERE state = $1 AND ($2::text IS NULL OR key = $2)"""

_SAVE_HELP: Final = """
    INSERT INTO help_file (state, file, body, changed_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (state, file) DO UPDATE
    SET body = excluded.body, changed_by = excluded.changed_by"""


class PostgresStore(
    PostgresDemands, PostgresDesk, PostgresProtections, PostgresReviews, PostgresRules
):
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

    async def ledger_sizes(self, members: Sequence[Member]) -> dict[Member, int]:
        """Return how many leaves ledgers have as last committed, waiting for nobody.

        Raises: StoreDownError, HeadMovedError.
        """
        async with self._pool.lend() as session:
            heads = await read_heads(session, members)
        return {member: head.frontier.size for member, (head, _) in heads.items()}

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

    async def documents(self, member: Member, first: int, last: int) -> list[DocumentRow]:
        """Return the public documents of the leaves of [first, last) that have one, by index."""
        async with self._pool.lend() as session:
            return await reading.documents(session, member, first, last)

    async def withdrawn(self, member: Member, first: int, last: int) -> list[LeafIndex]:
        """Return the leaves of [first, last) that a `redaction` leaf withdrew, in order."""
        async with self._pool.lend() as session:
            return await reading.withdrawn(session, member, first, last)

    async def detail_due(
        self, members: Sequence[Member], by: int, after: DelayedRow | None, limit: int
    ) -> list[DelayedRow]:
        """Return leaves whose sealed detail is to be opened by a time, behind `after`."""
        async with self._pool.lend() as session:
            return await reading.detail_due(session, members, by, after, limit)

    async def unopened_detail(self, member: Member, now: int) -> list[UnopenedDetail]:
        """Return how many of a member's leaves still stand sealed, by the month of their commit."""
        async with self._pool.lend() as session:
            return await reading.unopened_detail(session, member, now)

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

    async def accepted_on(self, line: str, limit: int) -> list[AcceptedRow]:
        """Return the newest queries that a line's frames became, the newest first."""
        async with self._pool.lend() as session:
            return await reading.accepted_on(session, line, limit)

    async def line_position(self, line: str) -> tuple[int, int, int]:
        """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
        async with self._pool.lend() as session:
            return await reading.line_position(session, line)

    async def open_queries(self, members: Sequence[Member], since: int) -> list[OpenQuery]:
        """Return queries accepted since `since` (Unix seconds) that are not ended."""
        async with self._pool.lend() as session:
            return await reading.open_queries(session, members, since)

    async def save_results(
        self, rows: Sequence[ResultRow], *, is_flushed: bool = False
    ) -> list[bool]:
        """Write results, waiting for the disk or not; say for each whether it was new."""
        statement = SAVE_FLUSHED if is_flushed else SAVE_RESULTS
        async with self._pool.lend() as session:
            saved = await session.fetch(statement, *result_columns(rows))
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

    async def accepted_between(
        self, member: Member, ids: tuple[bytes, bytes], limit: int, *, newest_first: bool
    ) -> list[AcceptedRow]:
        """Return a member's queries from an id up to another, exclusive, from the end asked for."""
        async with self._pool.lend() as session:
            return await reading.accepted_between(
                session, member, ids, limit, newest_first=newest_first
            )

    async def results_between(
        self, member: Member, places: ResultSpan, limit: int, *, newest_first: bool
    ) -> list[ResultRow]:
        """Return a member's results between two places, both exclusive, from the end asked for."""
        async with self._pool.lend() as session:
            return await reading.results_between(
                session, member, places, limit, newest_first=newest_first
            )

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

    async def open_holds_after(self, member: Member, leaf_index: int) -> list[HoldRow]:
        """Return a member's open holds whose leaf is beyond one, in the order of leaves."""
        async with self._pool.lend() as session:
            return await reading.open_holds_after(session, member, leaf_index)

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        async with self._pool.lend() as session:
            return await reading.open_hold(session, member, leaf_index)

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        async with self._pool.lend() as session:
            return await reading.directory_parts(session)

    async def outages(self, members: Sequence[Member]) -> list[OutageRow]:
        """Return what members have announced and not taken back, by member and key."""
        async with self._pool.lend() as session:
            return await reading.outages(session, members)

    async def save_outage(self, row: OutageRow) -> None:
        """Keep an announcement in place of the member's earlier one for the same key."""
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_OUTAGE, row.member, row.key, row.kind, row.since)

    async def end_outages(self, member: Member, key: MessageKey | None = None) -> None:
        """Take back what a member has announced: for one key, or all of it."""
        async with self._pool.lend() as session:
            await session.fetch(_END_OUTAGES, member, key)

    async def directory_versions(self, member: Member, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return the versions of a member's part with their leaves, the newest first."""
        async with self._pool.lend() as session:
            return await reading.directory_versions(session, member, limit)

    async def directory_part(self, member: Member, version: int) -> DirectoryRow | None:
        """Return one version of a member's part, or None."""
        async with self._pool.lend() as session:
            return await reading.directory_part(session, member, version)

    async def help_file(self, member: Member, file: str) -> HelpRow | None:
        """Return a member's help file, or None if it was never written."""
        async with self._pool.lend() as session:
            return await reading.help_file(session, member, file)

    async def save_help(self, row: HelpRow) -> None:
        """Keep a help file in place of what it was; on the disk when this returns."""
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_HELP, row.member, row.file, row.text, row.changed_by)

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again keeps the first note."""
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_CHECKPOINT, row.member, row.size, row.note)

    async def checkpoint(self, member: Member, size: int | None = None) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger, or the one of a size."""
        async with self._pool.lend() as session:
            return next(iter(await reading.checkpoints(session, [member], size)), None)

    async def checkpoints(self, members: Sequence[Member]) -> list[CheckpointRow]:
        """Return the newest public checkpoint of each ledger that has one, by member."""
        async with self._pool.lend() as session:
            return await reading.checkpoints(session, members)

    async def checkpoints_down(self, member: Member, limit: int) -> list[CheckpointRow]:
        """Return a ledger's public checkpoints, the largest first."""
        async with self._pool.lend() as session:
            return await checkpoints_down(session, member, limit)

    def cutting(self, member: Member) -> AbstractAsyncContextManager[PostgresCutting]:
        """Open a transaction that may cut a ledger. Raises as `batch` does."""
        return open_cutting(self._pool, member)

    async def successions(self, member: Member) -> list[SuccessionRow]:
        """Return a member's successions, the latest first."""
        async with self._pool.lend() as session:
            return await successions(session, member)

    async def save_cosignatures(self, rows: Sequence[CosignatureRow]) -> None:
        """Keep witnesses' lines; of one witness and checkpoint the first one stays."""
        places = [row.member for row in rows], [row.size for row in rows]
        lines = [row.name for row in rows], [row.key_id for row in rows], [r.line for r in rows]
        async with self._pool.lend() as session:
            await session.fetch(_SAVE_COSIGNATURES, *places, *lines)

    async def key_events(self, member: Member) -> list[KeyEventRow]:
        """Return the key events of a member, in the order of their leaves."""
        async with self._pool.lend() as session:
            return await keeping.key_events(session, member)

    async def save_done(self, member: Member, leaf_index: int) -> None:
        """Remember that what a key event says was carried out."""
        async with self._pool.lend() as session:
            await keeping.save_done(session, member, leaf_index)

    async def erase(self, member: Member, leaf_index: int) -> bool:
        """Erase the bytes of a withdrawn leaf; say whether there was one. Its hash stays."""
        return await keeping.erase(self._pool, member, leaf_index)

    async def expunge(self, member: Member, leaf_index: int) -> int:
        """Delete a leaf's private record and what its exchange left beside it; return the rows."""
        return await keeping.expunge(self._pool, member, leaf_index)

    async def open_exchange(self, member: Member, leaf_index: int) -> bool:
        """Say whether a leaf's exchange is open: a hold that waits, a query without its end."""
        async with self._pool.lend() as session:
            return await keeping.open_exchange(session, member, leaf_index)

    async def segments(self, member: Member) -> list[SegmentRow]:
        """Return a ledger's sealed segments in order."""
        async with self._pool.lend() as session:
            return await segments.segments(session, member)

    async def save_segment(self, row: SegmentRow) -> None:
        """Keep a sealed segment; the first row of it stays."""
        async with self._pool.lend() as session:
            await segments.save_segment(session, row)

    async def has_leaves(self, member: Member, segment: int) -> bool:
        """Say whether leaves of a segment are here."""
        async with self._pool.lend() as session:
            return await segments.has_leaves(session, member, segment)

    async def release_leaves(self, member: Member, segment: int) -> int:
        """Delete the leaves of a sealed segment; return how many. Raises: RowRefusedError."""
        async with self._pool.lend() as session:
            return await segments.release_leaves(session, member, segment)

    async def restore_leaves(self, member: Member, first: int, leaves: Sequence[bytes]) -> int:
        """Write leaves of a sealed segment back that had left; return how many were not here."""
        async with self._pool.lend() as session:
            return await segments.restore_leaves(session, member, first, leaves)

    def turn(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold a turn that one process has at a time; yields False if another has it."""
        return segments.turn(self._pool, name)

    async def expire(self, now: int, held: Sequence[HeldMonth]) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows."""
        return await expire(self._pool, now, held)

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        async with self._pool.lend() as session:
            return await reading.clock_ns(session) - now_ns
