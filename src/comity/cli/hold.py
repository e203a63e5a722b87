"""`comity hold`: the review desk without a browser; every reading and verdict is signed."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, assert_never

import msgspec
import typer

from comity.audit.planted import ReviewCounts
from comity.audit.tree import audit_tree
from comity.cli.audits import say_report
from comity.cli.checking import Place, Vkeys, ledger_at
from comity.cli.desk_words import practice_said
from comity.cli.errors import ExitCode, UsageError
from comity.cli.exports import report_document
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.paper_words import agency_said
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.passes import granted_sentence
from comity.cli.planted_words import tally_lines, told_sentence
from comity.cli.reviewing import Desk, reviewer_of, state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
    say,
)
from comity.domain.answer import ResponseKind
from comity.domain.call_back import (
    SAID_CHARACTERS_MAX,
    CallBack,
    CallOutcome,
    call_note,
    is_call_note,
    is_said,
)
from comity.domain.ids import Member, member_label
from comity.domain.protection import ADDRESS_WORDS
from comity.domain.said import classes_said, time_left, utc
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldView
from comity.link.holds import Replied
from comity.roles.host_files import HostFiles
from comity.services.reviewing import Decided, no_open_hold

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
        console.print(f"Nothing waits for {member_label(member)}.{practice_said(data)}")
        return
    waits = f"{_count(len(holds))} for {member_label(member)}"
    console.print(f"{waits}; the nearest deadline first{practice_said(data)}\n")
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
                classes_said(view.classes),
                time_left(view.until - now),
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
    left = time_left(view.until - int(time.time()))
    note = practice_said(data)
    console.print(f"◆ {view.entry} waits for {member_label(member)}: {left} left{note}\n")
    rows = [
        ("asked by", agency_said(view.agency_name, view.agency)),
        ("operator", f"{view.operator}, {_words(view.assurance)}" if view.operator else _UNSAID),
        ("message key", view.key),
        ("purpose", _words(view.purpose)),
        ("offence", _words(view.offence)),
        ("instrument", _words(view.instrument)),
        ("case", view.case_number or _UNSAID),
        ("about", ", ".join(f"{prefix} {value}" for prefix, value in view.search)),
        ("classes held", classes_said(view.classes)),
        *(("address", said) for said in [ADDRESS_WORDS.get(view.address)] if said),
        ("until", f"{utc(view.until):%Y-%m-%d %H:%M:%S} UTC"),
    ]
    rows += [_reply_row(reply) for reply in view.replies]
    rows += [_call_row(call) for call in view.calls] or [("called back", "nobody has, so far")]
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
    pass_days: Annotated[
        int | None,
        typer.Option("--pass-days", metavar="N", help="Also grant a pass for its case, 1 to 30."),
    ] = None,
    note: _Note = "",
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Release what is held, all of it or the classes named; the rest ends refused.

    The rules in force are asked again: what they deny by now is not released (exit code 3).
    With --pass-days, later requests of the same agency, case and person are not held for these
    classes. Whom it is about is read for that, which is recorded.
    """
    chosen = tuple(dict.fromkeys(classes or ()))
    if pass_days is None:
        _decide(entry, VerdictKind.APPROVE, chosen, note, desk=(key, data), as_json=as_json)
    else:
        _approve_with_pass(entry, chosen, note, pass_days, desk=(key, data), as_json=as_json)


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


