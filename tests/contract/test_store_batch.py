"""The contract of `Store.batch`: all or nothing, one writer, the truth about a broken commit."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.memory.store import CommitFault
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.ledger.plan import NO_POLICY, Existing, Placed
from comity.ledger.tree import EMPTY_ROOT, tree_root
from comity.ports import (
    CommitUnknownError,
    HeadMovedError,
    HoldChange,
    Store,
    StoreDownError,
)
from tests.support.rows import (
    CA,
    OR,
    WA,
    Work,
    batch_of,
    commit,
    keys,
    plan_of,
    sealed,
)
from tests.support.stores import StoreCase

HOST, OTHER = HostName("gw-1"), HostName("gw-2")
STATES: tuple[Member, ...] = (CA, OR, WA)


async def sizes(store: Store) -> dict[Member, int]:
    """Return the committed size of each ledger."""
    return {m: head.frontier.size for m, (head, _) in (await store.heads(STATES)).items()}


async def test_claimed_ledger_is_empty_and_rises_in_epoch(store: Store) -> None:
    """A first claim makes an empty ledger; each further one, by any host, has a higher epoch."""
    assert await store.claim(HOST, STATES) == dict.fromkeys(STATES, 1)
    assert await store.claim(OTHER, [WA]) == {WA: 2}
    head, root = (await store.heads([WA]))[WA]
    assert (head.frontier.size, head.policy, root) == (0, NO_POLICY, EMPTY_ROOT)


async def test_batch_commits_everything(store: Store) -> None:
    """After a batch its heads, leaves, private records, queries and answers are there."""
    epochs = await store.claim(HOST, STATES)
    work = [
        Work(member=WA, number=1, frame=("WA1", 1)),
        Work(member=OR, number=2, steps=(0, 1), is_answer=True),
    ]
    plan = await commit(store, work, epochs)
    assert await sizes(store) == {CA: 0, OR: 2, WA: 1}
    (_, root), growth = (await store.heads([OR]))[OR], plan.ledgers[OR].growth
    assert root == growth.root == tree_root(await store.leaf_hashes(OR, 0, 2))
    placed = plan.outcomes[1]
    assert isinstance(placed, Placed)
    assert await store.leaves(OR, 0, 9) == [leaf.data for leaf in placed.leaves]
    assert (await store.private_row(OR, 1)) is not None
    assert (await store.private_row(OR, 2)) is None
    frame = await store.accepted_frame("WA1", 1)
    assert frame is not None
    assert frame.query_id == QueryId(work[0].id)


async def test_heads_seen_by_the_next_batch_are_the_ones_written(store: Store) -> None:
    """A batch starts from the frontier and the policy that the one before it left."""
    epochs = await store.claim(HOST, STATES)
    await commit(store, [Work(member=WA, number=1)], epochs)
    plan = await commit(store, [Work(member=WA, number=2, policy=b"rules")], epochs)
    async with store.batch([WA], []) as transaction:
        head = transaction.heads[WA]
    assert head.frontier == plan.ledgers[WA].growth.frontier
    assert head.policy == 1


async def test_error_within_a_batch_leaves_nothing(store: Store) -> None:
    """What was written before an error in the same batch is gone with it."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1, frame=("WA1", 1), is_answer=True)]

    async def write_and_fail() -> None:
        async with store.batch([WA], keys(work)) as transaction:
            await transaction.write(batch_of(plan_of(transaction, work), work, epochs))
            raise RuntimeError("changed its mind")

    with pytest.raises(RuntimeError, match="changed its mind"):
        await write_and_fail()
    assert await sizes(store) == dict.fromkeys(STATES, 0)
    assert await store.leaves(WA, 0, 9) == []
    assert await store.accepted_frame("WA1", 1) is None
    assert await store.answers([(ExchangeId(work[0].id), WA)]) == []
    plan = await commit(store, work, epochs)
    assert isinstance(plan.outcomes[0], Placed)


async def test_existing_keys_are_seen(store: Store) -> None:
    """A batch is told which of its keys have a leaf, and of no others."""
    epochs = await store.claim(HOST, STATES)
    await commit(
        store, [Work(member=WA, number=1, steps=(0, 1)), Work(member=OR, number=1)], epochs
    )
    asked = keys([Work(member=WA, number=1, steps=(1, 2)), Work(member=WA, number=9)])
    async with store.batch([WA], asked) as transaction:
        assert dict(transaction.existing) == {asked[0]: 1}


