"""`comity ask`: one message on an agency's line: the outcome, the record, what proves it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from comity.app.keys import host_keys
from comity.audit.notes import read_vkey
from comity.cli.asking import (
    WAIT_S,
    Expected,
    ask_line,
    destination_code,
    exit_of_outcome,
    expected_of,
    listen_line,
    overall_response,
)
from comity.cli.cards import query_by_card
from comity.cli.errors import ExitCode, UsageError
from comity.cli.files import read_input
from comity.cli.heard import Arrived
from comity.cli.network import DataDir, connect_line, practice_agency, settings_of, speaker_of
from comity.cli.parts import network_directory
from comity.cli.receipts import check_proofs
from comity.cli.showing import (
    Checks,
    arrived_document,
    outcome_document,
    show_arrived,
    show_outcome,
)
from comity.cli.terminal import AsJson, facts_console, print_json, remark
from comity.client import LineClient
from comity.directory.routes import RouteKind, resolve_code
from comity.directory.routing import plan_route
from comity.domain.errors import ComityError
from comity.domain.ids import Member, parse_ori
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.aamva import AskBy
from comity.formats.faults import MessageError
from comity.formats.rules import MESSAGE_BYTES_MAX, check_query, is_fixed
from comity.formats.wording import is_told
from comity.ledger.note import encode_vkey
from comity.roles.settings import Settings

__all__ = ["app", "send_alone"]

_MERGE_MARGIN_S: Final = 15
_UNKNOWN: Final = parse_ori("X" * 9)
"""Stands for the agency until a line named by itself has said for whom it may speak."""

app = typer.Typer(add_completion=False)


_Key = Annotated[
    str, typer.Argument(metavar="[KEY]", help="Message key: DQ, RQ, AM ...; none: only listen.")
]
_To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="DEST", help="State, region, NL or agency; may be repeated."),
]
_Who = Annotated[str, typer.Option("--as", metavar="WHO", help="Agency (ORI) or line that asks.")]
_Purpose = Annotated[
    Purpose, typer.Option("--purpose", metavar="PURPOSE", help="Why the record is asked for.")
]
_Offence = Annotated[
    Offence, typer.Option("--offence", metavar="OFFENCE", help="The offence group.")
]
_Case = Annotated[str, typer.Option("--case", metavar="N", help="Case number.")]
_Instrument = Annotated[
    Instrument,
    typer.Option("--instrument", metavar="INSTRUMENT", help="Warrant, order or declaration."),
]
_InstrumentRef = Annotated[
    str, typer.Option("--instrument-ref", metavar="REF", help="Its court and number.")
]
_Operator = Annotated[
    str, typer.Option("--operator", metavar="OP", help="Number of the person who asks.")
]
_Oln = Annotated[str, typer.Option("--oln", metavar="NUMBER", help="Licence number.")]
_Name = Annotated[str, typer.Option("--name", metavar="NAME", help="LAST,FIRST MIDDLE.")]
_Dob = Annotated[str, typer.Option("--dob", metavar="DATE", help="Birth date: 1980-02-29.")]
_Sex = Annotated[str, typer.Option("--sex", metavar="SEX", help="M, F, U or X.")]
_Plate = Annotated[str, typer.Option("--plate", metavar="PLATE", help="Licence plate.")]
_PlateYear = Annotated[
    str, typer.Option("--plate-year", metavar="YEAR", help="Year of the plate, or NX.")
]
_PlateType = Annotated[
    str, typer.Option("--plate-type", metavar="TYPE", help="Type of the plate: PC, TK ...")
]
_Vin = Annotated[str, typer.Option("--vin", metavar="VIN", help="Vehicle number.")]
_Card = Annotated[
    str, typer.Option("--card", metavar="FILE", help="Ask by a scanned card; - is standard input.")
]
_CardBy = Annotated[
    AskBy, typer.Option("--card-by", metavar="WHAT", help="By the card's number or name.")
]
_Image = Annotated[bool, typer.Option("--image", help="Ask for the photo too.")]
_Field = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="PRE=VALUE", help="Any other field; may be repeated."),
]
_Text = Annotated[
    str, typer.Option("--text", metavar="TEXT", help="Free text; - is standard input.")
]
_Control = Annotated[
    str, typer.Option("--control", metavar="CONTROL", help="Control field, echoed in what answers.")
]
_Emergency = Annotated[bool, typer.Option("--emergency", help="Declare a threat to life.")]
_Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="S",
        min=0.1,
        max=3_600,
        help="Seconds to wait at most: 30; for one message of many states, its own time and 15.",
    ),
]
_Listen = Annotated[
    float,
    typer.Option(
        "--listen", metavar="S", min=0, max=86_400, help="Seconds to go on showing what comes."
    ),
]
_Final = Annotated[
    bool, typer.Option("--final", help="Wait until no more follows, also after a hold.")
]


class _LineForm(StrEnum):
    """The formats that a line speaks."""

    TEXT = "text"
    JSON = "json"
    NIEM = "niem"


_Form = Annotated[
    _LineForm,
    typer.Option(
        "--form", "--format", metavar="FORM", help="Format to ask in: text, json or niem."
    ),
]


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, whether for the last word of every state, and how long to listen then."""

    seconds: float | None
    until_final: bool
    listen_s: float


