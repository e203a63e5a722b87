"""The full path under load: lines over TLS, both faces, hub, wire, ledgers, records, and back.

A practice network is made anew. Rates rise until one is not sustained, and are then halved in
between; the highest sustained one is held for the time asked for, and the figures are of that.
Sustained: every query of the window has its answer, none an error, the 99th percentile is within
its bound, and the last third of the window waits no longer than the first (no backlog grows).

    python -m bench.exchange [--seconds N] [--rate N]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import uvloop

from bench.load import UNANSWERED, Opened, Plan, Seen, Window, packed
from bench.processes import cpu_us, tree_cpu_us
from bench.report import (
    Figure,
    at_least,
    at_most,
    percentile,
    print_figures,
    told,
    unmeasured,
)
from bench.verify import count_incomplete, count_unverified
from comity.app.keys import host_keys
from comity.app.wire import COMMAND_USER, open_bus
from comity.cli.practice import PracticeNetwork, practice_network
from comity.domain.ids import Member
from comity.domain.query import Query
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.link.command import AskStatus, CommandDone, decode_result, encode_command
from comity.ports import Bus
from comity.practice.traffic import DQ
from comity.practice.world import PracticeWorld
from comity.roles.host_files import HostFiles
from comity.roles.machine import LOOPBACK
from comity.roles.settings import load_settings
from comity.services.sending import command_subject

ROOT: Final = Path(__file__).resolve().parents[1]
CONNECTIONS: Final = 1_000
LINES_PER_AGENCY: Final = 3
QUERIES: Final = 40_000
SEED: Final = 20_261_124
STEP_SECONDS: Final = 6.0
DRAIN_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 1.0
FIRST_RATE: Final = 100.0
HALVINGS: Final = 3
HOLDS_MAX: Final = 4
P99_MS_MAX: Final = 250.0
BACKLOG_RATIO_MAX: Final = 2.0
BACKLOG_MS: Final = 50.0
LIST_STATES: Final = 5
LIST_QUERIES: Final = 100
LIST_RATE: Final = 5.0
NETWORK_CODE: Final = "NL"
NETWORK_QUERIES: Final = 60
NETWORK_RATE: Final = 3.0
IDLE_SECONDS: Final = 5.0
ENGINES: Final = ("postgres", "nats")
ROLES: Final = ("gateway", "hub", "worker")
ValueT = TypeVar("ValueT")


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A window: what was asked of it, what was seen, what each process spent."""

    rate: float
    seconds: float
    seen: Seen
    cpu_us: dict[str, int]
    entries: int
    batches: int

    @property
    def latencies_ms(self) -> list[float]:
        """Latencies of what was answered, in the order of their due times."""
        return [us / 1_000 for us in array("I", self.seen.latencies_us) if us != UNANSWERED]

    @property
    def unanswered(self) -> int:
        """How many queries had no answer when the window was over."""
        return array("I", self.seen.latencies_us).count(UNANSWERED)

    @property
    def errors(self) -> int:
        """How many queries, answers or connections went wrong."""
        seen = self.seen
        return seen.refused + seen.faults + seen.lost + self.unanswered

    @property
    def p99_ms(self) -> float:
        """The 99th percentile, once the start of the window has settled."""
        skipped = int(self.rate * SETTLE_SECONDS)
        return percentile(sorted(self.latencies_ms[skipped:]), 0.99)

    @property
    def is_sustained(self) -> bool:
        """Whether the network could go on at this rate."""
        found = self.latencies_ms
        third = len(found) // 3
        if self.errors or not third:
            return False
        first, last = statistics.median(found[:third]), statistics.median(found[-third:])
        return self.p99_ms <= P99_MS_MAX and last <= first * BACKLOG_RATIO_MAX + BACKLOG_MS


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """Queries to all states, one after another: how many of their answers were not of all of them,
    and which share of a core the gateway took before them.
    """

    held: Held
    incomplete: int
    idle_share: float


