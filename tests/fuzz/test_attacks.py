"""Attacks by name, on every format that they apply to: each is refused, or comes through unharmed.

Each input is held to its fuzz target's equation, so that a refusal has its code and says nothing of
what was sent. What is special to XML stands in `tests/unit/formats/test_niem_attacks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError
from comity.formats.json.delivered import parse_delivered, render_delivered
from comity.front.http.problems import ProblemError
from comity.front.http.requests import location_of, parse_key
from comity.services.forms import MessageRefusedError, Stamps, parse_message, render_error
from tests.fuzz import seeds
from tests.fuzz.mutate import BROKEN_UTF8
from tests.fuzz.target import READ
from tests.fuzz.targets import TARGETS
from tests.unit.formats.test_delivered import DELIVERY

TEN_MEGABYTES = 10_000_000
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)
FETCHING = b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


def outcome(name: str, data: bytes) -> str:
    """What a target makes of an input, its equation held."""
    return TARGETS[name].check(data)


XML_READERS = ["niem-query", "niem-delivery", "document", "line"]


@pytest.mark.parametrize("name", XML_READERS)
@pytest.mark.parametrize("bomb", [LAUGHS, FETCHING, LAUGHS + b"<a>&j;</a>"])
def test_entity_bomb(name: str, bomb: bytes) -> None:
    """Entities are refused before anything could grow or be fetched."""
    for message in (*seeds.niem_queries()[:1], *seeds.niem_deliveries()[:1], b""):
        assert outcome(name, bomb + message) == "xml-forbidden"


@pytest.mark.parametrize("name", ["text-query", "json-query", "text-delivery", "json-delivery"])
def test_entity_bomb_where_there_are_no_entities(name: str) -> None:
    """To other formats, entities are letters: as a message they are none, in a text they stay."""
    assert outcome(name, LAUGHS) not in {READ, "xml-forbidden"}
    query = text_form.parse_query(b"AM.ORWSP0000.WA.TXT\n" + LAUGHS)
    assert query.value("") == LAUGHS.decode()
    assert niem_form.parse_query(niem_form.render_query(query)) == query


CODE_OF_LONG = {
    "text-query": "message-too-long",
    "json-query": "message-too-long",
    "niem-query": "message-too-long",
    "text-delivery": "message-too-long",
    "json-delivery": "message-too-long",
    "json-answer": "message-too-long",
    "json-merged": "message-too-long",
    "json-fault": "message-too-long",
    "niem-delivery": "message-too-long",
    "line": "message-too-long",
    "answer-text": "answer-text-foreign",
    "card": "card-too-long",
    "part": "part-malformed",
    "signed-part": "part-malformed",
    "csv-table": "table-malformed",
    "toml-table": "table-malformed",
    "trust-root": "trust-root-malformed",
    "parcel": "parcel-too-large",
    "envelope": "envelope-too-large",
    "command": "command-too-large",
    "policy": "policy-limit",
    "calendar": "calendar-malformed",
    "delay-limits": "delay-limits-malformed",
    "notices": "notices-file-malformed",
    "recipient": "letter-refused",
}


@pytest.mark.parametrize("name", CODE_OF_LONG)
def test_body_of_ten_megabytes(name: str) -> None:
    """A body of 10 MB is refused, and for its size where its format has one of its own."""
    seed = TARGETS[name].mutator.seeds[0]
    for filler in (b" ", b"A"):
        assert outcome(name, seed + filler * TEN_MEGABYTES) == CODE_OF_LONG[name]


DEEP = 100_000
NESTS: dict[str, list[bytes]] = {
    "json": [b"[" * DEEP, b'{"key":' * DEEP, b"[" * 8_000 + b"]" * 8_000],
    "msgpack": [b"\x01" + b"\x91" * DEEP, b"\x01" + b"\x81\xa1a" * DEEP],
    "xml": [b"<a>" * 5_000, b"<a>" * 2_000 + b"</a>" * 2_000, b"<a>" * DEEP],
    "toml": [b"a = " + b"[" * DEEP, b"a" + b".a" * 20_000 + b" = 1", b"a = " + b"{a = " * DEEP],
}
READERS = {
    "json": [
        "json-query", "json-delivery", "json-answer", "json-merged", "json-fault", "document",
        "line", "part", "signed-part", "source", "policy", "ledger", "audit", "certificate",
    ],
    "msgpack": ["parcel", "command", "contents", "evidence"],
    "xml": XML_READERS,
    "toml": ["toml-table", "calendar", "notices"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in READERS.items() for n in names])
def test_deep_nesting(kind: str, name: str) -> None:
    """Values nested as deep as a message is long are refused, wherever they stand."""
    for nest in NESTS[kind]:
        assert outcome(name, nest) != READ
    if kind == "json":
        for seed in TARGETS[name].mutator.seeds[:3]:
            for place in (b'{"more":', b'{"key":', b'{"delivery":', b'{"results":'):
                outcome(name, place + b"[" * 8_000 + b"]" * 8_000 + b"," + seed[1:])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("broken", BROKEN_UTF8)
def test_broken_utf8(name: str, broken: bytes) -> None:
    """Bytes that are no UTF-8, anywhere in a message, are a value or a refusal: never an end."""
    for seed in TARGETS[name].mutator.seeds[:4]:
        for place in (0, len(seed) // 3, len(seed) // 2, len(seed)):
            outcome(name, seed[:place] + broken + seed[place:])


@pytest.mark.parametrize("broken", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_broken_utf8_in_a_value(broken: bytes) -> None:
    """A value of broken UTF-8 is refused as what it is, in each format of a query."""
    assert outcome("text-query", b"DQ.ORWSP0000.WA.TXT\nOLN/A" + broken) == "message-not-ascii"
    said = json_form.render_query(text_form.parse_query(b"DQ.ORWSP0000.WA.TXT\nOLN/AB"))
    assert outcome("json-query", said.replace(b"AB", broken)) == "json-malformed"
    said = niem_form.render_query(json_form.parse_query(said))
    assert outcome("niem-query", said.replace(b">AB<", b">" + broken + b"<")) == "xml-malformed"


def test_duplicate_fields() -> None:
    """A field that stands twice is refused in every format, however it is spelled."""
    text = b"DQ.ORWSP0000.WA.TXT\nOLN/A.OLN/B"
    assert outcome("text-query", text) == "field-repeated"
    assert outcome("text-query", b"DQ.ORWSP0000.WA.TXT\nOLN/A.ZCA/1.ZCA/1") == "field-repeated"
    query = text_form.parse_query(b"DQ.ORWSP0000.WA.TXT\nOLN/FIRST")
    said = niem_form.render_query(query)
    start, end = said.index(b"<n2:Person>"), said.index(b"</n2:Person>") + len(b"</n2:Person>")
    assert outcome("niem-query", said[:end] + said[start:end] + said[end:]) != READ
    said = json_form.render_query(query)
    for again in (b"oln", b"OLN", b"O\\u004cN"):
        twice = said.replace(b'"OLN"', b'"' + again + b'":"SECOND","OLN"')
        assert outcome("json-query", twice) == "field-repeated"
    for name in ("part", "signed-part", "policy"):
        seed = TARGETS[name].mutator.seeds[0]
        member, _, _ = seed[1:].partition(b",")
        assert outcome(name, b"{" + member + b"," + seed[1:]) != READ


INJECTIONS = [
    "A.TXT", "A\nTXT\nX", "A\r\nTXT", "*A", "A\n*B", "]]>", "</nh2:X>", '"', "\\", "A\x00B",
    "\u2028", "A\u0085B", "TXT", ".TXT", "\nER.NL00", "&#10;", "\x1b[2J",
]  # fmt: skip


def in_json(control: str) -> bytes:
    """A JSON query with this control field, whatever it is."""
    return json.dumps(
        {
            "key": "AM",
            "origin": "ORWSP0000",
            "destinations": ["WA"],
            "control": control,
            "body": "TEXT",
        }
    ).encode()


@pytest.mark.parametrize("control", INJECTIONS)
def test_header_injection_through_the_control_field(control: str) -> None:
    """A control field cannot end its line, its header or its element, in any format, either way."""
    assert outcome("json-query", in_json(control)) in {READ, "control-malformed"}
    assert outcome("line", in_json(control)) in {READ, "control-malformed"}
    delivery = msgspec.structs.replace(DELIVERY, control=control)
    back = text_form.parse_delivery(text_form.render_delivery(delivery))
    assert (back.key, back.destination, back.text) == (
        DELIVERY.key,
        DELIVERY.destination,
        DELIVERY.text,
    )
    assert text_form.render_delivery(delivery).count(b"\n") == 5


@pytest.mark.parametrize("control", INJECTIONS)
def test_an_error_message_injects_nothing(control: str) -> None:
    """The error message for a refused message is one message, in text, JSON and XML."""
    refusals = 0
    text = f"AM.ORWSP0000.WA.*{control}.TXT\nTEXT".encode("latin-1", "replace")
    for data in (in_json(control).replace(b'"AM"', b'"ZZZ0"'), text):
        try:
            parse_message(data, ("ORWSP0000",))
        except MessageRefusedError as error:
            written = render_error(error, Stamps(received=1, sent=2, at=0), DELIVERY.origin)
            refusals += 1
            assert outcome("document", written) == READ
    assert refusals


@pytest.mark.parametrize(
    "reader", [text_form.parse_query, json_form.parse_query, niem_form.parse_query]
)
@pytest.mark.parametrize("name", ["DOE,JANE\n.OLN/X", "DOE,J.DOB/1", "DOE,J</nc:X>", 'DOE,J"}'])
def test_injection_through_a_name(reader: Callable[[bytes], object], name: str) -> None:
    """A name cannot bring another field, element or member with it."""
    fields = {"NAM": name, "DOB": "19800229", "SEX": "F"}
    document = {
        "key": "DQ", "origin": "ORWSP0000", "destinations": ["WA"], "fields": fields,
    }  # fmt: skip
    with pytest.raises(MessageError) as refused:
        json_form.parse_query(json.dumps(document).encode())
    assert refused.value.fault.code == "field-invalid"
    with pytest.raises(MessageError):
        reader(f"DQ.ORWSP0000.WA.TXT\nNAM/{name}.DOB/19800229.SEX/F".encode())


@pytest.mark.parametrize(
    "text", ["\nTXT\nX", "DR.WAOLN0000\n14:05 11/24/2026 00007", "]]></n2:X>", "\x00\x1b[2J", "\r"]
)
def test_free_text_is_never_a_header(text: str) -> None:
    """Whatever a delivered text holds, it stays below its header, in every format."""
    delivery = msgspec.structs.replace(DELIVERY, text=text)
    back = text_form.parse_delivery(text_form.render_delivery(delivery))
    assert (back.key, back.received, back.control) == (
        DELIVERY.key, DELIVERY.received, DELIVERY.control,
    )  # fmt: skip
    delivered = Delivered(delivery=delivery)
    assert parse_delivered(render_delivered(delivered)) == delivered
    assert niem_form.parse_delivered(niem_form.render_delivered(delivered)).answer is None


@pytest.mark.parametrize("key", ["a\r\nb", "a\nlocation: x", "..", ".", "", "é", "\x00", "a" * 65])
def test_header_injection_through_an_idempotency_key(key: str) -> None:
    """A key that could leave its header or its path is none."""
    with pytest.raises(ProblemError):
        parse_key(key)
    assert location_of(parse_key('"../a b"')) == "/v1/messages/..%2Fa%20b"
