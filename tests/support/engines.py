"""The real engines for tests: one PostgreSQL and one nats-server per test session, on loopback.

Guarantee: every test gets a database of its own, copied from a migrated one; the engines are the
ones that an installation runs, with its settings, and end with the tests, however those end.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from comity.adapters.postgres.migrate import migrate
from comity.roles.engines.nats import Nats
from comity.roles.engines.placement import Placement, place
from comity.roles.engines.postgres import Postgres
from comity.roles.engines.programs import nats_program
from comity.roles.files import read_secret
from comity.roles.machine import LOOPBACK, free_port
from comity.roles.process import Attempt, Child, ready_on_port, signal_child, spawn
from comity.roles.runtime import BusAccess, DatabaseRole
from comity.roles.settings import Settings, load_settings

TEMPLATE = "migrated"
RECOVERY_SECONDS_MAX = 60
_databases = itertools.count(1)


class Engine:
    """A running engine: started, stopped and killed by its own process id."""

    def __init__(self, child: Child, placement: Placement) -> None:
        self._child = child
        self._log = placement.log / f"{child.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        """Say whether the engine's process is there."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start the engine and wait until it can be used."""
        if self._child.prepare is not None:
            await self._child.prepare()
        self._process = spawn(self._child, self._log)
        attempt = Attempt(pid=self.pid, log=self._log, log_offset=0)
        async with asyncio.timeout(self._child.ready_s_max):
            while not await self._child.ready(attempt):
                assert self._process.poll() is None, f"{self._child.name} ended at once"
                await asyncio.sleep(0.02)

    def stop(self, number: signal.Signals | None = None) -> None:
        """End the engine with its own first signal, or with another."""
        if self._process is None:
            return
        signal_child(self._process, number or self._child.stop[0].number)
        self._process.wait(30)
        self._process = None


class Cluster:
    """A PostgreSQL with one migrated database to copy from."""

    def __init__(self, settings: Settings, placement: Placement) -> None:
        self._postgres = Postgres(settings, placement)
        self.engine = Engine(self._postgres.child, placement)

    def url(self, database: str, role: DatabaseRole = DatabaseRole.GATEWAY) -> str:
        """Return where a role connects to a database."""
        address = self._postgres.address
        password = read_secret(Path(address.password_files[role]))
        return f"postgresql://{role}:{password}@{address.host}:{address.port}/{database}"

    async def connect(self, database: str, role: DatabaseRole = DatabaseRole.ADMIN) -> Any:
        """Return a plain connection, as the role that owns the tables unless said otherwise.

        A server that was made to fall over is waited for while it recovers.
        """
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            while True:
                try:
                    return await asyncpg.connect(self.url(database, role), ssl=False)
                except asyncpg.CannotConnectNowError:
                    await asyncio.sleep(0.05)

    async def make_template(self) -> None:
        """Make the database that every test's own is copied from."""
        await self.run("postgres", f"CREATE DATABASE {TEMPLATE}")
        connection = await self.connect(TEMPLATE)
        try:
            await migrate(connection)
        finally:
            await connection.close()

    async def make_database(self, template: str = TEMPLATE) -> str:
        """Make a database; return its name."""
        name = f"test_{next(_databases)}"
        await self.run("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        await self.run("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    async def run(self, database: str, statement: str) -> None:
        """Run one statement as the owner of the tables."""
        connection = await self.connect(database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@cache
def _placement() -> tuple[Settings, Placement]:
    settings = load_settings(data_dir=Path(tempfile.mkdtemp(prefix="comity-tests-")))
    placement = place(settings)
    for folder in {placement.data_dir, placement.engine_dir}:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return settings, placement


@cache
def the_cluster() -> Cluster:
    """Return the session's PostgreSQL, started when a test first asks for it."""
    cluster = Cluster(*_placement())
    atexit.register(cluster.engine.stop)
    asyncio.run(cluster.engine.start())
    asyncio.run(cluster.make_template())
    return cluster


class OpenWire:
    """A nats-server without users, that can be stopped and started on its port."""

    def __init__(self, settings: Settings, placement: Placement) -> None:
        port = free_port()
        program = nats_program(settings, placement.account)
        child = Child(
            name="open-nats",
            argv=(str(program), "--addr", LOOPBACK, "--port", str(port)),
            ready=ready_on_port(port),
            environment={},
            account=placement.account,
        )
        self.url = f"nats://{LOOPBACK}:{port}"
        self.engine = Engine(child, placement)


class Wire:
    """The nats-server of an installation: every user has subjects of its own."""

    def __init__(self, settings: Settings, placement: Placement) -> None:
        self._nats = Nats(settings, placement)
        self.engine = Engine(self._nats.child, placement)

    def options(self, user: str) -> dict[str, Any]:
        """Return what a user of the wire connects with."""
        address = self._nats.address
        password = read_secret(Path(address.password_files[user]))
        url = f"nats://{user}:{password}@{address.host}:{address.port}"
        return BusAccess(url=url, user=user).options


@cache
def the_open_wire() -> OpenWire:
    """Return the session's nats-server without users, started when a test first asks for it."""
    wire = OpenWire(*_placement())
    atexit.register(wire.engine.stop)
    asyncio.run(wire.engine.start())
    return wire


@cache
def the_wire() -> Wire:
    """Return the session's nats-server of an installation, started when a test first asks."""
    wire = Wire(*_placement())
    atexit.register(wire.engine.stop)
    asyncio.run(wire.engine.start())
    return wire


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The session's PostgreSQL."""
    return the_cluster()


@pytest.fixture(scope="session")
def wire() -> Wire:
    """The session's nats-server of an installation."""
    return the_wire()


@pytest.fixture(scope="session")
def open_wire() -> OpenWire:
    """The session's nats-server without users."""
    return the_open_wire()