class Bench:
    """A running network with a load generator beside it."""

    def __init__(
        self, network: PracticeNetwork, command: Bus, load: asyncio.subprocess.Process
    ) -> None:
        self._network = network
        self._command = command
        self._load = load
        self._host = HostFiles(network.settings.data_dir).host_name()
        self._first = 0

    async def open_lines(self, plan: Plan) -> int:
        """Open the lines; return how many."""
        return (await self._ask(plan, Opened)).connections

    async def hold(self, rate: float, seconds: float, *, keep_every: int = 100) -> Held:
        """Run one window; the next one goes on in the traffic where this one ended."""
        window = Window(
            rate=rate,
            seconds=seconds,
            drain_s=DRAIN_SECONDS,
            first=self._first,
            keep_every=keep_every,
        )
        self._first += int(rate * seconds)
        before, counts = self._spent(), await self._counts()
        seen = await self._ask(window, Seen)
        after, ended = self._spent(), await self._counts()
        return Held(
            rate=rate,
            seconds=seconds,
            seen=seen,
            cpu_us={name: after[name] - before[name] for name in after},
            entries=ended["entries_committed"] - counts["entries_committed"],
            batches=ended["batches_committed"] - counts["batches_committed"],
        )

    async def idle_share(self) -> float:
        """Return which share of a core the gateway takes while nobody asks it anything."""
        before = self._spent()["gateway"]
        await asyncio.sleep(IDLE_SECONDS)
        return (self._spent()["gateway"] - before) / (IDLE_SECONDS * 1e6)

    async def _ask(self, value: object, kind: type[ValueT]) -> ValueT:
        assert self._load.stdin is not None
        assert self._load.stdout is not None
        self._load.stdin.write(packed(value))
        await self._load.stdin.drain()
        size = int.from_bytes(await self._load.stdout.readexactly(4), "big")
        return msgspec.msgpack.decode(await self._load.stdout.readexactly(size), type=kind)

    def _spent(self) -> dict[str, int]:
        pids = {s.name: s.pid for s in self._network.supervisor.status() if s.pid is not None}
        spent = {name: cpu_us(pids[name]) for name in ROLES}
        spent |= {name: tree_cpu_us(pids[name]) for name in ENGINES}
        return spent | {"load": cpu_us(self._load.pid)}

    async def _counts(self) -> dict[str, int]:
        data = await self._command.request(
            command_subject(self._host),
            encode_command(AskStatus(member=Member("tx"))),
            timeout_s=DRAIN_SECONDS,
        )
        result = decode_result(data)
        assert isinstance(result, CommandDone)
        return {name: int(said) for name, said in result.facts if said.isdecimal()}


def lines_of(world: PracticeWorld) -> dict[str, list[str]]:
    """Return the lines of each agency that asks, so many that `CONNECTIONS` are open in all."""
    agencies = [a for member in world.members() for a in world.agencies(member) if a.active]
    found: dict[str, list[str]] = {agency.ori: [] for agency in agencies}
    count = 0
    for number in range(1, LINES_PER_AGENCY + 1):
        for agency in agencies[: CONNECTIONS - count]:
            suffix = "" if number == 1 else f"-{number}"
            found[agency.ori].append(f"{agency.lines[0]}{suffix}")
        count += len(agencies[: CONNECTIONS - count])
    return found


def make_plan(network: PracticeNetwork, queries: Sequence[Query]) -> Plan:
    """Return the lines and the messages, half of the lines speaking text and half JSON.

    Each destination answers by itself, but the whole network by one merged message.
    """
    by_agency = lines_of(network.world)
    lines = [line for own in by_agency.values() for line in own]
    places = {line: place for place, line in enumerate(lines)}
    turns = dict.fromkeys(by_agency, 0)
    messages = []
    for query in queries:
        own = by_agency[query.origin]
        turns[query.origin] = turn = turns[query.origin] + 1
        place = places[own[turn % len(own)]]
        render = json_form.render_query if place % 2 else text_form.render_query
        messages.append((place, len(query.destinations), render(query)))
    return Plan(
        host=LOOPBACK,
        port=network.settings.line_port,
        tls=str(network.settings.data_dir / "tls"),
        lines=tuple(lines),
        messages=tuple(messages),
    )


