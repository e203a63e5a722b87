"""The supervisor over real processes: what is killed comes back, what it started ends with it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from comity.roles.engines.placement import place
from comity.roles.engines.postgres import Postgres
from comity.roles.errors import (
    AlreadyRunningError,
    ChildNotReadyError,
    EngineStateError,
    NotRunningError,
    PortTakenError,
    StopRequestedError,
)
from comity.roles.keeper import ChildState, Event, EventKind
from comity.roles.process import (
    Attempt,
    ready_after_line,
    ready_on_file,
    ready_on_port,
    signal_child,
    spawn,
)
from comity.roles.runtime import DatabaseRole, load_runtime
from comity.roles.settings import Settings
from comity.roles.supervisor import Supervisor
from tests.integration.engines.network import (
    TALKATIVE,
    as_ordinary_user,
    fresh_place,
    join,
    lives,
    role,
    run_as,
    settings_for,
    wait_for,
)

ROOT = Path(__file__).parents[3]
ADMIN, GATEWAY, READER = DatabaseRole
# Settings with which no engine is started: roles alone are supervised.
EXTERNAL = {
    "database_url": "postgresql://gateway@127.0.0.1/elsewhere",
    "nats_url": "nats://127.0.0.1:4222",
}


@pytest.fixture
def here() -> Iterator[Path]:
    """A place for one network."""
    with fresh_place() as place:
        yield place


async def test_killed_engines_come_back_with_their_data(here: Path) -> None:
    """Each engine that is killed is started again on its address, and committed rows are there."""
    settings = settings_for(here)
    told: list[Event] = []
    async with Supervisor(settings, progress=told.append) as network:
        await run_as(
            settings,
            ADMIN,
            "CREATE TABLE kept (n int)",
            f"GRANT SELECT, INSERT ON kept TO {GATEWAY}",
            f"GRANT SELECT ON kept TO {READER}",
        )
        await run_as(settings, GATEWAY, "INSERT INTO kept SELECT generate_series(1, 1000)")
        before = network.runtime
        for name in ("postgres", "nats"):
            first = network.kill(name)
            assert await network.ready(name, after=first) == first + 1
        assert await run_as(settings, READER, "SELECT count(*) FROM kept") == [1000]
        await (await join(settings, "hub")).close()
        assert (network.runtime.database, network.runtime.bus) == (before.database, before.bus)
        assert set(network.runtime.pids.values()).isdisjoint(before.pids.values())
        assert load_runtime(settings.data_dir) == network.runtime
    ended = [event.name for event in told if event.kind is EventKind.CHILD_ENDED]
    assert ended == ["postgres", "nats"]
    pids = {*before.pids.values(), *network.runtime.pids.values()}
    assert not any(lives(pid) for pid in pids)
    with pytest.raises(NotRunningError):
        load_runtime(settings.data_dir)


async def test_second_start_finds_the_first_ones_data(here: Path) -> None:
    """What one run committed, the next one reads; passwords stay, and roles may do their part."""
    settings = settings_for(here)
    async with Supervisor(settings):
        await run_as(settings, ADMIN, "CREATE TABLE kept AS SELECT 7 AS n")
        secrets = {p.name: p.read_text() for p in (settings.data_dir / "secrets").iterdir()}
    async with Supervisor(settings):
        assert await run_as(settings, ADMIN, "SELECT n FROM kept") == [7]
        facts = (
            "SELECT current_setting('data_checksums')",
            "SELECT current_setting('default_transaction_read_only')",
            "SELECT current_setting('fsync')",
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user",
        )
        assert await run_as(settings, READER, *facts) == ["on", "on", "on", False]
    assert {p.name: p.read_text() for p in (settings.data_dir / "secrets").iterdir()} == secrets


async def test_role_that_is_killed_is_started_again(here: Path) -> None:
    """A role that ends, however it does, comes back; status and events say so."""
    settings = settings_for(here, **EXTERNAL)
    told: list[Event] = []
    async with Supervisor(settings, progress=told.append) as network:
        await network.start(
            role(network, "speaker", TALKATIVE, ready_after_line("at your service"))
        )
        for number in (signal.SIGKILL, signal.SIGTERM):
            await network.ready("speaker", after=network.kill("speaker", number))
        (status,) = network.status()
        assert (status.state, status.start) == (ChildState.READY, 3)
        assert status.last_end == "signal SIGTERM"
        assert status.pid is not None
        assert lives(status.pid)
    assert not lives(status.pid)
    assert [event.kind for event in told].count(EventKind.CHILD_ENDED) == 2
    assert network.status()[0].state is ChildState.STOPPED


async def test_role_is_ready_by_file_or_port(here: Path) -> None:
    """A role counts as ready once its file holds its id, or once its port takes connections."""
    settings = settings_for(here, **EXTERNAL)
    ready_file = here / "ready"
    by_file = (
        f"import os, time; open({str(ready_file)!r}, 'w').write(str(os.getpid()))\n{TALKATIVE}"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    by_port = f"import socket; s = socket.create_server(('127.0.0.1', {port}))\n{TALKATIVE}"
    async with Supervisor(settings) as network:
        await network.start(
            role(network, "filer", by_file, ready_on_file(ready_file)),
            role(network, "porter", by_port, ready_on_port(port)),
        )
        assert ready_file.read_text() == str(network.runtime.pids["filer"])
        assert [status.state for status in network.status()] == [ChildState.READY] * 2


async def test_role_that_cannot_start_is_said_with_its_last_line(here: Path) -> None:
    """A role that keeps ending at its start fails the start, with what it said and where."""
    settings = settings_for(here, **EXTERNAL)
    async with Supervisor(settings) as network:
        with pytest.raises(ChildNotReadyError, match=r"exit code 3 \(no map\): see `.*lost\.log`"):
            await network.start(
                role(network, "lost", "import sys; print('no map'); sys.exit(3)", never)
            )


async def test_role_that_is_never_ready_is_ended(here: Path) -> None:
    """A role that runs and does not become ready is ended at its deadline."""
    settings = settings_for(here, **EXTERNAL, ready_s_max=0.3)
    async with Supervisor(settings) as network:
        with pytest.raises(ChildNotReadyError, match="not ready in 0 s"):
            await network.start(role(network, "mute", TALKATIVE, never))
        (status,) = network.status()
        assert (status.state, status.pid) == (ChildState.STOPPED, None)


async def never(_: object) -> bool:
    return False


async def test_what_a_role_started_ends_with_it(here: Path) -> None:
    """A process that a role left in its group does not outlive the role."""
    settings = settings_for(here, **EXTERNAL)
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(here / 'grandchild')!r}, 'w').write(str(p.pid))\n{TALKATIVE}"
    )
    async with Supervisor(settings) as network:
        await network.start(role(network, "parent", code, ready_after_line("at your service")))
        first = int((here / "grandchild").read_text())
        await network.ready("parent", after=network.kill("parent"))
        await asyncio.to_thread(wait_for, lambda: not lives(first), "the first has ended")
        second = int((here / "grandchild").read_text())
    wait_for(lambda: not lives(second), "the second has ended")


async def test_role_that_ignores_a_stop_is_ended_by_force(here: Path) -> None:
    """A role that does not heed SIGTERM is killed when its time is over; a second stop hurries."""
    settings = settings_for(here, **EXTERNAL, stop_s_max=600.0)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{TALKATIVE}"
    async with Supervisor(settings) as network:
        await network.start(role(network, "deaf", deaf, ready_after_line("at your service")))
        network.request_stop()
        network.request_stop()
        await network.stopped()
    assert network.status()[0].last_end == "signal SIGKILL"


async def test_stop_while_starting_ends_the_start(here: Path) -> None:
    """A stop that comes before a role is ready is not waited out."""
    settings = settings_for(here, **EXTERNAL)
    async with Supervisor(settings) as network:
        asyncio.get_running_loop().call_later(0.2, network.request_stop)
        with pytest.raises(StopRequestedError):
            await network.start(role(network, "mute", TALKATIVE, never))
    assert network.status()[0].state is ChildState.STOPPED


async def test_one_network_per_place(here: Path) -> None:
    """A second network in the same place is refused and disturbs nothing."""
    settings = settings_for(here, **EXTERNAL)
    async with Supervisor(settings) as network:
        with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
            async with Supervisor(settings, handles_signals=False):
                pass
        assert load_runtime(settings.data_dir) == network.runtime


async def test_taken_port_fails_the_start(here: Path) -> None:
    """A port of an engine that somebody else has is said before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = settings_for(here, nats_port=server.getsockname()[1])
        with pytest.raises(PortTakenError, match="COMITY_NATS_PORT"):
            async with Supervisor(settings):
                pass


