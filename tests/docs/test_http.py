"""The page about HTTPS says what the front does."""

from __future__ import annotations

import re

import msgspec

from comity.front.http.documents import DeliveryList, MessageStatus
from comity.front.http.problems import PROBLEMS
from comity.front.http.routes import OPERATIONS
from scripts.reference_pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "http.md").read_text("utf-8")


def test_every_problem_is_on_the_page() -> None:
    """Code, status and sentence of each, in the order of the table."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(p.value, str(f.status), f.detail) for p, f in PROBLEMS.items()]


def test_every_route_is_on_the_page() -> None:
    """Method and path of each."""
    for operation in OPERATIONS:
        assert f"{operation.method} {operation.path}" in PAGE


def test_examples_are_documents_of_the_front() -> None:
    """Each example is read by the type that writes it."""
    examples = dict(re.findall(r"^```json http-(\w+)\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL))
    msgspec.json.decode(examples["status"], type=MessageStatus)
    msgspec.json.decode(examples["list"], type=DeliveryList)
    assert set(examples) == {"status", "list"}
