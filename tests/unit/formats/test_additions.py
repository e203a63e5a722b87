"""What a requester may say in text beyond the message, and what it may not."""

from __future__ import annotations

import pytest

from comity.domain.query import NO_CLAIMS, Claims
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose, terms
from comity.formats.faults import MessageError
from comity.formats.text import parse_query, render_query

DQ = b"DQ.ORWSP0000.WA.TXT\nOLN/DOE00J123"


def refusal(data: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Number, code and options with which a message is refused."""
    with pytest.raises(MessageError) as refused:
        parse_query(data)
    fault = refused.value.fault
    return fault.er, fault.code, fault.options


def test_all_seven() -> None:
    """Each of the seven stands for its claim, and none stays among the fields."""
    data = DQ + b".ZPU/CRI.ZCA/26-0117.ZOF/CEX.ZIN/A3W.ZIR/USDC-OR-26-MC-88.ZOP/OP4471.ZEM/YES"
    query = parse_query(data)
    assert query.fields == (("OLN", "DOE00J123"),)
    assert query.claims == Claims(
        purpose=Purpose.CRIMINAL_INVESTIGATION,
        case_number="26-0117",
        offence=Offence.CHILD_EXPLOITATION,
        instrument=Instrument.ARTICLE_III_WARRANT,
        instrument_ref="USDC-OR-26-MC-88",
        operator="OP4471",
        emergency=Emergency.DECLARED,
    )
    assert render_query(query) == data
    assert render_query(query, additions=False) == DQ


def test_nothing_said_is_no_claim() -> None:
    """A reason code and a purpose code of the network's own fill in no claim."""
    query = parse_query(b"KQ.ORWSP0000.WA.TXT\nRSN/N.PUR/C.ATN/DOE.OLN/1")
    assert query.claims is NO_CLAIMS


@pytest.mark.parametrize("kind", [Purpose, Offence, Instrument])
def test_every_wire_code(kind: type[Purpose | Offence | Instrument]) -> None:
    """Each code that a vocabulary sends is read as its value; what is not stated has none."""
    prefix = {Purpose: "ZPU", Offence: "ZOF", Instrument: "ZIN"}[kind]
    name = {Purpose: "purpose", Offence: "offence", Instrument: "instrument"}[kind]
    for value, row in terms(kind).items():
        if row.wire:
            query = parse_query(DQ + f".{prefix}/{row.wire}".encode())
            assert getattr(query.claims, name) is value
        else:
            assert value == "not_stated"


@pytest.mark.parametrize(
    ("additions", "code"),
    [
        (b".ZPU/XXX", "addition-value-unknown"),
        (b".ZPU/not_stated", "addition-value-unknown"),
        (b".ZEM/Y", "addition-value-unknown"),
        (b".ZXX/1", "addition-unknown"),
        (b".Z/1", "addition-unknown"),
        (b".ZPU/", "addition-malformed"),
        (b".ZCA/26 0117", "addition-malformed"),
        (b".ZCA/123456789012345678901", "addition-malformed"),
        (b".ZIR/123456789012345678901234567890123", "addition-malformed"),
        (b".ZOP/12345678901234567", "addition-malformed"),
        (b".ZPU/CRI.ZPU/CRI", "field-repeated"),
        (b".ZPU/CRI.IMQ/Y", "addition-not-last"),
    ],
)
def test_out_of_form(additions: bytes, code: str) -> None:
    """A mistyped addition is an error with a code: it never chooses a rule."""
    assert refusal(DQ + additions)[:2] == (".22.", code)


def test_the_codes_are_listed() -> None:
    """Who mistyped a code is told those that there are."""
    assert refusal(DQ + b".ZEM/Y")[2] == ("ZEM: NO YES",)


def test_behind_free_text() -> None:
    """Behind a free text, additions are a last line of their own."""
    data = b"AM.ORWSP0000.WA.TXT\nBLUE SEDAN. SEEN AT 10.\nZPU/MIS.ZEM/YES"
    query = parse_query(data)
    assert query.fields == (("", "BLUE SEDAN. SEEN AT 10."),)
    assert query.claims == Claims(
        purpose=Purpose.MISSING_OR_ENDANGERED, emergency=Emergency.DECLARED
    )
    assert render_query(query) == data


def test_alone_behind_no_text() -> None:
    """A message without text may still say why."""
    data = b"AM.ORWSP0000.WA.TXT\nZPU/CRT"
    query = parse_query(data)
    assert (query.fields, query.claims.purpose) == ((), Purpose.COURT)
    assert render_query(query) == data


@pytest.mark.parametrize("text", ["ZIP/98101", "ZEBRA CROSSING", "SEE ZPU/CRI"])
def test_free_text_that_begins_with_z(text: str) -> None:
    """Only a last line that begins with one of the seven is read as additions."""
    query = parse_query(f"AM.ORWSP0000.WA.TXT\n{text}".encode())
    assert (query.value(""), query.claims) == (text, NO_CLAIMS)


def test_free_text_that_looks_like_additions() -> None:
    """A last line that begins like additions and is none is refused, not guessed."""
    assert refusal(b"AM.ORWSP0000.WA.TXT\nHELLO\nZPU/CRIMES")[:2] == (
        ".22.",
        "addition-value-unknown",
    )
    two = b"AM.ORWSP0000.WA.TXT\nZCA/1\nZPU/CRI"
    assert refusal(two)[:2] == (".22.", "addition-malformed")
