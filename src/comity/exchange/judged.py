"""What the steps of an answer hand to each other: a record, what was decided of it, the answer."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Answer, Element, Withheld
from comity.domain.decision import ClassDecision, Facts, Reason
from comity.domain.ids import ORI, LeafIndex
from comity.domain.query import Exchange
from comity.domain.vocabulary import BudgetState, DataClass, Outcome, RecordKind
from comity.exchange.leaves import WantedLeaf
from comity.policy import Obligation
from comity.policy.check import UNMET_OBLIGATION

__all__ = ["SEVERITY", "Answered", "Found", "HoldFile", "Judged", "UrgentFile", "gated"]

SEVERITY: Final = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
# What is owed after a release is met by the urgent lane alone, a second reviewer by two verified
# verdicts alone (`review.second`): each takes it off what it releases.
_OBLIGATIONS: Final = frozenset(Obligation) - {Obligation.REVIEW_AFTER, Obligation.SECOND_REVIEW}
_UNMET: Final = Reason(
    rule=UNMET_OBLIGATION,
    sentence="A rule asks that something be done with this which this gateway cannot do.",
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A record as the source gave it, every class included; `text` is all of one that is free text.

    Beside a text, elements are not looked at: nobody can say what the text repeats of them.
    """

    kind: RecordKind
    elements: tuple[Element, ...]
    matches: int = 1
    text: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy decided about an exchange: one row per record kind.

    `beside` is decided for a record that is free text alone, row by row: the classes that such a
    text shows beyond those of `rows`. `case_pass` cites the pass under which some of it is decided,
    `instrument` the verified instrument. `ruled` are the rows as the policy gave them, where
    something beside it has settled `rows`.
    """

    exchange: Exchange
    facts: Facts
    policy: int
    kinds: tuple[RecordKind, ...]
    rows: tuple[tuple[ClassDecision, ...], ...]
    beside: tuple[tuple[ClassDecision, ...], ...] = ()
    case_pass: str = ""
    instrument: str = ""
    ruled: tuple[tuple[ClassDecision, ...], ...] = ()


class HoldFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer needs of a hold; kept encrypted beside its row.

    `awaits` are the agencies whose answer a delivered message waits for: such a hold is theirs, and
    no reviewer's. `budget` is what was counted when it was asked, and holds for its verdict.
    """

    exchange: Exchange
    classes: tuple[DataClass, ...]
    withheld: tuple[Withheld, ...]
    opened_at: int
    until: int
    awaits: tuple[ORI, ...] = ()
    budget: BudgetState = BudgetState.WITHIN


class UrgentFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer needs of an urgent release afterwards; kept encrypted beside its row.

    `classes` went out, `step` is that of the disclosure; the state looks at it by `due`.
    """

    exchange: Exchange
    classes: tuple[DataClass, ...]
    step: int
    released_at: int
    due: int


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, the leaves that must be durable before it leaves, and the hold it opens.

    `urgent` is what the state has to look at afterwards; `case_pass` the pass that it counts as a
    use of, `instrument` the instrument; `replies_to` the leaf of the hold about which its reviewer
    is told something; `refused_to` who was passed on what the rules refuse them.
    """

    answer: Answer
    leaves: tuple[WantedLeaf, ...]
    policy: int
    hold: HoldFile | None = None
    urgent: UrgentFile | None = None
    case_pass: str = ""
    instrument: str = ""
    replies_to: LeafIndex | None = None
    refused_to: str = ""


def gated(decision: ClassDecision) -> ClassDecision:
    """Return a decision as it may leave.

    # INVARIANT (fail-closed): an obligation that nobody here can meet releases nothing.
    """
    if decision.outcome is not Outcome.RELEASE or _OBLIGATIONS.issuperset(decision.obligations):
        return decision
    return msgspec.structs.replace(
        decision, outcome=Outcome.DENY, reasons=(_UNMET,), would_change=""
    )
