"""Tests for one message as one JSON document, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from comity.cli.main import app
from comity.cli.messages import Form, bytes_of, document_of
from comity.domain.answer import Merged
from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI, Member, QueryId
from comity.domain.keys import MessageKey
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError
from comity.formats.niem import render_delivered
from comity.formats.text import render_delivery as render_text_delivery
from tests.support.answers import SAMPLES

ROOT = Path(__file__).resolve().parents[3]
VECTORS = [
    json.loads(line) for line in (ROOT / "vectors/nlets-examples.jsonl").read_text().splitlines()
]
TEXTS = [v for v in VECTORS if v["format"] == "legacy"]
GOOD = [v for v in TEXTS if "expect" not in v]
BAD = [v for v in TEXTS if "expect" in v]
XML = [v for v in VECTORS if v["format"] == "xml"]
RUNNER = CliRunner()


def parse(raw: bytes, *options: str) -> tuple[int, dict[str, Any]]:
    """Run `comity parse` on these bytes."""
    result = RUNNER.invoke(app, ["parse", *options], input=raw)
    return result.exit_code, json.loads(result.stdout)


def name(vector: dict[str, Any]) -> str:
    """How a vector is shown."""
    return str(vector["section"])


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_vector_survives_parse_and_render(vector: dict[str, Any]) -> None:
    """Each published text is read, written again and read as the same document."""
    code, document = parse(vector["raw"].encode())
    assert code == 0
    assert (document["key"], document["direction"]) == (vector["key"], vector["direction"])
    written = RUNNER.invoke(app, ["render", "--to", "text"], input=json.dumps(document))
    assert written.exit_code == 0
    assert document_of(written.stdout_bytes) == document


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_vector_survives_the_other_format(vector: dict[str, Any]) -> None:
    """Each published text keeps header and fields through JSON."""
    document = document_of(vector["raw"].encode())
    through = document_of(bytes_of(document, Form.JSON))
    assert through["format"] == "json"
    kept = {n: v for n, v in document.items() if n not in {"format", "meaning"}}
    assert {n: v for n, v in through.items() if n != "format"} == kept


@pytest.mark.parametrize("vector", BAD, ids=name)
def test_malformed_vector_says_its_number(vector: dict[str, Any]) -> None:
    """A published example of a rejected message ends with exit code 2 and the network's number."""
    code, document = parse(vector["raw"].encode())
    assert code == 2
    assert set(document["error"]) >= {"code", "text", "er"}
    assert f"ER {document['error']['er']}" in vector["expect"]


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_vector_survives_xml(vector: dict[str, Any]) -> None:
    """Each published text keeps header, fields and meaning through XML."""
    document = document_of(vector["raw"].encode())
    through = document_of(bytes_of(document, Form.NIEM))
    assert through["format"] == "niem"
    for member in {*document, *through} - {"format", "fields"}:
        assert through.get(member) == document.get(member)
    assert through.get("fields", {}) == document.get("fields", {})


@pytest.mark.parametrize("vector", XML, ids=name)
def test_published_xml_is_read_or_refused_as_xml(vector: dict[str, Any]) -> None:
    """Each published XML message is known by its first byte; one that is cut off is malformed."""
    code, document = parse(vector["raw"].encode())
    if vector["truncated"]:
        assert (code, document["error"]["code"]) == (2, "xml-malformed")
        assert document["error"]["er"] == ".03."
        return
    assert (code, document["format"], document["key"]) == (0, "niem", vector["key"])
    written = RUNNER.invoke(app, ["render", "--to", "niem"], input=json.dumps(document))
    assert written.exit_code == 0
    assert document_of(written.stdout_bytes) == document


@pytest.mark.parametrize("sample", ["hit-part-refused", "held"])
def test_answer_survives_xml(sample: str) -> None:
    """An answer, alone and among those of many states, comes back from XML as it was."""
    stamp = Stamp(time="08:00", date="01/01/2026", count=1)
    delivery = Delivery(
        key=MessageKey("DR"), origin=ORI("WAOLN0000"), received=stamp, sent=stamp,
        destination=ORI("ORWSP0000"), text="WA: HELD FOR REVIEW",
    )  # fmt: skip
    answer = SAMPLES[sample]
    merged = Merged(
        query_id=QueryId(bytes(16)), key=answer.key, asked=(answer.state, Member("nv")),
        answers=(answer,),
    )  # fmt: skip
    for delivered in (
        Delivered(delivery=delivery, answer=answer),
        Delivered(delivery=delivery, merged=merged),
    ):
        data = render_delivered(delivered)
        document = json.loads(json.dumps(document_of(data)))
        assert bytes_of(document, Form.NIEM) == data


