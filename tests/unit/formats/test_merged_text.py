"""The answers of many states as one text: read back as written, state by state."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import MEMBERS, Member
from comity.domain.vocabulary import Outcome
from comity.formats.text import (
    AnswerTextError,
    parse_answer_text,
    parse_merged_text,
    render_answer_text,
    render_merged_text,
)
from tests.support.answers import ASKED, SAMPLES, UNSAID, withheld

OR, TX, WA = Member("or"), Member("tx"), Member("wa")
NAMES = sorted(SAMPLES)


def of_state(name: str, state: Member) -> Answer:
    """A sample answer as another state gives it."""
    return msgspec.structs.replace(SAMPLES[name], state=state)


@given(st.lists(st.sampled_from([*NAMES, ""]), min_size=1, max_size=len(MEMBERS)))
def test_what_is_written_is_read(names: list[str]) -> None:
    """Whatever each state says, it comes back under that state; the silent have no answer."""
    pairs = list(zip(MEMBERS, names, strict=False))
    answers = [of_state(name, state) for state, name in pairs if name]
    silent = [state for state, name in pairs if not name]
    merged = parse_merged_text(render_merged_text(answers, silent))
    expected = {answer.state: answer.response for answer in answers}
    expected |= dict.fromkeys(silent, ResponseKind.UNAVAILABLE)
    assert dict(merged.responses) == expected
    told = {answer.state: parse_answer_text(render_answer_text(answer)) for answer in answers}
    assert all(answer == told[answer.state] for answer in merged.answers)


def test_long_rules_of_every_state_are_read() -> None:
    """Refusals and holds with long sentences fold and unfold without losing a word."""
    reason = msgspec.structs.replace(UNSAID, sentence="a long sentence " * 60, statute="x" * 300)
    answers = [
        msgspec.structs.replace(
            of_state("refused", state), withheld=withheld(ASKED, Outcome.DENY, reason, "y" * 500)
        )
        for state in MEMBERS
    ]
    text = render_merged_text(answers, ())
    assert all(len(line) <= 80 for line in text.split("\n"))
    merged = parse_merged_text(text)
    assert len(merged.answers) == len(MEMBERS)
    said = merged.answers[-1].withheld[0]
    assert said.reasons[0].sentence.split() == ("A LONG SENTENCE " * 60).split()
    assert (said.reasons[0].statute, said.would_change) == ("X" * 300, "Y" * 500)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "STATES ASKED: 2\nNO RECORD: WA",
        "STATES ASKED: 1\nNO RECORD: WA WA",
        "STATES ASKED: 1\nNO RECORD: ZZ",
        "STATES ASKED: 1\nOTHER: WA",
        "STATES ASKED: 1\nNO RECORD: WA\n  PART: X",
        "STATES ASKED: 1\nNO RECORD: WA\n\nOR: NOT ON FILE",
        "STATES ASKED: 1\nNO RECORD: WA\n\nWA: HELD FOR REVIEW",
        "WA: NOT ON FILE\n\nWA: NOT ON FILE",
        "NOT ON FILE",
        "x" * 1_048_577,
    ],
)
def test_lists_that_do_not_fit_together_are_refused(text: str) -> None:
    """A sum that is wrong, a state twice, an answer that the summary does not have."""
    with pytest.raises(AnswerTextError):
        parse_merged_text(text)
