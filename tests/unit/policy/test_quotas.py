"""Quotas of a bundle: their form, their order, their English, and what changes when they do."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.domain.vocabulary import Outcome
from comity.policy import (
    PolicyBundle,
    Quota,
    QuotaPer,
    bundle_digest,
    check_bundle,
    encode_bundle,
    english_of_quota,
    english_of_quotas,
    parse_bundle,
)
from comity.policy import errors as e
from comity.policy.block import blocked, confirmed, lapsed
from comity.policy.check import QUOTA, QUOTA_PER_DAY_MAX, QUOTA_WAITING_MAX, QUOTAS_MAX
from comity.policy.difference import Difference
from comity.policy.drafting import as_restriction, taken_over
from comity.policy.history import sentence_of_change
from comity.policy.notice import takes_notice
from comity.policy.quota import is_for, sentence_of_day, sentence_of_waiting
from comity.policy.writing import around_text, read_around
from tests.unit.policy.build import bundle, rule
from tests.unit.policy.test_english import GRADE_MAX, grade

GOOD = {"per": "agency", "waiting": 40}
FORTY = Quota(per=QuotaPer.TOGETHER, agency=("US/DHS/ICE",), waiting=40, per_day=200)
EACH = Quota(per=QuotaPer.AGENCY, waiting=5)
CHANGES_NOTHING = Difference(request_kinds=1, unchanged=1, moves=())


def read(*quotas: Any, **changed: Any) -> PolicyBundle:
    """A bundle of no rules with these quotas, read from its bytes."""
    table = json.loads(encode_bundle(bundle())) | {"quotas": quotas} | changed
    return parse_bundle(json.dumps(table).encode())


def with_quotas(*quotas: Quota, **changed: Any) -> PolicyBundle:
    """A bundle with these quotas."""
    return msgspec.structs.replace(bundle(**changed), quotas=quotas)


def test_quotas_are_put_in_order() -> None:
    """However they are written, the record has one form; without any it has no field."""
    written = [
        {"per": "together", "agency": ["US/DOJ", "US/DHS"], "waiting": 1, "per_day": None},
        {"per": "agency", "agency": ["US/DHS/ICE"], "waiting": 10_000, "per_day": 1_000_000},
        GOOD,
    ]
    found = read(*written)
    assert found == read(*reversed(written))
    assert [(q.per.value, q.agency, q.per_day) for q in found.quotas] == [
        ("agency", (), None),
        ("agency", ("US/DHS/ICE",), 1_000_000),
        ("together", ("US/DHS", "US/DOJ"), None),
    ]
    assert parse_bundle(encode_bundle(found)) == found
    assert b"quotas" not in encode_bundle(bundle())


def test_what_has_no_quotas_keeps_its_digest() -> None:
    """The field is left out where it is empty."""
    empty = read()
    assert bundle_digest(empty) == bundle_digest(bundle())
    assert bundle_digest(read(GOOD)) != bundle_digest(bundle())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"per": "operator"}, e.RuleFormError),
        ({"per": ["agency"]}, e.RuleFormError),
        ({"per": "together"}, e.RuleFormError),
        ({"waiting": 0}, e.PolicyLimitError),
        ({"waiting": QUOTA_WAITING_MAX + 1}, e.PolicyLimitError),
        ({"waiting": "40"}, e.RuleFormError),
        ({"waiting": None}, e.RuleFormError),
        ({"per_day": 0}, e.PolicyLimitError),
        ({"per_day": QUOTA_PER_DAY_MAX + 1}, e.PolicyLimitError),
        ({"agency": []}, e.RuleFormError),
        ({"agency": ["US/NOBODY"]}, e.UnknownFamilyError),
        ({"agency": "US/DHS"}, e.RuleFormError),
        ({"agency": ["US/DHS", "US/DHS"]}, e.RuleFormError),
        ({"purpose": ["court"]}, e.RuleFormError),
    ],
)
def test_a_quota_is_closed(changed: dict[str, Any], error: type[e.RuleFormError]) -> None:
    """Each field of its form, each number within its limit."""
    with pytest.raises(error):
        read(GOOD | changed)


def test_the_numbers_at_their_limits_are_read() -> None:
    """One more is refused above."""
    read(GOOD | {"waiting": 1, "per_day": 1})
    read(GOOD | {"waiting": QUOTA_WAITING_MAX, "per_day": QUOTA_PER_DAY_MAX})


def test_so_many_and_no_two_for_the_same() -> None:
    """Thirty-two are, thirty-three are too many; version 1 has none."""
    many = [GOOD | {"agency": [f"WA{number:07}"]} for number in range(QUOTAS_MAX + 1)]
    assert len(read(*many[:QUOTAS_MAX]).quotas) == QUOTAS_MAX
    with pytest.raises(e.PolicyLimitError):
        read(*many)
    with pytest.raises(e.RuleFormError):
        read(GOOD, GOOD | {"waiting": 2})
    with pytest.raises(e.RuleFormError):
        read(GOOD, schema_version=1)
    out_of_order = with_quotas(FORTY, EACH)
    with pytest.raises(e.RuleFormError):
        check_bundle(out_of_order)


def test_no_rule_has_the_id_of_a_quota() -> None:
    """A reader of an answer must not take a rule for it."""
    with pytest.raises(e.DuplicateRuleError):
        check_bundle(bundle(rule(QUOTA, Outcome.DENY)))


@pytest.mark.parametrize(
    ("quota", "said"),
    [
        (EACH, "Each agency may have 5 requests that wait for a person"),
        (msgspec.structs.replace(EACH, waiting=1, agency=("US/DHS/ICE",)),
         "Each agency among ICE may have one request that waits for a person"),
        (FORTY,
         "ICE as a whole may have 40 requests that wait for a person, and send one 200 a day"),
        (msgspec.structs.replace(FORTY, agency=("US/DHS/CBP", "US/DHS/ICE"), per_day=None),
         "CBP and ICE together may have 40 requests that wait for a person"),
    ],
)  # fmt: skip
def test_a_quota_reads_as_a_sentence(quota: Quota, said: str) -> None:
    """Plain enough, and whole."""
    assert english_of_quota(quota) == f"{said}. More is refused."
    assert grade(said) <= GRADE_MAX


def test_a_change_is_told() -> None:
    """What comes, goes and has other numbers."""
    fewer = msgspec.structs.replace(FORTY, waiting=20)
    assert english_of_quotas((EACH, FORTY), (FORTY,)) == (
        f"No longer so: {english_of_quota(EACH)}",
    )
    assert english_of_quotas((), (FORTY,)) == (f"New: {english_of_quota(FORTY)}",)
    assert english_of_quotas((FORTY,), (fewer,)) == (
        f"Before: {english_of_quota(FORTY)} Then: {english_of_quota(fewer)}",
    )
    assert english_of_quotas((FORTY,), (FORTY,)) == ()
    told = sentence_of_change(bundle(), with_quotas(FORTY), CHANGES_NOTHING)
    assert told == "Has other quotas of the review queue."


@pytest.mark.parametrize(
    ("after", "loosens"),
    [
        ((FORTY,), False),
        ((EACH, FORTY), False),
        ((msgspec.structs.replace(FORTY, waiting=39, per_day=199),), False),
        ((msgspec.structs.replace(FORTY, waiting=41),), True),
        ((msgspec.structs.replace(FORTY, per_day=201),), True),
        ((msgspec.structs.replace(FORTY, per_day=None),), True),
        ((EACH,), True),
        ((), True),
    ],
)
def test_more_for_anybody_takes_notice(after: tuple[Quota, ...], loosens: bool) -> None:
    """No comparison of rules says so."""
    old = with_quotas(FORTY, notice_hours=1)
    new = with_quotas(*after, notice_hours=1)
    assert takes_notice(old, new, CHANGES_NOTHING) == (("`quotas`",) if loosens else ())


def test_blocks_keep_quotas_and_quotas_no_block() -> None:
    """In force, confirmed and lapsed: the block's own acts leave them, and need none of them."""
    standing = with_quotas(FORTY)
    until = 1_800_000_000
    made = blocked(standing, "US/DHS/ICE", "Order 1", until)
    sure = confirmed(made, made.unconfirmed[0].rule)
    held = lapsed(made, until)
    assert held is not None
    assert {each.quotas for each in (made, sure, held)} == {(FORTY,)}
    for each in (made, sure, held):
        check_bundle(each)


