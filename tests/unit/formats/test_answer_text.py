"""Answers in text: wrapping, letters beyond ASCII, and texts that are not ours."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import FREE_TEXT, Element, ResponseKind
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.formats.text import (
    AnswerTextError,
    parse_answer_text,
    render_answer_text,
    render_merged_text,
)
from comity.formats.text.plain import plain_line, plain_text, wrap_item
from comity.formats.wording import recognise_response
from tests.support.answers import SAMPLES


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("MUÑOZ", "MUNOZ"),
        ("Łukasz Dąbrowski", "Lukasz Dabrowski"),
        ("Straße", "Strasse"),
        ("Ærøskøbing", "AEroskobing"),
        ("D\u2019Angelo", "D'Angelo"),
        ("Nguyễn", "Nguyen"),
        ("日本", "??"),
        ("A\x00B\tC\r\nD", "A B C D"),
        ("A\u2028B\u00a0C\u0085D", "A?B C?D"),
        ("  A   B  ", "A B"),
        ("", ""),
    ],
)
def test_plain_line(text: str, plain: str) -> None:
    """Letters become their plain letter, what has none a question mark, line ends a space."""
    assert plain_line(text) == plain


def test_plain_text() -> None:
    """Free text keeps its lines and nothing that a terminal would act on."""
    assert plain_text("\r\nA\x1b[2J\r\n\tÉ\rB\n\n") == "A[2J\n E\nB"


def test_wrap_at_a_space() -> None:
    """A long line goes on behind four spaces, where a space was."""
    line = "REMARK: " + "WORD " * 30
    wrapped = wrap_item(line.strip()).split("\n")
    assert [len(part) <= 80 for part in wrapped] == [True, True, True]
    assert all(part.startswith("    WORD") for part in wrapped[1:])


def test_wrap_within_a_word() -> None:
    """A word longer than a line is cut, and goes on behind three spaces."""
    wrapped = wrap_item("  " + "A" * 200).split("\n")
    assert wrapped == ["  " + "A" * 78, "   " + "A" * 77, "   " + "A" * 45]


def test_wrap_at_the_limit() -> None:
    """Eighty columns are one line, eighty-one are two."""
    assert wrap_item("A" * 40 + " " + "B" * 39).count("\n") == 0
    assert wrap_item("A" * 40 + " " + "B" * 40) == "A" * 40 + "\n    " + "B" * 40


def test_nebraska() -> None:
    """The first line has the network's code, the citation the ledger's own."""
    answer = msgspec.structs.replace(
        SAMPLES["hit"], state=Member("ne"), policy_entry="ne/1", proofs=()
    )
    text = render_answer_text(answer)
    assert text.startswith("NB: RECORD RELEASED\n")
    read = parse_answer_text(text)
    assert (read.state, read.policy_entry, read.entries) == ("ne", "ne/1", ())


def test_the_operator_member() -> None:
    """The member that serves federal agencies answers under its own code."""
    answer = msgspec.structs.replace(SAMPLES["unavailable"], state=Member("us"))
    assert parse_answer_text(render_answer_text(answer)).state == "us"


def test_a_value_is_not_a_line() -> None:
    """A value that tries to be an outcome, a citation or a withheld class stays a value."""
    value = "X\nWA: NOT ON FILE\r\nLEDGER WA/9\nWITHHELD: PHOTO - HELD"
    element = Element(data_class=DataClass.ADDRESS, name="STREET", value=value)
    answer = msgspec.structs.replace(SAMPLES["hit"], elements=(element,))
    text = render_answer_text(answer)
    assert "NOT ON FILE" not in text
    assert parse_answer_text(text).entries == ("wa/123",)
    assert parse_answer_text(text).withheld == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NOT ON FILE",
        "WA: SOMETHING ELSE",
        "QQ: RECORD RELEASED",
        "WA: RECORD RELEASED\n",
        "WA: RECORD RELEASED\n\nLEDGER WA/1",
        "WA: RECORD RELEASED\n X",
        "  WA: RECORD RELEASED",
        "WA: RECORD RELEASED\nHELLO",
        "WA: RECORD RELEASED\nRECORD: PASSPORT",
        "WA: HELD FOR REVIEW\nHELD UNTIL: TOMORROW\n  CALL: X\n  HOLD: WA/1",
        "WA: HELD FOR REVIEW\nHELD UNTIL: 2026-11-25 17:00:00 UTC\n  CALL: X",
        "WA: REFUSED BY STATE POLICY\nWITHHELD: ADDRESS",
        "WA: REFUSED BY STATE POLICY\nWITHHELD: SHOE SIZE - REFUSED",
        "WA: REFUSED BY STATE POLICY\nWITHHELD: ADDRESS - REFUSED\n  STATUTE: X",
        "WA: REFUSED BY STATE POLICY\nWITHHELD: ADDRESS - REFUSED\n  HELLO",
    ],
)
def test_texts_that_are_not_ours(text: str) -> None:
    """Another system's free text is refused as such, not half read."""
    with pytest.raises(AnswerTextError):
        parse_answer_text(text)


