"""What became of a request, outcome first: for the list, and for its own page.

Guarantee: a field stands here only if it was delivered; silence, a hold and a refusal are never
told as no record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.console.routes import Name, url_of
from comity.console.words import (
    counted,
    iso,
    left_said,
    listed,
    moment_said,
    opened,
    plain,
    tone_of,
)
from comity.domain.answer import FREE_TEXT, Answer, Element, ResponseKind, Withheld
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import DataClass, Outcome, term
from comity.services.own_requests import OwnRequest, StateAnswer

__all__ = ["answer_sentence", "list_rows", "list_sentence", "state_words"]

_GROUPS: Final = ("Needs you", "Waits on a state", "Done")
_MARKS: Final = {
    ResponseKind.HIT: "released",
    ResponseKind.DELIVERED: "released",
    ResponseKind.HELD: "held",
    ResponseKind.REFUSED: "refused",
    ResponseKind.NO_HIT: "none",
}
_FINE: Final = frozenset({"VALID", "ACTIVE", "ELIGIBLE", "CURRENT", "LICENSED"})
"""Standings of a licence or a registration that are nothing to beware of."""
_STANDING: Final = "_STATUS"


def answer_sentence(request: OwnRequest, member: Member, now: int) -> str:
    """Return in a sentence what came of a request; first that a reviewer waits for a reply."""
    states = request.states
    asking = [
        (member_label(each.state), asked.hold.until)
        for each in states
        if (asked := request.open_question(each)) is not None and asked.hold is not None
    ]
    if asking:
        names = listed([name for name, _ in asking])
        until = moment_said(min(until for _, until in asking), member, now)
        return f"A reviewer of {names} asks you something; it waits until {until} at the latest."
    if len(states) == 1:
        return _sentence(states[0], member, now)
    kinds = [_kind(each) for each in states]
    said = [
        counted(kinds.count(kind), one, many)
        for kind, one, many in (
            (ResponseKind.HIT, "released a record or a part of it", "released a record or part"),
            (ResponseKind.HELD, "holds it for a person", "hold it for a person"),
            (ResponseKind.REFUSED, "refused", "refused"),
            (ResponseKind.NO_HIT, "has no record", "have no record"),
            (ResponseKind.UNAVAILABLE, "gave no answer", "gave no answer"),
            (None, "has not answered yet", "have not answered yet"),
        )
        if kind in kinds
    ]
    return f"Of {len(states)} states: {listed(said)}."


def state_words(
    state: StateAnswer, question: Answer | None, member: Member, now: int
) -> dict[str, Any]:
    """Return everything that one state said, as the page has it."""
    last, kind = state.last, _kind(state)
    hold = last.hold if last is not None and not state.is_final else None
    return {
        "name": member_label(state.state),
        "mark": _MARKS.get(kind) if kind is not None else None,
        "word": _word(state),
        "warnings": [f"{_name(e)}: {plain(e.value)}" for e in state.elements if _warns(e)],
        "remark": plain(last.remark) if last is not None and question is None else "",
        "parts": _parts(state),
        "withheld": _withheld(state),
        "until": hold and iso(hold.until),
        "until_said": hold and moment_said(hold.until, member, now),
        "left": hold and left_said(hold.until - now),
        "tone": hold and tone_of(hold.until - now, is_waiting=question is None),
        "contact": plain(hold.contact) if hold else "",
        "hold": hold.entry if hold else "",
        "question": plain(question.remark) if question is not None else "",
        "source": _source(state, member, now),
        "policy": last.policy_entry.upper() if last is not None else "",
        "receipts": list(
            dict.fromkeys(proof.entry.upper() for a in state.answers for proof in a.proofs)
        ),
    }


def list_sentence(requests: Sequence[OwnRequest]) -> str:
    """Return in a sentence what waits on whom."""
    if not requests:
        return "You have asked nothing in the last two weeks."
    kinds = [_group(each) for each in requests]
    needs, waits, done = map(kinds.count, _GROUPS)
    first = f"{needs} of your {len(requests)} requests need{'s' if needs == 1 else ''} you"
    if not needs:
        first = "Nothing needs you"
    elif len(requests) == 1:
        first = "Your one request needs you"
    rest = [
        counted(count, one, many)
        for count, one, many in (
            (waits, "waits on a state", "wait on a state"),
            (done, "is done", "are done"),
        )
        if count
    ]
    return f"{'; '.join(filter(None, (first, listed(rest))))}."


def list_rows(requests: Sequence[OwnRequest], member: Member, now: int) -> list[dict[str, Any]]:
    """Return requests by group, the newest first; a group that is empty is left out."""
    groups: dict[str, list[dict[str, Any]]] = {group: [] for group in _GROUPS}
    for each in requests:
        groups[_group(each)].append(_list_row(each, member, now))
    return [{"name": name, "rows": rows} for name, rows in groups.items() if rows]


def _list_row(request: OwnRequest, member: Member, now: int) -> dict[str, Any]:
    accepted = request.accepted
    claims = accepted.query.claims
    holds = [
        state.last.hold.until
        for state in request.states
        if state.last is not None and state.last.hold is not None and not state.is_final
    ]
    until = min(holds, default=None)
    is_asked = _group(request) == _GROUPS[0]
    return {
        "url": url_of(Name.REQUEST, request=accepted.query.control),
        "name": accepted.query.control,
        "sent": moment_said(accepted.accepted_at, member, now),
        "purpose": opened(term(claims.purpose).label),
        "case": claims.case_number or "No case",
        "states": [
            {
                "name": member_label(state.state),
                "mark": _MARKS.get(kind) if (kind := _kind(state)) is not None else None,
                "word": _word(state),
            }
            for state in request.states
        ],
        "until": until and iso(until),
        "left": until and left_said(until - now),
        "tone": until and tone_of(until - now, is_waiting=not is_asked),
    }


def _group(request: OwnRequest) -> str:
    if any(request.open_question(state) is not None for state in request.states):
        return _GROUPS[0]
    return _GROUPS[2] if all(state.is_final for state in request.states) else _GROUPS[1]


def _kind(state: StateAnswer) -> ResponseKind | None:
    """Return what a state's answers come to; what was released counts first. None: silence."""
    if state.elements:
        return ResponseKind.HIT
    return state.last.response if state.last is not None else None


