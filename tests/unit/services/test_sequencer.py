"""The sequencer: what becomes of each entry when the store fails in every way it can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.ids import HostName, LeafIndex, Member
from comity.ledger.plan import Existing, LeafKey, Stale
from comity.ledger.receipt import parse_receipt, verify_receipt
from comity.ledger.tree import append, hash_leaf
from comity.services import sequencer as module
from comity.services.entries import Entry, HoldEnd, Prepared
from comity.services.sequencer import (
    BusyError,
    Committed,
    NotOwnedError,
    Refused,
    SequencerResult,
    recorded_index,
)
from tests.support.gateway import (
    HOST_KEY,
    NOW,
    OR,
    RELEASE,
    TX,
    WA,
    Disk,
    PracticeHost,
    note_entry,
    note_leaf,
    policy_entry,
    policy_of,
    running,
    turns,
)
from tests.support.rows import an_id


def committed(result: SequencerResult) -> Committed:
    """The result, which must be a commit whose receipts verify."""
    assert isinstance(result, Committed)
    for leaf in result.leaves:
        verify_receipt(parse_receipt(leaf.receipt), hash_leaf(leaf.data), HOST_KEY)
    return result


def bad_entry(disk: Disk, member: Member = WA) -> Entry:
    """What the store refuses for its contents: a change of a hold that is not there."""
    end = HoldEnd(leaf_index=LeafIndex(999), closed=True)
    return msgspec.structs.replace(note_entry(disk, member), hold_end=end)


async def test_nothing_to_commit_is_nothing() -> None:
    """No entry, no batch."""
    async with running() as host:
        before = host.events.counts["batches_committed"]
        assert await host.sequencer.commit([]) == []
        assert host.events.counts["batches_committed"] == before


async def test_entries_are_committed_in_their_order() -> None:
    """Indexes follow the order within each ledger, and each leaf has a receipt that verifies."""
    async with running() as host:
        sizes = {member: host.size(member) for member in (OR, WA)}
        entries = [note_entry(host.disk, member) for member in (WA, OR, WA, WA, OR)]
        results = await host.sequencer.commit(entries)
        indexes = [
            (entry.member, committed(result).leaves[0].index - sizes[entry.member])
            for entry, result in zip(entries, results, strict=True)
        ]
        assert indexes == [(WA, 0), (OR, 0), (WA, 1), (WA, 2), (OR, 1)]


async def test_what_came_during_a_commit_is_the_next_batch_in_order() -> None:
    """Callers that wait together share a batch; earlier ones have the lower indexes."""
    async with running() as host:
        before = host.events.counts["batches_committed"]
        calls = [host.sequencer.commit([note_entry(host.disk)]) for _ in range(6)]
        results = await asyncio.gather(*calls)
        indexes = [committed(result).leaves[0].index for (result,) in results]
        assert indexes == sorted(indexes)
        assert host.events.counts["batches_committed"] - before == 1


async def test_an_entry_is_prepared_while_the_batch_before_it_is_with_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its commitment is made before its turn, so that database and processor work side by side."""
    async with running() as host:
        with_store, go_on = asyncio.Event(), asyncio.Event()
        batch = host.store.batch

        @asynccontextmanager
        async def slow(members: Sequence[Member], keys: Sequence[LeafKey]) -> AsyncIterator[Any]:
            async with batch(members, keys) as transaction:
                with_store.set()
                await go_on.wait()
                yield transaction

        prepared: list[int] = []
        prepare = host.sequencer._preparer.prepare

        def counting(entries: Sequence[Entry]) -> list[Prepared]:
            prepared.append(len(entries))
            return prepare(entries)

        monkeypatch.setattr(host.store, "batch", slow)
        monkeypatch.setattr(
            host.sequencer._preparer,
            "prepare",
            counting,
        )
        first = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await with_store.wait()
        second = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await turns()
        assert prepared == [1, 1]
        assert not first.done()
        go_on.set()
        for (result,) in await asyncio.gather(first, second):
            committed(result)
        assert prepared == [1, 1]


