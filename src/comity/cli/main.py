"""The entry: what `comity` can do, each command loaded only when it is called.

Guarantee: whatever error of ours a command meets, on every command alike, becomes one sentence with
its code, on stderr or as JSON, and the exit code of `errors.EXIT_OF_CODE`; a traceback is a fault
of the program.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from comity.cli.errors import (
    UsageError,
    code_of,
    error_document,
    exit_of,
    operating_error,
    options_of,
)
from comity.cli.terminal import print_json, remark, wants_json
from comity.domain.errors import ComityError

__all__ = ["COMMANDS", "CommandRow", "LazyGroup", "app", "run"]


class CommandRow(NamedTuple):
    """One command or group: its section in the help, its module below `comity.cli`, a sentence."""

    section: str
    module: str
    summary: str


_START: Final = "Start here"
_ASK: Final = "Ask and answer"
_RULES: Final = "Rules"
_PROVE: Final = "Prove"
_MESSAGES: Final = "Messages"
_KEEP: Final = "Run an installation"
_NAME_COLUMNS: Final = 9
_NOT_FOR_PARTS: Final = frozenset({"install_completion", "show_completion"})

COMMANDS: Final[dict[str, CommandRow]] = {
    "demo": CommandRow(_START, "demo", "Run a practice network here, or play its story once."),
    "ask": CommandRow(_ASK, "ask", "Ask a state, several or all; prints the outcome first."),
    "hold": CommandRow(_ASK, "hold", "Decide what waits for a person, without a browser."),
    "instrument": CommandRow(
        _ASK, "instruments", "Warrants and orders: register, verify, revoke, list."
    ),
    "pass": CommandRow(_ASK, "passes", "Grant a case its review once; list, show, revoke."),
    "urgent": CommandRow(_ASK, "urgents", "Look at what was released at once; count it."),
    "appeal": CommandRow(_ASK, "appeals", "Decide appeals against refusals; list, show."),
    "notices": CommandRow(_ASK, "notices", "Tell residents who asked; list what is owed."),
    "onward": CommandRow(_ASK, "onward", "Onward transfers: list, ask an agency, tell a state."),
    "block": CommandRow(_RULES, "block", "Block a family of agencies now, and prove it."),
    "policy": CommandRow(_RULES, "policy", "Read, explain, prove and compare a state's rules."),
    "ledger": CommandRow(_PROVE, "ledger", "Export, audit, watch and prove a state's ledger."),
    "witness": CommandRow(_PROVE, "witness", "Witness others' ledgers; read evidence."),
    "history": CommandRow(_PROVE, "history", "Export a state's own traffic, recorded first."),
    "parse": CommandRow(_MESSAGES, "parse", "Read one message and print it as JSON."),
    "render": CommandRow(_MESSAGES, "render", "Write the message that `parse` printed."),
    "demand": CommandRow(_KEEP, "demands", "Demands for the state's own data: register, answer."),
    "key": CommandRow(_KEEP, "key", "Month keys, litigation holds, the records schedule."),
    "directory": CommandRow(_KEEP, "directory", "Read, edit, sign and publish a part."),
    "passkey": CommandRow(_KEEP, "passkeys", "Invite people to make a passkey; list, remove."),
    "config": CommandRow(_KEEP, "config", "Show every setting and where its value is from."),
    "doctor": CommandRow(_KEEP, "doctor", "Check this machine; each finding with its fix."),
    "serve": CommandRow(_KEEP, "serve", "Run one process: gateway, hub, worker or witness."),
    "migrate": CommandRow(_KEEP, "migrate", "Bring the database to this version's form."),
    "bench": CommandRow(_KEEP, "bench", "Measure what it costs here, beside its targets."),
}


@cache
def _command(name: str) -> Any:
    """Import a command's module; one that is asked for again is not made again."""
    row = COMMANDS[name]
    commands = import_module(f"comity.cli.{row.module}").app
    # Plain text: it copies, reads well aloud, and is the same in a pipe.
    commands.rich_markup_mode = None
    command = typer.main.get_command(commands)
    command.name, command.short_help = name, row.summary
    # A part of a program has no completion of its own to install.
    command.params = [p for p in command.params if p.name not in _NOT_FOR_PARTS]
    return command


class LazyGroup(TyperGroup):
    """Shows all commands without importing them, and imports the one that is called."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, row in COMMANDS.items():
            # A stand-in: what the help and the search for a mistyped name need to know.
            self.add_command(TyperCommand(name, callback=None, help=row.summary), name)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command itself, importing its module."""
        return _command(cmd_name) if cmd_name in COMMANDS else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base's form
        """Write the commands in sections, from the table alone."""
        for section in dict.fromkeys(row.section for row in COMMANDS.values()):
            rows = [
                (name.ljust(_NAME_COLUMNS), row.summary)
                for name, row in COMMANDS.items()
                if row.section == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; its errors are told in one place."""
        try:
            return super().invoke(ctx)
        except ComityError as error:
            failed: ComityError = error
        except BrokenPipeError:
            raise
        except OSError as error:
            failed = operating_error(error)
        except UnicodeEncodeError as error:
            # A word of the command line that is not UTF-8 comes to us as halves of characters.
            if not any("\ud800" <= each <= "\udfff" for each in error.object):
                raise
            failed = UsageError("a word of the command is not text in UTF-8")
        if wants_json(ctx):
            print_json(error_document(failed))
        else:
            remark(f"comity: {failed} ({code_of(failed)})")
            for number, option in enumerate(options_of(failed), start=1):
                remark(f"  {number}. {option}")
        raise typer.Exit(exit_of(failed))


def _print_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"comity {version('comity')}\n")
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(
    epilog="Exit codes: 0 ok, 1 failure, 2 usage or malformed input, 3 refused by policy, "
    "4 held for review, 5 verification failed, 75 try again."
)
def comity(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """A state's own choice, query by query: who may see its driver, vehicle and photo records."""


def run() -> None:
    """Run the command line as a program."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without these characters shows others in their place; it is not a failure.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="comity")
