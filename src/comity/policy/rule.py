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

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
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
    "READABLE_VERSIONS",
    "SCHEMA_VERSION",
    "Budget",
    "BudgetPer",
    "Condition",
    "Guarantee",
    "Mark",
    "Obligation",
    "PolicyBundle",
    "Publication",
    "Quota",
    "QuotaPer",
    "Rule",
    "Statute",
    "Unconfirmed",
    "budget_id",
    "bundle_digest",
    "encode_bundle",
]

SCHEMA_VERSION: Final = 2
READABLE_VERSIONS: Final = (1, SCHEMA_VERSION)
"""Version 1 has no `budget` and no `direction`, no budgets, quotas, notice and no guarantees."""


class Obligation(StrEnum):
    """What must be done with a decision. Closed: one that is not here is refused."""

    LOG = "log"
    REVIEW_AFTER = "review_after"
    """The state looks at the release within a day; on rules for declared emergencies alone."""
    SECOND_REVIEW = "second_review"
    """Two reviewers release what the rule holds; on hold rules alone."""


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
    budget: tuple[BudgetState, ...] = ()
    direction: tuple[Direction, ...] = ()

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

    def __post_init__(self) -> None:
        # An empty `when` equals one that is absent, and is encoded only if it is another object:
        # one rule would have two canonical forms.
        if self.when == NO_CONDITION:
            msgspec.structs.force_setattr(self, "when", NO_CONDITION)


class Guarantee(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """No request that meets `when`, and none of `unless`, is released without review.

    `reviewed` says that a review does not help either: such a request is always refused.
    `sentence` is the promise as people read it.
    """

    id: str
    sentence: str
    when: Condition = NO_CONDITION
    unless: tuple[Condition, ...] = ()
    reviewed: bool = False

    def __post_init__(self) -> None:
        # As of a rule: one promise has one canonical form.
        if self.when == NO_CONDITION:
            msgspec.structs.force_setattr(self, "when", NO_CONDITION)


class Publication(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What the public ledger shows later: agency, purpose and offence of leaves with a delayed
    purpose, `delay_months` whole months after the month in which they were made.

    `except_families` are never delayed, whatever purpose they state. Source:
    docs/adr/0024-private-records.md, "Delayed detail".
    """

    delayed_purposes: tuple[Purpose, ...]
    except_families: tuple[Family, ...] = ()
    delay_months: int


class BudgetPer(StrEnum):
    """Whose persons a budget counts."""

    OPERATOR = "operator"
    AGENCY = "agency"


class Budget(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How many persons each operator, or each agency, may ask about in a day of the state's zone.

    `agency` holds the family paths and ORIs it is for, `purpose` the stated purposes; empty: all.
    `photos` is for how many of those persons the photo may be asked for; None: for all of them.
    Source: docs/adr/0031-budgets.md.
    """

    per: BudgetPer
    agency: tuple[str, ...] = ()
    purpose: tuple[Purpose, ...] = ()
    persons: int
    photos: int | None = None


class QuotaPer(StrEnum):
    """Whose requests a quota counts: each agency's for itself, or those of all that it names."""

    AGENCY = "agency"
    TOGETHER = "together"


class Quota(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How many requests may wait for a reviewer at one time, and come to the desk in a day.

    `agency` holds the family paths and ORIs it is for; empty: every agency, each for itself.
    `per_day` is of a day of the state's zone; None: any number. What the rules would hold beyond
    it is refused. Source: docs/adr/0060-quotas-and-triage.md.
    """

    per: QuotaPer
    agency: tuple[str, ...] = ()
    waiting: int
    per_day: int | None = None


class Unconfirmed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clause that one person put into force: at `until` (Unix seconds) it becomes a hold."""

    rule: RuleId
    until: int


class PolicyBundle(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One version of one state's rules; the national rules stand under the operator member.

    `version` only grows. `hold_hours` is how long a hold waits for a reviewer before it ends as a
    refusal. `notice_hours` is how long what loosens a restricted class must stand announced first;
    0 asks for none. `national` is the digest (32 bytes, base64 in the record) of the national rules
    that the state adopts, less the rules that `opt_outs` names; empty where it adopts none.
    `publication` is what its ledger shows later; where it is absent, all is shown at once.
    `budgets` are what the axis `budget` is counted against; nobody is over where there is none.
    `quotas` are how much may wait for its reviewers; any number where there is none.
    `guarantees` are promises of its own that later versions must keep, `guarantee_opt_outs` those
    of all states that it does not give.
    `unconfirmed` are clauses of its own that wait for a second person, in the order of the rules.
    """

    schema_version: int
    state: Member
    version: int
    title: str
    label: str = ""
    hold_hours: int
    notice_hours: int = 0
    national: bytes = b""
    opt_outs: tuple[RuleId, ...] = ()
    publication: Publication | None = None
    budgets: tuple[Budget, ...] = ()
    quotas: tuple[Quota, ...] = ()
    guarantees: tuple[Guarantee, ...] = ()
    guarantee_opt_outs: tuple[str, ...] = ()
    unconfirmed: tuple[Unconfirmed, ...] = ()
    rules: tuple[Rule, ...] = ()


def budget_id(budget: Budget) -> bytes:
    """Return the 8 bytes that say what a budget counts, whatever its numbers.

    So that a day's count goes on where its numbers change.
    """
    plain = msgspec.structs.replace(budget, persons=1, photos=None)
    return hashlib.sha256(msgspec.json.encode(plain)).digest()[:8]


def encode_bundle(bundle: PolicyBundle) -> bytes:
    """Return the canonical bytes of a checked bundle."""
    return msgspec.json.encode(bundle)


def bundle_digest(bundle: PolicyBundle) -> bytes:
    """Return the 32 bytes that a `policy` leaf commits to: SHA-256 of the canonical bytes."""
    return hashlib.sha256(encode_bundle(bundle)).digest()
