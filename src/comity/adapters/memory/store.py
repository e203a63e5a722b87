"""The store in memory, with the faults that a database has, set by whoever tests with it.

Guarantee: the contract of `comity.ports.Store`, as tests/contract/ holds it for this and for
PostgreSQL. The object is the disk: a host that crashes and starts again is given the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from enum import StrEnum

import msgspec

from comity.adapters.limits import KEPT_DAYS
from comity.adapters.memory.tables import HeadRow, Tables
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    Clock,
    CommitUnknownError,
    DirectoryRow,
    HeadMovedError,
    HoldRow,
    OpenQuery,
    PolicyRow,
    PrivateRow,
    ResultRow,
    StoreDownError,
)

__all__ = ["CommitFault", "MemoryStore", "MemoryTransaction"]


class CommitFault(StrEnum):
    """What goes wrong with the next commit."""

    FAILED = "failed"  # refused before the commit: nothing persisted, and the caller knows
    LOST = "lost"  # the connection was cut: nothing persisted, and the caller does not know
    PERSISTED = "persisted"  # the connection was cut: it persisted, and the caller does not know


class MemoryTransaction:
    """One open batch transaction; `staged` is what it will write."""

    def __init__(
        self,
        tables: Tables,
        heads: Mapping[Member, LedgerHead],
        existing: Mapping[LeafKey, LeafIndex],
    ) -> None:
        self._tables = tables
        self._heads = heads
        self._existing = existing
        self.staged: BatchWrite | None = None

    @property
    def heads(self) -> Mapping[Member, LedgerHead]:
        """The heads of the batch's members, as of the lock."""
        return self._heads

    @property
    def existing(self) -> Mapping[LeafKey, LeafIndex]:
        """Those of the batch's keys that have a leaf."""
        return self._existing

    async def write(self, batch: BatchWrite) -> None:
        """Write the batch. Raises: HeadMovedError, RowRefusedError."""
        assert self.staged is None, "a batch is written once"
        await asyncio.sleep(0)
        self._tables.check(batch)
        self.staged = batch


