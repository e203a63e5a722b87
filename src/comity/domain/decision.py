"""What a policy decides, class by class, with its reasons and what would change it."""

from __future__ import annotations

from typing import Final, NewType

import msgspec

from comity.domain.ids import ORI
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

__all__ = [
    "AWAITED_RULE",
    "EXPIRY_RULE",
    "OVERDUE_RULE",
    "REVIEW_RULE",
    "ClassDecision",
    "Facts",
    "Reason",
    "RuleId",
]

RuleId = NewType("RuleId", str)
"""A rule's stable id within its state's policy: `[A-Z0-9-]{1,24}`, such as `WA-S01`."""


REVIEW_RULE: Final = RuleId("REVIEW")
"""What stands for a rule where a reviewer refused."""

EXPIRY_RULE: Final = RuleId("HOLD-EXPIRY")
"""What stands for a rule where a hold's time ended without a verdict."""

AWAITED_RULE: Final = RuleId("ANSWER-AWAITED")
"""What stands for a rule while an agency's answer to a delivered message is waited for."""

OVERDUE_RULE: Final = RuleId("ANSWER-OVERDUE")
"""What stands for a rule where an agency did not answer a delivered message in time."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything about one exchange that a rule may look at, data class and record kind apart.

    `agency` is the ORI where the directory lists it; the policy maps it to its family, and an
    unlisted one to none, which no rule releases to.
    """

    agency: ORI
    agency_type: AgencyType
    certification: Certification
    assurance: Assurance
    key: MessageKey
    purpose: Purpose
    offence: Offence
    instrument: Instrument
    fan_out: FanOut
    emergency: Emergency
    time_band: TimeBand
    budget: BudgetState
    direction: Direction


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule that led to a decision, in its own words.

    `mark` says how far the statute's text was checked: V read in the primary text, S secondary
    reporting, K not checked, P practice adoption.
    """

    rule: RuleId
    sentence: str
    statute: str = ""
    mark: str = ""


class ClassDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome for one data class and one record kind.

    `would_change` is a sentence: what would lead to another outcome, or empty where nothing a
    requester can do would. `obligations` must be met by whoever releases; one that the exit gate
    does not know denies.
    """

    data_class: DataClass
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    obligations: tuple[str, ...] = ()
    would_change: str = ""
    record_kind: RecordKind = RecordKind.OTHER
