"""One process under supervision: what to run, when it counts as ready, how it is started and ended.

Guarantee: a started process leads its own session, so that a signal of the terminal reaches only
the supervisor; it is signalled by the kernel if the supervisor dies, however that happens; what it
leaves behind in its process group ends with it. Processes are ended by their own id only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from comity.roles.engines.account import Account
from comity.roles.machine import LOOPBACK

__all__ = [
    "Attempt",
    "Child",
    "Readiness",
    "StopStep",
    "exit_text",
    "has_ended",
    "ready_after_line",
    "ready_at_once",
    "ready_on_file",
    "ready_on_port",
    "signal_child",
    "spawn",
]

POLL_S: Final = 0.02
CONNECT_S_MAX: Final = 1.0
PR_SET_PDEATHSIG: Final = 1
LOG_READ_BYTES_MAX: Final = 2**20


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a process, as a readiness check sees it."""

    pid: int
    log: Path
    log_offset: int


Readiness = Callable[[Attempt], Awaitable[bool]]
"""Says if a started process can be used now. Asked again every 20 ms until it can."""


class StopStep(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that asks a process to end, and how long it has to do so."""

    number: signal.Signals
    seconds: float


async def ready_at_once(_: Attempt) -> bool:
    """Ready as soon as it runs."""
    return True


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor keeps running.

    `stop` is tried step by step, after the last one the process is killed; a hurried stop leaves
    out the first one. `on_death` is sent by the kernel if the supervisor dies. `prepare` runs
    before each start, also after a crash.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Readiness = ready_at_once
    stop: tuple[StopStep, ...] = (StopStep(number=signal.SIGTERM, seconds=10.0),)
    on_death: signal.Signals = signal.SIGKILL
    folder: str = "/"
    account: Account | None = None
    prepare: Callable[[], Awaitable[None]] | None = None
    ready_s_max: float = 30.0


def ready_after_line(text: str) -> Readiness:
    """Ready when this start has written a line that holds `text` to its log."""
    wanted = text.encode()

    async def check(attempt: Attempt) -> bool:
        with attempt.log.open("rb") as log:
            log.seek(attempt.log_offset)
            return any(wanted in line for line in log.read(LOG_READ_BYTES_MAX).splitlines())

    return check


def ready_on_file(path: Path) -> Readiness:
    """Ready when `path` holds the id of this start's process, so that an old file says nothing."""

    async def check(attempt: Attempt) -> bool:
        return _first_word(path) == str(attempt.pid)

    return check


def _first_word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def ready_on_port(port: int, host: str = LOOPBACK) -> Readiness:
    """Ready when a connection to `port` is taken."""

    async def check(_: Attempt) -> bool:
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                writer = (await asyncio.open_connection(host, port))[1]
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    return check


def spawn(child: Child, log: Path) -> subprocess.Popen[bytes]:
    """Start a process with its output appended to `log`.

    Raises: OSError if the program cannot be started as it should be.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        account = child.account
        return subprocess.Popen(  # noqa: S603  arguments are a list, never a shell's
            child.argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            cwd=child.folder,
            env=dict(child.environment),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_bound_to_us(child.on_death),  # noqa: PLW1509  one system call
        )
    finally:
        os.close(descriptor)


def _bound_to_us(number: signal.Signals) -> Callable[[], None] | None:
    """Return what a new process does first: have the kernel signal it when its parent dies.

    It runs after the change of user, which would undo it. Elsewhere than on Linux there is no such
    call; what a dead supervisor left behind is then found at the next start.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # We may have died before the call: then nobody is left to be bound to.
        if os.getppid() != parent:
            os._exit(os.EX_TEMPFAIL)

    return bind


async def has_ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process to end, end what remains of its group, return its exit code."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # An old kernel has no such descriptor, so that there is nothing to wait on.
        while not _is_zombie(process.pid):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
    else:
        await _readable(descriptor)
    # Not yet waited for, so that its id, which is its group's, cannot be another's by now.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _is_zombie(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(descriptor, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def signal_child(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a process that we started; one that has ended already is left alone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def exit_text(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
