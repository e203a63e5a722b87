"""The answers of many states as one JSON document: read back as written, and nothing else read."""

from __future__ import annotations

import json

import msgspec
import pytest

from comity.domain.answer import Merged
from comity.domain.ids import Member, QueryId
from comity.domain.keys import MessageKey
from comity.formats.faults import MessageError
from comity.formats.json.merged import parse_merged, render_merged
from tests.support.answers import SAMPLES

OR, TX, WA = Member("or"), Member("tx"), Member("wa")
HIT = SAMPLES["hit"]
MERGED = Merged(
    query_id=QueryId(bytes(range(16))),
    key=MessageKey("DR"),
    asked=(OR, TX, WA),
    answers=(msgspec.structs.replace(HIT, state=OR), HIT),
)


def test_what_is_written_is_read() -> None:
    """States with and without an answer come back, and who is silent stands in the document."""
    assert parse_merged(render_merged(MERGED)) == MERGED
    assert json.loads(render_merged(MERGED))["silent"] == ["tx"]
    empty = msgspec.structs.replace(MERGED, answers=())
    assert parse_merged(render_merged(empty)).silent == (OR, TX, WA)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"asked": ["or", "or", "tx", "wa"]}, "json-schema"),
        ({"asked": ["wa", "tx", "or"]}, "json-schema"),
        ({"asked": ["or", "tx"]}, "json-schema"),
        ({"asked": ["zz"]}, "json-schema"),
        ({"asked": ["or"] * 65}, "json-schema"),
        ({"silent": []}, "json-schema"),
        ({"query_id": "00"}, "json-schema"),
        ({"key": "dr"}, "json-schema"),
        ({"more": 1}, "json-schema"),
    ],
)
def test_lists_that_do_not_fit_together_are_refused(changes: dict[str, object], code: str) -> None:
    """Asked twice, another order, an answer of nobody asked, silence that is not so."""
    document = json.loads(render_merged(MERGED)) | changes
    with pytest.raises(MessageError) as refused:
        parse_merged(json.dumps(document).encode())
    assert refused.value.fault.code == code
