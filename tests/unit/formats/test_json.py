"""JSON: closed schemas, and what is refused with which code."""

from __future__ import annotations

import json

import pytest

from comity.domain.delivery import MessageFault
from comity.domain.vocabulary import Purpose
from comity.formats.faults import MessageError
from comity.formats.json import (
    parse_answer,
    parse_delivery,
    parse_fault,
    parse_query,
    read_sender,
    render_answer,
    render_fault,
)
from comity.formats.rules import MESSAGE_BYTES_MAX
from tests.support.answers import SAMPLES

QUERY = {
    "key": "DQ",
    "origin": "ORWSP0000",
    "destinations": ["WA"],
    "control": "LTN2000157",
    "fields": {"OLN": "DOE00J123"},
}


def query_code(**members: object) -> tuple[str, str]:
    """The number and code with which the query is refused once these members are put in."""
    with pytest.raises(MessageError) as refused:
        parse_query(json.dumps({**QUERY, **members}).encode())
    return refused.value.fault.er, refused.value.fault.code


def test_a_query() -> None:
    """Members stand for what they say; letters of fields count as capitals."""
    data = {**QUERY, "fields": {"oln": "doe00j123"}, "claims": {"purpose": "court"}}
    query = parse_query(json.dumps(data).encode())
    assert (query.key, query.destinations, query.control) == ("DQ", ("WA",), "LTN2000157")
    assert query.fields == (("OLN", "DOE00J123"),)
    assert query.claims.purpose is Purpose.COURT


@pytest.mark.parametrize(
    ("members", "er", "code"),
    [
        ({"unknown": 1}, "0", "json-schema"),
        ({"claims": {"unknown": 1}}, "0", "json-schema"),
        ({"destinations": "WA"}, "0", "json-schema"),
        ({"fields": {"OLN": 1}}, "0", "json-schema"),
        ({"fields": [["OLN", "1"]]}, "0", "json-schema"),
        ({"key": None}, "0", "json-schema"),
        ({"claims": {"purpose": "CRI"}}, ".22.", "addition-value-unknown"),
        ({"claims": {"case_number": "26/0117"}}, ".22.", "addition-malformed"),
        ({"claims": {"case_number": "26-0117a"}}, ".22.", "addition-malformed"),
        ({"key": "QZ"}, "0", "body-malformed"),
        ({"key": "Q1", "fields": {}}, ".01.", "message-key-malformed"),
        ({"key": "other", "fields": {}}, ".01.", "message-key-malformed"),
        ({"key": "DR", "fields": {}}, ".01.", "message-key-response"),
        ({"key": "ER", "fields": {}}, ".01.", "message-key-reserved"),
        ({"key": "ALL", "fields": {}}, ".01.", "message-key-reserved"),
        ({"origin": "orwsp0000"}, ".01.", "origin-malformed"),
        ({"origin": "ORWSP0000\n"}, ".01.", "origin-malformed"),
        ({"destinations": []}, ".19.", "destination-invalid"),
        ({"destinations": ["WA\n"]}, ".19.", "destination-invalid"),
        ({"control": ""}, ".01.", "control-malformed"),
        ({"control": "A\nB"}, ".01.", "control-malformed"),
        ({"control": "é"}, ".01.", "control-malformed"),
        ({"control": "A.TXT"}, ".01.", "control-malformed"),
        ({"fields": {"OLN": "1.IMQ/Y"}}, ".22.", "field-invalid"),
        ({"fields": {"OLN": "1\n"}}, ".22.", "field-invalid"),
        ({"fields": {"OLN": "\u0131"}}, ".22.", "field-invalid"),
        ({"fields": {"OLN": "1", "oln": "2"}}, ".22.", "field-repeated"),
        ({"fields": {"ZPU": "CRI", "OLN": "1"}}, ".22.", "field-unknown"),
        ({"body": "HELLO"}, "0", "body-malformed"),
        ({"key": "AM"}, "0", "body-malformed"),
        ({"key": "AM", "fields": {}, "body": "é"}, "0", "body-malformed"),
        ({"key": "AM", "fields": {}, "body": "A\n"}, "0", "body-malformed"),
        ({"key": "AM", "fields": {}, "body": "A\r\nB"}, "0", "body-malformed"),
        ({"key": "AM", "fields": {}, "body": "A\nZPU/CRI"}, ".22.", "addition-malformed"),
    ],
)
def test_queries_out_of_form(members: dict[str, object], er: str, code: str) -> None:
    """What the schema or a rule does not have is refused: nothing can be smuggled into text."""
    assert query_code(**members) == (er, code)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"nul", b'{"key":"DQ",}'])
def test_what_is_no_json(data: bytes) -> None:
    """Bytes that are no document have a code of their own."""
    with pytest.raises(MessageError) as refused:
        parse_query(data)
    assert (refused.value.fault.er, refused.value.fault.code) == ("0", "json-malformed")


_WHOLE = json.dumps({**QUERY, "claims": {"purpose": "court"}})


