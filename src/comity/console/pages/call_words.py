"""What a page says of the calls back to an agency: each of them, and where they leave a request.

Guarantee: pure; what was said stands as it was recorded, and that nobody called is said too.
Source: docs/adr/0061-call-backs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from comity.console.words import counted, moment_said, opened, plain
from comity.domain.call_back import CallBack, CallOutcome
from comity.domain.ids import Member
from comity.domain.vocabulary import Instrument
from comity.link.command import HoldView

__all__ = [
    "OUTCOMES",
    "call_state",
    "calls_fact",
    "calls_fact_together",
    "calls_said",
]

OUTCOMES: Final = {
    CallOutcome.CONFIRMED: "The agency confirmed that its officer asks this",
    CallOutcome.DENIED: "The agency denied that its officer asks this",
    CallOutcome.UNREACHED: "Nobody was reached who can say",
}
_NOBODY: Final = "nobody has called this agency back"


def calls_said(
    calls: Iterable[CallBack], names: Mapping[str, str], member: Member, now: int
) -> list[tuple[str, str, str]]:
    """Return each call, the newest first: who called when and where, what came of it, the words."""
    return [
        (
            f"{_name(call, names)}, {moment_said(call.at, member, now)}, at {call.number}",
            OUTCOMES[call.outcome],
            plain(call.said),
        )
        for call in reversed(tuple(calls))
    ]


def calls_fact(
    hold: HoldView, names: Mapping[str, str], member: Member, now: int
) -> tuple[str, str]:
    """Return what is known by telephone before a release: a kind of remark, and the sentence."""
    last = _last_answered(hold)
    if last is not None:
        when = moment_said(last.at, member, now)
        said = OUTCOMES[last.outcome].lower()
        kind = "warning" if last.outcome is CallOutcome.DENIED else "info"
        return kind, f"{_name(last, names)} called back at {when}: {said}."
    fact = _NOBODY
    if hold.calls:
        fact = f"{counted(len(hold.calls), 'call')} back reached nobody who can say"
    if _claims_emergency(hold):
        return "warning", f"It claims an emergency, and {fact}."
    return "info", f"{opened(fact)}."


def calls_fact_together(holds: Sequence[HoldView]) -> tuple[str, str]:
    """Return the same of several requests, by how many there are of each."""
    states = [call_state(hold) for hold in holds]
    counts = {
        each: states.count(each.value) for each in (CallOutcome.DENIED, CallOutcome.CONFIRMED)
    }
    known = sum(counts.values())
    is_urgent = any(_claims_emergency(hold) for hold in holds if _last_answered(hold) is None)
    said: list[str] = []
    for outcome, count in counts.items():
        if count:
            what = "it of" if said else "that its officer asks"
            said.append(f"{outcome.value} {what} {count}{'' if said else ' of them'}")
    sentences = [f"By telephone the agency {' and '.join(said)}"] if said else []
    if known < len(holds):
        whom = f"about {len(holds) - known}" if said else "About all of them"
        agency = "it" if said else "this agency by telephone"
        claims = ", though an emergency is claimed" if is_urgent else ""
        sentences.append(f"{whom} nobody has reached {agency}{claims}")
    is_grave = is_urgent or counts[CallOutcome.DENIED]
    return ("warning" if is_grave else "info"), f"{'; '.join(sentences)}."


def call_state(hold: HoldView) -> str:
    """Return in a word or two where the calls leave a request."""
    last = _last_answered(hold)
    if last is not None:
        return last.outcome.value
    return "not reached" if hold.calls else "no"


def _last_answered(hold: HoldView) -> CallBack | None:
    """Return the last call in which the agency answered; whom nobody reached said nothing new."""
    answered = [call for call in hold.calls if call.outcome is not CallOutcome.UNREACHED]
    return answered[-1] if answered else None


def _claims_emergency(hold: HoldView) -> bool:
    return hold.instrument == Instrument.EMERGENCY_DECLARATION.value


def _name(call: CallBack, names: Mapping[str, str]) -> str:
    return names.get(call.reviewer) or opened(call.reviewer)
