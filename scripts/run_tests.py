#!/usr/bin/env python3
"""Run the suites one after another, each in its time box, and sum them up in one last line.

Guarantee: a suite that fails, cannot start, collects nothing or overruns its box makes the whole
run fail; a suite that this machine cannot run, or that the tree does not have, is named as not run
and never counted as passed.
Source: CONTRIBUTING.md, "Tests".
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
GO_MODULE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
CHROMIUM_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The same engine in each; the first has no windows around it, and takes less time."""
CORES = min(os.cpu_count() or 1, 8)
AGAIN_MAX = 3
"""So many failures of a suite may be its machine's; more are looked at before they run again."""
WAITED = re.compile(r"playwright\._impl\._errors\.TimeoutError: |AssertionError: (Locator|Page) ")
"""How a test begins to say that a page did not show in time what was waited for."""
RUN_SECONDS_AIM = 1_440
"""What all suites together should take on two cores, so that `make test` stays under 25 minutes."""
RUN_SECONDS_MAX = 4_200
"""What all suites together may take on a machine that has other work: then the run is ended."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One suite: what it runs, for how long at most, and where it belongs."""

    name: str
    seconds_max: int
    paths: tuple[str, ...] = ()  # test folders; those that exist are run by pytest
    commands: tuple[tuple[str, ...], ...] = ()  # or: commands, each counted as one test
    coverage: bool = False  # measure the branches of the pure floors
    in_check: bool = False  # also part of `make check`
    needs_go: bool = False
    needs_chromium: bool = False
    needs_softhsm: bool = False
    needs_npm: bool = False
    options: tuple[str, ...] = ()
    # Its tests are shared out among as many processes as there are cores.
    on_all_cores: bool = False
    # It keeps one core busy: its neighbours of the same kind run beside it.
    on_one_core: bool = False
    # What waited for a page in vain is run once more, alone: a browser draws in a time of its own.
    # What passes then is named as unsteady, for somebody to mend.
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a suite came to."""

    passed: int = 0
    failed: int = 0
    notes: tuple[str, ...] = field(default=())
    not_run: str = ""
    unsteady: tuple[str, ...] = ()
    """Tests that failed beside the others, and passed alone."""


ABOVE = ("adapters", "app", "cli", "console", "practice", "roles", "scripts")
"""Unit tests of pages, commands and what is around them: they find no branch of the pure floors."""
WITHOUT_ABOVE = tuple(f"--ignore=tests/unit/{each}" for each in ABOVE)

BY_FILE = ("--dist=loadfile",)
"""A file's tests stay in one process, which starts engines or a network for them once."""

