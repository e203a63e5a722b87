"""How commands and roles find a running network: its addresses and where its secrets are.

Guarantee: `runtime.json` is readable by its owner alone and holds no password, only the paths of
the files that do; it is believed only while the supervisor that wrote it holds its lock.
"""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from comity.roles.errors import EngineStateError, NotRunningError
from comity.roles.files import read_secret, write_private
from comity.roles.settings import Settings

__all__ = [
    "LOCK_NAME",
    "BusAccess",
    "BusAddress",
    "DatabaseAddress",
    "DatabaseRole",
    "Runtime",
    "bus_access",
    "database_url",
    "forget_runtime",
    "inbox_prefix",
    "is_locked",
    "load_runtime",
    "save_runtime",
]

LOCK_NAME: Final = "supervisor.lock"
RUNTIME_NAME: Final = "runtime.json"
FORMAT_VERSION: Final = 1


class DatabaseRole(StrEnum):
    """Who may do what in the database; migrations grant it."""

    ADMIN = "comity_admin"
    GATEWAY = "comity_gateway"
    READER = "comity_reader"


class DatabaseAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the supervised database listens; `password_files` is by role."""

    host: str
    port: int
    database: str
    password_files: dict[DatabaseRole, str]


class BusAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the supervised wire listens; `password_files` is by user."""

    host: str
    port: int
    password_files: dict[str, str]


class BusAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of the wire connects with."""

    url: str
    user: str

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `nats.connect`; without this inbox no answer would be let through."""
        return {"servers": self.url, "name": self.user, "inbox_prefix": inbox_prefix(self.user)}


class Runtime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A running network. An engine that is not supervised has no address here.

    `pids` is by process name; `addresses` holds what the roles serve, by name, for people.
    """

    version: int = FORMAT_VERSION
    data_dir: str
    supervisor_pid: int
    started_at: datetime
    removal: str
    database: DatabaseAddress | None
    bus: BusAddress | None
    pids: dict[str, int] = {}
    addresses: dict[str, str] = {}


def inbox_prefix(user: str) -> str:
    """Return the prefix of the subjects on which a user of the wire receives answers."""
    return f"_INBOX.{user}"


def is_locked(data_dir: Path) -> bool:
    """Say if a supervisor holds the data directory's lock."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def save_runtime(runtime: Runtime) -> None:
    """Write `runtime.json` whole."""
    text = msgspec.json.format(msgspec.json.encode(runtime), indent=2)
    write_private(Path(runtime.data_dir) / RUNTIME_NAME, text + b"\n")


def forget_runtime(data_dir: Path) -> None:
    """Remove `runtime.json`: the network has ended."""
    (data_dir / RUNTIME_NAME).unlink(missing_ok=True)


def load_runtime(data_dir: Path) -> Runtime:
    """Find the network that runs from a data directory.

    Raises: NotRunningError if none does, EngineStateError if its file cannot be understood.
    """
    try:
        text = (data_dir / RUNTIME_NAME).read_bytes()
    except FileNotFoundError:
        text = b""
    if not text or not is_locked(data_dir):
        raise NotRunningError(f"no network runs from `{data_dir}`: start one with `comity demo`")
    try:
        found = msgspec.json.decode(text, type=Runtime)
    except msgspec.MsgspecError as error:
        raise EngineStateError(
            f"`{data_dir / RUNTIME_NAME}` cannot be understood: start the network again"
        ) from error
    if found.version != FORMAT_VERSION:
        raise EngineStateError(
            f"the network in `{data_dir}` was started by another version: start it again"
        )
    return found


def database_url(settings: Settings, role: DatabaseRole) -> str:
    """Return the address to connect to as a role: the settings' own, else the supervised one.

    Raises: NotRunningError, EngineStateError.
    """
    if settings.database_url is not None:
        own = {
            DatabaseRole.ADMIN: settings.database_admin_url,
            DatabaseRole.READER: settings.database_reader_url,
            DatabaseRole.GATEWAY: settings.database_url,
        }[role]
        return (own or settings.database_url).get_secret_value()
    address = load_runtime(settings.data_dir).database
    if address is None:
        raise NotRunningError(
            "the running network's database is not supervised: set `COMITY_DATABASE_URL`"
        )
    password = _password(Path(address.password_files[role]))
    return f"postgresql://{role}:{password}@{address.host}:{address.port}/{address.database}"


def bus_access(settings: Settings, user: str) -> BusAccess:
    """Return what to connect to the wire with as a user: the settings' own address goes first.

    Raises: NotRunningError, EngineStateError.
    """
    if settings.nats_url is not None:
        return BusAccess(url=settings.nats_url.get_secret_value(), user=user)
    address = load_runtime(settings.data_dir).bus
    if address is None:
        raise NotRunningError("the running network's wire is not supervised: set `COMITY_NATS_URL`")
    if user not in address.password_files:
        raise EngineStateError(f"the wire knows no user `{user}`: add its host to `COMITY_HOSTS`")
    password = _password(Path(address.password_files[user]))
    return BusAccess(
        url=f"nats://{quote(user)}:{password}@{address.host}:{address.port}", user=user
    )


def _password(path: Path) -> str:
    found = read_secret(path)
    if found is None:
        raise EngineStateError(f"`{path}` is missing: start the network again")
    return found