async def test_leaves_of_one_entry_stand_together() -> None:
    """An entry of several leaves gets contiguous indexes and one receipt each."""
    async with running() as host:
        leaves = (note_leaf(WA, 0), note_leaf(WA, 1), note_leaf(WA, 2))
        entry = msgspec.structs.replace(note_entry(host.disk), leaves=leaves)
        (result,) = await host.sequencer.commit([entry])
        steps = [(leaf.step, leaf.index - host.size(WA)) for leaf in committed(result).leaves]
        assert steps == [(0, -3), (1, -2), (2, -1)]


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_commit_that_fails_leaves_one_leaf(fault: CommitFault) -> None:
    """Failed, lost or persisted unknown: the caller gets a receipt, and there is one leaf."""
    async with running() as host:
        size = host.size(WA)
        host.store.commit_fault = fault
        (result,) = await host.sequencer.commit([note_entry(host.disk)])
        (leaf,) = committed(result).leaves
        assert (leaf.index, host.size(WA)) == (size, size + 1)
        assert host.store.tables.leaves[WA][size][0] == leaf.data


async def test_persisted_with_publication_and_answers_of_two_ledgers() -> None:
    """A commit of several ledgers whose word is lost is found again in all of them."""
    async with running() as host:
        host.store.commit_fault = CommitFault.PERSISTED
        entries = [note_entry(host.disk, WA), note_entry(host.disk, OR), note_entry(host.disk, WA)]
        for result in await host.sequencer.commit(entries):
            committed(result)
        assert host.events.counts["commit_unknown"] == 1


async def test_a_store_that_is_down_is_waited_for() -> None:
    """Nothing is refused while the store is away; once back, each entry has its leaf."""
    async with running() as host:
        size = host.size(WA)
        host.store.is_down = True
        waiting = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await host.until("store_unavailable", 3)
        assert not waiting.done()
        host.store.is_down = False
        (result,) = await waiting
        assert committed(result).leaves[0].index == size


@pytest.mark.parametrize("fault", [CommitFault.LOST, CommitFault.PERSISTED])
async def test_a_store_that_is_down_after_an_unknown_commit(fault: CommitFault) -> None:
    """Whether it persisted is read back once the store is there; then there is one leaf."""
    async with running() as host:
        size = host.size(WA)
        host.store.commit_fault = fault
        waiting = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await host.until("commit_unknown")
        host.store.is_down = True
        await turns(20)
        assert not waiting.done()
        host.store.is_down = False
        (result,) = await waiting
        assert (committed(result).leaves[0].index, host.size(WA)) == (size, size + 1)


async def test_a_key_is_given_one_leaf() -> None:
    """The same id again, in the same batch or a later one, is told where its leaf stands."""
    async with running() as host:
        first, twin = note_entry(host.disk), note_entry(host.disk)
        twin = msgspec.structs.replace(twin, exchange_id=first.exchange_id)
        one, two = await host.sequencer.commit([first, twin])
        (three,) = await host.sequencer.commit([twin])
        index = committed(one).leaves[0].index
        assert two == three == Existing(indexes=((0, index),))
        assert recorded_index(one) == recorded_index(two) == index


async def test_a_head_moved_by_another_host_drops_that_ledger_only() -> None:
    """This host signs nothing for it any more; its other ledgers go on."""
    async with running() as host:
        host.disk.store.tables.heads[WA] = msgspec.structs.replace(
            host.disk.store.tables.heads[WA], epoch=99, host=HostName("gateway-other")
        )
        size = host.size(WA)
        entries = [note_entry(host.disk, WA), note_entry(host.disk, OR)]
        lost, kept = await host.sequencer.commit(entries)
        assert isinstance(lost, Refused)
        assert isinstance(lost.error, NotOwnedError)
        committed(kept)
        assert host.size(WA) == size
        assert (host.sequencer.owns(WA), host.sequencer.owns(OR)) == (False, True)
        assert ("ledger_dropped", {"member": WA}) in host.log.written


async def test_a_ledger_taken_after_an_unknown_commit_is_dropped() -> None:
    """Another host claimed and wrote meanwhile: no receipt is made over a head not our own."""
    async with running() as host, running(disk=host.disk) as rival:
        await host.sequencer.commit([note_entry(host.disk)])
        (result,) = await rival.sequencer.commit([note_entry(host.disk)])
        committed(result)
        (result,) = await host.sequencer.commit([note_entry(host.disk)])
        assert isinstance(result, Refused)
        assert not host.sequencer.owns(WA)
        assert rival.sequencer.owns(WA)


