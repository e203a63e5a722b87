"""What is signed to say that a person's address is confidential, and what a request is told of it.

# INVARIANT (review-is-verified): what is signed is `protection_bytes` and its two fellows, nothing
else; a protection names the person as queries do, and an end names the protection.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.ids import Member, make_id
from comity.domain.passes import PassPerson
from comity.domain.verdict import VerdictProof

__all__ = [
    "ADDRESS_WORDS",
    "AUTHORITY_CHARACTERS_MAX",
    "CONTACT_CHARACTERS_MAX",
    "ENDS_NEEDED",
    "END_WAITS_DAYS",
    "HOW_CHARACTERS_MAX",
    "PROTECTION_DAYS_MAX",
    "AddressStands",
    "Protection",
    "ProtectionEnd",
    "ProtectionFile",
    "ProtectionReading",
    "SignedProtection",
    "SignedProtectionEnd",
    "SignedProtectionReading",
    "protection_bytes",
    "protection_end_bytes",
    "protection_id",
    "protection_reading_bytes",
]

PROTECTION_DAYS_MAX: Final = 3_660
"""How many days from its placing a protection's last day may be."""
CONTACT_CHARACTERS_MAX: Final = 120
HOW_CHARACTERS_MAX: Final = 240
AUTHORITY_CHARACTERS_MAX: Final = 120
ENDS_NEEDED: Final = 2
"""How many people end a protection before its last day."""
END_WAITS_DAYS: Final = 7
"""How many days the first one's word waits for the second's; then it counts no more."""
_NS: Final = 1_000_000_000
_PREFIX: Final = b"comity/address-confidentiality/v1\n"
_END_PREFIX: Final = b"comity/address-confidentiality-end/v1\n"
_READING_PREFIX: Final = b"comity/address-confidentiality-reading/v1\n"


class AddressStands(StrEnum):
    """What the register says of whom a request is about."""

    OPEN = "open"
    """No protection stands about whom it names."""
    CONFIDENTIAL = "confidential"
    UNREAD = "unread"
    """Something of the register, or of the request, cannot be read any more."""
    UNNAMED = "unnamed"
    """It names nobody for certain, and protections stand."""


ADDRESS_WORDS: Final = {
    AddressStands.CONFIDENTIAL: "This person's address is confidential.",
    AddressStands.UNREAD: "Nobody can read whether this person's address is confidential.",
}
"""What a reviewer is told of whom a request is about; of anybody else nothing."""


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """A state's word that a person's address is confidential.

    `persons` (1..32, in order) name one person as queries do: by a licence number and by a name
    with birth date at least. `contact` reaches the person, and `how` says how, in a sentence.
    `no_post`: nothing is posted, to the contact neither. `since` is when it began, `until` its last
    day in the state (None: until it is ended), `at` when it was signed (Unix seconds).
    """

    state: Member
    persons: tuple[PassPerson, ...]
    contact: str
    how: str
    no_post: bool = True
    since: date
    until: date | None = None
    authority: str
    note: str = ""
    reviewer: str
    at: int


class SignedProtection(msgspec.Struct, frozen=True, kw_only=True):
    """A protection and its proof."""

    protection: Protection
    proof: VerdictProof


class ProtectionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word that a protection ends; it takes two. `protection` is its id in hex."""

    state: Member
    protection: str
    note: str = ""
    reviewer: str
    at: int


class SignedProtectionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """An end and its proof."""

    end: ProtectionEnd
    proof: VerdictProof


class ProtectionFile(msgspec.Struct, frozen=True, kw_only=True):
    """A protection as its state keeps it, with who ended it: two once it is over.

    `placed` is None where the key of what was placed is gone: then it is about everybody.
    """

    placed: SignedProtection | None
    ends: tuple[SignedProtectionEnd, ...] = ()


class ProtectionReading(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to read the register: its list, one protection by its id, or those of a person."""

    state: Member
    protection: str = ""
    person: PassPerson | None = None
    reviewer: str
    at: int


class SignedProtectionReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of the register and its proof."""

    reading: ProtectionReading
    proof: VerdictProof


def protection_bytes(protection: Protection) -> bytes:
    """Return what is signed to place one: a prefix and the protection as compact JSON."""
    return _PREFIX + msgspec.json.encode(protection)


def protection_end_bytes(end: ProtectionEnd) -> bytes:
    """Return what is signed to end one: a prefix and the end as compact JSON."""
    return _END_PREFIX + msgspec.json.encode(end)


def protection_reading_bytes(reading: ProtectionReading) -> bytes:
    """Return what is signed to read the register: a prefix and the reading as compact JSON."""
    return _READING_PREFIX + msgspec.json.encode(reading)


def protection_id(protection: Protection) -> bytes:
    """Return the id of a protection: when it was signed, and a part of what was."""
    return make_id(protection.at * _NS, sha256(protection_bytes(protection)).digest()[:8])
