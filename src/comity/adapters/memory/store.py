"""The store in memory, with the faults that a database has, set by whoever tests with it.

Guarantee: the contract of `comity.ports.Store`, as tests/contract/ holds it for this and for
PostgreSQL. The object is the disk: a host that crashes and starts again is given the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from enum import StrEnum

import msgspec

from comity.adapters.memory.budgets import MemoryBudgets
from comity.adapters.memory.cutting import MemoryCutting
from comity.adapters.memory.demands import MemoryDemands
from comity.adapters.memory.desk import MemoryDesk
from comity.adapters.memory.duties import MemoryDuties
from comity.adapters.memory.freezing import MemoryFreezing
from comity.adapters.memory.keeping import MemoryKeeping
from comity.adapters.memory.policies import MemoryPolicies
from comity.adapters.memory.protections import MemoryProtections
from comity.adapters.memory.review import MemoryReviews
from comity.adapters.memory.segments import MemorySegments
from comity.adapters.memory.tables import HeadRow, Tables
from comity.adapters.memory.traffic import MemoryTraffic
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    Clock,
    CommitUnknownError,
    CosignatureRow,
    DelayedRow,
    DirectoryRow,
    DocumentRow,
    HeadMovedError,
    HelpRow,
    HoldRow,
    OpenQuery,
    OutageRow,
    PrivateRow,
    ResultRow,
    ResultSpan,
    StoreDownError,
    SuccessionRow,
    UnopenedDetail,
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


class MemoryStore(
    MemoryBudgets,
    MemoryDesk,
    MemoryDemands,
    MemoryDuties,
    MemoryFreezing,
    MemoryKeeping,
    MemoryPolicies,
    MemoryProtections,
    MemoryReviews,
    MemorySegments,
    MemoryTraffic,
):
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
        self._turns = set()
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
        def apply() -> None:
            # Again: what has no lock, such as a line's frame, may have been written meanwhile.
            self.tables.check(batch)
            self.tables.apply(batch)

        await self._end(apply)

    async def _end(self, apply: Callable[[], None]) -> None:
        fault, self.commit_fault = self.commit_fault, None
        await asyncio.sleep(0)
        if self.is_down or fault is CommitFault.FAILED:
            raise StoreDownError("the store failed before the commit")
        if fault is not CommitFault.LOST:
            apply()
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

    async def ledger_sizes(self, members: Sequence[Member]) -> dict[Member, int]:
        """Return how many leaves ledgers have as last committed, waiting for nobody."""
        await self._reach()
        return {member: head.frontier.size for member, (head, _) in self._heads_of(members).items()}

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last)."""
        tables = await self._reach()
        return [data for data, _ in tables.leaves_of(member, first, last)]

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last)."""
        tables = await self._reach()
        return [leaf_hash for _, leaf_hash in tables.leaves_of(member, first, last)]

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last)."""
        tables = await self._reach()
        places = ((member, level, index) for index in range(first, last))
        return [tables.nodes[place] for place in places if place in tables.nodes]

    async def documents(self, member: Member, first: int, last: int) -> list[DocumentRow]:
        """Return the public documents of the leaves of [first, last) that have one, by index."""
        tables = await self._reach()
        policies = (
            DocumentRow(member=row.member, leaf_index=row.leaf_index, body=row.body)
            for row in tables.policies.values()
        )
        found = (
            row
            for row in (*tables.documents.values(), *policies)
            if row.member == member and first <= row.leaf_index < last
        )
        return sorted(found, key=lambda row: row.leaf_index)

    async def withdrawn(self, member: Member, first: int, last: int) -> list[LeafIndex]:
        """Return the leaves of [first, last) that a `redaction` leaf withdrew, in order."""
        tables = await self._reach()
        own = (index for name, index in tables.redactions if name == member)
        return sorted(LeafIndex(index) for index in own if first <= index < last)

    async def detail_due(
        self, members: Sequence[Member], by: int, after: DelayedRow | None, limit: int
    ) -> list[DelayedRow]:
        """Return leaves whose sealed detail is to be opened by a time, behind `after`."""
        tables = await self._reach()
        found = sorted(
            (row for row in tables.unopened() if row.member in members and row.opens_at <= by),
            key=_detail_place,
        )
        if after is not None:
            found = [row for row in found if _detail_place(row) > _detail_place(after)]
        return found[:limit]

    async def unopened_detail(self, member: Member, now: int) -> list[UnopenedDetail]:
        """Return how many of a member's leaves still stand sealed, by the month of their commit."""
        tables = await self._reach()
        rows = [row for row in tables.unopened() if row.member == member]
        return [
            UnopenedDetail(
                made_month=month,
                sealed=sum(row.made_month == month for row in rows),
                due=sum(row.made_month == month and row.opens_at <= now for row in rows),
            )
            for month in sorted({row.made_month for row in rows})
        ]

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

    async def accepted_on(self, line: str, limit: int) -> list[AcceptedRow]:
        """Return the newest queries that a line's frames became, the newest first."""
        tables = await self._reach()
        found = [query_id for (name, _), query_id in tables.frames.items() if name == line]
        return [tables.accepted[query_id] for query_id in sorted(found, reverse=True)[:limit]]

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

    async def save_results(
        self, rows: Sequence[ResultRow], *, is_flushed: bool = False
    ) -> list[bool]:
        """Write results; say for each whether it was new. What is in memory is on the disk."""
        del is_flushed
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

    async def accepted_between(
        self, member: Member, ids: tuple[bytes, bytes], limit: int, *, newest_first: bool
    ) -> list[AcceptedRow]:
        """Return a member's queries from an id up to another, exclusive, from the end asked for."""
        tables = await self._reach()
        since, until = ids
        own = [i for i, r in tables.accepted.items() if r.member == member and since <= i < until]
        return [tables.accepted[i] for i in sorted(own, reverse=newest_first)[:limit]]

    async def results_between(
        self, member: Member, places: ResultSpan, limit: int, *, newest_first: bool
    ) -> list[ResultRow]:
        """Return a member's results between two places, both exclusive, from the end asked for."""
        tables = await self._reach()
        after, before = places
        rows = [r for r in tables.results.values() if r.member == member]
        own = [row for row in rows if after < _place(row) < before]
        return sorted(own, key=_place, reverse=newest_first)[:limit]

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

    async def open_holds_after(self, member: Member, leaf_index: int) -> list[HoldRow]:
        """Return a member's open holds whose leaf is beyond one, in the order of leaves."""
        rows = [r for r in await self.open_holds([member]) if r.leaf_index > leaf_index]
        return sorted(rows, key=lambda row: row.leaf_index)

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        tables = await self._reach()
        place = (member, leaf_index)
        return None if place in tables.closed_holds else tables.holds.get(place)

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        tables = await self._reach()
        newest = {row.member: row for _, row in sorted(tables.directory.items())}
        return list(newest.values())

    async def outages(self, members: Sequence[Member]) -> list[OutageRow]:
        """Return what members have announced and not taken back, by member and key."""
        tables = await self._reach()
        return [row for place, row in sorted(tables.outages.items()) if place[0] in members]

    async def save_outage(self, row: OutageRow) -> None:
        """Keep an announcement in place of the member's earlier one for the same key."""
        tables = await self._reach()
        tables.outages[row.member, row.key] = row

    async def end_outages(self, member: Member, key: MessageKey | None = None) -> None:
        """Take back what a member has announced: for one key, or all of it."""
        tables = await self._reach()
        for place in [p for p in tables.outages if p[0] == member and key in (None, p[1])]:
            del tables.outages[place]

    async def directory_versions(self, member: Member, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return the versions of a member's part with their leaves, the newest first."""
        tables = await self._reach()
        rows = [row for row in tables.directory.values() if row.member == member]
        rows.sort(key=lambda row: -row.version)
        return [(row.version, row.leaf_index) for row in rows[:limit]]

    async def directory_part(self, member: Member, version: int) -> DirectoryRow | None:
        """Return one version of a member's part, or None."""
        tables = await self._reach()
        return tables.directory.get((member, version))

    async def help_file(self, member: Member, file: str) -> HelpRow | None:
        """Return a member's help file, or None if it was never written."""
        tables = await self._reach()
        return tables.help_files.get((member, file))

    async def save_help(self, row: HelpRow) -> None:
        """Keep a help file in place of what it was."""
        tables = await self._reach()
        tables.help_files[row.member, row.file] = row

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again keeps the first note."""
        tables = await self._reach()
        tables.checkpoints.setdefault((row.member, row.size), row)

    async def checkpoint(self, member: Member, size: int | None = None) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger, or the one of a size."""
        tables = await self._reach()
        sizes = [at for name, at in tables.checkpoints if name == member and size in (None, at)]
        return tables.published(member, max(sizes)) if sizes else None

    async def checkpoints(self, members: Sequence[Member]) -> list[CheckpointRow]:
        """Return the newest public checkpoint of each ledger that has one, by member."""
        found = [await self.checkpoint(member) for member in sorted(set(members))]
        return [row for row in found if row is not None]

    async def checkpoints_down(self, member: Member, limit: int) -> list[CheckpointRow]:
        """Return a ledger's public checkpoints, the largest first."""
        tables = await self._reach()
        sizes = sorted((at for name, at in tables.checkpoints if name == member), reverse=True)
        return [tables.published(member, size) for size in sizes[:limit]]

    @asynccontextmanager
    async def cutting(self, member: Member) -> AsyncIterator[MemoryCutting]:
        """Open a transaction that may cut a ledger. Raises as `batch` does."""
        tables = await self._reach()
        async with self._locked([member]):
            self._heads_of([member])
            cutting = MemoryCutting(tables, member)
            yield cutting
            await self._end(lambda: vars(tables).update(vars(cutting.staged)))

    async def successions(self, member: Member) -> list[SuccessionRow]:
        """Return a member's successions, the latest first."""
        tables = await self._reach()
        rows = [row for row in tables.successions.values() if row.member == member]
        return sorted(rows, key=lambda row: (row.leaf_index, row.origin), reverse=True)

    async def save_cosignatures(self, rows: Sequence[CosignatureRow]) -> None:
        """Keep witnesses' lines; of one witness and checkpoint the first one stays."""
        tables = await self._reach()
        for row in rows:
            kept = tables.cosignatures.setdefault((row.member, row.size), {})
            kept.setdefault((row.name, row.key_id), row)

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        await self._reach()
        return self._clock.now_ns() + self.clock_ahead_ns - now_ns


def _in_step_order(row: ResultRow) -> tuple[int, int]:
    return row.step, row.number


def _detail_place(row: DelayedRow) -> tuple[int, Member, int]:
    return row.opens_at, row.member, row.leaf_index


def _place(row: ResultRow) -> tuple[bytes, bytes, int]:
    return row.query_id, row.exchange_id, row.step
