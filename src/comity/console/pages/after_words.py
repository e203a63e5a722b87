"""How urgent releases and case passes are told: rows of a list, and one of them whole."""

from __future__ import annotations

from typing import Any

from comity.console.person_lines import person_said
from comity.console.routes import Name, url_of
from comity.console.words import (
    classes_said,
    counted,
    iso,
    left_said,
    listed,
    moment_said,
    opened,
    tone_of,
)
from comity.domain.ids import Member, parse_entry_name
from comity.domain.vocabulary import DataClass, term
from comity.link.review import PassView, ReleaseView

__all__ = ["pass_facts", "pass_row", "release_facts", "release_row"]


def release_row(view: ReleaseView, state: Member, now: int) -> dict[str, Any]:
    """Return an urgent release as its list has it."""
    is_readable = bool(view.agency)
    return {
        "entry": view.entry.upper(),
        "url": url_of(Name.RELEASE, number=_number(view.entry)) if is_readable else "",
        "agency": _who(view.agency_name, view.agency) or "cannot be read any more",
        "phone": view.phone or "none in the directory",
        "case": view.case_number or "none",
        "classes": opened(_released(view.classes)) if is_readable else "",
        **_clock(view, state),
        "left": left_said(view.due - now),
        "tone": tone_of(view.due - now),
    }


def release_facts(view: ReleaseView, state: Member, now: int) -> dict[str, Any]:
    """Return one urgent release with whom it was about."""
    who = _who(view.agency_name, view.agency)
    return {
        **release_row(view, state, now),
        "finding": f"{who} got {_released(view.classes)} at once: was it an emergency?",
        "has_phone": bool(view.phone),
        "number": view.phone,
        "action": url_of(Name.LOOK, number=_number(view.entry)),
        "facts_shown": [
            ("About", _search(view)),
            ("Asked by", f"{who} ({view.agency})"),
            ("Call back", view.phone or "none in the directory any more"),
            ("Officer", view.operator or "not named"),
            ("Purpose", opened(view.purpose.replace("_", " "))),
            ("Offence", opened(view.offence.replace("_", " "))),
            ("Case", view.case_number or "not stated"),
            ("Message key", view.key),
            ("Released", opened(_released(view.classes))),
            ("At", moment_said(view.released_at, state, now)),
            ("Look by", moment_said(view.due, state, now)),
        ],
    }


def pass_row(view: PassView, state: Member, now: int) -> dict[str, Any]:
    """Return a case pass as its list has it."""
    return {
        "entry": view.entry.upper(),
        "url": url_of(Name.PASS, number=_number(view.entry)),
        "agency": _who(view.agency_name, view.agency),
        "case": view.case_number,
        "classes": opened(classes_said(view.classes)),
        "about": counted(view.person_count, "person or vehicle", "persons or vehicles"),
        "uses": f"{view.uses:,}",
        "until": iso(view.until),
        "until_said": moment_said(view.until, state, now),
        "left": left_said(view.until - now),
        "tone": tone_of(view.until - now, is_waiting=True),
    }


def pass_facts(view: PassView, state: Member, now: int) -> dict[str, Any]:
    """Return one pass with the persons that it names."""
    who = _who(view.agency_name, view.agency)
    used = f"was used {counted(view.uses, 'time')}" if view.uses else "was not used"
    stands = not view.revoked_by and view.until > now
    ends = f"stands until {moment_said(view.until, state, now)}" if stands else "stands no more"
    return {
        **pass_row(view, state, now),
        "finding": f"The pass for case {view.case_number} of {who} {ends} and {used}.",
        "stands": stands,
        "action": url_of(Name.END_PASS, number=_number(view.entry)),
        "facts_shown": [
            ("Agency", f"{who} ({view.agency})"),
            ("Case", view.case_number),
            ("Purpose", term(view.purpose).label if view.purpose is not None else "Any"),
            ("Parts", opened(listed([term(part).label for part in view.classes]))),
            *(("About", person_said(person)) for person in view.persons),
            ("From", moment_said(view.since, state, now)),
            ("Until", moment_said(view.until, state, now)),
            ("Granted from", view.hold_entry.upper() or "no request"),
            ("Granted by", view.reviewer),
            *([("Note", view.note)] if view.note else []),
            *([("Ended by", view.revoked_by.upper())] if view.revoked_by else []),
        ],
    }


def _clock(view: ReleaseView, state: Member) -> dict[str, str]:
    return {"due": iso(view.due), "due_said": moment_said(view.due, state)}


def _number(entry: str) -> int:
    return parse_entry_name(entry)[1]


def _who(name: str, agency: str) -> str:
    return name or agency


def _released(classes: tuple[DataClass, ...]) -> str:
    return listed([term(part).label for part in classes]) or "word that there is no record"


def _search(view: ReleaseView) -> str:
    return ", ".join(f"{name} {value}" for name, value in view.search) or "nobody named"
