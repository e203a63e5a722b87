"""One request as a page sees it: who asks, what stands in its query and its form, within limits.

Guarantee: a form is read only as what a browser sends from one of our own pages; a field that
stands twice where one is expected is a fault, not a choice. Source: docs/adr/0036-console.md,
section "What a request must be".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from comity.console.people import Person
from comity.console.problems import Problem, ProblemError
from comity.console.sessions import SignedIn

__all__ = ["FIELDS_MAX", "FORM_BYTES_MAX", "Fields", "Visit", "parse_fields", "read_form"]

FORM_BYTES_MAX: Final = 16_384
FIELDS_MAX: Final = 64
"""Fields of a form or a query."""
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """What a form or a query holds, by name, in order."""

    values: Mapping[str, tuple[str, ...]] = {}

    def one(self, name: str, default: str = "") -> str:
        """Return the one value of a field. Raises: ProblemError if it stands twice."""
        found = self.values.get(name, ())
        if len(found) > 1:
            raise ProblemError(Problem.MALFORMED, f"the field `{name}` stands twice")
        return found[0] if found else default

    def several(self, name: str) -> tuple[str, ...]:
        """Return every value of a field."""
        return self.values.get(name, ())


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `now` is Unix seconds; `source` the address that it came from."""

    path: str
    query_text: str
    query: Fields
    form: Fields
    values: Mapping[str, str]
    token: str
    pending: str
    source: str
    now: int
    signed_in: SignedIn | None = None

    @property
    def session(self) -> SignedIn:
        """Who is signed in; the application has checked that somebody is."""
        assert self.signed_in is not None
        return self.signed_in

    @property
    def person(self) -> Person:
        """Who asks, in the chosen place; the application has checked that there is one."""
        assert self.session.person is not None
        return self.session.person

    @property
    def form_token(self) -> str:
        """What every form of this session's pages repeats."""
        return self.signed_in.session.form_token if self.signed_in is not None else ""


def parse_fields(text: str) -> Fields:
    """Return the fields of a query or a form. Raises: ProblemError."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict",
            max_num_fields=FIELDS_MAX,
        )  # fmt: skip
    except ValueError:
        raise ProblemError(Problem.MALFORMED, "the fields cannot be read") from None
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if "\0" in value or "\0" in name:
            raise ProblemError(Problem.MALFORMED, "a field holds a character that no page sends")
        found[name] = (*found.get(name, ()), value)
    return Fields(values=found)


async def read_form(headers: Mapping[bytes, bytes], receive: Receive) -> Fields:
    """Return the form of a request, read up to its limit. Raises: ProblemError."""
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind != _FORM_TYPE:
        raise ProblemError(Problem.NOT_A_FORM)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ProblemError(Problem.MALFORMED, "the request broke off")
        body += message.get("body", b"")
        if len(body) > FORM_BYTES_MAX:
            raise ProblemError(Problem.TOO_LARGE)
        if not message.get("more_body", False):
            break
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise ProblemError(Problem.MALFORMED, "the fields cannot be read") from None
    return parse_fields(text)
