"""How onward transfers are told: a sentence, rows of their list, and one of them whole."""

from __future__ import annotations

from typing import Any, Final

from comity.console.routes import Name, url_of
from comity.console.words import (
    counted,
    day_said,
    iso,
    label_of,
    left_said,
    listed,
    opened,
    plain,
    tone_of,
)
from comity.domain.ids import Member, member_label, parse_entry_name
from comity.domain.onward import OnwardStands, Receives
from comity.domain.vocabulary import DataClass, Purpose, term
from comity.link.onward import OnwardAsked, OnwardShown, OnwardTold
from comity.review.deadline_words import day_words
from comity.services.onward_ledger import WINDOW_DAYS

__all__ = ["asked_row", "onward_finding", "told_facts", "told_row"]

_GONE: Final = "Cannot be read any more"
_RULES: Final = {
    Receives.REFUSED: ("refused", "Refused by the rules"),
    Receives.HELD: ("held", "Held by the rules"),
    Receives.RELEASED: ("released", "Released by the rules"),
    Receives.UNKNOWN: ("none", "Not known"),
    Receives.NOBODY: ("released", "Passed to nobody"),
}
_STANDS: Final = {
    OnwardStands.OPEN: "Asked, no answer yet",
    OnwardStands.UNANSWERED: "Not answered in time",
    OnwardStands.ANSWERED: "Answered",
}


def onward_finding(shown: OnwardShown, state: Member) -> str:
    """Return in a sentence what agencies told, and how much of it went to whom the state refuses;
    then what nobody answered.
    """
    label = member_label(state)
    went = [each for each in shown.told if each.agency and each.receives is not Receives.NOBODY]
    refused = sum(each.receives is Receives.REFUSED for each in went)
    silent = sum(each.stands is OnwardStands.UNANSWERED for each in shown.asked)
    said = f"No agency told {label} of an onward transfer in {WINDOW_DAYS} days"
    if went:
        count = counted(len(went), "onward transfer")
        whom = f"{refused or 'none'} to an agency" if refused < 2 else f"{refused:,} to agencies"
        if len(went) == 1:
            whom = "to an agency" if refused else "not to an agency"
        said = f"Agencies told {label} of {count} in {WINDOW_DAYS} days, {whom} that it refuses"
    if silent:
        question = "question was" if silent == 1 else "questions were"
        said += f"; {silent:,} {question} not answered in time"
    return f"{said}."


def asked_row(view: OnwardAsked, now: int) -> dict[str, Any]:
    """Return a question as the list has it."""
    left = view.due - now
    return {
        "release": view.release.upper(),
        "agency": plain(view.agency_name) or view.agency or _GONE,
        "phone": plain(view.phone) or "none listed",
        "stands": _STANDS[view.stands],
        "is_silent": view.stands is OnwardStands.UNANSWERED,
        "entry": view.entry.upper(),
        "due": iso(view.due),
        "left": left_said(left),
        "tone": tone_of(left),
    }


def told_row(view: OnwardTold, state: Member, *, is_link: bool) -> dict[str, Any]:
    """Return what was told as the list has it; a link opens the agency's own words."""
    mark, rules = _RULES[view.receives]
    return {
        "release": view.release.upper(),
        "url": url_of(Name.ONWARD_TOLD, number=parse_entry_name(view.entry)[1]) if is_link else "",
        "agency": plain(view.agency_name) or view.agency or _GONE,
        "to": _to(view),
        "purpose": label_of(Purpose, view.purpose) if view.on else "",
        "parts": opened(_parts(view.classes)),
        "on": day_words(view.on) if view.on else day_said(view.at, state),
        "mark": mark,
        "rules": rules,
    }


def told_facts(view: OnwardTold, state: Member) -> dict[str, Any]:
    """Return one word of an agency whole."""
    row = told_row(view, state, is_link=False)
    label = member_label(state)
    who = row["agency"] if view.agency else "An agency that cannot be read any more"
    return {
        **row,
        "finding": _finding(view, who, label),
        "text": [plain(line) for line in view.text.splitlines()],
        "refused": _parts(view.refused),
        "is_refused": view.receives is Receives.REFUSED,
        "state_name": label,
        "facts_shown": [
            ("Told by", f"{who} ({view.agency})" if view.agency else who),
            ("Officer", plain(view.operator) or "not named"),
            ("Passed on to", row["to"]),
            ("For", row["purpose"] or "nothing"),
            ("Parts", row["parts"] or "none"),
            ("On", row["on"]),
            ("Release", row["release"]),
            ("Told on", day_said(view.at, state)),
            ("Recorded as", view.entry.upper()),
        ],
    }


def _finding(view: OnwardTold, who: str, label: str) -> str:
    name = view.release.upper()
    if view.receives is Receives.NOBODY:
        return f"{who} says that it passed {name} on to nobody."
    if not view.agency:
        return f"What an agency told of {name} cannot be read any more."
    says = {
        Receives.REFUSED: f"to which {label} refuses it",
        Receives.HELD: f"for which {label} has a person decide",
        Receives.RELEASED: f"to which {label} would release it",
    }.get(view.receives, "of which the directory knows nothing")
    return f"{who} passed {name} on to {_to(view)}, {says}."


def _to(view: OnwardTold) -> str:
    if not view.agency:
        return _GONE
    if view.receives is Receives.NOBODY:
        return "Nobody"
    return f"{plain(view.to_name)} ({view.to})" if view.to_name else plain(view.to)


def _parts(classes: tuple[DataClass, ...]) -> str:
    return listed([term(part).label for part in classes])