def single_state(world: PracticeWorld) -> list[Query]:
    """Return practice traffic in which each query asks one state."""
    return [
        msgspec.structs.replace(query, destinations=query.destinations[:1])
        for query in world.queries(SEED, QUERIES)
    ]


def to_list(world: PracticeWorld) -> list[Query]:
    """Return queries that each ask a list of states."""
    drawn = (query for query in world.queries(SEED + 1, QUERIES) if query.key == DQ)
    full = (query for query in drawn if len(query.destinations) == LIST_STATES)
    return list(islice(full, LIST_QUERIES))


def to_network(world: PracticeWorld) -> list[Query]:
    """Return queries that each ask every state for one person's licence."""
    drawn = (query for query in world.queries(SEED + 2, QUERIES) if query.key == DQ)
    return [
        msgspec.structs.replace(query, destinations=(NETWORK_CODE,))
        for query in islice(drawn, NETWORK_QUERIES)
    ]


@asynccontextmanager
async def open_bench(network: PracticeNetwork) -> AsyncIterator[Bench]:
    """Start a load generator; end it on leaving."""
    argv = (sys.executable, "-m", "bench.load")
    load = await asyncio.create_subprocess_exec(
        *argv,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with open_bus(network.settings, COMMAND_USER) as command:
            yield Bench(network, command, load)
    finally:
        assert load.stdin is not None
        load.stdin.close()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await load.wait()
        except TimeoutError:
            load.kill()
            await load.wait()


async def find_rate(bench: Bench) -> float:
    """Return the highest rate that a short window sustained, or the lowest one tried."""
    low, high = 0.0, FIRST_RATE
    while True:
        if not (await tried(bench, high, STEP_SECONDS)).is_sustained:
            break
        low, high = high, high * 2
    for _ in range(HALVINGS):
        rate = (low + high) / 2
        if (await tried(bench, rate, STEP_SECONDS)).is_sustained:
            low = rate
        else:
            high = rate
    return low or high


async def tried(bench: Bench, rate: float, seconds: float) -> Held:
    """Run one window and say on stderr how it went."""
    held = await bench.hold(rate, seconds)
    verdict = "sustained" if held.is_sustained else "not sustained"
    answered = len(held.latencies_ms)
    cpu = " ".join(f"{n} {us / max(answered, 1):.0f}" for n, us in held.cpu_us.items())
    sys.stderr.write(
        f"{rate:7.0f}/s: {verdict}; p50 {percentile(sorted(held.latencies_ms), 0.5):.0f} ms, "
        f"p99 {held.p99_ms:.0f} ms, errors {held.errors}, batch "
        f"{held.entries / max(held.batches, 1):.1f}; CPU us an exchange: {cpu}\n"
    )
    return held


async def held_rate(bench: Bench, seconds: float, rate: float | None) -> Held:
    """Hold the rate asked for, or the highest that is sustained for so long."""
    if rate is not None:
        return await tried(bench, rate, seconds)
    rate = await find_rate(bench)
    held = await tried(bench, rate, seconds)
    for _ in range(HOLDS_MAX - 1):
        if held.is_sustained:
            break
        rate *= 0.85
        held = await tried(bench, rate, seconds)
    return held


def multistate_figures(asked: Held, idle_share: float) -> list[Figure]:
    """Return what one query to every state takes, and costs the gateway beyond its idling."""
    found = sorted(asked.latencies_ms)
    seconds = max(asked.seconds, 1.0)
    beyond_us = asked.cpu_us["gateway"] - idle_share * seconds * 1e6
    p50_ms = percentile(found, 0.5) if found else DRAIN_SECONDS * 1_000
    return [
        at_most("multistate_p50_ms", p50_ms, "ms", 50, found),
        at_most("multistate_core_ms", beyond_us / 1_000 / max(len(found), 1), "ms", 12),
    ]


def figures_of(held: Held, unverified: int, listed: Held, merged: Merged) -> list[Figure]:
    """Return the figures of the held window, and of the queries to many states."""
    found = sorted(held.latencies_ms)
    answered = len(found)
    is_held = held.is_sustained and not unverified
    exchanges = answered / held.seconds if is_held else 0.0
    total = sum(held.cpu_us.values())
    list_ms = sorted(listed.latencies_ms)
    errors = held.errors + unverified + listed.errors + merged.held.errors + merged.incomplete
    return [
        at_least("exchanges_per_s", exchanges, "1/s", 4_000),
        at_most("errors", errors, "count", 0),
        at_most("latency_p99_ms", held.p99_ms, "ms", P99_MS_MAX, _by_part(held, 0.99)),
        told("latency_p50_ms", percentile(found, 0.5), "ms", _by_part(held, 0.5)),
        told("cpu_us_per_exchange", total / max(answered, 1), "us"),
        *(
            told(f"cpu_us_per_exchange_{name}", us / max(answered, 1), "us")
            for name, us in held.cpu_us.items()
        ),
        told("batch_entries_mean", held.entries / max(held.batches, 1), "entries"),
        told("load_late_max_ms", held.seen.late_us / 1_000, "ms"),
        told("verified_answers", len(held.seen.kept) - unverified, "count"),
        told(f"list_of_{LIST_STATES}_states_p50_ms", percentile(list_ms, 0.5), "ms", list_ms),
        *multistate_figures(merged.held, merged.idle_share),
        unmeasured("peer_ratio", "ratio", 5),
        unmeasured("cpu_us_ratio_large_ledger", "ratio", 1.2),
        unmeasured("cpu_us_ratio_400_rules", "ratio", 1.2),
    ]


def _by_part(held: Held, share: float, parts: int = 12) -> list[float]:
    """Return a percentile of each part of a window."""
    found = held.latencies_ms
    size = len(found) // parts
    cut = (sorted(found[at * size : (at + 1) * size]) for at in range(parts))
    return [percentile(part, share) for part in cut if part]


async def measure(seconds: float, rate: float | None) -> list[Figure]:
    """Bring a network up, measure, and take it down."""
    settings = load_settings()
    folder = settings.data_dir.with_name(f"{settings.data_dir.name}-bench")
    settings = load_settings(data_dir=folder)
    _remove(folder)
    async with practice_network(
        settings, doing=lambda *_: None, lines_per_agency=LINES_PER_AGENCY
    ) as network:
        single, listed = single_state(network.world), to_list(network.world)
        async with open_bench(network) as bench:
            opened = await bench.open_lines(make_plan(network, single))
            assert opened == CONNECTIONS
            await bench.hold(FIRST_RATE, SETTLE_SECONDS)
            held = await held_rate(bench, seconds, rate)
        async with open_bench(network) as bench:
            await bench.open_lines(make_plan(network, listed))
            at_rest = await bench.hold(LIST_RATE, len(listed) / LIST_RATE)
        async with open_bench(network) as bench:
            merged = await ask_network(bench, network)
        unverified = count_unverified(held.seen.kept, host_keys(network.settings))
    _remove(folder)
    return figures_of(held, unverified, at_rest, merged)


async def ask_network(bench: Bench, network: PracticeNetwork) -> Merged:
    """Ask every state at once, few such queries at a time, with nothing else going on."""
    queries = to_network(network.world)
    await bench.open_lines(make_plan(network, queries))
    await bench.hold(NETWORK_RATE, SETTLE_SECONDS)
    idle_share = await bench.idle_share()
    held = await bench.hold(NETWORK_RATE, len(queries) / NETWORK_RATE, keep_every=1)
    states = len(network.world.states())
    return Merged(
        held=held, incomplete=count_incomplete(held.seen.kept, states), idle_share=idle_share
    )


def _remove(folder: Path) -> None:
    """Remove an earlier bench's network; only a directory that a bench made."""
    if folder.name.endswith("-bench") and folder.is_dir():
        shutil.rmtree(folder)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--json", action="store_true", help="as always: no other form is printed")
    chosen = parser.parse_args()
    found = uvloop.run(measure(chosen.seconds, chosen.rate))
    print_figures("exchange", found)
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
