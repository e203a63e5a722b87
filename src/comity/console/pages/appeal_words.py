"""How appeals are told: rows of their list, one of them whole, and counts of them."""

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
    plain,
    share_said,
    tone_of,
)
from comity.domain.appeal import AppealDecision, AppealStands
from comity.domain.ids import Member, parse_entry_name
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import Purpose, term
from comity.link.appeals import AppealView, FirstVerdict
from comity.services.appeal_figures import AppealTally

__all__ = [
    "appeal_facts",
    "appeal_row",
    "appeals_finding",
    "appeals_said",
    "choices_of",
    "granted_said",
]

_KINDS: Final = {
    VerdictKind.APPROVE: "Released",
    VerdictKind.REFUSE: "Refused",
    VerdictKind.ASK: "Asked the agency",
    VerdictKind.ESCALATE: "Passed it on",
}


def appeals_finding(appeals: Sequence[AppealView], now: int) -> str:
    """Return in a sentence how many appeals wait, and until when the next one does."""
    if not appeals:
        return "No appeal waits for a decision."
    late = sum(view.stands is AppealStands.OVERDUE for view in appeals)
    waits = counted(len(appeals), "appeal waits", "appeals wait")
    if late == len(appeals):
        return f"{waits} for another person, {'and is' if late == 1 else 'all'} overdue."
    nearest = min(view.due for view in appeals if view.stands is not AppealStands.OVERDUE)
    overdue = f"{late:,} overdue, " if late else ""
    return f"{waits} for another person: {overdue}the next one has {left_said(nearest - now)}."


def appeal_row(view: AppealView, now: int) -> dict[str, Any]:
    """Return an appeal as its list has it; nobody is named."""
    left = view.due - now
    return {
        "entry": view.entry.upper(),
        "url": url_of(Name.APPEAL, number=parse_entry_name(view.entry)[1]),
        "agency": _who(view) or "cannot be read any more",
        "case": view.case_number or "none",
        "refused": _refused(view),
        "parts": opened(listed([term(part).label for part in view.classes])),
        "due": iso(view.due),
        "left": left_said(left),
        "tone": tone_of(left),
    }


def appeal_facts(
    view: AppealView, state: Member, now: int, *, names_reviewers: bool
) -> dict[str, Any]:
    """Return one appeal whole; who decided before is named where `names_reviewers`."""
    who = _who(view) or "An agency that cannot be read any more"
    row = appeal_row(view, now)
    purpose = opened(term(Purpose(view.purpose)).label) if view.purpose else "unknown"
    return {
        **row,
        "finding": f"{who} appeals: {_question(view)}",
        "lines": [plain(line) for line in view.text.splitlines()],
        "wrote": moment_said(view.wrote_at, state, now) if view.wrote_at else "",
        "wrote_by": view.wrote_by,
        "verdicts": [
            _verdict(each, state, now, names_reviewers=names_reviewers) for each in view.verdicts
        ],
        "rules": view.rules,
        "is_own": view.is_own,
        "no_pass": view.no_pass,
        "action": url_of(Name.APPEAL, number=parse_entry_name(view.entry)[1]),
        "facts_shown": [
            ("Agency", f"{who} ({view.agency})" if view.agency else who),
            ("Telephone", view.phone or "none in the directory"),
            ("Asked by officer", view.operator or "not named"),
            ("Message key", view.key),
            ("Purpose", purpose),
            ("Case", view.case_number or "not stated"),
            ("About", ", ".join(f"{name} {plain(value)}".strip() for name, value in view.search)
             or "unknown"),
            ("Refused", row["parts"]),
            ("Refused on", day_said(view.refused_at, state)),
            ("By", row["refused"]),
            ("Appealed on", day_said(view.filed_at, state)),
            ("Decide by the end of", day_said(view.due - 1, state)),
            ("The appeal is", view.appeal_entry.upper()),
        ],
    }  # fmt: skip


def choices_of(view: AppealView) -> list[tuple[str, str, str]]:
    """Return what can be decided of an appeal: value, label, what it does."""
    found: list[tuple[str, str, str]] = []
    if view.is_by_person:
        does = "What it asks next in this case is decided at once, under the rules in force then."
        if view.no_pass:
            does = "It is told to ask again; that is held, and this finding is shown beside it."
        found.append((AppealDecision.GRANTED.value, "Grant it", does))
    found.append(
        (AppealDecision.UPHELD.value, "Uphold the refusal", "The refusal stands; it is told so.")
    )
    if view.rules:
        found.append(
            (
                AppealDecision.FOR_RULES.value,
                "Leave it to the rules",
                "Nothing is released. Whoever writes the rules reads of it beside the rule.",
            )
        )
    return found


def appeals_said(tally: AppealTally) -> str:
    """Return in a sentence what became of appeals; empty where there was none."""
    if not tally.filed:
        return ""
    filed = counted(tally.filed, "refusal was", "refusals were")
    days = ""
    if tally.days is not None:
        days = f" Half of those decided took {counted(tally.days, 'day')} at most."
    late = f", {tally.overdue:,} overdue" if tally.overdue else ""
    rules = f", {tally.for_rules:,} left to the rules" if tally.for_rules else ""
    return (
        f"{filed} appealed in the last {tally.over_days} days: granted "
        f"{share_said(tally.granted, tally.decided)}, {tally.upheld:,} upheld{rules}, "
        f"{tally.filed - tally.decided:,} not decided yet{late}.{days}"
        if tally.decided
        else f"{filed} appealed in the last {tally.over_days} days; none is decided yet{late}."
    )


def granted_said(entries: Sequence[str]) -> str:
    """Return which appeals granted what a held request asks; empty where none did."""
    if not entries:
        return ""
    named = listed([each.upper() for each in entries])
    return (
        f"An appeal was granted that asked the same: {named}. You decide this request all the same."
    )


def _who(view: AppealView) -> str:
    return view.agency_name or view.agency


def _refused(view: AppealView) -> str:
    if view.is_undecided:
        return "nobody decided in time"
    if view.is_by_person:
        return "a person"
    return listed(list(view.rules)) or "the rules"


def _question(view: AppealView) -> str:
    what = listed([term(part).label for part in view.classes])
    case = f" in case {view.case_number}" if view.case_number else ""
    if view.is_undecided:
        return f"nobody decided in time about {what}{case}."
    if view.is_by_person:
        return f"a person refused {what}{case}."
    return f"the rules refused {what}{case}."


def _verdict(
    given: FirstVerdict, state: Member, now: int, *, names_reviewers: bool
) -> dict[str, str]:
    parts = listed([term(part).label for part in given.approved])
    by = given.reviewer if names_reviewers else "A reviewer"
    return {
        "who": by,
        "at": moment_said(given.at, state, now),
        "what": _KINDS[given.kind] + (f": {parts}" if parts else ""),
        "note": plain(given.note),
    }
