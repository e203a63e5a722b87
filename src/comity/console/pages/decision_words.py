"""Past decisions in the words of the pages that show them.

Guarantee: nothing here names a person; an agency below its state's publication threshold is not
named either, because the ledger does not show it.
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.words import counted, iso, listed, moment_said, opened
from comity.directory.directory import Directory
from comity.domain.ids import ORI, Member, entry_name
from comity.domain.vocabulary import term
from comity.review.past import Became, PastDecision
from comity.services.past_decisions import DECISIONS_MAX, Past

__all__ = ["decision_words", "looked_said"]

_HOUR_SECONDS: Final = 3_600
_SAID: Final[dict[Became, tuple[str, str]]] = {
    Became.RELEASED: ("released", "Released"),
    Became.PART: ("released", "Released in part"),
    Became.NO_RECORD: ("none", "No record"),
    Became.NOTHING: ("none", "Nothing of it in the record"),
    Became.REFUSED: ("refused", "Refused"),
    Became.BY_RULES: ("refused", "Refused by the rules in force"),
    Became.EXPIRED: ("refused", "Not decided in time"),
    Became.ASKED: ("held", "Agency was asked"),
    Became.PASSED_ON: ("held", "Passed on"),
}


def looked_said(past: Past) -> str:
    """Return how far back was looked."""
    count = counted(past.size - past.first, "entry", "entries")
    if past.first == 0:
        return f"Counted over the whole ledger: {count}."
    if len(past.decisions) >= DECISIONS_MAX:
        return (
            f"Counted over the last {DECISIONS_MAX:,} decisions, in the last {count} of the ledger."
        )
    return f"Counted over the last {count} of the ledger; what was decided before is not among it."


def decision_words(
    each: PastDecision, state: Member, directory: Directory, now: int
) -> dict[str, Any]:
    """Return one decision as a row of a page has it."""
    mark, word = _SAID[each.became]
    agency = directory.agency(ORI(each.agency)) if each.agency else None
    at = each.hour * _HOUR_SECONDS
    return {
        "entry": entry_name(state, each.index).upper(),
        "hold": entry_name(state, each.hold_index).upper(),
        "agency": agency.name if agency is not None else each.agency or "not shown in the ledger",
        "parts": opened(listed([term(part).label for part in each.held])),
        "released": opened(listed([term(part).label for part in each.released])) or "Nothing",
        "mark": mark,
        "word": word,
        "hour": iso(at),
        "hour_said": moment_said(at, state, now),
    }
