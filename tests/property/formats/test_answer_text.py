"""Answers: what a desk and a program may rely on, whatever the record holds."""

from __future__ import annotations

import contextlib

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.answer import FREE_TEXT, Answer, Element, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import Reason
from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import DataClass
from comity.formats.json import parse_answer, render_answer
from comity.formats.text import (
    AnswerTextError,
    parse_answer_text,
    render_answer_text,
    render_merged_text,
)
from comity.formats.text.answer import element_label, plain_value
from comity.formats.wording import recognise_response
from tests.support.answers import SAMPLES
from tests.support.messages import answers, attempt, members

TEXTS = [render_answer_text(answer) for answer in SAMPLES.values()]


def as_shown(part: Withheld) -> Withheld:
    """A withheld class as text shows it; text has no marks."""
    reasons = tuple(
        Reason(
            rule=reason.rule,
            sentence=plain_value(reason.sentence),
            statute=plain_value(reason.statute),
        )
        for reason in part.reasons
    )
    return msgspec.structs.replace(
        part, reasons=reasons, would_change=plain_value(part.would_change)
    )


@given(answers)
def test_lines_fit_a_terminal(answer: Answer) -> None:
    """Every line is printable upper-case ASCII of at most 80 columns; none is empty."""
    for line in render_answer_text(answer).split("\n"):
        assert 0 < len(line) <= 80
        assert line.isascii()
        assert line.isprintable()
        assert line == line.upper()


@given(answers)
def test_only_no_record_says_not_on_file(answer: Answer) -> None:
    """The phrases that programs look for stand in the answers that they mean, and in no other."""
    text = render_answer_text(answer)
    assert ("NOT ON FILE" in text) == (answer.response is ResponseKind.NO_HIT)
    unavailable = " TEMPORARILY UNAVAILABLE" in text
    assert unavailable == (answer.response is ResponseKind.UNAVAILABLE)
    expected = answer.response if "NOT ON FILE" in text or unavailable else None
    assert recognise_response(text) is expected


@given(answers)
def test_text_is_read_back(answer: Answer) -> None:
    """All that text shows is read back: outcome, elements, what is withheld, hold, leaves."""
    read = parse_answer_text(render_answer_text(answer))
    assert (read.state, read.response, read.is_final) == (
        answer.state,
        answer.response,
        answer.is_final,
    )
    assert read.record_kind is answer.record_kind
    shown = [e for e in answer.elements if e.data_class is not DataClass.PHOTO]
    assert read.has_photo == (len(shown) < len(answer.elements))
    assert [(e.data_class, e.name, e.value) for e in read.elements] == [
        (e.data_class, element_label(e.name), plain_value(e.value)) for e in shown
    ]
    assert read.withheld == tuple(map(as_shown, answer.withheld))
    hold = answer.hold
    assert read.hold == (
        HoldNotice(until=hold.until, contact=plain_value(hold.contact), entry=hold.entry)
        if hold
        else None
    )
    assert read.remark == plain_value(answer.remark)
    assert read.policy_entry == answer.policy_entry
    assert read.entries == tuple(proof.entry for proof in answer.proofs)


@given(answers)
def test_json_is_read_back(answer: Answer) -> None:
    """An answer comes back equal from JSON, photo bytes and proofs included."""
    assert parse_answer(render_answer(answer)) == answer


@given(st.text(max_size=200) | st.sampled_from(TEXTS), st.data())
@example("WA: RECORD RELEASED\n  X", None)
@example("WA: RECORD RELEASED\n    X", None)
@example("WA: HELD FOR REVIEW\nHELD UNTIL: 2026-11-25 17:00:00 UTC", None)
def test_any_text(text: str, data: st.DataObject | None) -> None:
    """Any text is an answer of ours or is refused as another's."""
    if data is not None and text:
        place = data.draw(st.integers(0, len(text) - 1))
        text = text[:place] + data.draw(st.text(max_size=3)) + text[place + 1 :]
    with contextlib.suppress(AnswerTextError):
        assert parse_answer_text(text).state in MEMBERS


@given(st.binary(max_size=200))
@example(b"{" * 10_000)
def test_any_bytes_as_json(data: bytes) -> None:
    """Any bytes are an answer or a refusal."""
    attempt(parse_answer, data)


@given(st.lists(answers, max_size=6), st.lists(members, max_size=4, unique=True))
def test_merged_text(found: list[Answer], silent: list[str]) -> None:
    """A merged body fits a terminal and says `NOT ON FILE` only if every state asked said so."""
    text = render_merged_text(found, silent)  # type: ignore[arg-type]
    assert all(len(line) <= 80 for line in text.split("\n"))
    is_none_on_file = (
        bool(found)
        and not silent
        and all(answer.response is ResponseKind.NO_HIT for answer in found)
    )
    assert ("NOT ON FILE" in text) == is_none_on_file


@given(st.text(max_size=400))
def test_lines_of_a_free_text_are_read_back(value: str) -> None:
    """Whatever a text holds, its lines come back, and none of them opens a line of the answer."""
    element = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=value)
    answer = msgspec.structs.replace(SAMPLES["hit"], elements=(element,))
    text = render_answer_text(answer)
    assert all(len(line) <= 80 for line in text.split("\n"))
    assert recognise_response(text) is None
    (read,) = parse_answer_text(text).elements
    shown = [line for part in value.splitlines() if (line := plain_value(part))]
    assert read.value == "\n".join(shown)