class _Asking(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the command: on which line, what is asked (nothing: it only listens), how."""

    settings: Settings
    line: str
    query: Query | None
    form: _LineForm
    waiting: _Waiting
    as_json: bool


@app.command()
def ask(
    key: _Key = "",
    *,
    to: _To = None,
    who: _Who = "",
    purpose: _Purpose = Purpose.NOT_STATED,
    offence: _Offence = Offence.NOT_STATED,
    case: _Case = "",
    instrument: _Instrument = Instrument.NOT_STATED,
    instrument_ref: _InstrumentRef = "",
    operator: _Operator = "",
    oln: _Oln = "",
    name: _Name = "",
    dob: _Dob = "",
    sex: _Sex = "",
    plate: _Plate = "",
    plate_year: _PlateYear = "",
    plate_type: _PlateType = "",
    vin: _Vin = "",
    card: _Card = "",
    card_by: _CardBy = AskBy.NUMBER,
    image: _Image = False,
    field: _Field = None,
    text: _Text = "",
    control: _Control = "",
    emergency: _Emergency = False,
    wait: _Wait = None,
    final: _Final = False,
    listen: _Listen = 0,
    form: _Form = _LineForm.JSON,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask a state, several or all, or write to an agency; prints the outcome first.

    What is not stated counts as not stated: nothing is filled in. Ends with 0 for a record, none or
    a message delivered, 3 if refused, 4 if held, 75 if not answered, 2 if malformed, 5 if a receipt
    does not verify.
    """
    speaker = speaker_of(who)
    fields = _fields(OLN=oln, NAM=name, DOB=dob.replace("-", ""), SEX=sex, LIC=plate)
    fields += _fields(LIY=plate_year, LIT=plate_type, VIN=vin, IMQ="Y" * image)
    query = Query(
        key=MessageKey(key.upper()),
        origin=speaker.agency.ori if speaker.agency is not None else _UNKNOWN,
        destinations=_destinations(to or ()),
        control=control or None,
        fields=_body(MessageKey(key.upper()), fields + _further(field or ()), text),
        claims=Claims(
            purpose=purpose,
            offence=offence,
            instrument=instrument,
            instrument_ref=instrument_ref.upper(),
            case_number=case.upper(),
            operator=operator.upper(),
            emergency=Emergency.DECLARED if emergency else Emergency.NONE,
        ),
    )
    if card:
        query = query_by_card(card, card_by, query)
    asking = _Asking(
        settings=settings_of(data),
        line=speaker.line,
        query=query if key else None,
        form=form,
        waiting=_Waiting(seconds=wait, until_final=final, listen_s=listen),
        as_json=as_json,
    )
    _check(asking)
    raise typer.Exit(asyncio.run(_run(asking)))


def send_alone(
    query: Query, line: str, data: Path | None, *, as_json: bool, form: str = "json"
) -> ExitCode:
    """Send one message on a line, and show what came of it; return how the command ends.

    Raises: MessageError, and what the line and the network do.
    """
    asking = _Asking(
        settings=settings_of(data),
        line=line,
        query=query,
        form=_LineForm(form),
        waiting=_Waiting(seconds=None, until_final=False, listen_s=0),
        as_json=as_json,
    )
    _check(asking)
    return asyncio.run(_run(asking))


def _check(asking: _Asking) -> None:
    """Return if there is something to do that can be done. Raises: UsageError, MessageError."""
    if asking.query is None:
        if not asking.waiting.listen_s:
            raise UsageError("`KEY` is missing: name a message key, or `--listen` to what comes")
        return
    if not asking.query.destinations:
        raise UsageError("`--to` is missing: name a state, or give a scanned `--card`")
    # What the gateway would refuse for its form is refused here, with the same fault.
    check_query(asking.query)


def _destinations(said: Sequence[str]) -> tuple[str, ...]:
    """Return the codes of destinations as people write them. Raises: UsageError."""
    return tuple(destination_code(code) for part in said for code in part.split(","))


def _fields(**said: str) -> tuple[tuple[str, str], ...]:
    """Return the fields of a query that were given, in capitals, in the order of the message."""
    return tuple((prefix, value.upper()) for prefix, value in said.items() if value)


def _further(said: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return fields that were given as `PRE=VALUE`. Raises: UsageError."""
    pairs = [part.partition("=") for part in said]
    if not all(prefix and sign and value for prefix, sign, value in pairs):
        raise UsageError("`--field` is a prefix, `=` and a value, such as `ORI=TXPX001PD`")
    return tuple((prefix.upper(), value.upper()) for prefix, _, value in pairs)


def _body(
    key: MessageKey, fields: tuple[tuple[str, str], ...], text: str
) -> tuple[tuple[str, str], ...]:
    """Return a message's body: fields where the key has them, else one free text.

    Fields of a key with a free text are its elements. Raises: UsageError if both are given.
    """
    if not text:
        if is_fixed(key) or not fields:
            return fields
        return (("", ".".join(f"{prefix}/{value}" for prefix, value in fields)),)
    if fields:
        raise UsageError("`--text` is the whole body: leave out what stands in fields")
    if text == "-":
        text = read_input("-", MESSAGE_BYTES_MAX).decode("utf-8", "replace")
    return (("", text.replace("\r\n", "\n").strip("\n")),)


async def _run(asking: _Asking) -> ExitCode:
    client = await connect_line(asking.settings, asking.line)
    try:
        hello = await client.hello()
        document: dict[str, Any] = {"practice": hello.practice}
        code, last = ExitCode.OK, 0
        if asking.query is not None:
            origin = asking.query.origin
            known = parse_ori(hello.oris[0]) if origin == _UNKNOWN else origin
            query = msgspec.structs.replace(asking.query, origin=known)
            code, last = await _ask(asking, client, query, document, practice=hello.practice)
        if asking.waiting.listen_s:
            document["heard"], is_verified = await _listen(asking, client)
            code = code if is_verified else ExitCode.UNVERIFIED
        if asking.as_json:
            print_json(document)
            client.take(last)
        return code
    finally:
        client.close()


async def _ask(
    asking: _Asking,
    client: LineClient,
    query: Query,
    document: dict[str, Any],
    *,
    practice: bool,
) -> tuple[ExitCode, int]:
    """Ask and show what came of it; return how the command ends, and what is to be taken."""
    expected = await _expected(asking.settings, query)
    wait_s = asking.settings.merge_s + _MERGE_MARGIN_S if expected.is_one else WAIT_S
    outcome = await ask_line(
        client,
        query,
        asking.form.value,
        expected=expected,
        wait_s=asking.waiting.seconds or wait_s,
        until_final=asking.waiting.until_final,
    )
    if outcome.fault is not None:
        raise MessageError(outcome.fault)
    host = read_vkey(encode_vkey(host_keys(asking.settings)))
    checks = {said.state: check_proofs(said.proofs, host) for said in outcome.answers}
    if asking.as_json:
        document |= outcome_document(outcome, checks, practice=practice)
    else:
        show_outcome(facts_console(), outcome, checks, practice=practice)
        # A document is printed at the end, and taken then.
        client.take(outcome.last_delivery)
    if not _are_verified(checks):
        return ExitCode.UNVERIFIED, outcome.last_delivery
    code = exit_of_outcome(overall_response(outcome))
    if is_told(query.key) and any(said.is_declined for said in outcome.answers):
        code = ExitCode.FAILURE
    return code, outcome.last_delivery


async def _listen(asking: _Asking, client: LineClient) -> tuple[list[dict[str, Any]], bool]:
    """Show what comes on the line, or gather it for the document; say whether all proofs hold."""
    heard: list[dict[str, Any]] = []
    host = read_vkey(encode_vkey(host_keys(asking.settings)))
    console = None if asking.as_json else facts_console()
    unverified = 0

    def hear(arrived: Arrived, reply_to: int) -> None:
        nonlocal unverified
        checks = {said.state: check_proofs(said.proofs, host) for said in arrived.said}
        unverified += not _are_verified(checks)
        if console is None:
            heard.append(arrived_document(arrived, checks, reply_to))
        else:
            show_arrived(console, arrived, checks)

    if console is not None:
        remark(f"Listening on `{asking.line}` for {asking.waiting.listen_s:g} s")
    await listen_line(client, asking.waiting.listen_s, hear)
    return heard, not unverified


def _are_verified(checks: Checks) -> bool:
    return all(check.verified for state in checks.values() for check in state)


async def _expected(settings: Settings, query: Query) -> Expected:
    """Return whom a question asks; of a region, those that the directory says answer its key."""
    home = _listing_member(query.origin)
    expected = expected_of(query, home, _listing_member)
    found = map(resolve_code, query.destinations)
    is_region = any(code is not None and code.kind is RouteKind.REGION for code in found)
    if not is_region or home is None or key_row(query.key).handling is not Handling.RECORDS:
        return expected
    try:
        route = plan_route(await network_directory(settings), query, home)
    except ComityError:
        # The gateway says what is wrong with it.
        return expected
    return msgspec.structs.replace(expected, states=tuple(asked.state for asked in route.asked))


def _listing_member(ori: str) -> Member | None:
    found = practice_agency(ori)
    return found[0] if found is not None else None
