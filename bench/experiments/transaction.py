"""Measure shapes of the batch transaction: `transaction.py --rate 2000 --seconds 30 --shape cte`.

One sequencer, one commit for what came during the last one. An exchange submits its origin part
(accepted row and `query` leaf), then its answer part (answer and outcome leaf), then a result row.
Cases take turns in short slices, so that noise hits all alike. Source: ADR 0003.
"""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvloop
from transaction_cluster import Cluster, cluster
from transaction_shapes import LAYOUTS, RESULT, SHAPES, Batch, Layout, Shape, ddl, indexes

DATA = "/var/lib/comity-practice-exp" if os.getuid() == 0 else ".comity/experiment"
MEMBERS = [f"{a}{b}" for a in "abcdef" for b in "hijklmnop"] + ["us"]
CAP = 4096
NOISE = os.urandom(1 << 22)
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, wal_fpi FROM pg_stat_wal"
HOP_S = 0.001  # what the bus takes between origin and answer


def noise(size: int) -> bytes:
    """Bytes that do not compress, as those of an encrypted row."""
    start = int(random.random() * (len(NOISE) - 1024))
    return NOISE[start : start + size]


def new_id() -> bytes:
    """Eight bytes of time, eight random."""
    return time.time_ns().to_bytes(8, "big") + noise(8)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared."""

    shape: str
    layout: str
    rate: int
    floor_ms: float
    frontier: int
    plan: str
    lanes: int
    members: int


class Figures(msgspec.Struct, kw_only=True):
    """What the slices of one case add up to."""

    exchanges: int = 0
    seconds: float = 0.0
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    wal: int = 0
    pages: int = 0
    commits: list[float] = []
    latencies: list[float] = []
    batches: list[int] = []
    fsyncs: list[float] = []
    slices: list[float] = []


class Part(msgspec.Struct, gc=False):
    """Half an exchange on its way into a batch."""

    id: bytes
    state: str
    origin: bool
    born: float


class Ledgers:
    """Sizes in memory, as the owner of all ledgers holds them, and rows made from parts."""

    def __init__(self, layout: Layout, frontier: int) -> None:
        """Start with empty ledgers."""
        self.layout, self.frontier = layout, frontier
        self.sizes = dict.fromkeys(MEMBERS, 0)

    def batch(self, parts: list[Part], results: Sequence[bytes] = ()) -> Batch:
        """Rows and heads for these parts; sizes move at once."""
        before: dict[str, int] = {}
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self.layout.tables}
        for part in parts:
            index = self.sizes[part.state]
            before.setdefault(part.state, index)
            self.sizes[part.state] = index + 1
            self._add(rows, part, index)
        if "result" in rows:
            rows["result"] = [(i, "us", 0, noise(700)) for i in results]
        states = sorted(before)
        heads = [(s, before[s], self.sizes[s], noise(32), noise(self.frontier), 0) for s in states]
        return Batch(rows=rows, heads=heads, states=states, keys=[part.id for part in parts])

    def _add(self, rows: dict[str, list[tuple[Any, ...]]], part: Part, index: int) -> None:
        leaf = (part.state, index, noise(32), noise(230))
        sealed = (202611, noise(12), noise(420))
        if "ledger_private" in rows:
            rows["ledger_leaf"].append(leaf)
            rows["ledger_private"].append((part.state, index, *sealed))
        else:
            rows["ledger_leaf"].append(leaf + sealed)
        if "ledger_key" in rows:
            rows["ledger_key"].append((part.id, part.state, 0, index))
        if not part.origin:
            rows["answer"].append((part.id, part.state, 0, 1, noise(700), index))
        elif "ledger_key" in rows:
            rows["accepted"].append((part.id, part.state, 7, index, noise(400)))
        else:
            rows["accepted"].append((part.id, part.state, 7, index, noise(400), index))


class Sequencer:
    """Natural batching with an optional floor under the time between two commits."""

    def __init__(self, shape: Shape, ledgers: Ledgers, case: Case, figures: Figures) -> None:
        """Take the parts of one lane."""
        self.shape, self.ledgers, self.case, self.figures = shape, ledgers, case, figures
        self.pending: list[Part] = []
        self.results: list[bytes] = []
        self.arrived = asyncio.Event()
        self.done: asyncio.Queue[list[Part]] = asyncio.Queue()

    def submit(self, part: Part) -> None:
        """Queue a part for the next batch."""
        self.pending.append(part)
        self.arrived.set()

    async def run(self) -> None:
        """Commit batches until cancelled."""
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            parts, self.pending = self.pending[:CAP], self.pending[CAP:]
            began = time.perf_counter()
            carried, self.results = self.results, []
            await self.shape.commit(self.ledgers.batch(parts, carried))
            ended = time.perf_counter()
            self.figures.commits.append(ended - began)
            self.figures.batches.append(len(parts))
            self.figures.latencies.extend(ended - part.born for part in parts)
            self.done.put_nowait(parts)
            rest = self.case.floor_ms / 1e3 - (ended - began)
            if rest > 0:
                await asyncio.sleep(rest)
            if self.pending:
                self.arrived.set()


class Run:
    """One slice of one case: arrivals, sequencers, and result rows."""

    def __init__(self, case: Case, figures: Figures, ledgers: Ledgers) -> None:
        """Prepare a slice."""
        self.case, self.figures, self.ledgers = case, figures, ledgers
        self.lanes: list[Sequencer] = []
        self.members = MEMBERS[: case.members]
        self.open = 0
        self.idle = asyncio.Event()
        self.results: list[bytes] = []

    def _lane(self, state: str) -> Sequencer:
        return self.lanes[hash(state) % len(self.lanes)]

    def start_exchange(self, born: float) -> None:
        """Submit the origin's part."""
        self.open += 1
        state = random.choice(self.members)
        self._lane(state).submit(Part(new_id(), state, True, born))

    async def answers(self, lane: Sequencer) -> None:
        """Send committed queries on to their answers; count committed answers."""
        loop = asyncio.get_running_loop()
        while True:
            parts = await lane.done.get()
            queries = [part for part in parts if part.origin]
            if queries:
                loop.call_later(HOP_S, self._answer, queries)
            ended = [part.id for part in parts if not part.origin]
            self.figures.exchanges += len(ended)
            self.open -= len(ended)
            if self.open == 0:
                self.idle.set()
            (lane if "result" in self.ledgers.layout.tables else self).results += ended

    def _answer(self, queries: list[Part]) -> None:
        now = time.perf_counter()
        for _ in queries:
            state = random.choice(self.members)
            self._lane(state).submit(Part(new_id(), state, False, now))

    async def write_results(self, connection: asyncpg.Connection) -> None:
        """Insert result rows apart, without waiting for the disk: they can be driven again."""
        types = ", ".join(f"${i + 1}::{t}[]" for i, t in enumerate(RESULT.values()))
        insert = await connection.prepare(
            f"INSERT INTO result SELECT * FROM unnest({types})"  # noqa: S608 - types are constants
        )
        while True:
            await asyncio.sleep(0.005)
            ids, self.results = self.results, []
            if ids:
                rows = [(i, "us", 0, noise(700)) for i in ids]
                await insert.fetch(*zip(*rows, strict=True))

    async def arrivals(self, until: float) -> None:
        """Poisson arrivals in an open loop; at rate 0 a closed loop of 512 exchanges."""
        due = time.perf_counter()
        while (now := time.perf_counter()) < until:
            if self.case.rate == 0:
                for _ in range(512 - self.open):
                    self.start_exchange(now)
            while self.case.rate and due < now:
                self.start_exchange(due)
                due += random.expovariate(self.case.rate)
            await asyncio.sleep(0.001)


