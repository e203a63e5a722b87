"""`comity onward`: to whom agencies passed on what a state released; ask one, tell a state.

INVARIANT (no-answer-before-receipt): an agency's words are opened once that is recorded.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated, Final

import msgspec
import typer

from comity.cli.ask import send_alone
from comity.cli.desk_words import practice_said
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, member_of, settings_of, speaker_of
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
from comity.domain.ids import Member, member_label, wire_of_member
from comity.domain.onward import OnwardStands, Receives, ToldOnward, Transfer
from comity.domain.query import Claims, Query
from comity.domain.said import classes_said, time_left, utc
from comity.domain.vocabulary import DataClass, Purpose
from comity.exchange.leaves import ordered
from comity.exchange.onward import NOBODY, onward_text, told_onward
from comity.exchange.replies import REPLY_KEY
from comity.link.onward import OnwardAsked, OnwardShown, OnwardTold
from comity.review.onward import OnwardUnknownError

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Release = Annotated[
    str, typer.Argument(metavar="ENTRY", help="The release's entry, as in WA/126.")
]
_RULES: Final = {
    Receives.REFUSED: "✕ refused",
    Receives.HELD: "◆ held",
    Receives.RELEASED: "● released",
    Receives.UNKNOWN: "not known",
    Receives.NOBODY: "nobody has it",
}
_GONE: Final = "cannot be read any more"


@app.callback()
def onward() -> None:
    """To whom agencies passed on what a state released."""


@app.command("list")
def list_onward(
    *,
    state: WhoseRecords,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what agencies told, and who did not answer.

    Of 30 days, without the agencies' own words. `now` is what the state's rules would say to
    whoever has it, if that asked itself.
    """
    member = member_of(state)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.ONWARD).onward
    found = shown or OnwardShown()
    if as_json:
        print_json({"state": member, **msgspec.to_builtins(found)})
        return
    console = facts_console()
    print_wrapped(console, f"{_finding(found, member)}{practice_said(data)}", onward="  ")
    waiting = [each for each in found.asked if each.stands is not OnwardStands.ANSWERED]
    if waiting:
        console.print("")
        fact_table(console, ("asked about", "agency", "telephone", "stands"), map(_asked, waiting))
    if found.told:
        console.print("")
        heads = ("told", "release", "by", "to", "for", "on", "now")
        fact_table(console, heads, map(_row, found.told))
    if not found.is_whole:
        console.print("  The ledger is still being read: ask again in a moment.")