def _word(state: StateAnswer) -> str:
    kind = _kind(state)
    match kind:
        case None:
            return "Not answered yet"
        case ResponseKind.HIT if any(p.outcome is Outcome.HOLD for p in _open_parts(state)):
            return "Released in part, rest held"
        case ResponseKind.HIT if state.withheld:
            return "Released in part"
        case ResponseKind.HIT:
            return "Released"
        case ResponseKind.DELIVERED:
            return "Delivered"
        case ResponseKind.HELD:
            return "Held"
        case ResponseKind.REFUSED if _ended_undecided(state):
            return "Not decided in time"
        case ResponseKind.REFUSED:
            return "Refused"
        case ResponseKind.NO_HIT:
            return "No record"
        case _:
            return "No answer"


def _open_parts(state: StateAnswer) -> tuple[Withheld, ...]:
    return () if state.is_final else state.withheld


def _sentence(state: StateAnswer, member: Member, now: int) -> str:
    name, last, kind = member_label(state.state), state.last, _kind(state)
    if last is None or kind is None:
        return f"{name} has not answered yet; that says nothing of whether there is a record."
    match kind:
        case ResponseKind.HIT:
            released = f"{name} released {counted(len(state.elements), 'field')}"
            return f"{released}{_rest(state)}."
        case ResponseKind.HELD if last.hold is not None and not state.is_final:
            until = moment_said(last.hold.until, member, now)
            return f"{name} holds this for a person, until {until} at the latest."
        case ResponseKind.REFUSED if _ended_undecided(state):
            held = f"{name} held this for a person, and nobody decided in time"
            return f"{held}; nothing was released."
        case ResponseKind.REFUSED:
            rules = listed(sorted({r.rule for part in state.withheld for r in part.reasons}))
            return f"{name} refuses this{f' under {rules}' if rules else ''}; nothing was released."
        case ResponseKind.NO_HIT:
            return f"{name} has no record of what you asked for."
        case _:
            return f"{name} gave no answer; that says nothing of whether there is a record."


def _ended_undecided(state: StateAnswer) -> bool:
    """Say whether a hold ran out: what is withheld for good was held to the end."""
    parts = state.withheld
    return state.is_final and bool(parts) and all(p.outcome is Outcome.HOLD for p in parts)


def _rest(state: StateAnswer) -> str:
    held = [p for p in _open_parts(state) if p.outcome is Outcome.HOLD]
    refused = [p for p in state.withheld if p not in held]
    said = [
        f"{verb} {listed([term(p.data_class).label for p in parts])}"
        for verb, parts in (("holds", held), ("withholds", refused))
        if parts
    ]
    return f", and {listed(said)}" if said else ", all that you asked for"


def _parts(state: StateAnswer) -> list[dict[str, Any]]:
    classes = dict.fromkeys(element.data_class for element in state.elements)
    return [
        {
            "name": opened(term(part).label),
            "elements": [_element(e) for e in state.elements if e.data_class is part],
        }
        for part in classes
    ]


def _element(element: Element) -> tuple[str, list[str]]:
    if element.data_class is DataClass.PHOTO:
        return _name(element), ["A photo came with it. This page does not show photos."]
    return _name(element), [plain(line) for line in element.value.splitlines()] or [""]


def _name(element: Element) -> str:
    if element.name == FREE_TEXT:
        return "Text"
    return opened(plain(element.name).replace("_", " ").replace(":", " ").lower())


def _warns(element: Element) -> bool:
    is_standing = element.data_class in (DataClass.STATUS, DataClass.VEHICLE)
    return (
        is_standing
        and element.name.endswith(_STANDING)
        and element.value.strip().upper() not in _FINE
    )


def _withheld(state: StateAnswer) -> list[dict[str, str]]:
    """Return what stands withheld; parts for which the same is said are named together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for part in state.withheld:
        is_held = part.outcome is Outcome.HOLD and not state.is_final
        said = (
            "held" if is_held else "refused",
            " ".join(f"{plain(r.rule)}: {plain(r.sentence)}" for r in part.reasons),
            " ".join(plain(r.statute) for r in part.reasons if r.statute),
            plain(part.would_change),
        )
        groups.setdefault(said, []).append(term(part.data_class).label)
    return [
        {
            "name": opened(listed(names)),
            "mark": mark,
            "rule": rule,
            "statute": statute,
            "change": change,
        }
        for (mark, rule, statute, change), names in groups.items()
    ]


def _source(state: StateAnswer, member: Member, now: int) -> str:
    kinds = [a.record_kind for a in state.answers if a.record_kind is not None]
    kind = f" Kind of record: {term(kinds[-1]).label}." if kinds else ""
    at = moment_said(state.at, member, now)
    source = f"From the records of {member_label(state.state)}, answered at {at}.{kind}"
    return source if state.elements else ""
