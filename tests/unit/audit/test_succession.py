"""A successor is one only if it begins with what the retired key's last good checkpoint makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comity.audit.findings import AuditReport
from comity.audit.notes import read_checkpoint, read_vkey
from comity.audit.succession import SuccessionAudit, SuccessionReport
from comity.audit.tree import Fetch, audit_tree
from comity.ledger.export import export_tree
from comity.ledger.note import parse_vkey
from comity.ledger.tile import document_path
from tests.support.succession import FILE, document

Case = dict[str, Any]
CASES: list[Case] = json.loads(FILE.read_text("utf-8"))["cases"]
named = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])


def published(case: Case, side: str = "") -> Fetch:
    """A side's public documents, by their paths."""
    key = parse_vkey(case[f"{side}vkey"])
    leaves = [leaf.encode() for leaf in case[f"{side}leaves"]]
    tree = dict(export_tree(leaves, case[f"{side}checkpoint"].encode(), key))
    for index, text in case[f"{side}documents"].items():
        tree[document_path(int(index))] = text.encode()
    return tree.__getitem__


def compared(case: Case) -> tuple[AuditReport, SuccessionReport]:
    """Both audits of a case, as the command line makes them."""
    new, old = published(case), published(case, "retired_")
    retired = read_vkey(case["retired_vkey"])
    found = SuccessionAudit(read_vkey(case["vkey"]), retired)
    report = audit_tree(new, case["vkey"], read=found.read)
    before = audit_tree(old, case["retired_vkey"])
    assert before.ok
    kept = [read_checkpoint(note.encode(), retired) for note in case["kept"]]
    return report, found.report((new, report), (old, before), kept)


@named
def test_successions_are_found_as_the_vectors_say(case: Case) -> None:
    """The cut, what the retired key signed beyond it, and what is wrong."""
    report, said = compared(case)
    assert report.ok
    assert said.cut == case["cut"]
    assert [{"size": head.size, "is_beyond": head.is_beyond} for head in said.heads] == case[
        "heads"
    ]
    assert [finding.code for finding in said.findings] == case["findings"]
    if not said.findings:
        assert said.reason == "fork"


def test_the_vectors_are_what_is_made_here() -> None:
    """`python -m tests.support.succession` writes them anew."""
    assert FILE.read_text("utf-8") == document()


def test_an_event_that_is_not_what_its_leaf_names_says_nothing() -> None:
    """A document under the right path alone makes no successor."""
    case = CASES[0]
    new = published(case)
    found = SuccessionAudit(read_vkey(case["vkey"]), read_vkey(case["retired_vkey"]))
    report = audit_tree(new, case["vkey"], read=found.read)

    def forged(path: str) -> bytes:
        data = new(path)
        return data.replace(b'"fork"', b'"key_loss"') if path.startswith("document/") else data

    said = found.report((forged, report), (published(case, "retired_"), report))
    assert [finding.code for finding in said.findings] == ["succession-missing"]