@app.command()
def show(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The word's entry, as listed.")],
    *,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Open what one agency told, with its words.

    The reading is recorded in the ledger.
    """
    member, name = state_of_entry(entry)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.ONWARD, name)
    if shown.onward is None or not shown.onward.told:
        raise OnwardUnknownError("nothing that an agency told stands under this entry")
    (view,) = shown.onward.told
    if as_json:
        print_json({"told": msgspec.to_builtins(view), "access_entry": shown.access_entry})
        return
    console = facts_console()
    who = agency_said(view.agency_name, view.agency) if view.agency else _GONE
    said = f"{_RULES[view.receives]}: {view.release} was passed on to {_to(view)}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    rows = [
        ("told by", who),
        ("person", view.operator or "not named"),
        ("for", _for(view)),
        ("parts", classes_said(view.classes)),
        ("on", f"{view.on}" if view.on else "-"),
        *([("refused", classes_said(view.refused))] if view.refused else []),
        *([("wrote", view.text)] if view.text else []),
    ]
    print_pairs(console, rows, columns=14)
    console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


@app.command()
def ask(
    entry: _Release,
    *,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask an agency to whom it passed on a release.

    It has ten days. That nobody answers is published, and holds nothing.
    """
    member, name = state_of_entry(entry)
    recorded = Papers.of(settings_of(data), member, as_name, key).ask_onward(name)
    if as_json:
        print_json({"release": name, "entry": recorded})
        return
    said = f"● The agency of {name} is asked to whom it passed it on, and has ten days"
    print_wrapped(facts_console(), f"{said}{practice_said(data)}", onward="  ")
    facts_console().print(f"  Recorded as {recorded}, under your signature.")


@app.command()
def tell(
    entry: _Release,
    *,
    to: Annotated[str, typer.Option("--to", metavar="WHO", help=f"ORI, name, or {NOBODY}.")],
    purpose: Annotated[
        Purpose, typer.Option("--for", metavar="PURPOSE", help="For which purpose.")
    ] = Purpose.NOT_STATED,
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="On which day.")] = "",
    parts: Annotated[
        list[DataClass] | None,
        typer.Option("--class", metavar="CLASS", help="What went; repeatable; none: all."),
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="Anything else.")] = "",
    who: Annotated[
        str, typer.Option("--as", metavar="WHO", help="Agency (ORI) or line that tells.")
    ] = "",
    stated: Annotated[
        Purpose, typer.Option("--purpose", metavar="PURPOSE", help="Of the request itself.")
    ] = Purpose.NOT_STATED,
    operator: Annotated[
        str, typer.Option("--operator", metavar="OP", help="Number of the person who tells.")
    ] = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell a state to whom you passed on a release.

    One message for each to whom it went; prints what came of it.
    """
    member, name = state_of_entry(entry)
    told = ToldOnward(
        entry=name, transfer=_transfer(to, purpose, on, tuple(parts or ())), text=text.strip()
    )
    body = onward_text(told)
    # What the gateway would refuse for its form is refused here, with the same words.
    told_onward(REPLY_KEY, body)
    speaker = speaker_of(who)
    if speaker.agency is None:
        raise UsageError("`--as`: name the agency that tells")
    query = Query(
        key=REPLY_KEY,
        origin=speaker.agency.ori,
        destinations=(wire_of_member(member),),
        fields=(("", body),),
        claims=Claims(purpose=stated, operator=operator.upper()),
    )
    raise typer.Exit(send_alone(query, speaker.line, data, as_json=as_json))


def _transfer(to: str, purpose: Purpose, on: str, parts: tuple[DataClass, ...]) -> Transfer | None:
    """Return what was passed on; None: nothing. Raises: UsageError."""
    if to.upper() == NOBODY:
        if on or parts or purpose is not Purpose.NOT_STATED:
            raise UsageError(f"with `--to {NOBODY}` nothing was passed on: leave the rest out")
        return None
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise UsageError("`--on` is not a day such as 2026-11-24") from None
    return Transfer(to=" ".join(to.split()), purpose=purpose, on=day, classes=ordered(parts))


def _finding(shown: OnwardShown, member: Member) -> str:
    label = member_label(member)
    went = [each for each in shown.told if each.agency and each.receives is not Receives.NOBODY]
    refused = sum(each.receives is Receives.REFUSED for each in went)
    silent = sum(each.stands is OnwardStands.UNANSWERED for each in shown.asked)
    count = "1 onward transfer" if len(went) == 1 else f"{len(went) or 'no'} onward transfers"
    mark = "✕" if refused or silent else "●"
    unanswered = f", {silent} asked and not answered" if silent else ""
    return f"{mark} Agencies told {label} of {count}, {refused} where it refuses{unanswered}"


def _asked(view: OnwardAsked) -> tuple[str, ...]:
    left = view.due - int(time.time())
    stands = "✕ not answered" if view.stands is OnwardStands.UNANSWERED else time_left(left)
    return view.release, view.agency_name or view.agency or _GONE, view.phone, stands


def _row(view: OnwardTold) -> tuple[str, ...]:
    day = view.on or utc(view.at).date()
    by = view.agency_name or view.agency or _GONE
    return view.entry, view.release, by, _to(view), _for(view), f"{day}", _RULES[view.receives]


def _for(view: OnwardTold) -> str:
    return view.purpose.replace("_", " ") or "-"


def _to(view: OnwardTold) -> str:
    if view.receives is Receives.NOBODY:
        return "nobody"
    return agency_said(view.to_name, view.to) if view.to_name else view.to or _GONE
