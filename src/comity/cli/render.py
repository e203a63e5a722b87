"""`comity render`: the message that `comity parse` printed, as bytes again."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from comity.cli.files import read_input
from comity.cli.messages import DOCUMENT_BYTES_MAX, Form, bytes_of
from comity.cli.terminal import errors_as_json
from comity.formats.faults import fault_of

__all__ = ["app"]

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
    data = read_input(file, DOCUMENT_BYTES_MAX)
    try:
        document = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise fault_of("0", "json-malformed", "the document is not a json object") from None
    sys.stdout.buffer.write(bytes_of(document, to))
    if sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