@app.command()
def plant(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose queue it goes into.")],
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put one test case into a state's queue, that a careful reviewer must not release.

    It looks like any other request. Whoever orders it has no verdict on it.
    """
    member = member_of(state)
    entry = Papers.of(settings_of(data), member, as_name, key).plant()
    if as_json:
        print_json({"state": member, "hold": entry})
        return
    label = member_label(member)
    say(f"◆ {entry} waits for {label} as a test case; nothing of it leaves{practice_said(data)}")


@app.command()
def counts(place: Place, *, vkey: Vkeys = None, as_json: AsJson = False) -> None:
    """Count reviews and test cases from a ledger's public leaves alone.

    Ends with 5 if the ledger is in doubt, also where something planted was disclosed.
    """
    with ExitStack() as opened:
        ledger = ledger_at(opened, place, vkey or ())
        counted = ReviewCounts(ledger.member)
        report = audit_tree(ledger.fetch, ledger.vkey, read=counted.read)
    tally = counted.tally()
    if as_json:
        said = report_document(report, is_key_given=ledger.is_key_given)
        print_json(said | {"state": None, "reviews": tally if report.ok else None})
    elif report.ok:
        for line in tally_lines(member_label(ledger.member), tally):
            say(line)
    else:
        say_report(report)
    is_doubted = not report.ok or tally.disclosed
    raise typer.Exit(ExitCode.UNVERIFIED if is_doubted else ExitCode.OK)


@app.command()
def called(
    entry: _Entry,
    *,
    number: Annotated[
        str, typer.Option("--number", metavar="NUMBER", help="The agency's number, as listed.")
    ],
    outcome: Annotated[CallOutcome, typer.Option("--outcome", help="What came of the call.")],
    said: Annotated[
        str,
        typer.Option("--said", metavar="TEXT", help="What was said, or that nobody answered."),
    ],
    key: _Key = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record a call back to the agency, at its number in the directory and no other.

    The requester reads only that the state called it. The hold and its clock go on.
    """
    words = " ".join(said.split())
    if not is_said(words):
        raise UsageError(f"`--said` takes 1 to {SAID_CHARACTERS_MAX} letters, digits and marks")
    note = call_note(number, outcome, words)
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
    done = asyncio.run(_desk(member, key, data).decide(name, kind, approved, note))
    if as_json:
        print_json(
            {
                "hold": name,
                "verdict": kind.value,
                "released": list(done.released),
                "entry": done.entry,
                **_planted(done),
            }
        )
    else:
        console = facts_console()
        said = _called_sentence(done) if is_call_note(note) else _sentence(kind, done)
        print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
        console.print(f"  Recorded as {done.entry}, under your signature.")
    if kind is VerdictKind.APPROVE and done.response is ResponseKind.REFUSED:
        raise typer.Exit(ExitCode.REFUSED)
    if kind is VerdictKind.APPROVE and done.response is ResponseKind.HELD:
        raise typer.Exit(ExitCode.HELD)


def _approve_with_pass(
    entry: str,
    approved: tuple[DataClass, ...],
    note: str,
    days: int,
    *,
    desk: tuple[Path | None, Path | None],
    as_json: bool,
) -> None:
    """Approve a hold, and then grant its case a pass: what could not be granted is said before."""
    member, name = state_of_entry(entry)
    key, data = desk
    reviewers = _desk(member, key, data)
    shown = asyncio.run(reviewers.read(name)).holds
    if not shown:
        raise no_open_hold(name)
    papers = Papers(settings=reviewers.settings, state=member, reviewer=reviewers.reviewer)
    case_pass = papers.pass_of_hold(shown[0], approved or shown[0].classes, days)
    done = asyncio.run(reviewers.decide(name, VerdictKind.APPROVE, case_pass.classes, note))
    is_refused = done.response is ResponseKind.REFUSED
    is_proposed = done.response is ResponseKind.HELD
    # What the rules refuse by now is no reviewed case: nothing of it is to go at once later. Nor is
    # what another reviewer has to confirm.
    granted = None if is_refused or is_proposed else papers.grant(case_pass)
    if as_json:
        print_json(
            {
                "hold": name,
                "verdict": VerdictKind.APPROVE.value,
                "released": list(done.released),
                "entry": done.entry,
                **_planted(done),
                "pass_entry": granted,
                "pass_until": granted and utc(case_pass.until).isoformat(),
            }
        )
    else:
        console = facts_console()
        said = _sentence(VerdictKind.APPROVE, done)
        print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
        if granted:
            print_wrapped(console, granted_sentence(case_pass, granted), onward="  ")
            if not done.hold.operator:
                console.print("  It counts only for requests that name an operator; this did not.")
        else:
            console.print("○ No pass was granted.")
        leaves = f"{done.entry} and {granted}" if granted else done.entry
        console.print(f"  Recorded as {leaves}, under your signature.")
    if is_refused:
        raise typer.Exit(ExitCode.REFUSED)
    if is_proposed:
        raise typer.Exit(ExitCode.HELD)


def _sentence(kind: VerdictKind, done: Decided) -> str:
    """Say what a verdict did, which is what the requester was told, not what it approved."""
    held = done.hold
    who = held.agency_name or held.agency
    if done.planted is not None:
        return told_sentence(done.planted, kind)
    match kind:
        case VerdictKind.APPROVE if done.response is ResponseKind.REFUSED:
            return f"✕ Refused to {who}, though you approved: the rules in force release none of it"
        case VerdictKind.APPROVE if done.response is ResponseKind.HELD:
            return f"◆ Proposed: another reviewer confirms it before anything goes to {who}"
        case VerdictKind.APPROVE if done.response is ResponseKind.NO_HIT:
            return f"● Told {who} that there is no record"
        case VerdictKind.APPROVE if not done.released:
            return f"● Answered {who}: the record has nothing of what you approved"
        case VerdictKind.APPROVE:
            rest = tuple(part for part in held.classes if part not in done.released)
            refused = f"; not {classes_said(rest)}" if rest else ""
            return f"● Released {classes_said(done.released)} to {who}{refused}"
        case VerdictKind.REFUSE:
            return f"✕ Refused {classes_said(held.classes)} to {who}"
        case VerdictKind.ASK:
            return f"◆ Asked {who}; {held.entry} stays held"
        case VerdictKind.ESCALATE:
            return f"◆ Passed on; {held.entry} stays held"
        case _:
            assert_never(kind)


def _planted(done: Decided) -> dict[str, str]:
    """Return what JSON says of a test case; nothing of any other hold."""
    return {} if done.planted is None else {"planted": done.planted.value}


def _called_sentence(done: Decided) -> str:
    """Say what recording a call did; the agency reads only that its number was called."""
    held = done.hold
    who = held.agency_name or held.agency
    return f"◆ Recorded the call to {who}, which reads only that; {held.entry} stays held"


def _desk(state: Member, key: Path | None, data: Path | None) -> Desk:
    settings = settings_of(data)
    return Desk(
        settings=settings,
        state=state,
        reviewer=reviewer_of(settings, state, key),
        host=HostFiles(settings.data_dir).host_name(),
    )


def _reply_row(reply: Replied) -> tuple[str, str]:
    """Return a reply as the agency wrote it, on one line and without what turns it around."""
    if not reply.text:
        return "reply", f"cannot be opened any more ({reply.entry})"
    text = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(reply.text.split()))
    return "reply", f"{text} ({reply.entry}, {utc(reply.at):%Y-%m-%d %H:%M:%S} UTC)"


def _call_row(call: CallBack) -> tuple[str, str]:
    """Return one call back: what came of it, the words, who called when and at which number."""
    when = f"{utc(call.at):%Y-%m-%d %H:%M:%S} UTC"
    return (
        "called back",
        f"{call.outcome.value}: {call.said} ({call.reviewer}, {call.number}, {when})",
    )


def _document(view: HoldView) -> dict[str, Any]:
    """Return a hold as JSON prints it: ids in hexadecimal, times in UTC."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    document["exchange_id"] = view.exchange_id.hex()
    document["opened_at"] = utc(view.opened_at).isoformat()
    document["until"] = utc(view.until).isoformat()
    return document


def _count(count: int) -> str:
    return "One question waits" if count == 1 else f"{count} questions wait"


def _words(value: str) -> str:
    return value.replace("_", " ")
