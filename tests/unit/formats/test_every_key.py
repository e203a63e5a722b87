"""Every key of the table: a message of it is read and written in each format, or is not sent."""

from __future__ import annotations

import json

import msgspec
import pytest

from comity.cli.messages import Form, bytes_of, document_of
from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import KEYS, OTHER_KEY, MessageKey
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.faults import MessageError
from comity.formats.rules import is_fixed
from comity.formats.sending import SENDING
from tests.support.minimal import minimal_text

ALL = sorted({*KEYS} - {OTHER_KEY})
SENT = [*sorted(SENDING), MessageKey("QZ")]
NOT_SENT = sorted({*ALL} - {*SENDING})
STAMP = Stamp(time="10:35", date="11/24/2026", count=885)


def message(key: MessageKey) -> bytes:
    """The least message of a key; of one that the table does not have, any words."""
    return minimal_text(key) if key in SENDING else b"QZ.ORWSP0000.WA.TXT\nAny words."


@pytest.mark.parametrize("key", SENT)
def test_text_and_json(key: MessageKey) -> None:
    """A message is the same query in both formats, and each writes what it reads."""
    data = message(key)
    query = text_format.parse_query(data)
    assert query.key == key
    assert text_format.render_query(query) == data
    in_json = json_format.render_query(query)
    assert json_format.parse_query(in_json) == query
    assert ("fields" in json.loads(in_json)) == is_fixed(key)
    assert json_format.render_query(json_format.parse_query(in_json)) == in_json


@pytest.mark.parametrize("key", SENT)
def test_parse_and_render(key: MessageKey) -> None:
    """The commands read a message of every key and write it again, in either format."""
    document = document_of(message(key))
    assert (document["key"], document["direction"]) == (key, "input")
    assert bytes_of(document, Form.TEXT) == message(key)
    through = document_of(bytes_of(document, Form.JSON))
    assert {**through, "format": "text"} == document


@pytest.mark.parametrize("key", [*ALL, "QZ"])
def test_deliveries(key: str) -> None:
    """Whatever the key, what is delivered is read back in both formats and by the commands."""
    delivery = Delivery(
        key=MessageKey(key),
        origin=ORI("WALIC0000"),
        received=STAMP,
        sent=STAMP,
        destination=ORI("ORWSP0000"),
        control="LTN2000157",
        text="NOT ON FILE",
    )
    data = text_format.render_delivery(delivery)
    assert text_format.parse_delivery(data) == delivery
    assert json_format.parse_delivery(json_format.render_delivery(delivery)) == delivery
    document = document_of(data)
    assert document["direction"] == "output"
    assert bytes_of(document, Form.TEXT) == data
    assert document_of(bytes_of(document, Form.JSON))["text"] == "NOT ON FILE"


@pytest.mark.parametrize("key", NOT_SENT)
def test_keys_that_are_not_sent(key: MessageKey) -> None:
    """An answer that no person gives is no message, nor is the network's own."""
    code = "message-key-reserved" if key == "ER" else "message-key-response"
    for body in ("", "NOT ON FILE"):
        data = f"{key}.WALIC0000.ORWSP0000.TXT\n{body}".encode()
        with pytest.raises(MessageError) as refused:
            text_format.parse_query(data)
        assert (refused.value.fault.er, refused.value.fault.code) == (".01.", code)
        document = {"key": key, "origin": "WALIC0000", "destinations": ["ORWSP0000"], "body": body}
        with pytest.raises(MessageError) as refused:
            json_format.parse_query(msgspec.json.encode(document))
        assert refused.value.fault.code == code


def test_who_answers_as_a_message() -> None:
    """What a person answers is sent; nothing else that is a response."""
    assert {key for key in SENDING if KEYS[key].is_response} == {"YR", "LR", "ALR"}
    assert (
        sorted({key for key in ALL if KEYS[key].is_response} - {"YR", "LR", "ALR"} | {"ER"})
        == NOT_SENT
    )
