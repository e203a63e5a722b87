"""The experiment: traffic from lines, processes killed at seeded moments, then rest; then evidence.

The same seed sends the same queries and kills the same processes after the same pauses; what the
machine does between two kills is its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from comity.app.database import open_reader
from comity.app.keys import host_keys, ledger_vkey
from comity.app.wire import COMMAND_USER, open_bus
from comity.audit.notes import TrustedKey, read_vkey
from comity.audit.tree import audit_tree
from comity.cli.practice import PracticeNetwork
from comity.domain.ids import Member
from comity.ledger.note import encode_vkey
from comity.link.command import CommandDone, SignCheckpoint, decode_result, encode_command
from comity.roles.host_files import HostFiles
from comity.services.export import export_ledger
from comity.services.sending import command_subject
from tests.fault.lines import RecordingLine
from tests.fault.network import callers, running_lines, running_network, traffic

KILLED = ("hub", "gateway", "postgres", "nats")
EVERYTHING = ("everything",)
PAUSE_S = (0.5, 1.2)
CUT_SHARE = 0.25
CUT_BEFORE_S = 0.3
CUT_S = (0.0, 3.0)
QUERIES_PER_S = 150
QUERIES_MAX = 500_000
END_S_MAX = 60.0
COMMAND_S_MAX = 20.0
POLL_S = 0.2


@dataclass(frozen=True)
class Fault:
    """After a pause, some lines are cut for a while; after another, these processes are killed."""

    pause_s: float
    names: tuple[str, ...]
    cut: tuple[tuple[int, float], ...] = ()


def schedule(seed: int, rounds: int, lines: int) -> list[Fault]:
    """Every process of `KILLED` once a round, in any order, then everything at once."""
    rng = Random(f"faults {seed}")
    faults: list[Fault] = []
    for _ in range(rounds):
        order = list(KILLED)
        rng.shuffle(order)
        faults += [_fault(rng, (name,), lines) for name in order]
    return [*faults, _fault(rng, EVERYTHING, lines)]


def _fault(rng: Random, names: tuple[str, ...], lines: int) -> Fault:
    cut = rng.sample(range(lines), int(lines * CUT_SHARE))
    return Fault(
        pause_s=rng.uniform(*PAUSE_S),
        names=names,
        cut=tuple((at, rng.uniform(*CUT_S)) for at in cut),
    )


@dataclass
class Evidence:
    """What the lines hold, what the ledgers hold, and what the audits found."""

    host_key: TrustedKey
    lines: list[RecordingLine]
    kills: list[str] = field(default_factory=list)
    end_s: float = 0.0
    leaves: dict[Member, list[bytes]] = field(default_factory=dict)
    sizes: dict[Member, int] = field(default_factory=dict)
    findings: dict[Member, list[str]] = field(default_factory=dict)


async def play(place: Path, seed: int, rounds: int) -> Evidence:
    """Run the experiment and collect its evidence."""
    async with running_network(place) as network:
        names = list(callers(network.world).values())
        host_key = read_vkey(encode_vkey(host_keys(network.settings)))
        async with running_lines(network, names) as lines:
            evidence = Evidence(host_key=host_key, lines=list(lines.values()))
            sending = asyncio.create_task(_send(network, lines, seed))
            try:
                await _kill(network, schedule(seed, rounds, len(names)), evidence)
            finally:
                sending.cancel()
            (ended,) = await asyncio.gather(sending, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError), f"the traffic ended: {ended!r}"
            started = time.monotonic()
            await _rest(evidence.lines)
            evidence.end_s = time.monotonic() - started
        await _collect(network, evidence)
        return evidence


async def _send(network: PracticeNetwork, lines: dict[str, RecordingLine], seed: int) -> None:
    by_ori = callers(network.world)
    started = time.monotonic()
    for count, told in enumerate(traffic(network.world, seed, QUERIES_MAX)):
        ahead = count / QUERIES_PER_S - (time.monotonic() - started)
        if ahead > 0:
            await asyncio.sleep(ahead)
        line = lines[by_ori[told.query.origin]]
        line.add(told.query, told.states, is_merged=told.is_merged)


async def _kill(network: PracticeNetwork, faults: Sequence[Fault], evidence: Evidence) -> None:
    supervisor = network.supervisor
    every = tuple(status.name for status in supervisor.status())
    for fault in faults:
        await asyncio.sleep(fault.pause_s)
        for at, seconds in fault.cut:
            evidence.lines[at].cut(seconds)
        await asyncio.sleep(CUT_BEFORE_S)
        names = every if fault.names == EVERYTHING else fault.names
        for name in names:
            # One that is not running cannot be killed in the middle of anything.
            await supervisor.ready(name)
        for name in names:
            supervisor.kill(name)
            evidence.kills.append(name)
    await asyncio.sleep(PAUSE_S[0])


async def _rest(lines: Sequence[RecordingLine]) -> None:
    """Wait until everything has ended, or the time for it is over."""
    deadline = time.monotonic() + END_S_MAX
    while time.monotonic() < deadline:
        if not any(line.unaccepted() or line.unended() for line in lines):
            return
        await asyncio.sleep(POLL_S)


async def _collect(network: PracticeNetwork, evidence: Evidence) -> None:
    """Export and audit every ledger."""
    settings = network.settings
    members = network.world.members()
    host = HostFiles(settings.data_dir).host_name()
    async with open_bus(settings, COMMAND_USER) as bus:
        command = encode_command(SignCheckpoint(member=members[0]))
        answer = await bus.request(command_subject(host), command, timeout_s=COMMAND_S_MAX)
        assert isinstance(decode_result(answer), CommandDone)
    async with open_reader(settings, list(members)) as store:
        for member in members:
            files: dict[str, bytes] = {}
            key = ledger_vkey(settings, member)
            size = await export_ledger(store, member, key, files.__setitem__)
            report = audit_tree(files.__getitem__, encode_vkey(key))
            evidence.leaves[member] = await store.leaves(member, 0, size)
            evidence.sizes[member] = report.size
            evidence.findings[member] = [f"{f.code} {f.path}" for f in report.findings]
