"""`comity appeal`: what agencies ask a state to look at again, and what another person decides."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from comity.cli.desk_words import practice_said
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.paper_words import WhoseRecords, agency_said
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
from comity.domain.appeal import AppealDecision, AppealStands
from comity.domain.ids import member_label
from comity.domain.passes import PASS_DAYS_MAX
from comity.domain.said import classes_said, utc
from comity.domain.vocabulary import DataClass
from comity.link.appeals import AppealView
from comity.review.appeals import AppealDoneError

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The refusal's entry, as in IL/126.")]
_DAYS = 7
_FOUND = {
    AppealDecision.GRANTED: "● The appeal of {entry} is granted",
    AppealDecision.UPHELD: "✕ The refusal {entry} is upheld",
    AppealDecision.FOR_RULES: "◆ The appeal of {entry} is left to whoever writes the rules",
}


@app.callback()
def appeals() -> None:
    """Decide appeals against refusals: by somebody who had no part in them."""


@app.command("list")
def list_appeals(
    *,
    state: WhoseRecords,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the appeals that nobody decided, overdue first."""
    member = member_of(state)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.APPEALS).appeals
    if as_json:
        print_json({"state": member, "appeals": [_document(view) for view in shown]})
        return
    console = facts_console()
    label, practice = member_label(member), practice_said(data)
    if not shown:
        console.print(f"No appeal waits for {label}.{practice}")
        return
    late = sum(view.stands is AppealStands.OVERDUE for view in shown)
    count = "One appeal waits" if len(shown) == 1 else f"{len(shown)} appeals wait"
    overdue = f"; {late} overdue" if late else ""
    console.print(f"{count} for a decision by {label}{overdue}{practice}\n")
    fact_table(
        console,
        ("refusal", "agency", "case", "refused", "by", "decide by"),
        [
            (
                view.entry,
                view.agency_name or view.agency or "can be read no more",
                view.case_number or ("not stated" if view.agency else ""),
                classes_said(view.classes),
                _by(view),
                _until(view),
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
    """Show one appeal with what was asked and written; the reading is recorded in the ledger."""
    member, name = state_of_entry(entry)
    view, access = _read(Papers.of(settings_of(data), member, as_name, key), name)
    if as_json:
        print_json({"appeal": _document(view), "access_entry": access})
        return
    console = facts_console()
    said = f"◆ Appeal of {view.entry} to {member_label(member)}: decide by {_until(view)}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    rows = [
        ("appealed by", agency_said(view.agency_name, view.agency)),
        ("operator", view.wrote_by),
        ("writes", view.text or "what can be read no more"),
        ("message key", view.key),
        ("purpose", view.purpose.replace("_", " ")),
        ("case", view.case_number or "not stated"),
        ("about", ", ".join(f"{prefix} {value}" for prefix, value in view.search)),
        ("refused", classes_said(view.classes)),
        ("by", _by(view)),
        *((f"{each.reviewer}", f"{each.kind.value}: {each.note}") for each in view.verdicts),
    ]
    print_pairs(console, rows, columns=14)
    if view.is_own:
        console.print("\nYou had a part in this refusal: another person decides it.")
    elif view.no_pass and view.is_by_person:
        console.print(f"\nNo case pass can carry a grant: {view.no_pass}.")
    console.print(f"\nThat you read this is recorded as {access}.")


@app.command()
def decide(
    entry: _Entry,
    *,
    decision: Annotated[
        AppealDecision,
        typer.Option("--decision", help="What you decide."),
    ],
    classes: Annotated[
        list[DataClass] | None,
        typer.Option("--class", metavar="CLASS", help="Grant this alone; may be repeated."),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            "--days", metavar="N", min=1, max=PASS_DAYS_MAX, help="For how long a grant holds."
        ),
    ] = _DAYS,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="A sentence that goes to the agency.")
    ] = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Decide an appeal under your signature; the agency is told. Its reading is recorded.

    A grant carries a case pass, so that what the agency asks next in the case is decided at once.
    """
    member, name = state_of_entry(entry)
    if classes and decision is not AppealDecision.GRANTED:
        raise UsageError("`--class` goes with a grant alone")
    papers = Papers.of(settings_of(data), member, as_name, key)
    view, _ = _read(papers, name)
    is_granted = decision is AppealDecision.GRANTED
    wanted = tuple(p for p in view.classes if is_granted and (not classes or p in classes))
    if len(wanted) < len(set(classes or ())):
        raise UsageError("`--class` names one that was not refused")
    recorded = papers.decide_appeal(view, decision, wanted, days=days, note=note)
    if as_json:
        print_json({"refusal": name, "decision": decision.value, "entry": recorded})
        return
    console = facts_console()
    found = _FOUND[decision].format(entry=name)
    parts = f": {classes_said(wanted)}" if wanted else ""
    print_wrapped(console, f"{found}{parts}{practice_said(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature; the agency is told.")


def _read(papers: Papers, name: str) -> tuple[AppealView, str]:
    shown = papers.read(Desk.APPEALS, name)
    if not shown.appeals:
        raise AppealDoneError("no appeal waits under this entry")
    return shown.appeals[0], shown.access_entry


def _document(view: AppealView) -> dict[str, Any]:
    """Return an appeal as JSON prints it: times in UTC, null where there is none."""
    document: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(view))
    for name in ("filed_at", "due", "refused_at", "wrote_at"):
        document[name] = utc(document[name]).isoformat() if document[name] else None
    return document


def _until(view: AppealView) -> str:
    """Return when the time to decide ends, or that it has ended."""
    is_late = view.stands is AppealStands.OVERDUE
    return "overdue" if is_late else f"{utc(view.due - 1):%Y-%m-%d %H:%M} UTC"


def _by(view: AppealView) -> str:
    if view.is_undecided:
        return "nobody in time"
    return "a person" if view.is_by_person else ", ".join(view.rules) or "the rules"
