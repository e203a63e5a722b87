"""How commands find a network, and what processes and their restarts are measured by."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from comity.roles.errors import EngineStateError, NotRunningError
from comity.roles.keeper import restart_delay_s
from comity.roles.process import (
    Attempt,
    exit_text,
    ready_after_line,
    ready_on_file,
)
from comity.roles.runtime import (
    LOCK_NAME,
    BusAddress,
    DatabaseAddress,
    DatabaseRole,
    Runtime,
    bus_access,
    database_url,
    forget_runtime,
    load_runtime,
    save_runtime,
)
from comity.roles.settings import load_settings


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Runtime]:
    """A network that is recorded as running, with its lock held."""
    (tmp_path / "password").write_text("secret-word\n")
    password = str(tmp_path / "password")
    runtime = Runtime(
        data_dir=str(tmp_path),
        supervisor_pid=1,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        removal="rm -rf there",
        database=DatabaseAddress(
            host="127.0.0.1",
            port=5999,
            database="comity",
            password_files=dict.fromkeys(DatabaseRole, password),
        ),
        bus=BusAddress(host="127.0.0.1", port=4999, password_files={"hub": password}),
        pids={"postgres": 7},
        addresses={"line": "127.0.0.1:7001"},
    )
    save_runtime(runtime)
    with (tmp_path / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield runtime


def test_running_network_is_found(running: Runtime) -> None:
    """What was recorded is read back, and no secret stands in the file."""
    data_dir = Path(running.data_dir)
    assert load_runtime(data_dir) == running
    text = (data_dir / "runtime.json").read_text()
    assert "secret-word" not in text
    assert oct((data_dir / "runtime.json").stat().st_mode & 0o777) == "0o600"


def test_file_of_a_dead_network_is_not_believed(running: Runtime, tmp_path: Path) -> None:
    """Without the supervisor's lock the file says nothing."""
    other = tmp_path / "other"
    other.mkdir()
    save_runtime(msgspec.structs.replace(running, data_dir=str(other)))
    with pytest.raises(NotRunningError, match="comity demo"):
        load_runtime(other)
    (other / LOCK_NAME).touch()
    with pytest.raises(NotRunningError, match="comity demo"):
        load_runtime(other)


def test_ended_network_is_forgotten(running: Runtime) -> None:
    """Once forgotten, a network is not found."""
    forget_runtime(Path(running.data_dir))
    with pytest.raises(NotRunningError):
        load_runtime(Path(running.data_dir))


@pytest.mark.parametrize("text", ["{", '{"version": 1}', '{"pids": 1}'])
def test_damaged_file_is_refused(running: Runtime, text: str) -> None:
    """A file that cannot be understood is an error and no network."""
    (Path(running.data_dir) / "runtime.json").write_text(text)
    with pytest.raises(EngineStateError, match="start the network again"):
        load_runtime(Path(running.data_dir))


def test_other_version_is_refused(running: Runtime) -> None:
    """A network of another version is not spoken to."""
    save_runtime(msgspec.structs.replace(running, version=2))
    with pytest.raises(EngineStateError, match="another version"):
        load_runtime(Path(running.data_dir))


def test_supervised_engines_are_addressed(running: Runtime) -> None:
    """A role finds the supervised engines with its own password and inbox."""
    settings = load_settings(data_dir=running.data_dir)
    assert database_url(settings, DatabaseRole.READER) == (
        "postgresql://comity_reader:secret-word@127.0.0.1:5999/comity"
    )
    access = bus_access(settings, "hub")
    assert access.url == "nats://hub:secret-word@127.0.0.1:4999"
    assert access.options["inbox_prefix"] == "_INBOX.hub"


def test_unknown_host_is_refused(running: Runtime) -> None:
    """A host that the wire does not know is named, with the setting that adds it."""
    with pytest.raises(EngineStateError, match="COMITY_HOSTS"):
        bus_access(load_settings(data_dir=running.data_dir), "gateway-elsewhere")


def test_own_engines_go_first(tmp_path: Path) -> None:
    """Addresses of the settings are used without any running network, the reader's own first."""
    settings = load_settings(
        data_dir=tmp_path,
        database_url="postgresql://w@db/comity",
        database_reader_url="postgresql://r@db/comity",
        nats_url="nats://gateway-east:p@wire",
    )
    assert database_url(settings, DatabaseRole.READER) == "postgresql://r@db/comity"
    assert database_url(settings, DatabaseRole.ADMIN) == "postgresql://w@db/comity"
    assert bus_access(settings, "gateway-east").url == "nats://gateway-east:p@wire"


def test_restarts_come_later_and_later() -> None:
    """The pause doubles from a tenth of a second and stays at its limit for ever."""
    assert [restart_delay_s(crashes, 1.0) for crashes in range(1, 7)] == (
        [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    )
    assert restart_delay_s(10**9, 10.0) == 10.0


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal SIGKILL"), (-250, "signal 250")],
)
def test_end_is_said_in_words(code: int, text: str) -> None:
    """How a process ended is said as an exit code or as the signal's name."""
    assert exit_text(code) == text


async def test_line_counts_in_this_start_only(tmp_path: Path) -> None:
    """The line of an earlier start does not make this one ready."""
    log = tmp_path / "role.log"
    log.write_text("ready\n")
    attempt = Attempt(pid=1, log=log, log_offset=log.stat().st_size)
    check = ready_after_line("ready")
    assert not await check(attempt)
    log.write_text("ready\nnow ready to serve\n")
    assert await check(attempt)


async def test_file_counts_for_its_process_only(tmp_path: Path) -> None:
    """A file with another process's id, or none at all, does not make a process ready."""
    attempt = Attempt(pid=42, log=tmp_path / "role.log", log_offset=0)
    check = ready_on_file(tmp_path / "ready")
    assert not await check(attempt)
    (tmp_path / "ready").write_text("41\n")
    assert not await check(attempt)
    (tmp_path / "ready").write_text("42\n")
    assert await check(attempt)
