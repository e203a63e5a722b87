"""The sequencer on PostgreSQL: commits that fail, full disks, two hosts, bad rows, old backups."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from comity.adapters.memory.secrets import MemorySignedState
from comity.adapters.memory.store import CommitFault
from comity.adapters.memory.witness import MemoryWitness
from comity.adapters.postgres.store import PostgresStore
from comity.audit.evidence import check_receipt
from comity.audit.hashing import check_consistency
from comity.domain.ids import LeafIndex, ledger_origin
from comity.ledger.note import KeyKind
from comity.ledger.plan import Existing
from comity.ledger.witnessing import WitnessKey, encode_add_checkpoint
from comity.ports import SignedState, Witness
from comity.services.checkpoints import LedgerDamagedError
from comity.services.entries import HoldEnd
from comity.services.proofs import consistency_proof
from comity.services.sequencer import CommittedLeaf, NotOwnedError, Refused
from tests.support.engines import Cluster
from tests.support.gateway import DOMAIN, OR, WA, PracticeHost, note_entry
from tests.support.ledger import PracticeSigner
from tests.support.sequencing import HOST, check_ledger, entries_for, host_on, leaf_of, size_of
from tests.support.stores import PostgresCase, postgres_case

CALLS = 12
BATCHES = 40


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[PostgresCase]:
    """A database of this test's own behind a proxy."""
    async with postgres_case(cluster) as opened:
        yield opened


# Commits that fail.


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_commit_that_fails_is_one_leaf(case: PostgresCase, fault: CommitFault) -> None:
    """Failed, cut before COMMIT or cut after it: each entry of both ledgers has one leaf."""
    async with host_on(case.store) as host:
        await host.sequencer.commit(entries_for(host, WA, OR))
        case.break_commit(fault)
        results = await host.sequencer.commit(entries_for(host, WA, OR, WA))
        leaves = [leaf_of(result) for result in results]
        assert [leaf.index for leaf in leaves] == [1, 1, 2]
        await check_ledger(case.store, [leaves[0], leaves[2]])
        await check_ledger(case.store, [leaves[1]], OR)
        assert (host.events.counts["commit_unknown"] > 0) == (fault is not CommitFault.FAILED)


async def test_commits_cut_again_and_again(case: PostgresCase) -> None:
    """However often the way to the server is cut within a commit, nothing has two leaves."""
    async with host_on(case.store) as host:
        leaves: list[CommittedLeaf] = []
        for number in range(CALLS):
            case.break_commit(list(CommitFault)[number % 3])
            calls = [host.sequencer.commit(entries_for(host, WA)) for _ in range(3)]
            leaves += [leaf_of(result) for (result,) in await asyncio.gather(*calls)]
        assert sorted(leaf.index for leaf in leaves) == list(range(3 * CALLS))
        await check_ledger(case.store, leaves)


async def test_same_entry_after_a_commit_that_persisted(case: PostgresCase) -> None:
    """Who asks again for what persisted unheard is told where it stands."""
    async with host_on(case.store) as host:
        entries = entries_for(host, WA)
        case.break_commit(CommitFault.PERSISTED)
        leaf = leaf_of((await host.sequencer.commit(entries))[0])
        (again,) = await host.sequencer.commit(entries)
        assert again == Existing(indexes=((0, leaf.index),))
        assert await size_of(case.store) == 1


# Disks that are full, or fail.


FAIL = """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'practice' USING ERRCODE = '{state}'; END$$;
    CREATE {kind} TRIGGER fail {when} ON {table} {deferred}
        FOR EACH {each} EXECUTE FUNCTION fail()"""
AT_WRITE = {
    "kind": "", "when": "BEFORE INSERT", "table": "ledger_leaf", "deferred": "",
    "each": "STATEMENT",
}  # fmt: skip
AT_COMMIT = {
    "kind": "CONSTRAINT", "when": "AFTER UPDATE", "table": "ledger_head",
    "deferred": "DEFERRABLE INITIALLY DEFERRED", "each": "ROW",
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "place"),
    [("53100", AT_WRITE), ("58030", AT_WRITE), ("53100", AT_COMMIT), ("XX001", AT_COMMIT)],
    ids=["full", "input/output", "full at the commit", "damaged at the commit"],
)
async def test_disk_that_fails_is_waited_for(
    cluster: Cluster, case: PostgresCase, place: dict[str, str], state: str
) -> None:
    """On a full or failing disk or a damaged page: nothing leaves until it is over."""
    async with host_on(case.store) as host:
        await host.sequencer.commit(entries_for(host, WA))
        database = case.database
        await cluster.run(database, FAIL.format(state=state, **place))
        waiting = asyncio.create_task(host.sequencer.commit(entries_for(host, WA, OR)))
        await until(host, "store_unavailable", 3)
        assert not waiting.done()
        assert (await size_of(case.store), await size_of(case.store, OR)) == (1, 0)
        await cluster.run(database, "DROP FUNCTION fail CASCADE")
        leaves = [leaf_of(result) for result in await waiting]
        await check_ledger(case.store, leaves[:1])
        await check_ledger(case.store, leaves[1:], OR)


