"""Messages that ask, in JSON: as in text, and the same query in both."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.query import Query
from comity.formats import json as json_format
from comity.formats import text as text_format
from tests.support.messages import attempt, queries

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
MEMBERS = st.sampled_from(
    ["key", "origin", "destinations", "control", "fields", "body", "claims", "purpose", "x"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=8,
)


def read(data: bytes) -> None:
    """Read, and check that a query is stable and a refusal comes back from JSON."""
    found = attempt(json_format.parse_query, data)
    if isinstance(found, Query):
        assert json_format.parse_query(json_format.render_query(found)) == found
    else:
        assert json_format.parse_fault(json_format.render_fault(found)) == found


@given(queries)
def test_what_is_written_is_read(query: Query) -> None:
    """A valid query comes back equal, claims included."""
    assert json_format.parse_query(json_format.render_query(query)) == query


@given(queries)
def test_both_formats_carry_the_same_query(query: Query) -> None:
    """What text and JSON write of one query is read as one query, so the decision is one."""
    in_text = text_format.parse_query(text_format.render_query(query))
    in_json = json_format.parse_query(json_format.render_query(query))
    assert in_text == in_json


@given(st.binary(max_size=200))
@example(b"[" * 16_000)
@example(b'{"key":' * 2_000)
@example(b'{"key":"DQ","origin":"\\ud800","destinations":[]}')
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a query or a refusal with number and code."""
    read(data)


@given(VALUES)
def test_any_document(value: object) -> None:
    """Any JSON document is a query or a refusal."""
    read(json.dumps(value).encode())


@given(queries, st.data())
def test_mutated_documents(query: Query, data: st.DataObject) -> None:
    """A document with a member put in, removed or altered is a query or a refusal."""
    document = json.loads(json_format.render_query(query))
    target = document.get("claims", document) if data.draw(st.booleans()) else document
    name = data.draw(st.sampled_from([*target, "unknown"]))
    if data.draw(st.booleans()):
        target.pop(name, None)
    else:
        target[name] = data.draw(VALUES)
    read(json.dumps(document).encode())
