"""Cedar as referee: what it takes, what it refuses, and that an error in it never releases."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.cedar import CedarReferee
from comity.adapters.errors import CedarError
from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, Outcome
from comity.policy import Axis, Condition, load_template, national_default
from comity.policy.axis import AXIS_VALUES
from comity.policy.cedar import cedar_policies, cedar_schema, unknown_agencies
from comity.policy.check import AGENCIES_MAX, EXCEPTIONS_MAX
from comity.policy.layer import layered_rules
from comity.policy.space import Asker, RequestKind

ERO = Asker(ORI("XXERO0001"), Family("US/DHS/ICE/ERO"), AgencyType.FE)
KIND: RequestKind = {
    Axis.AGENCY: "XXERO0001", Axis.AGENCY_TYPE: "fe", Axis.CERTIFICATION: "valid",
    Axis.ASSURANCE: "signed", Axis.MESSAGE_KEY: "DQ", Axis.DATA_CLASS: "status",
    Axis.RECORD_KIND: "licence", Axis.PURPOSE: "not_stated", Axis.OFFENCE: "none",
    Axis.INSTRUMENT: "none", Axis.FAN_OUT: "single", Axis.EMERGENCY: "none",
    Axis.TIME_BAND: "weekday_day", Axis.BUDGET: "within", Axis.DIRECTION: "inbound",
}  # fmt: skip
PERMIT = '@id("P1") permit (principal, action, resource) when { true };\n'
REVIEW = (
    '@id("H1") forbid (principal, action, resource)'
    ' when { principal in Agency::"US/DHS/ICE" } unless { context.reviewed };\n'
)
DENY = (
    '@id("D1") forbid (principal, action, resource)'
    ' when { context.purpose == Purpose::"civil_immigration" };\n'
)


def referee(text: str) -> CedarReferee:
    """A referee over one agency."""
    return CedarReferee(text, [ERO])


def test_three_outcomes() -> None:
    """Allowed without a review is a release, with one a hold, and all else a denial."""
    (alone,) = referee(PERMIT).rule_on([KIND])
    assert (alone.outcome, set(alone.rules)) == (Outcome.RELEASE, {"P1"})
    (held,) = referee(PERMIT + REVIEW).rule_on([KIND])
    assert (held.outcome, set(held.rules)) == (Outcome.HOLD, {"H1"})
    assert (held.reviewed, set(held.reviewed_rules)) == (Outcome.RELEASE, {"P1"})
    civil = {**KIND, Axis.PURPOSE: "civil_immigration"}
    (denied,) = referee(PERMIT + REVIEW + DENY).rule_on([civil])
    assert (denied.outcome, set(denied.rules)) == (Outcome.DENY, {"D1"})
    assert denied.reviewed is Outcome.DENY
    (nothing,) = referee(DENY).rule_on([KIND])
    assert (nothing.outcome, nothing.rules) == (Outcome.DENY, frozenset())


@pytest.mark.parametrize("axis", [Axis.PURPOSE, Axis.RECORD_KIND, Axis.MESSAGE_KEY])
def test_a_value_that_the_schema_does_not_have_is_denied(axis: Axis) -> None:
    """Cedar would skip a rule that cannot be evaluated; with its schema the request is refused."""
    (ruling,) = referee(PERMIT).rule_on([{**KIND, axis: "no-such-value"}])
    assert ruling.outcome is Outcome.DENY
    assert ruling.reviewed is Outcome.DENY
    assert ruling.errors


def test_every_template_is_valid_cedar_and_read_back() -> None:
    """What Cedar's own reader finds in the text is what the record says, rule by rule."""
    for name in ("il", "md", "ny", "wa"):
        rules = layered_rules(load_template(name), national_default())
        found = referee(cedar_policies(rules)).rules()
        assert [(r.id, r.effect, r.when, r.unless) for r in found] == [
            (r.id, r.effect, r.when, r.unless) for r in rules
        ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("permit (principal, action, resource);", "@id"),
        (PERMIT + PERMIT, "one `@id`"),
        ('@id("A") permit (principal in Agency::"US", action, resource);', "scope on `agency`"),
        (
            '@id("A") permit (principal, action, resource) when { true || true };',
            "no comparison",
        ),
        (
            (
                '@id("A") permit (principal, action, resource)'
                ' when { context.purpose == Purpose::"court"'
                ' || context.offence == Offence::"none" };'
            ),
            "several axes",
        ),
        (
            '@id("A") permit (principal, action, resource) when { !context.reviewed };',
            "no comparison",
        ),
        (
            (
                '@id("A") permit (principal, action, resource) when { true }'
                " unless { context.reviewed };"
            ),
            "review",
        ),
        (
            (
                '@id("A") permit (principal, action, resource)'
                ' when { principal == Agency::"XXERO0001" };'
            ),
            "`eq` on `agency`",
        ),
    ],
)
def test_what_no_record_can_say_is_refused_by_name(text: str, words: str) -> None:
    """A text written by hand is read as rules, or refused with the clause that is beyond them."""
    with pytest.raises(CedarError, match=words):
        referee(text).rules()


