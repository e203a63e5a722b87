"""What a command prints: facts to stdout, progress and remarks to stderr, both plain in a pipe.

Guarantee: with `--json` stdout holds one JSON document and nothing else; colour and progress appear
on a terminal only, and `NO_COLOR` takes the colour away. An outcome is never told by colour alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = [
    "AsJson",
    "errors_as_json",
    "fact_table",
    "facts_console",
    "plain",
    "print_json",
    "print_pairs",
    "print_wrapped",
    "progress",
    "remark",
    "say",
    "wants_json",
]

_JSON_KEY: Final = "comity.json"
_COLUMNS_MIN: Final = 40


def errors_as_json(ctx: Any, value: bool = True) -> bool:
    """Remember on a command's context that its errors go to stdout as JSON."""
    if value:
        ctx.meta[_JSON_KEY] = True
    return value


def wants_json(ctx: Any) -> bool:
    """Say whether the command that runs prints JSON."""
    return bool(ctx.meta.get(_JSON_KEY))


def _json_chosen(ctx: typer.Context, value: bool) -> bool:
    return errors_as_json(ctx, value)


AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document.", callback=_json_chosen)
]


def plain(text: str) -> str:
    """Return a text as a terminal may show it: what would move the cursor or the eye is a space.

    Records, remarks and files are others' words: an escape sequence in one must not become one.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def say(text: str) -> None:
    """Print one line of facts."""
    sys.stdout.write(f"{plain(text)}\n")


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    try:
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:
        # Half a character, as of a file's name that is not UTF-8: shown as `?`.
        whole = json.dumps(msgspec.to_builtins(document), ensure_ascii=False)
        data = whole.encode("utf-8", "replace")
    sys.stdout.write(msgspec.json.format(data, indent=2).decode() + "\n")


def facts_console() -> Console:
    """Return the console for facts: no markup, so that a record's brackets stay what they are."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that JSON and `--help` need not pay

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False)


def fact_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under column heads, without frames: they copy well and read well aloud."""
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[plain(str(value)) for value in row])
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.out(line.rstrip(), highlight=False)


def print_pairs(
    console: Console, rows: Iterable[tuple[str, str]], *, indent: int = 2, columns: int = 26
) -> None:
    """Print names and values; a long value goes on below itself."""
    left = min(columns, console.width // 3)
    for name, value in rows:
        start = f"{' ' * indent}{plain(name).ljust(left)}  "
        print_wrapped(console, value, start, " " * len(start))


def print_wrapped(console: Console, text: str, start: str = "", onward: str | None = None) -> None:
    """Print a sentence within the screen's width, its further lines indented."""
    lines = wrap(
        plain(text),
        max(console.width, _COLUMNS_MIN),
        initial_indent=start,
        subsequent_indent=start if onward is None else onward,
        break_on_hyphens=False,
    )
    for line in lines or [start.rstrip()]:
        console.print(line, soft_wrap=True)


def progress() -> Progress:
    """Return a progress display on stderr; silent where stderr is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def remark(text: str) -> None:
    """Say something beside the facts, on stderr."""
    sys.stderr.write(f"{plain(text)}\n")