@pytest.mark.parametrize(
    "data",
    [
        _WHOLE.replace('"key": "DQ"', '"key": "RQ", "key": "DQ"'),
        _WHOLE.replace('"key": "DQ"', '"k\\u0065y": "RQ", "key": "DQ"'),
        _WHOLE.replace('"key": "DQ"', '"key" : "RQ","key"   :"DQ"'),
        _WHOLE.replace('"control"', '"control": null, "control"'),
        _WHOLE.replace('{"OLN"', '{"OLN": "DOE00J124", "OLN"'),
        _WHOLE.replace('"fields"', '"fields": {}, "fields"'),
        _WHOLE.replace('"claims"', '"claims": null, "claims"'),
        _WHOLE.replace('"claims"', '"claims": {"instrument": "consent"}, "claims"'),
        _WHOLE.replace('"purpose"', '"purpose": "not_stated", "purpose"'),
        _WHOLE.replace('"purpose"', '"purpose": "criminal_investigation", "purpose"'),
        _WHOLE.replace('"destinations"', '"destinations": ["OH"], "destinations"'),
    ],
)
def test_a_member_twice_is_refused(data: str) -> None:
    """Two readers of one record could see two different questions; so nobody reads it."""
    assert data != _WHOLE
    with pytest.raises(MessageError) as refused:
        parse_query(data.encode())
    fault = refused.value.fault
    assert (fault.er, fault.code) == (".22.", "field-repeated")
    assert fault.original
    assert data.startswith(fault.original)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(json.loads(_WHOLE), indent=2),
        _WHOLE.replace(":", " :"),
        _WHOLE.replace('"purpose"', '"offence": "not_stated", "purpose"'),
        _WHOLE.replace('"claims"', '"body": "", "claims"'),
    ],
)
def test_a_member_once_is_read_however_it_is_written(data: str) -> None:
    """Blanks change nothing, nor does a default that is written out."""
    assert parse_query(data.encode()) == parse_query(_WHOLE.encode())


def test_a_colon_in_a_text_is_no_member() -> None:
    """What looks like more members than were read is looked at again, and stands."""
    data = {"key": "AM", "origin": "ORWSP0000", "destinations": ["WA"], "body": 'SEE "A": B'}
    assert parse_query(json.dumps(data).encode()).value("") == 'SEE "A": B'


def test_too_long() -> None:
    """The limit of text holds for JSON too."""
    with pytest.raises(MessageError) as refused:
        parse_query(b" " * (MESSAGE_BYTES_MAX + 1))
    assert refused.value.fault.code == "message-too-long"


def test_the_error_says_no_value() -> None:
    """The error's own sentence names the place and not what stands there."""
    with pytest.raises(MessageError) as refused:
        parse_query(json.dumps({**QUERY, "claims": {"purpose": "JANE DOE"}}).encode())
    assert "JANE" not in str(refused.value)
    assert "$.claims.purpose" in str(refused.value)


def test_a_fault() -> None:
    """A fault is one member `error`, as the command line prints it too."""
    fault = MessageFault(er=".22.", text="T", code="field-blank", options=("OLN",), original="DQ")
    assert json.loads(render_fault(fault)) == {
        "error": {
            "code": "field-blank",
            "text": "T",
            "er": ".22.",
            "options": ["OLN"],
            "original": "DQ",
        }
    }
    assert parse_fault(render_fault(fault)) == fault


def test_a_long_fault() -> None:
    """It may be as long as a delivery, in which it travels: another format brings it so."""
    fault = MessageFault(er=".22.", text="T", code="field-blank", options=(), original="D" * 50_000)
    assert parse_fault(render_fault(fault)) == fault


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("exchange_id", "00"),
        ("exchange_id", "0" * 31 + "G"),
        ("state", "zz"),
        ("state", "WA"),
        ("step", -1),
        ("step", 65_536),
        ("key", "Q1"),
        ("key", "other"),
        ("response", "maybe"),
        ("policy_entry", "wa/x"),
        ("is_final", "yes"),
        ("record_kind", "passport"),
        ("elements", [["identity", "NAME", "DOE"]]),
        ("elements", [{"data_class": "identity", "name": "NAME", "value": "DOE", "x": 1}]),
        ("withheld", [{"data_class": "address", "outcome": "maybe"}]),
        (
            "withheld",
            [
                {
                    "data_class": "address",
                    "outcome": "deny",
                    "reasons": [{"rule": "a rule", "sentence": ""}],
                }
            ],
        ),
        ("proofs", [{"entry": "wa/1", "leaf": "@", "receipt": ""}]),
        ("proofs", [{"entry": "wa", "leaf": "", "receipt": ""}]),
        ("unknown", 1),
    ],
)
def test_answers_out_of_form(place: str, value: object) -> None:
    """An answer whose member is not as the schema has it is refused."""
    document = json.loads(render_answer(SAMPLES["hit"]))
    document[place] = value
    with pytest.raises(MessageError):
        parse_answer(json.dumps(document).encode())


