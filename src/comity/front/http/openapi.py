"""The OpenAPI 3.1 document, made from the table of routes and the types of the documents.

Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import msgspec

from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.front.http.problems import PROBLEMS, Problem, ProblemDocument
from comity.front.http.routes import JSON, OPERATIONS, Operation, Said

__all__ = ["openapi_document", "render_openapi"]

API_VERSION: Final = "1"
PROBLEM_MEDIA: Final = "application/problem+json"
_PATH_PART: Final = re.compile(r"\{(\w+)\}")
_DELIVERY: Final = {
    "type": "object",
    "required": ["delivery"],
    "description": "One delivery, as a line that speaks JSON gets it.",
}
_REF: Final = "#/components/schemas/{name}"

Document = dict[str, Any]


def render_openapi() -> bytes:
    """Return the document as JSON."""
    return msgspec.json.encode(openapi_document())


def openapi_document() -> Document:
    """Return the document."""
    refs, components = _schemas()
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Comity: the exchange for agencies that speak HTTP",
            "version": API_VERSION,
            "description": "TLS 1.3 with the client certificate of an agency's line. Every "
            "failure is a problem document with a stable `code`.",
        },
        "security": [{"line": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"line": {"type": "mutualTLS"}},
        },
    }


def _schemas() -> tuple[dict[type, Document], dict[str, Document]]:
    types: list[type[msgspec.Struct]] = [ProblemDocument]
    for operation in OPERATIONS:
        types += [said.document for said in operation.said if said.document is not None]
        types += [operation.takes_document] if operation.takes_document is not None else []
    unique = list(dict.fromkeys(types))
    found, components = msgspec.json.schema_components(unique, ref_template=_REF)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = " ".join(inspect.cleandoc(schema["description"]).split())
    return dict(zip(unique, found, strict=True)), dict(components)


def _operation(operation: Operation, refs: dict[type, Document]) -> Document:
    found: Document = {
        "operationId": operation.name.value,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, refs),
    }
    if operation.takes:
        taken = operation.takes_document
        schema = refs[taken] if taken is not None else _message_schema()
        found["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in operation.takes},
        }
    return found


def _message_schema() -> Document:
    return {"description": f"A message as a line sends it, at most {MESSAGE_BYTES_MAX} bytes."}


def _parameters(operation: Operation) -> list[Document]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PART.findall(operation.path)
    ]
    headers = [
        {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.meaning,
            "schema": {"type": "string"},
        }
        # `Accept` is no parameter there: the media types of the responses say what may be asked.
        for header in operation.headers
        if header.name != "Accept"
    ]
    numbers = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 0, "maximum": largest},
        }
        for name, largest in operation.numbers
    ]
    return [*parts, *headers, *numbers]


def _responses(operation: Operation, refs: dict[type, Document]) -> Document:
    found: Document = {}
    for said in operation.said:
        found[str(said.status)] = {
            "description": said.meaning,
            "content": _content(said, refs),
        }
    by_status: dict[int, list[Problem]] = {}
    for problem in operation.problems:
        by_status.setdefault(PROBLEMS[problem].status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        entry = found.setdefault(str(status), {"description": "", "content": {}})
        codes = "; ".join(f"`{p.value}`: {PROBLEMS[p].detail}" for p in problems)
        entry["description"] = "; ".join(filter(None, [entry["description"], codes]))
        entry["content"][PROBLEM_MEDIA] = {"schema": refs[ProblemDocument]}
    found["default"] = {
        "description": "Any other failure, such as a malformed or slow request.",
        "content": {PROBLEM_MEDIA: {"schema": refs[ProblemDocument]}},
    }
    return found


def _content(said: Said, refs: dict[type, Document]) -> Document:
    """Where a reply is a document or a delivery's own JSON, either is valid."""
    content: Document = {media: {} for media in said.media}
    if said.document is not None:
        schema = refs[said.document]
        own = {"anyOf": [schema, _DELIVERY]} if JSON in said.media else schema
        content[JSON] = {"schema": own}
    return content