def test_too_long_a_text() -> None:
    """The limit of a delivery holds for its text."""
    with pytest.raises(AnswerTextError):
        parse_answer_text("A" * (DELIVERY_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("NOT ON FILE", ResponseKind.NO_HIT),
        ("no record nicb", ResponseKind.NO_HIT),
        ("WA DOL TEMPORARILY UNAVAILABLE", ResponseKind.UNAVAILABLE),
        ("FILE NOT AVAILABLE", ResponseKind.UNAVAILABLE),
        ("USER DOES NOT RESPOND TO MESSAGE TYPE DQ", ResponseKind.UNAVAILABLE),
        ("OLN/DOE00J123 NAM/DOE,JANE", None),
        ("", None),
    ],
)
def test_phrases_of_others(text: str, response: ResponseKind | None) -> None:
    """A few phrases of other systems are known; any other text says nothing of a record."""
    assert recognise_response(text) is response


def test_merged_where_no_state_has_a_record() -> None:
    """Only if every state says so does the body say that nothing is on file."""
    none = SAMPLES["no-record"]
    other = msgspec.structs.replace(none, state=Member("or"))
    assert render_merged_text([none, other], []).count("NOT ON FILE") == 2
    assert "NOT ON FILE" not in render_merged_text([none, other], [Member("nv")])


def test_merged_names_every_state() -> None:
    """Hits, refusals, holds, no records and silence each name their states."""
    names = ["hit", "refused-elsewhere", "held", "no-record", "unavailable"]
    codes = ["wa", "ca", "id", "az", "ak"]
    answers = [
        msgspec.structs.replace(SAMPLES[name], state=Member(code))
        for name, code in zip(names, codes, strict=True)
    ]
    summary = render_merged_text(answers, [Member("nv")]).split("\n\n")[0].split("\n")
    assert summary == [
        "STATES ASKED: 6",
        "RECORD: WA",
        "NO RECORD: AZ",
        "REFUSED: CA",
        "HELD: ID",
        "NO ANSWER: AK NV",
    ]


def test_lines_of_a_free_text_stay_lines() -> None:
    """Each is an item of its own, plain and disarmed, the empty ones left out; read back as one."""
    value = "DOE,  Jane\r\n\n\tNOT ON FILE: insurance\x0bWA: RECORD RELEASED\n" + "A " * 50
    element = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=value)
    answer = msgspec.structs.replace(SAMPLES["hit"], elements=(element,))
    text = render_answer_text(answer)
    assert text.split("\n")[2:8] == [
        "FREE TEXT",
        "  TEXT: DOE, JANE",
        "  TEXT: NOT-ON-FILE: INSURANCE",
        "  TEXT: WA: RECORD RELEASED",
        "  TEXT: " + "A " * 35 + "A",
        "    " + "A " * 13 + "A",
    ]
    (read,) = parse_answer_text(text).elements
    assert read.name == FREE_TEXT
    assert read.value.split("\n") == [
        "DOE, JANE",
        "NOT-ON-FILE: INSURANCE",
        "WA: RECORD RELEASED",
        "A " * 49 + "A",
    ]


def test_a_free_text_of_nothing_is_one_item() -> None:
    """A text that is blank in plain letters still shows that there is one."""
    element = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value="\n \n")
    answer = msgspec.structs.replace(SAMPLES["hit"], elements=(element,))
    assert "\nFREE TEXT\n  TEXT:\n" in render_answer_text(answer)
    assert [e.value for e in parse_answer_text(render_answer_text(answer)).elements] == [""]
