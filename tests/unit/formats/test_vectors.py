"""Published examples and our own: what every implementation must make of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.faults import MessageError

VECTORS = Path(__file__).resolve().parents[3] / "vectors"
PUBLISHED = [
    vector
    for line in (VECTORS / "nlets-examples.jsonl").read_text("utf-8").splitlines()
    if (vector := json.loads(line))["format"] == "legacy" and not vector["truncated"]
]
QUERIES = json.loads((VECTORS / "formats/queries.json").read_text("utf-8"))["cases"]


def title(vector: dict[str, str]) -> str:
    """The section that an example is printed in."""
    return vector["section"]


@pytest.mark.parametrize("vector", [v for v in PUBLISHED if v["direction"] == "output"], ids=title)
def test_published_deliveries(vector: dict[str, str]) -> None:
    """Each delivered message that is published in full is written again byte for byte."""
    data = vector["raw"].encode()
    delivery = text_format.parse_delivery(data)
    assert delivery.key == vector["key"]
    assert text_format.render_delivery(delivery) == data
    if delivery.key == "ER":
        fault = text_format.parse_error(delivery.text)
        assert (fault.er, len(fault.options)) == (".22.", 1)


@pytest.mark.parametrize("vector", [v for v in PUBLISHED if v["direction"] == "input"], ids=title)
def test_published_queries(vector: dict[str, str]) -> None:
    """Each message that asks is read and written again, or rejected as the publication says."""
    data = vector["raw"].encode()
    expected = re.match(r"reject: ER (\.?[0-9]+\.?)", vector.get("expect", ""))
    if expected is None:
        query = text_format.parse_query(data)
        assert query.key == vector["key"]
        assert text_format.render_query(query) == data
        return
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(data)
    assert refused.value.fault.er == expected[1]


@pytest.mark.parametrize("name", ["RQ", "YQ"])
def test_published_errors_are_ours(name: str) -> None:
    """A published rejection is made again from the published input, up to where the echo is cut."""
    (sample,) = [v for v in PUBLISHED if v["key"] == "ER" and f"\n{name}." in v["raw"]]
    (rejected,) = [v for v in PUBLISHED if v["key"] == name]
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(rejected["raw"].encode())
    body = text_format.render_error_text(refused.value.fault)
    printed = text_format.parse_delivery(sample["raw"].encode()).text
    assert printed.startswith(body)
    assert body.partition("ORIGINAL MESSAGE\n")[2] == rejected["raw"][:100]


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case["id"])
def test_queries(case: dict[str, object]) -> None:
    """Each text is read as its JSON, or refused with its number and code."""
    data = str(case["text"]).encode("latin-1")
    if "json" in case:
        query = text_format.parse_query(data)
        assert msgspec.json.decode(json_format.render_query(query)) == case["json"]
        assert json_format.parse_query(msgspec.json.encode(case["json"])) == query
        return
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(data)
    fault = refused.value.fault
    assert {"er": fault.er, "code": fault.code, "options": list(fault.options)} == case["error"]
