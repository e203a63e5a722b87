"""The ledger on PostgreSQL: ready rows committed, and whole entries governed by the sequencer.

The server is the one that an installation runs, with its settings, in a folder of its own that is
removed at the end. One ledger, one writer: what limits it is one PostgreSQL connection's COPY and
one process's CPU.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.report import Figure, at_least, told, unmeasured
from comity.adapters.keyring import FileKeyring
from comity.adapters.postgres.migrate import migrate
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.system import SystemClock, SystemEntropy
from comity.cli.serve import settle_memory
from comity.directory.trust import TrustRoot
from comity.domain.ids import ORI, HostName, LeafIndex, Member, QueryId, ledger_origin
from comity.domain.leaf import LeafHeader
from comity.domain.query import Claims
from comity.domain.vocabulary import Assurance, Instrument, LeafKind, LeafMode
from comity.exchange.leaves import WantedLeaf
from comity.exchange.private import query_fields
from comity.ledger.note import verifier_key
from comity.ledger.plan import Draft, LedgerHead, Placed, Submission, keys_of, make_plan
from comity.ledger.tree import EMPTY_FRONTIER
from comity.ports import BatchWrite, HeadWrite, PrivateRow, Sealed
from comity.roles.engines.placement import place
from comity.roles.engines.postgres import DATABASE, Postgres
from comity.roles.files import read_secret
from comity.roles.process import Attempt, signal_child, spawn
from comity.roles.runtime import DatabaseRole
from comity.roles.settings import load_settings
from comity.services.detail import Detail
from comity.services.entries import Entry, Preparer
from comity.services.events import Events
from comity.services.ledger_keys import LedgerKeys
from comity.services.member import World
from comity.services.sequencer import Committed, Sequencer
from comity.services.vault import Vault

TX, HOST = Member("tx"), HostName("bench-1")
BATCH = 1_024
CALLERS = 3
PRIVATE_BYTES = 400
NS = 1_000_000_000


class QuietLog:
    """A log that keeps nothing."""

    def info(self, event: str, **fields: Any) -> None:
        """Forget."""

    warning = error = info


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """Run a PostgreSQL with one migrated database; yield where the gateway's role connects."""
    placed = place(load_settings(data_dir=Path(tempfile.mkdtemp(prefix="comity-bench-"))))
    server = Postgres(load_settings(data_dir=placed.data_dir), placed)
    child, log = server.child, placed.log / "postgres.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        if child.prepare is not None:
            await child.prepare()
        process = spawn(child, log)
        attempt = Attempt(pid=process.pid, log=log, log_offset=0)
        async with asyncio.timeout(child.ready_s_max):
            while not await child.ready(attempt):  # noqa: ASYNC110 - another process's readiness
                await asyncio.sleep(0.05)

        def url(role: DatabaseRole) -> str:
            at = server.address
            password = read_secret(Path(at.password_files[role]))
            return f"postgresql://{role}:{password}@{at.host}:{at.port}/{DATABASE}"

        admin = await asyncpg.connect(url(DatabaseRole.ADMIN), ssl=False)
        await migrate(admin)
        await admin.close()
        yield url(DatabaseRole.GATEWAY)
    finally:
        if process is not None:
            signal_child(process, child.stop[0].number)
            process.wait(30)
        for folder in {placed.data_dir, placed.engine_dir}:
            shutil.rmtree(folder, ignore_errors=True)


def an_id(number: int) -> bytes:
    """Return a time-ordered id."""
    return (time.time_ns() + number).to_bytes(8, "big") + number.to_bytes(8, "big")


def header(at: int) -> LeafHeader:
    """Return a query's header."""
    return LeafHeader(
        version=1,
        kind=LeafKind.QUERY,
        mode=LeafMode.LIVE,
        hour=at // 3_600,
        member=TX,
        agency="TXPX00001",
        key="DQ",
        purpose="traffic_safety",
        offence="traffic",
        instrument=Instrument.NONE,
        fan_out=1,
        commitment=sha256(b"bench").digest(),
    )


