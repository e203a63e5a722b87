"""`comity parse`: one message as JSON of its header and fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from comity.cli.cards import card_document
from comity.cli.files import read_input
from comity.cli.messages import Form, document_of
from comity.cli.terminal import errors_as_json, print_json
from comity.formats.aamva import is_card
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["app"]

app = typer.Typer(add_completion=False)


class _Choice(StrEnum):
    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    AAMVA = "aamva"
    NIEM = "niem"


@app.command()
def parse(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The message; - is standard input.")
    ] = "-",
    *,
    form: Annotated[
        _Choice, typer.Option("--format", help="What to read; auto goes by the first byte.")
    ] = _Choice.AUTO,
) -> None:
    """Read one message and print it as JSON.

    Messages that ask, answers, errors (ER) and status messages (SM), in text, JSON or NIEM XML, and
    what a scanner delivers of a licence or identification card. A malformed one ends with exit code
    2 and {"error": {"code", "text", "er"}}.
    """
    errors_as_json(ctx)
    data = read_input(file, DELIVERY_BYTES_MAX)
    if form is _Choice.AAMVA or (form is _Choice.AUTO and is_card(data)):
        print_json(card_document(data))
        return
    print_json(document_of(data, None if form is _Choice.AUTO else Form(form.value)))