async def until(host: PracticeHost, event: str, count: int) -> None:
    """Wait until something was counted so often."""
    async with asyncio.timeout(15):
        while host.events.counts[event] < count:  # noqa: ASYNC110 - the code under test counts
            await asyncio.sleep(0.01)


FILLER = """
    INSERT INTO ledger_leaf SELECT 'zz', at, sha256(at::text::bytea),
        convert_to(rpad(md5(at::text), 936, md5(at::text)), 'UTF8')
        FROM generate_series(1, 19000) AS at"""
"""Eight rows to a page and no room beside them, so that the next leaves need pages of their own."""
FULL_BYTES = 17 << 20
"""More than a segment of the write-ahead log, less than the leaves after the filler."""
MANY = 200


@contextmanager
def files_limited(pids: list[int], size: int) -> Iterator[None]:
    """Let no file of these processes, nor of those that they begin, grow beyond a size."""
    for pid in pids:
        set_limit(pid, f"{size}:unlimited")
    try:
        yield
    finally:
        for pid in pids:
            # The server may fall over what it could not write: who is gone needs no limit lifted.
            with suppress(FileNotFoundError, ProcessLookupError):
                lift_limit(pid)


def set_limit(pid: int, limits: str) -> None:
    """Set how large a process's files may be, as the account that it runs under."""
    owner = Path(f"/proc/{pid}").stat()
    command = ["prlimit", "--pid", str(pid), f"--fsize={limits}"]
    subprocess.run(command, check=True, user=owner.st_uid, group=owner.st_gid, cwd="/")


def lift_limit(pid: int) -> None:
    """Give a process back its unlimited files.

    Raises:
        FileNotFoundError, ProcessLookupError: it ended before, or meanwhile.
    """
    try:
        set_limit(pid, "unlimited:unlimited")
    except subprocess.CalledProcessError:
        if Path(f"/proc/{pid}").exists() and not is_zombie(pid):
            raise
        raise ProcessLookupError(pid) from None


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits to be collected."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def backends(cluster: Cluster, database: str) -> list[int]:
    """Return the server's processes that serve a database."""
    connection = await cluster.connect("postgres")
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type LIKE 'client%'",
            database,
        )
    finally:
        await connection.close()
    return [row["pid"] for row in rows]


async def test_table_that_cannot_grow(cluster: Cluster, case: PostgresCase) -> None:
    """The operating system refuses the server a page: the batch waits, and is recorded once."""
    await cluster.run(case.database, FILLER)
    async with host_on(case.store) as host:
        await host.sequencer.commit(entries_for(host, WA))
        served = [cluster.engine.pid, *await backends(cluster, case.database)]
        with files_limited(served, FULL_BYTES):
            entries = entries_for(host, *[WA] * MANY)
            waiting = asyncio.create_task(host.sequencer.commit(entries))
            await until(host, "store_unavailable", 3)
            assert not waiting.done()
            assert await size_of(case.store) == 1
        # A process that was begun under the limit keeps it: the next connection has none.
        for pid in await backends(cluster, case.database):
            await cluster.run("postgres", f"SELECT pg_terminate_backend({pid})")
        leaves = [leaf_of(result) for result in await waiting]
        assert [leaf.index for leaf in leaves] == list(range(1, MANY + 1))
        await check_ledger(case.store, [leaves[0], leaves[-1]])


async def test_log_that_cannot_be_written(cluster: Cluster, case: PostgresCase) -> None:
    """The server falls over a log that its disk does not take: each entry has one leaf after it."""
    async with host_on(case.store) as host:
        first = leaf_of((await host.sequencer.commit(entries_for(host, WA)))[0])
        with files_limited(await backends(cluster, case.database), 8_192):
            waiting = asyncio.create_task(host.sequencer.commit(entries_for(host, WA)))
            await until(host, "commit_unknown", 1)
        if not cluster.engine.is_running():
            await cluster.engine.start()
        second = leaf_of((await waiting)[0])
        assert (first.index, second.index) == (0, 1)
        await check_ledger(case.store, [first, second])


