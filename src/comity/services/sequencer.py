"""The sequencer: one per host, the only writer of its members' ledgers.

    1. take everything that came while the last batch was committed
    2. open ONE transaction, lock the heads, read which keys exist, plan
    3. write leaves, private records, answers, holds, heads; commit
    4. only then: one signature over the new heads, and the receipts

INVARIANT (no-answer-before-receipt): a caller gets its receipts, and so may let an answer leave,
only after step 3 is durable. INVARIANT (one-ledger-one-writer): a head that another host wrote
makes this host drop that ledger; it signs nothing for it. Source:
docs/adr/0003-batch-transaction.md, docs/adr/0004-receipt-format.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.note import Signer, VerifierKey
from comity.ledger.plan import (
    Existing,
    LedgerHead,
    Outcome,
    Placed,
    PlacedLeaf,
    Plan,
    Stale,
    companions,
    keys_of,
    make_plan,
)
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tree import Frontier
from comity.ports import (
    Clock,
    CommitUnknownError,
    HeadMovedError,
    Store,
    StoreDownError,
)
from comity.services.entries import Entry, Prepared, Preparer, batch_write
from comity.services.events import Events
from comity.services.ledger_keys import LedgerKeys

__all__ = [
    "BATCH_ENTRIES_MAX",
    "PENDING_ENTRIES_MAX",
    "BusyError",
    "Committed",
    "CommittedLeaf",
    "NotOwnedError",
    "Refused",
    "Sequencer",
    "SequencerResult",
    "recorded_index",
]

BATCH_ENTRIES_MAX: Final = 4_096
PENDING_ENTRIES_MAX: Final = 16_384
_RETRY_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class BusyError(ComityError):
    """More is waiting to be recorded than may wait; nothing was accepted."""

    code = "busy"


class NotOwnedError(ComityError):
    """This host does not own the ledger, or lost it to another host."""

    code = "ledger-not-owned"


class CommittedLeaf(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A durable leaf with its receipt's bytes."""

    index: LeafIndex
    step: int
    data: bytes
    receipt: bytes


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """The entry is durable."""

    leaves: tuple[CommittedLeaf, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The entry was not recorded and will not be."""

    error: ComityError


SequencerResult = Committed | Existing | Stale | Refused


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, and what was made of it before its turn; None if that failed and is tried again."""

    entry: Entry
    prepared: Prepared | None

    @property
    def member(self) -> Member:
        """Whose ledger it is for."""
        return self.entry.member

    @property
    def with_next(self) -> bool:
        """Whether it stands or falls with the one behind it."""
        return self.entry.with_next


class _Group(msgspec.Struct, kw_only=True):
    """What one caller handed over together."""

    items: Sequence[_Item]
    future: asyncio.Future[list[SequencerResult]]


class Sequencer:
    """Commits entries in batches: what arrives during one commit is the next batch.

    `run` owns all state but `_pending`, to which `commit` appends.
    """

    def __init__(
        self,
        *,
        store: Store,
        preparer: Preparer,
        clock: Clock,
        signer: Signer,
        host: VerifierKey,
        keys: LedgerKeys,
        events: Events,
        batch_floor_s: float = 0.0,
    ) -> None:
        self._store = store
        self._preparer = preparer
        self._clock = clock
        self._signer = signer
        self._host = host
        self._keys = keys
        self._events = events
        self._batch_floor_s = batch_floor_s
        self._epochs: dict[Member, int] = {}
        self._frontiers: dict[Member, Frontier] = {}
        self._pending: list[_Group] = []
        self._pending_count = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def own(self, epochs: Mapping[Member, int]) -> None:
        """Take the ledgers that the store gave this host, with the epoch of each."""
        self._epochs.update(epochs)
        for member in epochs:
            self._frontiers.pop(member, None)

    def release(self, member: Member) -> None:
        """Write a ledger no more; what waits for it is refused."""
        self._epochs.pop(member, None)

    def owns(self, member: Member) -> bool:
        """Say whether this host writes the member's ledger."""
        return member in self._epochs

    async def commit(self, entries: Sequence[Entry]) -> list[SequencerResult]:
        """Return what became of each entry once it is durable, or that it never will be.

        Raises: BusyError if too much waits already; then none of the entries was taken.
        """
        if not entries:
            return []
        if self._pending_count + len(entries) > PENDING_ENTRIES_MAX:
            raise BusyError("too many entries wait to be recorded")
        loop = asyncio.get_running_loop()
        # Here, and not in its turn: the batch before is with the database meanwhile.
        items = self._prepare(entries)
        groups = [
            _Group(items=items[at : at + BATCH_ENTRIES_MAX], future=loop.create_future())
            for at in range(0, len(items), BATCH_ENTRIES_MAX)
        ]
        self._pending += groups
        self._pending_count += len(entries)
        self._idle.clear()
        self._wake.set()
        return [result for group in groups for result in await group.future]

    def _prepare(self, entries: Sequence[Entry]) -> list[_Item]:
        try:
            prepared = self._preparer.prepare(entries)
        except Exception as error:  # noqa: BLE001 - found again in its turn, where it stands alone
            self._events.failure("entry_not_prepared", error, entries=len(entries))
            return [_Item(entry=entry, prepared=None) for entry in entries]
        return [_Item(entry=e, prepared=p) for e, p in zip(entries, prepared, strict=True)]

    async def drained(self) -> None:
        """Return when nothing waits to be recorded."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit batches until cancelled."""
        loop = asyncio.get_running_loop()
        started = -self._batch_floor_s
        while True:
            self._idle.set()
            await self._wake.wait()
            self._wake.clear()
            self._idle.clear()
            while self._pending:
                # An idle sequencer waits for nothing; under load a fuller batch costs less each.
                wait = started + self._batch_floor_s - loop.time()
                if wait > 0 and self._pending_count < BATCH_ENTRIES_MAX:
                    await asyncio.sleep(wait)
                started = loop.time()
                groups = self._take()
                await self._settle(groups)

    def _take(self) -> list[_Group]:
        taken: list[_Group] = []
        count = 0
        for group in self._pending:
            if taken and count + len(group.items) > BATCH_ENTRIES_MAX:
                break
            taken.append(group)
            count += len(group.items)
        del self._pending[: len(taken)]
        self._pending_count -= count
        return taken

    async def _settle(self, groups: list[_Group]) -> None:
        items = [item for group in groups for item in group.items]
        try:
            results = await self._commit_owned(items)
        except asyncio.CancelledError:
            for group in groups:
                group.future.cancel()
            raise
        except ComityError as error:
            results = [Refused(error=error)] * len(items)
        except Exception as error:  # noqa: BLE001 - a fault must not stop the writer of all ledgers
            self._events.failure("sequencer_fault", error)
            results = [Refused(error=ComityError("the sequencer failed"))] * len(items)
        at = 0
        for group in groups:
            count = len(group.items)
            if not group.future.done():
                group.future.set_result(results[at : at + count])
            at += count

    async def _commit_owned(self, items: Sequence[_Item]) -> list[SequencerResult]:
        """Commit what this host owns; a batch that fails for its contents is retried in parts."""
        results: list[SequencerResult | None] = [
            None if item.member in self._epochs else Refused(error=_not_owned()) for item in items
        ]
        open_places = [place for place, result in enumerate(results) if result is None]
        if open_places:
            done = await self._commit_apart([items[p] for p in open_places])
            for place, result in zip(open_places, done, strict=True):
                results[place] = result
        return [result for result in results if result is not None]

    async def _commit_apart(self, items: Sequence[_Item]) -> list[SequencerResult]:
        """Commit; what fails is split until the entry that cannot be recorded stands alone."""
        try:
            return await self._commit_all(items)
        except Exception as error:  # noqa: BLE001 - one bad row stops no other
            member = items[0].member
            self._events.failure("batch_failed", error, member=member, entries=len(items))
        if len(companions(items)) == 1:
            return [Refused(error=ComityError("the ledger refused this entry"))] * len(items)
        results: dict[int, SequencerResult] = {}
        for places in _parts(items):
            done = await self._commit_apart([items[p] for p in places])
            results.update(zip(places, done, strict=True))
        return [results[place] for place in range(len(items))]

    async def _commit_all(self, items: Sequence[_Item]) -> list[SequencerResult]:
        """Commit, waiting out a store that is down; give up only what another host has taken."""
        attempt = 0
        entries = [item.entry for item in items]
        prepared = [i.prepared or self._preparer.prepare([i.entry])[0] for i in items]
        while True:
            lost = [e.member for e in entries if e.member not in self._epochs]
            if lost:
                return await self._commit_owned(items)
            try:
                return await self._commit_once(entries, prepared)
            except HeadMovedError as error:
                self._drop(error.members)
            except StoreDownError as error:
                self._events.failure("store_unavailable", error)
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

    async def _commit_once(
        self, entries: Sequence[Entry], prepared: Sequence[Prepared]
    ) -> list[SequencerResult]:
        submissions = [item.submission for item in prepared]
        members = sorted({entry.member for entry in entries})
        plan: Plan | None = None
        try:
            async with self._store.batch(members, keys_of(submissions)) as transaction:
                self._check_heads(transaction.heads)
                plan = make_plan(submissions, transaction.heads, transaction.existing)
                if plan.ledgers:
                    sealed = self._preparer.seal(entries, prepared, plan, self._clock.now_ns())
                    await transaction.write(batch_write(plan, self._epochs, sealed))
        except CommitUnknownError as error:
            self._events.failure("commit_unknown", error)
            if plan is None or not await self._persisted(plan):
                raise StoreDownError("the commit was lost") from error
        for member, ledger in plan.ledgers.items():
            self._frontiers[member] = ledger.growth.frontier
        self._events.note("batches_committed")
        self._events.note("entries_committed", len(entries))
        try:
            return self._receipts(plan)
        except Exception as error:  # noqa: BLE001 - what is durable must never be called refused
            self._events.failure("receipts_failed", error)
            return [_standing(outcome) for outcome in plan.outcomes]

    def _check_heads(self, heads: Mapping[Member, LedgerHead]) -> None:
        """Check that every head is as this host left it. Raises: HeadMovedError.

        # INVARIANT (one-ledger-one-writer): nobody else writes a ledger of ours, so that a head
        # which differs is of an older copy of the store, put in its place while we ran.
        """
        moved = [
            member
            for member, head in heads.items()
            if self._frontiers.setdefault(member, head.frontier) != head.frontier
        ]
        if moved:
            raise HeadMovedError(moved)

    async def _persisted(self, plan: Plan) -> bool:
        """Find out whether a commit whose acknowledgement was lost is in the store.

        Reading the heads under lock waits for a commit still in flight. New size and root: it
        persisted. Old size: it was lost. Anything else: another host wrote, and we drop the ledger.
        """
        heads = await self._heads_when_up(list(plan.ledgers))
        moved, new = [], 0
        for member, ledger in plan.ledgers.items():
            head, root = heads[member]
            if (head.frontier.size, root) == (ledger.growth.size, ledger.growth.root):
                new += 1
            elif head.frontier.size != ledger.size_old:
                moved.append(member)
        if moved:
            raise HeadMovedError(moved)
        return new == len(plan.ledgers)

    async def _heads_when_up(
        self, members: Sequence[Member]
    ) -> dict[Member, tuple[LedgerHead, bytes]]:
        attempt = 0
        while True:
            try:
                return await self._store.heads(members)
            except StoreDownError:
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

    def _drop(self, members: Sequence[Member]) -> None:
        for member in members:
            self._epochs.pop(member, None)
            self._frontiers.pop(member, None)
            self._events.alarm("ledger_dropped", member=member)

    def _receipts(self, plan: Plan) -> list[SequencerResult]:
        """Step 4: sign the committed heads once and hand each leaf its own path."""
        if not plan.ledgers:
            return [_unplaced(outcome) for outcome in plan.outcomes]
        heads = [
            Head(
                origin=self._keys.origin(ledger.member),
                size=ledger.growth.size,
                root=ledger.growth.root,
            )
            for ledger in plan.ledgers.values()
        ]
        batch = sign_batch(self._signer, self._host, heads)
        receipts: dict[tuple[Member, int], bytes] = {}
        for member, ledger in plan.ledgers.items():
            origin = self._keys.origin(member)
            for receipt in make_receipts(batch, origin, ledger.growth, ledger.hashes):
                receipts[member, receipt.index] = encode_receipt(receipt)
        results: list[SequencerResult] = []
        for outcome, member in zip(plan.outcomes, plan.members, strict=True):
            if isinstance(outcome, Placed):
                placed = outcome.leaves
                leaves = tuple(_committed(leaf, receipts[member, leaf.index]) for leaf in placed)
                results.append(Committed(leaves=leaves))
            else:
                results.append(outcome)
        return results


def recorded_index(result: SequencerResult) -> LeafIndex | None:
    """Return the index of an entry's first leaf if it stands, in this batch or an earlier one.

    For ids that only this host makes: then an existing key is the entry's own, of a commit whose
    word was lost.
    """
    match result:
        case Committed():
            return result.leaves[0].index
        case Existing():
            return result.indexes[0][1]
        case Stale() | Refused():
            return None


def _parts(items: Sequence[_Item]) -> list[list[int]]:
    """Return the places of each member's entries; of one member's, the two halves in order.

    What stands or falls together stays together.
    """
    by_member: dict[Member, list[int]] = {}
    for place, item in enumerate(items):
        by_member.setdefault(item.member, []).append(place)
    if len(by_member) > 1:
        return [by_member[member] for member in sorted(by_member)]
    groups = companions(items)
    half = sum(map(len, groups[: len(groups) // 2]))
    return [list(range(half)), list(range(half, len(items)))]


def _not_owned() -> NotOwnedError:
    return NotOwnedError("this host does not own the ledger")


def _standing(outcome: Outcome) -> SequencerResult:
    """Return what a committed outcome is to a caller who gets no receipt for it."""
    if isinstance(outcome, Placed):
        return Existing(indexes=tuple((leaf.step, leaf.index) for leaf in outcome.leaves))
    return outcome


def _unplaced(outcome: object) -> SequencerResult:
    assert isinstance(outcome, Existing | Stale)
    return outcome


def _committed(leaf: PlacedLeaf, receipt: bytes) -> CommittedLeaf:
    return CommittedLeaf(index=leaf.index, step=leaf.step, data=leaf.data, receipt=receipt)
