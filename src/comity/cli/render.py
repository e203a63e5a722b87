"""`comity render`: the message that `comity parse` printed, as bytes again."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import msgspec
import typer

from comity.cli.files import read_input
from comity.cli.messages import Form, bytes_of
from comity.cli.terminal import errors_as_json
from comity.formats.faults import fault_of
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["app"]

_DOCUMENT_BYTES_MAX: Final = 4 * DELIVERY_BYTES_MAX
"""Indented, and with every line end escaped, a document is longer than its message."""

app = typer.Typer(add_completion=False)


@app.command()
def render(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The document; - is standard input.")
    ] = "-",
    *,
    to: Annotated[Form, typer.Option("--to", help="The format to write.")],
) -> None:
    """Write the message that `parse` printed.

    The members `format`, `direction` and `meaning` are not written: a message carries the others.
    """
    errors_as_json(ctx)
    data = read_input(file, _DOCUMENT_BYTES_MAX)
    try:
        document = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise fault_of("0", "json-malformed", "the document is not a json object") from None
    sys.stdout.buffer.write(bytes_of(document, to))
    if sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