# A box ends what hangs; it judges no speed. It is several times what the suite takes on two idle
# cores, because a machine with other work takes three times as long; `RUN_SECONDS_MAX` holds for
# all of them.
SUITES = (
    Suite(
        name="format and lint",
        seconds_max=60,
        commands=(("ruff", "format", "--check", "."), ("ruff", "check", ".")),
        in_check=True,
        on_one_core=True,
    ),
    Suite(name="types", seconds_max=400, commands=(("mypy",),), in_check=True, on_one_core=True),
    Suite(name="tidy", seconds_max=240, paths=("tests/tidy",), in_check=True, on_one_core=True),
    Suite(
        name="unit, vectors, inputs",
        seconds_max=900,
        paths=("tests/unit", "tests/vectors", "tests/fuzz"),
        coverage=True,
        on_all_cores=True,
        # Measured, and beside each other, tests take several times what they take alone.
        options=("--timeout=240", *WITHOUT_ABOVE),
    ),
    Suite(
        name="unit, pages and commands",
        seconds_max=900,
        paths=tuple(f"tests/unit/{each}" for each in ABOVE),
        on_all_cores=True,
        options=("--timeout=240",),
    ),
    # Not measured: that takes them three times as long, and they find hardly a branch more.
    Suite(
        name="property",
        seconds_max=900,
        paths=("tests/property",),
        on_all_cores=True,
        options=("--timeout=240",),
    ),
    Suite(
        name="unit, vectors",
        seconds_max=150,
        paths=("tests/unit", "tests/vectors"),
        in_check=True,
        on_all_cores=True,
        options=(*WITHOUT_ABOVE, "--ignore=tests/unit/services"),
    ),
    Suite(
        name="contract",
        seconds_max=600,
        paths=("tests/contract",),
        on_all_cores=True,
        options=BY_FILE,
    ),
    Suite(
        name="fuzz",
        seconds_max=300,
        # Always the same inputs: what fails here is what was changed. `make fuzz` draws new ones.
        commands=(("python", "-m", "tests.fuzz", "--seed", "1", "--seconds", "90", "--json"),),
        on_one_core=True,
    ),
    # Node is in a wheel: this one runs everywhere.
    Suite(
        name="foreign, JavaScript",
        seconds_max=400,
        paths=("tests/foreign/js",),
        on_one_core=True,
    ),
    Suite(
        name="foreign",
        seconds_max=400,
        paths=("tests/foreign",),
        needs_go=True,
        options=("--ignore=tests/foreign/js",),
        on_one_core=True,
    ),
    # What was built is built again: this one needs the npm registry.
    Suite(
        name="assets",
        seconds_max=400,
        paths=("tests/assets",),
        needs_npm=True,
        on_one_core=True,
    ),
    Suite(
        name="hardware keys",
        seconds_max=60,
        paths=("tests/contract/test_keyring.py",),
        needs_softhsm=True,
        options=("-k", "pkcs11"),
        on_one_core=True,
    ),
    Suite(
        name="integration",
        seconds_max=1_300,
        paths=("tests/integration",),
        on_all_cores=True,
        options=BY_FILE,
    ),
    Suite(name="fault", seconds_max=600, paths=("tests/fault",)),
    Suite(name="documents", seconds_max=400, paths=("tests/docs",), on_all_cores=True),
    Suite(
        name="browser",
        seconds_max=1_350,
        paths=("tests/browser",),
        needs_chromium=True,
        on_all_cores=True,
        options=BY_FILE,
        again=True,
    ),
    Suite(name="demo", seconds_max=600, commands=(("comity", "demo", "--check", "--json"),)),
)


def chosen(group: str) -> list[Suite]:
    """The suites of `check`, or `all`, which leaves out the subset made for `check`."""
    if group == "check":
        return [suite for suite in SUITES if suite.in_check]
    return [suite for suite in SUITES if suite.name != "unit, vectors"]


