"""The store on a server that ends sessions, restarts and crashes, and with callers that leave."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.postgres.session import Session
from comity.adapters.postgres.store import PostgresStore
from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member
from comity.ledger.plan import Placed
from comity.ports import CommitUnknownError, StoreDownError
from comity.roles.runtime import DatabaseRole
from tests.support.engines import Cluster
from tests.support.rows import (
    OR,
    WA,
    Work,
    batch_of,
    commit,
    keys,
    plan_of,
    result_row,
)

HOST = HostName("gw-1")
STATES: tuple[Member, ...] = (OR, WA)
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = '{}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@pytest.fixture
async def store(cluster: Cluster, database: str) -> AsyncIterator[PostgresStore]:
    """A store on a database of its own."""
    opened = await PostgresStore.open(cluster.url(database))
    yield opened
    await opened.close()


async def size(store: PostgresStore, member: Member = WA) -> int:
    """Return the committed size of a ledger."""
    return (await store.heads([member]))[member][0].frontier.size


async def test_session_that_ends_before_the_commit(
    cluster: Cluster, database: str, store: PostgresStore
) -> None:
    """A session ended by the server within a batch: nothing persisted, and the caller knows."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]

    async def lose_session() -> None:
        async with store.batch([WA], keys(work)) as transaction:
            plan = plan_of(transaction, work)
            await cluster.run(database, _END_SESSIONS.format(database))
            await transaction.write(batch_of(plan, work, epochs))

    with pytest.raises(StoreDownError):
        await lose_session()
    assert await size(store) == 0
    assert isinstance((await commit(store, work, epochs)).outcomes[0], Placed)


async def test_idle_sessions_that_end_are_replaced(
    cluster: Cluster, database: str, store: PostgresStore
) -> None:
    """Sessions that the server ended between two calls cost at most one failed call each."""
    epochs = await store.claim(HOST, STATES)
    await asyncio.gather(*(store.line_position(f"WA{n}") for n in range(4)))
    await cluster.run(database, _END_SESSIONS.format(database))
    failed = 0
    for number in range(8):
        try:
            await commit(store, [Work(member=WA, number=number)], epochs)
        except StoreDownError:
            failed += 1
    assert failed <= 4
    assert await size(store) == 8 - failed


async def more_than(done: set[int], count: int) -> None:
    """Wait until a set has grown beyond a count."""
    async with asyncio.timeout(15):
        while len(done) <= count:  # noqa: ASYNC110  what grows it is the code under test
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
async def test_server_that_restarts(
    cluster: Cluster, store: PostgresStore, number: signal.Signals
) -> None:
    """A store lives through a stop, an immediate stop and a kill of its server; nothing is lost."""
    epochs = await store.claim(HOST, STATES)
    done: set[int] = set()
    unknown: set[int] = set()

    async def keep_committing() -> None:
        for at in range(100_000):
            try:
                await commit(store, [Work(member=WA, number=at)], epochs)
                done.add(at)
            except CommitUnknownError:
                unknown.add(at)
            except StoreDownError:
                await asyncio.sleep(0.01)

    writer = asyncio.create_task(keep_committing())
    await more_than(done, 20)
    cluster.engine.stop(number)
    with pytest.raises(StoreDownError):
        await store.claim(HOST, [OR])
    await cluster.engine.start()
    await more_than(done, len(done) + 20)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    found = {work.number for work in (Work(member=WA, number=n) for n in done | unknown)}
    async with store.batch([WA], keys([Work(member=WA, number=n) for n in found])) as transaction:
        kept = {
            int.from_bytes(exchange_id[8:], "big") for exchange_id, _, _ in transaction.existing
        }
        total = transaction.heads[WA].frontier.size
    assert done <= kept <= done | unknown
    assert total - 1 <= len(kept) <= total


