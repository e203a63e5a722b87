"""Tests for the entry: help, version, exit codes, and what is loaded for them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from comity.cli.errors import EXIT_OF_CODE, ExitCode, exit_of, operating_error
from comity.cli.main import COMMANDS, app
from comity.domain.errors import ComityError, MalformedError
from tests.tidy.errors import codes
from tests.tidy.tree import package_sources

ROOT = Path(__file__).resolve().parents[3]
RUNNER = CliRunner()
HELP = """\
Usage: comity [OPTIONS] COMMAND [ARGS]...

  A state's own choice, query by query: who may see its driver, vehicle and
  photo records.

Options:
  --version   Print the version.
  -h, --help  Show this message and exit.
"""


def test_help_says_what_it_is() -> None:
    """The help opens with the one sentence, then lists every command in its section."""
    result = RUNNER.invoke(app, ["--help"], prog_name="comity", env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert result.stdout.startswith(HELP)
    for name, row in COMMANDS.items():
        assert re.search(rf"(?m)^  {name} +{re.escape(row.summary)}$", result.stdout)
        assert f"\n{row.section}:\n" in result.stdout


def test_help_loads_no_command() -> None:
    """The help, the version and a mistyped name import neither a command nor a driver."""
    program = (
        "import sys; from comity.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncpg', 'nats', 'rich', 'cryptography', 'lxml', 'pydantic_settings'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert run.stderr == "[]\n"


def test_version() -> None:
    """`--version` prints name and version."""
    result = RUNNER.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, "comity 0.1.0\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_there(name: str) -> None:
    """Each command of the table can be loaded and says in its own help what it does."""
    result = RUNNER.invoke(app, [name, "--help"], prog_name="comity")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: comity {name} ")


def test_mistyped_name_is_usage() -> None:
    """A command that does not exist ends with 2 and the nearest name."""
    result = RUNNER.invoke(app, ["pars"])
    assert result.exit_code == 2
    assert "'parse'" in result.stderr


def test_error_is_one_sentence_with_its_code() -> None:
    """An operating error is one JSON document where the command prints JSON, not a traceback."""
    result = RUNNER.invoke(app, ["parse", "no-such-file"])
    assert (result.exit_code, result.stderr) == (2, "")
    assert '"code": "usage"' in result.stdout


def test_table_holds_real_codes_only() -> None:
    """Each code of the table belongs to an error of the package."""
    known = {code for source in package_sources() for _, code in codes(source)}
    assert set(EXIT_OF_CODE) <= known


@pytest.mark.parametrize(("code", "expected"), sorted(EXIT_OF_CODE.items()))
def test_code_has_its_exit(code: str, expected: ExitCode) -> None:
    """An error with a code of the table ends as the table says, whatever its class."""
    assert exit_of(type("_Error", (ComityError,), {"code": code})("said")) == expected


def test_other_codes_follow_their_kind() -> None:
    """Malformed input that the table does not know is 2, anything else 1."""
    assert exit_of(MalformedError("said")) == ExitCode.USAGE
    assert exit_of(ComityError("said")) == ExitCode.FAILURE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(111, "Connection refused"), ExitCode.AGAIN),
        (TimeoutError(), ExitCode.AGAIN),
        (PermissionError(13, "Permission denied", "file"), ExitCode.FAILURE),
        (OSError(28, "No space left on device"), ExitCode.FAILURE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_system_errors_are_ours_too(error: OSError, expected: ExitCode) -> None:
    """An error of the operating system becomes one of ours, in one sentence."""
    ours = operating_error(error)
    assert exit_of(ours) == expected
    assert "\n" not in str(ours)


@pytest.mark.parametrize(
    "arguments", [["policy", "explain", "\udcff.toml"], ["pass", "list", "--state", "\udcff"]]
)
def test_a_name_that_is_no_text_is_told_as_json(arguments: list[str]) -> None:
    """A file's name may be any bytes; what cannot be said of it is a question mark."""
    ended = CliRunner().invoke(app, [*arguments, "--json"])
    assert ended.exit_code == ExitCode.USAGE
    assert "code" in json.loads(ended.stdout)["error"]
