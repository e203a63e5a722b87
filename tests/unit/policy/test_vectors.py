"""The conformance vectors: facts and a template to each class's outcome, rules and words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.domain.decision import Facts
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.keys import asked_classes, key_row
from comity.domain.vocabulary import RecordKind
from comity.policy import (
    PolicyBundle,
    bundle_digest,
    compile_policy,
    encode_bundle,
    load_template,
    national_default,
    parse_bundle,
    plain_adoption,
    template_names,
)

FOLDER = Path(__file__).parents[3] / "vectors" / "policy"
TEMPLATES, AXES, RECORDS = (
    json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    for name in ("templates", "axes", "records")
)
CASES = [
    pytest.param(vectors, case, id=case["id"])
    for vectors in (TEMPLATES, AXES)
    for case in vectors["cases"]
]


def bundle_named(vectors: dict[str, Any], name: str) -> PolicyBundle:
    """The bundle of a vector: its file's own, a template, or `plain`, without rules of its own."""
    if name in vectors.get("bundles", {}):
        return parse_bundle(json.dumps(vectors["bundles"][name]).encode())
    return plain_adoption(Member("tx")) if name == "plain" else load_template(name)


@pytest.mark.parametrize(("vectors", "case"), CASES)
def test_vector(vectors: dict[str, Any], case: dict[str, Any]) -> None:
    """Outcome, rules, obligations and what would change it are as the vector says, per class."""
    bundle = bundle_named(vectors, case["bundle"])
    compiled = compile_policy(bundle, national_default(), vectors["families"])
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


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in RECORDS["cases"]])
def test_record(case: dict[str, Any]) -> None:
    """A bundle as given has the canonical bytes and digest of the vector, or is refused as it."""
    assert read(case["given"]) == {
        name: case[name] for name in ("canonical", "digest", "error") if name in case
    }


def read(given: str) -> dict[str, str]:
    """What comes of bytes that are read as a bundle."""
    try:
        bundle = parse_bundle(given.encode())
    except ComityError as error:
        return {"error": error.code}
    return {"canonical": encode_bundle(bundle).decode(), "digest": bundle_digest(bundle).hex()}


def test_every_shipped_template_has_a_case() -> None:
    """What a template decides can be checked by others, also where it is blank."""
    shown = {case["bundle"] for case in TEMPLATES["cases"]}
    blank = {name for name in template_names() if not load_template(name).rules}
    assert shown >= set(template_names()) - blank - {"national_default"}
    assert shown & blank


def test_vector_ids_are_unique() -> None:
    """A stable id names one case for ever."""
    ids = [case["id"] for vectors in (TEMPLATES, AXES, RECORDS) for case in vectors["cases"]]
    assert len(set(ids)) == len(ids)