async def test_caller_that_leaves_within_a_batch(store: PostgresStore) -> None:
    """A caller that is cancelled leaves no lock and no row, and the connection serves the next."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]
    locked = asyncio.Event()

    async def dawdle() -> None:
        async with store.batch([WA], keys(work)) as transaction:
            await transaction.write(batch_of(plan_of(transaction, work), work, epochs))
            locked.set()
            await asyncio.Event().wait()

    for _ in range(6):
        locked.clear()
        task = asyncio.create_task(dawdle())
        await locked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await size(store) == 0
    await commit(store, work, epochs)
    assert await size(store) == 1


async def test_caller_that_leaves_while_it_waits_for_a_lock(store: PostgresStore) -> None:
    """A caller that is cancelled while another batch holds its ledger gives its place up."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1)]
    async with store.batch([WA], keys(work)) as transaction:
        waiting = [asyncio.create_task(store.heads([WA])) for _ in range(2)]
        await asyncio.wait(waiting, timeout=0.1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await transaction.write(batch_of(plan_of(transaction, work), work, epochs))
    assert await size(store) == 1


async def test_error_says_which_rule_and_no_value(store: PostgresStore) -> None:
    """The text of a refused row names the rule that it breaks, never what stands in it."""
    epochs = await store.claim(HOST, STATES)
    await commit(store, [Work(member=WA, number=1, frame=("LINE-OF-ANN", 7))], epochs)
    with pytest.raises(RowRefusedError) as caught:
        await commit(store, [Work(member=WA, number=2, frame=("LINE-OF-ANN", 7))], epochs)
    assert str(caught.value) == "a row breaks `accepted_frame`"
    assert caught.value.__cause__ is None


async def test_value_that_does_not_fit_is_the_rows_fault(store: PostgresStore) -> None:
    """A number that its column cannot hold is refused for what it is, not retried for ever."""
    with pytest.raises(RowRefusedError):
        await store.save_results([result_row(1, 11, 1, step=2**20)])
    with pytest.raises(RowRefusedError):
        await store.save_acknowledged({"WA1": 2**70})


async def test_batches_of_every_size_use_one_statement(store: PostgresStore) -> None:
    """One row or two thousand, with rows of some tables or of all, go in and come back."""
    epochs = await store.claim(HOST, STATES)
    at = 0
    for count in (1, 2_000, 3, 1):
        work = [
            Work(
                member=STATES[n % 2],
                number=n,
                frame=(f"L{n % 7}", n) if n % 3 == 0 else None,
                is_answer=n % 3 == 1,
            )
            for n in range(at, at + count)
        ]
        await commit(store, work, epochs)
        at += count
    assert await size(store) + await size(store, OR) == at
    assert len(await store.leaves(WA, 0, at)) == await size(store)


async def test_reader_reads_and_never_waits(
    cluster: Cluster, database: str, store: PostgresStore
) -> None:
    """A reader sees its members' rows while a writer holds their heads, and can write nothing."""
    epochs = await store.claim(HOST, STATES)
    work = [
        Work(member=WA, number=1, frame=("WA1", 1)),
        Work(member=OR, number=2, frame=("OR1", 1)),
    ]
    await commit(store, work, epochs)
    await store.save_results([result_row(1, 11, 1), result_row(2, 21, 1, member=OR, line="OR1")])
    url = cluster.url(database, DatabaseRole.READER)
    reader = await PostgresStore.open(url, members=[WA])
    try:
        async with store.batch([WA], []):
            head, _ = (await reader.heads([WA]))[WA]
        assert head.frontier.size == 1
        assert len(await reader.leaves(WA, 0, 9)) == 1
        assert await reader.leaves(OR, 0, 9) == []
        for member, seen in ((WA, 1), (OR, 0)):
            ids, places = (b"", b"\xff" * 17), ((b"", b"", -1), (b"\xff" * 17, b"", 0))
            queries = await reader.accepted_between(member, ids, 9, newest_first=True)
            results = await reader.results_between(member, places, 9, newest_first=True)
            assert (len(queries), len(results)) == (seen, seen)
        with pytest.raises(ComityError):
            await reader.claim(HOST, [WA])
        with pytest.raises(ComityError):
            await commit(reader, [Work(member=WA, number=3)], epochs)
    finally:
        await reader.close()
    assert await size(store) == 1


async def test_server_that_is_not_there_yet(cluster: Cluster, database: str) -> None:
    """A store can be opened before its server runs, and says that it is down until it does."""
    cluster.engine.stop()
    store = await PostgresStore.open(cluster.url(database))
    try:
        with pytest.raises(StoreDownError):
            await store.claim(HOST, [WA])
        await cluster.engine.start()
        assert await store.claim(HOST, [WA]) == {WA: 1}
    finally:
        await store.close()


async def commits_before_unknown(store: PostgresStore, epochs: dict[Member, int]) -> int:
    """Commit one leaf after another; return how many were certain before one was not."""
    for number in range(10_000):
        try:
            await commit(store, [Work(member=WA, number=number)], epochs)
        except CommitUnknownError:
            return number
        await asyncio.sleep(0.01)
    raise AssertionError("every commit was certain")


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_commit_whose_standby_was_not_waited_for(
    cluster: Cluster, database: str, store: PostgresStore, end: str
) -> None:
    """A commit that stands here and perhaps at no standby is unknown, and the heads know of it."""
    epochs = await store.claim(HOST, STATES)
    waiting = f"""
        SELECT {end}(pid) FROM pg_stat_activity
        WHERE datname = '{database}' AND wait_event = 'SyncRep'"""
    await cluster.run(database, "ALTER SYSTEM SET synchronous_standby_names = 'elsewhere'")
    try:
        await cluster.run(database, "SELECT pg_reload_conf()")
        committing = asyncio.create_task(commits_before_unknown(store, epochs))
        while not committing.done():
            await cluster.run(database, waiting)
            await asyncio.sleep(0.01)
    finally:
        await cluster.run(database, "ALTER SYSTEM RESET synchronous_standby_names")
        await cluster.run(database, "SELECT pg_reload_conf()")
    assert await size(store) == await committing + 1


async def test_only_a_succession_cuts_a_ledger(store: PostgresStore) -> None:
    """The gateway's role deletes no leaf; the function does, for the very transaction's row."""
    epochs = await store.claim(HostName("gw-1"), [WA])
    await commit(store, [Work(member=WA, number=number) for number in (1, 2, 3)], epochs)
    add = "INSERT INTO ledger_succession VALUES ('wa', 'retired', 'next', 2, 2)"
    cut = "SELECT cut_ledger('wa', 2, '{}')"
    other = "SELECT cut_ledger('wa', 1, '{}')"
    refused = [
        ("DELETE FROM ledger_leaf",),
        ("UPDATE ledger_leaf SET bytes = ''",),
        (cut,),
        (add, other),
    ]
    async with store.pool.lend() as session:
        for statements in refused:
            await session.execute("BEGIN")
            with pytest.raises(ComityError, match="42501"):
                await _all(session, statements)
            await session.roll_back()
        await session.execute(add)
        with pytest.raises(ComityError, match="42501"):
            await session.execute(cut)
    assert len(await store.leaves(WA, 0, 9)) == 3


async def _all(session: Session, statements: tuple[str, ...]) -> None:
    for statement in statements:
        await session.execute(statement)
