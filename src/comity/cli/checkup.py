"""What `comity doctor` looks at: each check says what it saw, and the fix where it does not hold.

Guarantee: nothing that a check makes is left behind, and no check starts or stops anything.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from comity.cli.witnessed import look_at_witnesses
from comity.domain.errors import ComityError
from comity.domain.ids import parse_member
from comity.review.calendars import calendar_of
from comity.review.rosters import lacks
from comity.roles.engines.account import engine_account
from comity.roles.engines.programs import nats_program, postgres_folder, postgres_major
from comity.roles.errors import SetupError
from comity.roles.host_files import HostFiles
from comity.roles.machine import (
    DISK_MIB_MIN,
    LOOPBACK,
    MEMORY_MIB_MIN,
    check_disk,
    check_memory,
    memory_mib,
    take_port,
)
from comity.roles.runtime import is_locked, load_runtime
from comity.roles.settings import Settings, unknown_settings

__all__ = ["CHECKS", "Finding", "examine"]

_PYTHON_MIN: Final = (3, 11)
_FSYNC_COUNT: Final = 21
_FSYNC_MS_MAX: Final = 50.0
_BLOCK: Final = bytes(8_192)
_ANY_CONTACT: Final = "000-0000"
"""The telephone stands in the directory, which is not read here."""
_PORTS: Final = ("line_port", "http_port", "postgres_port", "nats_port", "witness_port")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: whether it holds, what was seen, and what mends it where it does not hold."""

    name: str
    holds: bool
    saw: str
    fix: str = ""


class NotHoldingError(SetupError):
    """A check of this machine does not hold; its fix stands in the sentence."""

    code = "check-not-holding"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield every finding, in the order in which a start would meet it."""
    for name, check in CHECKS.items():
        try:
            yield Finding(name=name, holds=True, saw=check(settings))
        except ComityError as error:
            saw, _, fix = str(error).partition(": ")
            yield Finding(name=name, holds=False, saw=saw, fix=fix)
        except OSError as error:
            cause = (error.strerror or "unknown cause").lower()
            yield Finding(name=name, holds=False, saw=cause, fix="see the file or program named")


def _python(_: Settings) -> str:
    version = platform.python_version()
    if sys.version_info < _PYTHON_MIN:
        raise NotHoldingError(f"Python {version} is too old: install 3.11 or newer")
    return f"Python {version}"


def _memory(_: Settings) -> str:
    found = memory_mib()
    check_memory(found)
    return f"{found:,} MiB, {MEMORY_MIB_MIN:,} needed"


def _data_dir(settings: Settings) -> str:
    """Look at the directory, or at the nearest one above it that exists; make nothing."""
    folder = settings.data_dir
    present = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(present, os.W_OK | os.X_OK):
        raise NotHoldingError(
            f"`{present}` may not be written: name another place with `COMITY_DATA_DIR`"
        )
    check_disk(present)
    state = "can be written" if present == folder else "can be made"
    return f"`{folder}` {state}; {DISK_MIB_MIN:,} MiB needed and free"


def _account(settings: Settings) -> str:
    account = engine_account(settings.engine_user)
    return "ourselves" if account is None else f"`{account.name}`, because we are root"


def _postgres(settings: Settings) -> str:
    if settings.database_url is not None:
        return "a database of your own is set"
    # As ourselves: for another account, finding the programs would also copy them.
    folder = postgres_folder(settings, None)
    return f"PostgreSQL {postgres_major(folder)} in `{folder}`"


def _nats(settings: Settings) -> str:
    if settings.nats_url is not None:
        return "a nats-server of your own is set"
    return f"`{nats_program(settings, None)}`"


def _ports(settings: Settings) -> str:
    wanted = [(name, getattr(settings, name)) for name in _PORTS]
    chosen = [(name, port) for name, port in wanted if port]
    if is_locked(settings.data_dir):
        return "in use by the network that runs"
    for name, port in chosen:
        take_port(port, setting=f"COMITY_{name.upper()}")
    if not chosen:
        return "free ones are taken at the start"
    return f"{', '.join(str(port) for _, port in chosen)} are free on {LOOPBACK}"


def _disk_speed(settings: Settings) -> str:
    """Measure what a commit costs here: an 8 KiB write and its flush, the middle one of 21."""
    folder = settings.data_dir
    present = next(path for path in (folder, *folder.parents) if path.exists())
    found = fsync_ms(present)
    if found > _FSYNC_MS_MAX:
        raise NotHoldingError(
            f"a durable write takes {found:.1f} ms: use a local disk, not a network share"
        )
    return f"a durable write takes {found:.2f} ms (middle one of {_FSYNC_COUNT})"


def fsync_ms(folder: Path) -> float:
    """Return the median time of a small durable write in a folder, in milliseconds."""
    path = folder / f".comity-doctor-{secrets.token_hex(6)}"
    times: list[float] = []
    try:
        with path.open("xb", buffering=0) as file:
            for _ in range(_FSYNC_COUNT):
                started = time.perf_counter()
                file.write(_BLOCK)
                os.fsync(file.fileno())
                times.append(time.perf_counter() - started)
    finally:
        path.unlink(missing_ok=True)
    return statistics.median(times) * 1_000


def _settings(_: Settings) -> str:
    unknown = unknown_settings(os.environ)
    if unknown:
        raise NotHoldingError(
            f"{', '.join(unknown)} is set and is no setting: correct the name, or unset it"
        )
    return "every COMITY_ variable is a setting"


def _network(settings: Settings) -> str:
    if not is_locked(settings.data_dir):
        return "none runs from this data directory"
    runtime = load_runtime(settings.data_dir)
    return f"one runs since {runtime.started_at:%Y-%m-%d %H:%M} UTC, {len(runtime.pids)} processes"


def _witnesses(settings: Settings) -> str:
    look = asyncio.run(look_at_witnesses(settings))
    if not look.known:
        return "none is known: checkpoints of ledgers are unwitnessed"
    if look.silent:
        raise NotHoldingError(
            f"{', '.join(look.silent)} does not answer: ask its operator, and go on meanwhile"
        )
    text = f"{look.known} known, all that have an address answer"
    if look.satisfied < look.ledgers:
        missing = look.ledgers - look.satisfied
        raise NotHoldingError(
            f"{missing} of {look.ledgers} newest checkpoints are without their quorum: look for "
            "`witness_gave_nothing` in the worker's log"
        )
    return (
        f"{text}; {look.satisfied} newest checkpoints have their quorum" if look.ledgers else text
    )


def _pages(settings: Settings) -> str:
    """Look for the program; it is not run, because that would page someone."""
    command = settings.page_command
    if command is None:
        return "no command: a page is an alarm of the log alone"
    if shutil.which(command[0]) is None:
        raise NotHoldingError(
            f"the page command `{command[0]}` cannot be run: name another in `COMITY_PAGE_COMMAND`"
        )
    return f"by `{command[0]}`"


def _feeds(settings: Settings) -> str:
    """Read the files of states' feeds as the worker does; nothing is sent."""
    from comity.app.feeds import FEEDS_FOLDER, OwnFeeds, read_feed  # noqa: PLC0415 - web and mail

    found = OwnFeeds(webhooks={}, digests={})
    for path in sorted((settings.data_dir / FEEDS_FOLDER).glob("*.toml")):
        try:
            read_feed(settings, parse_member(path.stem), found)
        except (ComityError, OSError, UnicodeDecodeError) as error:
            raise NotHoldingError(
                f"the feed of `{path.name}` does not go out: {error}; mend it and start the worker "
                "again"
            ) from None
    told = [f"{m} by webhook" for m in found.webhooks] + [f"{m} by e-mail" for m in found.digests]
    return ", ".join(sorted(told)) or "no state asks for one"


