"""What a member says of itself in its signed part of the directory."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NewType

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, HostName, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType

__all__ = [
    "Acting",
    "ActsFor",
    "Agency",
    "CertifiedUntil",
    "DirectoryPart",
    "Family",
    "FamilyError",
    "Form",
    "Host",
    "ReviewerKey",
    "family_ancestors",
    "parse_acts_for",
    "parse_family",
    "text_of_acts_for",
]

Family = NewType("Family", str)
"""A place in the tree of agency families, from the root: `US/DHS/ICE/ERO`, `TX/LOCAL`."""

_FAMILY_FORM: Final = re.compile(r"[A-Z0-9]{1,16}(/[A-Z0-9]{1,16}){0,5}")


class FamilyError(MalformedError):
    """A family path does not have its form."""

    code = "family-malformed"


def parse_family(text: str) -> Family:
    """Return a family path: one to six parts of A-Z and 0-9. Raises: FamilyError."""
    if not _FAMILY_FORM.fullmatch(text):
        raise FamilyError("`family` is not one to six parts of A-Z and 0-9")
    return Family(text)


def family_ancestors(family: Family) -> tuple[Family, ...]:
    """Return the family and all that it belongs to, itself first: `US/DHS/ICE`, `US/DHS`, `US`."""
    parts = family.split("/")
    return tuple(Family("/".join(parts[:n])) for n in range(len(parts), 0, -1))


class Form(StrEnum):
    """The formats that an agency's line may speak."""

    TEXT = "text"
    JSON = "json"
    NIEM = "niem"


class Acting(StrEnum):
    """How an agency acts for a family that is not its own."""

    CROSS_DESIGNATED = "cross_designated"
    """Its officers have that family's powers: deputised, or lent to a task force."""

    RELAY = "relay"
    """It passes answers on: a fusion centre, a dispatch centre for others."""


class ActsFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A family that an agency acts for, and how: `US/DHS/ICE:cross_designated`."""

    family: Family
    how: Acting


def text_of_acts_for(acts: ActsFor) -> str:
    """Return one such fact as tables and people write it."""
    return f"{acts.family}:{acts.how}"


def parse_acts_for(text: str) -> ActsFor:
    """Return what `text_of_acts_for` wrote. Raises: FamilyError."""
    family, _, how = text.partition(":")
    if how not in set(Acting):
        raise FamilyError("`acts_for` is not a family, a colon and cross_designated or relay")
    return ActsFor(family=parse_family(family), how=Acting(how))


class Agency(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One originating agency, as its own member lists it.

    `lines` are the names of the authenticated connections that may speak for it. `phone` is the
    number that a reviewer calls back, verified by the member. `is_control` marks a control
    terminal: it speaks for the member's system itself (directory, service announcements, messages
    to the state). `form` is the format in which messages that it did not ask for come to it.
    `place` is the town that it is found by. `small` says that it asks so seldom that the public
    ledger would tell who it asked about: there it stands as `small` and its member. `acts_for` says
    for whom else it acts; no rule looks at it, the advice on leaks does.
    """

    ori: ORI
    name: str
    family: Family
    type: AgencyType
    active: bool = True
    lines: tuple[str, ...] = ()
    phone: str = ""
    is_control: bool = False
    form: Form = Form.TEXT
    place: str = ""
    small: bool = False
    acts_for: tuple[ActsFor, ...] = ()


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway host that serves a member, certified by the member's signature over the part it
    stands in.

    `verify_key` is the Ed25519 key (32 bytes) of its envelopes and receipts; `seal_key` the X25519
    key (32 bytes) to which contents for it are sealed.
    """

    name: HostName
    verify_key: bytes
    seal_key: bytes


class ReviewerKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reviewer's enrolled Ed25519 key (32 bytes) under the reviewer's name."""

    name: str
    key_id: str
    verify_key: bytes


class CertifiedUntil(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when (Unix seconds) an agency's yearly certification to this member stands."""

    agency: ORI
    until: int


class DirectoryPart(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What one member says of itself; it signs the encoded bytes of this.

    `version` only grows. `ledger_key` is the Ed25519 key (32 bytes) of its checkpoints.
    `duty_contact` is whom a requester calls about a hold, `answers` the keys its records are open
    to at all. `practice` marks fictional data.
    """

    member: Member
    version: int
    host: Host
    ledger_key: bytes
    duty_contact: str
    answers: tuple[MessageKey, ...]
    agencies: tuple[Agency, ...] = ()
    reviewers: tuple[ReviewerKey, ...] = ()
    certifications: tuple[CertifiedUntil, ...] = ()
    practice: bool = False
