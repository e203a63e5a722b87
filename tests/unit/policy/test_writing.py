"""A clause and what stands around clauses, as text: read back as they were written."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, Instrument, Outcome
from comity.policy import Condition, encode_bundle, load_template, template_names
from comity.policy.errors import RuleFormError
from comity.policy.templates import draft_text, read_draft
from comity.policy.writing import around_text, read_around, read_rule, rule_text
from tests.unit.policy.build import bundle, rule

HOLD = rule("HOLD", Outcome.HOLD, data_class=(DataClass.PHOTO, DataClass.SSN))


@pytest.mark.parametrize("name", template_names())
def test_every_template_is_read_back_from_its_texts(name: str) -> None:
    """Clause by clause, and what stands around them: nothing is lost or moved."""
    found = load_template(name)
    for each in found.rules:
        assert read_rule(rule_text(each)) == each
    assert encode_bundle(read_around(around_text(found), found)) == encode_bundle(found)


def test_an_executive_order_of_a_state_is_read_back() -> None:
    """Budgets, guarantees and exceptions among them."""
    found = read_draft(draft_text("executive_order", Member("wa")))
    assert read_around(around_text(found), found) == found


def test_text_that_looks_like_toml_stays_text() -> None:
    """Quotes, back strokes and brackets of a sentence end no string."""
    said = 'No "photo" \\ leaves""" [[rules]] id = "X" # nor this'
    each = msgspec.structs.replace(HOLD, sentence=said, unless=(
        Condition(instrument=(Instrument.COURT_ORDER,)),
    ))  # fmt: skip
    assert read_rule(rule_text(each)) == each


def test_values_are_put_in_order() -> None:
    """An author may name them as they come."""
    text = rule_text(HOLD).replace('["photo", "ssn"]', '["ssn", "photo"]')
    assert read_rule(text) == HOLD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id = ",
        'id = "A"',
        rule_text(HOLD) + 'when.shoe_size = ["9"]\n',
        rule_text(HOLD).replace("photo", "portrait"),
        rule_text(HOLD) + "priority = 3\n",
        rule_text(HOLD) + '[[rules]]\nid = "B"\n',
        rule_text(HOLD) + "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s = 1\n",
        "x = " + "[" * 5_000,
    ],
)
def test_what_is_no_clause_is_refused(text: str) -> None:
    """By what is wrong, and never by an error of Python's."""
    with pytest.raises(RuleFormError):
        read_rule(text)


@pytest.mark.parametrize(
    "more",
    ["state = \"or\"", "version = 9", "rules = []", "schema_version = 1", "unconfirmed = []",
     "national = \"%%%\"", "hold_hours = 100000", "colour = \"red\""],
)  # fmt: skip
def test_around_the_clauses_nothing_else_is_written(more: str) -> None:
    """Neither whose rules these are, nor which version, nor what waits for a second person."""
    found = bundle(HOLD)
    text = "".join(
        line for line in around_text(found).splitlines(keepends=True)
        if not line.startswith(more.partition(" ")[0])
    )  # fmt: skip
    with pytest.raises(RuleFormError):
        read_around(f"{text}{more}\n", found)
