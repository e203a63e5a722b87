"""`comity demo`: a practice network on this machine, to use or to watch its story played once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
import uvloop

from comity.app.keys import ledger_vkey
from comity.cli.errors import UsageError
from comity.cli.practice import PracticeNetwork, practice_network
from comity.cli.stage import open_stage
from comity.cli.terminal import AsJson, print_json, progress, remark
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.note import encode_vkey
from comity.practice.story import STEPS, Teller
from comity.practice.witnesses import PRACTICE_WITNESSES
from comity.roles.settings import Settings, load_settings

__all__ = ["CHECK_PEOPLE", "CHECK_SETTINGS", "app"]

app = typer.Typer()

CHECK_PEOPLE: Final = 200
CHECK_SETTINGS: Final = {
    "hold_seconds_max": 6,
    "detail_seconds_max": 3,
    "checkpoint_s": 2.0,
    "merge_s": 3,
}
"""Ordinary settings with which the check shortens its waits."""

_LABELS: Final = {
    "keys": "keys and founding papers",
    "certificates": "certificates of agencies' lines",
    "tables": "tables",
    "records": "practice records",
    "roles": "witnesses, hub, gateway, worker, ledger, console",
}
_MARKS: Final = {True: "ok  ", False: "FAIL"}


class _Step(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    held: bool
    saw: str


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    steps: tuple[_Step, ...]
    held: int
    failed: int
    seconds: float


@app.command()
def demo(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Play the whole story once, and end.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="P", help="Port of agencies' lines.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where everything is kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a practice network: 54 jurisdictions and the operator, all on this machine."""
    settings = _settings(check=check, port=port, data=data)
    if not check:
        if as_json:
            raise UsageError("`--json` goes with `--check`")
        uvloop.run(_run(settings))
        return
    report = uvloop.run(_check(settings, say=None if as_json else _say_step))
    if as_json:
        print_json(report)
    else:
        counts = f"{report.held} passed, {report.failed} failed"
        typer.echo(f"{counts} in {report.seconds:.0f} s (practice data)")
    raise typer.Exit(1 if report.failed else 0)


def _settings(*, check: bool, port: int | None, data: Path | None) -> Settings:
    chosen: dict[str, object] = {}
    if port is not None:
        chosen["line_port"] = port
    if data is not None:
        chosen["data_dir"] = data
    settings = load_settings(**chosen)
    if not check:
        return settings
    if data is None:
        chosen["data_dir"] = settings.data_dir.with_name(f"{settings.data_dir.name}-check")
    people = min(CHECK_PEOPLE, settings.people_per_state)
    return load_settings(**{**chosen, **CHECK_SETTINGS, "people_per_state": people})


@contextmanager
def _shown() -> Iterator[Callable[[str, int, int], None]]:
    """Show what is being done: a bar on a terminal, a line per stage elsewhere."""
    with progress() as bars:
        tasks: dict[str, object] = {}

        def doing(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_LABELS[stage], total=total)
            bars.update(tasks[stage], completed=done)  # type: ignore[arg-type]

        yield doing


async def _run(settings: Settings) -> None:
    started = time.monotonic()
    with _shown() as doing:
        network = practice_network(settings, doing=doing, witness_count=PRACTICE_WITNESSES)
        running = await network.__aenter__()
    try:
        _say_how(running, time.monotonic() - started)
        await running.supervisor.stopped()
        remark("stopping ...")
    finally:
        await network.__aexit__(None, None, None)
    remark("stopped; the data are kept: `comity demo` goes on from them")


_HOW: Final = """
A practice network is running (ready in {seconds:.0f} s). Everyone and every agency is invented.

  54 jurisdictions and the operator member for federal agencies, {people} people a state.
  Agencies' lines: 127.0.0.1:{port}, TLS; over HTTPS: https://localhost:{http_port}
  Client certificates of both in {data_dir}/tls

Ask, in another terminal:
  {comity} ask DQ --to OH --oln PXWG41207
  {comity} ask DQ --to WA --as USPX011ER --oln 'PX*NA*204K7'   (ICE, refused)
  {comity} ask DQ --to WA --as USPX031BP --oln 'PX*NA*204K7'   (CBP, the leak)
  {comity} ask DQ --to IL --as USPX021HS --oln PXV-6120-447 \\
      --purpose criminal_investigation --offence child_exploitation --case HS-26-88

Review, as Illinois, what that held, in a browser:
  http://localhost:{console_port}   (sign in as a reviewer of Illinois by one click)
or in the terminal:
  {comity} hold list --state IL
  {comity} hold approve ENTRY --class status --class identity

Check what is recorded:
  {comity} ledger export --state WA --to /tmp/wa-ledger
  {comity} ledger audit /tmp/wa-ledger

The ledgers are public, as anyone may read them, at http://127.0.0.1:{public_port}/wa/checkpoint
  {comity} ledger audit http://127.0.0.1:{public_port}/wa --vkey {vkey}

Stop with Ctrl-C. Remove everything with: {removal}"""


def _say_how(network: PracticeNetwork, seconds: float) -> None:
    settings = network.settings
    default = load_settings().data_dir
    prefix = "" if settings.data_dir == default else f"COMITY_DATA_DIR={settings.data_dir} "
    typer.echo(
        _HOW.format(
            seconds=seconds,
            people=settings.people_per_state,
            port=settings.line_port,
            http_port=settings.http_port,
            public_port=settings.public_port,
            console_port=settings.console_port,
            vkey=encode_vkey(ledger_vkey(settings, Member("wa"))),
            data_dir=settings.data_dir,
            comity=f"{prefix}.venv/bin/comity",
            removal=network.supervisor.runtime.removal,
        )
    )


def _say_step(step: _Step) -> None:
    typer.echo(f"{_MARKS[step.held]} {step.name}: {step.saw}")


async def _check(settings: Settings, say: Callable[[_Step], None] | None) -> _Report:
    """Play the story on a network of its own, made anew and removed afterwards."""
    started = time.monotonic()
    _remove(settings.data_dir)
    steps: list[_Step] = []
    with _shown() as doing:
        network = practice_network(settings, doing=doing, witness_count=PRACTICE_WITNESSES)
        running = await network.__aenter__()
    try:
        async with open_stage(running.settings, running.world, running.supervisor) as stage:
            teller = Teller(stage, running.world)
            for play in STEPS:
                step = await _play(play.__name__, play(teller))
                steps.append(step)
                if say is not None:
                    say(step)
    finally:
        await network.__aexit__(None, None, None)
    held = sum(step.held for step in steps)
    if held == len(steps):
        _remove(settings.data_dir)
    return _Report(
        steps=tuple(steps),
        held=held,
        failed=len(steps) - held,
        seconds=round(time.monotonic() - started, 1),
    )


async def _play(name: str, step: object) -> _Step:
    try:
        saw = await step  # type: ignore[misc]
    except ComityError as error:
        return _Step(name=name, held=False, saw=f"{error} ({error.code})")
    except TimeoutError:
        return _Step(name=name, held=False, saw="nothing came in time")
    return _Step(name=name, held=True, saw=saw)


def _remove(path: Path) -> None:
    """Remove an earlier check's data; only a directory that a check made."""
    if path.name.endswith("-check") and path.is_dir():
        shutil.rmtree(path)