def _rosters(settings: Settings) -> str:
    """Read the rosters of this host's states as the gateway does."""
    from comity.app.own_rosters import ROSTERS_FOLDER, read_roster  # noqa: PLC0415 - seldom needed
    from comity.app.state_files import own_calendars  # noqa: PLC0415

    members = list(HostFiles(settings.data_dir).ledger_keys())
    without = []
    for path in sorted((settings.data_dir / ROSTERS_FOLDER).glob("*.toml")):
        try:
            members.append(parse_member(path.stem))
        except ComityError as error:
            raise NotHoldingError(f"the roster `{path.name}` is of no state: {error}") from None
    calendars = own_calendars(settings)
    for member in sorted(set(members)):
        try:
            roster = read_roster(settings, member, calendars.get(member) or calendar_of(member))
        except (ComityError, OSError) as error:
            raise NotHoldingError(
                f"the roster of {member} counts as none, {error}: mend `rosters/{member}.toml`"
            ) from None
        if roster is None or lacks(roster, _ANY_CONTACT):
            without.append(member)
    if not members:
        return "no state is kept here"
    if without:
        return f"no whole roster for {', '.join(without)}: their rules cannot hold more"
    count = len(set(members))
    return "1 state has one" if count == 1 else f"{count} states have one"


CHECKS: Final[dict[str, Callable[[Settings], str]]] = {
    "python": _python,
    "settings": _settings,
    "memory": _memory,
    "data_directory": _data_dir,
    "disk": _disk_speed,
    "engine_account": _account,
    "postgresql": _postgres,
    "nats": _nats,
    "ports": _ports,
    "network": _network,
    "witnesses": _witnesses,
    "pages": _pages,
    "feeds": _feeds,
    "rosters": _rosters,
}
