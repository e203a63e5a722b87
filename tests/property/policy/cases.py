"""Random bundles, agencies and facts for the policy's properties.

Bundles are drawn small in values and large in overlap: rules that never meet prove nothing.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

from comity.domain.agency import Family
from comity.domain.decision import Facts, RuleId
from comity.domain.ids import ORI, Member
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
from comity.policy import (
    Axis,
    Budget,
    BudgetPer,
    Condition,
    Guarantee,
    Mark,
    Obligation,
    PolicyBundle,
    Quota,
    QuotaPer,
    Rule,
    Statute,
)
from comity.policy.check import budget_order, quota_order
from comity.policy.guarantee import default_guarantees

FAMILIES = {
    ORI("XXERO0001"): Family("US/DHS/ICE/ERO"),
    ORI("XXHSI0001"): Family("US/DHS/ICE/HSI"),
    ORI("XXUSBP001"): Family("US/DHS/CBP/USBP"),
    ORI("XXFBI0001"): Family("US/DOJ/FBI"),
    ORI("TX0PD0001"): Family("TX/LOCAL/PD"),
}
UNLISTED = ORI("ZZ9999999")
CLASSES = (DataClass.STATUS, DataClass.ADDRESS, DataClass.PHOTO)
KINDS = (RecordKind.LICENCE, RecordKind.NONCOMPLIANT_LICENCE)
VALUES: dict[Axis, list[str]] = {
    Axis.AGENCY: ["TX/LOCAL", "US", "US/DHS", "US/DHS/ICE", "US/DHS/ICE/HSI", "XXFBI0001"],
    Axis.AGENCY_TYPE: [AgencyType.PD, AgencyType.FE],
    Axis.CERTIFICATION: list(Certification),
    Axis.ASSURANCE: list(Assurance),
    Axis.MESSAGE_KEY: ["DQ", "KQ"],
    Axis.DATA_CLASS: list(CLASSES),
    Axis.RECORD_KIND: list(KINDS),
    Axis.PURPOSE: [Purpose.CRIMINAL_INVESTIGATION, Purpose.CIVIL_IMMIGRATION, Purpose.NOT_STATED],
    Axis.OFFENCE: [Offence.CHILD_EXPLOITATION, Offence.NONE, Offence.NOT_STATED],
    Axis.INSTRUMENT: [
        Instrument.ARTICLE_III_WARRANT,
        Instrument.COURT_ORDER,
        Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT,
        Instrument.NOT_STATED,
    ],
    Axis.FAN_OUT: [FanOut.SINGLE, FanOut.ALL],
    Axis.EMERGENCY: list(Emergency),
    Axis.TIME_BAND: list(TimeBand),
    Axis.BUDGET: list(BudgetState),
    Axis.DIRECTION: list(Direction),
}


@st.composite
def conditions(draw: st.DrawFn, fewest: int = 0) -> Condition:
    """A condition on up to three axes."""
    axes = draw(st.lists(st.sampled_from(list(Axis)), min_size=fewest, max_size=3, unique=True))
    chosen: dict[str, Any] = {}
    for axis in axes:
        values = VALUES[axis]
        kept = draw(st.sets(st.sampled_from(range(len(values))), min_size=1))
        chosen[axis.value] = tuple(values[index] for index in sorted(kept))
    return Condition(**chosen)


@st.composite
def rules(draw: st.DrawFn, name: str, effects: tuple[Outcome, ...] = tuple(Outcome)) -> Rule:
    """A rule with up to two exceptions."""
    return Rule(
        id=RuleId(name),
        effect=draw(st.sampled_from(effects)),
        when=draw(conditions()),
        unless=tuple(draw(st.lists(conditions(fewest=1), max_size=2))),
        obligations=draw(st.sampled_from([(), (Obligation.LOG,)])),
        statute=Statute(cite="practice data", mark=Mark.PRACTICE),
        sentence=f"Rule {name} of the practice data.",
        enabled=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def bundles(draw: st.DrawFn, fewest: int = 0, most: int = 8) -> PolicyBundle:
    """A bundle of a fictional policy; a release for all stands in most, or all would be denied."""
    count = draw(st.integers(fewest, most))
    drawn = [draw(rules(f"R{number:02}")) for number in range(count)]
    if draw(st.booleans()):
        drawn.append(
            Rule(
                id=RuleId("ALL"),
                effect=Outcome.RELEASE,
                statute=Statute(cite="practice data", mark=Mark.PRACTICE),
            )
        )
    promises = [
        Guarantee(
            id=f"G{number}",
            sentence="A promise of the practice data.",
            when=draw(conditions()),
            unless=tuple(draw(st.lists(conditions(fewest=1), max_size=2))),
            reviewed=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 2)))
    ]
    opt_outs = draw(st.sets(st.sampled_from([each.id for each in default_guarantees()])))
    return bundle_of(
        tuple(drawn),
        notice_hours=draw(st.sampled_from([0, 0, 1, 2_160])),
        budgets=draw(budgets()),
        quotas=draw(quotas()),
        guarantees=tuple(promises),
        guarantee_opt_outs=tuple(sorted(opt_outs)),
    )


@st.composite
def budgets(draw: st.DrawFn) -> tuple[Budget, ...]:
    """A few budgets in canonical order, no two for the same."""
    made = draw(
        st.lists(
            st.builds(
                Budget,
                per=st.sampled_from(BudgetPer),
                agency=st.sampled_from(((), ("US/DHS",), ("TX/LOCAL", "US/DHS/ICE"))),
                purpose=st.sampled_from(((), (Purpose.COURT, Purpose.NOT_STATED))),
                persons=st.integers(5, 1_000_000),
                photos=st.none() | st.integers(0, 5),
            ),
            max_size=4,
            unique_by=_counts,
        )
    )
    return tuple(sorted(made, key=_counts))


@st.composite
def quotas(draw: st.DrawFn) -> tuple[Quota, ...]:
    """A few quotas in canonical order, no two for the same."""

    def whose(quota: Quota) -> tuple[object, ...]:
        return quota_order(quota.per, quota.agency)

    made = draw(
        st.lists(
            st.builds(
                Quota,
                per=st.sampled_from(QuotaPer),
                agency=st.sampled_from((("US/DHS",), ("TX/LOCAL", "US/DHS/ICE"))),
                waiting=st.integers(1, 10_000),
                per_day=st.none() | st.integers(1, 1_000_000),
            ),
            max_size=2,
            unique_by=whose,
        )
    )
    return tuple(sorted(made, key=whose))


def _counts(budget: Budget) -> tuple[object, ...]:
    return budget_order(budget.per, budget.agency, budget.purpose)


def bundle_of(drawn: tuple[Rule, ...], **changed: Any) -> PolicyBundle:
    """A bundle with these rules."""
    fields: dict[str, Any] = {
        "schema_version": 2,
        "state": Member("wa"),
        "version": 1,
        "title": "Practice data",
        "hold_hours": 72,
        "rules": drawn,
    }
    return PolicyBundle(**(fields | changed))


def some_condition(chance: Random, fewest: int = 0) -> Condition:
    """A condition on up to three axes, by this chance: far cheaper than to draw each value."""
    chosen: dict[str, Any] = {}
    for axis in chance.sample(list(Axis), chance.randint(fewest, 3)):
        values = VALUES[axis]
        kept = set(chance.sample(range(len(values)), chance.randint(1, len(values))))
        chosen[axis.value] = tuple(values[index] for index in sorted(kept))
    return Condition(**chosen)


def some_rule(chance: Random, name: str, effects: tuple[Outcome, ...] = tuple(Outcome)) -> Rule:
    """A rule with up to two exceptions, drawn by this chance."""
    return Rule(
        id=RuleId(name),
        effect=chance.choice(effects),
        when=some_condition(chance),
        unless=tuple(some_condition(chance, fewest=1) for _ in range(chance.randint(0, 2))),
        statute=Statute(cite="practice data", mark=Mark.PRACTICE),
        sentence=f"Rule {name} of the practice data.",
        enabled=chance.random() < 0.9,
    )


def some_bundle(chance: Random, prefix: str = "R", most: int = 6) -> PolicyBundle:
    """A bundle of up to so many rules, and in most a release for all, drawn by this chance."""
    drawn = [some_rule(chance, f"{prefix}{n:02}") for n in range(chance.randint(0, most))]
    if chance.random() < 0.6:
        everything = Statute(cite="practice data", mark=Mark.PRACTICE)
        drawn.append(Rule(id=RuleId(f"{prefix}-ALL"), effect=Outcome.RELEASE, statute=everything))
    return bundle_of(tuple(drawn))


@st.composite
def many_facts(draw: st.DrawFn, count: int = 40) -> list[Facts]:
    """Many facts for one bundle, out of one drawn seed: a bundle costs more to draw than to ask."""
    return some_facts(Random(draw(st.integers(0, 1 << 32))), count)


def some_facts(chance: Random, count: int) -> list[Facts]:
    """So many facts, drawn by this chance."""
    return [
        Facts(
            agency=chance.choice([*FAMILIES, UNLISTED]),
            agency_type=chance.choice(list(AgencyType)),
            certification=chance.choice(list(Certification)),
            assurance=chance.choice(list(Assurance)),
            key=MessageKey(chance.choice(["DQ", "KQ"])),
            purpose=Purpose(chance.choice(VALUES[Axis.PURPOSE])),
            offence=Offence(chance.choice(VALUES[Axis.OFFENCE])),
            instrument=chance.choice(list(Instrument)),
            fan_out=chance.choice(list(FanOut)),
            emergency=chance.choice(list(Emergency)),
            time_band=chance.choice(list(TimeBand)),
            budget=chance.choice(list(BudgetState)),
            direction=chance.choice(list(Direction)),
        )
        for _ in range(count)
    ]


def facts() -> st.SearchStrategy[Facts]:
    """The facts of an exchange, also of an agency that nobody lists."""
    return st.builds(
        Facts,
        agency=st.sampled_from([*FAMILIES, UNLISTED]),
        agency_type=st.sampled_from(AgencyType),
        certification=st.sampled_from(Certification),
        assurance=st.sampled_from(Assurance),
        key=st.sampled_from([MessageKey("DQ"), MessageKey("KQ")]),
        purpose=st.sampled_from(Purpose),
        offence=st.sampled_from(Offence),
        instrument=st.sampled_from(Instrument),
        fan_out=st.sampled_from(FanOut),
        emergency=st.sampled_from(Emergency),
        time_band=st.sampled_from(TimeBand),
        budget=st.sampled_from(BudgetState),
        direction=st.sampled_from(Direction),
    )
