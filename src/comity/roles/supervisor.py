"""Starts the engines and the roles of a network on one machine, and keeps them running.

Guarantee: one supervisor per data directory, held by a lock that its death releases; a process that
ends is started again and the end reported; nothing that was started outlives the supervisor, also
if it is killed; processes are ended in the reverse order of their start, by their own ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

import structlog

from comity.roles.engines.nats import Nats
from comity.roles.engines.placement import Placement, place
from comity.roles.engines.postgres import Postgres
from comity.roles.errors import AlreadyRunningError, StopRequestedError
from comity.roles.files import cap_log
from comity.roles.keeper import ChildStatus, Event, EventKind, Keeper
from comity.roles.machine import check_memory, memory_mib
from comity.roles.process import Child, Readiness, StopStep
from comity.roles.runtime import LOCK_NAME, Runtime, forget_runtime, save_runtime
from comity.roles.settings import Settings, settings_environment, unknown_settings

__all__ = ["Supervisor"]

LOCK_S_MAX: Final = 1.0
LOCK_POLL_S: Final = 0.05
LOG_CHECK_S: Final = 2.0
JOURNAL_NAME: Final = "supervisor.log"
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _silent(_: Event) -> None:
    """Show nobody."""


class Supervisor:
    """A network on this machine, as an async context manager.

        async with Supervisor(settings, progress=show) as network:
            ...                        # the engines are ready: migrate, open the directory
            await network.start(hub, gateway)
            await network.start(console)
            await network.stopped()    # until SIGINT or SIGTERM

    Leaving the block ends everything in reverse order. A first signal asks for that, a second one
    does it without waiting. `_groups` is written by `start` alone, `runtime` by `_record` alone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        progress: Callable[[Event], None] = _silent,
        handles_signals: bool = True,
    ) -> None:
        self.settings = settings
        self._progress = progress
        self._handles_signals = handles_signals
        self._signals: tuple[signal.Signals, ...] = ()
        self._groups: list[list[Keeper]] = []
        self._stop = asyncio.Event()
        self._addresses: dict[str, str] = {}
        self._started_at = datetime.now(UTC)
        self._lock: int | None = None
        self._housekeeping: asyncio.Task[None] | None = None
        self._placement: Placement | None = None
        self._postgres: Postgres | None = None
        self._nats: Nats | None = None
        self._journal: structlog.typing.FilteringBoundLogger | None = None
        self._journal_file: TextIO | None = None

    async def __aenter__(self) -> Self:
        """Take the lock and start the engines. Raises: SetupError, in one sentence with the fix."""
        check_memory(memory_mib())
        self._placement = place(self.settings)
        await self._take_lock(self._placement.data_dir)
        try:
            self._open_journal(self._placement.log / JOURNAL_NAME)
            self._listen_for_signals()
            self._note_oddities(self._placement)
            self._housekeeping = asyncio.create_task(self._keep_house())
            await self.start(*self._engines(self._placement))
        except BaseException:
            await self._shut_down()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        await self._shut_down()

    @property
    def placement(self) -> Placement:
        """The directories of this network."""
        assert self._placement is not None
        return self._placement

    @property
    def runtime(self) -> Runtime:
        """What `runtime.json` says at this moment."""
        pids = {s.name: s.pid for s in self.status() if s.pid is not None}
        return Runtime(
            data_dir=str(self.placement.data_dir),
            supervisor_pid=os.getpid(),
            started_at=self._started_at,
            removal=self.placement.removal,
            database=self._postgres.address if self._postgres else None,
            bus=self._nats.address if self._nats else None,
            pids=pids,
            addresses=dict(sorted(self._addresses.items())),
        )

    def publish(self, addresses: Mapping[str, str]) -> None:
        """Add what the roles serve, by name, to `runtime.json`."""
        self._addresses.update(addresses)
        save_runtime(self.runtime)

    def role(self, name: str, *argv: str, ready: Readiness) -> Child:
        """Describe a role's process: our own environment and settings, the settings' deadlines."""
        environment = dict(os.environ) | settings_environment(self.settings)
        environment["COMITY_DATA_DIR"] = str(self.placement.data_dir)
        # What a role says stands in its log at once, also if it is killed right after.
        environment["PYTHONUNBUFFERED"] = "1"
        return Child(
            name=name,
            argv=argv,
            environment=environment,
            # Where we were started: the environment may name the source by a relative path.
            folder=str(Path.cwd()),
            ready=ready,
            stop=(StopStep(number=signal.SIGTERM, seconds=self.settings.stop_s_max),),
            ready_s_max=self.settings.ready_s_max,
        )

    def status(self) -> tuple[ChildStatus, ...]:
        """Return every process, in the order of start."""
        return tuple(keeper.status for keeper in self._keepers())

    async def start(self, *children: Child) -> None:
        """Start processes at the same time, wait until all are ready, and keep them running.

        Raises: SetupError if one cannot be made ready, StopRequestedError if a stop comes first.
        """
        known = {keeper.child.name for keeper in self._keepers()}
        keepers = [self._keeper(child) for child in children]
        names = [child.name for child in children]
        assert len(set(names) | known) == len(names) + len(known), "names must differ"
        if not keepers:
            save_runtime(self.runtime)
            return
        self._groups.append(keepers)
        for keeper in keepers:
            keeper.begin()
        await self._unless_stopped([keeper.ready() for keeper in keepers])
        save_runtime(self.runtime)

    async def stopped(self) -> None:
        """Wait until somebody asks for a stop."""
        await self._stop.wait()

    def request_stop(self) -> None:
        """Ask for a stop, as SIGTERM does."""
        if self._stop.is_set():
            for keeper in self._keepers():
                keeper.hurry()
        self._stop.set()
        self._report(
            Event(kind=EventKind.STOP_REQUESTED, name="supervisor", text="the network stops")
        )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal one process; return the number of its start, for `ready`."""
        return self._named(name).kill(number)

    async def ready(self, name: str, *, after: int = 0) -> int:
        """Wait until a start of `name` later than number `after` is ready; return its number."""
        return await self._named(name).ready(after=after)

    def _named(self, name: str) -> Keeper:
        return next(keeper for keeper in self._keepers() if keeper.child.name == name)

    def _keepers(self) -> list[Keeper]:
        return [keeper for group in self._groups for keeper in group]

    def _keeper(self, child: Child) -> Keeper:
        return Keeper(
            child,
            log=self.placement.log / f"{child.name}.log",
            log_bytes_max=self.settings.log_bytes_max,
            restart_s_max=self.settings.restart_s_max,
            report=self._report,
        )

    def _engines(self, placement: Placement) -> list[Child]:
        """Raises: EngineMissingError, PortTakenError."""
        children = []
        if self.settings.database_url is None:
            self._postgres = Postgres(self.settings, placement)
            children.append(self._postgres.child)
        if self.settings.nats_url is None:
            self._nats = Nats(self.settings, placement)
            children.append(self._nats.child)
        return children

    async def _unless_stopped(self, waits: list[Coroutine[None, None, int]]) -> None:
        stop = asyncio.create_task(self._stop.wait())
        ready = [asyncio.create_task(wait) for wait in waits]
        try:
            pending = set(ready)
            while pending and not stop.done():
                done, _ = await asyncio.wait({*pending, stop}, return_when=asyncio.FIRST_COMPLETED)
                for task in done & pending:
                    task.result()
                pending -= done
        finally:
            for task in (stop, *ready):
                task.cancel()
            await asyncio.gather(stop, *ready, return_exceptions=True)
        if self._stop.is_set():
            raise StopRequestedError("the network was asked to stop while it started")

    async def _take_lock(self, data_dir: Path) -> None:
        """Raises: AlreadyRunningError. The kernel releases the lock when this process ends."""
        path = data_dir / LOCK_NAME
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        deadline = time.monotonic() + LOCK_S_MAX
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A command that looks whether a network runs holds the lock for a moment.
                if time.monotonic() > deadline:
                    owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                    os.close(descriptor)
                    raise AlreadyRunningError(
                        f"another network runs from `{data_dir}` (process {owner}): stop it, or "
                        "name another place with `--data` or `COMITY_DATA_DIR`"
                    ) from None
                await asyncio.sleep(LOCK_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def _listen_for_signals(self) -> None:
        if self._handles_signals:
            # An ignored hang-up stays ignored: somebody started us to outlive the terminal.
            self._signals = tuple(n for n in STOP_SIGNALS if signal.getsignal(n) != signal.SIG_IGN)
            for number in self._signals:
                asyncio.get_running_loop().add_signal_handler(number, self.request_stop)

    def _note_oddities(self, placement: Placement) -> None:
        for name in unknown_settings(os.environ):
            self._note(f"`{name}` is no setting and has no effect")
        if placement.account is not None:
            self._note(
                f"engines run as user `{placement.account.name}`, their data is in "
                f"`{placement.engine_dir}`; `{placement.removal}` removes it"
            )

    def _note(self, text: str) -> None:
        self._report(Event(kind=EventKind.NETWORK_NOTE, name="supervisor", text=text))

    def _report(self, event: Event) -> None:
        """Show and record an event; a full disk or a terminal that is gone ends nothing."""
        with contextlib.suppress(OSError):
            self._progress(event)
        with contextlib.suppress(OSError):
            if self._journal is not None:
                self._journal.info(
                    event.kind, name=event.name, text=event.text, seconds=event.seconds
                )
            if event.kind is EventKind.CHILD_READY and self._lock is not None:
                save_runtime(self.runtime)

    def _open_journal(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._journal_file = path.open("a", encoding="utf-8")
        self._journal = structlog.wrap_logger(
            structlog.WriteLogger(self._journal_file),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for keeper in self._keepers():
                keeper.cap_log()
            cap_log(self.placement.log / JOURNAL_NAME, self.settings.log_bytes_max)

    async def _shut_down(self) -> None:
        """End everything in the reverse order of its start, then release the lock."""
        for group in reversed(self._groups):
            await asyncio.gather(*(keeper.stop() for keeper in group))
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        for number in self._signals:
            asyncio.get_running_loop().remove_signal_handler(number)
        if self._lock is not None:
            forget_runtime(self.placement.data_dir)
            os.close(self._lock)
            self._lock = None
        if self._journal_file is not None:
            self._journal_file.close()
