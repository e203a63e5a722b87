"""What a bundle may not be: each refusal has its own error, and the limit itself still passes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.vocabulary import BudgetState, Direction, Outcome, Purpose
from comity.policy import (
    Condition,
    Mark,
    PolicyBundle,
    Publication,
    Statute,
    check_bundle,
    compile_policy,
    encode_bundle,
    parse_bundle,
)
from comity.policy import errors as e
from comity.policy.check import (
    AGENCIES_MAX,
    BUNDLE_BYTES_MAX,
    CITE_CHARACTERS_MAX,
    DELAY_MONTHS_MAX,
    EXCEPTIONS_MAX,
    HOLD_HOURS_MAX,
    LABEL_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    RULES_MAX,
    SENTENCE_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    VERSION_MAX,
)
from tests.unit.policy.build import FAMILIES, RELEASE_ALL, bundle, rule

BAD_MARK: Any = "Q"
DENY = rule("X-1", Outcome.DENY, agency=("US/DHS/ICE",))


def record(**changed: Any) -> dict[str, Any]:
    """One rule's record, with changes to its fields."""
    table: dict[str, Any] = json.loads(encode_bundle(bundle(DENY)))["rules"][0]
    return {name: value for name, value in (table | changed).items() if value is not None}


def parsed(**changed: Any) -> PolicyBundle:
    """A bundle of that one rule, read from its bytes."""
    table = json.loads(encode_bundle(bundle())) | {"rules": [record(**changed)]}
    return parse_bundle(json.dumps(table).encode())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"when": {"mood": ["bad"]}}, e.UnknownAxisError),
        ({"when": {"purpose": ["curiosity"]}}, e.UnknownAxisValueError),
        ({"when": {"message_key": ["ZZQ"]}}, e.UnknownAxisValueError),
        ({"when": {"message_key": ["DR"]}}, e.UnknownAxisValueError),
        ({"when": {"agency": ["US/DHS/ICEE"]}}, e.UnknownFamilyError),
        ({"when": {"agency": ["us/dhs"]}}, e.UnknownFamilyError),
        ({"unless": [{"agency": ["QQ/LOCAL"]}]}, e.UnknownFamilyError),
        ({"when": {"purpose": []}}, e.RuleFormError),
        ({"when": {"purpose": ["court", "court"]}}, e.RuleFormError),
        ({"when": {"purpose": "court"}}, e.RuleFormError),
        ({"unless": [{}]}, e.RuleFormError),
        ({"id": "lower"}, e.RuleFormError),
        ({"id": "A" * 25}, e.RuleFormError),
        ({"id": "NO-RULE"}, e.DuplicateRuleError),
        ({"id": "CASE-PASS"}, e.DuplicateRuleError),
        ({"id": "URGENT-LANE"}, e.DuplicateRuleError),
        ({"id": "UNMET-OBLIGATION"}, e.DuplicateRuleError),
        ({"id": "REVIEW"}, e.DuplicateRuleError),
        ({"id": "HOLD-EXPIRY"}, e.DuplicateRuleError),
        ({"id": "ANSWER-AWAITED"}, e.DuplicateRuleError),
        ({"id": "ANSWER-OVERDUE"}, e.DuplicateRuleError),
        ({"effect": "permit"}, e.RuleFormError),
        ({"effect": None}, e.RuleFormError),
        ({"obligations": ["sing"]}, e.RuleFormError),
        ({"obligations": ["log", "notify_duty"]}, e.RuleFormError),
        ({"obligations": ["log", "log"]}, e.RuleFormError),
        ({"obligations": ["second_review"]}, e.RuleFormError),
        ({"obligations": ["second_review"], "effect": "release"}, e.RuleFormError),
        ({"sentence": None}, e.SentenceMissingError),
        ({"sentence": " "}, e.SentenceMissingError),
        ({"effect": "hold", "sentence": None}, e.SentenceMissingError),
        ({"sentence": "Stra\u00dfe"}, e.RuleFormError),
        ({"sentence": "two\nlines"}, e.RuleFormError),
        ({"statute": None}, e.RuleFormError),
        ({"statute": {"cite": "", "mark": "V"}}, e.RuleFormError),
        ({"statute": {"cite": "x", "mark": "Q"}}, e.RuleFormError),
        ({"statute": {"cite": "x", "mark": "V", "since": "soon"}}, e.RuleFormError),
        ({"statute": {"cite": "x", "mark": "V", "since": "2025-13"}}, e.RuleFormError),
        ({"statute": {"cite": "x", "mark": "K"}}, e.UncheckedClauseError),
        ({"colour": "red"}, e.RuleFormError),
    ],
)
def test_a_bad_rule_is_refused(changed: dict[str, Any], error: type[Exception]) -> None:
    """Each fault of a rule has its own error, and none is silently dropped."""
    with pytest.raises(error) as caught:
        parsed(**changed)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "changed",
    [
        {"statute": {"cite": "x", "mark": "K"}, "enabled": False},
        {"effect": "release", "sentence": None},
        {"statute": {"cite": "x", "mark": "V", "since": "2025-11-12"}},
        {"when": {"agency": ["WA/LOCAL/PD", "WA0000000"]}},
    ],
)
def test_a_good_rule_passes(changed: dict[str, Any]) -> None:
    """An unchecked clause that is off, a release without words, a day, one agency: all stand."""
    assert parsed(**changed).rules[0].id == "X-1"