@pytest.mark.parametrize("fault", [CommitFault.LOST, CommitFault.PERSISTED])
async def test_a_head_moved_before_it_is_read_back_is_signed_by_nobody_here(
    fault: CommitFault,
) -> None:
    """Neither the old size nor our own head: another host wrote, and this one lets go."""
    async with running() as host:
        host.store.commit_fault = fault
        waiting = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await host.until("commit_unknown")
        host.store.is_down = True
        host.signer.is_away = True
        head = host.store.tables.heads[WA]
        frontier = append(head.frontier, [bytes(32)] * 3).frontier
        host.store.tables.heads[WA] = msgspec.structs.replace(
            head, epoch=99, frontier=frontier, root=b"\x07" * 32
        )
        host.store.is_down = False
        (result,) = await waiting
        assert isinstance(result, Refused)
        assert isinstance(result.error, NotOwnedError)
        assert not host.sequencer.owns(WA)
        assert host.events.counts["receipts_failed"] == 0


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_store_put_back_while_the_host_runs_drops_that_ledger_only(lost: int) -> None:
    """Leaves that were signed for are gone: nothing is written in their place."""
    async with running() as host:
        await host.sequencer.commit([note_entry(host.disk, OR)])
        await host.sequencer.commit([note_entry(host.disk)])
        older = deepcopy(host.store.tables)
        for _ in range(lost):
            await host.sequencer.commit([note_entry(host.disk)])
        host.store.tables = older
        results = await host.sequencer.commit([note_entry(host.disk), note_entry(host.disk, OR)])
        gone, kept = results
        assert isinstance(gone, Refused)
        assert gone.error.code == "ledger-not-owned"
        committed(kept)
        assert host.events.counts["ledger_dropped"] == 1
        assert not host.sequencer.owns(WA)


async def test_an_entry_of_a_ledger_not_owned_is_refused() -> None:
    """Nothing is written for a ledger that this host does not own."""
    async with running() as host:
        (result,) = await host.sequencer.commit([note_entry(host.disk, TX)])
        assert isinstance(result, Refused)
        assert isinstance(result.error, NotOwnedError)
        assert host.size(TX) == 0


async def test_a_bad_row_is_refused_with_its_companion() -> None:
    """What is recorded together or not at all is not parted where one of it cannot be recorded."""
    async with running() as host:
        first = msgspec.structs.replace(bad_entry(host.disk), with_next=True)
        entries = [note_entry(host.disk), first, note_entry(host.disk), note_entry(host.disk)]
        size = host.size(WA)
        good, bad, companion, last = await host.sequencer.commit(entries)
        assert isinstance(bad, Refused)
        assert isinstance(companion, Refused)
        assert [committed(r).leaves[0].index for r in (good, last)] == [size, size + 1]


async def test_a_bad_row_is_refused_alone() -> None:
    """Not its member's other entries, nor another member's, whose order stays."""
    async with running() as host:
        sizes = {member: host.size(member) for member in (OR, WA)}
        good = [note_entry(host.disk, member) for member in (WA, OR, WA, OR, WA)]
        entries = [*good[:2], bad_entry(host.disk), *good[2:]]
        results = await host.sequencer.commit(entries)
        assert [isinstance(result, Refused) for result in results] == [
            entry.hold_end is not None for entry in entries
        ]
        indexes = [
            (entry.member, committed(result).leaves[0].index - sizes[entry.member])
            for entry, result in zip(entries, results, strict=True)
            if entry.hold_end is None
        ]
        assert indexes == [(WA, 0), (OR, 0), (WA, 1), (OR, 1), (WA, 2)]


async def test_a_fault_in_our_own_code_stops_no_one() -> None:
    """An entry that cannot even be prepared is refused alone, and the next batch is committed."""
    async with running() as host:
        good, broken = note_entry(host.disk), note_entry(host.disk)
        broken = msgspec.structs.replace(broken, leaves=())
        one, two = await host.sequencer.commit([good, broken])
        committed(one)
        assert isinstance(two, Refused)
        (three,) = await host.sequencer.commit([note_entry(host.disk)])
        committed(three)
        assert host.events.counts["batch_failed"] > 0


async def test_an_entry_that_cannot_be_committed_to_is_refused_alone() -> None:
    """A field of a name that no record has costs nobody else their leaf."""
    async with running() as host:
        leaf = msgspec.structs.replace(note_leaf(WA, 0), fields=(("NO NAME", b""),))
        broken = msgspec.structs.replace(note_entry(host.disk), leaves=(leaf,))
        entries = [note_entry(host.disk), broken, note_entry(host.disk)]
        one, two, three = await host.sequencer.commit(entries)
        assert isinstance(two, Refused)
        indexes = [committed(result).leaves[0].index for result in (one, three)]
        assert indexes == [host.size(WA) - 2, host.size(WA) - 1]
        assert host.events.counts["entry_not_prepared"] == 1


