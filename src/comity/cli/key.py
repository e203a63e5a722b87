"""`comity key`: a state's month keys, its litigation holds and its records schedule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.ordering import (
    AsPerson,
    Matter,
    OrderFile,
    Reason,
    carry_out,
    give_order,
    new_order,
    read_order,
)
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
from comity.domain.ids import Member, member_label
from comity.domain.keeping import ORDER_SECONDS_MAX, TWO_PEOPLE, KeepingReason, OrderAct
from comity.link.command import AskKeys, KeysShown, MonthView
from comity.roles.host_files import HostFiles
from comity.services.keeping_orders import what_it_does
from comity.services.sending import send_command

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_State = Annotated[str, typer.Option("--state", metavar="ST", help="Whose keys.")]
_Months = Annotated[
    list[str], typer.Option("--month", metavar="MONTH", help="As in 2024-10; may be repeated.")
]
_Order = Annotated[Path, typer.Argument(metavar="FILE", help="The file of a signed order.")]


@app.callback()
def key() -> None:
    """Month keys, litigation holds and the records schedule of a state."""


@app.command("list")
def list_keys(*, state: _State, data: DataDir = None, as_json: AsJson = False) -> None:
    """Show a state's months: their keys, what holds them, what is gone, what is due."""
    member = member_of(state)
    shown = asyncio.run(_ask(member, data))
    if as_json:
        print_json({"state": member, **msgspec.structs.asdict(shown)})
        return
    note = "  (practice data)" if settings_of(data).is_practice else ""
    kept = [view for view in shown.months if view.keys]
    count = "one month" if len(kept) == 1 else f"{len(kept)} months"
    say(f"● {member_label(member)} has keys of {count}; {_schedule(shown)}{note}\n")
    console = facts_console()
    if shown.months:
        fact_table(
            console,
            ("month", "keys", "held by", "gone", "schedule"),
            [_row(view) for view in shown.months],
        )
    for entry, months in shown.holds:
        print_wrapped(
            console, f"Litigation hold {entry}: {', '.join(months) or 'all months'}", "  ", "    "
        )


@app.command()
def due(*, state: _State, data: DataDir = None, as_json: AsJson = False) -> None:
    """Show which months are past the schedule, and what keeps their keys all the same."""
    member = member_of(state)
    shown = asyncio.run(_ask(member, data))
    months = [view for view in shown.months if view.is_due]
    if as_json:
        print_json({"state": member, "due": months})
        return
    note = "  (practice data)" if settings_of(data).is_practice else ""
    if not months:
        say(f"● Nothing of {member_label(member)} is due; {_schedule(shown)}{note}")
        return
    count = "One month is" if len(months) == 1 else f"{len(months)} months are"
    say(f"◆ {count} past the schedule of {member_label(member)}{note}")
    for view in months:
        kept = f"kept: {view.against}" if view.against else "destroyed within the hour"
        say(f"  {view.month}  {kept}")


