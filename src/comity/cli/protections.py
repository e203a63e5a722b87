"""`comity notices protect`, `unprotect`, `protected`: addresses that no letter may show.

INVARIANT (no-answer-before-receipt): one that is opened with its person is recorded first.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.desk_words import practice_said
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.paper_words import (
    Licences,
    Names,
    Note,
    Plates,
    Vehicles,
    WhoseRecords,
    Why,
    minute_said,
    person_said,
    persons_of,
)
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.reviewing import COMMAND_USER, signature_of
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    print_pairs,
    print_wrapped,
)
from comity.domain.ids import Member, member_label
from comity.domain.said import utc
from comity.link.protections import ProtectionView
from comity.roles.host_files import HostFiles
from comity.services.protecting import ProtectionDraft, ProtectionWork
from comity.services.reviewing import Reviewer

__all__ = ["protect", "protected", "unprotect"]

_T = TypeVar("_T")
_Id = Annotated[str, typer.Argument(metavar="ID", help="The protection, as the list has it.")]


def protect(
    *,
    state: WhoseRecords,
    contact: Annotated[
        str, typer.Option("--contact", metavar="NAME", help="Who reaches the person.")
    ],
    how: Annotated[str, typer.Option("--how", metavar="TEXT", help="How, in a sentence.")],
    authority: Annotated[
        str, typer.Option("--authority", metavar="TEXT", help="By what right: program, order.")
    ],
    since: Annotated[str, typer.Option("--since", metavar="DAY", help="As 2026-11-24.")],
    until: Annotated[
        str, typer.Option("--until", metavar="DAY", help="Its last day; else until it is ended.")
    ] = "",
    may_post: Annotated[
        bool, typer.Option("--may-post", help="The contact's own address may get post.")
    ] = False,
    oln: Licences = None,
    name: Names = None,
    plate: Plates = None,
    vin: Vehicles = None,
    note: Note = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say that a person's address is confidential, from now on.

    Name the person by a licence number and by a name with birth date. No leaf tells of it.
    """
    member = member_of(state)
    draft = ProtectionDraft(
        persons=persons_of(oln, name, plate, vin),
        contact=contact,
        how=how,
        no_post=not may_post,
        since=_day("--since", since),
        until=_day("--until", until) if until else None,
        authority=authority,
        note=note,
    )
    placed = _working(member, (as_name, key), data, lambda work: work.place(draft))
    if as_json:
        print_json({"state": member, "protection": placed})
        return
    said = "● The address is confidential from now on: no letter shows it, and none is posted"
    if may_post:
        said = "● The address is confidential from now on: no letter shows it"
    console = facts_console()
    print_wrapped(console, f"{said}{practice_said(data)}", onward="  ")
    console.print(f"  Kept as {placed}, under your signature.")


def unprotect(
    protection: _Id,
    *,
    state: WhoseRecords,
    note: Why = "",
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say that a protection ends; it stands until a second person says so too."""
    member = member_of(state)
    over = _working(member, (as_name, key), data, lambda work: work.end(protection, note))
    if as_json:
        print_json({"state": member, "protection": protection, "is_over": over})
        return
    said = "✕ Ended: letters go to the person's address again"
    if not over:
        said = "◆ Your word is kept; it stands until another person says so too, within seven days"
    print_wrapped(facts_console(), f"{said}{practice_said(data)}", onward="  ")


def protected(
    protection: Annotated[
        str, typer.Argument(metavar="ID", help="Open one; the reading is recorded.")
    ] = "",
    *,
    state: WhoseRecords,
    oln: Licences = None,
    name: Names = None,
    plate: Plates = None,
    vin: Vehicles = None,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List protections, which names nobody; or open one, or those of one person."""
    member = member_of(state)
    persons = sorted(persons_of(oln, name, plate, vin))
    if len(persons) + bool(protection) > 1:
        raise UsageError("name one protection, or one person")
    person = persons[0] if persons else None
    shown = _working(
        member, (as_name, key), data, lambda work: work.read(protection, person=person)
    )
    if as_json:
        views = [_document(view) for view in shown.protections]
        print_json({"state": member, "protections": views, "access_entry": shown.access_entry})
        return
    console = facts_console()
    if not shown.access_entry:
        count = "One protection stands" if shown.count == 1 else f"{shown.count} protections stand"
        console.print(f"{count} for {member_label(member)}{practice_said(data)}")
        if shown.protections:
            console.print("")
            heads = ("protection", "placed", "last day", "post", "stands")
            fact_table(console, heads, [_row(view) for view in shown.protections])
        return
    if shown.is_unread:
        console.print("◆ A key is gone: more may stand about this person")
    if not shown.protections:
        console.print(f"○ No protection names this person{practice_said(data)}")
    for view in shown.protections:
        console.print(f"{_mark(view)} {view.protection}: {_stands(view)}{practice_said(data)}\n")
        print_pairs(console, _pairs(view), columns=14)
    console.print(f"\nThat you read this is recorded as {shown.access_entry}.")


def _working(
    member: Member,
    signer: tuple[str, Path | None],
    data: Path | None,
    act: Callable[[ProtectionWork], Awaitable[_T]],
) -> _T:
    """Do one thing as a person of a state."""
    settings = settings_of(data)
    person = Papers.of(settings, member, *signer).reviewer
    reviewer = Reviewer(
        state=member,
        name=person.name,
        sign=lambda message: signature_of(member, person, message),
    )

    async def run() -> _T:
        async with open_bus(settings, COMMAND_USER) as bus:
            host = HostFiles(settings.data_dir).host_name()
            return await act(ProtectionWork(bus=bus, host=host, reviewer=reviewer, now=time.time))

    return asyncio.run(run())


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{option}` is not a day such as 2026-11-24") from None


def _row(view: ProtectionView) -> tuple[str, ...]:
    return (
        view.protection,
        minute_said(view.placed_at) if view.placed_at else "cannot be read",
        f"{view.until:%Y-%m-%d}" if view.until else "none",
        "none" if view.no_post else "to the contact",
        _stands(view),
    )


def _pairs(view: ProtectionView) -> list[tuple[str, str]]:
    if not view.placed_at:
        return [("protection", "cannot be read any more: two people end it, and it is placed anew")]
    return [
        *(("names", person_said(person)) for person in view.persons),
        ("contact", view.contact),
        ("reached", view.how),
        ("post", "none" if view.no_post else "to the contact"),
        ("since", f"{view.since:%Y-%m-%d}"),
        ("last day", f"{view.until:%Y-%m-%d}" if view.until else "none"),
        ("authority", view.authority),
        ("placed", f"{minute_said(view.placed_at)}, by {view.placed_by}"),
        *([("note", view.note)] if view.note else []),
    ]


def _mark(view: ProtectionView) -> str:
    return "✕" if view.is_over else "●" if view.placed_at else "◆"


def _stands(view: ProtectionView) -> str:
    if view.is_over:
        return "over"
    if view.ended_by:
        return f"stands; {view.ended_by[0]} would end it"
    return "stands" if view.placed_at else "cannot be read: every letter waits"


def _document(view: ProtectionView) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(view)
    document["placed_at"] = utc(view.placed_at).isoformat() if view.placed_at else None
    return document
