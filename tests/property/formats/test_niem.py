"""NIEM XML: what is written is read, all formats carry one query, nothing read surprises."""

from __future__ import annotations

import re

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.answer import Answer, Merged
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import MEMBERS, QueryId
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Query
from comity.formats import json as json_format
from comity.formats import niem as niem_format
from comity.formats import text as text_format
from comity.formats.delivered import Delivered
from comity.formats.rules import check_query
from tests.support.messages import PRINTABLE, answers, attempt, deliveries, queries

BARRED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
PIECES = [
    b"<", b">", b"/>", b"</n2:NLETS>", b"<n2:Person>", b"<c:Claims>", b"<![CDATA[", b"]]>", b"]]",
    b"&", b"&lt;", b"&#0;", b"<!--", b"-->", b"<?x?>", b"<!DOCTYPE a>", b'"', b"'", b"=", b" ",
    b"\n", b"\xff", b"\xc3\xa9", b"\x00", b'c:prefix="OLN"', b"xmlns:c", b"<n2:", b"<x>",
]  # fmt: skip


def read(data: bytes) -> None:
    """Read, and check that a query is valid and stable, and a refusal fit for a delivery."""
    found = attempt(niem_format.parse_query, data)
    niem_format.read_sender(data)
    if isinstance(found, Query):
        check_query(found)
        assert niem_format.parse_query(niem_format.render_query(found)) == found


@given(queries)
def test_what_is_written_is_read(query: Query) -> None:
    """A valid query comes back equal, claims and the order of its fields included."""
    assert niem_format.parse_query(niem_format.render_query(query)) == query


@given(queries)
def test_all_formats_carry_the_same_query(query: Query) -> None:
    """What text, JSON and XML write of one query is read as one query, so the decision is one."""
    in_text = text_format.parse_query(text_format.render_query(query))
    in_json = json_format.parse_query(json_format.render_query(query))
    in_niem = niem_format.parse_query(niem_format.render_query(query))
    assert in_text == in_json == in_niem


@given(queries)
def test_an_unaware_peer_sees_no_addition(query: Query) -> None:
    """Without additions the same fields are left, in the order of elements, without a claim."""
    plain = niem_format.render_query(query, additions=False)
    assert b"<c:Claims" not in plain
    assert b" c:order=" not in plain
    found = niem_format.parse_query(plain)
    assert found.claims == NO_CLAIMS
    assert sorted(found.fields) == sorted(query.fields)


@given(queries)
def test_the_sender_of_any_query_is_read(query: Query) -> None:
    """Who sends and its control field are read without reading the message."""
    assert niem_format.read_sender(niem_format.render_query(query)) == (query.origin, query.control)


@given(st.binary(max_size=300))
@example(b"<" * 16_000)
@example(b"<a " * 5_000)
@example(b"<![CDATA[" * 1_700)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a query or a refusal with number and code."""
    read(data)


@given(queries, st.data())
def test_mutated_documents(query: Query, data: st.DataObject) -> None:
    """A document with pieces removed, altered or put in is a query or a refusal."""
    message = bytearray(niem_format.render_query(query))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(message)))
        length = data.draw(st.integers(0, 40))
        message[place : place + length] = data.draw(st.sampled_from([b"", *PIECES]))
    read(bytes(message))


@given(deliveries)
def test_deliveries_are_read_back(delivery: Delivery) -> None:
    """A delivery of any key comes back equal."""
    delivered = Delivered(delivery=delivery)
    assert niem_format.parse_delivered(niem_format.render_delivered(delivered)) == delivered


@given(deliveries, answers)
def test_answers_are_read_back(delivery: Delivery, answer: Answer) -> None:
    """An answer comes back equal, but for characters that XML cannot carry."""
    delivered = Delivered(delivery=delivery, answer=answer)
    found = niem_format.parse_delivered(niem_format.render_delivered(delivered))
    said = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
    expected = msgspec.convert(_cleaned(msgspec.to_builtins(said)), Answer)
    assert found.answer == expected
    again = niem_format.parse_delivered(niem_format.render_delivered(found))
    assert again == found


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return BARRED.sub("\ufffd", value)
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    return value


@given(
    deliveries,
    st.lists(st.sampled_from(MEMBERS), unique=True, min_size=1, max_size=6),
    st.lists(answers, max_size=6),
    st.binary(min_size=16, max_size=16),
)
def test_merged_answers_are_read_back(
    delivery: Delivery, asked: list[str], given_answers: list[Answer], identity: bytes
) -> None:
    """The answers of many states come back equal, in order, with those that are silent."""
    pairs = zip(asked, given_answers, strict=False)
    merged = Merged(
        query_id=QueryId(identity),
        key=MessageKey("DR"),
        asked=tuple(asked),  # type: ignore[arg-type]
        answers=tuple(msgspec.structs.replace(answer, state=state) for state, answer in pairs),
    )
    delivered = Delivered(delivery=delivery, merged=merged)
    found = niem_format.parse_delivered(niem_format.render_delivered(delivered)).merged
    assert found is not None
    assert (found.query_id, found.asked, found.silent) == (
        merged.query_id,
        merged.asked,
        merged.silent,
    )
    assert found == msgspec.convert(_cleaned(msgspec.to_builtins(merged)), Merged)


@given(
    st.builds(
        MessageFault,
        er=st.sampled_from(["0", ".03.", ".22."]),
        text=st.text(PRINTABLE, max_size=60),
        code=st.just("xml-schema"),
        options=st.lists(st.text(PRINTABLE, max_size=30), max_size=3).map(tuple),
        original=st.text(PRINTABLE + "\n", max_size=100),
    ),
    deliveries,
)
def test_faults_are_read_back(fault: MessageFault, delivery: Delivery) -> None:
    """A fault comes back equal beside the text of its error message."""
    delivered = Delivered(delivery=delivery, fault=fault)
    assert niem_format.parse_delivered(niem_format.render_delivered(delivered)) == delivered


@given(st.binary(max_size=300), deliveries, st.data())
def test_any_delivered_bytes(noise: bytes, delivery: Delivery, data: st.DataObject) -> None:
    """Any bytes, and any altered delivery, are a delivery or a refusal."""
    attempt(niem_format.parse_delivered, noise)
    message = bytearray(niem_format.render_delivered(Delivered(delivery=delivery)))
    place = data.draw(st.integers(0, len(message)))
    length = data.draw(st.integers(0, 40))
    message[place : place + length] = data.draw(st.sampled_from([b"", *PIECES]))
    found = attempt(niem_format.parse_delivered, bytes(message))
    if isinstance(found, Delivered):
        again = niem_format.parse_delivered(niem_format.render_delivered(found))
        assert again == found
    attempt(niem_format.is_delivered, bytes(message))