def test_the_error_names_rule_and_field() -> None:
    """An author is told where to look, in the record's own words."""
    with pytest.raises(e.UnknownAxisValueError, match="rule X-1: `purpose` has no value `fun`"):
        parsed(when={"purpose": ["fun"]})
    with pytest.raises(e.RuleFormError, match=r"`rules\[0\]` does not have its form"):
        parsed(colour="red")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"nonsense",
        b"\xff",
        b'{"schema_version":1}',
        b"[" * 100_000,
        b"NaN",
        b'"x"',
        rb'{"\ud800":1}',
        rb'{"title":"\ud800"}',
        b'{"version":' + b"9" * 5_000 + b"}",
    ],
)
def test_bytes_that_are_no_bundle_are_refused(data: bytes) -> None:
    """What is no JSON object of a bundle's fields has a name as well."""
    with pytest.raises(e.RuleFormError):
        parse_bundle(data)


def test_a_repeated_field_is_refused() -> None:
    """Two readers of one record never see two rules: a field stands once."""
    text = encode_bundle(bundle(DENY)).replace(
        b'"effect":"deny"', b'"effect":"deny","effect":"release"'
    )
    with pytest.raises(e.RuleFormError, match="twice"):
        parse_bundle(text)


def test_an_empty_when_is_none() -> None:
    """A rule for everything has one canonical form and digest, however it was written or made."""
    assert encode_bundle(parsed(when={})) == encode_bundle(parsed(when=None))
    assert b'"when"' not in encode_bundle(parsed(when={}))
    made = msgspec.structs.replace(DENY, when=Condition())
    assert encode_bundle(bundle(made)) == encode_bundle(bundle(rule("X-1", Outcome.DENY)))


@pytest.mark.parametrize(
    ("field", "limit", "error"),
    [
        ("title", TITLE_CHARACTERS_MAX, e.PolicyLimitError),
        ("label", LABEL_CHARACTERS_MAX, e.PolicyLimitError),
    ],
)
def test_texts_of_a_bundle_have_limits(field: str, limit: int, error: type[Exception]) -> None:
    """A text passes at its limit and is refused one beyond."""
    check_bundle(bundle(**{field: "x" * limit}))
    with pytest.raises(error):
        check_bundle(bundle(**{field: "x" * (limit + 1)}))


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("sentence", SENTENCE_CHARACTERS_MAX),
        ("label", LABEL_CHARACTERS_MAX),
        ("note", NOTE_CHARACTERS_MAX),
    ],
)
def test_texts_of_a_rule_have_limits(field: str, limit: int) -> None:
    """A text passes at its limit and is refused one beyond."""
    check_bundle(bundle(msgspec.structs.replace(DENY, **{field: "x" * limit})))
    with pytest.raises(e.PolicyLimitError):
        check_bundle(bundle(msgspec.structs.replace(DENY, **{field: "x" * (limit + 1)})))


def test_a_citation_has_a_limit() -> None:
    """A citation passes at its limit and is refused one beyond."""
    for length, refused in ((CITE_CHARACTERS_MAX, False), (CITE_CHARACTERS_MAX + 1, True)):
        cited = msgspec.structs.replace(DENY, statute=Statute(cite="x" * length, mark=Mark.READ))
        if refused:
            with pytest.raises(e.PolicyLimitError):
                check_bundle(bundle(cited))
        else:
            check_bundle(bundle(cited))


@pytest.mark.parametrize(
    ("field", "limit"), [("version", VERSION_MAX), ("hold_hours", HOLD_HOURS_MAX)]
)
def test_numbers_have_a_range(field: str, limit: int) -> None:
    """A number is at least one and at most its limit."""
    check_bundle(bundle(**{field: 1}))
    check_bundle(bundle(**{field: limit}))
    for beyond in (0, limit + 1):
        with pytest.raises(e.PolicyLimitError):
            check_bundle(bundle(**{field: beyond}))