async def commit_rates(url: str, seconds: float) -> list[float]:
    """Return leaves a second of each batch of ready rows; planning is not in it."""
    store = await PostgresStore.open(url)
    numbers, rates = count(), []
    head, now = LedgerHead(frontier=EMPTY_FRONTIER), int(time.time())
    epoch = (await store.claim(HOST, [TX]))[TX]
    wanted = header(now)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        submissions = [
            Submission(
                member=TX,
                exchange_id=an_id(next(numbers)),
                drafts=(Draft(step=0, header=wanted),),
            )
            for _ in range(BATCH)
        ]
        plan = make_plan(submissions, {TX: head}, {})
        (ledger,) = plan.ledgers.values()
        placed = [
            leaf for done in plan.outcomes if isinstance(done, Placed) for leaf in done.leaves
        ]
        batch = BatchWrite(
            heads=(
                HeadWrite(
                    member=TX,
                    size_old=ledger.size_old,
                    epoch=epoch,
                    frontier=ledger.growth.frontier,
                    root=ledger.growth.root,
                    policy=ledger.policy,
                ),
            ),
            leaves=tuple((TX, leaf) for leaf in placed),
            keys=tuple(plan.keys()),
            nodes=tuple((TX, node) for node in ledger.nodes()),
            private=tuple(private_row(leaf.index) for leaf in placed),
        )
        start = time.perf_counter()
        async with store.batch([TX], keys_of(submissions)) as transaction:
            await transaction.write(batch)
        rates.append(BATCH / (time.perf_counter() - start))
        head = LedgerHead(frontier=ledger.growth.frontier, policy=ledger.policy)
    await store.close()
    return rates


def private_row(index: LeafIndex) -> PrivateRow:
    """Return a row as large as a query's private record."""
    sealed = Sealed(key_number=682, nonce=b"n" * 12, body=b"p" * PRIVATE_BYTES)
    return PrivateRow(member=TX, leaf_index=index, sealed=sealed)


async def governed_rates(url: str, seconds: float) -> list[float]:
    """Return leaves a second, by parts of the time, of whole entries through the sequencer."""
    store = await PostgresStore.open(url)
    private = Ed25519PrivateKey.generate()
    key = verifier_key(HOST, private.public_key().public_bytes_raw())
    ledger = Ed25519PrivateKey.generate()
    ledger_public = ledger.public_key().public_bytes_raw()
    with tempfile.TemporaryDirectory() as keys:
        vault = Vault(FileKeyring(Path(keys), SystemEntropy()), SystemEntropy())
        world = World(HOST, TrustRoot(keys={}), {}, Events(QuietLog()), 1)
        sequencer = Sequencer(
            store=store,
            preparer=Preparer(vault, Detail(world, 1)),
            clock=SystemClock(),
            signer=private,
            host=key,
            keys=LedgerKeys(
                {TX: (ledger, verifier_key(ledger_origin("practice.invalid", TX), ledger_public))}
            ),
            events=Events(QuietLog()),
        )
        sequencer.own(await store.claim(HOST, [TX]))
        running = asyncio.create_task(sequencer.run())
        done = [0]
        callers = [asyncio.create_task(call(sequencer, done, place)) for place in range(CALLERS)]
        await asyncio.sleep(0.5)
        rates = []
        for _ in range(8):
            before, start = done[0], time.perf_counter()
            await asyncio.sleep(seconds / 8)
            rates.append((done[0] - before) / (time.perf_counter() - start))
        for task in (*callers, running):
            task.cancel()
        await asyncio.gather(*callers, running, return_exceptions=True)
    await store.close()
    return rates


async def call(sequencer: Sequencer, done: list[int], place: int) -> None:
    """Hand over entries, wait for their receipts, and hand over the next."""
    for number in count(place << 40, BATCH):
        at = int(time.time())
        entries = [an_entry(number + offset, at) for offset in range(BATCH)]
        results = await sequencer.commit(entries)
        assert all(isinstance(result, Committed) for result in results)
        done[0] += len(results)


def an_entry(number: int, at: int) -> Entry:
    """Return what the origin records of a query: leaf and private record."""
    query = QueryId(an_id(number))
    fields = query_fields(
        query_id=query,
        agency=ORI("TXPX00001"),
        claims=Claims(),
        assurance=Assurance.AGENCY_ASSERTED,
        search=(("NAM", "DOE,JANE ANN"), ("DOB", "19800229"), ("SEX", "F")),
        accepted_at=at,
    )
    leaf = WantedLeaf(step=0, header=header(at), fields=fields)
    return Entry(member=TX, exchange_id=query, leaves=(leaf,))


async def store_figures(seconds: float | None) -> list[Figure]:
    """Measure what needs a database, or say that it was not."""
    names = {"commit_leaves_per_s": 50_000, "governed_leaves_per_s": 20_000}
    if seconds is None:
        return [unmeasured(name, "leaves/s", target) for name, target in names.items()]
    rates = {}
    settle_memory()  # as every process that serves does
    async with database() as url:
        rates["commit_leaves_per_s"] = await commit_rates(url, seconds)
    async with database() as url:
        rates["governed_leaves_per_s"] = await governed_rates(url, seconds)
    figures = [
        at_least(name, statistics.median(rates[name]), "leaves/s", target, rates[name])
        for name, target in names.items()
    ]
    return [*figures, told("batch_leaves", BATCH, "leaves")]