async def test_repeated_batch_places_nothing(store: Store) -> None:
    """The same batch again finds its keys and leaves the ledger as it was."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1, steps=(0, 1), is_answer=True)]
    await commit(store, work, epochs)
    plan = await commit(store, work, epochs)
    assert plan.outcomes == (Existing(indexes=((0, LeafIndex(0)), (1, LeafIndex(1)))),)
    assert (await sizes(store))[WA] == 2


@pytest.mark.parametrize("is_answer", [True, False])
async def test_keys_of_every_kind_are_seen(store: Store, *, is_answer: bool) -> None:
    """A key is found whether it came with a query, an answer, or a leaf of its own."""
    epochs = await store.claim(HOST, STATES)
    work = [
        Work(member=WA, number=1, frame=("WA1", 1)),
        Work(member=WA, number=2, steps=(0, 1), is_answer=is_answer),
        Work(member=WA, number=2, steps=(2,), is_answer=True),
        Work(member=WA, number=3),
    ]
    await commit(store, work, epochs)
    async with store.batch([WA], keys(work)) as transaction:
        assert dict(transaction.existing) == {key: at for at, key in enumerate(keys(work))}


async def test_host_that_lost_a_ledger_cannot_write_it(store: Store) -> None:
    """A write under an old epoch names the ledger that was taken, and nothing of it stands."""
    epochs = await store.claim(HOST, STATES)
    await store.claim(OTHER, [OR])
    work = [Work(member=OR, number=1), Work(member=WA, number=2)]
    with pytest.raises(HeadMovedError) as caught:
        await commit(store, work, epochs)
    assert caught.value.members == (OR,)
    assert await sizes(store) == dict.fromkeys(STATES, 0)
    await commit(store, work[1:], epochs)
    assert await sizes(store) == {CA: 0, OR: 0, WA: 1}


async def test_write_over_a_moved_size_is_refused(store: Store) -> None:
    """A plan that was made on another size than the locked one is not written."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]
    async with store.batch([WA], keys(work)) as transaction:
        old = batch_of(plan_of(transaction, work), work, epochs)
    await commit(store, [Work(member=WA, number=2)], epochs)

    async def write_old() -> None:
        async with store.batch([WA], keys(work)) as transaction:
            await transaction.write(msgspec.structs.replace(old, leaves=(), private=(), keys=()))

    with pytest.raises(HeadMovedError) as caught:
        await write_old()
    assert caught.value.members == (WA,)


async def test_ledger_that_nobody_claimed_is_not_ours(store: Store) -> None:
    """A batch or a reading of a head that does not exist names the ledger."""
    await store.claim(HOST, [WA])
    with pytest.raises(HeadMovedError) as caught:
        await commit(store, [Work(member=OR, number=1)], {OR: 1})
    assert caught.value.members == (OR,)
    with pytest.raises(HeadMovedError):
        await store.heads([WA, OR])


async def test_second_batch_waits_for_the_first(store: Store) -> None:
    """Batches that share a ledger take turns, and the later one sees what the earlier wrote."""
    epochs = await store.claim(HOST, STATES)
    works = [[Work(member=m, number=n) for m in (OR, WA)] for n in range(1, 9)]
    await asyncio.gather(*(commit(store, work, epochs) for work in works))
    assert await sizes(store) == {CA: 0, OR: 8, WA: 8}
    assert len(set(await store.leaves(WA, 0, 8))) == 8


async def test_sizes_are_those_committed_last(store: Store) -> None:
    """A batch in flight is not waited for, and counts once it has ended."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]
    async with store.batch([WA], keys(work)) as transaction:
        await transaction.write(batch_of(plan_of(transaction, work), work, epochs))
        assert await store.ledger_sizes([OR, WA]) == {OR: 0, WA: 0}
    assert await store.ledger_sizes([OR, WA]) == {OR: 0, WA: 1}


async def test_heads_wait_for_a_batch_in_flight(store: Store) -> None:
    """Reading heads returns only once a batch that holds them has ended."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]
    async with store.batch([WA], keys(work)) as transaction:
        reading = asyncio.create_task(store.heads([WA]))
        await transaction.write(batch_of(plan_of(transaction, work), work, epochs))
        done, _ = await asyncio.wait([reading], timeout=0.05)
        assert not done
    head, _ = (await reading)[WA]
    assert head.frontier.size == 1


