"""Orders on keys and records: made and signed here, kept in a file, sent to the gateway.

INVARIANT (review-is-verified): an order has no effect but by the signatures of enrolled people,
made here with keys that never leave their files. What it says is signed, so that whoever signs
second signs exactly what stands in the file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.files import read_input, write_whole
from comity.cli.network import settings_of
from comity.cli.reviewing import COMMAND_USER, signature_of
from comity.cli.terminal import print_json, say
from comity.domain.ids import Member
from comity.domain.keeping import (
    ORDER_BYTES_MAX,
    ORDER_SECONDS_MAX,
    SIGNERS_MAX,
    TWO_PEOPLE,
    KeepingReason,
    Order,
    OrderAct,
    OrderSignature,
    SignedOrder,
    check_order,
    encode_signed_order,
    order_bytes,
    parse_signed_order,
)
from comity.link.command import CommandDone
from comity.ports import Bus
from comity.roles.host_files import HostFiles, ReviewerFile, read_reviewer_file
from comity.roles.settings import Settings
from comity.services.keeping_orders import KeepingOrders, what_it_does

__all__ = [
    "AsPerson",
    "Matter",
    "OrderFile",
    "Reason",
    "carry_out",
    "give_order",
    "new_order",
    "person_of",
    "read_order",
    "send_order",
    "sign_order",
    "signed_by",
]

AsPerson = Annotated[
    list[str] | None,
    typer.Option(
        "--as", metavar="NAME|FILE", help="Who signs: a name kept here, or a key file; repeatable."
    ),
]
Reason = Annotated[KeepingReason, typer.Option("--reason", help="Why, as it is published.")]
Matter = Annotated[
    str,
    typer.Option("--matter", metavar="TEXT", help="Court, case, whom to ask: kept private."),
]
OrderFile = Annotated[
    Path | None,
    typer.Option("--order", metavar="FILE", help="File of the order; one that is there is signed."),
]
_TWO: Final = 2


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order: the file it waits in, or the entry it is recorded as."""

    signed: SignedOrder
    file: Path | None = None
    entry: str = ""
    waits_for: str = ""


def new_order(state: Member, act: OrderAct, **fields: Any) -> Order:
    """Return an order given now. Raises: OrderError if its fields are not those of its act."""
    order = Order(state=state, act=act, at=int(time.time()), **fields)
    check_order(order)
    return order


def read_order(file: Path) -> SignedOrder:
    """Return the order that a file holds. Raises: OrderError, FileUnusableError."""
    return parse_signed_order(read_input(str(file), ORDER_BYTES_MAX))


