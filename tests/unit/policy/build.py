"""Small policies and facts for the policy's unit tests; every agency is invented."""

from __future__ import annotations

from typing import Any

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
    CompiledPolicy,
    Condition,
    Mark,
    PolicyBundle,
    Rule,
    Statute,
    compile_policy,
)

ERO, HSI, PATROL = ORI("XXERO0001"), ORI("XXHSI0001"), ORI("XXUSBP001")
POLICE, UNLISTED = ORI("TX0PD0001"), ORI("ZZ9999999")
FAMILIES = {
    ERO: Family("US/DHS/ICE/ERO"),
    HSI: Family("US/DHS/ICE/HSI"),
    PATROL: Family("US/DHS/CBP/USBP"),
    POLICE: Family("TX/LOCAL/PD"),
}
STATUS = (DataClass.STATUS,)
LICENCE = (RecordKind.LICENCE,)
PRACTICE = Statute(cite="practice data", mark=Mark.PRACTICE)


def facts(agency: ORI = ERO, **said: Any) -> Facts:
    """A driver query that claims nothing, but for what is said."""
    plain: dict[str, Any] = {
        "agency_type": AgencyType.FE,
        "certification": Certification.NONE,
        "assurance": Assurance.NOT_STATED,
        "key": MessageKey("DQ"),
        "purpose": Purpose.NOT_STATED,
        "offence": Offence.NOT_STATED,
        "instrument": Instrument.NOT_STATED,
        "fan_out": FanOut.SINGLE,
        "emergency": Emergency.NONE,
        "time_band": TimeBand.WEEKDAY_DAY,
        "budget": BudgetState.WITHIN,
        "direction": Direction.INBOUND,
    }
    return Facts(agency=agency, **(plain | said))


def rule(name: str, effect: Outcome, *unless: Condition, **when: Any) -> Rule:
    """A rule on these axes, with these exceptions."""
    return Rule(
        id=RuleId(name),
        effect=effect,
        when=Condition(**when),
        unless=unless,
        sentence=f"Rule {name} says so.",
        statute=PRACTICE,
    )


RELEASE_ALL = rule("ALL", Outcome.RELEASE)


def bundle(*rules: Rule, **changed: Any) -> PolicyBundle:
    """A bundle of these rules."""
    fields: dict[str, Any] = {
        "schema_version": 2,
        "state": Member("wa"),
        "version": 1,
        "title": "Practice data",
        "hold_hours": 72,
        "rules": rules,
    }
    return PolicyBundle(**(fields | changed))


def policy(*rules: Rule) -> CompiledPolicy:
    """These rules alone, compiled."""
    return compile_policy(bundle(*rules), None, FAMILIES)
