"""The vectors of leaf headers hold: each is read and written as the same bytes, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comity.domain.leaf import LeafError, encode_leaf, parse_leaf
from comity.domain.vocabulary import LeafKind

Case = dict[str, Any]
FILE = Path(__file__).parents[3] / "vectors" / "ledger" / "leaf-headers.json"
CASES: list[Case] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]


def of(kind: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=case["id"]) for case in CASES if case["case"] == kind]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def test_ids_are_given_once() -> None:
    """Each vector has an id of its own and a kind that is run, and every kind of leaf has one."""
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert {case["case"] for case in CASES} == {"leaf", "refused_leaf"}
    read = {parse_leaf(case["leaf"].encode()).kind for case in CASES if case["case"] == "leaf"}
    assert read == set(LeafKind)


@of("leaf")
def test_leaf(case: Case) -> None:
    """The leaf is read, and written again as the same bytes."""
    data = case["leaf"].encode()
    assert encode_leaf(parse_leaf(data)) == data


@of("refused_leaf")
def test_refused_leaf(case: Case) -> None:
    """The bytes are refused with the code stated."""
    with pytest.raises(LeafError) as refused:
        parse_leaf(case["leaf"].encode())
    assert refused.value.code == case["code"]