@app.command()
def destroy(
    *,
    state: _State,
    months: _Months,
    reason: Reason,
    matter: Matter = "",
    persons: AsPerson = None,
    order: OrderFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the keys of months: nothing that they sealed can be read again. Two people."""
    _give(
        OrderAct.DESTROY,
        member_of(state),
        {"months": _rising(months), "reason": reason, "matter": matter},
        (persons, order, data),
        as_json=as_json,
    )


@app.command()
def rotate(
    *,
    state: _State,
    reason: Reason = KeepingReason.KEY_COMPROMISE,
    matter: Matter = "",
    persons: AsPerson = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Seal what comes from now on under a new key; what stands is opened by the old one."""
    this_month = f"{datetime.now(UTC):%Y-%m}"
    _give(
        OrderAct.ROTATE,
        member_of(state),
        {"months": (this_month,), "reason": reason, "matter": matter},
        (persons, None, data),
        as_json=as_json,
    )


@app.command("declare-lost")
def declare_lost(
    *,
    state: _State,
    months: _Months,
    reason: Reason = KeepingReason.KEY_LOSS,
    matter: Matter = "",
    persons: AsPerson = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say that the keys of months are lost. Refused while one of them is there and opens."""
    _give(
        OrderAct.DECLARE_LOST,
        member_of(state),
        {"months": _rising(months), "reason": reason, "matter": matter},
        (persons, None, data),
        as_json=as_json,
    )


@app.command()
def hold(
    *,
    state: _State,
    months: Annotated[
        list[str] | None,
        typer.Option("--month", metavar="MONTH", help="Only this month; may be repeated."),
    ] = None,
    reason: Reason = KeepingReason.LITIGATION,
    matter: Matter = "",
    persons: AsPerson = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Hold records for litigation: nothing of these months, or of any, is destroyed."""
    _give(
        OrderAct.HOLD,
        member_of(state),
        {"months": _rising(months) if months else None, "reason": reason, "matter": matter},
        (persons, None, data),
        as_json=as_json,
    )


@app.command("end-hold")
def end_hold(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The hold's leaf: OH/126.")],
    *,
    reason: Reason = KeepingReason.LITIGATION,
    matter: Matter = "",
    persons: AsPerson = None,
    order: OrderFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """End a litigation hold; others stay. Two people."""
    member, named = state_of_entry(entry)
    fields = {"entry": named, "reason": reason, "matter": matter}
    _give(OrderAct.END_HOLD, member, fields, (persons, order, data), as_json=as_json)


@app.command()
def schedule(
    *,
    state: _State,
    keep_months: Annotated[
        int,
        typer.Option(
            "--keep-months", metavar="N", help="Whole months that records stay after theirs."
        ),
    ],
    reason: Reason = KeepingReason.RETENTION_SCHEDULE,
    matter: Matter = "",
    persons: AsPerson = None,
    order: OrderFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Set how long records are kept; the gateway then destroys keys by itself. Two people."""
    _give(
        OrderAct.SCHEDULE,
        member_of(state),
        {"keep_months": keep_months, "reason": reason, "matter": matter},
        (persons, order, data),
        as_json=as_json,
    )


@app.command()
def expunge(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The record's leaf: OH/126.")],
    *,
    reason: Reason,
    matter: Matter = "",
    persons: AsPerson = None,
    order: OrderFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete one private record and what its exchange left here; the leaf stays. Two people."""
    member, named = state_of_entry(entry)
    fields = {"entry": named, "reason": reason, "matter": matter}
    _give(OrderAct.EXPUNGE, member, fields, (persons, order, data), as_json=as_json)


@app.command("order")
def show_order(file: _Order, *, as_json: AsJson = False) -> None:
    """Show what an order says and who has signed it, before you sign it yourself."""
    signed = read_order(file)
    order = signed.order
    names = [signature.name for signature in signed.signatures]
    if as_json:
        document: dict[str, Any] = msgspec.to_builtins(order)
        print_json({"order": document, "signed_by": names})
        return
    console = facts_console()
    needed = 2 if order.act in TWO_PEOPLE else 1
    mark = "●" if len(names) >= needed else "◆"
    print_wrapped(console, f"{mark} An order to {what_it_does(order)}", onward="  ")
    given = datetime.fromtimestamp(order.at, UTC)
    until = datetime.fromtimestamp(order.at + ORDER_SECONDS_MAX, UTC)
    rows = [
        ("reason, published", order.reason.replace("_", " ")),
        ("matter, private", order.matter or "not stated"),
        ("given", f"{given:%Y-%m-%d %H:%M:%S} UTC"),
        ("counts until", f"{until:%Y-%m-%d %H:%M:%S} UTC"),
        ("signed by", f"{', '.join(names)}; {needed} needed"),
    ]
    print_pairs(console, rows, columns=18)


@app.command("carry-out")
def carry_out_order(
    file: _Order, *, persons: AsPerson = None, data: DataDir = None, as_json: AsJson = False
) -> None:
    """Sign an order that somebody else signed, and have it carried out."""
    carry_out(file, persons, data=data, as_json=as_json)


def _give(
    act: OrderAct,
    member: Member,
    fields: dict[str, Any],
    how: tuple[list[str] | None, Path | None, Path | None],
    *,
    as_json: bool,
) -> None:
    persons, file, data = how
    give_order(new_order(member, act, **fields), persons, file=file, data=data, as_json=as_json)


async def _ask(member: Member, data: Path | None) -> KeysShown:
    settings = settings_of(data)
    async with open_bus(settings, COMMAND_USER) as bus:
        host = HostFiles(settings.data_dir).host_name()
        shown = await send_command(bus, host, AskKeys(member=member))
    assert isinstance(shown, KeysShown)
    return shown


def _rising(months: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(months)))


def _schedule(shown: KeysShown) -> str:
    if not shown.schedule:
        return "no schedule: nothing is destroyed by itself"
    count = "a month" if shown.keep_months == 1 else f"{shown.keep_months} months"
    return f"records are kept for {count} after theirs ({shown.schedule})"


def _row(view: MonthView) -> tuple[object, ...]:
    gone = f"{view.gone}, {view.gone_by}" if view.gone else ""
    is_due = "due" if view.is_due else ""
    state = f"kept: {view.against}" if view.against else is_due
    return view.month, view.keys, view.held_by, gone, state