def test_counts_have_limits() -> None:
    """Rules, exceptions and agencies pass at their limit and are refused one beyond."""
    many = [msgspec.structs.replace(DENY, id=RuleId(f"R{n}")) for n in range(RULES_MAX + 1)]
    exception = Condition(purpose=(Purpose.COURT,))
    oris = tuple(f"XX{number:07}" for number in range(AGENCIES_MAX + 1))
    good = [
        bundle(*many[:-1]),
        bundle(rule("X", Outcome.DENY, *[exception] * EXCEPTIONS_MAX)),
        bundle(rule("X", Outcome.DENY, agency=oris[:-1])),
    ]
    bad = [
        bundle(*many),
        bundle(rule("X", Outcome.DENY, *[exception] * (EXCEPTIONS_MAX + 1))),
        bundle(rule("X", Outcome.DENY, agency=oris)),
    ]
    for one in good:
        check_bundle(one)
    for one in bad:
        with pytest.raises(e.PolicyLimitError):
            check_bundle(one)


@pytest.mark.parametrize(
    "later", [{"budget": (BudgetState.OVER,)}, {"direction": (Direction.OUTBOUND,)}]
)
def test_version_1_has_none_of_the_later_axes(later: dict[str, Any]) -> None:
    """What stands in a ledger is read for ever, and means what it meant when it was written."""
    check_bundle(bundle(rule("X", Outcome.DENY), schema_version=1))
    for one in (rule("X", Outcome.DENY, **later), rule("X", Outcome.DENY, Condition(**later))):
        check_bundle(bundle(one))
        with pytest.raises(e.RuleFormError):
            check_bundle(bundle(one, schema_version=1))


def test_a_bundle_has_a_size() -> None:
    """More bytes than the limit are refused before they are read."""
    with pytest.raises(e.PolicyLimitError):
        parse_bundle(b" " * (BUNDLE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"schema_version": 3}, e.RuleFormError),
        ({"state": "zz"}, e.RuleFormError),
        ({"title": ""}, e.RuleFormError),
        ({"national": b"short"}, e.RuleFormError),
        ({"opt_outs": (RuleId("N01"),)}, e.RuleFormError),
        ({"national": bytes(32), "opt_outs": (RuleId("B"), RuleId("A"))}, e.RuleFormError),
        ({"national": bytes(32), "opt_outs": ("A",) * (RULES_MAX + 1)}, e.PolicyLimitError),
        ({"rules": (DENY, DENY)}, e.DuplicateRuleError),
    ],
)
def test_a_bad_bundle_is_refused(changed: dict[str, Any], error: type[Exception]) -> None:
    """Version, state, title, adoption and ids are checked before anything is compiled."""
    with pytest.raises(error):
        check_bundle(bundle(**changed))
    with pytest.raises(error):
        compile_policy(bundle(**changed), None, FAMILIES)


@pytest.mark.parametrize(
    "bad",
    [
        rule("X", Outcome.DENY, purpose=("curiosity",)),
        rule("X", Outcome.DENY, purpose=(Purpose.COURT, Purpose.CRIMINAL_INVESTIGATION)),
        rule("X", Outcome.DENY, agency=("us dhs",)),
        msgspec.structs.replace(RELEASE_ALL, obligations=("sing",)),
        msgspec.structs.replace(RELEASE_ALL, effect="permit"),
        msgspec.structs.replace(RELEASE_ALL, statute=Statute(cite="x", mark=BAD_MARK)),
    ],
)
def test_what_code_builds_is_checked_too(bad: Any) -> None:
    """A rule made in code passes the same checks before it is compiled as one from a file."""
    with pytest.raises(e.RuleFormError):
        compile_policy(bundle(bad), None, FAMILIES)


def test_families_may_be_named_beforehand_or_by_form() -> None:
    """A caller's own families extend what a rule may name; with the directory, form is enough."""
    deeper = bundle(rule("X", Outcome.DENY, agency=("US/DHS/ICE/ERO/WEST",)))
    with pytest.raises(e.UnknownFamilyError):
        check_bundle(deeper)
    check_bundle(deeper, {Family("US/DHS/ICE/ERO/WEST")})
    assert parse_bundle(encode_bundle(deeper), None) == deeper
    compile_policy(deeper, None, FAMILIES)


def with_publication(**said: Any) -> PolicyBundle:
    """A bundle of no rules with these fields of `publication`, read from its bytes."""
    table = json.loads(encode_bundle(bundle())) | {"publication": said}
    return parse_bundle(json.dumps(table).encode())


