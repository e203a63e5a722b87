"""Card payloads and what every implementation must make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.domain.ids import parse_ori
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.aamva import AskBy, Card, is_card, parse_card, query_of_card
from comity.formats.faults import MessageError

VECTORS = json.loads(
    (Path(__file__).resolve().parents[4] / "vectors/formats/cards.json").read_text("utf-8")
)
CASES = {case["id"]: case for case in VECTORS["cases"]}
ORIGIN = parse_ori("TXPX001PD")


def payload_of(case: dict[str, Any]) -> bytes:
    """The bytes of a case."""
    return str(case["payload"]).encode(case.get("encoding", "latin-1"))


def name(case: dict[str, Any]) -> str:
    """A case's stable id."""
    return str(case["id"])


@pytest.mark.parametrize("case", CASES.values(), ids=name)
def test_payloads(case: dict[str, Any]) -> None:
    """Each payload is read as its card, as the card that it was before a scanner, or refused."""
    data = payload_of(case)
    if "error" in case:
        with pytest.raises(MessageError) as refused:
            parse_card(data)
        fault = refused.value.fault
        assert {"er": fault.er, "code": fault.code} == case["error"]
        return
    card = parse_card(data)
    assert is_card(data)
    if "same_as" in case:
        assert card == parse_card(payload_of(CASES[case["same_as"]]))
    else:
        assert card == msgspec.convert(case["card"], Card)


@pytest.mark.parametrize("case", VECTORS["queries"], ids=name)
def test_queries(case: dict[str, Any]) -> None:
    """A card's query is the one that text and JSON carry, or is refused."""
    card = parse_card(payload_of(CASES[case["card_of"]]))
    asks = {**case["asks"], "by": AskBy(case["asks"].get("by", "number"))}
    if "error" in case:
        with pytest.raises(MessageError) as refused:
            query_of_card(card, origin=ORIGIN, **asks)
        fault = refused.value.fault
        assert {"er": fault.er, "code": fault.code} == case["error"]
        return
    query = query_of_card(card, origin=ORIGIN, **asks)
    assert query == text_format.parse_query(case["text"].encode())
    assert query == json_format.parse_query(msgspec.json.encode(case["json"]))
