"""Reads the merged message of many states back, for programs of a requester that receives text.

Guarantee: any text gives a `MergedText` or `AnswerTextError`; what `render_merged_text` wrote is
read back: every state asked stands once, under what it said.
Source: docs/adr/0013-routes.md, "Merging".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.formats.text.answer import SUMMARY_LABELS
from comity.formats.text.reading import (
    AnswerText,
    AnswerTextError,
    parse_answer_text,
    parse_items,
    state_of_code,
)

__all__ = ["MergedText", "parse_merged_text"]

_KINDS: Final = dict(SUMMARY_LABELS)
_ASKED: Final = "STATES ASKED"
_STATES_MAX: Final = 64


class MergedText(msgspec.Struct, frozen=True, kw_only=True):
    """What a merged message says: for each state asked what it answered, and the answers told.

    `responses` has every state once; `unavailable` is one that did not answer. A state in
    `answers` says more than its response.
    """

    responses: tuple[tuple[Member, ResponseKind], ...]
    answers: tuple[AnswerText, ...]


def parse_merged_text(text: str) -> MergedText:
    """Return what a merged message's body says. Raises: AnswerTextError."""
    if len(text) > DELIVERY_BYTES_MAX:
        raise AnswerTextError("the text is over 1048576 characters")
    first, *bodies = text.split("\n\n")
    if not first.startswith(f"{_ASKED}: "):
        first, bodies = "", text.split("\n\n")
    if len(bodies) > _STATES_MAX:
        raise AnswerTextError("more answers than states can be asked")
    answers = tuple(map(parse_answer_text, bodies))
    said = dict(_summary(first)) if first else {a.state: a.response for a in answers}
    is_told_once = len({answer.state for answer in answers}) == len(answers)
    if not is_told_once or any(said.get(a.state) is not a.response for a in answers):
        raise AnswerTextError("the answers are not those that the summary lists")
    return MergedText(responses=tuple(said.items()), answers=answers)


def _summary(text: str) -> Iterator[tuple[Member, ResponseKind]]:
    """Return what each state of a summary said. Raises: AnswerTextError if the sum is wrong."""
    counted, *lines = parse_items(text)
    seen: set[Member] = set()
    for line in lines:
        label, _, codes = line.partition(": ")
        response = _KINDS.get(label)
        if response is None:
            raise AnswerTextError("a line of the summary is not one of its own")
        for code in codes.split(" "):
            state = state_of_code(code)
            if state in seen:
                raise AnswerTextError("the summary lists a state twice")
            seen.add(state)
            yield state, response
    if counted != f"{_ASKED}: {len(seen)}":
        raise AnswerTextError("the summary does not list every state asked")
