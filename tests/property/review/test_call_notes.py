"""Calls back and their notes: one to one, and nothing else is read as a call."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.call_back import (
    SAID_CHARACTERS_MAX,
    CallBack,
    CallOutcome,
    call_note,
    is_call_back,
    is_said,
)
from comity.domain.verdict import VerdictKind
from comity.review.call_backs import call_of
from comity.review.signatures import VerdictError
from tests.support.exchange import verdict_of

numbers = st.from_regex(r"\A[0-9+() .x-]{1,32}\Z")
texts = st.text(max_size=SAID_CHARACTERS_MAX + 2)


def read(note: str) -> CallBack | None:
    """What the gateway reads of a question with this note."""
    return call_of(msgspec.structs.replace(verdict_of(VerdictKind.ASK), note=note))


@given(numbers, st.sampled_from(CallOutcome), texts)
def test_a_call_is_read_as_it_was_written(number: str, outcome: CallOutcome, said: str) -> None:
    """Number, outcome and words come back, or the note is refused for its words."""
    note = call_note(number, outcome, said)
    if not is_said(said):
        with pytest.raises(VerdictError):
            read(note)
        return
    call = read(note)
    assert call is not None
    assert (call.number, call.outcome, call.said) == (number, outcome, said)
    assert is_call_back(call)


@given(
    st.one_of(
        texts, texts.map("call-back: {}".format), texts.map("call-back: 5; denied; {}".format)
    )
)
def test_what_is_read_as_a_call_is_its_own_note(note: str) -> None:
    """No two notes are one call, so that what was signed is what is shown."""
    try:
        call = read(note)
    except VerdictError:
        return
    assert call is None or call_note(call.number, call.outcome, call.said) == note
