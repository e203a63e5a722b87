"""Notice and guarantees of a bundle: their form, what is in force, and what templates promise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import DataClass, Outcome, Purpose
from comity.policy import (
    Budget,
    BudgetPer,
    Condition,
    Guarantee,
    PolicyBundle,
    check_bundle,
    encode_bundle,
    load_template,
    national_default,
    parse_bundle,
    template_names,
)
from comity.policy import errors as e
from comity.policy.check import EXCEPTIONS_MAX, GUARANTEES_MAX, NOTICE_HOURS_MAX
from comity.policy.difference import compare
from comity.policy.guarantee import default_guarantees, guarantees_in_force, prove
from comity.policy.layer import layered_rules
from comity.policy.notice import RESTRICTED_CLASSES, loosened_classes, same_rules, takes_notice
from comity.policy.space import Asker, Space, space_of
from comity.practice.agencies import agencies_of
from tests.unit.policy.build import RELEASE_ALL, bundle, rule

PROMISE = Guarantee(
    id="WA-1",
    sentence="No photo goes to anyone for traffic.",
    when=Condition(data_class=(DataClass.PHOTO,), purpose=(Purpose.TRAFFIC_SAFETY,)),
    reviewed=True,
)
PLACED = msgspec.to_builtins(PROMISE)
FIRST = default_guarantees()[0].id


def space() -> Space:
    """All that the agencies of the practice world can ask."""
    listed = (agency for member in MEMBERS for agency in agencies_of(member))
    return space_of([Asker(agency.ori, agency.family, agency.type) for agency in listed])


def parsed(**changes: Any) -> PolicyBundle:
    """A bundle read back with other fields."""
    table = msgspec.to_builtins(bundle(RELEASE_ALL)) | changes
    return parse_bundle(msgspec.json.encode(table))


def test_they_are_read_in_any_order_and_written_in_one() -> None:
    """Values in their order, opt-outs sorted; what is left out is as if it were not there."""
    shuffled = {**PLACED, "when": {"purpose": ["traffic_safety", "court"], "data_class": ["photo"]}}
    names = [each.id for each in default_guarantees()]
    found = parsed(guarantees=[shuffled], guarantee_opt_outs=names[::-1], notice_hours=72)
    assert found.guarantees[0].when.purpose == (Purpose.TRAFFIC_SAFETY, Purpose.COURT)
    assert list(found.guarantee_opt_outs) == sorted(names)
    assert parse_bundle(encode_bundle(found)) == found
    assert b"notice_hours" not in encode_bundle(parsed(notice_hours=0))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"notice_hours": -1}, e.PolicyLimitError),
        ({"notice_hours": NOTICE_HOURS_MAX + 1}, e.PolicyLimitError),
        ({"notice_hours": 1, "schema_version": 1}, e.RuleFormError),
        ({"guarantees": [PLACED], "schema_version": 1}, e.RuleFormError),
        ({"guarantee_opt_outs": [FIRST], "schema_version": 1}, e.RuleFormError),
        ({"guarantees": [PLACED, PLACED]}, e.DuplicateRuleError),
        ({"guarantees": [{**PLACED, "id": FIRST}]}, e.DuplicateRuleError),
        ({"guarantees": [{**PLACED, "id": "wa 1"}]}, e.RuleFormError),
        ({"guarantees": [{**PLACED, "sentence": " "}]}, e.RuleFormError),
        ({"guarantees": [{**PLACED, "sentence": "x" * 241}]}, e.PolicyLimitError),
        ({"guarantees": [{**PLACED, "colour": "red"}]}, e.RuleFormError),
        ({"guarantees": [{**PLACED, "when": {"purpose": ["fun"]}}]}, e.UnknownAxisValueError),
        ({"guarantees": [{**PLACED, "when": {"colour": ["red"]}}]}, e.UnknownAxisError),
        ({"guarantees": [{**PLACED, "when": {"agency": ["XX/NONE"]}}]}, e.UnknownFamilyError),
        ({"guarantees": [{**PLACED, "unless": [{}]}]}, e.RuleFormError),
        ({"guarantee_opt_outs": ["G-NONE"]}, e.OptOutError),
        ({"guarantee_opt_outs": [FIRST, FIRST]}, e.RuleFormError),
    ],
)
def test_what_has_not_their_form_is_refused(changes: dict[str, Any], error: type) -> None:
    """Each with its own error."""
    with pytest.raises(error):
        parsed(**changes)


def test_their_limits() -> None:
    """At the limit they stand, one beyond they do not."""
    names = [msgspec.structs.replace(PROMISE, id=f"G{n}") for n in range(GUARANTEES_MAX + 1)]
    check_bundle(bundle(RELEASE_ALL, guarantees=tuple(names[1:]), notice_hours=NOTICE_HOURS_MAX))
    with pytest.raises(e.PolicyLimitError):
        check_bundle(bundle(RELEASE_ALL, guarantees=tuple(names)))
    out = tuple(sorted(f"G{number}" for number in range(GUARANTEES_MAX + 1)))
    check_bundle(bundle(RELEASE_ALL, guarantee_opt_outs=out[1:]), None)
    with pytest.raises(e.PolicyLimitError):
        check_bundle(bundle(RELEASE_ALL, guarantee_opt_outs=out), None)
    unless = tuple(Condition(purpose=(purpose,)) for purpose in Purpose) * 2
    for count in (EXCEPTIONS_MAX, EXCEPTIONS_MAX + 1):
        made = msgspec.structs.replace(PROMISE, unless=unless[:count])
        if count <= EXCEPTIONS_MAX:
            check_bundle(bundle(RELEASE_ALL, guarantees=(made,)))
        else:
            with pytest.raises(e.PolicyLimitError):
                check_bundle(bundle(RELEASE_ALL, guarantees=(made,)))


def test_what_was_published_is_read_when_a_guarantee_of_all_states_is_gone() -> None:
    """A later release may list others: an opt-out of one that it does not know is no fault then."""
    gone = bundle(RELEASE_ALL, guarantee_opt_outs=("G-GONE",))
    check_bundle(gone, None)
    with pytest.raises(e.OptOutError):
        check_bundle(gone)


def test_what_was_published_is_read_when_all_states_promise_under_its_id() -> None:
    """A state's own promise keeps its id; a new one may not take that of all states."""
    same = bundle(RELEASE_ALL, guarantees=(msgspec.structs.replace(PROMISE, id=FIRST),))
    check_bundle(same, None)
    assert guarantees_in_force(same) == (*default_guarantees(), *same.guarantees)
    with pytest.raises(e.DuplicateRuleError):
        check_bundle(same)


