"""What an agency is told of its appeal: by a message of the state, which a whole desk reads.

Guarantee: nobody in the record is named, and nobody who decided.
Source: docs/adr/0057-appeals.md, "Telling".
"""

from __future__ import annotations

from typing import Final

from comity.domain.appeal import AppealDecision, AppealFinding
from comity.domain.ids import member_label
from comity.domain.vocabulary import term
from comity.exchange.appeals import found_line
from comity.formats.text.plain import plain_line
from comity.review.appeals import Refusal, RefusalSaid, why_no_pass

__all__ = ["found_text"]

_UPHELD: Final = "Another person of {state} looked at it again. The refusal stands."
_FOR_RULES: Final = (
    "Another person of {state} looked at it again. The rule decides this; whoever writes the rules "
    "reads of your appeal. Nothing is released until the rule changes."
)
_GRANTED: Final = "Another person of {state} looked at it again and granted: {parts}."
_AT_ONCE: Final = (
    "Case pass {entry} covers the case that you named. Ask again in it: what is asked is decided "
    "at once, as after a review, by the rules in force then."
)
_BY_PERSON: Final = (
    "No case pass can carry it, because {reason}. Ask the same again: it is held for a person, "
    "who is shown this finding."
)


def found_text(finding: AppealFinding, refusal: Refusal, said: RefusalSaid, granted: str) -> str:
    """Return the message that says what was decided; `granted` is the case pass, if any."""
    state = member_label(refusal.member)
    lines = [found_line(refusal.entry, finding.decision)]
    match finding.decision:
        case AppealDecision.UPHELD:
            lines.append(_UPHELD.format(state=state))
        case AppealDecision.FOR_RULES:
            lines.append(_FOR_RULES.format(state=state))
        case AppealDecision.GRANTED:
            parts = ", ".join(term(each).label for each in finding.classes)
            lines.append(_GRANTED.format(state=state, parts=parts))
            reason = why_no_pass(refusal.key, said)
            told = (
                _AT_ONCE.format(entry=granted.upper())
                if granted
                else _BY_PERSON.format(reason=reason)
            )
            lines.append(told)
    note = plain_line(finding.note)
    if note:
        lines.append(f"Note: {note}")
    return "\n".join(lines)
