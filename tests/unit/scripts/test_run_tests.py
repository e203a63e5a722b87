"""The runner counts what really ran: a suite that fails, overruns or is empty never passes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from scripts.run_tests import (
    RUN_SECONDS_MAX,
    Box,
    Suite,
    chosen,
    count,
    json_steps,
    run_all,
    run_commands,
    run_suite,
    summarise,
    together,
)

CI_SECONDS_MAX = 90 * 60
PYTHON = sys.executable


def soon() -> float:
    """A deadline that no command here reaches."""
    return time.monotonic() + 15


def test_a_run_ends() -> None:
    """A run ends itself before what runs it would; a suite beyond its end ends with it."""
    assert CI_SECONDS_MAX * 0.8 > RUN_SECONDS_MAX
    assert all(suite.seconds_max < RUN_SECONDS_MAX / 3 for suite in chosen("all"))
    late = Suite(
        name="late", seconds_max=60, commands=((PYTHON, "-c", "import time; time.sleep(60)"),)
    )
    begun = time.monotonic()
    outcome = run_suite(late, run_ends=begun)
    assert (outcome.passed, outcome.failed) == (0, 1)
    assert "overrun" in outcome.notes[0]


def test_check_leaves_the_slow_suites_out() -> None:
    """`make check` holds format, types, tidy, unit tests and vectors, and starts no server."""
    paths = {path for suite in chosen("check") for path in suite.paths}
    assert paths == {"tests/tidy", "tests/unit", "tests/vectors"}


def test_suite_that_cannot_run_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser the browser suite is not run, and says what adds one."""
    (suite,) = [suite for suite in chosen("all") if suite.name == "browser"]
    monkeypatch.setenv("PATH", "")
    outcome = run_suite(suite, soon())
    assert (outcome.passed, outcome.failed) == (0, 0)
    assert "apt-get install chromium-headless-shell" in outcome.not_run


def test_without_a_registry_nothing_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a network refuses is no fault of what was committed; it is named as not run."""
    (suite,) = [suite for suite in chosen("all") if suite.name == "assets"]
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "10")
    monkeypatch.setenv("npm_config_fetch_retry_maxtimeout", "20")
    outcome = run_suite(suite, time.monotonic() + 60)
    assert (outcome.passed, outcome.failed) == (0, 0)
    assert "registry does not answer" in outcome.not_run


def test_overrun_is_a_failure() -> None:
    """A command that has no time left is ended and counted as failed."""
    suite = Suite(
        name="slow", seconds_max=0, commands=((PYTHON, "-c", "import time; time.sleep(60)"),)
    )
    outcome = run_commands(suite, Box(time.monotonic()))
    assert (outcome.passed, outcome.failed) == (0, 1)
    assert "overrun" in outcome.notes[0]


def test_missing_command_is_a_failure() -> None:
    """A command that is not installed is counted as failed, not as absent."""
    outcome = run_commands(
        Suite(name="none", seconds_max=1, commands=(("no-such-command",),)), Box(soon())
    )
    assert (outcome.passed, outcome.failed) == (0, 1)


def test_steps_of_a_story_are_counted_one_by_one() -> None:
    """A command that prints steps counts each; one that did not hold is one failure."""
    story = {"steps": [{"name": "ask", "held": True, "saw": "a record"}]}
    assert json_steps(json.dumps(story)) == [("ask", True, "a record")]
    assert json_steps("no story") == []


def test_record_is_counted(tmp_path: Path) -> None:
    """Errors are failures, skipped tests are not passed, and no record is nothing passed."""
    record = tmp_path / "record.xml"
    assert count(record) == (0, 0, 0)
    record.write_text(
        '<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>'
    )
    assert count(record) == (3, 3, 3)


def test_nothing_passed_is_no_success() -> None:
    """A run in which no test passed does not succeed, even if none failed."""
    assert summarise([], 0.0) == 1


def test_output_is_captured_on_request() -> None:
    """A captured command's output and exit code come back as they were."""
    assert Box(soon()).run([PYTHON, "-c", "print('seen')"], capture=True) == (0, "seen\n")