class MemoryStore:
    """The store of a test or a simulated network.

    `is_down` makes every call fail, each time a loss; `commit_fault` is taken by the next commit
    that writes. `clock_ahead_ns` sets the store's clock against the one it was given.
    """

    def __init__(self, clock: Clock) -> None:
        self.tables = Tables()
        self.is_down = False
        self.losses = 0
        self.commit_fault: CommitFault | None = None
        self.clock_ahead_ns = 0
        self._clock = clock
        self._locks: dict[Member, asyncio.Lock] = {}

    async def _reach(self) -> Tables:
        """Let others run, as a round trip would. Raises: StoreDownError."""
        await asyncio.sleep(0)
        if self.is_down:
            self.losses += 1
            raise StoreDownError("the store cannot be reached")
        return self.tables

    async def claim(self, host: HostName, members: Sequence[Member]) -> dict[Member, int]:
        """Own these ledgers from now on; return the epoch of each (creates missing heads)."""
        tables = await self._reach()
        async with self._locked(members):
            for member in members:
                head = tables.heads.get(member, HeadRow(host=host, epoch=0))
                tables.heads[member] = msgspec.structs.replace(
                    head, host=host, epoch=head.epoch + 1
                )
            return {member: tables.heads[member].epoch for member in members}

    @asynccontextmanager
    async def _locked(self, members: Iterable[Member]) -> AsyncIterator[None]:
        """Hold the locks of heads, taken in state order so that no two wait for each other."""
        async with AsyncExitStack() as stack:
            for member in sorted(set(members)):
                lock = self._locks.setdefault(member, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    def batch(
        self, members: Sequence[Member], keys: Sequence[LeafKey]
    ) -> AbstractAsyncContextManager[MemoryTransaction]:
        """Open a batch transaction. Raises as the port says, and RowRefusedError."""
        return self._batch(members, keys)

    @asynccontextmanager
    async def _batch(
        self, members: Sequence[Member], keys: Sequence[LeafKey]
    ) -> AsyncIterator[MemoryTransaction]:
        tables = await self._reach()
        async with self._locked(members):
            heads = {m: head for m, (head, _) in self._heads_of(members).items()}
            existing = {key: tables.keys[key] for key in keys if key in tables.keys}
            transaction = MemoryTransaction(tables, heads, existing)
            yield transaction
            if transaction.staged is not None:
                await self._commit(transaction.staged)

    async def _commit(self, batch: BatchWrite) -> None:
        fault, self.commit_fault = self.commit_fault, None
        await asyncio.sleep(0)
        if self.is_down or fault is CommitFault.FAILED:
            raise StoreDownError("the store failed before the commit")
        if fault is not CommitFault.LOST:
            # Again: what has no lock, such as a line's frame, may have been written meanwhile.
            self.tables.check(batch)
            self.tables.apply(batch)
        if fault is not None:
            raise CommitUnknownError("the answer to a commit was lost")

    def _heads_of(self, members: Sequence[Member]) -> dict[Member, tuple[LedgerHead, bytes]]:
        missing = sorted(set(members) - self.tables.heads.keys())
        if missing:
            raise HeadMovedError(missing)
        found = self.tables.heads
        return {member: (found[member].head, found[member].root) for member in members}

    async def heads(self, members: Sequence[Member]) -> dict[Member, tuple[LedgerHead, bytes]]:
        """Return heads with roots, waiting for a commit in flight."""
        await self._reach()
        async with self._locked(members):
            return self._heads_of(members)

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last)."""
        tables = await self._reach()
        return [data for data, _ in tables.leaves.get(member, [])[first:last]]

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last)."""
        tables = await self._reach()
        return [leaf_hash for _, leaf_hash in tables.leaves.get(member, [])[first:last]]

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last)."""
        tables = await self._reach()
        places = ((member, level, index) for index in range(first, last))
        return [tables.nodes[place] for place in places if place in tables.nodes]

    async def private_row(self, member: Member, index: int) -> PrivateRow | None:
        """Return a leaf's private record, or None if it was expunged."""
        tables = await self._reach()
        return tables.private.get((member, index))

    async def answers(self, keys: Sequence[tuple[ExchangeId, Member]]) -> list[AnswerRow]:
        """Return the stored answers of these exchanges, in step order."""
        tables = await self._reach()
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        rows = [r for r in tables.answers.values() if (r.exchange_id, r.member) in places]
        return sorted(rows, key=lambda r: (places[r.exchange_id, r.member], r.step))

    async def accepted_frame(self, line: str, frame_no: int) -> AcceptedRow | None:
        """Return the query that a line's frame became, or None."""
        tables = await self._reach()
        query_id = tables.frames.get((line, frame_no))
        return None if query_id is None else tables.accepted[query_id]

    async def line_position(self, line: str) -> tuple[int, int, int]:
        """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
        tables = await self._reach()
        frame, delivery = tables.gone.get(line, (0, 0))
        frames = [number for name, number in tables.frames if name == line]
        made = [row.number for row in tables.results.values() if row.line == line]
        acknowledged = tables.acknowledged.get(line, 0)
        return max([frame, *frames]), max([delivery, *made]), acknowledged

    async def open_queries(self, members: Sequence[Member], since: int) -> list[OpenQuery]:
        """Return queries accepted since `since` (Unix seconds) that are not ended."""
        tables = await self._reach()
        results: dict[QueryId, list[ResultRow]] = {}
        for row in tables.results.values():
            results.setdefault(row.query_id, []).append(row)
        found = []
        for query_id, accepted in sorted(tables.accepted.items()):
            rows = sorted(results.get(query_id, []), key=_in_step_order)
            ended = len({row.exchange_id for row in rows if row.is_final})
            is_asked = accepted.member in members and accepted.accepted_at >= since
            if is_asked and ended < accepted.exchange_count:
                found.append(OpenQuery(accepted=accepted, results=tuple(rows)))
        return found

    async def save_results(self, rows: Sequence[ResultRow]) -> list[bool]:
        """Write results; say for each whether it was new."""
        tables = await self._reach()
        answers = []
        for row in rows:
            key = (row.exchange_id, row.step)
            answers.append(key not in tables.results)
            tables.results.setdefault(key, row)
        return answers

    async def results_of(self, query_id: QueryId) -> list[ResultRow]:
        """Return the results of one query in step order, then in that of their deliveries."""
        tables = await self._reach()
        rows = [row for row in tables.results.values() if row.query_id == query_id]
        return sorted(rows, key=_in_step_order)

    async def results_after(self, line: str, number: int, limit: int) -> list[ResultRow]:
        """Return a line's results beyond a delivery number, in order."""
        tables = await self._reach()
        rows = [r for r in tables.results.values() if r.line == line and r.number > number]
        return sorted(rows, key=lambda row: row.number)[:limit]

    async def save_acknowledged(self, positions: Mapping[str, int]) -> None:
        """Remember up to which delivery each line has acknowledged; never less than before."""
        tables = await self._reach()
        for line, number in positions.items():
            tables.acknowledged[line] = max(number, tables.acknowledged.get(line, number))

    async def open_holds(
        self, members: Sequence[Member], due_by: int | None = None
    ) -> list[HoldRow]:
        """Return open holds, oldest deadline first."""
        tables = await self._reach()
        rows = [
            row
            for place, row in tables.holds.items()
            if row.member in members and place not in tables.closed_holds
            if due_by is None or row.until <= due_by
        ]
        return sorted(rows, key=lambda row: (row.until, row.member, row.leaf_index))

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        tables = await self._reach()
        place = (member, leaf_index)
        return None if place in tables.closed_holds else tables.holds.get(place)

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        tables = await self._reach()
        heads = {m: tables.heads[m] for m in sorted(set(members)) if m in tables.heads}
        places = [(member, head.policy) for member, head in heads.items()]
        return [tables.policies[place] for place in places if place in tables.policies]

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        tables = await self._reach()
        newest = {row.member: row for _, row in sorted(tables.directory.items())}
        return list(newest.values())

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again keeps the first note."""
        tables = await self._reach()
        tables.checkpoints.setdefault((row.member, row.size), row)

    async def checkpoint(self, member: Member) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger."""
        tables = await self._reach()
        sizes = [size for name, size in tables.checkpoints if name == member]
        return tables.checkpoints[member, max(sizes)] if sizes else None

    async def expire(self, now: int) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows."""
        tables = await self._reach()
        return tables.expire(max(0, now - KEPT_DAYS * 86_400) * 1_000_000_000)

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        await self._reach()
        return self._clock.now_ns() + self.clock_ahead_ns - now_ns


def _in_step_order(row: ResultRow) -> tuple[int, int]:
    return row.step, row.number