@pytest.mark.parametrize("fault", [CommitFault.FAILED, CommitFault.LOST])
async def test_failed_commit_leaves_nothing(case: StoreCase, fault: CommitFault) -> None:
    """A batch that failed before or in its commit is not there, and the same one goes in after."""
    store = case.store
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1, frame=("WA1", 1))]
    case.break_commit(fault)
    expected = StoreDownError if fault is CommitFault.FAILED else CommitUnknownError
    with pytest.raises(expected):
        await commit(store, work, epochs)
    assert (await sizes(store))[WA] == 0
    plan = await commit(store, work, epochs)
    assert isinstance(plan.outcomes[0], Placed)
    assert (await sizes(store))[WA] == 1


async def test_commit_that_persisted_unknown_to_us_is_found(case: StoreCase) -> None:
    """A batch whose acknowledgement was lost stands, and the heads say so."""
    store = case.store
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1, frame=("WA1", 1)), Work(member=OR, number=2, is_answer=True)]
    case.break_commit(CommitFault.PERSISTED)
    with pytest.raises(CommitUnknownError):
        await commit(store, work, epochs)
    assert await sizes(store) == {CA: 0, OR: 1, WA: 1}
    plan = await commit(store, work, epochs)
    assert all(isinstance(outcome, Existing) for outcome in plan.outcomes)


async def test_store_that_is_down_says_so(case: StoreCase) -> None:
    """Every call of an unreachable store is a StoreDownError, and works again once it is back."""
    store = case.store
    epochs = await store.claim(HOST, STATES)
    case.go_down()
    with pytest.raises(StoreDownError):
        await commit(store, [Work(member=WA, number=1)], epochs)
    with pytest.raises(StoreDownError):
        await store.heads([WA])
    with pytest.raises(StoreDownError):
        await store.claim(HOST, [WA])
    case.come_back()
    await commit(store, [Work(member=WA, number=1)], epochs)
    assert (await sizes(store))[WA] == 1


async def test_frame_is_accepted_once(store: Store) -> None:
    """Two queries from one frame of a line: the second batch is refused for what it holds."""
    epochs = await store.claim(HOST, STATES)
    await commit(store, [Work(member=WA, number=1, frame=("WA1", 7))], epochs)
    with pytest.raises(RowRefusedError):
        await commit(store, [Work(member=WA, number=2, frame=("WA1", 7))], epochs)
    assert (await sizes(store))[WA] == 1


async def test_refused_row_takes_its_whole_batch(store: Store) -> None:
    """A row that breaks a rule undoes other members' rows of the same batch too."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=OR, number=1), Work(member=WA, number=2)]
    change = HoldChange(
        exchange_id=ExchangeId(work[1].id),
        member=WA,
        leaf_index=LeafIndex(5),
        next_step=2,
        closed=True,
    )
    with pytest.raises(RowRefusedError):
        await commit(store, work, epochs, hold_changes=(change,))
    assert await sizes(store) == dict.fromkeys(STATES, 0)


async def test_large_batch_fills_tiles(store: Store) -> None:
    """A batch of more leaves than a tile holds keeps the roots of the tiles that it filled."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=n) for n in range(600)]
    plan = await commit(store, work, epochs)
    hashes = list(plan.ledgers[WA].hashes)
    assert await store.leaf_hashes(WA, 0, 600) == hashes
    expected = [tree_root(hashes[at : at + 256]) for at in (0, 256)]
    assert await store.nodes(WA, 1, 0, 2) == expected
    assert await store.nodes(WA, 1, 1, 9) == expected[1:]
    assert await store.nodes(OR, 1, 0, 9) == []


async def test_answer_comes_back_byte_for_byte(store: Store) -> None:
    """An answer's sealed bytes, steps and indexes are what the batch wrote, however large."""
    epochs = await store.claim(HOST, STATES)
    body = bytes(range(256)) * 400
    work = [Work(member=WA, number=1, steps=(0, 1), is_answer=True)]
    async with store.batch([WA], keys(work)) as transaction:
        batch = batch_of(plan_of(transaction, work), work, epochs)
        large = msgspec.structs.replace(sealed(""), body=body)
        answer = msgspec.structs.replace(batch.answers[0], sealed=large)
        await transaction.write(msgspec.structs.replace(batch, answers=(answer,)))
    assert await store.answers([(ExchangeId(work[0].id), WA)]) == [answer]
    assert answer.leaf_indexes == (0, 1)


async def test_empty_batch_changes_nothing(store: Store) -> None:
    """A transaction that writes nothing ends without a trace."""
    await store.claim(HOST, STATES)
    async with store.batch([WA], []) as transaction:
        assert transaction.heads[WA].frontier.size == 0
    assert await sizes(store) == dict.fromkeys(STATES, 0)
    assert await store.open_holds(STATES) == []
