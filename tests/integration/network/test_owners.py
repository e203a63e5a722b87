"""Who may write a ledger: one host at a time, and never behind an old backup."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from comity.cli.practice import PracticeNetwork
from comity.cli.stage import open_stage
from comity.domain.ids import ORI, Member
from comity.roles.process import ready_after_line
from tests.fault.lines import RecordingLine, Sent
from tests.fault.network import running_lines, running_network
from tests.integration.engines.network import fresh_place
from tests.integration.network.test_story import POLICE_LINE, question

OTHER = ORI("WAPX001PD")
OTHER_LINE = "wa-larkham-springs-pd"

pytestmark = pytest.mark.timeout(270)


async def ask(network: PracticeNetwork, line: RecordingLine, state: str) -> Sent:
    """Ask a state on a line; return what was sent."""
    query = question(network.world, "PXOWN", state)
    if line.name == OTHER_LINE:
        query = msgspec.structs.replace(query, origin=OTHER)
    return line.add(query)


def events(network: PracticeNetwork, process: str, name: str) -> list[dict[str, str]]:
    """The events of a name in a process's log."""
    log = network.supervisor.placement.log / f"{process}.log"
    lines = [line for line in log.read_text().splitlines() if f'"{name}"' in line]
    return [json.loads(line) for line in lines if line.startswith("{")]


def copy(source: Path, target: Path) -> None:
    """Copy a directory with its owners."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


async def test_old_backup_is_not_written_to() -> None:
    """Where the database is older than what was signed, those ledgers stand and others go on."""
    with fresh_place() as place:
        async with running_network(place) as network:
            cluster = network.supervisor.placement.engine_dir / "postgres"
        backup = cluster.with_name("backup")
        copy(cluster, backup)
        async with (
            running_network(place) as network,
            running_lines(network, [POLICE_LINE]) as lines,
        ):
            sent = await ask(network, lines[POLICE_LINE], "oh")
            await lines[POLICE_LINE].until(lambda: sent.is_ended)
        shutil.rmtree(cluster)
        copy(backup, cluster)
        async with (
            running_network(place) as network,
            open_stage(network.settings, network.world) as stage,
        ):
            refused = {e["member"]: e["code"] for e in events(network, "gateway", "ledger_refused")}
            assert refused == dict.fromkeys(("oh", "tx"), "ledger-does-not-continue")
            async with running_lines(network, [OTHER_LINE]) as lines:
                line = lines[OTHER_LINE]
                alive = await ask(network, line, "md")
                await line.until(lambda: alive.is_ended)
                dead = await ask(network, line, "oh")
                await line.until(lambda: bool(line.heard(dead)))
                assert line.heard(dead)[0].said.delivery.key == "SM"
            sizes = [await stage.ledger_size(Member(state)) for state in ("md", "oh")]
            assert sizes == [3, 2]


async def test_second_gateway_takes_the_ledgers_and_the_first_writes_no_more() -> None:
    """Two gateways on one database: the newer owns, the older notices at its next write."""
    with fresh_place() as place:
        async with (
            running_network(place) as network,
            running_lines(network, [POLICE_LINE]) as lines,
        ):
            line = lines[POLICE_LINE]
            before = await ask(network, line, "oh")
            await line.until(lambda: before.is_ended)
            port = await start_second(network)
            lost = await ask(network, line, "oh")
            await line.until(lambda: bool(line.refusals or line.heard(lost)))
            assert not lost.answers
            dropped = {e["member"] for e in events(network, "gateway", "ledger_dropped")}
            assert "tx" in dropped
            other = network.settings.model_copy(update={"line_port": port})
            moved = msgspec.structs.replace(network, settings=other)
            async with running_lines(moved, [OTHER_LINE]) as others:
                taken = await ask(network, others[OTHER_LINE], "md")
                await others[OTHER_LINE].until(lambda: taken.is_ended)
            async with open_stage(network.settings, network.world) as stage:
                for state in ("tx", "oh", "md", "wa"):
                    assert (await stage.audit(Member(state))).findings == ()


async def start_second(network: PracticeNetwork) -> int:
    """Start another gateway of the same host on the same database; return its lines' port."""
    name, event = "gateway-2", "gateway_ready"
    free = ("COMITY_LINE_PORT=0", "COMITY_HTTP_PORT=0")
    argv = ("env", *free, sys.executable, "-m", "comity", "serve", "gateway")
    child = network.supervisor.role(name, *argv, ready=ready_after_line(f'"{event}"'))
    await network.supervisor.start(child)
    return int(events(network, name, event)[0]["port"])
