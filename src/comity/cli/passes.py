"""`comity pass`: what a reviewer granted for a case, so that its later requests do not wait."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
import typer

from comity.cli.desk_words import practice_said
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.paper_words import (
    Licences,
    Names,
    Note,
    Plates,
    Vehicles,
    WhoseRecords,
    Why,
    agency_said,
    minute_said,
    person_said,
    persons_of,
)
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.reviewing import state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
)
from comity.domain.after_review import Desk
from comity.domain.ids import member_label, parse_ori
from comity.domain.passes import CasePass
from comity.domain.said import classes_said, time_left, utc
from comity.domain.vocabulary import DataClass, Purpose
from comity.link.review import PassView
from comity.review.passes import PassUnknownError

__all__ = ["app", "granted_sentence"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The pass's entry, as in IL/126.")]


@app.callback()
def passes() -> None:
    """Grant, list and revoke case passes: one review, then no wait for the same case."""


@app.command("list")
def list_passes(
    *,
    state: WhoseRecords,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the passes that hold now, with how often each was used; not whom they name."""
    member = member_of(state)
    papers = Papers.of(settings_of(data), member, as_name, key)
    shown = papers.read(Desk.PASSES).passes
    if as_json:
        print_json({"state": member, "passes": [_document(view) for view in shown]})
        return
    console = facts_console()
    label = member_label(member)
    if not shown:
        console.print(f"No case pass holds for {label}.{practice_said(data)}")
        return
    count = "One case pass holds" if len(shown) == 1 else f"{len(shown)} case passes hold"
    console.print(f"{count} for {label}{practice_said(data)}\n")
    now = int(time.time())
    fact_table(
        console,
        ("pass", "agency", "case", "classes", "used", "time left"),
        [
            (
                view.entry,
                view.agency_name or view.agency,
                view.case_number,
                classes_said(view.classes),
                view.uses,
                _left(view.until - now),
            )
            for view in shown
        ],
    )


@app.command()
def show(
    entry: _Entry,
    *,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one pass with the persons it names; the reading is recorded in the ledger."""
    member, name = state_of_entry(entry)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.PASSES, name)
    if not shown.passes:
        raise PassUnknownError("no case pass stands under this entry")
    view = shown.passes[0]
    if as_json:
        print_json({"pass": _document(view), "access_entry": shown.access_entry})
        return
    console = facts_console()
    used = "used once" if view.uses == 1 else f"used {view.uses} times"
    stands = f"revoked by {view.revoked_by}" if view.revoked_by else _left_of(view)
    said = f"{_mark(view)} Pass {view.entry} of {member_label(member)}: {used}, {stands}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    purpose = view.purpose.value.replace("_", " ") if view.purpose is not None else "any"
    rows = [
        ("agency", agency_said(view.agency_name, view.agency)),
        ("case", view.case_number),
        ("purpose", purpose),
        ("classes", classes_said(view.classes)),
        *(("names", person_said(person)) for person in view.persons),
        ("from", minute_said(view.since)),
        ("until", minute_said(view.until)),
        ("granted from", view.hold_entry or "no hold"),
        ("granted by", view.reviewer),
        *([("note", view.note)] if view.note else []),
    ]
    print_pairs(console, rows, columns=14)
    console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


@app.command()
def grant(
    *,
    state: WhoseRecords,
    agency: Annotated[str, typer.Option("--agency", metavar="ORI", help="Whose requests.")],
    case: Annotated[str, typer.Option("--case", metavar="NUMBER", help="The case they name.")],
    classes: Annotated[
        list[DataClass], typer.Option("--class", metavar="CLASS", help="Granted; repeatable.")
    ],
    days: Annotated[int, typer.Option("--days", metavar="N", help="For how long, 1 to 30.")],
    oln: Licences = None,
    name: Names = None,
    plate: Plates = None,
    vin: Vehicles = None,
    purpose: Annotated[
        Purpose | None,
        typer.Option("--purpose", metavar="PURPOSE", help="That requests state; else any."),
    ] = None,
    note: Note = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Grant a pass: requests of this agency, case and these persons are not held for the classes.

    The rules in force still decide; what they deny stays denied. `comity hold approve --pass-days`
    grants one from a held request.
    """
    member = member_of(state)
    papers = Papers.of(settings_of(data), member, as_name, key)
    case_pass = papers.case_pass(
        agency=parse_ori(agency.upper()),
        case_number=case.upper(),
        persons=persons_of(oln, name, plate, vin),
        classes=tuple(dict.fromkeys(classes)),
        days=days,
        note=note,
        purpose=purpose,
    )
    entry = papers.grant(case_pass)
    if as_json:
        print_json({"entry": entry, "until": minute_said(case_pass.until)})
        return
    console = facts_console()
    print_wrapped(
        console, f"{granted_sentence(case_pass, entry)}{practice_said(data)}", onward="  "
    )


@app.command()
def revoke(
    entry: _Entry,
    *,
    note: Why = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """End a pass now: the next request under it waits for a person again."""
    member, name = state_of_entry(entry)
    recorded = Papers.of(settings_of(data), member, as_name, key).revoke(name, note)
    if as_json:
        print_json({"pass": name, "revoked": True, "entry": recorded})
        return
    console = facts_console()
    said = f"✕ Revoked pass {name}: its case's next request waits for a person again"
    print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature.")


def granted_sentence(case_pass: CasePass, entry: str) -> str:
    """Say what a pass does."""
    count = len(case_pass.persons)
    who = "one person or vehicle" if count == 1 else f"{count} persons or vehicles"
    return (
        f"● Granted {classes_said(case_pass.classes)} of {who} to {case_pass.agency} in case "
        f"{case_pass.case_number} until {minute_said(case_pass.until)}, as pass {entry}"
    )


def _document(view: PassView) -> dict[str, Any]:
    """Return a pass as JSON prints it: times in UTC."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    for name in ("since", "until"):
        document[name] = utc(document[name]).isoformat()
    return document


def _mark(view: PassView) -> str:
    return "✕" if view.revoked_by or view.until <= time.time() else "●"


def _left_of(view: PassView) -> str:
    left = view.until - int(time.time())
    return f"{_left(left)} left" if left > 0 else "its time is over"


def _left(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days} d {rest // 3_600} h" if days > 0 else time_left(seconds)
