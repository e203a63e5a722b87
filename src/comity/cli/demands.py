"""`comity demand`: subpoenas, orders and letters that want what a state itself keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from comity.app.books import open_demands
from comity.app.wire import open_bus
from comity.audit.instruments import InstrumentUses
from comity.audit.tree import audit_tree
from comity.cli.audits import say_report
from comity.cli.checking import Place, Vkeys, ledger_at
from comity.cli.demand_papers import (
    answer_by_of,
    first_kept,
    hold_of,
    local_day,
    months_of,
    work_of,
)
from comity.cli.demand_words import (
    act_lines,
    demand_document,
    fact_rows,
    kinds_said,
    stands_said,
    whose_said,
)
from comity.cli.desk_words import practice_said
from comity.cli.errors import ExitCode, UsageError
from comity.cli.exports import report_document
from comity.cli.files import hash_of, read_input, write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.ordering import AsPerson, send_order
from comity.cli.paper_words import Note, WhoseRecords, day_of
from comity.cli.reviewing import COMMAND_USER, state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
    say,
)
from comity.domain.demands import (
    DEMAND_ACT_BYTES_MAX,
    ENDS,
    DemandActKind,
    Demanded,
    HandedOver,
    SignedDemandAct,
    encode_signed_act,
    parse_signed_act,
)
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import DataClass, Instrument, term
from comity.exchange.leaves import ordered
from comity.ports import Bus
from comity.review.demands import DEMANDS_OPEN_MAX, demanded_in_order
from comity.roles.settings import Settings
from comity.services.demand_book import KnownDemand
from comity.services.demand_work import DemandDraft

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_ENDED_SHOWN: Final = 100
_TWO: Final = 2
_T = TypeVar("_T")

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The demand's entry, as in IL/126.")]
_As = Annotated[
    str, typer.Option("--as", metavar="NAME|FILE", help="Who signs: a name kept here, or a file.")
]
_Day = Annotated[str, typer.Option("--answer-by", metavar="DAY", help="The new day to answer.")]
_Gag = Annotated[
    str, typer.Option("--gag-until", metavar="DAY", help="Last day on which telling is forbidden.")
]


@app.callback()
def demands() -> None:
    """Register, answer, list and count demands for a state's own data. They open nothing."""


