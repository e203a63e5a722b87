"""`comity urgent`: what was released at once in an emergency, and the look that a state owes it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Annotated, Any

import msgspec
import typer

from comity.audit.tree import audit_tree
from comity.audit.urgent import UrgentCounts, UrgentTally
from comity.cli.audits import say_report
from comity.cli.checking import Place, Vkeys, ledger_at
from comity.cli.desk_words import practice_said
from comity.cli.errors import ExitCode
from comity.cli.exports import report_document
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.paper_words import Note, agency_said
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.reviewing import state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
    say,
)
from comity.domain.after_review import Desk
from comity.domain.ids import member_label
from comity.domain.said import classes_said, time_left, utc
from comity.domain.vocabulary import DataClass
from comity.link.review import ReleaseView
from comity.review.urgent import ReviewDoneError

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The release's entry, as in IL/126.")]


@app.callback()
def urgent() -> None:
    """Look at what was released at once in an emergency, and count it."""


@app.command("list")
def list_releases(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose releases.")],
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the urgent releases that nobody has looked at, the nearest deadline first."""
    member = member_of(state)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.URGENT).releases
    if as_json:
        print_json({"state": member, "releases": [_document(view) for view in shown]})
        return
    console = facts_console()
    label, practice = member_label(member), practice_said(data)
    if not shown:
        console.print(f"Every urgent release of {label} was looked at.{practice}")
        return
    late = sum(view.is_overdue for view in shown)
    count = "One urgent release waits" if len(shown) == 1 else f"{len(shown)} urgent releases wait"
    overdue = f"; {late} overdue" if late else ""
    console.print(f"{count} for a look by {label}{overdue}{practice}\n")
    now = int(time.time())
    fact_table(
        console,
        ("release", "agency", "call back", "case", "classes", "time left"),
        [
            (
                view.entry,
                view.agency_name or view.agency or "can be read no more",
                view.phone,
                view.case_number or ("not stated" if view.agency else ""),
                _classes(view.classes) if view.agency else "",
                "overdue" if view.is_overdue else time_left(view.due - now),
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
    """Show one urgent release with whom it was about; the reading is recorded in the ledger."""
    member, name = state_of_entry(entry)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.URGENT, name)
    if not shown.releases:
        raise ReviewDoneError("no urgent release waits under this entry")
    view = shown.releases[0]
    if as_json:
        print_json({"release": _document(view), "access_entry": shown.access_entry})
        return
    console = facts_console()
    left = "overdue" if view.is_overdue else f"{time_left(view.due - int(time.time()))} left"
    said = f"◆ {view.entry} was released as urgent by {member_label(member)}: {left}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    rows = [
        ("asked by", agency_said(view.agency_name, view.agency)),
        ("operator", view.operator),
        ("call back", view.phone),
        ("message key", view.key),
        ("purpose", view.purpose.replace("_", " ")),
        ("offence", view.offence.replace("_", " ")),
        ("case", view.case_number or "not stated"),
        ("about", ", ".join(f"{prefix} {value}" for prefix, value in view.search)),
        ("released", _classes(view.classes)),
        ("at", _time(view.released_at)),
        ("look by", _time(view.due)),
    ]
    print_pairs(console, rows, columns=14)
    console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


@app.command()
def review(
    entry: _Entry,
    *,
    justified: Annotated[
        bool,
        typer.Option("--justified/--not-justified", help="What you found."),
    ],
    called: Annotated[
        str, typer.Option("--called", metavar="NUMBER", help="The agency's number, as listed.")
    ],
    answered: Annotated[
        str, typer.Option("--answered", metavar="TEXT", help="What was said there.")
    ],
    note: Note = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record what you found of an urgent release, after calling its agency back.

    Not justified closes the urgent lane to that agency for 30 days: a person decides its requests.
    """
    member, name = state_of_entry(entry)
    papers = Papers.of(settings_of(data), member, as_name, key)
    recorded = papers.review(name, justified=justified, called=called, answered=answered, note=note)
    if as_json:
        print_json({"release": name, "justified": justified, "entry": recorded})
        return
    console = facts_console()
    found = f"● Urgent release {name} was justified"
    if not justified:
        closed = "the lane is closed to its agency for 30 days"
        found = f"✕ Urgent release {name} was NOT justified: {closed}"
    print_wrapped(console, f"{found}{practice_said(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature.")


@app.command()
def counts(place: Place, *, vkey: Vkeys = None, as_json: AsJson = False) -> None:
    """Count urgent releases and case passes from a ledger's public leaves alone.

    Ends with 5 if the ledger is in doubt.
    """
    with ExitStack() as opened:
        ledger = ledger_at(opened, place, vkey or ())
        counted = UrgentCounts(ledger.member)
        report = audit_tree(ledger.fetch, ledger.vkey, read=counted.read)
    tally = counted.tally()
    if as_json:
        said = report_document(report, is_key_given=ledger.is_key_given)
        print_json(said | {"state": None, "urgent": tally if report.ok else None})
    elif report.ok:
        _say_tally(member_label(ledger.member), tally)
    else:
        say_report(report)
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.UNVERIFIED)


def _say_tally(label: str, tally: UrgentTally) -> None:
    mark = "✕" if tally.overdue or tally.not_justified else "●"
    releases = "1 urgent release" if tally.releases == 1 else f"{tally.releases:,} urgent releases"
    say(
        f"{mark} {label}: {releases}, {tally.in_time:,} looked at in time, "
        f"{tally.overdue:,} overdue, {tally.not_justified:,} not justified."
    )
    say("")
    say(f"  looked at later      {tally.looked_at_later:,} of those overdue")
    say(
        f"  case passes          {tally.passes_granted:,} granted, {tally.passes_revoked:,} revoked"
    )
    say(f"  used                 {tally.pass_uses:,} {'time' if tally.pass_uses == 1 else 'times'}")
    say("  Releases of the last 24 hours count once someone has looked.")


def _document(view: ReleaseView) -> dict[str, Any]:
    """Return a release as JSON prints it: times in UTC, null where it can be read no more."""
    document: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(view))
    for name in ("released_at", "due"):
        document[name] = utc(document[name]).isoformat() if document[name] else None
    return document


def _classes(classes: tuple[DataClass, ...]) -> str:
    return classes_said(classes) or "that there is no record"


def _time(seconds: int) -> str:
    return f"{utc(seconds):%Y-%m-%d %H:%M:%S} UTC"