# Rows that the store refuses.


async def test_bad_row_stops_nobody_else(case: PostgresCase) -> None:
    """A row that cannot be written is refused alone; all others are recorded in their order."""
    async with host_on(case.store) as host:
        entries = entries_for(host, WA, OR, WA, OR, WA)
        end = HoldEnd(leaf_index=LeafIndex(999), closed=True)
        entries[2] = msgspec.structs.replace(entries[2], hold_end=end)
        entries.append(msgspec.structs.replace(note_entry(host.disk, OR), exchange_id=b"short"))
        results = await host.sequencer.commit(entries)
        assert [isinstance(result, Refused) for result in results] == [
            False, False, True, False, False, True,
        ]  # fmt: skip
        good = [leaf_of(result) for result in results if not isinstance(result, Refused)]
        assert [leaf.index for leaf in good] == [0, 0, 1, 1]
        await check_ledger(case.store, [good[0], good[3]])
        await check_ledger(case.store, [good[1], good[2]], OR)


# Two hosts.


@pytest.fixture
async def rival(cluster: Cluster, case: PostgresCase) -> AsyncIterator[PostgresStore]:
    """Another host's store of the same database."""
    store = await PostgresStore.open(cluster.url(case.database))
    yield store
    await store.close()


async def test_two_hosts_on_one_ledger(case: PostgresCase, rival: PostgresStore) -> None:
    """Whoever claimed last commits; the other drops its ledgers and signs nothing for them."""
    async with host_on(case.store) as one:
        kept = leaf_of((await one.sequencer.commit(entries_for(one, WA)))[0])
        async with host_on(rival, beside=one) as other:
            (lost,) = await one.sequencer.commit(entries_for(one, WA))
            assert isinstance(lost, Refused)
            assert isinstance(lost.error, NotOwnedError)
            assert not one.sequencer.owns(WA)
            won = leaf_of((await other.sequencer.commit(entries_for(other, WA)))[0])
            assert won.index == 1
            await check_ledger(case.store, [kept, won])


async def test_hosts_that_take_a_ledger_from_each_other(
    case: PostgresCase, rival: PostgresStore
) -> None:
    """Both write while both claim: every receipt is of one history, a refusal has no leaf."""
    async with host_on(case.store) as one, host_on(rival, beside=one) as other:
        leaves: list[CommittedLeaf] = []
        refused = 0

        async def take(host: PracticeHost) -> None:
            host.sequencer.own(await host.store.claim(host.world.host, [WA]))

        for number in range(BATCHES):
            taker, loser = (one, other) if number % 2 else (other, one)
            taking = asyncio.create_task(take(taker))
            calls = [host.sequencer.commit(entries_for(host, WA)) for host in (one, other) * 2]
            results = [result for done in await asyncio.gather(*calls) for result in done]
            await taking
            # From here on it is known who has the ledger.
            (late,) = await loser.sequencer.commit(entries_for(loser, WA))
            assert isinstance(late, Refused)
            results += [late, *await taker.sequencer.commit(entries_for(taker, WA))]
            leaves += [leaf_of(result) for result in results if not isinstance(result, Refused)]
            refused += sum(isinstance(result, Refused) for result in results)
        assert len(await check_ledger(case.store, leaves)) == len(leaves)
        assert min(len(leaves), refused) >= BATCHES


async def test_claim_waits_for_a_commit_in_flight(case: PostgresCase, rival: PostgresStore) -> None:
    """A ledger cannot be taken in the middle of a batch: the batch is in it, or was never begun."""
    async with host_on(case.store) as host:
        async with case.store.batch([WA], []):
            claim = asyncio.create_task(rival.claim(host.world.host, [WA]))
            _, pending = await asyncio.wait([claim], timeout=0.2)
            assert pending
        assert await claim == {WA: 2}
        (lost,) = await host.sequencer.commit(entries_for(host, WA))
        assert isinstance(lost, Refused)
        assert await size_of(case.store) == 0


# Old backups.


