"""How claim checks are told: rows of their list, and one of them whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.console.routes import Name, url_of
from comity.console.words import (
    counted,
    day_said,
    iso,
    left_said,
    listed,
    moment_said,
    opened,
    tone_of,
)
from comity.domain.claim_check import ClaimStands
from comity.domain.ids import Member, parse_entry_name
from comity.domain.vocabulary import Purpose, term
from comity.link.claims import ClaimView

__all__ = ["claim_facts", "claim_row", "claims_finding"]

_STANDS: Final = {
    ClaimStands.OPEN: ("open", "Asked, no answer yet"),
    ClaimStands.ANSWERED: ("held", "Answered: a reviewer looks"),
    ClaimStands.UNANSWERED: ("refused", "No answer in time: its requests wait"),
    ClaimStands.NOT_PROVED: ("refused", "Not proved: its requests wait"),
    ClaimStands.PROVED: ("released", "Proved"),
}


def claims_finding(checks: Sequence[ClaimView]) -> str:
    """Return in a sentence how many checks stand open, and how."""
    if not checks:
        return "No claim check stands open."
    stands = [view.stands for view in checks]
    waits = sum(each.waits for each in stands)
    answered = stands.count(ClaimStands.ANSWERED)
    asked = stands.count(ClaimStands.OPEN)
    said = ((waits, "not proved in time"), (answered, "answered"), (asked, "with time left"))
    parts = [what if len(checks) == 1 else f"{n:,} {what}" for n, what in said if n]
    count = counted(len(checks), "claim check stands", "claim checks stand")
    return f"{count} open{', ' if len(checks) == 1 else ': '}{listed(parts)}."


def claim_row(view: ClaimView, now: int) -> dict[str, Any]:
    """Return a check as its list has it."""
    stands = view.stands
    is_timed = stands in (ClaimStands.OPEN, ClaimStands.UNANSWERED)
    left = view.due - now
    return {
        "entry": view.entry.upper(),
        "url": url_of(Name.CLAIM, number=parse_entry_name(view.entry)[1]),
        "agency": _who(view) or "cannot be read any more",
        "purpose": _purpose(view),
        "case": view.case_number or "none",
        "mark": _STANDS[stands][0],
        "stands": _STANDS[stands][1],
        "is_timed": is_timed,
        "due": iso(view.due),
        "left": left_said(left),
        "tone": tone_of(left),
    }


def claim_facts(view: ClaimView, state: Member, now: int) -> dict[str, Any]:
    """Return one check with what its agency answered."""
    who = _who(view) or "An agency that cannot be read any more"
    classes = listed([term(part).label for part in view.classes])
    row = claim_row(view, now)
    return {
        **row,
        "finding": _finding(view, who, state),
        "waits": view.stands.waits,
        "is_not_proved": view.stands is ClaimStands.NOT_PROVED,
        "answers": view.answers,
        "phone": view.phone,
        "action": url_of(Name.CLAIM, number=parse_entry_name(view.entry)[1]),
        "facts_shown": [
            ("Stands", row["stands"]),
            ("Agency", f"{who} ({view.agency})" if view.agency else who),
            ("Telephone", view.phone or "none in the directory"),
            ("Officer", view.operator or "not named"),
            ("Purpose", row["purpose"]),
            ("Case", view.case_number or "not stated"),
            ("Released", opened(classes) or "cannot be read any more"),
            ("Requested", moment_said(view.accepted_at, state, now) if view.agency else "unknown"),
            ("Asked on", day_said(view.asked_at, state)),
            ("Answer by the end of", day_said(view.due - 1, state)),
            ("The check began as", view.asked_entry.upper()),
        ],
    }


def _finding(view: ClaimView, who: str, state: Member) -> str:
    case = f"case {view.case_number}" if view.case_number else "its case"
    match view.stands:
        case ClaimStands.OPEN:
            by = day_said(view.due - 1, state)
            return f"{who} was asked to prove {case} and has until the end of {by}."
        case ClaimStands.ANSWERED:
            times = counted(view.answer_count, "time")
            return f"{who} answered {times} about {case}: is the claim proved?"
        case ClaimStands.UNANSWERED:
            return f"{who} did not prove {case} in ten days: its requests wait for a person."
        case _:
            return f"{who} did not prove {case}: its requests wait for a person."


def _who(view: ClaimView) -> str:
    return view.agency_name or view.agency


def _purpose(view: ClaimView) -> str:
    return opened(term(Purpose(view.purpose)).label) if view.purpose else "unknown"