@pytest.mark.parametrize(
    "until",
    [
        "2026-11-25T17:00:00",
        "2026-11-25T17:00:00.5Z",
        "2026-11-25T17:00:00+01:00",
        "2026-11-25",
        1_795_626_000,
    ],
)
def test_times_are_utc(until: object) -> None:
    """A time without UTC, or finer than a second, is refused: there is one way to write it."""
    document = json.loads(render_answer(SAMPLES["held"]))
    assert document["hold"]["until"] == "2026-11-25T17:00:00Z"
    document["hold"]["until"] = until
    with pytest.raises(MessageError):
        parse_answer(json.dumps(document).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "X"},
        {"origin": "WALIC0000\n"},
        {"destination": "\nORWSP0000"},
        {"control": "A\n"},
        {"control": "12345678901"},
        {"key": "QZQZ"},
        {"received": {"time": "25:00", "date": "11/24/2026", "count": 1}},
        {"received": {"time": "10:35", "date": "11/24/2026", "count": 100_000}},
        {"received": {"time": "10:35\n", "date": "11/24/2026", "count": 1}},
        {"unknown": 1},
    ],
)
def test_deliveries_out_of_form(change: dict[str, object]) -> None:
    """A delivery whose header could not stand in text is refused in JSON."""
    clock = {"time": "10:35", "date": "11/24/2026", "count": 1}
    document = {
        "key": "DR",
        "origin": "WALIC0000",
        "received": clock,
        "sent": clock,
        "destination": "ORWSP0000",
    }
    assert parse_delivery(json.dumps(document).encode()).text == ""
    with pytest.raises(MessageError):
        parse_delivery(json.dumps({**document, **change}).encode())


@pytest.mark.parametrize(
    ("data", "sender"),
    [
        (json.dumps({**QUERY, "key": "QZ", "x": [1]}).encode(), ("ORWSP0000", "LTN2000157")),
        (b'{"origin": 1, "control": "A\\n"}', (None, None)),
        (b'{"origin": "ORWSP0000"}', ("ORWSP0000", None)),
        (b'{"origin": "ORWSP0000"', (None, None)),
        (b"[]", (None, None)),
        (b"\xff", (None, None)),
        (b'{"x":' * 3_000, (None, None)),
        (b" " * (MESSAGE_BYTES_MAX + 1), (None, None)),
    ],
)
def test_who_sent_a_refused_document(data: bytes, sender: tuple[str | None, str | None]) -> None:
    """An error message finds its way back as far as the document can be read."""
    assert read_sender(data) == sender


def test_the_values_are_listed() -> None:
    """Who mistyped a value of a vocabulary is told its values, under the key that was sent."""
    with pytest.raises(MessageError) as refused:
        parse_query(json.dumps({**QUERY, "claims": {"emergency": "yes"}}).encode())
    assert refused.value.fault.text == "INVALID MESSAGE FORMAT - REFER TO DQ MKE OPTIONS BELOW"
    assert refused.value.fault.options == ("emergency: none declared",)


@pytest.mark.parametrize("key", [1, "qz"])
def test_the_values_are_listed_without_a_key(key: object) -> None:
    """Where the document has no key that is known, the text names none."""
    document = {"claims": {"emergency": "yes"}, "key": key, "origin": "X", "destinations": []}
    with pytest.raises(MessageError) as refused:
        parse_query(json.dumps(document).encode())
    assert "REFER TO XX MKE" in refused.value.fault.text


def test_the_values_are_listed_where_the_document_breaks_off() -> None:
    """What is wrong first is told first, even if the rest is no JSON."""
    with pytest.raises(MessageError) as refused:
        parse_query(b'{"claims":{"emergency":"yes"},"key')
    assert (refused.value.fault.code, "XX" in refused.value.fault.text) == (
        "addition-value-unknown",
        True,
    )


@pytest.mark.parametrize("rest", [b'"\xff"', b"[" * 100_000, b'{"a":' * 9_000])
def test_what_stands_behind_the_first_fault_changes_nothing(rest: bytes) -> None:
    """A value of no vocabulary is told, whatever bytes follow it."""
    with pytest.raises(MessageError) as refused:
        parse_query(b'{"claims":{"emergency":"yes"},"more":' + rest[:16_000] + b"}")
    assert refused.value.fault.code == "addition-value-unknown"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("at `$PX001PD`", "$"),
        ("a` - at `$.PX001PD", "$"),
        ("a` - at `$.claims.PX001PD", "$"),
        ("a` - at `$[19800229]", "$[...]"),
        ("a` - at `$.claims", "$.claims"),
    ],
)
def test_a_member_that_looks_like_a_place_is_not_repeated(name: str, place: str) -> None:
    """The place of an unknown member is said in the schema's own names, and no others."""
    with pytest.raises(MessageError) as refused:
        parse_query(json.dumps({**QUERY, name: 1}).encode())
    assert str(refused.value) == f"`{place}` holds a member that is not in the schema"
    assert "PX001PD" not in refused.value.fault.text