def test_publication_is_put_in_order() -> None:
    """Purposes as in the vocabulary, families by text; canonical bytes read back."""
    found = with_publication(
        delay_months=DELAY_MONTHS_MAX,
        except_families=["US/DHS", "TX/LOCAL"],
        delayed_purposes=["missing_or_endangered", "criminal_investigation"],
    )
    assert found.publication == Publication(
        delayed_purposes=(Purpose.CRIMINAL_INVESTIGATION, Purpose.MISSING_OR_ENDANGERED),
        except_families=(Family("TX/LOCAL"), Family("US/DHS")),
        delay_months=DELAY_MONTHS_MAX,
    )
    assert parse_bundle(encode_bundle(found)) == found
    assert b"publication" not in encode_bundle(bundle())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"delayed_purposes": []}, e.RuleFormError),
        ({"delayed_purposes": None}, e.RuleFormError),
        ({"delayed_purposes": "court"}, e.RuleFormError),
        ({"delayed_purposes": ["court", "court"]}, e.RuleFormError),
        ({"delayed_purposes": ["curiosity"]}, e.UnknownAxisValueError),
        ({"delayed_purposes": ["not_stated"]}, e.UnknownAxisValueError),
        ({"except_families": []}, e.RuleFormError),
        ({"except_families": ["US", "US"]}, e.RuleFormError),
        ({"except_families": ["US/DHSS"]}, e.UnknownFamilyError),
        ({"except_families": ["XXERO0001"]}, e.UnknownFamilyError),
        ({"delay_months": 0}, e.PolicyLimitError),
        ({"delay_months": DELAY_MONTHS_MAX + 1}, e.PolicyLimitError),
        ({"delay_months": "1"}, e.RuleFormError),
        ({"delay_months": None}, e.RuleFormError),
        ({"delay_days": 1}, e.RuleFormError),
    ],
)
def test_publication_is_closed(changed: dict[str, Any], error: type[e.RuleFormError]) -> None:
    """What it may not be is refused."""
    good = {"delayed_purposes": ["court"], "delay_months": 1}
    assert with_publication(**good).publication is not None
    said = {name: value for name, value in (good | changed).items() if value is not None}
    with pytest.raises(error) as caught:
        with_publication(**said)
    assert type(caught.value) is error


def test_made_publication_is_held_to_the_same() -> None:
    """A value made in code passes the same checks: order, repeats, at most 256 families."""
    families = tuple(Family(f"TX/L{number:03}") for number in range(AGENCIES_MAX + 1))
    purposes = (Purpose.COURT, Purpose.CRIMINAL_INVESTIGATION)
    for publication, error in (
        (Publication(delayed_purposes=purposes, delay_months=1), e.RuleFormError),
        (
            Publication(delayed_purposes=purposes[:1], except_families=families, delay_months=1),
            e.PolicyLimitError,
        ),
    ):
        with pytest.raises(error):
            check_bundle(msgspec.structs.replace(bundle(), publication=publication), None)
    most = Publication(
        delayed_purposes=purposes[:1], except_families=families[:AGENCIES_MAX], delay_months=1
    )
    check_bundle(msgspec.structs.replace(bundle(), publication=most), None)


@pytest.mark.parametrize("said", ["\ud800", "\x1b[2J", "A" * 100_000, "é"])
@pytest.mark.parametrize("axis", ["purpose", "agency"])
def test_an_error_repeats_only_what_can_be_shown(said: str, axis: str) -> None:
    """Half a character, what moves a cursor, and what fills a screen come back short and plain."""
    made = json.loads(encode_bundle(bundle(DENY)))
    (good,) = made["rules"]
    for place in (
        {"when": {axis: [said]}},
        {"when": {said: ["x"]}},
        {"id": said, "when": {axis: ["?"]}},
    ):
        made["rules"] = [{**good, **place}]
        with pytest.raises(e.RuleFormError) as caught:
            parse_bundle(json.dumps(made).encode(), set(FAMILIES.values()))
        assert len(str(caught.value)) < 200
        assert all(" " <= each <= "~" for each in str(caught.value))


@pytest.mark.parametrize("name", ["\ud800", "", "national", "A" * 25])
def test_an_opt_out_has_the_form_of_an_id(name: str) -> None:
    """Else a bundle that was read could not be written, or an error would repeat anything."""
    made = json.loads(encode_bundle(bundle(DENY)))
    made |= {"national": "A" * 43 + "=", "opt_outs": [name]}
    with pytest.raises(e.RuleFormError, match="`opt_outs`"):
        parse_bundle(json.dumps(made).encode(), None)
