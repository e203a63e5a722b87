"""Decisions that are looked at again, in the words of their pages.

Guarantee: a row names nobody and does not say what was decided; what was asked is told only as it
was opened.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.console.routes import Name, url_of
from comity.console.words import iso, listed, moment_said, opened
from comity.directory.directory import Directory
from comity.domain.ids import ORI, Member, entry_name
from comity.domain.vocabulary import Assurance, term
from comity.review.past import PastDecision
from comity.services.openings import Opened

__all__ = ["asked_facts", "owed_row"]

_HOUR_SECONDS: Final = 3_600
_KNOWN_BY: Final = {
    Assurance.SIGNED: "The officer's own signature",
    Assurance.AGENCY_ASSERTED: "What the agency says",
    Assurance.NOT_STATED: "Nobody's word",
}
_pairs = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_names = msgspec.json.Decoder(tuple[str, ...])


def owed_row(each: PastDecision, state: Member, directory: Directory, now: int) -> dict[str, Any]:
    """Return one decision as the list has it."""
    agency = directory.agency(ORI(each.agency)) if each.agency else None
    at = each.hour * _HOUR_SECONDS
    parts = listed([term(part).label for part in each.held])
    return {
        "entry": entry_name(state, each.index).upper(),
        "hold": entry_name(state, each.hold_index).upper(),
        "url": url_of(Name.RE_REVIEW, number=each.index),
        "agency": agency.name if agency is not None else each.agency or "An agency",
        "parts": opened(parts),
        "parts_said": parts.lower(),
        "hour": iso(at),
        "hour_said": moment_said(at, state, now),
    }


def asked_facts(
    shown: Opened, directory: Directory, state: Member, now: int
) -> list[tuple[str, str]]:
    """Return what was asked, out of the fields that were opened."""
    said = {name: value.decode() for name, value in shown.opening.values().items()}
    agency = directory.agency(ORI(said["agency"]))
    who = f"{agency.name} ({said['agency']})" if agency is not None else said["agency"]
    kind, _, reference = said["instrument"].partition(":")
    search = _pairs.decode(said["search"] or "[]")
    return [
        ("About", ", ".join(f"{name} {value}" for name, value in search) or "nobody named"),
        ("Asked by", who),
        ("Officer", said["operator"] or "not named"),
        ("Purpose", _words(said["purpose"])),
        ("Offence", _words(said["offence"])),
        ("Case", said["case"] or "not stated"),
        ("Instrument", f"{_words(kind)} {reference}".strip()),
        ("Officer is known by", _KNOWN_BY[Assurance(said["assurance"])]),
        ("Held by rule", ", ".join(_names.decode(said["rules"] or "[]"))),
        ("Asked at", moment_said(int(said["accepted_at"]), state, now)),
    ]


def _words(code: str) -> str:
    return opened(code.replace("_", " "))
