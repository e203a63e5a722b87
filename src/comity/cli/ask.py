"""`comity ask`: one question on an agency's line: the outcome, the record, what proves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
import typer

from comity.app import host_keys
from comity.audit.notes import read_vkey
from comity.cli.asking import (
    Outcome,
    ask_line,
    destination_code,
    exit_of_outcome,
    overall_response,
    states_asked,
)
from comity.cli.errors import ExitCode
from comity.cli.messages import Form
from comity.cli.network import DataDir, connect_line, practice_agency, settings_of, speaker_of
from comity.cli.receipts import check_proofs
from comity.cli.showing import Checks, outcome_document, show_outcome
from comity.cli.terminal import AsJson, facts_console, print_json
from comity.domain.ids import Member, parse_ori
from comity.domain.keys import parse_message_key
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.faults import MessageError
from comity.formats.rules import check_query
from comity.ledger.note import encode_vkey
from comity.roles.settings import Settings

__all__ = ["app"]

_WAIT_S: Final = 30.0
_UNKNOWN: Final = parse_ori("X" * 9)
"""Stands for the agency until a line named by itself has said for whom it may speak."""

app = typer.Typer(add_completion=False)


_Key = Annotated[str, typer.Argument(metavar="KEY", help="Message key: DQ, RQ or KQ.")]
_To = Annotated[
    list[str], typer.Option("--to", metavar="DEST", help="State, region or NL; may be repeated.")
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
_Image = Annotated[bool, typer.Option("--image", help="Ask for the photo too.")]
_Emergency = Annotated[bool, typer.Option("--emergency", help="Declare a threat to life.")]
_Wait = Annotated[
    float, typer.Option("--wait", metavar="S", min=0.1, max=3_600, help="Seconds to wait at most.")
]
_Final = Annotated[
    bool, typer.Option("--final", help="Wait until no more follows, also after a hold.")
]
_Form = Annotated[Form, typer.Option("--form", help="Format to ask in.")]


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, and whether for the last word of every state."""

    seconds: float
    until_final: bool


class _Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a question came to, with each state's proofs checked."""

    outcome: Outcome
    checks: Checks
    practice: bool


@app.command()
def ask(
    key: _Key,
    *,
    to: _To,
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
    image: _Image = False,
    emergency: _Emergency = False,
    wait: _Wait = _WAIT_S,
    final: _Final = False,
    form: _Form = Form.JSON,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask a state, several or all; prints the outcome first.

    What is not stated counts as not stated: nothing is filled in. Ends with 0 for a record or for
    no record, 3 if refused, 4 if held, 75 if not answered, 2 if the message is malformed, 5 if a
    receipt does not verify.
    """
    speaker = speaker_of(who)
    query = Query(
        key=parse_message_key(key.upper()),
        origin=speaker.agency.ori if speaker.agency is not None else _UNKNOWN,
        destinations=tuple(destination_code(code) for part in to for code in part.split(",")),
        fields=_fields(
            OLN=oln,
            NAM=name,
            DOB=dob.replace("-", ""),
            SEX=sex,
            LIC=plate,
            LIY=plate_year,
            LIT=plate_type,
            VIN=vin,
            IMQ="Y" if image else "",
        ),
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
    waiting = _Waiting(seconds=wait, until_final=final)
    raise typer.Exit(_run(settings_of(data), speaker.line, query, form, waiting, as_json=as_json))


def _fields(**said: str) -> tuple[tuple[str, str], ...]:
    """Return the fields of a query that were given, in capitals, in the order of the message."""
    return tuple((prefix, value.upper()) for prefix, value in said.items() if value)


def _run(
    settings: Settings,
    line: str,
    query: Query,
    form: Form,
    waiting: _Waiting,
    *,
    as_json: bool,
) -> ExitCode:
    # What the gateway would refuse for its form is refused here, with the same fault.
    check_query(query)

    def show(heard: _Heard) -> None:
        outcome, checks, practice = heard.outcome, heard.checks, heard.practice
        if as_json:
            print_json(outcome_document(outcome, checks, practice=practice))
        else:
            show_outcome(facts_console(), outcome, checks, practice=practice)

    return asyncio.run(_ask(settings, line, query, form, waiting, show=show))


async def _ask(
    settings: Settings,
    line: str,
    query: Query,
    form: Form,
    waiting: _Waiting,
    *,
    show: Callable[[_Heard], None],
) -> ExitCode:
    client = await connect_line(settings, line)
    try:
        hello = await client.hello()
        if query.origin == _UNKNOWN:
            query = msgspec.structs.replace(query, origin=parse_ori(hello.oris[0]))
        outcome = await ask_line(
            client,
            query,
            form.value,
            expected=states_asked(query.destinations, _listing_member),
            wait_s=waiting.seconds,
            until_final=waiting.until_final,
        )
        if outcome.fault is not None:
            raise MessageError(outcome.fault)
        host = read_vkey(encode_vkey(host_keys(settings)))
        checks = {said.state: check_proofs(said.proofs, host) for said in outcome.answers}
        show(_Heard(outcome=outcome, checks=checks, practice=hello.practice))
        client.take(outcome.last_delivery)
        if not all(check.verified for state in checks.values() for check in state):
            return ExitCode.UNVERIFIED
        return exit_of_outcome(overall_response(outcome))
    finally:
        client.close()


def _listing_member(ori: str) -> Member | None:
    found = practice_agency(ori)
    return found[0] if found is not None else None