@pytest.mark.parametrize(
    "text",
    [
        "no cedar at all",
        '@id("A") permit (principal, action, resource) when { context.purpose == Purpose::"no" };',
        '@id("A") permit (principal, action, resource) when { context.nothing };',
        '@id("A") permit (principal, action == Action::"no", resource);',
    ],
)
def test_what_the_schema_does_not_have_is_refused(text: str) -> None:
    """An unknown value, attribute or key is no rule that never applies: it is refused."""
    with pytest.raises(CedarError):
        referee(text)


def test_agencies_that_nobody_lists_are_named() -> None:
    """Cedar's validator takes any agency, so that whoever publishes is told."""
    rules = layered_rules(load_template("ny"), national_default())
    assert unknown_agencies(rules, [ERO]) == {"US/DHS/CBP"}
    assert "enum" in cedar_schema()
    assert RuleId("NY-S01") in {rule.id for rule in rules}


def test_a_rule_may_say_everything_that_a_record_can() -> None:
    """256 agencies, every value of every axis, 16 exceptions: Cedar takes it, and gives it back."""
    values = {axis.value: AXIS_VALUES[axis] for axis in Axis if axis is not Axis.AGENCY}
    agencies = tuple(f"XX{place:07}" for place in range(AGENCIES_MAX))
    when = msgspec.convert({**values, "agency": agencies}, Condition)
    full = msgspec.structs.replace(
        load_template("wa").rules[0], when=when, unless=(when,) * EXCEPTIONS_MAX
    )
    (read,) = referee(cedar_policies([full])).rules()
    assert (read.when, set(read.unless)) == (when, {when})


NESTED = {
    "brackets": "(" * 900 + "true" + ")" * 900,
    "and": " && ".join(["true"] * 20_000),
    "or": " || ".join(['principal in Agency::"A"'] * 3_000),
    "not": "!(" * 900 + "true" + ")" * 900,
    "if": "if true then " * 3_000 + "true" + " else true" * 3_000,
    "sets": "[" * 900 + "]" * 900,
    "sums": " + ".join(["1"] * 3_000) + " == 1",
    "and-130": " && ".join(["true"] * 130),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_nests_too_deep_is_refused_before_it_ends_the_process(name: str) -> None:
    """The library's own stack would overflow; no text that a person writes may do that."""
    text = f'@id("X") permit (principal, action, resource) when {{ {NESTED[name]} }};'
    with pytest.raises(CedarError, match="nest too deep"):
        referee(text).rules()


def test_many_rules_and_long_strings_do_not_nest() -> None:
    """What stands side by side, in a string or in a comment is not counted."""
    noise = "((((&&||" * 200
    one = '@id("R{0}") @sentence("{1}") // {1}\npermit (principal, action, resource);\n'
    text = "".join(one.format(place, noise) for place in range(500))
    assert len(referee(text).rules()) == 500