def test_a_suite_without_tests_fails() -> None:
    """A folder of tests that disappears is a failure, not a pass."""
    outcome = run_suite(Suite(name="x", seconds_max=1, paths=("tests/none",)), soon())
    assert (outcome.passed, outcome.failed) == (0, 1)


def meets(name: str, other: str, folder: Path) -> Suite:
    """A suite of one core that passes only while the other one runs."""
    words = (
        f"import pathlib, time; print('{name} prints'); here = pathlib.Path({str(folder)!r});"
        f"(here / '{name}').touch();"
        f"\nwhile not (here / '{other}').exists(): time.sleep(0.01)"
    )
    return Suite(name=name, seconds_max=15, commands=((PYTHON, "-c", words),), on_one_core=True)


def test_suites_of_one_core_run_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two that wait for each other both pass; what each prints stands below its own name."""
    monkeypatch.setattr("scripts.run_tests.CORES", 2)
    both = [meets("one", "two", tmp_path), meets("two", "one", tmp_path)]
    outcomes = run_all(both, soon())
    assert [(suite.name, outcome.passed) for suite, outcome in outcomes] == [("one", 1), ("two", 1)]
    printed = capfd.readouterr().out
    parts = [printed.index(each) for each in ("[1/2] one", "one prints", "[2/2] two", "two prints")]
    assert parts == sorted(parts)


def test_what_takes_all_cores_runs_alone() -> None:
    """Suites keep their order; only neighbours of one core each stand together."""
    names = [[suite.name for suite in group] for group in together(chosen("all"))]
    assert [name for group in names for name in group] == [suite.name for suite in chosen("all")]
    assert ["format and lint", "types", "tidy"] in names
    assert ["browser"] in names


WAITED = "Locator expected to be visible"


def wavering(folder: Path, *, fails: int, says: str = WAITED) -> Suite:
    """A suite of two tests, of which one fails so many times, and says why."""
    (folder / "test_wavering.py").write_text(
        "from pathlib import Path\n"
        "SEEN = Path(__file__).with_name('seen')\n"
        "def test_steady():\n    pass\n"
        "def test_other():\n"
        "    seen = len(SEEN.read_text()) if SEEN.exists() else 0\n"
        "    SEEN.write_text('x' * (seen + 1))\n"
        f"    if seen < {fails}: raise AssertionError({says!r})\n"
    )
    return Suite(name="wavering", seconds_max=60, paths=(str(folder),), again=True)


def test_what_passes_alone_is_named_as_unsteady(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no failure, and the last lines name it; each test is counted once."""
    suite = wavering(tmp_path, fails=1)
    outcome = run_suite(suite, time.monotonic() + 60)
    assert (outcome.passed, outcome.failed) == (2, 0)
    (name,) = outcome.unsteady
    assert name.endswith("test_wavering::test_other")
    assert summarise([(suite, outcome)], 1.0) == 0
    assert f"UNSTEADY wavering: {name} failed, and passed" in capsys.readouterr().out


def test_what_fails_again_has_failed(tmp_path: Path) -> None:
    """Once more, and no further."""
    outcome = run_suite(wavering(tmp_path, fails=2), time.monotonic() + 60)
    assert (outcome.passed, outcome.failed, outcome.unsteady) == (1, 1, ())
    assert (tmp_path / "seen").read_text() == "xx"


def test_what_was_seen_is_a_fault_the_first_time(tmp_path: Path) -> None:
    """A field too many, or anything else that is no wait: it is not asked for again."""
    suite = wavering(tmp_path, fails=1, says="{'status', 'address'} is not {'status'}")
    outcome = run_suite(suite, time.monotonic() + 60)
    assert (outcome.passed, outcome.failed, outcome.unsteady) == (1, 1, ())
    assert (tmp_path / "seen").read_text() == "x"


def test_only_pages_run_again() -> None:
    """What a browser draws has a time of its own; everything else holds the first time."""
    assert [suite.name for suite in chosen("all") if suite.again] == ["browser"]