async def connect(server: Cluster, case: Case, **settings: str) -> asyncpg.Connection:
    """Connect to the schema of a case."""
    modes = {"search_path": case.layout, "plan_cache_mode": case.plan, **settings}
    return await asyncpg.connect(
        host=str(server.data), user="postgres", database="postgres", server_settings=modes
    )


async def measure(server: Cluster, case: Case, seconds: float, figures: Figures) -> None:
    """Run one slice of a case and add it to its figures."""
    figures.fsyncs.append(server.fsync_ms())
    connections = [await connect(server, case) for _ in range(case.lanes)]
    lazy = await connect(server, case, synchronous_commit="off")
    ledgers = Ledgers(LAYOUTS[case.layout], case.frontier)
    ledgers.sizes = dict(await lazy.fetch("SELECT state, size FROM ledger_head"))
    run = Run(case, figures, ledgers)
    for connection in connections:
        shape = SHAPES[case.shape](ledgers.layout, connection)
        await shape.prepare()
        run.lanes.append(Sequencer(shape, ledgers, case, figures))
    wal = await lazy.fetchrow(_WAL)
    tasks = [asyncio.create_task(lane.run()) for lane in run.lanes]
    tasks += [asyncio.create_task(run.answers(lane)) for lane in run.lanes]
    writer = await connect(server, case, synchronous_commit="off")
    tasks.append(asyncio.create_task(run.write_results(writer)))
    began, server_cpu, client_cpu = time.perf_counter(), server.cpu_seconds(), time.process_time()
    before = figures.exchanges
    arrivals = asyncio.create_task(run.arrivals(began + seconds))
    await asyncio.wait([arrivals, *tasks], return_when=asyncio.FIRST_COMPLETED)
    spent = server.cpu_seconds() - server_cpu
    figures.client_cpu += time.process_time() - client_cpu
    figures.seconds += time.perf_counter() - began
    figures.server_cpu += spent
    figures.slices.append(spent * 1e6 / max(1, figures.exchanges - before))
    for task in tasks:
        if task.done():
            task.result()
    if run.open and case.rate:  # let what is in flight end, so that memory and heads agree
        run.idle.clear()
        await run.idle.wait()
    await asyncio.sleep(0.3)  # statistics of the backends are flushed when idle
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for connection in [*connections, writer]:
        await connection.close()
    after = await lazy.fetchrow(_WAL)
    figures.wal += int(after[0] - wal[0])
    figures.pages += after[1] - wal[1]
    await lazy.close()


