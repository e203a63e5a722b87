"""Messages that appeal against a refusal: the state is asked to look at it again.

    AM, the agency to the state:   APPEAL WA/1234
                                   the reasons

Guarantee: anything else is a message like any other. What became of an appeal is told by a message
of the state itself, whose first line is `APPEAL OF WA/1234: GRANTED` and which is never taken for
an appeal.
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.appeal import AppealDecision
from comity.domain.ids import Member, wire_of_member
from comity.domain.keys import MessageKey
from comity.exchange.replies import named_entry, named_text

__all__ = [
    "APPEAL_DAYS",
    "FOUND_WORDS",
    "appeal_text",
    "appealed_entry",
    "found_entry",
    "found_line",
    "with_appeal",
]

APPEAL_DAYS: Final = 30
"""Calendar days after a refusal in which it can be appealed, in the state's zone."""
_APPEAL: Final = "APPEAL"
_HOW: Final = (
    "TO APPEAL WITHIN {days} DAYS SEND AM TO {state}, FIRST LINE: APPEAL AND THE LAST LEDGER ENTRY"
)
FOUND_WORDS: Final = {
    AppealDecision.GRANTED: "GRANTED",
    AppealDecision.UPHELD: "UPHELD",
    AppealDecision.FOR_RULES: "FOR RULES",
}
"""A decision as a message's first line has it."""
_FOUND_LINE: Final = re.compile(
    rf"{_APPEAL} OF ([A-Z]{{2}}/[0-9]{{1,18}}): (?:{'|'.join(FOUND_WORDS.values())})(?:\n|\Z)"
)


def appeal_text(entry: str, text: str) -> str:
    """Return the body of a message that appeals against a refusal."""
    return named_text(_APPEAL, entry, text)


def appealed_entry(key: MessageKey, body: str) -> tuple[str, str] | None:
    """Return the refusal that a message appeals against and the reasons; None: it is no appeal."""
    return named_entry(_APPEAL, key, body)


def with_appeal(remark: str, state: Member) -> str:
    """Return what a refusal says, and how to appeal against it."""
    how = _HOW.format(days=APPEAL_DAYS, state=wire_of_member(state))
    return " - ".join(part for part in (remark, how) if part)


def found_line(entry: str, decision: AppealDecision) -> str:
    """Return the first line of the message that says what was decided."""
    return f"{_APPEAL} OF {entry.upper()}: {FOUND_WORDS[decision]}"


def found_entry(text: str) -> str | None:
    """Return the refusal that a message's first line says a decision about, or None."""
    found = _FOUND_LINE.match(text)
    return None if found is None else found[1].lower()
