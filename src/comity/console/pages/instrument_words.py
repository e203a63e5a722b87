"""How legal instruments are told: a list, one of them whole, and what a request claims by one."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from comity.console.person_lines import person_said
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
from comity.domain.ids import Member, parse_entry_name
from comity.domain.instruments import APPOINTMENT_WORDS, OPENING
from comity.domain.vocabulary import Instrument, term
from comity.link.command import HoldView
from comity.link.instruments import InstrumentView

__all__ = [
    "claim_words",
    "instrument_facts",
    "instrument_finding",
    "instrument_row",
    "is_claimed",
]

_UNSAID: Final = frozenset({"", Instrument.NONE.value, Instrument.NOT_STATED.value})
_OPENS_NOTHING: Final = "It opens nothing, whoever verified it: no judge signed it."


def is_claimed(hold: HoldView) -> bool:
    """Say whether a request says that it rests on an instrument."""
    return hold.instrument not in _UNSAID


def instrument_row(view: InstrumentView, now: int) -> dict[str, Any]:
    """Return an instrument as its list has it."""
    return {
        "entry": view.entry.upper(),
        "url": url_of(Name.INSTRUMENT, number=_number(view)),
        "kind": opened(term(view.kind).label),
        "number": view.number,
        "agency": view.agency_name or view.agency,
        "about": counted(view.person_count, "person or vehicle", "persons or vehicles"),
        "stands": _stands(view),
        "is_waiting": _waits(view),
        "uses": f"{view.uses:,}",
        "until": iso(view.until),
        "left": left_said(view.until - now),
        "tone": tone_of(view.until - now, is_waiting=True),
    }


def instrument_finding(view: InstrumentView, now: int) -> str:
    """Return in a sentence where an instrument stands."""
    what = f"{opened(term(view.kind).label)}, number {view.number},"
    if view.revoked_entry:
        return f"{what} counts no more: it was revoked."
    if view.until <= now:
        return f"{what} counts no more: its time is over."
    if not view.verified_entry:
        return f"{what} was read by one person and waits for a second; until then it opens nothing."
    if view.kind not in OPENING:
        return f"{what} was read by two people and opens nothing: no judge signed it."
    used = f"was used {counted(view.uses, 'time')}" if view.uses else "was not used yet"
    return f"{what} was verified by two people and {used}."


def instrument_facts(view: InstrumentView, state: Member, now: int) -> list[tuple[str, str]]:
    """Return one instrument whole, as pairs of a label and a value."""
    labels = [term(part).label for part in view.classes]
    return [
        ("Kind", opened(term(view.kind).label)),
        ("Number", view.number),
        ("Issued by", plain(view.issuer)),
        ("Signed by", opened(APPOINTMENT_WORDS[view.appointment])),
        ("Issued on", _day(view.issued_on)),
        ("Agency", f"{view.agency_name or view.agency} ({view.agency})"),
        ("Case", view.case_number or "Any"),
        *(("About", person_said(person)) for person in view.persons),
        ("Parts", opened(listed(labels))),
        ("Counts until", moment_said(view.until, state, now)),
        ("Document", f"SHA-256 {view.document.hex()}, {view.document_bytes:,} bytes"),
        ("Came with", view.hold_entry.upper() or "no request"),
        (
            "Read by",
            f"{plain(view.registered_by)}, at {moment_said(view.registered_at, state, now)}",
        ),
        *([("Note", plain(view.note))] if view.note else []),
        *_verified(view),
        *([("Revoked by", view.revoked_entry.upper())] if view.revoked_entry else []),
    ]


def claim_words(hold: HoldView) -> dict[str, Any] | None:
    """Return what a case page says of the instrument that a request claims; None if of none."""
    if not is_claimed(hold):
        return None
    label = term(Instrument(hold.instrument)).label
    number = f"number {hold.instrument_ref}" if hold.instrument_ref else "and gives no number"
    claimed = f"The agency claims a {label}, {number}."
    known = [view for view in hold.instruments if not view.revoked_entry]
    return {
        "claimed": claimed,
        "said": _known_said(hold, known),
        "state": _state(hold, known),
        "checked": f"A {label} is claimed: {_checked(hold, known)}.",
        "rows": [
            {
                "entry": view.entry.upper(),
                "url": url_of(Name.INSTRUMENT, number=_number(view)),
                "said": _stands(view),
            }
            for view in known
        ],
        "register": f"{url_of(Name.NEW_INSTRUMENT)}?hold={parse_entry_name(hold.entry)[1]}",
    }


def _known_said(hold: HoldView, known: list[InstrumentView]) -> str:
    if Instrument(hold.instrument) not in OPENING:
        return _OPENS_NOTHING
    if not known:
        return (
            "Nobody here has registered it. What the rules release only because of it cannot go "
            "out before two people have read it."
        )
    if all(_waits(view) for view in known):
        return "One person has read it. It opens nothing before a second one has."
    return "Two people have verified it. Compare whom and what it names with the request."


def _checked(hold: HoldView, known: list[InstrumentView]) -> str:
    if Instrument(hold.instrument) not in OPENING:
        return "it opens nothing"
    if not known:
        return "nobody here has read it"
    is_verified = any(not _waits(view) for view in known)
    return "two people have verified it" if is_verified else "one person has read it"


def _state(hold: HoldView, known: list[InstrumentView]) -> str:
    """Return the sign of the claim among what was checked."""
    if Instrument(hold.instrument) not in OPENING:
        return "unmet"
    return "met" if any(not _waits(view) for view in known) else "unknown"


def _waits(view: InstrumentView) -> bool:
    return not view.verified_entry and not view.revoked_entry


def _stands(view: InstrumentView) -> str:
    if view.revoked_entry:
        return "Revoked"
    if _waits(view):
        return "Waits for a second person"
    return "Verified" if view.kind in OPENING else "Verified, opens nothing"


def _verified(view: InstrumentView) -> list[tuple[str, str]]:
    if not view.verified_entry:
        return []
    return [
        ("Verified by", f"{plain(view.verified_by)} ({view.verified_entry.upper()})"),
        ("Asked at", plain(view.called)),
        ("Answer", plain(view.answered)),
    ]


def _number(view: InstrumentView) -> int:
    return parse_entry_name(view.entry)[1]


def _day(day: date) -> str:
    return f"{day:%Y-%m-%d}"
