"""Every control that rules give a state, and which clauses of a rule set use it.

Guarantee: a control is used where a clause that decides looks at it, or where the bundle sets it;
nothing is called used that decides nothing. Pure.
Source: docs/adr/0043-drafts-in-the-browser.md, "Controls".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.vocabulary import (
    BudgetState,
    DataClass,
    Direction,
    Emergency,
    Outcome,
)
from comity.policy.axis import Axis
from comity.policy.block import blocks_of
from comity.policy.english import english_of_budget
from comity.policy.quota import english_of_quota
from comity.policy.rule import Condition, Obligation, PolicyBundle, Rule

__all__ = ["Control", "ControlKind", "controls_of"]


class ControlKind(StrEnum):
    """The controls, in the order in which they are told."""

    BLOCK = "block"
    REVIEW = "review"
    FAMILIES = "families"
    PURPOSE = "purpose"
    OFFENCE = "offence"
    INSTRUMENT = "instrument"
    CERTIFICATION = "certification"
    ASSURANCE = "assurance"
    PHOTO = "photo"
    RESTRICTED = "restricted"
    FREE_TEXT = "free_text"
    RECORD_KIND = "record_kind"
    FAN_OUT = "fan_out"
    HOURS = "hours"
    BUDGET = "budget"
    QUOTA = "quota"
    DIRECTION = "direction"
    URGENT = "urgent"
    DELAY = "delay"
    NOTICE = "notice"
    PROMISES = "promises"
    NATIONAL = "national"


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control: its name, what it does, which clauses use it, and how the bundle sets it."""

    kind: ControlKind
    name: str
    does: str
    rules: tuple[RuleId, ...] = ()
    said: str = ""

    @property
    def is_used(self) -> bool:
        """Whether any clause uses it, or the bundle sets it."""
        return bool(self.rules or self.said)


_Uses = Callable[[Rule], bool]
_RESTRICTED: Final = frozenset(
    {DataClass.SSN, DataClass.MEDICAL, DataClass.HISTORY, DataClass.IMMIGRATION_DOCUMENTS}
)


def _boxes(rule: Rule) -> Iterable[Condition]:
    return (rule.when, *rule.unless)


def _looks_at(axis: Axis) -> _Uses:
    return lambda rule: any(getattr(box, axis.value) for box in _boxes(rule))


def _limits(rule: Rule) -> bool:
    return rule.effect is not Outcome.RELEASE


def _limits_class(classes: frozenset[DataClass]) -> _Uses:
    return lambda rule: _limits(rule) and bool(classes & set(rule.when.data_class))


_BY_RULES: Final[tuple[tuple[ControlKind, str, str, _Uses], ...]] = (
    (ControlKind.REVIEW, "Hold for a person",
     "A state employee looks at a request before anything goes out.",
     lambda rule: rule.effect is Outcome.HOLD),
    (ControlKind.FAMILIES, "Rules for a family of agencies",
     "Refuse or hold what some agencies ask, and not others.",
     lambda rule: _limits(rule) and bool(rule.when.agency)),
    (ControlKind.PURPOSE, "A stated purpose",
     "Decide by what the data is for, and what a request that does not say gets.",
     _looks_at(Axis.PURPOSE)),
    (ControlKind.OFFENCE, "A stated offence", "Decide by the crime that a case is about.",
     _looks_at(Axis.OFFENCE)),
    (ControlKind.INSTRUMENT, "A warrant or a court's order",
     "Ask for a paper that a judge signed, or let one open what is closed.",
     _looks_at(Axis.INSTRUMENT)),
    (ControlKind.CERTIFICATION, "A yearly pledge",
     "Ask that an agency certifies once a year what it uses records for.",
     _looks_at(Axis.CERTIFICATION)),
    (ControlKind.ASSURANCE, "A named officer",
     "Ask that the person who asks is named, or signs.", _looks_at(Axis.ASSURANCE)),
    (ControlKind.PHOTO, "Photos apart",
     "Refuse or hold the photo where the rest may go.",
     _limits_class(frozenset({DataClass.PHOTO}))),
    (ControlKind.RESTRICTED, "Other restricted parts",
     "Social Security number, health notes, driving record, papers shown for a licence.",
     _limits_class(_RESTRICTED)),
    (ControlKind.FREE_TEXT, "Free text", "Refuse or hold what may hold anything.",
     _limits_class(frozenset({DataClass.OPAQUE}))),
    (ControlKind.RECORD_KIND, "Kinds of records",
     "Treat some records apart, such as licences that do not meet REAL ID.",
     _looks_at(Axis.RECORD_KIND)),
    (ControlKind.FAN_OUT, "Many states at once",
     "Treat a query to a region or to all states apart.", _looks_at(Axis.FAN_OUT)),
    (ControlKind.HOURS, "Hours of the day", "Decide by day, night and weekend.",
     _looks_at(Axis.TIME_BAND)),
    (ControlKind.DIRECTION, "What leaves this state",
     "Decide what this state's own people may ask others.",
     lambda rule: any(Direction.OUTBOUND in box.direction for box in _boxes(rule))),
    (ControlKind.URGENT, "The urgent lane",
     "Release at once where a life is at risk, and look at it within a day.",
     lambda rule: Obligation.REVIEW_AFTER in rule.obligations
     or Emergency.DECLARED in rule.when.emergency),
)  # fmt: skip


