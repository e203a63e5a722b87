"""`comity history`: a state's own traffic for its records people, recorded before it is read."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, aclosing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.books import open_history
from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.extracts import ExtractForm, form_of_path, open_extract
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.reviewing import COMMAND_USER, reviewer_of, signature_of
from comity.cli.terminal import AsJson, print_json, progress, say
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.keys import MessageKey, is_key_form
from comity.domain.verdict import HistoryReading, SignedHistoryReading, history_reading_bytes
from comity.link.command import CommandDone, ReadHistory
from comity.link.limits import HISTORY_KEYS_MAX
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.roles.settings import Settings
from comity.services.sending import send_command

__all__ = ["DAYS_MAX", "KeyringMissingError", "app", "check_keyring"]

DAYS_MAX: Final = 92
"""Days of one export."""

app = typer.Typer(add_completion=False, no_args_is_help=True)


class KeyringMissingError(ComityError):
    """The member's month keys are not on this machine: nothing of its traffic can be opened."""

    code = "keyring-missing"


class _Written(msgspec.Struct, kw_only=True):
    """What an export came to."""

    access_entry: str
    files: tuple[Path, ...]
    messages: int = 0
    unopened: int = 0


@app.callback()
def history() -> None:
    """Export a state's own traffic, recorded before it is read."""


@app.command()
def export(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose traffic.")],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day: 2026-11-24.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day, whole.")],
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="Only this key; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write: .jsonl or .csv.")
    ] = None,
    to_dir: Annotated[
        Path | None, typer.Option("--to-dir", metavar="DIR", help="Folder for both forms.")
    ] = None,
    signed_by: Annotated[
        Path | None,
        typer.Option("--signed-by", metavar="FILE", help="Reviewer's key; else one kept here."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write what a state's agencies sent and were delivered, images left out.

    Signed by an enrolled reviewer; the ledger records it before anything is read. Days are UTC.
    """
    member = member_of(state)
    settings = settings_of(data)
    reviewer = reviewer_of(settings, member, signed_by)
    reading = HistoryReading(
        state=member,
        since=_midnight(first, "--from"),
        until=_midnight(last, "--to") + 86_400,
        keys=_keys(keys or []),
        reviewer=reviewer.name,
        at=int(time.time()),
    )
    _check_span(reading)
    files = _files(member, (first, last), out, to_dir)
    check_keyring(settings, member)
    written = asyncio.run(_export(settings, reading, reviewer, files))
    if as_json:
        print_json(
            {
                "state": member,
                "messages": written.messages,
                "unopened": written.unopened,
                "access_entry": written.access_entry,
                "files": [str(path) for path in written.files],
                "practice": settings.is_practice,
            }
        )
        return
    note = "  (practice data)" if settings.is_practice else ""
    say(f"● {member}: {written.messages:,} messages exported{note}")
    for path in written.files:
        say(f"  {path}")
    if written.unopened:
        say(f"  {written.unopened:,} could not be opened: their key is gone, or they were altered")
    say(f"  That you read this is recorded as {written.access_entry}.")


async def _export(
    settings: Settings, reading: HistoryReading, reviewer: ReviewerFile, files: tuple[Path, ...]
) -> _Written:
    """Record the reading, then read; a leaf without an export is possible, never the reverse."""
    member, wanted = reading.state, frozenset(reading.keys)
    written = _Written(access_entry=await _record(settings, reading, reviewer), files=files)
    with ExitStack() as stack, progress() as bars:
        task = bars.add_task(f"messages of {member}", total=None)
        writers = [
            stack.enter_context(
                open_extract(path, practice=settings.is_practice, access=written.access_entry)
            )
            for path in files
        ]
        async with open_history(settings, member) as traffic:
            units = traffic.units(member, reading.since, reading.until, newest_first=False)
            async with aclosing(units):
                async for unit in units:
                    opened = traffic.open(unit)
                    written.unopened += opened.unopened
                    for item in opened.items:
                        if not wanted or item.key in wanted:
                            written.messages += 1
                            for writer in writers:
                                writer.write(item)
                    bars.update(task, completed=written.messages)
    return written


async def _record(settings: Settings, reading: HistoryReading, reviewer: ReviewerFile) -> str:
    """Have the gateway record a reading; return the entry of its `access` leaf."""
    # INVARIANT (no-answer-before-receipt): nothing is opened before this has returned.
    proof = signature_of(reading.state, reviewer, history_reading_bytes(reading))
    signed = SignedHistoryReading(reading=reading, proof=proof)
    async with open_bus(settings, COMMAND_USER) as bus:
        host = HostFiles(settings.data_dir).host_name()
        result = await send_command(bus, host, ReadHistory(signed=signed))
    assert isinstance(result, CommandDone)
    return result.entry


def _midnight(text: str, option: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{option}` is not a day such as 2026-11-24") from None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _check_span(reading: HistoryReading) -> None:
    if reading.since < 0 or reading.since >= reading.until:
        raise UsageError("`--to` is before `--from`")
    if reading.until - reading.since > timedelta(days=DAYS_MAX).total_seconds():
        raise UsageError(f"`--from` and `--to` are more than {DAYS_MAX} days apart")


def _keys(given: list[str]) -> tuple[MessageKey, ...]:
    keys = tuple(dict.fromkeys(MessageKey(key.upper()) for key in given))
    if not all(is_key_form(key) for key in keys) or len(keys) > HISTORY_KEYS_MAX:
        raise UsageError(f"`--key` is two or three letters, at most {HISTORY_KEYS_MAX}")
    return keys


def _files(
    member: Member, days: tuple[str, str], out: Path | None, to_dir: Path | None
) -> tuple[Path, ...]:
    """Return what is to be written: one file, or one of each form in a folder."""
    if out is not None and to_dir is None:
        form_of_path(out)
        files: tuple[Path, ...] = (out,)
    elif to_dir is not None and out is None:
        name = f"history-{member}-{'-to-'.join(days)}"
        files = tuple(to_dir / f"{name}.{form}" for form in ExtractForm)
    else:
        raise UsageError("one of `--out` and `--to-dir` is needed")
    # Before anything is recorded: a reading that can not be written down is none.
    for path in files:
        if path.exists():
            raise UsageError(f"there is a file `{path}` already: name another")
    return files


def check_keyring(settings: Settings, member: Member) -> None:
    """Raise KeyringMissingError where a member's month keys are not on this machine."""
    folder = settings.data_dir / "keyring" / member
    if not folder.is_dir():
        raise KeyringMissingError(
            f"`{folder}` is not here: traffic is opened where the member's month keys are"
        )
