"""Tests for one message as one JSON document, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from comity.cli.main import app
from comity.cli.messages import Form, bytes_of, document_of
from comity.formats.faults import MessageError

ROOT = Path(__file__).resolve().parents[3]
VECTORS = [
    json.loads(line) for line in (ROOT / "vectors/nlets-examples.jsonl").read_text().splitlines()
]
TEXTS = [v for v in VECTORS if v["format"] == "legacy"]
GOOD = [v for v in TEXTS if "expect" not in v]
BAD = [v for v in TEXTS if "expect" in v]
FOREIGN = [v for v in VECTORS if v["format"] != "legacy"]
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


@pytest.mark.parametrize("vector", FOREIGN, ids=name)
def test_foreign_format_is_named(vector: dict[str, Any]) -> None:
    """What is in a format that is not read is refused as such, not as a broken text."""
    code, document = parse(vector["raw"].encode())
    assert code == 2
    assert document["error"]["code"] == "format-not-read"


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


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"key": 1}', b"", b"\xff\xfe", b"{" * 4_000])
def test_anything_else_is_refused(data: bytes) -> None:
    """Bytes that are no message are refused with a fault, whatever format they look like."""
    with pytest.raises(MessageError):
        document_of(data)


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