@app.command("list")
def list_demands(
    *,
    state: WhoseRecords,
    ended: Annotated[
        bool, typer.Option("--ended", help="Those that have ended, the newest 100.")
    ] = False,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the demands that are open, the next answer first."""
    member = member_of(state)
    known = asyncio.run(_listed(settings_of(data), member, is_ended=ended))
    if as_json:
        print_json({"state": member, "demands": [demand_document(each) for each in known]})
        return
    console, label = facts_console(), member_label(member)
    how = "has ended" if ended else "is open"
    if not known:
        console.print(f"No demand for {label}'s own data {how}.{practice_said(data)}")
        return
    how = ("have ended" if ended else "are open") if len(known) > 1 else how
    count = "One demand" if len(known) == 1 else f"{len(known)} demands"
    console.print(f"{count} for {label}'s own data {how}{practice_said(data)}\n")
    fact_table(
        console,
        ("demand", "kind", "from", "answer by", "stands"),
        [
            (
                each.entry,
                term(each.row.kind).label,
                whose_said(each),
                f"{local_day(each):%Y-%m-%d}",
                stands_said(each),
            )
            for each in known
        ],
    )


@app.command()
def show(entry: _Entry, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Show one demand, open or not, with everything that was done about it."""
    member, name = state_of_entry(entry)
    known = asyncio.run(_one(settings_of(data), member, name))
    if as_json:
        print_json({"demand": demand_document(known)})
        return
    console = facts_console()
    mark = "◆" if known.is_open else "●"
    what = term(known.row.kind).label
    said = f"{mark} {what} {known.entry}: {stands_said(known)}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    print_pairs(console, fact_rows(known, local_day(known)), columns=16)
    for line in act_lines(known):
        print_wrapped(console, line, onward="    ")


@app.command()
def register(
    *,
    state: WhoseRecords,
    kind: Annotated[
        Instrument, typer.Option("--kind", metavar="KIND", help="What it came as; `other`: letter.")
    ],
    issuer: Annotated[str, typer.Option("--issuer", metavar="NAME", help="Court or office.")],
    document: Annotated[
        Path, typer.Option("--document", metavar="FILE", help="The paper; only its hash is taken.")
    ],
    served_on: Annotated[str, typer.Option("--served-on", metavar="DAY", help="As 2026-11-24.")],
    about: Annotated[
        list[Demanded], typer.Option("--about", metavar="WHAT", help="Demanded; repeatable.")
    ],
    matter: Annotated[
        str, typer.Option("--matter", metavar="TEXT", help="Case, whom to ask: kept private.")
    ],
    hold: Annotated[
        bool, typer.Option("--hold/--no-hold", help="Place a litigation hold first.")
    ] = True,
    number: Annotated[
        str, typer.Option("--number", metavar="REF", help="As it stands there.")
    ] = "",
    answer_by: Annotated[
        str, typer.Option("--answer-by", metavar="DAY", help="The day that the paper names.")
    ] = "",
    days: Annotated[
        int, typer.Option("--days", metavar="N", help="The days that it gives instead, 1 to 366.")
    ] = 0,
    business: Annotated[
        bool, typer.Option("--business", help="They are business days of the state.")
    ] = False,
    months: Annotated[
        str,
        typer.Option("--months", metavar="FIRST[..LAST]", help="Of leaves, as 2026-03..2026-05."),
    ] = "",
    gag_until: _Gag = "",
    note: Note = "",
    as_name: _As = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a demand that you have read, and hold the months that it is about."""
    settings, member = settings_of(data), member_of(state)
    digest, size = hash_of(document, "--document")
    served, (first, last) = day_of("--served-on", served_on), months_of(months)
    draft = DemandDraft(
        kind=kind,
        issuer=issuer,
        number=number,
        served_on=served,
        answer_by=answer_by_of(settings, member, served, (answer_by, days), is_business=business),
        days=days,
        is_business=business,
        about=demanded_in_order(set(about)),
        first_month=first,
        last_month=last,
        document=digest,
        document_bytes=size,
        gag_until=day_of("--gag-until", gag_until) if gag_until else None,
        matter=matter,
        note=note,
    )
    who = (member, as_name or first_kept(settings, member))
    entry, held = _on_bus(settings, lambda bus: _registered(settings, bus, draft, who, hold=hold))
    if as_json:
        print_json({"entry": entry, "hold": held, "answer_by": str(draft.answer_by)})
    else:
        _say_registered(entry, held, draft.answer_by, data)


@app.command()
def act(
    entry: _Entry,
    kind: Annotated[
        DemandActKind, typer.Argument(metavar="WHAT", help="objected, narrowed or moved.")
    ],
    *,
    answer_by: _Day = "",
    gag_until: _Gag = "",
    note: Note = "",
    as_name: _As = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record that you objected, that it was narrowed, or that a day was moved."""
    if kind in ENDS or kind is DemandActKind.HANDED_OVER:
        raise UsageError("`WHAT` is objected, narrowed or moved: see also `answer` and `end`")
    _act(entry, kind, (answer_by, gag_until, note), as_name, data, as_json=as_json)


@app.command()
def end(
    entry: _Entry,
    how: Annotated[
        DemandActKind, typer.Argument(metavar="HOW", help="answered, withdrawn or quashed.")
    ],
    *,
    note: Note = "",
    as_name: _As = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """End a demand without handing anything over."""
    if how not in ENDS:
        raise UsageError("`HOW` is answered, withdrawn or quashed")
    _act(entry, how, ("", "", note), as_name, data, as_json=as_json)


@app.command()
def answer(
    entry: _Entry,
    *,
    what: Annotated[str, typer.Option("--what", metavar="TEXT", help="What is handed over.")],
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="To whom.")],
    bundle: Annotated[
        Path,
        typer.Option("--bundle", metavar="FILE", help="It, as a file; only its hash is taken."),
    ],
    classes: Annotated[
        list[DataClass] | None,
        typer.Option("--class", metavar="CLASS", help="Of records that are in it; repeatable."),
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="The demand is answered by it.")] = False,
    note: Note = "",
    persons: AsPerson = None,
    file: Annotated[
        Path | None, typer.Option("--act", metavar="FILE", help="Where one person's act is kept.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record what is handed over. Two people sign; by one alone it is kept in a file."""
    settings = settings_of(data)
    member, name = state_of_entry(entry)
    names = persons or [first_kept(settings, member)]
    if len(names) > _TWO:
        raise UsageError("two people sign what is handed over")
    digest, size = hash_of(bundle, "--bundle")
    handed = HandedOver(
        what=what,
        to=to,
        classes=ordered(tuple(dict.fromkeys(classes or ()))),
        bundle=digest,
        bundle_bytes=size,
        is_last=last,
    )

    async def run(bus: Bus) -> tuple[SignedDemandAct, str]:
        first = work_of(settings, member, names[0], bus).hand_over(name, handed, note)
        if len(names) < _TWO:
            return first, ""
        return first, await work_of(settings, member, names[1], bus).confirm(first)

    signed, recorded = _on_bus(settings, run)
    if recorded:
        _say_handed(name, recorded, data, as_json=as_json)
        return
    kept = file or Path(f"{name.replace('/', '-')}-{signed.act.at}.act")
    write_whole(kept, encode_signed_act(signed))
    if as_json:
        print_json({"demand": name, "entry": "", "act": str(kept)})
        return
    print_wrapped(
        facts_console(),
        f"◆ Signed by {signed.act.reviewer}; nothing is recorded yet{practice_said(data)}",
        onward="  ",
    )
    say(f"  Within a day: comity demand confirm {kept} --as NAME")


@app.command()
def confirm(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What another person signed.")],
    *,
    as_name: _As,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Sign as the second person what another signed that is handed over, and record it."""
    settings = settings_of(data)
    signed = parse_signed_act(read_input(str(file), DEMAND_ACT_BYTES_MAX))
    member, name = state_of_entry(signed.act.demand_entry)

    async def run(bus: Bus) -> str:
        return await work_of(settings, member, as_name, bus).confirm(signed)

    _say_handed(name, _on_bus(settings, run), data, as_json=as_json)


@app.command()
def counts(place: Place, *, vkey: Vkeys = None, as_json: AsJson = False) -> None:
    """Count demands by what they came as, from a ledger's public leaves alone.

    Ends with 5 if the ledger is in doubt.
    """
    with ExitStack() as opened:
        ledger = ledger_at(opened, place, vkey or ())
        uses = InstrumentUses(ledger.member)
        report = audit_tree(
            ledger.fetch, ledger.vkey, read=lambda first, entries: _read(uses, first, entries)
        )
    came = {kind.value: uses.demands[kind] for kind in Instrument if uses.demands[kind]}
    if as_json:
        said = report_document(report, is_key_given=ledger.is_key_given)
        found = {"by_kind": came, "came": uses.demands.total(), "ended": uses.demands_ended}
        print_json(said | {"state": None, "demands": found if report.ok else None})
    elif report.ok:
        say(f"● {kinds_said(member_label(ledger.member), uses.demands, uses.demands_ended)}")
    else:
        say_report(report)
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.UNVERIFIED)


def _read(uses: InstrumentUses, first: int, entries: Sequence[bytes]) -> None:
    uses.read(first, entries)


def _say_registered(entry: str, held: str, answer_by: date, data: Path | None) -> None:
    said = f"◆ Registered as {entry}: to be answered by {answer_by}"
    print_wrapped(facts_console(), f"{said}{practice_said(data)}", onward="  ")
    if held:
        say(f"  The months that it is about are held: {held}.")


async def _registered(
    settings: Settings, bus: Bus, draft: DemandDraft, who: tuple[Member, str], *, hold: bool
) -> tuple[str, str]:
    """Return the entries of a demand and of the hold that goes with it; none if it has none."""
    member, name = who
    held = ""
    if hold:
        # First: it can only keep more, and nothing of it may go meanwhile.
        held = (await send_order(settings, bus, hold_of(settings, member, draft, name))).entry
    return await work_of(settings, member, name, bus).register(draft), held


def _act(
    entry: str,
    kind: DemandActKind,
    said: tuple[str, str, str],
    as_name: str,
    data: Path | None,
    *,
    as_json: bool,
) -> None:
    settings = settings_of(data)
    member, name = state_of_entry(entry)
    answer_by, gag_until, note = said
    who = as_name or first_kept(settings, member)

    async def run(bus: Bus) -> str:
        return await work_of(settings, member, who, bus).act(
            name,
            kind,
            answer_by=day_of("--answer-by", answer_by) if answer_by else None,
            gag_until=day_of("--gag-until", gag_until) if gag_until else None,
            note=note,
        )

    recorded = _on_bus(settings, run)
    if as_json:
        print_json({"demand": name, "act": kind.value, "entry": recorded})
        return
    said_of = f"● {kind.value.capitalize()}: demand {name}"
    print_wrapped(facts_console(), f"{said_of}{practice_said(data)}", onward="  ")
    if recorded != name:
        say(f"  Recorded as {recorded}, under your signature.")


def _say_handed(name: str, recorded: str, data: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"demand": name, "entry": recorded, "act": ""})
        return
    said = f"● Recorded what is handed over for demand {name}, signed by two people"
    print_wrapped(facts_console(), f"{said}{practice_said(data)}", onward="  ")
    say(f"  Recorded as {recorded}.")


async def _listed(settings: Settings, member: Member, *, is_ended: bool) -> list[KnownDemand]:
    async with open_demands(settings, member) as book:
        if is_ended:
            return await book.ended(member, _ENDED_SHOWN)
        return await book.open(member, DEMANDS_OPEN_MAX)


async def _one(settings: Settings, member: Member, name: str) -> KnownDemand:
    async with open_demands(settings, member) as book:
        return await book.one(member, int(name.partition("/")[2]))


def _on_bus(settings: Settings, act_on: Callable[[Bus], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        async with open_bus(settings, COMMAND_USER) as bus:
            return await act_on(bus)

    return asyncio.run(run())
