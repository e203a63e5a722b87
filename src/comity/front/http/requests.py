"""What a request says in its headers and its query, read strictly.

Guarantee: a value that is read is in its range; anything else is a problem with its code.
Source: RFC 9110, RFC 7240 (`Prefer`), draft-ietf-httpapi-idempotency-key-header;
docs/adr/0015-http-front.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers, QueryParams

from comity.front.http.problems import Problem, ProblemError

__all__ = [
    "KEY_CHARS_MAX",
    "WAIT_SECONDS_MAX",
    "Kind",
    "check_kind",
    "is_key",
    "kind_of",
    "location_of",
    "parse_key",
    "read_key",
    "read_kind",
    "read_numbers",
    "read_wait",
    "wants_multipart",
]

KEY_CHARS_MAX: Final = 64
"""Characters of an `Idempotency-Key`."""
WAIT_SECONDS_MAX: Final = 60
"""How long a request may wait for deliveries."""

_BARE: Final = re.compile(r"[!#-\[\]-~]{1,64}").fullmatch
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,64})"').fullmatch
_ESCAPED: Final = re.compile(r"\\(.)")
_PREFERENCE: Final = re.compile(r'wait\s*=\s*"?([^"]*)"?').fullmatch
_DIGITS: Final = re.compile(r"[0-9]{1,19}").fullmatch


class Kind(StrEnum):
    """The format that a body is in; the values are the media types of what is delivered in it."""

    JSON = "application/json"
    XML = "application/xml"
    TEXT = "text/plain; charset=utf-8"


_KINDS: Final[Mapping[str, Kind]] = {
    "application/json": Kind.JSON,
    "application/xml": Kind.XML,
    "application/niem+xml": Kind.XML,
    "text/plain": Kind.TEXT,
}
_CHARSETS: Final = frozenset({"utf-8", "us-ascii"})


def location_of(key: str) -> str:
    """Return the path at which a message is found again."""
    return f"/v1/messages/{quote(key, safe='')}"


def read_key(headers: Headers) -> str:
    """Return the key of a message, as it stands or out of its quotes. Raises: ProblemError."""
    found = headers.getlist("idempotency-key")
    if len(found) != 1:
        raise ProblemError(Problem.KEY_MISSING)
    return parse_key(found[0])


def parse_key(text: str) -> str:
    """Return the key that a header's value names, as it stands or out of its quotes.

    Not `.` or `..`: as the last part of a path they would not arrive. Raises: ProblemError.
    """
    quoted = _QUOTED(text)
    key = text if quoted is None else _ESCAPED.sub(r"\1", quoted[1])
    if (quoted is None and _BARE(text) is None) or key in {".", ".."}:
        raise ProblemError(Problem.KEY_MALFORMED)
    return key


def is_key(text: str) -> bool:
    """Say whether a message can have this key."""
    return 0 < len(text) <= KEY_CHARS_MAX and text.isascii() and text.isprintable()


def read_kind(headers: Headers) -> Kind:
    """Return the format that a body is said to be in. Raises: ProblemError."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(Problem.ENCODING_UNSUPPORTED)
    found = headers.getlist("content-type")
    media, *parameters = found[0].lower().split(";") if len(found) == 1 else [""]
    kind = _KINDS.get(media.strip())
    if kind is None or not all(_is_charset(parameter) for parameter in parameters):
        raise ProblemError(Problem.MEDIA_TYPE_UNSUPPORTED)
    return kind


def _is_charset(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "charset" and value.strip().strip('"') in _CHARSETS


def kind_of(data: bytes) -> Kind:
    """Return the format that bytes are in, by the first that is not white space."""
    match data.lstrip()[:1]:
        case b"{":
            return Kind.JSON
        case b"<":
            return Kind.XML
        case _:
            return Kind.TEXT


def check_kind(said: Kind, body: bytes) -> None:
    """Raises: ProblemError where a body is empty or begins as another format does."""
    if not body:
        raise ProblemError(Problem.BODY_MISSING)
    if kind_of(body) is not said:
        raise ProblemError(Problem.MEDIA_TYPE_MISMATCH)


def read_wait(headers: Headers) -> int | None:
    """Return the seconds that a request prefers to wait, at most 60; None if it says nothing.

    Other preferences are passed over, as RFC 7240 has it. Raises: ProblemError.
    """
    for preference in ",".join(headers.getlist("prefer")).split(","):
        name, _, _ = preference.strip().lower().partition("=")
        if name.strip() != "wait":
            continue
        found = _PREFERENCE(preference.strip().lower())
        if found is None or _DIGITS(found[1]) is None:
            raise ProblemError(Problem.PREFER_MALFORMED)
        return min(int(found[1]), WAIT_SECONDS_MAX)
    return None


def read_numbers(query: QueryParams, limits: Mapping[str, int]) -> dict[str, int]:
    """Return the parameters of a query, each a number from 0 to its limit. Raises: ProblemError."""
    found: dict[str, int] = {}
    for name, text in query.multi_items():
        limit = limits.get(name)
        if limit is None or name in found or _DIGITS(text) is None or int(text) > limit:
            raise ProblemError(Problem.QUERY_MALFORMED)
        found[name] = int(text)
    return found


def wants_multipart(headers: Headers, default: Kind) -> bool:
    """Say whether a list goes out as parts: what `Accept` names, else as the message's format has.

    An `Accept` that names neither JSON nor parts is passed over: there is nothing else to offer.
    """
    accept = ",".join(headers.getlist("accept")).lower()
    if "multipart/mixed" in accept:
        return True
    return default is not Kind.JSON and "application/json" not in accept
