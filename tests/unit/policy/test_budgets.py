"""Budgets of a bundle: their form, their order, their English, and what changes when they do."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from comity.domain.vocabulary import Purpose
from comity.policy import (
    Budget,
    BudgetPer,
    PolicyBundle,
    budget_id,
    check_bundle,
    encode_bundle,
    english_of_budget,
    english_of_budgets,
    parse_bundle,
)
from comity.policy import errors as e
from comity.policy.block import blocked, confirmed
from comity.policy.check import BUDGET_PERSONS_MAX, BUDGETS_MAX
from tests.unit.policy.build import bundle
from tests.unit.policy.test_english import GRADE_MAX, grade

GOOD = {"per": "operator", "persons": 40}
FORTY = Budget(per=BudgetPer.OPERATOR, persons=40, photos=5, purpose=(Purpose.CIVIL_IMMIGRATION,))


def read(*budgets: Any, **changed: Any) -> PolicyBundle:
    """A bundle of no rules with these budgets, read from its bytes."""
    table = json.loads(encode_bundle(bundle())) | {"budgets": budgets} | changed
    return parse_bundle(json.dumps(table).encode())


def test_budgets_are_put_in_order() -> None:
    """However they are written, the record has one form; without any it has no field."""
    written = [
        {"per": "agency", "persons": 200},
        {"per": "operator", "purpose": ["not_stated", "civil_immigration"], "persons": 3},
        {"per": "operator", "agency": ["US/DHS", "US/DOJ"], "persons": 2, "photos": 0},
        GOOD,
    ]
    found = read(*written)
    assert found == read(*reversed(written))
    assert [(b.per.value, b.agency, b.purpose) for b in found.budgets] == [
        ("operator", (), ()),
        ("operator", (), (Purpose.CIVIL_IMMIGRATION, Purpose.NOT_STATED)),
        ("operator", ("US/DHS", "US/DOJ"), ()),
        ("agency", (), ()),
    ]
    assert parse_bundle(encode_bundle(found)) == found
    assert found.budgets[2].photos == 0
    assert found.budgets[0].photos is None
    assert b"budgets" not in encode_bundle(bundle())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"per": "state"}, e.RuleFormError),
        ({"per": ["operator"]}, e.RuleFormError),
        ({"persons": 0}, e.PolicyLimitError),
        ({"persons": BUDGET_PERSONS_MAX + 1}, e.PolicyLimitError),
        ({"persons": "40"}, e.RuleFormError),
        ({"persons": None}, e.RuleFormError),
        ({"photos": -1}, e.PolicyLimitError),
        ({"photos": 41}, e.PolicyLimitError),
        ({"agency": []}, e.RuleFormError),
        ({"agency": ["US/NOBODY"]}, e.UnknownFamilyError),
        ({"agency": "US/DHS"}, e.RuleFormError),
        ({"purpose": ["sport"]}, e.UnknownAxisValueError),
        ({"purpose": ["court", "court"]}, e.RuleFormError),
        ({"family": ["US/DHS"]}, e.RuleFormError),
    ],
)
def test_a_budget_is_closed(changed: dict[str, Any], error: type[e.RuleFormError]) -> None:
    """Nothing but what the record knows, within its limits."""
    assert read(GOOD | {"photos": 40}).budgets[0].photos == 40
    with pytest.raises(error):
        read(GOOD | changed)


def test_the_limits_themselves_stand() -> None:
    """Each at its number, and not beyond."""
    assert read(GOOD | {"persons": BUDGET_PERSONS_MAX}).budgets[0].persons == BUDGET_PERSONS_MAX
    oris = [f"XXPX{number:05d}" for number in range(BUDGETS_MAX + 1)]
    many = [GOOD | {"agency": [ori]} for ori in oris]
    assert len(read(*many[:-1]).budgets) == BUDGETS_MAX
    with pytest.raises(e.PolicyLimitError):
        read(*many)


def test_two_for_the_same_are_refused() -> None:
    """Which of the two numbers would count could not be said."""
    with pytest.raises(e.RuleFormError):
        read(GOOD, GOOD | {"persons": 50})


def test_the_first_version_has_none() -> None:
    """A record that a release before this one reads must not have what it does not know."""
    with pytest.raises(e.RuleFormError):
        read(GOOD, schema_version=1)


@pytest.mark.parametrize("budgets", [1, "x", {}, [1], [None, GOOD], [[GOOD]]])
def test_another_form_is_refused(budgets: Any) -> None:
    """Whatever stands in its place."""
    table = json.loads(encode_bundle(bundle())) | {"budgets": budgets}
    with pytest.raises(e.RuleFormError):
        parse_bundle(json.dumps(table).encode())


def test_made_budgets_are_held_to_the_same() -> None:
    """A value made in code passes the same checks as a file."""
    check_bundle(bundle(budgets=(FORTY,)))
    for budgets in (
        (FORTY, msgspec.structs.replace(FORTY, purpose=())),
        (msgspec.structs.replace(FORTY, purpose=(Purpose.COURT, Purpose.FIREARM, Purpose.COURT)),),
        (msgspec.structs.replace(FORTY, persons=0, photos=None),),
    ):
        with pytest.raises(e.RuleFormError):
            check_bundle(bundle(budgets=budgets))


def test_a_block_leaves_budgets_as_they_are() -> None:
    """Restricting by one clause changes nothing else of a bundle."""
    made = bundle(budgets=(FORTY,))
    block = blocked(made, "US/DHS", "Order 14", 9)
    assert block.budgets == confirmed(block, block.rules[0].id).budgets == (FORTY,)


def test_a_budget_is_said() -> None:
    """Who, how many, for what; plainly."""
    assert english_of_budget(FORTY) == (
        "An operator may ask about 40 people a day, 5 with photo, for civil immigration "
        "enforcement."
    )
    of_dhs = Budget(per=BudgetPer.AGENCY, agency=("US/DHS",), persons=1_200, photos=0)
    assert english_of_budget(of_dhs) == (
        "An agency among Homeland Security agencies may ask about 1,200 people a day, none with "
        "photo."
    )
    unsaid = Budget(per=BudgetPer.OPERATOR, purpose=(Purpose.NOT_STATED,), persons=1)
    assert english_of_budget(unsaid) == (
        "An operator may ask about one person a day, for a use it does not state."
    )
    # The names of agencies and uses are not ours to make short.
    plain = msgspec.structs.replace(FORTY, purpose=())
    assert grade(english_of_budget(plain)) <= GRADE_MAX


def test_a_change_of_budgets_is_said() -> None:
    """What comes, what goes, and what has other numbers; nothing where nothing changes."""
    fifty = msgspec.structs.replace(FORTY, persons=50)
    of_agency = Budget(per=BudgetPer.AGENCY, persons=9)
    assert english_of_budgets((FORTY,), (FORTY,)) == ()
    assert english_of_budgets((FORTY,), (fifty, of_agency)) == (
        f"Before: {english_of_budget(FORTY)} Then: {english_of_budget(fifty)}",
        f"New: {english_of_budget(of_agency)}",
    )
    assert english_of_budgets((FORTY,), ()) == (f"No longer so: {english_of_budget(FORTY)}",)


def test_what_a_budget_counts_has_an_id() -> None:
    """The same whatever its numbers; another for another scope."""
    assert budget_id(FORTY) == budget_id(msgspec.structs.replace(FORTY, persons=9, photos=None))
    others = (
        msgspec.structs.replace(FORTY, per=BudgetPer.AGENCY),
        msgspec.structs.replace(FORTY, purpose=()),
        msgspec.structs.replace(FORTY, agency=("US/DHS",)),
    )
    assert len({budget_id(each) for each in (FORTY, *others)}) == 4
    assert len(budget_id(FORTY)) == 8