async def test_long_log_starts_anew(here: Path) -> None:
    """A role that writes without end does not fill the disk."""
    settings = settings_for(here, **EXTERNAL, log_bytes_max=2**16)
    code = f"print('at your service', flush=True)\nprint('x' * 2**17, flush=True)\n{TALKATIVE}"
    async with Supervisor(settings) as network:
        await network.start(role(network, "talker", code, ready_after_line("at your service")))
        log = Path(network.status()[0].log)
        await asyncio.to_thread(wait_for, log.with_suffix(".log.1").exists, "a second log")
        await asyncio.to_thread(wait_for, lambda: log.stat().st_size < 2**16, "a short log")


async def test_lost_password_is_said(here: Path) -> None:
    """A database whose password is gone is not made anew: the file to restore is named."""
    settings = settings_for(here)
    placement = place(settings)
    await Postgres(settings, placement).prepare()
    (placement.secrets / "postgres-comity_admin").unlink()
    with pytest.raises(EngineStateError, match="postgres-comity_admin` is missing"):
        async with Supervisor(settings):
            pass
    assert (placement.cluster / "PG_VERSION").exists()


async def test_other_password_is_said(here: Path) -> None:
    """A password that is not the database's is found at the first connection, and not retried."""
    settings = settings_for(here)
    placement = place(settings)
    await Postgres(settings, placement).prepare()
    (placement.secrets / "postgres-comity_admin").write_text("another\n")
    with pytest.raises(EngineStateError, match="is not the password"):
        async with Supervisor(settings):
            pass


