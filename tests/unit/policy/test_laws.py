"""The laws as data, and the rules that rest on them: nothing is in force that nobody read."""

from __future__ import annotations

import re

import pytest

from comity.domain.ids import OPERATOR_MEMBER, Member
from comity.policy import Mark, load_template, template_names
from comity.policy.laws import (
    Duty,
    LawClause,
    LawMark,
    Treatment,
    law_states,
    laws_of,
)
from comity.policy.laws.telling import (
    counts_of,
    english_of_duty,
    finding_of,
    mark_of,
    template_rules,
    why_off,
)
from comity.policy.rule import Rule
from tests.unit.policy.test_english import GRADE_MAX, grade

SHOWN_AS_PRACTICE = {"il", "ma", "mn", "ny", "wa"}
"""States whose reported blocks the practice network shows: only there may a clause that nobody
checked be in force, and then as a practice adoption that says so."""

PRACTICE_LABELS = {"practice adoption", "national default"}
REPORTED = "as reported"
UNREAD = {LawMark.UNCHECKED, LawMark.NOT_ESTABLISHED}
STATES = law_states()
CLAUSES = [
    pytest.param(state, law.cite, clause, id=f"{law.id}/{clause.id}")
    for state in STATES
    for law, clause in laws_of(state).clauses()
]
RULES = [
    pytest.param(state, rule, id=rule.id)
    for state in STATES
    for rule in template_rules(state).values()
]
BLOCKS = [
    pytest.param(state, block, id=state) for state in STATES for block in laws_of(state).blocks
]


def resting(state: Member, rule: Rule) -> list[LawClause]:
    """The clauses of its state that name a rule."""
    return [clause for _, clause in laws_of(state).clauses() if rule.id in clause.rules]


def test_every_states_template_has_its_laws() -> None:
    """No template is without the record of what it rests on, and no record without a template."""
    drafts = set(template_names()) - {"executive_order", "national_default"}
    assert drafts == set(STATES) - {OPERATOR_MEMBER}


@pytest.mark.parametrize("state", STATES)
def test_ids_are_unique(state: Member) -> None:
    """A law has one id in the state, a clause one in its law."""
    laws = laws_of(state).laws
    assert len({law.id for law in laws}) == len(laws)
    for law in laws:
        assert len({clause.id for clause in law.clauses}) == len(law.clauses) > 0


@pytest.mark.parametrize(("state", "cite", "clause"), CLAUSES)
def test_a_clause_says_what_is_done_with_it(state: Member, cite: str, clause: LawClause) -> None:
    """Rules that exist, a duty, or a reason; in one plain sentence, with its source."""
    assert (clause.does is Treatment.RULE) is bool(clause.rules)
    assert clause.duty is not None or clause.does is not Treatment.DUTY
    assert clause.why or clause.does is Treatment.RULE
    assert set(clause.rules) <= set(template_rules(state))
    for text in (clause.says, clause.why):
        assert re.fullmatch(r"[ -~]*", text)
    assert clause.says.count(". ") == 0
    assert clause.says.endswith(".")
    assert clause.source or clause.mark in UNREAD, cite


@pytest.mark.parametrize(("state", "cite", "clause"), CLAUSES)
def test_what_nobody_read_is_off(state: Member, cite: str, clause: LawClause) -> None:
    """A clause marked K or not established has no rule in force, but as a labelled practice."""
    if clause.mark not in UNREAD:
        return
    for name in clause.rules:
        rule = template_rules(state)[name]
        if rule.enabled:
            assert rule.statute.mark is Mark.PRACTICE, cite
            assert rule.label == "practice adoption"
            assert state in SHOWN_AS_PRACTICE


@pytest.mark.parametrize(("state", "rule"), RULES)
def test_a_rule_has_the_mark_of_its_clauses(state: Member, rule: Rule) -> None:
    """A rule is marked as the least checked of its clauses, or as a practice that says so."""
    clauses = resting(state, rule)
    if rule.statute.mark is Mark.PRACTICE:
        assert rule.label in PRACTICE_LABELS
    elif clauses:
        assert rule.statute.mark is mark_of(clause.mark for clause in clauses)


