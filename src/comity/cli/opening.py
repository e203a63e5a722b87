"""`comity ledger open`: chosen fields of one leaf's private record, as an opening anyone can check.

INVARIANT (no-answer-before-receipt): nothing is opened before the ledger has recorded that it will
be, by whom and which fields; a leaf without an opening is possible, never the reverse.
Source: docs/adr/0004-receipt-format.md, section Commitments and openings.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from comity.app.books import open_records
from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, settings_of
from comity.cli.opened import LABELS, readable
from comity.cli.reviewing import COMMAND_USER, reviewer_of, signature_of
from comity.cli.terminal import AsJson, print_json, say
from comity.domain.ids import Member, parse_entry_name
from comity.domain.verdict import OpeningReading
from comity.ledger.commitment import encode_opening
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.roles.settings import Settings
from comity.services.openings import FieldUnknownError, Opened, opened_fields, record_opening

__all__ = ["open_entry", "open_fields"]


def open_entry(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="A leaf, as in wa/126.")],
    *,
    fields: Annotated[
        list[str],
        typer.Option("--field", metavar="NAME", help="A field to show; repeat for more."),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write.")],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="REVIEWER", help="Whose key kept here; else the first."),
    ] = None,
    signed_by: Annotated[
        Path | None, typer.Option("--signed-by", metavar="FILE", help="Reviewer's key file.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Open fields of the private record behind a leaf, for someone whom they concern.

    Signed by an enrolled reviewer; the ledger records it before anything is opened. Whoever gets
    the file can check it with the leaf's receipt or proof: comity ledger verify, or the page.
    """
    settings = settings_of(data)
    member, _ = parse_entry_name(entry.lower())
    reviewer = reviewer_of(settings, member, _key_path(settings, member, name, signed_by))
    leaf_to = to.with_name(f"{to.stem}.leaf")
    for path in (to, leaf_to):
        # Before anything is recorded: what cannot be written down is not opened.
        if path.exists():
            raise UsageError(f"there is a file `{path}` already: name another")
    reading = OpeningReading(
        state=member,
        entry=entry.lower(),
        fields=tuple(dict.fromkeys(field.lower() for field in fields)),
        reviewer=reviewer.name,
        at=int(time.time()),
    )
    opened = asyncio.run(open_fields(settings, reading, reviewer))
    _write_private(to, encode_opening(opened.opening))
    _write_private(leaf_to, opened.leaf)
    shown = {name: readable(name, value) for name, value in opened.opening.values().items()}
    hidden = len(opened.opening.fields) - len(shown)
    if as_json:
        print_json(
            {
                "entry": reading.entry,
                "access_entry": opened.access_entry,
                "opened": shown,
                "hidden": hidden,
                "opening": str(to),
                "leaf": str(leaf_to),
                "practice": settings.is_practice,
            }
        )
        return
    note = "  (practice data)" if settings.is_practice else ""
    say(f"● {reading.entry}: {len(shown)} fields opened, {hidden} stay hidden{note}")
    for field, words in shown.items():
        say(f"  {LABELS.get(field, field)}: {words}")
    say(f"  opening {to}, leaf {leaf_to}")
    say(f"  That you opened this is recorded as {opened.access_entry}.")
    say(f"  Check it: comity ledger verify {to} RECEIPT-OR-PROOF")


def _key_path(
    settings: Settings, member: Member, name: str | None, signed_by: Path | None
) -> Path | None:
    if signed_by is not None and name is not None:
        raise UsageError("`--as` and `--signed-by` both say who signs")
    if name is None:
        return signed_by
    kept = HostFiles(settings.data_dir).reviewer_paths(member)
    found = next((path for path in kept if path.stem == f"{member}-{name}"), None)
    if found is None:
        raise UsageError(f"no key of a reviewer `{name}` of `{member}` is kept here")
    return found


async def open_fields(
    settings: Settings, reading: OpeningReading, reviewer: ReviewerFile
) -> Opened:
    """Record that fields behind a leaf are opened, then open them.

    Raises: RecordGoneError, UsageError for a field that is none, GatewayRefusalError.
    """
    member, _ = parse_entry_name(reading.entry)
    async with open_bus(settings, COMMAND_USER) as bus:
        access = await record_opening(
            bus,
            HostFiles(settings.data_dir).host_name(),
            reading,
            lambda message: signature_of(reading.state, reviewer, message),
        )
    async with open_records(settings, member) as records:
        try:
            return await opened_fields(records, reading, access)
        except FieldUnknownError as error:
            raise UsageError(str(error)) from None


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read; never over one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123
        file.write(data)
