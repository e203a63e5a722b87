"""Keeps one process running: starts it, sees it ready, starts it again when it ends.

Guarantee: it never gives up silently. After a crash the next start comes within `restart_s_max`,
later and later while it keeps crashing and at once after a good while; each end is reported. Only
the first start may fail for good, and then the caller is told why.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from asyncio import FIRST_COMPLETED
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from comity.roles.errors import ChildNotReadyError, SetupError
from comity.roles.files import cap_log
from comity.roles.process import Attempt, Child, exit_text, has_ended, signal_child, spawn

__all__ = ["ChildState", "ChildStatus", "Event", "EventKind", "Keeper", "restart_delay_s"]

FIRST_ATTEMPTS_MAX: Final = 3
DELAY_S_MIN: Final = 0.1
STEADY_S: Final = 10.0
READY_POLL_S: Final = 0.02
READY_POLL_S_MAX: Final = 0.25
KILL_S_MAX: Final = 5.0
LAST_LINE_CHARS_MAX: Final = 300


class EndedAtStartError(ChildNotReadyError):
    """A process ended before it was ready."""

    code = "child-ended-at-start"


class ChildState(StrEnum):
    """Where a process stands."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    """It ended, and the pause before its next start runs."""
    STOPPING = "stopping"
    STOPPED = "stopped"


class ChildStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A process as it stands. `start` counts its starts; `last_end` says how the last one ended."""

    name: str
    state: ChildState
    pid: int | None
    start: int
    last_end: str | None
    log: str


