"""Commands about confidential addresses: placed, ended, read. See `link.command`."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.passes import PASS_PERSONS_MAX, PassPerson
from comity.domain.protection import (
    AUTHORITY_CHARACTERS_MAX,
    CONTACT_CHARACTERS_MAX,
    HOW_CHARACTERS_MAX,
    SignedProtection,
    SignedProtectionEnd,
    SignedProtectionReading,
)
from comity.link.forms import is_entry, is_time
from comity.link.papers import NAME_CHARS_MAX, NOTE_CHARS_MAX, are_persons, is_by

__all__ = [
    "PROTECTIONS_SHOWN_MAX",
    "EndProtection",
    "PlaceProtection",
    "ProtectionSigned",
    "ProtectionView",
    "ProtectionsShown",
    "ReadProtections",
    "are_protections",
    "is_protection_signed",
    "protection_state",
]

PROTECTIONS_SHOWN_MAX: Final = 500
_ID: Final = re.compile(r"[0-9a-f]{32}").fullmatch
_ENDS_MAX: Final = 2


class PlaceProtection(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="place_protection",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A person's signed word that an address is confidential."""

    signed: SignedProtection


class EndProtection(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="end_protection",
    forbid_unknown_fields=True,
):  # fmt: skip
    """One person's signed word that a protection ends."""

    signed: SignedProtectionEnd


class ReadProtections(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="read_protections",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A person's signed wish to read the register, or a part of it."""

    signed: SignedProtectionReading


class ProtectionView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One protection. What names a person is empty in a list: it is shown one at a time.

    `placed_at` is Unix seconds, 0 where the protection cannot be read any more: then only
    `protection` and `ended_by` say anything. `ended_by` are those who said that it ends.
    """

    protection: str
    placed_at: int = 0
    placed_by: str = ""
    since: date | None = None
    until: date | None = None
    no_post: bool = True
    is_over: bool = False
    ended_by: tuple[str, ...] = ()
    persons: tuple[PassPerson, ...] = ()
    contact: str = ""
    how: str = ""
    authority: str = ""
    note: str = ""


class ProtectionsShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="protections",
    forbid_unknown_fields=True,
):  # fmt: skip
    """What the register shows; `access_entry` cites the leaf of a reading that names somebody.

    `count` are those that stand, also beyond what is shown; `is_unread` says that more of a person
    may stand, because a key is gone.
    """

    protections: tuple[ProtectionView, ...] = ()
    count: int = 0
    access_entry: str = ""
    is_unread: bool = False


ProtectionSigned = PlaceProtection | EndProtection | ReadProtections


def protection_state(command: ProtectionSigned) -> Member:
    """Return the member whose person signed."""
    match command:
        case PlaceProtection():
            return command.signed.protection.state
        case EndProtection():
            return command.signed.end.state
        case ReadProtections():
            return command.signed.reading.state


def is_protection_signed(command: ProtectionSigned) -> bool:
    """Say whether what was signed is in its ranges; whether it counts, the gateway finds out."""
    match command:
        case PlaceProtection(signed=signed):
            said = signed.protection
            holds = (
                are_persons(said.persons)
                and len(said.contact) <= CONTACT_CHARACTERS_MAX
                and len(said.how) <= HOW_CHARACTERS_MAX
                and len(said.authority) <= AUTHORITY_CHARACTERS_MAX
            )
            return holds and is_by(said.reviewer, said.at, said.note, signed.proof)
        case EndProtection(signed=ended):
            end = ended.end
            return _is_id(end.protection) and is_by(end.reviewer, end.at, end.note, ended.proof)
        case ReadProtections(signed=read):
            reading = read.reading
            holds = not reading.protection or _is_id(reading.protection)
            holds = holds and (reading.person is None or are_persons((reading.person,)))
            return holds and is_by(reading.reviewer, reading.at, "", read.proof)


def are_protections(shown: ProtectionsShown) -> bool:
    """Say whether what the register shows is in its ranges."""
    return (
        len(shown.protections) <= PROTECTIONS_SHOWN_MAX
        and shown.count >= 0
        and (not shown.access_entry or is_entry(shown.access_entry))
        and all(map(_is_view, shown.protections))
    )


def _is_view(view: ProtectionView) -> bool:
    return (
        _is_id(view.protection)
        and is_time(view.placed_at)
        and len(view.placed_by) <= NAME_CHARS_MAX
        and len(view.ended_by) <= _ENDS_MAX
        and len(view.persons) <= PASS_PERSONS_MAX
        and len(view.contact) <= CONTACT_CHARACTERS_MAX
        and len(view.how) <= HOW_CHARACTERS_MAX
        and len(view.authority) <= AUTHORITY_CHARACTERS_MAX
        and len(view.note) <= NOTE_CHARS_MAX
    )


def _is_id(text: str) -> bool:
    return _ID(text) is not None
