"""`comity instrument`: warrants, orders and consents that a state's people have read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.desk_words import practice_said
from comity.cli.files import hash_of
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
    day_of,
    minute_said,
    person_said,
    persons_of,
)
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.reviewing import COMMAND_USER, signature_of, state_of_entry
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
)
from comity.domain.after_review import Desk
from comity.domain.ids import Member, member_label, parse_ori
from comity.domain.instruments import APPOINTMENT_WORDS, OPENING, Appointment
from comity.domain.said import classes_said, utc
from comity.domain.vocabulary import DataClass, Instrument, term
from comity.link.instruments import InstrumentView
from comity.review.instruments import InstrumentUnknownError
from comity.roles.host_files import HostFiles
from comity.services.instrument_work import InstrumentDraft, InstrumentWork
from comity.services.reviewing import Reviewer

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Entry = Annotated[
    str, typer.Argument(metavar="ENTRY", help="The instrument's entry, as in IL/126.")
]
_Document = Annotated[
    Path, typer.Option("--document", metavar="FILE", help="The paper; only its hash is taken.")
]


@app.callback()
def instruments() -> None:
    """Register, verify, list and revoke warrants, orders and other instruments."""


@app.command("list")
def list_instruments(
    *,
    state: WhoseRecords,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the instruments that stand, verified or not; not whom they name."""
    member = member_of(state)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.INSTRUMENTS).instruments
    if as_json:
        print_json({"state": member, "instruments": [_document(view) for view in shown]})
        return
    console, label = facts_console(), member_label(member)
    if not shown:
        console.print(f"No legal instrument stands for {label}.{practice_said(data)}")
        return
    waiting = sum(not view.verified_entry for view in shown)
    count = "One instrument stands" if len(shown) == 1 else f"{len(shown)} instruments stand"
    waits = f"{waiting} not verified yet" if waiting else "all verified"
    console.print(f"{count} for {label}, {waits}{practice_said(data)}\n")
    fact_table(
        console,
        ("instrument", "kind", "number", "agency", "stands", "used", "until"),
        [
            (
                view.entry,
                term(view.kind).label,
                view.number,
                view.agency_name or view.agency,
                _stands(view),
                view.uses,
                minute_said(view.until),
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
    """Show one instrument with the persons it names; the reading is recorded in the ledger."""
    member, name = state_of_entry(entry)
    shown = Papers.of(settings_of(data), member, as_name, key).read(Desk.INSTRUMENTS, name)
    if not shown.instruments:
        raise InstrumentUnknownError("no instrument stands under this entry")
    view = shown.instruments[0]
    if as_json:
        print_json({"instrument": _document(view), "access_entry": shown.access_entry})
        return
    console = facts_console()
    said = f"{_mark(view)} {term(view.kind).label} {view.number}: {_stands(view)}"
    print_wrapped(console, f"{said}{practice_said(data)}\n", onward="  ")
    rows = [
        ("issued by", view.issuer),
        ("signed by", APPOINTMENT_WORDS[view.appointment]),
        ("issued on", f"{view.issued_on:%Y-%m-%d}"),
        ("agency", agency_said(view.agency_name, view.agency)),
        ("case", view.case_number or "any"),
        ("classes", classes_said(view.classes)),
        *(("names", person_said(person)) for person in view.persons),
        ("until", minute_said(view.until)),
        ("document", f"{view.document.hex()} ({view.document_bytes:,} bytes)"),
        ("came with", view.hold_entry or "no hold"),
        ("read by", view.registered_by),
        *([("verified by", f"{view.verified_by}, {view.verified_entry}")] * bool(view.verified_by)),
        *([("asked at", view.called), ("answer", view.answered)] if view.called else []),
        *([("note", view.note)] if view.note else []),
    ]
    print_pairs(console, rows, columns=14)
    console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


@app.command()
def register(
    *,
    state: WhoseRecords,
    kind: Annotated[Instrument, typer.Option("--kind", metavar="KIND", help="What it is.")],
    issuer: Annotated[str, typer.Option("--issuer", metavar="NAME", help="Court or office.")],
    signed_by: Annotated[
        Appointment, typer.Option("--signed-by", metavar="WHO", help="By what right it was signed.")
    ],
    number: Annotated[str, typer.Option("--number", metavar="REF", help="As requests name it.")],
    agency: Annotated[str, typer.Option("--agency", metavar="ORI", help="Whose requests.")],
    document: _Document,
    issued_on: Annotated[str, typer.Option("--issued-on", metavar="DAY", help="As 2026-11-24.")],
    classes: Annotated[
        list[DataClass], typer.Option("--class", metavar="CLASS", help="Named; repeatable.")
    ],
    days: Annotated[int, typer.Option("--days", metavar="N", help="For how long, 1 to 90.")] = 30,
    case: Annotated[str, typer.Option("--case", metavar="NUMBER", help="Only for this one.")] = "",
    oln: Licences = None,
    name: Names = None,
    plate: Plates = None,
    vin: Vehicles = None,
    hold: Annotated[str, typer.Option("--hold", metavar="ENTRY", help="It came with this.")] = "",
    note: Note = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register what you have read; it opens nothing until a colleague has verified it."""
    member = member_of(state)
    digest, size = hash_of(document, "--document")
    day = day_of("--issued-on", issued_on)
    draft = InstrumentDraft(
        kind=kind,
        issuer=issuer,
        appointment=signed_by,
        number=number.upper(),
        agency=parse_ori(agency.upper()),
        case_number=case.upper(),
        persons=persons_of(oln, name, plate, vin),
        classes=tuple(dict.fromkeys(classes)),
        issued_on=day,
        days=days,
        document=digest,
        document_bytes=size,
        hold_entry=state_of_entry(hold)[1] if hold else "",
        note=note,
    )
    entry = _working(member, as_name, key, data, lambda work: work.register(draft))
    if as_json:
        print_json({"entry": entry, "document": digest.hex()})
        return
    said = f"◆ Registered {term(kind).label} {draft.number} as {entry}: a second person verifies it"
    print_wrapped(facts_console(), f"{said}{practice_said(data)}", onward="  ")


@app.command()
def verify(
    entry: _Entry,
    *,
    document: _Document,
    called: Annotated[
        str, typer.Option("--called", metavar="WHERE", help="Where you asked its issuer.")
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
    """Verify what a colleague registered: from then on it covers requests that it names."""
    member, name = state_of_entry(entry)
    digest, _ = hash_of(document, "--document")
    recorded = _working(
        member,
        as_name,
        key,
        data,
        lambda work: work.verify(
            name, document=digest, called=called, answered=answered, note=note
        ),
    )
    if as_json:
        print_json({"instrument": name, "verified": True, "entry": recorded})
        return
    console = facts_console()
    said = f"● Verified {name}: it covers requests that it names"
    print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature.")


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
    """End an instrument now: what rests on it waits for a person again."""
    member, name = state_of_entry(entry)
    recorded = _working(member, as_name, key, data, lambda work: work.revoke(name, note))
    if as_json:
        print_json({"instrument": name, "revoked": True, "entry": recorded})
        return
    console = facts_console()
    said = f"✕ Revoked {name}: what rests on it waits for a person again"
    print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
    console.print(f"  Recorded as {recorded}, under your signature.")


def _working(
    member: Member,
    as_name: str,
    key: Path | None,
    data: Path | None,
    act: Callable[[InstrumentWork], Awaitable[str]],
) -> str:
    """Do one thing as a reviewer of a state; return the entry that was recorded."""
    settings = settings_of(data)
    person = Papers.of(settings, member, as_name, key).reviewer
    reviewer = Reviewer(
        state=member,
        name=person.name,
        sign=lambda message: signature_of(member, person, message),
    )

    async def run() -> str:
        async with open_bus(settings, COMMAND_USER) as bus:
            host = HostFiles(settings.data_dir).host_name()
            return await act(InstrumentWork(bus=bus, host=host, reviewer=reviewer, now=time.time))

    return asyncio.run(run())


def _document(view: InstrumentView) -> dict[str, Any]:
    """Return an instrument as JSON prints it: times in UTC, the hash in hexadecimal digits."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    document["document"] = view.document.hex()
    for name in ("registered_at", "until"):
        document[name] = utc(document[name]).isoformat()
    return document


def _mark(view: InstrumentView) -> str:
    if view.revoked_entry or view.until <= time.time() or view.kind not in OPENING:
        return "✕"
    return "●" if view.verified_entry else "◆"


def _stands(view: InstrumentView) -> str:
    if view.revoked_entry:
        return f"revoked by {view.revoked_entry}"
    if view.until <= time.time():
        return "its time is over"
    if not view.verified_entry:
        return "waits for a second person"
    return "verified" if view.kind in OPENING else "verified, opens nothing"