@pytest.mark.parametrize(("state", "rule"), RULES)
def test_a_rule_cites_a_clause_or_says_that_it_does_not(state: Member, rule: Rule) -> None:
    """Each rule rests on clauses of its state, on a report, or is labelled a practice."""
    known = laws_of(state)
    cites = {law.cite for law, clause in known.clauses() if rule.id in clause.rules}
    reported = [block for block in known.blocks if rule.id in block.rules]
    if cites:
        assert any(cite in rule.statute.cite for cite in cites)
    else:
        assert reported or rule.label in PRACTICE_LABELS
    # A report of a setting and the words of a law never stand in one rule.
    assert not (cites and reported)
    assert (rule.label == REPORTED) is bool(reported)


@pytest.mark.parametrize("name", template_names())
def test_what_is_off_says_why(name: str) -> None:
    """Each rule that is switched off says so and why, and no other does."""
    for rule in load_template(name).rules:
        assert why_off(rule).startswith("Off") is not rule.enabled
        assert rule.note.startswith("Off") is not rule.enabled


@pytest.mark.parametrize(("state", "block"), BLOCKS)
def test_a_reported_block_is_a_rule_of_its_own(state: Member, block: object) -> None:
    """Same mark, day and families as the report; off where it is not confirmed or names nobody."""
    known = next(each for each in laws_of(state).blocks if each is block)
    for name in known.rules:
        rule = template_rules(state)[name]
        assert rule.statute.mark.value == known.mark.value
        assert rule.statute.since == known.since
        assert not rule.unless
        if known.agencies:
            assert rule.when.agency == known.agencies
        assert rule.enabled is (known.is_confirmed and bool(known.agencies))


@pytest.mark.parametrize("state", STATES)
def test_what_is_unknown_altogether_is_blank(state: Member) -> None:
    """Where no clause was read, the template has no rule and says that it is blank."""
    marks = {clause.mark for _, clause in laws_of(state).clauses()}
    if marks <= UNREAD:
        bundle = load_template(state)
        assert bundle.rules == ()
        assert bundle.national
        assert "blank" in bundle.title
        assert "blank" in bundle.label


def test_an_exception_that_nobody_read_opens_nothing() -> None:
    """What Minnesota's statute allows was not checked: only its practice rule has exceptions."""
    rules = template_rules(Member("mn"))
    assert [name for name, rule in rules.items() if rule.unless] == ["MN-S01"]
    assert rules["MN-S01"].statute.mark is Mark.PRACTICE


def test_the_laws_read_plainly() -> None:
    """What clauses say, and what is said of them, reads at school grade nine or below."""
    for part in ("says", "why"):
        said = (getattr(c, part) for state in STATES for _, c in laws_of(state).clauses())
        assert grade(" ".join(said)) <= GRADE_MAX


def test_the_finding_counts_every_clause() -> None:
    """One sentence a state, with each clause once; a state without a record says so."""
    assert finding_of(Member("il")) == (
        "Illinois: 6 clauses, 2 as rules, 2 as duties that a person must carry out and 2 for a "
        "person to judge; a block as reported."
    )
    assert finding_of(Member("or")).endswith("; a block reported, not confirmed.")
    assert finding_of(Member("ct")) == (
        "Connecticut: 1 clause, 1 blank until somebody cites its text."
    )
    assert finding_of(OPERATOR_MEMBER).startswith("Federal law: 10 clauses, ")
    assert "no law is recorded here" in finding_of(Member("tx"))
    for state in STATES:
        assert sum(counts_of(state).values()) == len(list(laws_of(state).clauses()))
    assert counts_of(Member("ny"))["rule_off"] == 2


def test_a_duty_in_words() -> None:
    """Who must do what, for whom, and when."""
    notice = Duty(
        kind="notice", by="the department", to="the person", what="that it was asked",
        trigger="request received", within=3, unit="days",
    )  # fmt: skip
    assert english_of_duty(notice) == (
        "notice by the department to the person, within 3 days (request received): "
        "that it was asked"
    )
    kept = Duty(kind="records", by="each receiver", what="all uses", within=5, unit="years")
    assert english_of_duty(kept) == "records by each receiver, kept 5 years: all uses"
    yearly = Duty(kind="report", by="the agency", what="a count", due="June 1", trigger="always")
    assert english_of_duty(yearly) == "report by the agency, always, June 1: a count"