async def test_a_signature_that_fails_after_the_commit_is_no_second_leaf() -> None:
    """What is durable is told as standing, so that the caller goes on from the store."""
    async with running() as host:
        size = host.size(WA)
        host.signer.is_away = True
        (result,) = await host.sequencer.commit([note_entry(host.disk)])
        assert result == Existing(indexes=((0, LeafIndex(size)),))
        host.signer.is_away = False
        (result,) = await host.sequencer.commit([note_entry(host.disk)])
        assert committed(result).leaves[0].index == size + 1


async def test_a_policy_in_the_same_batch_makes_what_follows_stale() -> None:
    """What was decided under the old policy is told the new one's index, and has no leaf."""
    async with running(policy_of(WA, RELEASE)) as host:
        index = host.world.policy(WA)[0]
        before, after, plain = (note_entry(host.disk) for _ in range(3))
        before = msgspec.structs.replace(before, decided_under=index)
        after = msgspec.structs.replace(after, decided_under=index)
        body = policy_of(WA, version=2)
        results = await host.sequencer.commit(
            [before, policy_entry(host.disk, WA, body), after, plain]
        )
        new = committed(results[1]).leaves[0].index
        committed(results[0])
        assert results[2] == Stale(policy=new)
        committed(results[3])
        under_new = msgspec.structs.replace(note_entry(host.disk), decided_under=new)
        (result,) = await host.sequencer.commit([under_new])
        committed(result)


async def test_nothing_is_decided_for_a_member_without_a_policy() -> None:
    """No policy index is the one in force."""
    async with running() as host:
        entry = msgspec.structs.replace(note_entry(host.disk), decided_under=-1)
        (result,) = await host.sequencer.commit([entry])
        assert isinstance(result, Stale)


async def test_a_cancelled_caller_does_not_break_the_batch() -> None:
    """Its entries are recorded all the same; others in the batch get their receipts."""
    async with running() as host:
        size = host.size(WA)
        gone = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        stays = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await turns()
        gone.cancel()
        (result,) = await stays
        assert committed(result).leaves[0].index == size + 1
        assert host.size(WA) == size + 2
        assert gone.cancelled()


async def test_too_many_waiting_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit entries are taken, one beyond none of the call's is."""
    monkeypatch.setattr(module, "PENDING_ENTRIES_MAX", 4)
    async with running() as host:
        entries = [note_entry(host.disk) for _ in range(3)]
        three = asyncio.create_task(host.sequencer.commit(entries))
        await turns()
        with pytest.raises(BusyError):
            await host.sequencer.commit([note_entry(host.disk), note_entry(host.disk)])
        (last,) = await host.sequencer.commit([note_entry(host.disk)])
        committed(last)
        taken = await three
        assert len(taken) == 3
        assert committed(last).leaves[0].index == host.size(WA) - 1


async def test_a_call_of_many_entries_is_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction is wider than the limit; the results keep the order of the entries."""
    monkeypatch.setattr(module, "BATCH_ENTRIES_MAX", 3)
    async with running() as host:
        before, size = host.events.counts["batches_committed"], host.size(WA)
        results = await host.sequencer.commit([note_entry(host.disk) for _ in range(7)])
        assert [committed(r).leaves[0].index - size for r in results] == list(range(7))
        assert host.events.counts["batches_committed"] - before == 3


async def test_drained_waits_for_what_was_just_handed_in() -> None:
    """A stop does not overtake a caller whose batch has not begun."""
    async with running() as host:
        size = host.size(WA)
        task = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
        await turns()
        await host.sequencer.drained()
        assert host.size(WA) == size + 1
        await task


async def test_a_stopped_sequencer_lets_its_callers_go() -> None:
    """Whoever waits for a batch that is cut off is cancelled, not left."""
    host = PracticeHost(Disk())
    await host.start()
    host.store.is_down = True
    waiting = asyncio.create_task(host.sequencer.commit([note_entry(host.disk)]))
    await host.until("store_unavailable")
    await host.crash()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_malformed_id_is_refused_before_it_is_a_row() -> None:
    """The store's own check stops an id that is not one; nobody else is refused for it."""
    async with running() as host:
        bad = msgspec.structs.replace(note_entry(host.disk), exchange_id=b"short")
        good = msgspec.structs.replace(note_entry(host.disk), exchange_id=an_id(7, NOW))
        one, two = await host.sequencer.commit([bad, good])
        assert isinstance(one, Refused)
        committed(two)
