"""The receipt page in the repository is what its parts and the vocabularies make of it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from comity.audit.page import receipt_page
from comity.domain.vocabulary import read_table
from scripts.receipt_page import MODULES, PAGE, PARTS, TABLES, VOCABULARY, page, vocabulary

TEXT = PAGE.read_text("utf-8")
POLICY = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', TEXT)


def test_page_is_that_of_its_parts() -> None:
    """Whoever changes a part or a label builds the page again: scripts/receipt_page.py."""
    assert VOCABULARY.read_text("utf-8") == vocabulary()
    assert page() == TEXT


def test_package_holds_the_page() -> None:
    """What the command writes out is the file of the repository, byte for byte."""
    assert receipt_page() == PAGE.read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_labels_are_those_of_the_vocabularies(table: str) -> None:
    """Every value of a vocabulary stands in the page with its label."""
    for code, row in read_table(table).items():
        assert f'"{code}": "{row["label"]}"' in TEXT


def test_policy_allows_the_pages_own_script_alone() -> None:
    """The page's policy names its script and style by hash, and no place to load from."""
    assert POLICY is not None
    rules = dict(rule.split(" ", 1) for rule in POLICY[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["form-action"] == rules["base-uri"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inline,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", TEXT, re.DOTALL)
        assert rules[rule] == f"'sha256-{b64encode(sha256(inline.encode()).digest()).decode()}'"
    assert "unsafe" not in POLICY[1]


def test_page_names_no_address() -> None:
    """Nothing in the page could be fetched: no address, no import, no request."""
    assert not re.search(r"\b(?:src|href|action)=\"(?!data:,\")", TEXT)
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b", TEXT)
    assert not re.search(r"\bimport\b.*\bfrom\b|\bimport\(|@import|url\(", TEXT)
    assert "://" not in re.sub(r"/\*.*?\*/", "", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("name", MODULES)
def test_module_is_read_in_one_sitting(name: str) -> None:
    """A part of the page keeps the house's limits of size and width."""
    if name == "vocabulary":
        return
    lines = (PARTS / f"{name}.mjs").read_text("utf-8").splitlines()
    assert len(lines) <= 500
    assert not [line for line in lines if len(line) > 100]
