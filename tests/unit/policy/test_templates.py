"""The shipped templates: each is checked, marked, labelled, and says what its law allows."""

from __future__ import annotations

from itertools import product

import pytest

from comity.domain.ids import MEMBERS, OPERATOR_MEMBER
from comity.domain.vocabulary import DataClass, Instrument, Outcome, RecordKind
from comity.policy import (
    Mark,
    bundle_digest,
    compile_policy,
    encode_bundle,
    load_template,
    national_default,
    parse_bundle,
    plain_adoption,
    template_names,
)
from comity.policy.errors import UnknownTemplateError
from comity.policy.rule import Rule
from tests.unit.policy.build import ERO, FAMILIES, HSI, PATROL, POLICE, facts

JUDICIAL = {Instrument.ARTICLE_III_WARRANT, Instrument.STATE_WARRANT, Instrument.COURT_ORDER}
STATES = tuple(name for name in template_names() if name != "national_default")
RULES = [
    pytest.param(rule, id=rule.id)
    for name in template_names()
    for rule in load_template(name).rules
]


@pytest.mark.parametrize("name", template_names())
def test_a_template_is_a_good_bundle(name: str) -> None:
    """Each template parses, comes back from its own bytes, and compiles."""
    bundle = load_template(name)
    assert parse_bundle(encode_bundle(bundle)) == bundle
    compile_policy(bundle, national_default(), FAMILIES)


@pytest.mark.parametrize("name", STATES)
def test_a_states_template_is_a_labelled_draft(name: str) -> None:
    """A state's template is that state's, says that it is a draft, and rests on the national."""
    bundle = load_template(name)
    assert bundle.state == name
    assert "draft for state counsel" in bundle.title
    assert bundle.national == bundle_digest(national_default())


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_labelled_and_logged(rule: Rule) -> None:
    """A requester always learns what kind of rule it was, in a sentence; each is logged."""
    assert rule.label
    assert rule.sentence.endswith(".")
    assert "log" in rule.obligations
    assert rule.enabled is (rule.statute.mark is not Mark.UNCHECKED and "draft" not in rule.label)


@pytest.mark.parametrize("rule", RULES)
def test_no_template_lets_an_officers_warrant_stand_for_a_judge(rule: Rule) -> None:
    """An administrative immigration warrant satisfies no condition of any template."""
    for condition in (rule.when, *rule.unless):
        assert Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT not in condition.instrument


@pytest.mark.parametrize("name", STATES)
def test_an_officers_warrant_opens_nothing(name: str) -> None:
    """No decision of any template is better for an administrative immigration warrant."""
    compiled = compile_policy(load_template(name), national_default(), FAMILIES)
    kinds = (RecordKind.LICENCE, RecordKind.NONCOMPLIANT_LICENCE)
    for agency, reviewed in product((ERO, HSI, PATROL), (False, True)):
        plain = compiled.decide(facts(agency), tuple(DataClass), kinds, reviewed=reviewed)
        shown = compiled.decide(
            facts(agency, instrument=Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT),
            tuple(DataClass),
            kinds,
            reviewed=reviewed,
        )
        assert shown == plain


@pytest.mark.parametrize("name", ["ny", "md", "mn", "wa"])
def test_a_judges_instrument_opens_what_the_law_says(name: str) -> None:
    """Where a template excepts judicial instruments, only those that it names open anything."""
    bundle = load_template(name)
    named = {i for rule in bundle.rules for u in rule.unless for i in u.instrument}
    assert named
    assert named <= JUDICIAL


def test_a_state_without_rules_releases_to_all_listed() -> None:
    """Under the national default alone the removal officers get what any police get."""
    compiled = compile_policy(plain_adoption(MEMBERS[0]), national_default(), FAMILIES)
    classes = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS, DataClass.PHOTO)
    for agency in (ERO, POLICE):
        decided = compiled.decide(facts(agency), classes, (RecordKind.LICENCE,))
        assert {d.outcome for d in decided} == {Outcome.RELEASE}


def test_every_member_can_adopt_the_national_default() -> None:
    """The bundle without rules of its own stands for each of the jurisdictions."""
    for member in MEMBERS:
        if member != OPERATOR_MEMBER:
            assert parse_bundle(encode_bundle(plain_adoption(member))).state == member


def test_the_national_default_keeps_four_classes_back() -> None:
    """Numbers, health, immigration papers and free text are denied under any key."""
    kept = (
        DataClass.SSN,
        DataClass.MEDICAL,
        DataClass.IMMIGRATION_DOCUMENTS,
        DataClass.OPAQUE,
    )
    compiled = compile_policy(plain_adoption(MEMBERS[0]), national_default(), FAMILIES)
    decided = compiled.decide(facts(POLICE), kept, (RecordKind.LICENCE,))
    assert [d.reasons[0].rule for d in decided] == ["N07", "N08", "N09", "N10"]
    assert {d.outcome for d in decided} == {Outcome.DENY}


def test_an_unknown_template_has_a_name_for_it() -> None:
    """A name that is no template, or a path, is refused."""
    for name in ("zz", "../families", ""):
        with pytest.raises(UnknownTemplateError):
            load_template(name)
