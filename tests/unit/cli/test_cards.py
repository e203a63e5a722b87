"""Tests for scanned cards: what `parse` prints of one, and what `ask` asks by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from comity.cli.cards import query_by_card
from comity.cli.errors import UsageError
from comity.cli.main import app
from comity.domain.ids import parse_ori
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Purpose
from comity.formats.aamva import AskBy
from comity.formats.faults import MessageError

RUNNER = CliRunner()
VECTORS = json.loads(
    (Path(__file__).resolve().parents[3] / "vectors/formats/cards.json").read_text("utf-8")
)
CASES = {case["id"]: case for case in VECTORS["cases"]}
TEXAS, CANADA = (CASES[name]["payload"].encode("latin-1") for name in ("CD-110", "CD-114"))
TYPED = Query(
    key=MessageKey("DQ"),
    origin=parse_ori("TXPX001PD"),
    destinations=(),
    claims=Claims(purpose=Purpose.TRAFFIC_SAFETY),
)


def parse(raw: bytes, *options: str) -> tuple[int, dict[str, Any]]:
    """Run `comity parse` on these bytes."""
    result = RUNNER.invoke(app, ["parse", *options], input=raw)
    return result.exit_code, json.loads(result.stdout)


def typed(*fields: tuple[str, str], to: tuple[str, ...] = ()) -> Query:
    """What the options of `comity ask` say beside the card."""
    return Query(
        key=TYPED.key, origin=TYPED.origin, destinations=to, fields=fields, claims=TYPED.claims
    )


@pytest.fixture
def card(tmp_path: Path) -> str:
    """A scanned card's file."""
    path = tmp_path / "card.txt"
    path.write_bytes(TEXAS)
    return str(path)


@pytest.mark.parametrize("options", [(), ("--format", "aamva")])
def test_card_is_printed(options: tuple[str, ...]) -> None:
    """A card is known by how it begins: its header, fields and elements are printed."""
    code, document = parse(TEXAS, *options)
    assert (code, document["format"]) == (0, "aamva")
    assert document["header"] == {
        "version": 10,
        "jurisdiction_version": 1,
        "issuer": "636015",
        "jurisdiction": "Texas",
        "member": "tx",
        "destination": "TX",
    }
    assert document["fields"]["number"] == "90210077"
    assert document["fields"]["born_on"] == "1980-02-29"
    assert document["elements"][0] == {
        "id": "DAQ",
        "label": "licence number",
        "value": "90210077",
    }


def test_card_of_nobody_here() -> None:
    """A card that no member issued has neither member nor destination."""
    header = parse(CANADA)[1]["header"]
    assert (header["jurisdiction"], header["member"], header["destination"]) == (
        "Ontario",
        None,
        None,
    )


def test_malformed_card_says_its_code() -> None:
    """A malformed card ends with 2, a code and a number of the network."""
    code, document = parse(CASES["CD-308"]["payload"].encode("latin-1"))
    assert (code, document["error"]["code"]) == (2, "card-element-repeated")
    assert document["error"]["er"] == "0"
    code, document = parse(b"DQ.ORWSP0000.WA.TXT\nOLN/1", "--format", "aamva")
    assert (code, document["error"]["code"]) == (2, "card-header-malformed")


def test_ask_by_number(card: str) -> None:
    """By number the query goes to the card's issuer and keeps what was claimed."""
    query = query_by_card(card, AskBy.NUMBER, typed())
    assert (query.destinations, query.fields) == (("TX",), (("OLN", "90210077"),))
    assert query.claims == TYPED.claims


def test_ask_by_name_elsewhere(card: str) -> None:
    """By name, with the photo, a query may go to other states than the issuer."""
    query = query_by_card(card, AskBy.NAME, typed(("IMQ", "Y"), to=("OH", "WA")))
    assert query.destinations == ("OH", "WA")
    assert [prefix for prefix, _ in query.fields] == ["NAM", "DOB", "SEX", "IMQ"]


def test_card_and_typed_values(card: str) -> None:
    """What the card says may not be typed too: it would not be certain what was asked."""
    with pytest.raises(UsageError):
        query_by_card(card, AskBy.NUMBER, typed(("OLN", "1")))
    result = RUNNER.invoke(app, ["ask", "DQ", "--card", card, "--oln", "1"])
    assert result.exit_code == 2


def test_card_that_is_refused(tmp_path: Path) -> None:
    """A card that cannot be asked by is refused before any network is looked for."""
    path = tmp_path / "card.txt"
    path.write_bytes(CANADA)
    with pytest.raises(MessageError) as refused:
        query_by_card(str(path), AskBy.NUMBER, typed())
    assert refused.value.fault.code == "card-issuer-elsewhere"
    result = RUNNER.invoke(app, ["ask", "DQ", "--card", str(path)])
    assert (result.exit_code, "card-issuer-elsewhere" in result.stderr) == (2, True)


def test_ask_needs_a_destination() -> None:
    """Without a card, a destination has to be said."""
    result = RUNNER.invoke(app, ["ask", "DQ", "--oln", "1"])
    assert result.exit_code == 2
    assert "(usage)" in result.stderr