def give_order(
    order: Order,
    names: list[str] | None,
    *,
    file: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Sign an order, or the one that stands in its file, and send it once enough people have."""
    settings = settings_of(data)
    signed = SignedOrder(order=order, signatures=())
    if file is not None and file.exists():
        signed = read_order(file)
        if msgspec.structs.replace(signed.order, at=order.at) != order:
            raise UsageError(f"`{file}` holds another order: {what_it_does(signed.order)}")
    _finish(settings, sign_order(settings, signed, names or []), file, as_json=as_json)


def carry_out(file: Path, names: list[str] | None, *, data: Path | None, as_json: bool) -> None:
    """Sign the order of a file, if anyone is named, and send it."""
    settings = settings_of(data)
    signed = read_order(file)
    if names:
        signed = sign_order(settings, signed, names)
    _finish(settings, signed, file, as_json=as_json)


def signed_by(settings: Settings, order: Order, names: Sequence[str]) -> SignedOrder:
    """Return an order with these people's signatures. Raises: UsageError."""
    return sign_order(settings, SignedOrder(order=order, signatures=()), names)


def sign_order(settings: Settings, signed: SignedOrder, names: Sequence[str]) -> SignedOrder:
    """Return an order with these people's signatures added. Raises: UsageError."""
    if not names and not signed.signatures:
        raise UsageError("nobody signs the order: name who does with `--as`")
    order = signed.order
    signatures = list(signed.signatures)
    for name in names:
        person = person_of(settings, order.state, name)
        if any(person.name == given.name for given in signatures):
            raise UsageError(f"`{person.name}` has signed this order already")
        proof = signature_of(order.state, person, order_bytes(order))
        signatures.append(
            OrderSignature(name=person.name, key_id=proof.key_id, signature=proof.signature)
        )
    if len(signatures) > SIGNERS_MAX:
        raise UsageError(f"an order has at most {SIGNERS_MAX} signatures")
    return msgspec.structs.replace(signed, signatures=tuple(signatures))


def person_of(settings: Settings, state: Member, name: str) -> ReviewerFile:
    """Return who signs: a key file, or a person whose key is kept here. Raises: UsageError."""
    if Path(name).is_file():
        return read_reviewer_file(Path(name))
    kept = [read_reviewer_file(p) for p in HostFiles(settings.data_dir).reviewer_paths(state)]
    found = next((person for person in kept if person.name == name), None)
    if found is None:
        known = ", ".join(person.name for person in kept) or "nobody's"
        raise UsageError(
            f"`--as {name}` is no key file, and of {state} these keys are kept here: {known}"
        )
    return found


def _finish(settings: Settings, signed: SignedOrder, file: Path | None, *, as_json: bool) -> None:
    """Send an order that enough people have signed; keep any other for the next."""
    needed = _TWO if signed.order.act in TWO_PEOPLE else 1
    if len(signed.signatures) < needed:
        file = file or Path(f"{signed.order.state}-{signed.order.act}-{signed.order.at}.order")
        write_whole(file, encode_signed_order(signed))
        result = _Result(signed=signed, file=file)
    else:
        result = asyncio.run(_send(settings, signed))
    if as_json:
        print_json(_document(result))
    else:
        _say(settings, result)


async def send_order(settings: Settings, bus: Bus, signed: SignedOrder) -> CommandDone:
    """Have the gateway carry an order out. Raises: GatewayRefusalError, GatewaySilentError."""
    host = HostFiles(settings.data_dir).host_name()
    return await KeepingOrders(bus=bus, host=host).carry_out(signed)


async def _send(settings: Settings, signed: SignedOrder) -> _Result:
    async with open_bus(settings, COMMAND_USER) as bus:
        done = await send_order(settings, bus, signed)
    waits_for = dict(done.facts).get("waits_for", "")
    return _Result(signed=signed, entry=done.entry, waits_for=waits_for)


def _document(result: _Result) -> dict[str, object]:
    order = result.signed.order
    return {
        "state": order.state,
        "act": order.act.value,
        "months": list(order.months or ()),
        "about": order.entry or "",
        "signed_by": [signature.name for signature in result.signed.signatures],
        "order": "" if result.file is None else str(result.file),
        "entry": result.entry,
        "waits_for": result.waits_for,
    }


def _say(settings: Settings, result: _Result) -> None:
    order = result.signed.order
    note = "  (practice data)" if settings.is_practice else ""
    persons = " and ".join(signature.name for signature in result.signed.signatures)
    if result.file is not None:
        until = datetime.fromtimestamp(order.at + ORDER_SECONDS_MAX, UTC)
        say(f"◆ To {what_it_does(order)} takes a second person{note}")
        say(f"  Signed by {persons}; nothing is done yet.")
        say(f"  Until {until:%Y-%m-%d %H:%M} UTC: comity key carry-out {result.file} --as NAME")
        return
    if result.waits_for:
        say(f"◆ Recorded, and not done yet: {what_it_does(order)}{note}")
        say(f"  The gateway tries again by itself ({result.waits_for}).")
    else:
        say(f"● Done: {what_it_does(order)}{note}")
    say(f"  Recorded as {result.entry}, signed by {persons}.")