@dataclass(frozen=True)
class Box:
    """What a suite runs in: when its time is over, and where goes what it prints."""

    ends: float
    log: TextIO | None = None  # None: straight to whoever started the run

    def say(self, line: str) -> None:
        """Print a line of our own among what the suite prints."""
        print(line, file=self.log, flush=True)

    def run(self, command: list[str], *, capture: bool = False) -> tuple[int, str]:
        """Run one command until the time is over; what overruns is ended with all that it started.

        Returns: exit code and captured output; 124 stands for an overrun, 127 for a missing
        command.
        """
        program = shutil.which(command[0], path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
        if program is None:
            return 127, ""
        with subprocess.Popen(
            [program, *command[1:]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else self.log,
            stderr=self.log,
            text=True,
            start_new_session=True,
        ) as process:
            RUNNING.add(process)
            try:
                output, _ = process.communicate(timeout=max(1.0, self.ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                end(process)
                return 124, ""
            finally:
                RUNNING.discard(process)
            return process.returncode, output or ""


RUNNING: set[subprocess.Popen[str]] = set()
"""The commands that run now: each has a session of its own, which no key of a terminal ends."""


def end(process: subprocess.Popen[str]) -> None:
    """Ask a command and its children to stop, then insist."""
    for wish in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, wish)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_pytest(suite: Suite, paths: list[str], box: Box) -> Outcome:
    """Run a suite's folders, and count from pytest's own record of the run."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.xml"
        command = [sys.executable, "-m"]
        if suite.coverage:
            box.run(["coverage", "erase"])
            command += ["coverage", "run", "-m"]
        command += ["pytest", "-q", f"--override-ini=cache_dir={folder}"]
        several = [f"--numprocesses={CORES}"] if suite.on_all_cores else []
        code, _ = box.run([*command, f"--junitxml={record}", *suite.options, *several, *paths])
        passed, failed, skipped = count(record)
        unsteady = late(record) if suite.again and code == 1 and failed <= AGAIN_MAX else ()
        if unsteady:
            record = Path(folder) / "again.xml"
            code, _ = box.run([*command, f"--junitxml={record}", "--last-failed", *paths])
            passed_again, failed, skipped = count(record)
            passed += passed_again
            unsteady = unsteady if code == 0 else ()
    notes = [f"exit code {code}: {meaning(code)}"] if code else []
    if skipped:
        notes.append(f"{skipped} skipped: a skipped test proves nothing")
    if code == 0 and suite.coverage:
        box.run(["coverage", "combine", "--quiet"])
        code, report = box.run(["coverage", "report"], capture=True)
        box.say("\n".join(report.splitlines()[-12:]))
        if code:
            notes.append("coverage of the pure floors is below its floor")
            failed += 1
    failed = max(failed + skipped, int(code != 0))
    return Outcome(passed=passed, failed=failed, notes=tuple(notes), unsteady=unsteady)


def late(record: Path) -> tuple[str, ...]:
    """The tests of a run's record that waited for a page in vain; none where one failed otherwise.

    What a test saw and should not have seen is a fault the first time.
    """
    if not record.exists():
        return ()
    names = []
    # The record is our own child's, as in `count`.
    for case in ET.parse(record).getroot().iter("testcase"):  # noqa: S314
        for fault in (*case.iter("failure"), *case.iter("error")):
            if not WAITED.match(fault.get("message", "")):
                return ()
            names.append(f"{case.get('classname')}::{case.get('name')}")
    return tuple(dict.fromkeys(names))


def count(record: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests from a run's record; nothing recorded is nothing passed."""
    if not record.exists():
        return 0, 0, 0
    # The record is our own child's, on our own disk.
    sums = [0, 0, 0]
    for result in ET.parse(record).getroot().iter("testsuite"):  # noqa: S314
        failed = int(result.get("failures", 0)) + int(result.get("errors", 0))
        skipped = int(result.get("skipped", 0))
        sums[0] += int(result.get("tests", 0)) - failed - skipped
        sums[1] += failed
        sums[2] += skipped
    return sums[0], sums[1], sums[2]


def meaning(code: int) -> str:
    """An exit code in words."""
    return {
        5: "no test was collected",
        124: "the time box was overrun",
        127: "the command is missing",
    }.get(code, "see above")


def run_commands(suite: Suite, box: Box) -> Outcome:
    """Run a suite's commands in turn; one that prints steps as JSON counts each of its steps."""
    passed, failed, notes = 0, 0, []
    for command in suite.commands:
        capture = "--json" in command
        code, output = box.run(list(command), capture=capture)
        steps = json_steps(output) if capture else []
        if capture and not steps:
            box.say(output)
        for name, held, saw in steps:
            box.say(f"  {'held  ' if held else 'FAILED'} {name}: {saw}")
        passed += sum(held for _, held, _ in steps) if steps else code == 0
        broken = sum(not held for _, held, _ in steps)
        failed += max(broken, code != 0)
        if code:
            notes.append(f"`{' '.join(command)}`: exit code {code}, {meaning(code)}")
    return Outcome(passed=passed, failed=failed, notes=tuple(notes))


def json_steps(output: str) -> list[tuple[str, bool, str]]:
    """The steps of a printed story, as name, whether it held, and what was seen."""
    try:
        story = json.loads(output)
        return [(step["name"], bool(step["held"]), str(step["saw"])) for step in story["steps"]]
    except (json.JSONDecodeError, KeyError, TypeError):
        return []


def run_suite(suite: Suite, run_ends: float, log: TextIO | None = None) -> Outcome:
    """Run one suite until its box or the run's time is over, or say why it cannot run here."""
    box = Box(min(time.monotonic() + suite.seconds_max, run_ends), log)
    if suite.needs_go and not (shutil.which("go") and GO_MODULE.is_dir()):
        packages = "golang-go golang-golang-x-mod-dev"
        return Outcome(not_run=f"Go is missing: `apt-get install {packages}` adds it")
    if suite.needs_chromium and not any(map(shutil.which, CHROMIUM_PROGRAMS)):
        return Outcome(
            not_run="Chromium is missing: `apt-get install chromium-headless-shell` adds it"
        )
    if suite.needs_softhsm and shutil.which("softhsm2-util") is None:
        return Outcome(not_run="SoftHSM is missing: `apt-get install softhsm2` adds it")
    if suite.needs_npm and box.run([sys.executable, "scripts/assets.py", "--reach"])[0]:
        return Outcome(not_run="the npm registry does not answer: what was built is not compared")
    if suite.commands:
        return run_commands(suite, box)
    paths = [path for path in suite.paths if holds_tests(ROOT / path)]
    if not paths:
        # A folder that disappears must not pass for one that holds.
        return Outcome(failed=1, notes=(f"{' and '.join(suite.paths)} hold no test",))
    return run_pytest(suite, paths, box)


def together(suites: list[Suite]) -> list[list[Suite]]:
    """The suites in their order: neighbours of one core each in one list, others in their own."""
    return [
        group
        for on_one_core, neighbours in groupby(suites, key=lambda suite: suite.on_one_core)
        for run in [list(neighbours)]
        for group in ([run] if on_one_core else [[suite] for suite in run])
    ]


def told(suite: Suite, run_ends: float, *, apart: bool) -> tuple[Outcome, str]:
    """Run one suite; return what it came to, and how that is told.

    `apart` keeps what it prints until its end, because another suite prints at the same time.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("a+", encoding="utf-8") if apart else nullcontext() as log:
        outcome = run_suite(suite, run_ends, log)
        if log is not None:
            log.seek(0)
        printed = log.read() if log is not None else ""
    lines = list(outcome.notes)
    if outcome.not_run:
        lines.append(f"not run: {outcome.not_run}")
    took = time.monotonic() - started
    lines.append(f"{outcome.passed} passed, {outcome.failed} failed in {took:.0f} s")
    return outcome, printed + "".join(f"  {line}\n" for line in lines)


def run_all(suites: list[Suite], run_ends: float) -> list[tuple[Suite, Outcome]]:
    """Run the suites, as many beside each other as there are cores where one takes one core."""
    outcomes: list[tuple[Suite, Outcome]] = []
    with ThreadPoolExecutor(max_workers=CORES) as pool:
        for group in together(suites):
            apart = len(group) > 1
            begun = [pool.submit(told, suite, run_ends, apart=apart) for suite in group]
            try:
                for suite, running in zip(group, begun, strict=True):
                    head = f"[{len(outcomes) + 1}/{len(suites)}] {suite.name}"
                    print(f"\n{head} (at most {suite.seconds_max} s)", flush=True)
                    outcome, words = running.result()
                    print(words, end="", flush=True)
                    outcomes.append((suite, outcome))
            except KeyboardInterrupt:
                end_all(begun)
                raise
    return outcomes


def end_all(begun: list[Future[tuple[Outcome, str]]]) -> None:
    """Let no suite begin, nor one that has begun go on."""
    for running in begun:
        running.cancel()
    while not all(running.done() for running in begun):
        for process in list(RUNNING):
            end(process)
        time.sleep(0.1)


def holds_tests(path: Path) -> bool:
    """Whether a path is a test file, or a folder with one."""
    return path.is_file() or any(path.rglob("test_*.py"))


def main() -> int:
    """Run the suites of a group, or those whose name holds a word, and sum them up."""
    parser = argparse.ArgumentParser(description="Run Comity's tests, each suite in its time box.")
    parser.add_argument("group", choices=("all", "check"))
    parser.add_argument("--only", default="", help="only suites whose name matches this pattern")
    options = parser.parse_args()
    suites = [suite for suite in chosen(options.group) if re.search(options.only, suite.name)]
    begun = time.monotonic()
    outcomes = run_all(suites, begun + RUN_SECONDS_MAX)
    return summarise(outcomes, time.monotonic() - begun)


def summarise(outcomes: list[tuple[Suite, Outcome]], seconds: float) -> int:
    """Print what failed and what did not run, then the one line that says it all."""
    print()
    for suite, outcome in outcomes:
        if outcome.failed:
            print(f"FAILED {suite.name}: {'; '.join(outcome.notes) or 'see above'}")
        if outcome.not_run:
            print(f"NOT RUN {suite.name}: {outcome.not_run}")
        for name in outcome.unsteady:
            print(f"UNSTEADY {suite.name}: {name} failed, and passed when it ran again alone")
    passed = sum(outcome.passed for _, outcome in outcomes)
    failed = sum(outcome.failed for _, outcome in outcomes)
    if seconds > RUN_SECONDS_AIM:
        print(
            f"slower than the {RUN_SECONDS_AIM // 60} minutes that a run should take on two cores"
        )
    print(f"{passed} passed, {failed} failed in {seconds:.0f} s")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