class EventKind(StrEnum):
    """What a supervisor reports; the keys are stable and documented."""

    CHILD_STARTING = "child_starting"
    CHILD_READY = "child_ready"
    CHILD_ENDED = "child_ended"
    CHILD_STOPPED = "child_stopped"
    NETWORK_NOTE = "network_note"
    STOP_REQUESTED = "stop_requested"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth a line on a terminal; `text` is a sentence, without a final stop."""

    kind: EventKind
    name: str
    text: str
    seconds: float = 0.0


Report = Callable[[Event], None]


def restart_delay_s(crashes: int, seconds_max: float) -> float:
    """Return the pause after the given number of crashes in a row: doubled each time, bounded."""
    return min(seconds_max, DELAY_S_MIN * 2.0 ** min(crashes - 1, 30))


class Keeper:
    """One process and its state. `_run` alone changes the state; `_changed` wakes who waits."""

    def __init__(
        self,
        child: Child,
        *,
        log: Path,
        log_bytes_max: int,
        restart_s_max: float,
        report: Report,
    ) -> None:
        self.child = child
        self._log = log
        self._log_bytes_max = log_bytes_max
        self._restart_s_max = restart_s_max
        self._report = report
        self._state = ChildState.STARTING
        self._process: subprocess.Popen[bytes] | None = None
        self._start = 0
        self._ready_start = 0
        self._ready_at: float | None = None
        self._last_end: str | None = None
        self._failure: SetupError | None = None
        self._is_stopping = asyncio.Event()
        self._is_hurried = asyncio.Event()
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> ChildStatus:
        """The process as it stands."""
        process = self._process
        return ChildStatus(
            name=self.child.name,
            state=self._state,
            pid=process.pid if process and process.returncode is None else None,
            start=self._start,
            last_end=self._last_end,
            log=str(self._log),
        )

    def begin(self) -> None:
        """Start the process and keep it running from now on."""
        assert self._task is None
        self._task = asyncio.create_task(self._run(), name=f"keeper-{self.child.name}")

    async def ready(self, *, after: int = 0) -> int:
        """Wait until a start later than number `after` is ready; return its number.

        Raises: SetupError if the first start failed for good, ChildNotReadyError if stopped.
        """
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._is_over or (self._ready_start > after and self._is_ready)
            )
        if self._is_over:
            raise self._failure or ChildNotReadyError(f"`{self.child.name}` was stopped")
        return self._ready_start

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal the process by its own id; return the number of the start that it belongs to."""
        if self._process is not None:
            signal_child(self._process, number)
        return self._start

    def hurry(self) -> None:
        """Stop waiting for an orderly end."""
        self._is_hurried.set()

    async def stop(self) -> None:
        """End the process step by step, and with it what it left in its group."""
        self._is_stopping.set()
        if self._task is not None:
            await self._task

    def cap_log(self) -> None:
        """Keep the log within its size."""
        cap_log(self._log, self._log_bytes_max)

    @property
    def _is_ready(self) -> bool:
        return self._state is ChildState.READY

    @property
    def _is_over(self) -> bool:
        return self._state is ChildState.STOPPED

    async def _run(self) -> None:
        crashes = 0
        try:
            while not self._is_stopping.is_set():
                self._ready_at = None
                try:
                    await self._one_life()
                except SetupError as error:
                    self._failure = error
                    self._last_end = str(error)
                except Exception as error:  # noqa: BLE001  whatever it was, the next start may do
                    text = f"`{self.child.name}` could not be started ({error!r})"
                    self._failure = ChildNotReadyError(f"{text}: see `{self._log}`")
                    self._last_end = str(self._failure)
                if self._is_stopping.is_set():
                    return
                crashes = 1 if self._was_steady else crashes + 1
                if self._ready_start == 0 and crashes >= self._attempts_max:
                    return
                await self._pause(restart_delay_s(crashes, self._restart_s_max))
        finally:
            await self._enter(ChildState.STOPPED)

    @property
    def _was_steady(self) -> bool:
        return self._ready_at is not None and time.monotonic() - self._ready_at > STEADY_S

    @property
    def _attempts_max(self) -> int:
        # Only a process that ended at its start may do better a tenth of a second later.
        return FIRST_ATTEMPTS_MAX if isinstance(self._failure, EndedAtStartError) else 1

    async def _one_life(self) -> None:
        """From one start to its end. Raises: SetupError if it never became ready."""
        began = time.monotonic()
        self._start += 1
        await self._enter(ChildState.STARTING)
        self._tell(EventKind.CHILD_STARTING, f"{self.child.name} starts")
        process, attempt = await self._launch()
        self._process = process
        ending = asyncio.create_task(has_ended(process))
        stopping = asyncio.create_task(self._is_stopping.wait())
        try:
            is_ready = await self._becomes_ready(attempt, ending, stopping)
            if is_ready:
                self._ready_start = self._start
                self._ready_at = time.monotonic()
                seconds = time.monotonic() - began
                self._tell(EventKind.CHILD_READY, f"{self.child.name} is ready", seconds)
                await self._enter(ChildState.READY)
                await asyncio.wait({ending, stopping}, return_when=FIRST_COMPLETED)
            was_running = not ending.done()
        finally:
            stopping.cancel()
            code = await self._end(process, ending)
        self._last_end = exit_text(code)
        if self._is_stopping.is_set():
            self._tell(EventKind.CHILD_STOPPED, f"{self.child.name} stopped, {exit_text(code)}")
        elif not is_ready:
            if was_running:
                cause = f"was not ready in {self.child.ready_s_max:.0f} s"
                raise ChildNotReadyError(self._text(cause, attempt))
            raise EndedAtStartError(self._text(f"ended at its start, {exit_text(code)}", attempt))

    async def _launch(self) -> tuple[subprocess.Popen[bytes], Attempt]:
        """Raises: SetupError."""
        if self.child.prepare is not None:
            await self.child.prepare()
        offset = self._log.stat().st_size if self._log.exists() else 0
        try:
            process = spawn(self.child, self._log)
        except (OSError, subprocess.SubprocessError) as error:
            raise SetupError(
                f"`{self.child.argv[0]}` cannot be started ({error}): check its permissions, and "
                "that this container may change user"
            ) from error
        return process, Attempt(pid=process.pid, log=self._log, log_offset=offset)

    async def _becomes_ready(
        self, attempt: Attempt, ending: asyncio.Task[int], stopping: asyncio.Task[bool]
    ) -> bool:
        """Wait for readiness, the process's end, a stop or the deadline, whichever is first."""
        deadline = time.monotonic() + self.child.ready_s_max
        pause_s = READY_POLL_S
        while not (ending.done() or stopping.done()) and time.monotonic() < deadline:
            if await self.child.ready(attempt):
                return not ending.done()
            await asyncio.wait({ending, stopping}, timeout=pause_s, return_when=FIRST_COMPLETED)
            # A long recovery is not asked fifty times a second.
            pause_s = min(READY_POLL_S_MAX, pause_s * 1.2)
        return False

    async def _end(self, process: subprocess.Popen[bytes], ending: asyncio.Task[int]) -> int:
        """End a process step by step; one that has ended already only yields its exit code."""
        if not ending.done():
            await self._enter(ChildState.STOPPING)
        for position, step in enumerate(self.child.stop):
            if ending.done():
                break
            if position == 0 and self._is_hurried.is_set():
                continue
            signal_child(process, step.number)
            waited: set[asyncio.Task[Any]] = {ending}
            hurried = asyncio.create_task(self._is_hurried.wait())
            if position == 0:
                waited.add(hurried)
            await asyncio.wait(waited, timeout=step.seconds, return_when=FIRST_COMPLETED)
            hurried.cancel()
        if not ending.done():
            signal_child(process, signal.SIGKILL)
            await asyncio.wait({ending}, timeout=KILL_S_MAX)
        return await ending

    async def _pause(self, seconds: float) -> None:
        text = f"{self.child.name} ended, {self._last_end}; it starts again in {seconds:.1f} s"
        self._tell(EventKind.CHILD_ENDED, text, seconds)
        await self._enter(ChildState.WAITING)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_stopping.wait(), seconds)

    def _text(self, cause: str, attempt: Attempt) -> str:
        return f"`{self.child.name}` {cause}{_last_line(attempt)}: see `{attempt.log}`"

    def _tell(self, kind: EventKind, text: str, seconds: float = 0.0) -> None:
        self._report(Event(kind=kind, name=self.child.name, text=text, seconds=round(seconds, 3)))

    async def _enter(self, state: ChildState) -> None:
        async with self._changed:
            self._state = state
            self._changed.notify_all()


def _last_line(attempt: Attempt) -> str:
    with contextlib.suppress(OSError), attempt.log.open("rb") as log:
        log.seek(attempt.log_offset)
        lines = log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f" ({last[:LAST_LINE_CHARS_MAX]})" if last else ""
    return ""