async def test_half_made_database_is_made_anew(here: Path) -> None:
    """What a start that was cut short left of a new database does not stop the next one."""
    settings = settings_for(here)
    placement = place(settings)
    half = placement.engine_dir / "postgres.new"
    (half / "base").mkdir(parents=True)
    await Postgres(settings, placement).prepare()
    assert not half.exists()
    assert (placement.cluster / "PG_VERSION").read_text() == "18\n"


@contextmanager
def supervised(here: Path) -> Iterator[subprocess.Popen[str]]:
    """A network in a process of its own, ended with the test."""
    command = [sys.executable, "-m", "tests.integration.engines.supervise", str(here)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_signal_stops_in_order(here: Path) -> None:
    """SIGTERM ends the roles, then the engines, and the database is closed cleanly."""
    with supervised(here) as process:
        assert said(process) == "running"
        pids = load_runtime(here / "data").pids
        assert set(pids) == {"postgres", "nats", "speaker"}
        process.terminate()
        assert said(process) == "stopped"
        assert process.wait() == 0
    assert not any(lives(pid) for pid in pids.values())
    log = (here / "data" / "log" / "supervisor.log").read_text()
    assert log.index("speaker stopped") < log.index("postgres stopped")
    assert "database system is shut down" in (here / "data/log/postgres.log").read_text()


def test_nothing_outlives_a_killed_supervisor(here: Path) -> None:
    """When the supervisor is killed all its processes end, and the next start has all the data."""
    settings = settings_for(here)
    with supervised(here) as process:
        assert said(process) == "running"
        pids = load_runtime(settings.data_dir).pids
        asyncio.run(run_as(settings, ADMIN, "CREATE TABLE kept AS SELECT 7 AS n"))
        process.kill()
    wait_for(lambda: not any(lives(pid) for pid in pids.values()), "processes of the network")
    with supervised(here) as process:
        assert said(process) == "running"
        assert asyncio.run(run_as(settings, ADMIN, "SELECT n FROM kept")) == [7]


def test_everything_killed_at_once_starts_again(here: Path) -> None:
    """After a kill of supervisor and engines together nothing stale refuses the next start."""
    settings = settings_for(here)
    with supervised(here) as process:
        assert said(process) == "running"
        pids = load_runtime(settings.data_dir).pids
        asyncio.run(run_as(settings, ADMIN, "CREATE TABLE kept AS SELECT 7 AS n"))
        for pid in (process.pid, *pids.values()):
            os.kill(pid, signal.SIGKILL)
    lock = place(settings).cluster / "postmaster.pid"
    assert lock.exists()
    # Its number now belongs to a process of the same user that is no database: us.
    lines = lock.read_text().split("\n")
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with supervised(here) as process:
        assert said(process) == "running"
        assert asyncio.run(run_as(settings, ADMIN, "SELECT n FROM kept")) == [7]


async def start_alone(settings: Settings, *without: str) -> subprocess.Popen[bytes]:
    """Start the database as a supervisor would that then died; without some of its options."""
    placement = place(settings)
    child = Postgres(settings, placement).child
    assert child.prepare is not None
    await child.prepare()
    argv = [part for part in child.argv if not part.startswith(without)]
    kept = tuple(a for a, b in itertools.pairwise([*argv, "end"]) if (a, b) != ("-c", "-c"))
    child = msgspec.structs.replace(child, argv=kept)
    log = placement.log / "postgres.log"
    process = spawn(child, log)
    attempt = Attempt(pid=process.pid, log=log, log_offset=0)
    for _ in range(500):
        if await child.ready(attempt):
            return process
        await asyncio.sleep(0.02)
    raise AssertionError(log.read_text())


async def test_database_that_was_left_running_is_stopped_first(here: Path) -> None:
    """A database of a dead supervisor that still runs is stopped in order, then started anew."""
    settings = settings_for(here)
    left = await start_alone(settings)
    async with Supervisor(settings) as network:
        assert left.poll() == 0
        assert network.runtime.pids["postgres"] != left.pid


async def test_database_that_somebody_else_runs_is_left_alone(here: Path) -> None:
    """A database that somebody started by hand is named, and neither stopped nor disturbed."""
    settings = settings_for(here)
    other = await start_alone(settings, "cluster_name=")
    try:
        with pytest.raises(AlreadyRunningError, match=f"as process {other.pid}: .*pg_ctl"):
            async with Supervisor(settings):
                pass
        assert other.poll() is None
    finally:
        signal_child(other, signal.SIGINT)
        assert other.wait() == 0


def test_ordinary_user_runs_a_network() -> None:
    """Whoever is not root runs everything under the own account, in the own place."""
    with fresh_place() as parent:
        parent.chmod(0o777)
        settings = settings_for(parent)

        async def main() -> None:
            async with Supervisor(settings, handles_signals=False) as network:
                assert network.placement.account is None
                assert network.placement.engine_dir == settings.data_dir
                assert settings.data_dir.stat().st_uid == os.geteuid()
                await network.ready("postgres", after=network.kill("postgres"))
                assert await run_as(settings, GATEWAY, "SELECT 7") == [7]

        as_ordinary_user(main)
        assert "signal SIGKILL" in (settings.data_dir / "log" / "supervisor.log").read_text()