async def fill(server: Cluster, layout: str, exchanges: int) -> None:
    """Make the schema of a layout and fill it with ordered rows, once."""
    case = Case(
        shape="copy",
        layout=layout,
        rate=0,
        floor_ms=0,
        frontier=320,
        plan="auto",
        lanes=1,
        members=55,
    )
    connection = await connect(server, case, synchronous_commit="off")
    if await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", layout):
        await connection.close()
        return
    await connection.execute(f"CREATE SCHEMA {layout};" + ddl(LAYOUTS[layout], MEMBERS))
    ledgers = Ledgers(LAYOUTS[layout], 320)
    for _ in range(0, exchanges, 5000):
        ids = [new_id() for _ in range(5000)]
        parts = [Part(i, random.choice(MEMBERS), o, 0) for i in ids for o in (True, False)]
        for part in parts[1::2]:
            part.id = new_id()
        for table, rows in ledgers.batch(parts).rows.items():
            await connection.copy_records_to_table(table, records=rows)
    sizes = list(zip(*ledgers.sizes.items(), strict=True))
    await connection.execute(
        "UPDATE ledger_head h SET size = n.size FROM unnest($1::text[], $2::bigint[])"
        " AS n(state, size) WHERE h.state = n.state",
        *sizes,
    )
    await connection.execute(indexes(LAYOUTS[layout]))
    await connection.execute("VACUUM (ANALYZE, FREEZE)")
    await connection.execute("CHECKPOINT")
    await connection.close()


def line(case: Case, f: Figures) -> str:
    """One row of the report."""

    def cut(values: list[float], share: float) -> float:
        return sorted(values)[int(len(values) * share)] * 1e3 if values else 0.0

    n = max(1, f.exchanges)
    return (
        f"{case.shape:9}{case.layout:7}{case.rate:6}{case.floor_ms:5.0f}{case.frontier:5}"
        f"{case.plan[:8]:>9}{case.lanes:3}{case.members:4} | {f.exchanges / f.seconds:7.0f}/s "
        f"pg {statistics.median(f.slices):5.0f} ({min(f.slices):.0f}-{max(f.slices):.0f}) "
        f"client {f.client_cpu * 1e6 / n:5.0f} us | "
        f"commit {cut(f.commits, 0.5):5.2f}/{cut(f.commits, 0.99):6.2f} "
        f"wait+commit {cut(f.latencies, 0.5):5.2f}/{cut(f.latencies, 0.99):6.2f} ms | "
        f"batch {statistics.mean(f.batches):5.1f} | wal {f.wal / n:5.0f} B fpi {f.pages / n:.3f} | "
        f"fsync {statistics.median(f.fsyncs):.2f} ms"
    )


def cases(arguments: argparse.Namespace) -> list[Case]:
    """The product of all comma lists."""
    lists = [str(getattr(arguments, name)).split(",") for name in Case.__struct_fields__]
    return [
        msgspec.convert(dict(zip(Case.__struct_fields__, values, strict=True)), Case, strict=False)
        for values in itertools.product(*lists)
    ]


async def compare(server: Cluster, arguments: argparse.Namespace) -> None:
    """Fill, then let the cases take turns."""
    for _ in range(100):
        try:
            await (await connect(server, cases(arguments)[0])).close()
            break
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.1)
    table = {case: Figures() for case in cases(arguments)}
    for layout in dict.fromkeys(case.layout for case in table):
        await fill(server, layout, arguments.fill)
    rounds = max(1, round(arguments.seconds / arguments.slice))
    for turn in range(rounds):
        order = list(table)
        random.Random(turn).shuffle(order)
        for case in order:
            await measure(server, case, arguments.seconds / rounds, table[case])
    for case, figures in table.items():
        print(line(case, figures), flush=True)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    text = {
        "shape": "cte",
        "layout": "plain",
        "rate": "2000",
        "floor_ms": "0",
        "frontier": "320",
        "plan": "auto",
        "lanes": "1",
        "members": "55",
    }
    for name, default in text.items():
        parser.add_argument(f"--{name.replace('_', '-')}", default=default)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--slice", type=float, default=5)
    parser.add_argument("--fill", type=int, default=500_000, help="exchanges")
    parser.add_argument("--data", type=Path, default=Path(DATA))
    parser.add_argument("--autovacuum", default="off", help="off: shapes are compared without it")
    arguments = parser.parse_args()
    with cluster(arguments.data, autovacuum=arguments.autovacuum) as server:
        uvloop.run(compare(server, arguments))


if __name__ == "__main__":
    main()
