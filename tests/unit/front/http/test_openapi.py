"""The OpenAPI document says what the routes are."""

from __future__ import annotations

from typing import Any

import msgspec

from comity.front.http.openapi import openapi_document, render_openapi
from comity.front.http.problems import PROBLEMS, Problem
from comity.front.http.routes import OPERATIONS, Name

DOCUMENT = openapi_document()


def refs(value: Any) -> set[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(refs(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(refs(item) for item in value))
    return set()


def test_every_route_is_in_the_document() -> None:
    """Path, method and name of each, and no other."""
    found = {
        (path, method.upper(), operation["operationId"])
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert found == {(o.path, o.method, o.name.value) for o in OPERATIONS}
    assert {o.name for o in OPERATIONS} == set(Name)


def test_every_status_is_in_the_document() -> None:
    """What is said and what is refused, each with its codes."""
    for operation in OPERATIONS:
        responses = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
        said = {said.status for said in operation.said}
        refused = {PROBLEMS[problem].status for problem in operation.problems}
        assert set(responses) == {str(status) for status in said | refused} | {"default"}
        for problem in operation.problems:
            assert f"`{problem.value}`" in responses[str(PROBLEMS[problem].status)]["description"]


def test_references_lead_somewhere() -> None:
    """Each schema that is referred to is there; what is sent is one document of JSON."""
    schemas = DOCUMENT["components"]["schemas"]
    assert refs(DOCUMENT) <= {f"#/components/schemas/{name}" for name in schemas}
    assert msgspec.json.decode(render_openapi())["paths"] == DOCUMENT["paths"]


def test_every_problem_has_its_facts() -> None:
    """A status and a sentence for each code."""
    assert set(PROBLEMS) == set(Problem)
    assert all(400 <= facts.status < 600 for facts in PROBLEMS.values())