def controls_of(bundle: PolicyBundle, rules: Iterable[Rule]) -> tuple[Control, ...]:
    """Return every control, in order; `rules` are all that decide."""
    deciding = [rule for rule in rules if rule.enabled]
    found = {
        kind: Control(kind=kind, name=name, does=does,
                      rules=tuple(rule.id for rule in deciding if uses(rule)))
        for kind, name, does, uses in _BY_RULES
    }  # fmt: skip
    for control in (*_of_bundle(bundle), _block(bundle, deciding), _budget(bundle, deciding)):
        found[control.kind] = control
    return tuple(found[kind] for kind in ControlKind)


def _block(bundle: PolicyBundle, deciding: list[Rule]) -> Control:
    blocks = blocks_of(bundle)
    return Control(
        kind=ControlKind.BLOCK,
        name="Block a family now",
        does="Give a family of agencies nothing, by one act, proved at once.",
        rules=tuple(rule.id for rule in deciding if rule.id in blocks),
    )


def _budget(bundle: PolicyBundle, deciding: list[Rule]) -> Control:
    over = {BudgetState.OVER, BudgetState.PHOTO_OVER}
    using = tuple(
        rule.id for rule in deciding if any(over & set(box.budget) for box in _boxes(rule))
    )
    # A budget that no rule looks at is counted and stops nobody.
    said = " ".join(map(english_of_budget, bundle.budgets)) if using else ""
    return Control(
        kind=ControlKind.BUDGET,
        name="Budgets",
        does="So many people a day that an officer or an agency may ask about.",
        rules=using if bundle.budgets else (),
        said=said,
    )


def _of_bundle(bundle: PolicyBundle) -> Iterable[Control]:
    publication = bundle.publication
    yield Control(
        kind=ControlKind.DELAY,
        name="Detail shown later",
        does="The public ledger shows who asked and what for only after some months.",
        said="" if publication is None
        else f"{_many(publication.delay_months, 'month')}, for"
        f" {_many(len(publication.delayed_purposes), 'purpose')}",
    )  # fmt: skip
    yield Control(
        kind=ControlKind.QUOTA,
        name="Quotas of the review queue",
        does="So many requests of an agency that may wait for a person; what is more is refused.",
        said=" ".join(map(english_of_quota, bundle.quotas)),
    )
    yield Control(
        kind=ControlKind.NOTICE,
        name="Notice before rules loosen",
        does="What loosens restricted parts must stand announced first.",
        said=_many(bundle.notice_hours, "hour") if bundle.notice_hours else "",
    )
    yield Control(
        kind=ControlKind.PROMISES,
        name="Promises of this state's own",
        does="No later version may break them unseen.",
        said=_many(len(bundle.guarantees), "promise") if bundle.guarantees else "",
    )
    yield Control(
        kind=ControlKind.NATIONAL,
        name="National rules",
        does="Adopt the shipped rules, less those that this state opts out of.",
        said="" if not bundle.national
        else f"adopted, less {len(bundle.opt_outs)}" if bundle.opt_outs else "adopted whole",
    )  # fmt: skip


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
