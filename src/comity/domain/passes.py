"""A case pass: a reviewer's signed grant that answers later requests of one case at once.

# INVARIANT (review-is-verified): what is signed is `pass_bytes`, nothing else; it names the agency,
the case, each person and each class, so that a pass answers nothing but that case.
Guarantee: `named_in` says whom a query asks about as a pass names people; a query that names anyone
in another way is under no pass.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import ORI, Member
from comity.domain.names import NameFormError, name_key
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass, Purpose

__all__ = [
    "PASS_DAYS_MAX",
    "PASS_PERSONS_MAX",
    "CasePass",
    "NamedBy",
    "PassPerson",
    "PassRevocation",
    "SignedPass",
    "SignedRevocation",
    "named_in",
    "pass_bytes",
    "revocation_bytes",
]

PASS_DAYS_MAX: Final = 30
PASS_PERSONS_MAX: Final = 32
_PREFIX: Final = b"comity/pass/v1\n"
_REVOCATION_PREFIX: Final = b"comity/pass-revocation/v1\n"
_BIRTH_DIGITS: Final = 8
_BESIDE: Final = frozenset({"RSN", "PUR", "ATN", "SEX", "IMQ", "LIY", "VMA", "VYR"})
"""What a query says beside whom it asks about."""
_NAMING: Final = frozenset({"OLN", "NAM", "DOB", "LIC", "LIT", "VIN"})


class NamedBy(StrEnum):
    """By what a query names whom it asks about."""

    LICENCE = "licence"
    NAME = "name"
    PLATE = "plate"
    VIN = "vin"


class PassPerson(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One person or vehicle, as queries name it.

    `value` is a licence number, a name as it is compared (`LAST,FIRST`), a plate and its type
    (`PX4471/PC`), or a vehicle's number; `born` (`ccyymmdd`) stands beside a name and nowhere else.
    """

    by: NamedBy
    value: str
    born: str = ""


class CasePass(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer grants.

    `persons` (1..32) are in order and none stands twice, `classes` in the vocabulary's order.
    `purpose` is the one a query must state, None: any. It holds from `since` up to `until`,
    exclusive, at most 30 days, in Unix seconds as `at` is. `hold_entry` cites the hold that it was
    granted from, empty where there is none. `note` (0..500 characters) is kept, not sent.
    """

    state: Member
    agency: ORI
    case_number: str
    persons: tuple[PassPerson, ...]
    classes: tuple[DataClass, ...]
    purpose: Purpose | None = None
    since: int
    until: int
    hold_entry: str = ""
    note: str = ""
    reviewer: str
    at: int


class SignedPass(msgspec.Struct, frozen=True, kw_only=True):
    """A pass and its proof."""

    case_pass: CasePass
    proof: VerdictProof


class PassRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's word that a pass ends now; any reviewer of the state may say it."""

    state: Member
    pass_entry: str
    note: str = ""
    reviewer: str
    at: int


class SignedRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation and its proof."""

    revocation: PassRevocation
    proof: VerdictProof


def pass_bytes(case_pass: CasePass) -> bytes:
    """Return what a reviewer signs to grant: a prefix and the pass as compact JSON."""
    return _PREFIX + msgspec.json.encode(case_pass)


def revocation_bytes(revocation: PassRevocation) -> bytes:
    """Return what a reviewer signs to revoke: a prefix and the revocation as compact JSON."""
    return _REVOCATION_PREFIX + msgspec.json.encode(revocation)


def named_in(fields: Sequence[tuple[str, str]]) -> frozenset[PassPerson]:
    """Return everyone whom a query's fields name; nobody where a pass could not name them all.

    Guarantee: a field that may name someone and is not understood here, a field that stands twice,
    and a name without a full birth date come to nobody.
    """
    given = dict(fields)
    if len(given) != len(fields) or not given.keys() <= _BESIDE | _NAMING:
        return frozenset()
    if ("NAM" in given) != ("DOB" in given) or ("LIT" in given and "LIC" not in given):
        return frozenset()
    found: list[PassPerson] = []
    if "OLN" in given:
        found.append(PassPerson(by=NamedBy.LICENCE, value=given["OLN"]))
    if "NAM" in given:
        if len(given["DOB"]) != _BIRTH_DIGITS:
            return frozenset()
        try:
            name = name_key(given["NAM"])
        except NameFormError:
            return frozenset()
        found.append(PassPerson(by=NamedBy.NAME, value=name, born=given["DOB"]))
    if "LIC" in given:
        plate = f"{given['LIC']}/{given.get('LIT', '')}"
        found.append(PassPerson(by=NamedBy.PLATE, value=plate))
    if "VIN" in given:
        found.append(PassPerson(by=NamedBy.VIN, value=given["VIN"]))
    return frozenset(found)