def test_a_draft_changes_them_as_it_changes_budgets() -> None:
    """Around the clauses, as text; taken over from a version in force that changed them."""
    base = bundle(rule("A", Outcome.DENY))
    draft = read_around(around_text(with_quotas(EACH, FORTY)), base)
    assert draft.quotas == (EACH, FORTY)
    assert read_around(around_text(draft), base) == draft
    merged = taken_over(base, base, msgspec.structs.replace(draft, version=2))
    assert merged.bundle.quotas == (EACH, FORTY)
    assert merged.taken == ("quotas",)
    # A change of quotas alone is no clause that one person could put into force.
    assert as_restriction(draft, base, 0) is None


def test_whom_a_quota_is_for() -> None:
    """A family with all below it, an agency by its ORI; everyone where nobody is named."""
    ero, ori = Family("US/DHS/ICE/ERO"), ORI("XXERO0001")
    assert is_for(FORTY, ori, ero)
    assert is_for(EACH, ori, None)
    assert not is_for(FORTY, ori, Family("US/DHS/CBP"))
    assert not is_for(FORTY, ori, None)
    assert is_for(msgspec.structs.replace(FORTY, agency=("XXERO0001",)), ori, None)


def test_what_a_requester_reads() -> None:
    """How many wait, when to ask again, whom to call."""
    assert sentence_of_waiting(FORTY, 40, "WA records desk, 555-0100") == (
        "40 requests of this group of agencies wait for a person already: ask again when they are"
        " decided. Call the state: WA records desk, 555-0100."
    )
    assert sentence_of_waiting(EACH, 1, "") == (
        "1 request of this agency waits for a person already: ask again when it is decided."
        " Call the state."
    )
    assert sentence_of_day(EACH, 1_200, "") == (
        "1,200 requests of this agency came to a person today already: ask again tomorrow."
        " Call the state."
    )
