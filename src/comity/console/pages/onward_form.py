"""The form by which an agency's person tells to whom what a state released was passed on.

Guarantee: a form gives what a message carries and is read back as the same, or what has to be
mended, by field; a purpose that is left open is not stated.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from comity.console.visits import Visit
from comity.console.words import listed, opened
from comity.domain.errors import ComityError
from comity.domain.ids import member_label, parse_entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.onward import ToldOnward, Transfer
from comity.domain.vocabulary import DataClass, Purpose, term, terms
from comity.exchange.leaves import ordered
from comity.exchange.onward import NOBODY, TO_CHARS_MAX, OnwardFormError, onward_text, told_onward
from comity.exchange.replies import REPLY_CHARS_MAX, REPLY_KEY
from comity.review.onward import is_release
from comity.services.own_requests import OwnRequest

__all__ = ["OnwardForm", "Released", "blank_form", "onward_facts", "onward_form", "releases_of"]

_FIELDS: Final = ("release", "passed_to", "passed_for", "passed_on", "words")
_PURPOSES: Final = [
    (Purpose.NOT_STATED.value, "Not stated"),
    *(
        (each.value, opened(row.label))
        for each, row in terms(Purpose).items()
        if each is not Purpose.NOT_STATED
    ),
]
_NOT_PLAIN: Final = (
    "Write plain letters, digits and signs, begin with none of TO, FOR, ON and WHAT,"
    f" and stay within {REPLY_CHARS_MAX} characters in all."
)


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """One release of a request: its entry and the parts that went."""

    entry: str
    classes: tuple[DataClass, ...]


class OnwardForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it was filled in, what it tells, and what has to be mended."""

    given: Mapping[str, str]
    parts: tuple[DataClass, ...] = ()
    told: ToldOnward | None = None
    faults: Mapping[str, str] = {}


def releases_of(request: OwnRequest) -> tuple[Released, ...]:
    """Return what of a request's answers can have been passed on, by the leaves that came along."""
    found = {}
    for state in request.states:
        for proof in (proof for answer in state.answers for proof in answer.proofs):
            try:
                header = parse_leaf(proof.leaf)
                parse_entry_name(proof.entry)
            except ComityError:
                continue
            if is_release(header):
                found[proof.entry] = Released(entry=proof.entry, classes=header.released or ())
    return tuple(found.values())


def blank_form() -> OnwardForm:
    """Return a form that nobody has filled in."""
    return OnwardForm(given=dict.fromkeys(_FIELDS, ""))


def onward_form(visit: Visit, releases: Sequence[Released]) -> OnwardForm:
    """Return what a form holds. Raises: ProblemError if a field stands twice."""
    given = {name: visit.form.one(name).replace("\r\n", "\n").strip() for name in _FIELDS}
    ticked = visit.form.several("parts")
    parts = ordered([part for part in DataClass if part.value in ticked])
    faults = _faults(given, parts, releases)
    if faults:
        return OnwardForm(given=given, parts=parts, faults=faults)
    told = ToldOnward(
        entry=given["release"], transfer=_transfer(given, parts), text=_tidy(given["words"])
    )
    if not _is_read_back(told):
        return OnwardForm(given=given, parts=parts, faults={"words": _NOT_PLAIN})
    return OnwardForm(given=given, parts=parts, told=told)


def onward_facts(form: OnwardForm, releases: Sequence[Released]) -> dict[str, Any]:
    """Return the form as a page has it; no release: no form."""
    classes = ordered([part for each in releases for part in each.classes])
    return {
        "releases": [(each.entry, _named(each)) for each in releases],
        "purposes": _PURPOSES,
        "parts": [(part.value, opened(term(part).label), part in form.parts) for part in classes],
        "given": form.given,
        "faults": form.faults,
        "wrong": tuple(form.faults.items()),
    }


def _named(each: Released) -> str:
    member, _ = parse_entry_name(each.entry)
    classes = listed([term(part).label for part in each.classes])
    return f"{each.entry.upper()}, {member_label(member)}: {classes}"


def _faults(
    given: Mapping[str, str], parts: Sequence[DataClass], releases: Sequence[Released]
) -> dict[str, str]:
    found = {}
    to = " ".join(given["passed_to"].split())
    if not 0 < len(to) <= TO_CHARS_MAX or not (to.isascii() and to.isprintable()):
        found["passed_to"] = (
            f"Name an agency or NOBODY, in at most {TO_CHARS_MAX} plain characters."
        )
    is_nobody = to.upper() == NOBODY
    if not is_nobody and _day(given["passed_on"]) is None:
        found["passed_on"] = "Write the day as year, month and day: 2026-11-24."
    went = next((each.classes for each in releases if each.entry == given["release"]), ())
    if not set(parts) <= set(went):
        found["parts"] = "Tick only parts that this release had."
    return found


def _transfer(given: Mapping[str, str], parts: tuple[DataClass, ...]) -> Transfer | None:
    to = " ".join(given["passed_to"].split())
    if to.upper() == NOBODY:
        return None
    day = _day(given["passed_on"])
    assert day is not None, "looked at before"
    purposes = {each.value: each for each in Purpose}
    purpose = purposes.get(given["passed_for"], Purpose.NOT_STATED)
    return Transfer(to=to, purpose=purpose, on=day, classes=parts)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def _is_read_back(told: ToldOnward) -> bool:
    """Say whether a message carries this, and whoever reads it reads the same."""
    body = onward_text(told)
    is_plain = body.isascii() and all(line.isprintable() for line in body.split("\n"))
    try:
        found = told_onward(REPLY_KEY, body)
    except OnwardFormError:
        return False
    if found is None or not is_plain:
        return False
    # An identifier in small letters is read in capitals.
    same = told.transfer is None or (
        found.transfer is not None
        and found.transfer.to.upper() == told.transfer.to.upper()
        and msgspec.structs.replace(found.transfer, to=told.transfer.to) == told.transfer
    )
    return same and (found.entry, found.text) == (told.entry, told.text)