def test_what_xml_cannot_say_alone_is_refused() -> None:
    """An answer or a fault without a header has no form in XML, nor have many answers in JSON."""
    header = document_of(
        b"DR.WAOLN0000\n08:00 01/01/2026 00001\n08:00 01/01/2026 00002 TXPX001PD\nTXT"
    )
    for document, form in (
        ({"answer": {}}, Form.NIEM),
        ({"fault": {}}, Form.NIEM),
        ({**header, "merged": {}}, Form.NIEM),
        ({**header, "merged": {}}, Form.JSON),
    ):
        with pytest.raises(MessageError) as refused:
            bytes_of(document, form)
        assert refused.value.fault.code == "json-schema"


def test_error_message_tells_its_meaning() -> None:
    """An ER's number, options and original stand beside its text."""
    raw = next(v["raw"] for v in GOOD if v["key"] == "ER")
    meaning = document_of(raw.encode())["meaning"]
    assert meaning["fault"]["er"] == ".22."
    assert meaning["fault"]["options"] == ["LIC, LIY, LIT"]


def test_answer_tells_its_meaning() -> None:
    """An answer of a gateway is read class by class; a bare phrase only as its outcome."""
    head = "DR.WAOLN0000\n08:00 01/01/2026 00001\n08:00 01/01/2026 00002 TXPX001PD\nTXT\n"
    ours = document_of(f"{head}WA: NOT ON FILE\nPOLICY WA/77\nLEDGER WA/124".encode())
    assert ours["meaning"]["answer"]["response"] == "no_hit"
    other = document_of(f"{head}OLN/X NOT ON FILE AT THIS TIME".encode())
    assert other["meaning"] == {"response": "no_hit"}
    opaque = document_of(f"{head}SEE ATTACHED".encode())
    assert "meaning" not in opaque


@pytest.mark.parametrize("key", ["AM", "QZ"])
def test_free_text_may_begin_with_a_clock(key: str) -> None:
    """A message that asks is not taken for a delivered one because its text names a time."""
    raw = f"{key}.ORWSP0000.WA.TXT\n10:35 11/24/2026 SEEN ON THE BRIDGE".encode()
    document = document_of(raw)
    assert document["direction"] == "input"
    assert bytes_of(document, Form.TEXT) == raw


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"key": 1}', b"", b"\xff\xfe", b"{" * 4_000])
def test_anything_else_is_refused(data: bytes) -> None:
    """Bytes that are no message are refused with a fault, whatever format they look like."""
    with pytest.raises(MessageError):
        document_of(data)


def test_longest_text_is_written_again_in_text_only() -> None:
    """A text at its limit is printed and comes back of it; as JSON it is refused as too long."""
    raw = b"AM.ORWSP0000.WA.TXT\nA" + b"\nA" * 8_000
    document = document_of(raw)
    assert document_of(bytes_of(document, Form.TEXT)) == document
    with pytest.raises(MessageError) as refused:
        bytes_of(document, Form.JSON)
    assert refused.value.fault.code == "message-too-long"


def test_longest_delivery_is_written_again_in_text_only() -> None:
    """The same holds for what is delivered."""
    delivery = Delivery(
        key=MessageKey("AM"),
        origin=ORI("TXPX001PD"),
        received=Stamp(time="10:00", date="11/26/2026", count=1),
        sent=Stamp(time="10:00", date="11/26/2026", count=2),
        destination=ORI("ORWSP0000"),
        control=None,
        text="A" + "\nA" * 500_000,
    )
    document = document_of(render_text_delivery(delivery))
    assert document_of(bytes_of(document, Form.TEXT)) == document
    with pytest.raises(MessageError) as refused:
        bytes_of(document, Form.JSON)
    assert refused.value.fault.code == "message-too-long"


def test_render_refuses_what_parse_never_prints() -> None:
    """A document without a header is refused with exit code 2."""
    result = RUNNER.invoke(app, ["render", "--to", "text"], input="{}")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "json-schema"
    result = RUNNER.invoke(app, ["render", "--to", "json"], input="[]")
    assert result.exit_code == 2


def test_format_can_be_forced() -> None:
    """`--format` reads what auto would take for another format."""
    code, document = parse(b"DQ.ORWSP0000.WA.TXT\nOLN/A1", "--format", "json")
    assert (code, document["error"]["code"]) == (2, "json-malformed")
