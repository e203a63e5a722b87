"""Targets for what a browser sends the console: the fields of a form, and the path of a page.

fields that are read are written and read back, and hold no character that no page sends
a path that is a page's has one spelling: written anew from its values it is the same
"""

from __future__ import annotations

from urllib.parse import urlencode

from comity.console.problems import ProblemError
from comity.console.routes import ROUTES, Found, find_route, url_of
from comity.console.visits import FIELDS_MAX, FORM_BYTES_MAX, Fields, parse_fields
from tests.fuzz.refusals import hold
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, outcome_of, same

_UNKNOWN = "page-unknown"
_VALUES = {
    "number": "126",
    "step": "1",
    "act": "release",
    "clause": "BLOCK-1",
    "form": "pdf",
    "day": "2026-03-14",
    "protection": "0" * 32,
    "question": "Zm9vYmFyYmF6cXV4Zm9vYg",
    "request": "ABCDEFG234",
    "file": "console.css",
    "draft": "14",
    "rule": "WA-D1",
}


def _check_fields(data: bytes) -> str:
    def then(fields: Fields) -> None:
        pairs = [(name, value) for name, many in fields.values.items() for value in many]
        hold(len(pairs) <= FIELDS_MAX, "the fields are bounded")
        hold(not any("\0" in name or "\0" in value for name, value in pairs), "no page sends NUL")
        same(parse_fields(urlencode(pairs)).values, fields.values, "they are read back")

    return outcome_of(data, lambda: parse_fields(data.decode("latin-1")), then, ProblemError)


def _check_path(data: bytes) -> str:
    path = data.decode("latin-1")
    found: Found | None = None
    for method in ("GET", "POST"):
        found = find_route(method, path) or found
    if found is None:
        return _UNKNOWN
    same(url_of(found.route.name, **found.values), path, "a page has one spelling")
    hold(path.isascii() and ".." not in path.split("/"), "no path leads upwards")
    return READ


def _forms() -> list[bytes]:
    return [
        urlencode([("form_token", "x" * 43), ("step", "1"), ("class", "status")]).encode(),
        urlencode([("note", "Which case is this?\r\nÜber"), ("clause", "IL-S01")]).encode(),
        b"a=1&a=2&b=",
    ]


def _paths() -> list[bytes]:
    return [url_of(route.name, **_VALUES).encode() for route in ROUTES]


_FORM_WORDS = [b"%00", b"%ff", b"+", b"&&", b"=", b"%", b";", b"a=1&" * 70]
_PATH_WORDS = [b"/", b"//", b"..", b"%2e", b"0", b"-1", b"9" * 19, b"\n", b"?"]

TARGETS = [
    Target("page-form", _check_fields, _forms, Shape.DOTTED, FORM_BYTES_MAX, 2, _FORM_WORDS),
    Target("page-path", _check_path, _paths, Shape.DOTTED, 2_048, 2, _PATH_WORDS),
]
