"""The command line's reference shows every command's own help, and every exit code.

Run as a program, this file writes the help of today into docs/reference/commands.md, with a section
for each new command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from comity.cli.errors import EXIT_OF_CODE, ExitCode
from comity.cli.main import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
COMMANDS_DOC = ROOT / "docs/reference/commands.md"
EXITS_DOC = ROOT / "docs/reference/exit-codes.md"
BLOCK = re.compile(r"(?ms)^#+ `(comity[a-z -]*)`\n(.*?)^```help\n(.*?)^```\n")
RUNNER = CliRunner()


def command_paths() -> Iterator[tuple[str, ...]]:
    """Every command as it is typed: the program, groups, and what stands in them."""
    root: Any = typer.main.get_command(app)
    yield ()
    for name in COMMANDS:
        yield (name,)
        command = root.get_command(None, name)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def help_of(path: tuple[str, ...]) -> str:
    """A command's help at 80 columns."""
    result = RUNNER.invoke(
        app, [*path, "--help"], prog_name="comity", env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    )
    assert result.exit_code == 0
    return result.stdout


def typed(path: tuple[str, ...]) -> str:
    """How a command is written."""
    return " ".join(("comity", *path))


PATHS = {typed(path): path for path in command_paths()}


def updated(text: str) -> str:
    """The document with the help of today in every block."""

    def block(found: re.Match[str]) -> str:
        head, name = found[0][: found.start(3) - found.start()], found[1]
        return f"{head}{help_of(PATHS[name])}```\n"

    return BLOCK.sub(block, text)


def completed(text: str) -> str:
    """The document with a section, still without words of its own, for each command it lacks."""
    described = {found[1] for found in BLOCK.finditer(text)}
    for name in PATHS:
        if name not in described:
            level = "###" if len(name.split()) > 2 else "##"
            text += f"\n{level} `{name}`\n\n```help\n```\n"
    return updated(text)


def test_every_command_is_described() -> None:
    """The reference has a section with a help block for each command, and for nothing else."""
    described = [found[1] for found in BLOCK.finditer(COMMANDS_DOC.read_text("utf-8"))]
    assert sorted(described) == sorted(PATHS)


def test_help_is_that_of_today() -> None:
    """Each help block is what the command itself prints."""
    text = COMMANDS_DOC.read_text("utf-8")
    assert text == updated(text)


@pytest.mark.parametrize("code", ExitCode, ids=str)
def test_every_exit_code_is_described(code: ExitCode) -> None:
    """Each exit code has its row."""
    assert re.search(rf"(?m)^\| {code.value} \| \S", EXITS_DOC.read_text("utf-8"))


def test_exit_of_every_code_is_described() -> None:
    """The reference lists the same error codes under the same exit codes as the program."""
    rows = re.findall(r"(?m)^\| `([a-z-]+)` \| (\d+) \| \S", EXITS_DOC.read_text("utf-8"))
    assert {code: int(number) for code, number in rows} == {
        code: number.value for code, number in EXIT_OF_CODE.items()
    }


if __name__ == "__main__":
    COMMANDS_DOC.write_text(completed(COMMANDS_DOC.read_text("utf-8")), "utf-8")