def test_what_a_state_promises() -> None:
    """What all states do, less its opt-outs, then its own."""
    made = bundle(RELEASE_ALL, guarantees=(PROMISE,), guarantee_opt_outs=(FIRST,))
    assert guarantees_in_force(made) == (*default_guarantees()[1:], PROMISE)
    assert guarantees_in_force(bundle(RELEASE_ALL)) == default_guarantees()


def test_guarantees_of_all_states_could_stand_in_a_bundle() -> None:
    """Their form is that of a state's own; each has an id and a sentence of its own."""
    for each in default_guarantees():
        check_bundle(bundle(RELEASE_ALL, guarantees=(msgspec.structs.replace(each, id="X"),)))
    assert len({each.id for each in default_guarantees()}) == len(default_guarantees())


@pytest.mark.parametrize("name", template_names())
def test_a_template_keeps_what_it_promises(name: str) -> None:
    """Over everything that the practice world can ask; and it opts out of nothing that it keeps."""
    template = load_template(name)
    rules = layered_rules(template, national_default())
    for proof in prove(rules, guarantees_in_force(template), space()):
        assert proof.holds, f"{proof.guarantee}: {proof.witness} by {proof.rules}"
    opted = [each for each in default_guarantees() if each.id in template.guarantee_opt_outs]
    for proof in prove(rules, tuple(opted), space()):
        assert not proof.holds, f"{proof.guarantee} is kept: no opt-out is needed"


def test_which_classes_are_loosened() -> None:
    """Restricted ones of which a request is given more easily; what is tightened is none."""
    photo = rule("P", Outcome.DENY, data_class=(DataClass.PHOTO, DataClass.VEHICLE))
    held = rule("H", Outcome.HOLD, data_class=(DataClass.HISTORY,))
    strict, loose = (RELEASE_ALL, photo, held), (RELEASE_ALL,)
    of_all = space()
    assert loosened_classes(compare(strict, loose, of_all)) == (DataClass.PHOTO, DataClass.HISTORY)
    assert loosened_classes(compare(loose, strict, of_all)) == ()
    vehicles = (RELEASE_ALL, rule("V", Outcome.DENY, data_class=(DataClass.VEHICLE,)))
    assert loosened_classes(compare(vehicles, loose, of_all)) == ()
    denied = compare((), loose, of_all)
    asked = {DataClass.PHOTO, DataClass.HISTORY}
    assert asked <= set(loosened_classes(denied)) <= set(RESTRICTED_CLASSES)


def test_what_is_not_known_needs_notice() -> None:
    """Where it is asked for at all."""
    noticed, none = bundle(RELEASE_ALL, notice_hours=1), bundle(RELEASE_ALL)
    assert takes_notice(noticed, noticed, None) == RESTRICTED_CLASSES
    assert takes_notice(none, noticed, None) == ()


ONE = Budget(per=BudgetPer.OPERATOR, persons=40, photos=4)
ALL_PHOTOS = msgspec.structs.replace(ONE, photos=None)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ((ONE,), (msgspec.structs.replace(ONE, persons=41),), ("`budgets`",)),
        ((ONE,), (msgspec.structs.replace(ONE, photos=5),), ("`budgets`",)),
        ((ONE,), (ALL_PHOTOS,), ("`budgets`",)),
        ((ONE,), (msgspec.structs.replace(ONE, per=BudgetPer.AGENCY),), ("`budgets`",)),
        ((ONE,), (), ("`budgets`",)),
        ((ONE,), (msgspec.structs.replace(ONE, persons=39),), ()),
        ((ALL_PHOTOS,), (ONE,), ()),
        ((), (ONE,), ()),
    ],
)
def test_more_persons_are_asked_about_after_notice(
    before: tuple[Budget, ...], after: tuple[Budget, ...], found: tuple[str, ...]
) -> None:
    """A budget raised or dropped is in no comparison of rules, and loosens all the same."""
    alike = compare((RELEASE_ALL,), (RELEASE_ALL,), space())
    old = bundle(RELEASE_ALL, notice_hours=2, budgets=before)
    assert takes_notice(old, msgspec.structs.replace(old, budgets=after), alike) == found
    shorter = msgspec.structs.replace(old, budgets=after, notice_hours=1)
    assert takes_notice(old, shorter, alike) == (*found, "`notice_hours`")


def test_same_rules_but_for_version_and_confirmation() -> None:
    """Anything else makes them others."""
    one = bundle(RELEASE_ALL)
    assert same_rules(one, bundle(RELEASE_ALL, version=9))
    for changes in ({"title": "Other"}, {"notice_hours": 1}, {"rules": ()}, {"hold_hours": 1}):
        assert not same_rules(one, msgspec.structs.replace(one, **changes))
