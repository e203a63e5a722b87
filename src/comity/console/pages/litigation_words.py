"""What pages say of litigation holds: a sentence for all, a row and facts for each.

Guarantee: the matter of a hold is told only to whoever may lift it.
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.routes import Name, url_of
from comity.console.visits import Visit
from comity.console.words import counted, iso, left_said, listed, moment_said, opened, tone_of
from comity.domain.ids import Member, member_label
from comity.domain.keeping import ORDER_SECONDS_MAX, KeepingReason, SignedOrder, parse_month
from comity.services.litigation import HoldsStanding, StandingHold

__all__ = [
    "CAUSES",
    "hold_facts",
    "hold_finding",
    "hold_row",
    "holds_finding",
    "lift_facts",
    "schedule_said",
]

CAUSES: Final = (
    (KeepingReason.LITIGATION.value, "A suit, pending or expected"),
    (KeepingReason.COURT_ORDER.value, "An order of a court"),
)
"""Why a hold is placed or lifted, as it is published: the word in the leaf, and what it means."""
_CAUSES: Final = dict(CAUSES)
_UNOPENED: Final = "cannot be opened here"


def holds_finding(found: HoldsStanding, state: Member) -> str:
    """Return the sentence that answers what is held."""
    label = member_label(state)
    if not found.count:
        return f"No litigation hold stands in {label}: its schedule runs as it is set."
    count = opened(counted(found.count, "litigation hold stands", "litigation holds stand"))
    if found.covers_all:
        return f"{count} in {label}: nothing of any month is destroyed."
    return f"{count} in {label}: nothing of {counted(found.months, 'month')} is destroyed."


def schedule_said(found: HoldsStanding, state: Member) -> str:
    """Return what would be destroyed by itself if nothing were held."""
    label = member_label(state)
    if found.keep_months is None:
        return f"{label} has set no records schedule: nothing is destroyed by itself."
    kept = counted(found.keep_months, "whole month", "whole months")
    return f"By its schedule {label} keeps each month's records for {kept} after it."


def hold_finding(hold: StandingHold, visit: Visit) -> str:
    """Return what one hold does, in a sentence."""
    since = moment_said(hold.since, visit.person.state, visit.now)
    what = "any month, past or coming," if hold.months is None else _span(hold.months)
    return f"Since the hour of {since} nothing of {what} is destroyed."


def hold_row(
    hold: StandingHold, visit: Visit, *, shows_matter: bool, is_asked: bool
) -> dict[str, Any]:
    """Return a hold as the list shows it."""
    return {
        "entry": hold.entry.upper(),
        "url": url_of(Name.LITIGATION_HOLD, number=hold.leaf_index),
        "months": _months(hold),
        "cause": _cause(hold.reason),
        "matter": _matter(hold) if shows_matter else "",
        "persons": _persons(hold),
        "hour": iso(hold.since),
        "since": f"hour of {moment_said(hold.since, visit.person.state, visit.now)}",
        "is_asked": is_asked,
    }


def hold_facts(hold: StandingHold, visit: Visit, *, shows_matter: bool) -> list[tuple[str, str]]:
    """Return what is known of a hold, label by label."""
    facts = [
        ("Months", _months(hold)),
        ("Cause, public", _cause(hold.reason)),
        ("Placed by", _persons(hold)),
        ("Since", f"hour of {moment_said(hold.since, visit.person.state, visit.now)}"),
        ("Recorded as", hold.entry.upper()),
    ]
    if shows_matter:
        facts.insert(2, ("Matter, private", _matter(hold)))
    return facts


def lift_facts(asked: SignedOrder, visit: Visit, *, shows_matter: bool) -> dict[str, Any]:
    """Return what was asked by one person about a hold, and until when it counts."""
    until = asked.order.at + ORDER_SECONDS_MAX
    facts = [
        ("Asked by", listed([signature.name for signature in asked.signatures])),
        ("Cause, public", _cause(asked.order.reason)),
        ("Asked at", moment_said(asked.order.at, visit.person.state, visit.now)),
        ("Counts until", moment_said(until, visit.person.state, visit.now)),
    ]
    if shows_matter:
        facts.insert(2, ("Why, private", asked.order.matter))
    return {
        "facts": facts,
        "until": iso(until),
        "left": left_said(until - visit.now),
        "tone": tone_of(until - visit.now),
    }


def _months(hold: StandingHold) -> str:
    return "All, past and coming" if hold.months is None else _span(hold.months)


def _span(months: tuple[str, ...]) -> str:
    """Return months that rise: a run of them by its ends, others one by one."""
    first, last = parse_month(months[0]), parse_month(months[-1])
    if len(months) > 2 and last - first == len(months) - 1:
        return f"{months[0]} to {months[-1]} ({counted(len(months), 'month')})"
    return listed(months)


def _cause(reason: KeepingReason) -> str:
    return _CAUSES.get(reason.value, opened(reason.replace("_", " ")))


def _matter(hold: StandingHold) -> str:
    return opened(_UNOPENED) if hold.persons is None else hold.matter or "Not stated"


def _persons(hold: StandingHold) -> str:
    return opened(_UNOPENED) if hold.persons is None else listed(hold.persons) or "Nobody"