class OneWitness:
    """What a witness outside keeps of Washington's ledger."""

    def __init__(self, host: PracticeHost) -> None:
        _, key = host.checkpoints._keys.of(WA)
        signer = PracticeSigner("witness.example/nv", b"\x0a" * 32, KeyKind.COSIGNATURE)
        self.origin = ledger_origin(DOMAIN, WA)
        self.witness = MemoryWitness(
            WitnessKey(key=signer.key, signer=signer), {self.origin: [key]}, host.clock
        )

    async def see(self, store: PostgresStore) -> None:
        """Cosign the ledger's newest checkpoint."""
        row = await store.checkpoint(WA)
        assert row is not None
        old = self.witness.heads[self.origin].size if self.witness.heads else 0
        proof = await consistency_proof(store, WA, old, row.size)
        reply = await self.witness.add_checkpoint(encode_add_checkpoint(old, proof, row.note))
        assert reply.status == 200, reply.body


@pytest.mark.parametrize("remembers", ["signed state", "witness"])
@pytest.mark.parametrize("grown", [0, 3, 5], ids=["smaller", "as large", "larger"])
async def test_old_backup_is_refused(
    cluster: Cluster, case: PostgresCase, remembers: str, grown: int
) -> None:
    """A copy of earlier rows is refused by either memory alone, however it has grown since."""
    backup = ""
    async with host_on(case.store) as host:
        await host.sequencer.commit(entries_for(host, *[WA] * 4))
        await host.checkpoints.sign_all()
        outside = OneWitness(host)
        await outside.see(case.store)
        await host.checkpoints.check(WA)
        backup = await copy_of(cluster, case)
        await host.sequencer.commit(entries_for(host, *[WA] * 3))
        await host.checkpoints.sign_all()
        await outside.see(case.store)
        state: SignedState = host.disk.signed_state
    restored = await PostgresStore.open(cluster.url(backup))
    try:
        witnesses: list[Witness] = [outside.witness] if remembers == "witness" else []
        if remembers == "witness":
            state = MemorySignedState()
        async with host_on(restored, signed_state=state, witnesses=witnesses) as host:
            if grown:
                # Other leaves than those that were lost: another history from here on.
                host.disk.clock.advance_ns(1)
                await host.sequencer.commit(entries_for(host, *[WA] * grown))
            with pytest.raises(LedgerDamagedError):
                await host.checkpoints.check(WA)
            await host.checkpoints.check(OR)
    finally:
        await restored.close()
        await cluster.drop_database(backup)


async def copy_of(cluster: Cluster, case: PostgresCase) -> str:
    """Copy a database as it stands; nobody may be connected meanwhile."""
    for pid in await backends(cluster, case.database):
        await cluster.run("postgres", f"SELECT pg_terminate_backend({pid})")
    return await cluster.make_database(case.database)


# Writers and readers at once.


async def test_readers_verify_while_writers_write(case: PostgresCase, rival: PostgresStore) -> None:
    """Two writers and eight readers: every receipt, leaf and growth that a reader sees holds."""
    async with host_on(case.store) as host:
        leaves: list[CommittedLeaf] = []
        is_over = asyncio.Event()

        async def write() -> None:
            for _ in range(BATCHES):
                results = await host.sequencer.commit(entries_for(host, WA, WA, WA))
                leaves.extend(leaf_of(result) for result in results)

        async def read(number: int) -> int:
            looks, seen = 0, (0, b"")
            while not is_over.is_set():
                seen = await look(rival, host, seen, number + looks)
                looks += 1
            return looks

        readers = [asyncio.create_task(read(number)) for number in range(8)]
        await asyncio.gather(write(), write())
        is_over.set()
        assert min(await asyncio.gather(*readers)) > 0
        assert len(await check_ledger(case.store, leaves)) == 2 * 3 * BATCHES


async def look(
    store: PostgresStore, host: PracticeHost, seen: tuple[int, bytes], at: int
) -> tuple[int, bytes]:
    """Verify one leaf, and that the ledger has grown from what was seen; return its head."""
    head, root = (await store.heads([WA]))[WA]
    size = head.frontier.size
    if not size:
        return seen
    old, root_old = seen
    if old:
        proof = await consistency_proof(store, WA, old, size)
        check_consistency(old, root_old, size, root, proof)
    index = at * 7 % size
    ((data, receipt),) = await host.proofs.receipts(WA, [index])
    proved = check_receipt(receipt, data, HOST)
    assert proved.index == index
    assert proved.size >= size
    assert await store.leaves(WA, index, index + 1) == [data]
    return size, root
