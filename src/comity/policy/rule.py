"""The rule record: what the form saves, what a `policy` leaf commits to, and nothing else.

A bundle is canonical JSON: fields in the order below, absent ones left out, values in the order of
their vocabulary, no spaces. `encode_bundle` writes that form, and its SHA-256 is the bundle's
digest; English, Cedar text and masks are all generated from it.
Source: docs/adr/0008-rule-record.md; docs/reference/rule-record.schema.json.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    Certification,
    DataClass,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy.axis import Axis

__all__ = [
    "NO_CONDITION",
    "SCHEMA_VERSION",
    "Condition",
    "Mark",
    "Obligation",
    "PolicyBundle",
    "Rule",
    "Statute",
    "bundle_digest",
    "encode_bundle",
]

SCHEMA_VERSION: Final = 1


class Obligation(StrEnum):
    """What must be done with a decision. Closed: one that is not here is refused."""

    LOG = "log"


class Mark(StrEnum):
    """How far a statute's text was checked."""

    READ = "V"
    SECONDARY = "S"
    UNCHECKED = "K"
    PRACTICE = "P"


class Condition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An AND of "this axis has one of these values"; an axis that is empty is not looked at.

    `agency` holds family paths and ORIs; a family stands for everything below it.
    """

    agency: tuple[str, ...] = ()
    agency_type: tuple[AgencyType, ...] = ()
    certification: tuple[Certification, ...] = ()
    assurance: tuple[Assurance, ...] = ()
    message_key: tuple[MessageKey, ...] = ()
    data_class: tuple[DataClass, ...] = ()
    record_kind: tuple[RecordKind, ...] = ()
    purpose: tuple[Purpose, ...] = ()
    offence: tuple[Offence, ...] = ()
    instrument: tuple[Instrument, ...] = ()
    fan_out: tuple[FanOut, ...] = ()
    emergency: tuple[Emergency, ...] = ()
    time_band: tuple[TimeBand, ...] = ()

    def terms(self) -> tuple[tuple[Axis, tuple[str, ...]], ...]:
        """Return the axes that this condition looks at, with their values, in axis order."""
        found = ((axis, getattr(self, axis.value)) for axis in Axis)
        return tuple((axis, values) for axis, values in found if values)


NO_CONDITION: Final = Condition()


class Statute(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a rule comes from: citation, how far it was checked, and since when it applies.

    `since` is a year, a month or a day: `2025`, `2025-11`, `2025-11-12`.
    """

    cite: str
    mark: Mark
    since: str = ""


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One rule of one state.

    It applies where `when` holds and none of `unless` does. `statute` may also be a report or an
    order: whatever the rule rests on. `sentence` is what a requester reads:
    who, what, why. `label` says what kind of rule this is (`as reported`, `practice adoption`,
    `national default`). `note` is advice to its author and decides nothing. A rule that is not
    `enabled` decides nothing either.
    """

    id: RuleId
    effect: Outcome
    when: Condition = NO_CONDITION
    unless: tuple[Condition, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    statute: Statute
    sentence: str = ""
    label: str = ""
    note: str = ""
    enabled: bool = True


class PolicyBundle(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One version of one state's rules; the national rules stand under the operator member.

    `version` only grows. `hold_hours` is how long a hold waits for a reviewer before it ends as a
    refusal. `national` is the digest (32 bytes, base64 in the record) of the national rules that
    the state adopts, less the rules that `opt_outs` names; empty where it adopts none.
    """

    schema_version: int
    state: Member
    version: int
    title: str
    label: str = ""
    hold_hours: int
    national: bytes = b""
    opt_outs: tuple[RuleId, ...] = ()
    rules: tuple[Rule, ...] = ()


def encode_bundle(bundle: PolicyBundle) -> bytes:
    """Return the canonical bytes of a checked bundle."""
    return msgspec.json.encode(bundle)


def bundle_digest(bundle: PolicyBundle) -> bytes:
    """Return the 32 bytes that a `policy` leaf commits to: SHA-256 of the canonical bytes."""
    return hashlib.sha256(encode_bundle(bundle)).digest()
