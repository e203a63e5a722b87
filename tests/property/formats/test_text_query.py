"""Messages that ask, in text: what is written is read, and nothing that is read surprises."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.query import NO_CLAIMS, Query
from comity.formats.rules import check_query
from comity.formats.text import parse_error, parse_query, render_error_text, render_query
from tests.support.messages import attempt, fixed_queries, queries

CONTROLS = bytes([*range(0x20), 0x7F])


def read(data: bytes) -> None:
    """Read, and check that a query is valid and stable, and a refusal fit for an error message."""
    found = attempt(parse_query, data)
    if isinstance(found, Query):
        check_query(found)
        assert parse_query(render_query(found)) == found
    else:
        echoed = parse_error(render_error_text(found))
        assert (echoed.er, echoed.options) == (found.er, found.options)


@given(queries)
def test_what_is_written_is_read(query: Query) -> None:
    """A valid query comes back equal, additions included."""
    assert parse_query(render_query(query)) == query


@given(queries)
def test_an_unaware_peer_sees_no_addition(query: Query) -> None:
    """Without additions the same message is left, and it makes no claim."""
    plain = render_query(query, additions=False)
    assert parse_query(plain) == msgspec.structs.replace(query, claims=NO_CLAIMS)


@given(st.binary(max_size=400))
@example(b"DQ.ORWSP0000.WA.TXT\nZZZ/")
@example(b"AM.ORWSP0000.WA.TXTZPU/")
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a query or a refusal with number and code."""
    read(data)


@given(st.text("DQAMKRX.*/TZPU \n0123456789", max_size=80))
def test_any_text_of_the_grammar(text: str) -> None:
    """Any words made of the grammar's characters are a query or a refusal."""
    read(b"DQ.ORWSP0000.WA.TXT\n" + text.encode())
    read(b"AM.ORWSP0000." + text.encode())


@given(queries, st.data())
def test_mutated_messages(query: Query, data: st.DataObject) -> None:
    """A message with bytes removed, altered or put in is a query or a refusal."""
    message = bytearray(render_query(query))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(message)))
        end = min(len(message), place + data.draw(st.integers(0, 3)))
        message[place:end] = data.draw(st.binary(max_size=3))
    read(bytes(message))


@given(fixed_queries(), st.data())
def test_control_characters_are_ignored(query: Query, data: st.DataObject) -> None:
    """Control characters anywhere in a message with published fields change nothing."""
    message = bytearray(render_query(query))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(message)))
        message[place:place] = bytes([data.draw(st.sampled_from(CONTROLS))])
    assert parse_query(bytes(message)) == query
