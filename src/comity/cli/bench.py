"""`comity bench`: what Comity costs on this machine, each figure with its target beside it.

A bench is a program of the clone's `bench/` that prints its figures as JSON; this command says what
they were taken on (commit, processor, memory, how long a flush to this disk takes, what else ran)
and ends with 0 only if every figure holds. Source: docs/reference/bench.md.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.cli.errors import UsageError
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json
from comity.domain.errors import ComityError

__all__ = ["BENCHES", "BenchFailedError", "Machine", "app", "machine"]

app = typer.Typer()

BENCHES: Final = {
    "exchange": "the full path over TLS: rate, latency, processor time by process",
    "formats": "reading and writing one message",
    "console": "the state's console with 10,000 open holds: how long its pages take",
    "ledger": "growing, committing, governing and checking a ledger",
    "front": "the HTTPS front alone: one message after another over standing connections",
    "policy": "deciding, proving, the gate, and Cedar beside them",
}
_FOLDER: Final = Path(__file__).resolve().parents[3]
_FLUSHES: Final = 100
_FLUSH_BYTES: Final = 4_096


class BenchFailedError(ComityError):
    """A bench ended without its figures."""

    code = "bench-failed"


class _Figure(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: float | None
    unit: str
    target: float | None
    holds: bool
    spread: tuple[float, float] | None = None


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a bench prints."""

    bench: str
    figures: tuple[_Figure, ...]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures were taken on; `load` is the system's load average when they were begun."""

    cpu: str
    cores: int
    memory_gib: float
    fsync_p50_ms: float
    load: float


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    """What this command prints."""

    bench: str
    commit: str
    machine: Machine
    figures: tuple[_Figure, ...]


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="|".join(BENCHES), help="What to measure.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Measure; every further option goes to the bench, as in `comity bench exchange --rate 500`."""
    if name not in BENCHES:
        raise UsageError(f"`{name}` is not one of {', '.join(BENCHES)}")
    on = machine()
    measured = _measured(name, context.args)
    report = _Report(bench=name, commit=_commit(), machine=on, figures=measured.figures)
    if as_json:
        print_json(report)
    else:
        _show(report)
    raise typer.Exit(0 if all(figure.holds for figure in report.figures) else 1)


def _measured(name: str, arguments: list[str]) -> _Measured:
    """Run a bench and read its figures. Raises: BenchFailedError."""
    if not (_FOLDER / "bench" / f"{name}.py").is_file():
        raise BenchFailedError("benches are part of the source: run this in a clone")
    argv = (sys.executable, "-m", f"bench.{name}", "--json", *arguments)
    ended = subprocess.run(argv, cwd=_FOLDER, stdout=subprocess.PIPE, check=False)  # noqa: S603
    try:
        return msgspec.json.decode(ended.stdout, type=_Measured)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BenchFailedError(f"`{name}` ended with {ended.returncode} and no figures") from None


def _show(report: _Report) -> None:
    console = facts_console()
    on = report.machine
    console.print(
        f"{report.bench} at {report.commit} on {on.cpu}, {on.cores} cores, "
        f"{on.memory_gib:g} GiB; a flush takes {on.fsync_p50_ms:g} ms, load {on.load:g}\n",
        soft_wrap=True,
    )
    rows = [
        (
            "ok" if figure.holds else "--",
            figure.name,
            "not measured" if figure.value is None else f"{figure.value:g}",
            figure.unit,
            "" if figure.target is None else f"{figure.target:g}",
            "" if figure.spread is None else f"{figure.spread[0]:g} to {figure.spread[1]:g}",
        )
        for figure in report.figures
    ]
    fact_table(console, ("", "figure", "value", "unit", "target", "quartiles"), rows)


def machine() -> Machine:
    """Return what this machine is, and how it stands now."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        fsync_p50_ms=_flush_ms(),
        load=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return "unknown"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "unknown")


def _flush_ms() -> float:
    """Return the median time in which this disk keeps 4 KiB for good."""
    took = []
    with tempfile.TemporaryFile(dir=_FOLDER) as file:
        for _ in range(_FLUSHES):
            file.write(os.urandom(_FLUSH_BYTES))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - begun) * 1_000)
    return round(statistics.median(took), 3)


def _commit() -> str:
    """Return the clone's commit, marked if its files are not those of the commit."""
    said = []
    for arguments in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "-uno")):
        ended = subprocess.run(  # noqa: S603
            ("git", *arguments),  # noqa: S607
            cwd=_FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            return "unknown"
        said.append(ended.stdout.strip())
    return f"{said[0]}{'-changed' if said[1] else ''}"
