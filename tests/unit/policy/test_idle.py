"""Rules that change nothing, and exceptions that nobody can meet."""

from __future__ import annotations

import pytest

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Outcome, Purpose
from comity.policy import Condition, Rule
from comity.policy.idle import find_idle
from comity.policy.space import Asker, Space, space_of
from tests.unit.policy.build import RELEASE_ALL, rule

POLICE = Asker(ORI("TX0PD0001"), Family("TX/LOCAL/PD"), AgencyType.PD)
OFFICERS = Asker(ORI("XXERO0001"), Family("US/DHS/ICE/ERO"), AgencyType.FE)
WARRANT = Condition(instrument=(Instrument.STATE_WARRANT,))
NO_PHOTO = rule("PHOTO", Outcome.DENY, data_class=(DataClass.PHOTO,))


def space() -> Space:
    """What a police department and a federal office can ask."""
    return space_of([POLICE, OFFICERS])


def idle(*rules: Rule) -> tuple[RuleId, ...]:
    """The idle rules among these."""
    return find_idle(rules, space()).rules


def test_rules_that_each_decide_something_are_none_of_them_idle() -> None:
    """A denial, a hold and a release, each the only one somewhere."""
    held = rule("HELD", Outcome.HOLD, data_class=(DataClass.ADDRESS,))
    assert idle(RELEASE_ALL, NO_PHOTO, held) == ()


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ((RELEASE_ALL, NO_PHOTO, rule("AGAIN", Outcome.DENY, data_class=(DataClass.PHOTO,))),
         ("PHOTO", "AGAIN")),
        ((RELEASE_ALL, NO_PHOTO, rule("HELD", Outcome.HOLD, data_class=(DataClass.PHOTO,))),
         ("HELD",)),
        ((rule("ALONE", Outcome.DENY, data_class=(DataClass.SSN,)),), ("ALONE",)),
        ((RELEASE_ALL, rule("MORE", Outcome.RELEASE, purpose=(Purpose.COURT,))), ("MORE",)),
    ],
    ids=["twice", "held and denied", "nothing is released", "released already"],
)  # fmt: skip
def test_what_could_go(rules: tuple[Rule, ...], found: tuple[str, ...]) -> None:
    """Each by itself, without any outcome being another."""
    assert idle(*rules) == found


def test_a_rule_that_nobody_meets_never_applies() -> None:
    """An agency that is not listed, or a class that no key asks for."""
    gone = rule("GONE", Outcome.DENY, agency=("WA/LOCAL/PD",))
    asked = rule("ASKED", Outcome.DENY, agency=("TX/LOCAL/PD",))
    found = find_idle((RELEASE_ALL, gone, asked), space())
    assert found.rules == found.never == ("GONE",)


def test_an_exception_that_nobody_meets_is_idle() -> None:
    """Where it and its rule's condition exclude each other; by its place, from 1 on."""
    no_court = Condition(purpose=(Purpose.COURT,))
    made = Rule(
        id=RuleId("X"),
        effect=Outcome.DENY,
        when=Condition(purpose=(Purpose.TRAFFIC_SAFETY,)),
        unless=(WARRANT, no_court, Condition(agency=("WA/LOCAL",))),
        statute=NO_PHOTO.statute,
        sentence="Practice.",
    )
    assert find_idle((RELEASE_ALL, made), space()).exceptions == (("X", 2), ("X", 3))
