"""What a claim check says: its question, its leaves, its file, and which leaves it can take."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.domain.query import Query
from comity.domain.vocabulary import DataClass, LeafKind, LeafMode, Purpose
from comity.exchange.replies import REPLY_CHARS_MAX
from comity.formats.text import parse_query, render_query
from comity.review.claim_checks import (
    ClaimsFileError,
    ClaimShare,
    asked_leaf,
    begun_check,
    can_be_checked,
    parse_share,
    question_text,
    unanswered_leaf,
    waiting_sentence,
)
from tests.support.leaves import leaf

WA = Member("wa")
SHARE = ClaimShare(per_million=1_000, asks_as=ORI("WAPX00009"))


def released(**fields: Any) -> Any:
    """A release of Washington to an agency of Texas."""
    base: dict[str, Any] = {
        "member": WA,
        "peer": "tx/4",
        "key": "DQ",
        "released": (DataClass.STATUS,),
        "result": "record",
    }
    return leaf(LeafKind.DISCLOSURE, **(base | fields))


def test_a_release_to_another_members_agency_can_be_checked() -> None:
    """A live one of records; also one that rests on a pass."""
    assert can_be_checked(released())
    assert can_be_checked(released(cites="wa/2"))


@pytest.mark.parametrize(
    "fields",
    [
        {"peer": "wa/4"},
        {"mode": LeafMode.PROBE},
        {"key": "AM", "released": (DataClass.OPAQUE,)},
        {"result": "none", "released": ()},
        {"released": ()},
    ],
    ids=["own", "probe", "message", "no-record", "nothing-went"],
)
def test_nothing_else_can(fields: dict[str, Any]) -> None:
    """The state's own agency, a probe, a message, no record, nothing of it."""
    assert not can_be_checked(released(**fields))


def test_a_check_has_leaves_that_are_leaves() -> None:
    """Of the kinds that there are, with their fields; the ask cites the release."""
    ask = asked_leaf(released(), 7, SHARE, bytes(32), 3_600)
    late = unanswered_leaf(WA, "wa/8", 1, (3_600, 7_200))
    for wanted in (ask, late):
        header = released().__class__(
            **{
                name: getattr(wanted.header, name)
                for name in wanted.header.__struct_fields__
                if name != "commitment"
            },
            commitment=bytes(32),
        )
        assert parse_leaf(encode_leaf(header)) == header
    assert begun_check(ask.header) == "wa/7"
    assert begun_check(late.header) is None
    assert dict(ask.fields)["share"] == b"1000"


@pytest.mark.parametrize("case_number", ["HS-26-88", ""])
def test_a_question_travels_as_text_and_says_how_to_answer(case_number: str) -> None:
    """The network's own text carries it whole; it is no longer than a reply may be, by far."""
    claim = (Purpose.CRIMINAL_INVESTIGATION, case_number)
    body = question_text("wa/7", "DQ", date(2026, 11, 24), claim, date(2026, 12, 4))
    assert len(body) < 2 * REPLY_CHARS_MAX
    assert "\nREPLY TO WA/7\n" in body
    assert body.isascii()
    query = Query(
        key=MessageKey("AM"),
        origin=ORI("WAPX00009"),
        destinations=("TXPX00001",),
        fields=(("", body),),
    )
    assert parse_query(render_query(query)).value("") == body


def test_whoever_waits_is_told_why_and_whom_to_call() -> None:
    """In a sentence that passes through every format."""
    said = waiting_sentence("wa/7", "555-0111")
    assert said.isascii()
    assert "WA/7" in said
    assert said.endswith("Call the state: 555-0111.")
    assert waiting_sentence("wa/7", "").endswith("Call the state.")


@pytest.mark.parametrize("share", [0, 1, 1_000_000])
def test_a_share_is_read(share: int) -> None:
    """From nothing to everything."""
    data = f'per_million = {share}\nasks_as = "WAPX00009"\n'.encode()
    assert parse_share(data) == ClaimShare(per_million=share, asks_as=ORI("WAPX00009"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"per_million = 1",
        b'per_million = -1\nasks_as = "WAPX00009"',
        b'per_million = 1000001\nasks_as = "WAPX00009"',
        b'per_million = 1.5\nasks_as = "WAPX00009"',
        b'per_million = 1\nasks_as = "WA"',
        b'per_million = 1\nasks_as = "WAPX00009"\nmore = 1',
        b"#" * 70_000,
    ],
)
def test_a_file_without_its_form_is_refused(data: bytes) -> None:
    """Whole, with its reason: no half of it counts."""
    with pytest.raises(ClaimsFileError):
        parse_share(data)
