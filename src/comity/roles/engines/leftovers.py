"""Processes that an earlier supervisor left behind: found by their command lines, then ended.

Guarantee: only processes of the engines' own account whose command line carries the cluster's mark
are ended; one that somebody started by hand on the same data is never touched. A lock file that
names a dead or foreign process is removed only when no process of that database lives, because two
on one data directory would destroy it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from comity.roles.errors import AlreadyRunningError, EngineStateError

__all__ = ["LiveProcess", "clear_cluster", "cluster_mark", "processes_of"]

PROC: Final = Path("/proc")
POLL_S: Final = 0.02
BACKENDS_S_MAX: Final = 3.0
FORCE_S_MAX: Final = 5.0


class LiveProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process and how it was started; PostgreSQL's own children write their title there."""

    pid: int
    command: str


def cluster_mark(cluster: Path) -> str:
    """Return the name that every process of this database shows in its title."""
    return "comity-" + hashlib.sha256(str(cluster).encode()).hexdigest()[:12]


def processes_of(uid: int, texts: tuple[str, ...], proc: Path = PROC) -> list[LiveProcess]:
    """Return a user's processes whose command line holds one of `texts`; none without /proc."""
    found = []
    for folder in proc.glob("[0-9]*"):
        try:
            if folder.stat().st_uid != uid:
                continue
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        line = command.replace(b"\0", b" ").decode(errors="replace").strip()
        if any(text in line for text in texts):
            found.append(LiveProcess(pid=int(folder.name), command=line))
    return found


async def clear_cluster(cluster: Path, uid: int, *, stop_s_max: float) -> None:
    """Leave no process of an earlier run on a database, and no lock file that would refuse us.

    Raises: AlreadyRunningError if it is run by somebody else, EngineStateError if it will not end.
    """
    mark = cluster_mark(cluster)

    def living() -> list[LiveProcess]:
        return processes_of(uid, (mark, f"-D {cluster}"))

    lock = cluster / "postmaster.pid"
    postmaster = _named_in(lock)
    for process in living():
        if process.pid == postmaster and mark not in process.command:
            raise AlreadyRunningError(
                f"PostgreSQL already runs on `{cluster}` as process {process.pid}: stop it with "
                "pg_ctl, or name another place with `COMITY_DATA_DIR`"
            )
    steps = (
        # The postmaster ends in order and takes its children along; orphans end by themselves.
        (signal.SIGINT, stop_s_max, True),
        (signal.SIGQUIT, FORCE_S_MAX, True),
        (signal.SIGKILL, FORCE_S_MAX, False),
    )
    for number, seconds, is_postmaster_only in steps:
        targets = [p for p in living() if not is_postmaster_only or p.pid == postmaster]
        for process in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        if await _ends(living, seconds if targets else BACKENDS_S_MAX):
            lock.unlink(missing_ok=True)
            return
    raise EngineStateError(
        f"processes of an earlier run on `{cluster}` do not end: restart the machine"
    )


async def _ends(living: Callable[[], list[LiveProcess]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while living():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def _named_in(lock: Path) -> int | None:
    try:
        first = lock.read_text(encoding="utf-8").partition("\n")[0].strip()
    except OSError:
        return None
    return int(first) if first.isdecimal() else None
