"""One input under one target, and what is wrong, as words that are the same each time.

Guarantee: an input that takes over CPU_SECONDS_MAX of processor time, or would have the process
hold over MEMORY_BYTES_MAX, ends the trial, also within a library's own code: the kernel counts.
A trial in a process of its own (`apart`) survives an input that ends the process.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.reduce import reduced
from tests.fuzz.refusals import ROOT, EquationError
from tests.fuzz.target import Target

CPU_SECONDS_MAX = 2.0
"""Processor time of one input, of at most about 1 MiB."""
MEMORY_BYTES_MAX = 512 * 1024 * 1024
"""Address space of a process of the fuzzer: 512 MiB, of which the program itself takes 100."""

TRIALS_APART_MAX = 100
"""Trials to make an input small that ends its process: each has a process of its own."""

_ENDED = "ends its process"
_APART = multiprocessing.get_context("fork")


def bounded() -> None:
    """Bound this process: its memory, and what a warning is."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("error")


def input_of(target: Target, seed: int, number: int) -> bytes:
    """Return one input of a target: the same each time, on any machine."""
    return target.mutator.make(random.Random(f"{seed}/{target.name}/{number}"))


def tried(target: Target, data: bytes) -> tuple[str, str]:
    """Return what became of an input, and what is wrong ('' if nothing), within its time.

    What is wrong names a kind of error and a line of ours, never the input.
    """
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_MAX)
    try:
        return target.check(data), ""
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is what we look for
        return "", wrong(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def wrong(error: BaseException) -> str:
    """Say what was raised, and by which line of the project."""
    if isinstance(error, EquationError):
        return f"does not hold: {error}"
    return f"{type(error).__name__} in {_line_of(error)}"


def _line_of(error: BaseException) -> str:
    ours = [
        f"{Path(frame.filename).relative_to(ROOT)}, {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT / "src")
    ]
    return ours[-1] if ours else "the fuzzer"


def ended(exit_code: int | None) -> str:
    """Say what ended a process that should have gone on."""
    if exit_code == -signal.SIGPROF:
        return f"{_ENDED} over {CPU_SECONDS_MAX:g} s"
    if exit_code is not None and exit_code < 0:
        return f"{_ENDED} by {signal.Signals(-exit_code).name}"
    return f"{_ENDED} with {exit_code}"


def apart(target: Target, data: bytes) -> str:
    """Return what is wrong with an input, tried in a process of its own."""
    return _in_a_process(lambda: tried(target, data)[1])


def made_small(target: Target, data: bytes, was: str) -> bytes:
    """Return a shorter input of which the same is wrong, found in a process of its own.

    Where an input ends its process, each trial has one to itself, and there are fewer.
    """

    def in_place() -> str:
        found = reduced(data, lambda shorter: tried(target, shorter)[1] == was)
        return found.decode("latin-1")

    if apart(target, data) == was and not was.startswith(_ENDED):
        small = _in_a_process(in_place).encode("latin-1", "replace")
        return small if apart(target, small) == was else data
    return reduced(data, lambda shorter: apart(target, shorter) == was, trials_max=TRIALS_APART_MAX)


def _in_a_process(job: Callable[[], str]) -> str:
    """Return what a job says in a process of its own, or what ended it."""
    ours, theirs = _APART.Pipe(duplex=False)

    def run() -> None:
        bounded()
        theirs.send(job())

    process = _APART.Process(target=run)
    process.start()
    theirs.close()
    try:
        return str(ours.recv())
    except EOFError:
        process.join()
        return ended(process.exitcode)
    finally:
        process.join()
        ours.close()
