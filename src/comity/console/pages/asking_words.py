"""What a preview says, in a sentence and by part; and what was asked, as pairs.

Guarantee: what is likely is never said as certain, and a state whose rules are not asked here is
said to be that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.console.words import counted, listed, opened, plain, span_said
from comity.domain.agency import Agency
from comity.domain.ids import member_label, member_of_wire
from comity.domain.query import Query
from comity.domain.vocabulary import Outcome, term
from comity.services.previews import PartPreview, StatePreview

__all__ = ["asked_facts", "preview_rows", "preview_sentence"]

_MARKS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}
_WORDS: Final = {
    Outcome.RELEASE: "Released at once",
    Outcome.HOLD: "Held for a person",
    Outcome.DENY: "Refused",
}
_NAMES: Final = {
    "OLN": "Licence number",
    "NAM": "Name",
    "DOB": "Birth date",
    "SEX": "Sex",
    "LIC": "Plate",
    "LIY": "Plate's year",
    "LIT": "Plate's type",
    "IMQ": "Photo asked for",
    "VIN": "Vehicle number",
}


def preview_sentence(states: Sequence[StatePreview]) -> str:
    """Return in a sentence what a question would likely get."""
    if len(states) == 1:
        return _sentence(states[0])
    known = [each for each in states if each.parts]
    kinds = [_worst(each) for each in known]
    said = [
        counted(kinds.count(outcome), singular, plural)
        for outcome, singular, plural in (
            (Outcome.RELEASE, "releases all of it at once", "release all of it at once"),
            (Outcome.HOLD, "holds some or all of it for a person", "hold some or all of it"),
            (Outcome.DENY, "refuses some or all of it", "refuse some or all of it"),
        )
        if outcome in kinds
    ]
    if len(known) < len(states):
        silent = len(states) - len(known)
        said.append(counted(silent, "decides when it is asked", "decide when they are asked"))
    return f"Likely, of {len(states)} states: {listed(said)}."


def preview_rows(state: StatePreview) -> dict[str, Any]:
    """Return what the rules of one state say of each part."""
    return {
        "name": member_label(state.state),
        "contact": plain(state.contact),
        "wait": span_said(state.hold_seconds) if _of(state, Outcome.HOLD) else "",
        "parts": [_row(part) for part in state.parts],
    }


def asked_facts(query: Query, agency: Agency) -> list[tuple[str, str]]:
    """Return what a question asks, of whom, why, and by whom."""
    claims = query.claims
    states = [m for code in query.destinations if (m := member_of_wire(code)) is not None]
    reference = f", {claims.instrument_ref}" if claims.instrument_ref else ""
    return [
        *((_NAMES.get(prefix, prefix), plain(value)) for prefix, value in query.fields),
        ("Asked of", listed([member_label(state) for state in states])),
        ("Purpose", opened(term(claims.purpose).label)),
        ("Offence", opened(term(claims.offence).label)),
        ("Case", claims.case_number or "not stated"),
        ("Instrument", f"{opened(term(claims.instrument).label)}{reference}"),
        ("Asked by", f"{agency.name} ({agency.ori}), {claims.operator}"),
    ]


def _sentence(state: StatePreview) -> str:
    name = member_label(state.state)
    if not state.parts:
        return f"{name} decides this when it is asked: its rules are not known here."
    said = []
    if released := _of(state, Outcome.RELEASE):
        said.append(f"releases {_named(released)} at once")
    if held := _of(state, Outcome.HOLD):
        said.append(f"holds {_named(held)} for a person")
    if refused := _of(state, Outcome.DENY):
        said.append(f"refuses {_named(refused)}")
    if len(said) == 1:
        all_said = {
            Outcome.RELEASE: "releases this at once",
            Outcome.HOLD: "holds this for a person",
            Outcome.DENY: "refuses this",
        }
        said = [all_said[_worst(state)]]
    return f"Likely: {name} {listed(said)}."


def _worst(state: StatePreview) -> Outcome:
    return next(o for o in (Outcome.DENY, Outcome.HOLD, Outcome.RELEASE) if _of(state, o))


def _of(state: StatePreview, outcome: Outcome) -> list[PartPreview]:
    return [part for part in state.parts if part.outcome is outcome]


def _named(parts: Sequence[PartPreview]) -> str:
    return listed([term(part.data_class).label for part in parts])


def _row(part: PartPreview) -> dict[str, str]:
    rules = ", ".join(part.rules)
    return {
        "name": opened(term(part.data_class).label),
        "mark": _MARKS[part.outcome],
        "word": _WORDS[part.outcome],
        "rule": f"{rules}: {part.sentence}" if rules else "No rule releases it.",
        "change": part.would_change,
        "varies": "yes" if part.varies else "",
    }
