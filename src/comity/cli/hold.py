"""`comity hold`: the review desk without a browser; every reading and verdict is signed."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from pathlib import Path
from typing import Annotated, Any, Final, assert_never

import msgspec
import typer

from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.reviewing import Desk, no_open_hold, reviewer_of, state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
)
from comity.domain.ids import Member, member_label
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, term
from comity.link.command import HoldView
from comity.roles.host_files import HostFiles

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_UNSAID: Final = "not stated"

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The hold's entry, as in WA/126.")]
_Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Reviewer's key file; else one kept here."),
]
_Note = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="A sentence that goes to the requester.")
]


@app.callback()
def hold() -> None:
    """Decide what waits for a person, without a browser."""


@app.command("list")
def list_holds(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="The reviewing state.")],
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for a decision, the nearest deadline first."""
    member = member_of(state)
    holds = asyncio.run(_desk(member, key, data).read()).holds
    if as_json:
        print_json({"state": member, "holds": [_document(view) for view in holds]})
        return
    console = facts_console()
    if not holds:
        console.print(f"Nothing waits for {member_label(member)}.{_note_of(data)}")
        return
    waits = f"{_count(len(holds))} for {member_label(member)}"
    console.print(f"{waits}; the nearest deadline first{_note_of(data)}\n")
    now = int(time.time())
    fact_table(
        console,
        ("hold", "key", "agency", "purpose", "classes held", "time left"),
        [
            (
                view.entry,
                view.key,
                view.agency_name or view.agency,
                _words(view.purpose),
                _classes(view.classes),
                _left(view.until - now),
            )
            for view in holds
        ],
    )


@app.command()
def show(entry: _Entry, *, key: _Key = None, data: DataDir = None, as_json: AsJson = False) -> None:
    """Show one hold with whom it is about; the reading is recorded in the ledger."""
    member, name = state_of_entry(entry)
    shown = asyncio.run(_desk(member, key, data).read(name))
    if not shown.holds:
        raise no_open_hold(name)
    view = shown.holds[0]
    if as_json:
        print_json({"hold": _document(view), "access_entry": shown.access_entry})
        return
    console = facts_console()
    left = _left(view.until - int(time.time()))
    note = _note_of(data)
    console.print(f"◆ {view.entry} waits for {member_label(member)}: {left} left{note}\n")
    rows = [
        ("asked by", f"{view.agency_name} ({view.agency})" if view.agency_name else view.agency),
        ("operator", f"{view.operator}, {_words(view.assurance)}" if view.operator else _UNSAID),
        ("message key", view.key),
        ("purpose", _words(view.purpose)),
        ("offence", _words(view.offence)),
        ("instrument", _words(view.instrument)),
        ("case", view.case_number or _UNSAID),
        ("about", ", ".join(f"{prefix} {value}" for prefix, value in view.search)),
        ("classes held", _classes(view.classes)),
        ("until", f"{_utc(view.until):%Y-%m-%d %H:%M:%S} UTC"),
    ]
    rows += [
        ("rule", f"{reason.rule}: {reason.sentence}")
        for reason in dict.fromkeys(r for part in view.withheld for r in part.reasons)
    ]
    print_pairs(console, rows, columns=14)
    if shown.access_entry:
        console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


@app.command()
def approve(
    entry: _Entry,
    *,
    classes: Annotated[
        list[DataClass] | None,
        typer.Option("--class", metavar="CLASS", help="Release this class; may be repeated."),
    ] = None,
    note: _Note = "",
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Release what is held, all of it or the classes named; the rest ends refused."""
    chosen = tuple(dict.fromkeys(classes or ()))
    _decide(entry, VerdictKind.APPROVE, chosen, note, desk=(key, data), as_json=as_json)


@app.command()
def refuse(
    entry: _Entry,
    *,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the requester.")],
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Refuse what is held; the requester is told why."""
    _decide(entry, VerdictKind.REFUSE, (), note, desk=(key, data), as_json=as_json)


@app.command()
def ask(
    entry: _Entry,
    *,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What you need to know.")],
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask the requester a question; the hold and its clock go on."""
    _decide(entry, VerdictKind.ASK, (), note, desk=(key, data), as_json=as_json)


def _decide(
    entry: str,
    kind: VerdictKind,
    approved: tuple[DataClass, ...],
    note: str,
    *,
    desk: tuple[Path | None, Path | None],
    as_json: bool,
) -> None:
    member, name = state_of_entry(entry)
    key, data = desk
    held, recorded = asyncio.run(_desk(member, key, data).decide(name, kind, approved, note))
    released = (approved or held.classes) if kind is VerdictKind.APPROVE else ()
    if as_json:
        print_json(
            {
                "hold": name,
                "verdict": kind.value,
                "released": list(released),
                "entry": recorded,
            }
        )
        return
    console = facts_console()
    print_wrapped(console, f"{_sentence(kind, held, released)}{_note_of(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature.")


def _sentence(kind: VerdictKind, held: HoldView, released: tuple[DataClass, ...]) -> str:
    """Say what a verdict did."""
    who = held.agency_name or held.agency
    match kind:
        case VerdictKind.APPROVE:
            rest = tuple(part for part in held.classes if part not in released)
            refused = f"; {_classes(rest)} refused" if rest else ""
            return f"● Released {_classes(released)} to {who}{refused}"
        case VerdictKind.REFUSE:
            return f"✕ Refused {_classes(held.classes)} to {who}"
        case VerdictKind.ASK:
            return f"◆ Asked {who}; {held.entry} stays held"
        case VerdictKind.ESCALATE:
            return f"◆ Passed on; {held.entry} stays held"
        case _:
            assert_never(kind)


def _desk(state: Member, key: Path | None, data: Path | None) -> Desk:
    settings = settings_of(data)
    return Desk(
        settings=settings,
        state=state,
        reviewer=reviewer_of(settings, state, key),
        host=HostFiles(settings.data_dir).host_name(),
    )


def _document(view: HoldView) -> dict[str, Any]:
    """Return a hold as JSON prints it: ids in hexadecimal, times in UTC."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    document["exchange_id"] = view.exchange_id.hex()
    document["opened_at"] = _utc(view.opened_at).isoformat()
    document["until"] = _utc(view.until).isoformat()
    return document


def _note_of(data: Path | None) -> str:
    return "  (practice data)" if settings_of(data).is_practice else ""


def _count(count: int) -> str:
    return "One question waits" if count == 1 else f"{count} questions wait"


def _classes(classes: tuple[DataClass, ...]) -> str:
    return ", ".join(term(part).label for part in classes)


def _words(value: str) -> str:
    return value.replace("_", " ")


def _left(seconds: int) -> str:
    if seconds <= 0:
        return "none"
    hours, rest = divmod(seconds, 3_600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def _utc(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
