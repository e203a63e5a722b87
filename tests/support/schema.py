"""A validator of the part of JSON Schema that our documents use; any other word is a fault."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
WORDS = {
    "$ref", "additionalProperties", "anyOf", "default", "description", "enum", "items", "maximum",
    "minimum", "pattern", "properties", "required", "title", "type",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Where a value departs from its schema, as places."""
    assert set(schema) <= WORDS, f"{at}: {sorted(set(schema) - WORDS)}"
    if "$ref" in schema:
        return faults(value, resolve(schema["$ref"], root), root, at)
    if "anyOf" in schema and all(faults(value, one, root, at) for one in schema["anyOf"]):
        return [f"{at}: none of anyOf"]
    found = [] if _has_type(value, schema) else [f"{at}: type"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: enum")
    if isinstance(value, int):
        smallest, largest = schema.get("minimum", value), schema.get("maximum", value)
        found += [] if smallest <= value <= largest else [f"{at}: range"]
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at}: pattern")
    if isinstance(value, dict):
        found += _members(value, schema, root, at)
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            found += faults(item, schema["items"], root, f"{at}[{place}]")
    return found


def _has_type(value: Any, schema: dict[str, Any]) -> bool:
    wanted = schema.get("type")
    if wanted is None:
        return True
    is_bool = isinstance(value, bool)
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean") == is_bool


def _members(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str
) -> list[str]:
    known = schema.get("properties", {})
    found = [f"{at}.{name}: missing" for name in schema.get("required", ()) if name not in value]
    for name, item in value.items():
        if name in known:
            found += faults(item, known[name], root, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            found.append(f"{at}.{name}: unknown")
    return found


def resolve(ref: str, root: dict[str, Any]) -> dict[str, Any]:
    """What a reference within a document leads to."""
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found
