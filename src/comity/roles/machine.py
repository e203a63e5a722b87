"""What the machine must offer before anything starts: memory, disk, ports, a place to write.

Guarantee: what is missing is found before a process starts, and said in one sentence with the fix.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Final

from comity.roles.errors import (
    DataDirError,
    DiskTooSmallError,
    MemoryTooSmallError,
    PortTakenError,
)

__all__ = [
    "DISK_MIB_MIN",
    "LOOPBACK",
    "MEMORY_MIB_MIN",
    "check_disk",
    "check_memory",
    "free_port",
    "make_data_dir",
    "make_passable_dir",
    "memory_mib",
    "take_port",
]

LOOPBACK: Final = "127.0.0.1"
MEMORY_MIB_MIN: Final = 1_024
DISK_MIB_MIN: Final = 1_024
# Version 2 and version 1 of the kernel's groups; "max" or a huge number means no limit.
MEMORY_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
OUTGOING_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
LISTEN_PORT_MIN: Final = 10_000
_PORT_TRIES: Final = 64
# Each look begins behind the last: a port that was given and is not yet bound is not given again.
_turns: Final = count(secrets.randbelow(1 << 16))
MIB: Final = 2**20
PASSABLE: Final = 0o711


def memory_mib(limits: Iterable[Path] = MEMORY_LIMITS) -> int:
    """Return the memory this process may count on: the machine's, or its container's if less."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in limits:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            found = min(found, int(text))
    return found // MIB


def check_memory(found_mib: int) -> None:
    """Raises: MemoryTooSmallError if engines and roles would not fit."""
    if found_mib < MEMORY_MIB_MIN:
        raise MemoryTooSmallError(
            f"{found_mib} MiB of memory are too little for a network, which needs "
            f"{MEMORY_MIB_MIN} MiB: give the machine or its container more"
        )


def check_disk(path: Path) -> None:
    """Raises: DiskTooSmallError if the write-ahead log and the first data would not fit."""
    free_mib = shutil.disk_usage(path).free // MIB
    if free_mib < DISK_MIB_MIN:
        raise DiskTooSmallError(
            f"{free_mib} MiB are free at `{path}`, and a network needs {DISK_MIB_MIN} MiB: free "
            "some, or name another place with `COMITY_DATA_DIR`"
        )


def make_passable_dir(path: Path) -> None:
    """Make a directory and its missing parents; others may pass through what is made, not list it.

    The engines' own folders lie below, and the engines may run as another user.
    """
    for step in reversed((path, *path.parents)):
        if not step.exists():
            step.mkdir()
            step.chmod(PASSABLE)


def make_data_dir(path: Path) -> None:
    """Make the data directory, or check that an existing one is ours and can be written.

    Raises: DataDirError.
    """
    try:
        make_passable_dir(path)
        found = path.stat()
        if found.st_uid == os.geteuid():
            path.chmod(PASSABLE)
    except OSError as error:
        raise DataDirError(
            f"`{path}` cannot be made ({_cause(error)}): name a place that you may write with "
            "`COMITY_DATA_DIR`"
        ) from error
    # Whoever owns the directory could put other files in the place of ours.
    if found.st_uid != os.geteuid() or not os.access(path, os.W_OK | os.X_OK):
        raise DataDirError(
            f"`{path}` belongs to another user or may not be written: name another place with "
            "`COMITY_DATA_DIR`"
        )


def free_port(outgoing: Path = OUTGOING_PORTS) -> int:
    """Return a TCP port that nobody has at this moment.

    It lies below those that the kernel gives to outgoing connections, if there is room: one of
    these would have it before a listener that starts slowly.
    """
    room = _first_outgoing(outgoing) - LISTEN_PORT_MIN
    for _ in range(_PORT_TRIES if room > 0 else 0):
        try:
            return _bound(LISTEN_PORT_MIN + next(_turns) % room)
        except OSError:
            continue
    return _bound(0)


def _bound(port: int) -> int:
    """Return a port that could be bound; 0 is one of the kernel's choice. Raises: OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, port))
        found: int = probe.getsockname()[1]
    return found


def _first_outgoing(ports: Path) -> int:
    """Return the first port of outgoing connections; 0 where the kernel does not say."""
    try:
        return int(ports.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def take_port(wanted: int, *, setting: str) -> int:
    """Return the port to use: the one that `setting` names if it is free, any free one for 0.

    Raises: PortTakenError.
    """
    if wanted == 0:
        return free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the engines do, so that connections of an earlier run that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise PortTakenError(
                f"port {wanted} of `{setting}` cannot be had ({_cause(error)}): stop what uses "
                "it, or name another; 0 takes a free one"
            ) from error
    return wanted


def _cause(error: OSError) -> str:
    return (error.strerror or "unknown cause").lower()
