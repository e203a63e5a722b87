"""A call back to the agency of a held request: the closed form of the note that records it.

A reviewer rings the agency at its number in the directory and asks whether one of its officers
asks. What is signed is an ordinary verdict; its note says the number, what came of it, what was
said. Guarantee: a call and its note are one to one.
Source: docs/adr/0061-call-backs.md.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.verdict import Verdict

__all__ = [
    "CALLS_MAX",
    "SAID_CHARACTERS_MAX",
    "CallBack",
    "CallOutcome",
    "call_back_of",
    "call_note",
    "is_call_back",
    "is_call_note",
    "is_said",
]

CALLS_MAX: Final = 16
"""Calls that are recorded on one hold."""
SAID_CHARACTERS_MAX: Final = 400
"""Characters of what was said; with the longest number the note keeps to its 500."""
# Also what is nearly so: a misspelt call must not go to the agency as a question.
_BEGINS: Final = re.compile(r"\s*call[\s_-]*back\s*:", re.IGNORECASE)
_NOTE: Final = re.compile(r"call-back: ([0-9+() .x-]{1,32}); (confirmed|denied|unreached); (.+)")


class CallOutcome(StrEnum):
    """What came of a call."""

    CONFIRMED = "confirmed"
    """The agency says that one of its officers asks this."""
    DENIED = "denied"
    UNREACHED = "unreached"


class CallBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call: by whom, when (Unix seconds), at which step of the hold, and what came of it.

    `reviewer` is the enrolled name, `number` the agency's in the directory, `said` 1 to 400
    characters of one line.
    """

    reviewer: str
    at: int
    step: int
    number: str
    outcome: CallOutcome
    said: str


def call_note(number: str, outcome: CallOutcome, said: str) -> str:
    """Return the note by which a call is recorded."""
    return f"call-back: {number}; {outcome.value}; {said}"


def is_call_note(note: str) -> bool:
    """Say whether a note begins as that of a call, in its form or not."""
    return _BEGINS.match(note) is not None


def is_said(text: str) -> bool:
    """Say whether a text can stand as what was said: one line of what is seen, not blank."""
    is_line = text.isprintable() and text == text.strip()
    return is_line and 1 <= len(text) <= SAID_CHARACTERS_MAX


def call_back_of(verdict: Verdict) -> CallBack | None:
    """Return the call that a verdict's note records; None where it is not in the form."""
    found = _NOTE.fullmatch(verdict.note)
    if found is None or not is_said(found[3]):
        return None
    return CallBack(
        reviewer=verdict.reviewer,
        at=verdict.at,
        step=verdict.step,
        number=found[1],
        outcome=CallOutcome(found[2]),
        said=found[3],
    )


def is_call_back(call: CallBack) -> bool:
    """Say whether a call is one that a note can record."""
    said = (call.number, call.outcome, call.said)
    found = _NOTE.fullmatch(call_note(*said))
    return found is not None and found.groups() == said and is_said(call.said)
