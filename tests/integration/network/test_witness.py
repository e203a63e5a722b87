"""A witness as a process: killed, it remembers; an old backup is seen by witnesses alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from comity.adapters.signed_state import FileSignedState
from comity.adapters.witness import HttpWitness
from comity.adapters.witness_records import SqliteWitnessRecords
from comity.ledger.note import parse_checkpoint, parse_note
from comity.ledger.quorum import KnownWitness
from comity.ledger.witnessing import origin_id
from comity.ports import UnreachableError
from comity.roles.machine import free_port
from comity.roles.witness_files import QUORUM_NAME, WitnessFiles, read_quorum_file
from tests.fault.network import running_lines, running_network
from tests.integration.engines.network import fresh_place
from tests.integration.network.test_owners import ask, copy, events
from tests.integration.network.test_story import POLICE_LINE
from tests.support.ledger import ORIGIN
from tests.support.witness import FOLLOWS, TREE, WitnessHost, request_of

pytestmark = pytest.mark.timeout(360)

# The real desk on the real files, but for a kill right after the head was kept.
KILLED_AFTER_KEEPING = """
import asyncio, os, signal, sys
from pathlib import Path
from comity.adapters.signed_state import FileSignedState
from comity.adapters.witness_records import SqliteWitnessRecords
from tests.support.witness import WitnessHost, request_of

class Killed(SqliteWitnessRecords):
    def swap(self, before, after):
        assert super().swap(before, after)
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
host = WitnessHost(Killed(folder / "state.sqlite"), FileSignedState(folder / "signed-state"))
asyncio.run(host.desk.take(request_of(8, 20)))
"""


def made(place: Path) -> WitnessFiles:
    """A witness's folder with a key, following the practice ledger."""
    files = WitnessFiles(place / "witness")
    files.make("witness.example/oh")
    files.write_ledgers(FOLLOWS)
    return files


def start(place: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the witness's own process."""
    environment = {
        **os.environ,
        "COMITY_WITNESS_DIR": str(place / "witness"),
        "COMITY_WITNESS_PORT": str(port),
        "COMITY_DATA_DIR": str(place),
    }
    argv = [sys.executable, "-m", "comity", "serve", "witness"]
    return subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


async def until_up(witness: HttpWitness, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process answers; it must not end."""
    async with asyncio.timeout(20):
        while True:
            assert process.poll() is None
            try:
                await witness.last_checkpoint(ORIGIN)
            except UnreachableError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def process_of(place: Path, files: WitnessFiles) -> AsyncIterator[tuple[HttpWitness, int]]:
    """A running witness, killed at the end; yield a client and the process's id."""
    port = free_port()
    known = KnownWitness(name="W", key=files.verifier_key(), url=f"http://127.0.0.1:{port}")
    witness = HttpWitness(known, seconds_max=5.0)
    process = start(place, port)
    try:
        await until_up(witness, process)
        yield witness, process.pid
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
        await witness.close()


async def test_killed_at_any_time_it_never_goes_back(tmp_path: Path) -> None:
    """Whatever was answered before a kill -9 is still its last checkpoint or before it."""
    files = made(tmp_path)
    answered = 0
    for life in range(4):
        async with process_of(tmp_path, files) as (witness, pid):
            size = await cosigned_size(witness, ORIGIN)
            assert size >= answered
            killing = asyncio.get_running_loop().call_later(
                0.02 * (life + 1), os.kill, pid, signal.SIGKILL
            )
            try:
                for new in range(size + 1, min(size + 9, 40)):
                    reply = await witness.add_checkpoint(request_of(new - 1, new))
                    assert reply.status == 200
                    answered = new
            except UnreachableError:
                pass
            killing.cancel()
    assert answered > 0


async def test_killed_between_keeping_and_answering(tmp_path: Path) -> None:
    """The head is kept and was not answered: the asker is told its size, and gets it cosigned."""
    state = FileSignedState(tmp_path / "signed-state")
    records = SqliteWitnessRecords(tmp_path / "state.sqlite")
    await WitnessHost(records, state).desk.take(request_of(0, 8))
    records.close()
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    argv = [sys.executable, "-c", KILLED_AFTER_KEEPING, str(tmp_path)]
    killed = await asyncio.create_subprocess_exec(*argv, env=environment)
    assert await killed.wait() == -signal.SIGKILL
    assert state.read(origin_id(ORIGIN)) == (8, TREE.root(8))
    records = SqliteWitnessRecords(tmp_path / "state.sqlite")
    host = WitnessHost(records, state)
    host.desk.check()
    assert state.read(origin_id(ORIGIN)) == (20, TREE.root(20))
    assert (await host.desk.take(request_of(8, 20))).body == b"20\n"
    assert (await host.desk.take(request_of(20, 20))).status == 200
    records.close()


async def test_old_copy_of_its_database_does_not_start(tmp_path: Path) -> None:
    """A process on a restored copy ends with the reason, and cosigns nothing."""
    files = made(tmp_path)
    async with process_of(tmp_path, files) as (witness, _):
        await witness.add_checkpoint(request_of(0, 3))
    backup = {p: p.read_bytes() for p in files.database.parent.glob("state.sqlite*")}
    async with process_of(tmp_path, files) as (witness, _):
        await witness.add_checkpoint(request_of(3, 8))
    for path in files.database.parent.glob("state.sqlite*"):
        path.unlink()
    for path, data in backup.items():
        path.write_bytes(data)
    process = start(tmp_path, free_port())
    _, said = process.communicate(timeout=20)
    assert process.returncode == 5
    assert b"(witness-behind)" in said


async def test_old_backup_is_refused_by_witnesses_alone() -> None:
    """Database restored and signed state lost: the ledgers that witnesses saw further stand."""
    with fresh_place() as place:
        async with running_network(place, witness_count=2) as network:
            cluster = network.supervisor.placement.engine_dir / "postgres"
            data_dir = network.settings.data_dir
        backup = cluster.with_name("backup")
        copy(cluster, backup)
        async with (
            running_network(place, witness_count=2) as network,
            running_lines(network, [POLICE_LINE]) as lines,
        ):
            sent = await ask(network, lines[POLICE_LINE], "oh")
            await lines[POLICE_LINE].until(lambda: sent.is_ended)
            await until_witnessed(data_dir, ("oh", "tx"))
        shutil.rmtree(cluster)
        copy(backup, cluster)
        shutil.rmtree(data_dir / "signed-state")
        async with running_network(place, witness_count=2) as network:
            refused = {e["member"]: e["code"] for e in events(network, "gateway", "ledger_refused")}
            assert refused == dict.fromkeys(("oh", "tx"), "ledger-does-not-continue")


async def until_witnessed(data_dir: Path, states: tuple[str, ...]) -> None:
    """Wait until a witness has cosigned a checkpoint of three leaves of each of these ledgers."""
    file = read_quorum_file(data_dir / QUORUM_NAME)
    wanted = [one.key.name for one in file.ledgers if one.key.name.rpartition("/")[2] in states]
    client = HttpWitness(file.witnesses[0], 5.0)
    for _ in range(100):
        if all([await cosigned_size(client, origin) >= 3 for origin in wanted]):
            break
        await asyncio.sleep(0.2)
    await client.close()


async def cosigned_size(witness: HttpWitness, origin: str) -> int:
    """The size that a witness cosigned last of an origin, 0 if none."""
    note = await witness.last_checkpoint(origin)
    return parse_checkpoint(parse_note(note)[0]).size if note is not None else 0
