"""The shipped templates: each is checked, marked, labelled, and says what its law allows."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Outcome, RecordKind
from comity.policy import (
    Condition,
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
from comity.policy.difference import compare
from comity.policy.errors import RuleFormError, UncheckedClauseError, UnknownTemplateError
from comity.policy.masks import build_masks
from comity.policy.parse import guarantees_of_table
from comity.policy.rule import Rule
from comity.policy.space import Asker, space_of
from comity.policy.templates import (
    EXECUTIVE_ORDER,
    NATIONAL_DEFAULT,
    draft_text,
    read_draft,
    read_guarantees,
)
from tests.unit.policy.build import ERO, FAMILIES, POLICE, facts

JUDICIAL = {
    Instrument.ARTICLE_III_WARRANT,
    Instrument.STATE_WARRANT,
    Instrument.COURT_ORDER,
    Instrument.COURT_SUBPOENA,
}
STATES = tuple(name for name in template_names() if name not in {NATIONAL_DEFAULT, EXECUTIVE_ORDER})
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
    if rule.statute.mark is Mark.UNCHECKED or "draft" in rule.label:
        assert not rule.enabled


@pytest.mark.parametrize("rule", RULES)
def test_no_template_lets_an_officers_warrant_stand_for_a_judge(rule: Rule) -> None:
    """An administrative immigration warrant satisfies no condition of any template."""
    for condition in (rule.when, *rule.unless):
        assert Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT not in condition.instrument


OFFICERS = Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT
ASKERS = tuple(
    Asker(ori, family, kind)
    for ori, family in FAMILIES.items()
    for kind in (AgencyType.FE, AgencyType.PD, AgencyType.NJ)
)


def with_none_for_officers(condition: Condition) -> Condition:
    """A condition that treats an officer's warrant as it treats holding nothing."""
    if not condition.instrument:
        return condition
    kept = {value for value in condition.instrument if value is not OFFICERS}
    kept |= {OFFICERS} & {OFFICERS for value in kept if value is Instrument.NONE}
    return msgspec.structs.replace(
        condition, instrument=tuple(value for value in Instrument if value in kept)
    )


@pytest.mark.parametrize("name", template_names())
def test_an_officers_warrant_opens_nothing(name: str) -> None:
    """An administrative immigration warrant counts as no instrument, in all that can be asked."""
    # Also once what is off is switched on: a draft must not hide the hole.
    bundle = load_template(name)
    switched_on = tuple(msgspec.structs.replace(rule, enabled=True) for rule in bundle.rules)
    rules = (*switched_on, *(national_default().rules if bundle.national else ()))
    as_none = tuple(
        msgspec.structs.replace(
            rule,
            when=with_none_for_officers(rule.when),
            unless=tuple(map(with_none_for_officers, rule.unless)),
        )
        for rule in rules
    )
    shown = space_of(ASKERS).within(Condition(instrument=(OFFICERS,)))
    found = compare(as_none, rules, shown)
    assert found.request_kinds == shown.size > 1_000_000
    assert found.unchanged == shown.size
    for needed in ("article_iii_warrant", "state_warrant", "court_order", "court_subpoena"):
        asked = [u for rule in rules for u in rule.unless if needed in u.instrument]
        assert not any(OFFICERS in condition.instrument for condition in asked)


def test_an_officers_warrant_that_opens_would_be_seen() -> None:
    """The proof above bites: a rule that takes an officer's warrant for a judge's is told."""
    good = load_template("md").rules
    exception = Condition(instrument=(Instrument.ARTICLE_III_WARRANT, OFFICERS))
    bad = (msgspec.structs.replace(good[0], unless=(exception,)), *good[1:])
    fixed = (
        msgspec.structs.replace(good[0], unless=(with_none_for_officers(exception),)),
        *good[1:],
    )
    rules = national_default().rules
    shown = space_of(ASKERS).within(Condition(instrument=(OFFICERS,)))
    assert compare((*fixed, *rules), (*bad, *rules), shown).loosens


@pytest.mark.parametrize("name", ["co", "ny", "md", "mn", "wa"])
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


def test_an_executive_order_is_filled_in_before_it_decides() -> None:
    """Its placeholders are marked K and off; filled in as its head says, it blocks the family."""
    blank = load_template(EXECUTIVE_ORDER)
    assert {rule.statute.mark for rule in blank.rules} == {Mark.UNCHECKED}
    assert not any(rule.enabled for rule in blank.rules)
    text = draft_text(EXECUTIVE_ORDER, Member("tx"))
    bundle = read_draft(text)
    assert (bundle.state, bundle.rules) == ("tx", blank.rules)
    assert bundle.title.startswith("Texas: executive order")
    with pytest.raises(UncheckedClauseError):
        read_draft(text.replace("\nenabled = false\n", "\n", 1))
    filled = read_draft(
        text.replace("\nenabled = false\n", "\n").replace('mark = "K"', 'mark = "V"')
    )
    compiled = compile_policy(filled, national_default(), FAMILIES)
    asked = (DataClass.STATUS,), (RecordKind.LICENCE,)
    assert compiled.decide(facts(ERO), *asked)[0].outcome is Outcome.DENY
    order = facts(ERO, instrument=Instrument.COURT_ORDER)
    assert compiled.decide(order, *asked)[0].outcome is Outcome.HOLD
    assert compiled.decide(facts(POLICE, agency_type=AgencyType.PD), *asked)[0].outcome is (
        Outcome.RELEASE
    )


def test_a_states_draft_is_its_own_text() -> None:
    """What is printed for counsel is what is loaded, and no other state's name goes into it."""
    for name in STATES:
        assert read_draft(draft_text(name, Member("tx"))) == load_template(name)


@pytest.mark.parametrize("name", template_names())
def test_a_note_decides_nothing(name: str) -> None:
    """Notes and labels are for people: without them every mask is the same."""
    rules = load_template(name).rules
    bare = tuple(msgspec.structs.replace(rule, note="", label="") for rule in rules)
    assert build_masks(rules, FAMILIES).values == build_masks(bare, FAMILIES).values


@pytest.mark.parametrize(
    "text",
    [
        "a=" + "[" * 5_000,
        "a=" + "{a=" * 3_000,
        "version=" + "9" * 5_000,
        ".".join("a" * 40_000) + "=1",
        "[[guarantees]]\n" + ".".join('"a"' for _ in range(40_000)) + ".b=1",
        "title='" + "\x00'",
        "\ufefftitle=''",
    ],
    ids=["arrays", "tables", "digits", "parts", "quoted-parts", "nul", "bom"],
)
@pytest.mark.parametrize("read", [read_draft, read_guarantees])
def test_what_is_no_toml_is_refused_at_once(read: Callable[[str], object], text: str) -> None:
    """Also what Python's own reader of TOML does not call an error, or takes gigabytes for."""
    with pytest.raises(RuleFormError):
        read(text)


def test_dots_in_the_strings_of_a_draft_are_no_parts() -> None:
    """A sentence, a note and a comment may hold as many as they like."""
    dots = "." * 100
    text = draft_text(NATIONAL_DEFAULT)
    assert read_draft(f"# {dots}\n{text}").rules == load_template(NATIONAL_DEFAULT).rules


def test_half_a_character_in_a_guarantees_field_is_refused() -> None:
    """A table may come from elsewhere than TOML, which has none."""
    with pytest.raises(RuleFormError, match="half a character"):
        guarantees_of_table({"guarantees": [{"\ud800": 1}]})
