"""What a directory message is answered with: ASCII lines in capitals, at most 80 columns wide.

Guarantee: nothing of connections, keys or hosts is told; a refusal names its code, and what would
be accepted in its place.
Source: docs/adr/0018-directory-messages.md, "Answers".
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from comity.directory.edit import Edited, EditKind
from comity.directory.search import Listing, Listings
from comity.domain.agency import Acting, Agency
from comity.domain.errors import ComityError
from comity.domain.ids import Member, member_label, wire_of_member
from comity.domain.names import NameFormError, latin
from comity.domain.vocabulary import term

__all__ = ["COLUMNS_MAX", "agency_text", "edited_text", "listings_text", "refusal_text"]

COLUMNS_MAX: Final = 80
"""How wide an answer's lines are, in characters."""

_NAME_COLUMNS: Final = 10


def agency_text(listing: Listing) -> str:
    """Return the description of one agency."""
    return _text(f"DIRECTORY ENTRY {listing.agency.ori}", _described(listing))


def listings_text(found: Listings) -> str:
    """Return what was found: one agency described, several in a line or two each."""
    if len(found.shown) == 1 and not found.more:
        return agency_text(found.shown[0])
    count = len(found.shown) + found.more
    lines = [f"{count} AGENCIES FOUND", *(_row(listing) for listing in found.shown)]
    if found.more:
        lines.append(f"AND {found.more} MORE - ADD TYP OR STA")
    return _wrapped(lines)


def edited_text(edited: Edited, member: Member, *, entry: str = "") -> str:
    """Return what became of a change: its outcome, where it is recorded, the agency as it stands.

    `entry` cites the leaf of the part that the change published, now or before.
    """
    ori, agency = edited.edit.ori, edited.after
    if not edited.is_changed and entry:
        head = f"DONE BEFORE - {ori}"
    elif not edited.is_changed:
        head = f"NO CHANGE - {ori} IS {'AS THE MESSAGE SAYS' if agency else 'NOT LISTED'}"
    else:
        head = f"{_DONE[edited.edit.kind]} {ori}"
    standing = f"DIRECTORY {wire_of_member(member)} VERSION {edited.part.version}"
    lines = [standing if not entry else f"{standing} RECORDED AS {entry}"]
    if agency is not None:
        lines += _described(Listing(member=member, agency=agency))
    return _text(head, lines)


_DONE: Final = {
    EditKind.ADD: "ADDED",
    EditKind.UPDATE: "UPDATED",
    EditKind.DELETE: "DELETED",
}


def refusal_text(error: ComityError) -> str:
    """Return a refusal: the error's code, then its sentence."""
    return _text(f"REFUSED - {error.code}", [str(error).replace("`", "")])


def _described(listing: Listing) -> list[str]:
    return [f"{name:<{_NAME_COLUMNS}}{value}" for name, value in _facts(listing) if value]


_ACTS: Final = {
    Acting.CROSS_DESIGNATED: "cross-designated",
    Acting.RELAY: "passes answers on",
}


def _facts(listing: Listing) -> Iterator[tuple[str, str]]:
    agency, member = listing.agency, listing.member
    yield "AGENCY", agency.name
    yield "PLACE", agency.place
    yield "MEMBER", f"{wire_of_member(member)} {member_label(member)}"
    yield "TYPE", _type_words(agency)
    yield "FAMILY", agency.family
    yield "STATUS", "ACTIVE" if agency.active else "INACTIVE"
    yield "PHONE", agency.phone
    yield "FORMAT", agency.form
    yield "CONTROL", "CONTROL TERMINAL" if agency.is_control else ""
    yield "LEDGER", "PUBLISHED AS SMALL" if agency.small else ""
    yield "ACTS FOR", ", ".join(f"{acts.family} ({_ACTS[acts.how]})" for acts in agency.acts_for)


def _type_words(agency: Agency) -> str:
    words = term(agency.type)
    return f"{words.wire} {words.label}".strip()


def _row(listing: Listing) -> str:
    agency = listing.agency
    kind, code = term(agency.type).wire, wire_of_member(listing.member)
    place = f"{agency.place}, " if agency.place else ""
    phone = f" {agency.phone}" if agency.phone else ""
    return f"{agency.ori} {kind or '--'} {agency.name} - {place}{code}{phone}"


def _text(head: str, lines: list[str]) -> str:
    return _wrapped([head, *lines])


def _wrapped(lines: list[str]) -> str:
    """Return lines in capitals within the columns; a long one goes on below its own value."""
    shown: list[str] = []
    for line in lines:
        shown += wrap(
            _capitals(line),
            COLUMNS_MAX,
            subsequent_indent=" " * _NAME_COLUMNS,
            break_on_hyphens=False,
        )
    return "\n".join(shown)


def _capitals(line: str) -> str:
    """Return a line in ASCII capitals; a letter without a Latin form becomes a question mark."""
    try:
        return latin(line)
    except NameFormError:
        return line.upper().encode("ascii", "replace").decode()
