"""The conformance vectors: facts and a template to each class's outcome, rules and words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.domain.decision import Facts
from comity.domain.ids import Member
from comity.domain.keys import asked_classes, key_row
from comity.domain.vocabulary import RecordKind
from comity.policy import (
    PolicyBundle,
    compile_policy,
    load_template,
    national_default,
    plain_adoption,
)

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "policy" / "templates.json").read_text("utf-8")
)
CASES = [pytest.param(case, id=case["id"]) for case in VECTORS["cases"]]


def bundle_named(name: str) -> PolicyBundle:
    """The bundle of a vector; `plain` has no rules of its own."""
    return plain_adoption(Member("tx")) if name == "plain" else load_template(name)


@pytest.mark.parametrize("case", CASES)
def test_vector(case: dict[str, Any]) -> None:
    """Outcome, rules, obligations and what would change it are as the vector says, per class."""
    compiled = compile_policy(bundle_named(case["bundle"]), national_default(), VECTORS["families"])
    facts = msgspec.convert(case["facts"], Facts)
    table = compiled.table(
        facts,
        asked_classes(facts.key, image=case["image"]),
        key_row(facts.key).kinds,
        reviewed=case["reviewed"],
    )
    seen = {
        str(decision.data_class): {
            "outcome": str(decision.outcome),
            "rules": [str(reason.rule) for reason in decision.reasons],
            "obligations": [str(duty) for duty in decision.obligations],
            "would_change": decision.would_change,
        }
        for decision in table.row(RecordKind(case["record_kind"]))
    }
    assert seen == case["expected"]["classes"]
    if "no_record" in case["expected"]:
        assert table.no_record.outcome == case["expected"]["no_record"]


def test_vector_ids_are_unique() -> None:
    """A stable id names one case for ever."""
    ids = [case["id"] for case in VECTORS["cases"]]
    assert len(set(ids)) == len(ids)
