"""PostgreSQL under our supervisor: the one system of record.

Guarantee: it listens on 127.0.0.1 alone and on no socket file, every connection proves a password
(SCRAM-SHA-256), pages carry checksums, and what it acknowledged is on the disk; the settings that
this rests on stand on the command line, where no file in the data directory can undo them.
Source: ADR 0001 (stack).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Final

import asyncpg

from comity.roles.engines.leftovers import clear_cluster, cluster_mark
from comity.roles.engines.placement import Placement
from comity.roles.engines.programs import postgres_folder, postgres_major
from comity.roles.errors import EngineStateError
from comity.roles.files import keep_secret, make_private_dir, read_secret, write_private
from comity.roles.machine import LOOPBACK, memory_mib, take_port
from comity.roles.process import (
    Attempt,
    Child,
    StopStep,
    exit_text,
    has_ended,
    signal_child,
    spawn,
)
from comity.roles.runtime import DatabaseAddress, DatabaseRole
from comity.roles.settings import Settings

__all__ = ["DATABASE", "NAME", "Postgres", "access_rules", "configuration", "shared_buffers_mib"]

NAME: Final = "postgres"
DATABASE: Final = "comity"
CONNECTIONS_MAX: Final = 100
SHARED_FILES: Final = Path("/dev/shm")  # noqa: S108  the kernel's, not ours
SHARED_FILES_MIB_MIN: Final = 256
INITDB_S_MAX: Final = 60.0
CONNECT_S_MAX: Final = 5.0
IMMEDIATE_S: Final = 5.0
# What nobody may switch off: on the command line it goes before every file.
SAFETY: Final = {
    "fsync": "on",
    "full_page_writes": "on",
    "data_sync_retry": "off",
    "synchronous_commit": "on",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
}
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
LOGIN: Final = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def shared_buffers_mib(found_mib: int, mib_max: int) -> int:
    """Return the size of the page cache: an eighth of the memory, within 32 MiB and `mib_max`."""
    return max(32, min(mib_max, found_mib // 8))


def configuration(settings: Settings, *, port: int, found_mib: int, shared_files_mib: int) -> str:
    """Return the text of postgresql.conf. Errors are logged without the statement or its values."""
    pages_mib = shared_buffers_mib(found_mib, settings.shared_buffers_mib_max)
    values = {
        "port": port,
        "max_connections": CONNECTIONS_MAX,
        "password_encryption": "'scram-sha-256'",
        "shared_buffers": f"'{pages_mib}MB'",
        "effective_cache_size": f"'{max(64, found_mib // 2)}MB'",
        # A container's small /dev/shm would fail large parallel queries.
        "dynamic_shared_memory_type": (
            "'posix'" if shared_files_mib >= SHARED_FILES_MIB_MIN else "'mmap'"
        ),
        # Equal, so that segments are used again instead of made anew: shorter tails.
        "max_wal_size": f"'{settings.wal_mib_max}MB'",
        "min_wal_size": f"'{settings.wal_mib_max}MB'",
        "checkpoint_timeout": "'15min'",
        "wal_compression": "on",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] '",
        "log_min_messages": "warning",
        # INVARIANT (public-bytes-hold-no-person): no statement, parameter or key value in the log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": 0,
        "log_statement": "none",
    }
    lines = [f"{name} = {value}" for name, value in values.items()]
    return "\n".join(["# Written at every start.", *lines, ""])


def access_rules() -> str:
    """Return the text of pg_hba.conf: from this machine, with a password, and not otherwise."""
    admin = DatabaseRole.ADMIN
    return (
        "# Written at every start.\n"
        f"host all all {LOOPBACK}/32 scram-sha-256\n"
        f"host replication {admin} {LOOPBACK}/32 scram-sha-256\n"
    )


class Postgres:
    """The supervised database. `prepare` owns all files; `_is_set_up` is set by `_is_ready`."""

    def __init__(self, settings: Settings, placement: Placement) -> None:
        self._settings = settings
        self._placement = placement
        self._programs = postgres_folder(settings, placement.account)
        self._port = take_port(settings.postgres_port, setting="COMITY_POSTGRES_PORT")
        self._is_set_up = False

    @property
    def address(self) -> DatabaseAddress:
        """Where it listens, and where the roles' passwords are."""
        return DatabaseAddress(
            host=LOOPBACK,
            port=self._port,
            database=DATABASE,
            password_files={role: str(self._password_file(role)) for role in DatabaseRole},
        )

    @property
    def child(self) -> Child:
        """The process to keep running."""
        settings = self._settings
        cluster = self._placement.cluster
        given = {
            "config_file": str(self._conf("postgresql.conf")),
            "hba_file": str(self._conf("pg_hba.conf")),
            "cluster_name": cluster_mark(cluster),
            **SAFETY,
        }
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name=NAME,
            argv=(str(self._programs / "postgres"), "-D", str(cluster), *options),
            ready=self._is_ready,
            environment=ENVIRONMENT,
            # Fast, then immediate: the second one leaves recovery to the next start.
            stop=(
                StopStep(number=signal.SIGINT, seconds=settings.stop_s_max),
                StopStep(number=signal.SIGQUIT, seconds=IMMEDIATE_S),
            ),
            on_death=signal.SIGINT,
            account=self._placement.account,
            prepare=self.prepare,
            ready_s_max=settings.ready_s_max,
        )

    async def prepare(self) -> None:
        """Make everything ready for a start, after a crash as on the first day."""
        cluster = self._placement.cluster
        for role in DatabaseRole:
            if role is not DatabaseRole.ADMIN:
                keep_secret(self._password_file(role))
        if not cluster.exists():
            await self._create()
        self._check_cluster()
        account = self._placement.account
        uid = account.uid if account else os.geteuid()
        await clear_cluster(cluster, uid, stop_s_max=self._settings.stop_s_max)
        shared_files_mib = _free_mib(SHARED_FILES)
        text = configuration(
            self._settings,
            port=self._port,
            found_mib=memory_mib(),
            shared_files_mib=shared_files_mib,
        )
        write_private(self._conf("postgresql.conf"), text, owner=account)
        write_private(self._conf("pg_hba.conf"), access_rules(), owner=account)

    def _check_cluster(self) -> None:
        """Raises: EngineStateError if the data is another version's, or its password is lost."""
        cluster = self._placement.cluster
        try:
            made_by = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError as error:
            raise EngineStateError(
                f"`{cluster}` is no whole database: restore it from a backup, or remove it with "
                f"`{self._placement.removal}`"
            ) from error
        major = postgres_major(self._programs)
        if made_by != str(major):
            raise EngineStateError(
                f"`{cluster}` was made by PostgreSQL {made_by} and not {major}: name the older "
                "programs with `COMITY_POSTGRES_BIN`, or move the data with pg_upgrade"
            )
        if read_secret(self._password_file(DatabaseRole.ADMIN)) is None:
            raise EngineStateError(
                f"`{self._password_file(DatabaseRole.ADMIN)}` is missing, and `{cluster}` cannot "
                "be used without it: restore that file"
            )

    async def _create(self) -> None:
        """Make the database under another name first: a crash here leaves nothing half made."""
        account = self._placement.account
        cluster = self._placement.cluster
        password = keep_secret(self._password_file(DatabaseRole.ADMIN))
        fresh = cluster.with_name("postgres.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        make_private_dir(fresh, owner=account)
        handed = self._conf("initdb-password")
        write_private(handed, password + "\n", owner=account)
        try:
            await self._run_initdb(fresh, handed)
        finally:
            handed.unlink(missing_ok=True)
        fresh.rename(cluster)

    async def _run_initdb(self, target: Path, password_file: Path) -> None:
        log = self._placement.log / "initdb.log"
        log.unlink(missing_ok=True)
        initdb = Child(
            name="initdb",
            argv=(
                str(self._programs / "initdb"),
                f"--pgdata={target}",
                "--auth=scram-sha-256",
                f"--username={DatabaseRole.ADMIN}",
                f"--pwfile={password_file}",
                "--locale=C.UTF-8",
                "--encoding=UTF8",
                "--data-checksums",
            ),
            environment=ENVIRONMENT,
            account=self._placement.account,
        )
        process = spawn(initdb, log)
        try:
            code = await asyncio.wait_for(has_ended(process), INITDB_S_MAX)
        except (TimeoutError, asyncio.CancelledError):
            signal_child(process, signal.SIGKILL)
            process.wait()
            raise
        if code != 0:
            raise EngineStateError(
                f"initdb could not make `{target}`, {exit_text(code)}: see `{log}`"
            )

    async def _is_ready(self, _: Attempt) -> bool:
        """Connect as the roles will; on the first connection make the roles and the database."""
        password = read_secret(self._password_file(DatabaseRole.ADMIN)) or ""
        try:
            admin = await self._connect("postgres", password)
        except asyncpg.InvalidPasswordError:
            raise EngineStateError(
                f"`{self._password_file(DatabaseRole.ADMIN)}` is not the password of "
                f"`{self._placement.cluster}`: restore the file that belongs to it"
            ) from None
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        try:
            if not self._is_set_up:
                await self._set_up(admin)
                self._is_set_up = True
        finally:
            await admin.close()
        return True

    async def _connect(self, database: str, password: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=LOOPBACK,
            port=self._port,
            user=DatabaseRole.ADMIN.value,
            password=password,
            database=database,
            timeout=CONNECT_S_MAX,
            ssl=False,
        )

    async def _set_up(self, admin: asyncpg.Connection) -> None:
        """Make the roles and the database, or give the roles their passwords again."""
        names = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        for role in (DatabaseRole.GATEWAY, DatabaseRole.READER):
            verb = "ALTER" if role in names else "CREATE"
            # A generated secret has letters, digits, `-` and `_` only.
            password = keep_secret(self._password_file(role))
            await admin.execute(f"{verb} ROLE {role} {LOGIN} PASSWORD '{password}'")
        reader = DatabaseRole.READER
        await admin.execute(f"ALTER ROLE {reader} SET default_transaction_read_only = on")
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await admin.execute(f"CREATE DATABASE {DATABASE}")
        for name in ("postgres", "template1", DATABASE):
            await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        roles = f"{DatabaseRole.GATEWAY}, {reader}"
        await admin.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {roles}")

    def _password_file(self, role: DatabaseRole) -> Path:
        return self._placement.secrets / f"postgres-{role}"

    def _conf(self, name: str) -> Path:
        return self._placement.conf / name


def _free_mib(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free // 2**20
    except OSError:
        return 0
