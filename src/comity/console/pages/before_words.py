"""What was decided before for the agency that asks: a count, and its last decisions, in words.

Guarantee: it says what was decided, not what should be, and how far back was looked.
Source: docs/adr/0041-what-would-go-out.md, section Past decisions.
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.pages.decision_words import decision_words, looked_said
from comity.console.pages.planted_words import caught_said
from comity.console.words import share_said
from comity.directory.directory import Directory
from comity.domain.ids import Member
from comity.link.command import HoldView
from comity.review.past import ENDINGS, PastDecision, PastTally, tally_of
from comity.services.past_decisions import Past

__all__ = ["before_words"]

_ROWS_MAX: Final = 3


def before_words(
    past: Past | None, hold: HoldView, state: Member, directory: Directory, now: int
) -> dict[str, Any]:
    """Return the sentence, the rows, how far back was looked, how test cases of the state ended.

    `past` is None if unreadable.
    """
    if past is None:
        sentence = "What was decided before cannot be read from the ledger now."
        return {"sentence": sentence, "rows": [], "looked": "", "tests": ""}
    own = [each for each in past.decisions if each.agency == hold.agency]
    held = frozenset(hold.classes)
    # What was asked for the same parts tells more than what was asked last; a question, a call back
    # or a passing on decided nothing.
    ended = (each for each in own if each.became in ENDINGS)
    alike = sorted(ended, key=lambda each: frozenset(each.held) != held)[:_ROWS_MAX]
    rows = [
        decision_words(each, state, directory, now) | {"is_alike": frozenset(each.held) == held}
        for each in alike
    ]
    return {
        "sentence": _sentence(own, tally_of(own)),
        "rows": rows,
        "looked": looked_said(past),
        "tests": caught_said(past.tests),
    }


def _sentence(own: list[PastDecision], tally: PastTally) -> str:
    if not own:
        return "No decision about this agency stands by its name in what was read of the ledger."
    if not tally.ended:
        return "No request of this agency that was held has ended yet."
    if tally.ended == 1:
        done = "was" if tally.released else "was not"
        return f"The one request of this agency that has ended {done} released in whole or part."
    share = share_said(tally.released, tally.ended)
    were = "was" if tally.released == 1 else "were"
    return (
        f"Of this agency's requests that were held and have ended, {share} {were} released in "
        "whole or part."
    )
