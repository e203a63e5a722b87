"""A supervised network of its own for a test: its place, its processes, and who runs it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client

from comity.roles.engines.account import engine_account
from comity.roles.engines.programs import nats_program, postgres_folder
from comity.roles.process import Child, Readiness
from comity.roles.runtime import DatabaseRole, bus_access, database_url
from comity.roles.settings import Settings, load_settings
from comity.roles.supervisor import Supervisor

END_S_MAX = 10.0
TALKATIVE = "import time, sys\nprint('at your service', flush=True)\ntime.sleep(600)"


@contextmanager
def fresh_place() -> Iterator[Path]:
    """A new directory that the engines can reach, removed at the end with all that is in it."""
    place = Path(tempfile.mkdtemp(prefix="comity-engines-"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place)


@cache
def programs() -> dict[str, Path]:
    """The engines' programs that any user of this machine can run, copied once if need be."""
    settings = load_settings()
    account = engine_account(settings.engine_user)
    return {
        "postgres_bin": postgres_folder(settings, account),
        "nats_bin": nats_program(settings, account),
    }


def settings_for(place: Path, **changed: Any) -> Settings:
    """Settings of a small network in `place`, with programs that need no further copy."""
    return load_settings(
        **{
            "data_dir": place / "data",
            **programs(),
            "shared_buffers_mib_max": 32,
            "wal_mib_max": 128,
            "stop_s_max": 5.0,
            "restart_s_max": 1.0,
            **changed,
        }
    )


def role(network: Supervisor, name: str, code: str, ready: Readiness) -> Child:
    """A role that runs a few lines of Python."""
    return network.role(name, sys.executable, "-c", code, ready=ready)


async def connect(settings: Settings, which: DatabaseRole) -> asyncpg.Connection:
    """Connect to the running network's database."""
    return await asyncpg.connect(database_url(settings, which), ssl=False)


async def run_as(settings: Settings, which: DatabaseRole, *statements: str) -> list[Any]:
    """Run statements on one connection; return the first column of what each returns."""
    connection = await connect(settings, which)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        await connection.close()


async def join(settings: Settings, user: str, errors: list[str] | None = None) -> Client:
    """Join the running network's wire; what the server refuses is added to `errors`."""

    async def heard(error: Exception) -> None:
        if errors is not None:
            errors.append(str(error).lower())

    options = bus_access(settings, user).options
    return await nats.connect(**options, allow_reconnect=False, error_cb=heard)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds, for a few seconds at most."""
    deadline = time.monotonic() + END_S_MAX
    while not condition():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.02)


def as_ordinary_user(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine as a user that is not root: as ourselves, or in a child that changes user."""
    if os.geteuid() != 0:
        asyncio.run(main())
        return
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(65_534, 65_534, 65_534)
            os.setresuid(65_534, 65_534, 65_534)
            asyncio.run(main())
            code = 0
        except BaseException:  # noqa: BLE001  the child must not go on as a second test run
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "see the traceback above"
