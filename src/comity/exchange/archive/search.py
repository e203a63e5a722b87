"""What an archive message asks for: its fields, read and checked.

    NLQ   TYP BEG END [SRC] [DST], then FND [AND | ORR] or NAM
    NFQ   REF

The network's clock is MST, UTC-7 the whole year. Source: docs/reference/messages.md, "Archive".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.keys import MessageKey, is_key_form
from comity.exchange.archive.items import Reference, ReferenceFormError, parse_reference

__all__ = [
    "MST",
    "REFERENCES_MAX",
    "TYPES_CHARS_MAX",
    "ArchiveSearch",
    "SearchFormError",
    "SearchTimeError",
    "parse_references",
    "parse_search",
]

MST: Final = timezone(timedelta(hours=-7))
"""The network's clock."""

TYPES_CHARS_MAX: Final = 100
"""Characters of `TYP`: a list of message keys, or ALL."""

SOUGHT_CHARS_MAX: Final = 100
"""Characters of each of `FND`, `AND`, `ORR` and `NAM`."""

REFERENCES_MAX: Final = 5
"""References of one NFQ."""

_ALL: Final = "ALL"
_FIELDS: Final = frozenset({"TYP", "BEG", "END", "SRC", "DST", "FND", "AND", "ORR", "NAM"})
_PLACE: Final = re.compile(r"[A-Z0-9]{2}|[A-Z0-9]{9}")
_TIME: Final = re.compile(r"([0-9]{8})(?:@([0-9]{4}))?")
_NAME_WORD: Final = re.compile(r"[^*\s,]\S*")
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


class SearchFormError(MalformedError):
    """A search of the archive lacks a field, has one too many, or one that has not its form."""

    code = "archive-search-malformed"


class SearchTimeError(MalformedError):
    """A search's time is not `ccyymmdd` or `ccyymmdd@hhmm`, or it ends before it begins."""

    code = "archive-time-malformed"


class ArchiveSearch(msgspec.Struct, frozen=True, kw_only=True):
    """One search. `keys` is None for all; `since` to `until` (exclusive) are Unix seconds.

    `source` and `destination` are two or nine characters, or empty. Either `name` is given, or
    `sought` with at most one of `also` and `either`. All text is upper case.
    """

    keys: tuple[MessageKey, ...] | None
    since: int
    until: int
    source: str = ""
    destination: str = ""
    sought: str = ""
    also: str = ""
    either: str = ""
    name: str = ""


def parse_search(fields: Sequence[tuple[str, str]]) -> ArchiveSearch:
    """Return the search that an NLQ's fields make. Raises: SearchFormError, SearchTimeError."""
    given = _given(fields)
    for prefix in ("TYP", "BEG", "END"):
        if prefix not in given:
            raise SearchFormError(f"`{prefix}` is missing")
    _check_sought(given)
    since = _time(given["BEG"], "BEG")[0]
    last, step = _time(given["END"], "END")
    until = last + step
    if until <= since:
        raise SearchTimeError("`END` is before `BEG`")
    return ArchiveSearch(
        keys=_keys(given["TYP"]),
        since=_seconds(since),
        until=_seconds(until),
        source=_place(given, "SRC"),
        destination=_place(given, "DST"),
        sought=given.get("FND", ""),
        also=given.get("AND", ""),
        either=given.get("ORR", ""),
        name=given.get("NAM", ""),
    )


def parse_references(fields: Sequence[tuple[str, str]]) -> tuple[Reference, ...]:
    """Return the references that an NFQ names, each once. Raises: ReferenceFormError."""
    values = [value.strip() for prefix, value in fields if prefix == "REF"]
    if len(values) != 1 or len(fields) != 1:
        raise ReferenceFormError("`REF` is not one field of its own")
    names = [name.strip().upper() for name in values[0].split(",")]
    if len(names) > REFERENCES_MAX:
        raise ReferenceFormError(f"`REF` names more than {REFERENCES_MAX} references")
    return tuple(dict.fromkeys(parse_reference(name) for name in names))


def _given(fields: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for prefix, value in fields:
        if prefix not in _FIELDS:
            raise SearchFormError("a field is none of an archive search's")
        if prefix in given:
            raise SearchFormError(f"`{prefix}` stands twice")
        given[prefix] = " ".join(value.upper().split())
        if not given[prefix]:
            raise SearchFormError(f"`{prefix}` is empty")
    return given


def _check_sought(given: Mapping[str, str]) -> None:
    if ("FND" in given) == ("NAM" in given):
        raise SearchFormError("one of `FND` and `NAM` is needed, never both")
    if "FND" not in given and ("AND" in given or "ORR" in given):
        raise SearchFormError("`AND` and `ORR` go with `FND` only")
    if "AND" in given and "ORR" in given:
        raise SearchFormError("`AND` and `ORR` do not go together")
    for prefix in ("FND", "AND", "ORR", "NAM"):
        if len(given.get(prefix, "")) > SOUGHT_CHARS_MAX:
            raise SearchFormError(f"`{prefix}` is over {SOUGHT_CHARS_MAX} characters")
    if "NAM" in given:
        _check_name(given["NAM"])


def _check_name(name: str) -> None:
    words = name.replace(",", " ").split()
    if not all(_NAME_WORD.fullmatch(word) for word in words):
        raise SearchFormError("`NAM` has `*` as the first character of a word")
    if not any(character.isalnum() for character in name):
        raise SearchFormError("`NAM` has no letter")


def _keys(text: str) -> tuple[MessageKey, ...] | None:
    if len(text) > TYPES_CHARS_MAX:
        raise SearchFormError(f"`TYP` is over {TYPES_CHARS_MAX} characters")
    if text == _ALL:
        return None
    keys = [key.strip() for key in text.split(",")]
    if not all(is_key_form(key) for key in keys) or _ALL in keys:
        raise SearchFormError("`TYP` is not a list of message keys, or ALL alone")
    return tuple(dict.fromkeys(MessageKey(key) for key in keys))


def _place(given: Mapping[str, str], prefix: str) -> str:
    value = given.get(prefix, "")
    if value and not _PLACE.fullmatch(value):
        raise SearchFormError(f"`{prefix}` is not two or nine of A-Z and 0-9")
    return value


def _time(text: str, prefix: str) -> tuple[datetime, timedelta]:
    """Return a time in MST and how long it lasts: a day, or a minute."""
    found = _TIME.fullmatch(text)
    step = _MINUTE if found is not None and found[2] else _DAY
    try:
        clock = "".join(part or "0000" for part in found.groups()) if found is not None else ""
        at = datetime.strptime(clock, "%Y%m%d%H%M").replace(tzinfo=MST)
        # The last day of the calendar has no next one.
        _ = at + step
    except (ValueError, OverflowError):
        raise SearchTimeError(f"`{prefix}` is not ccyymmdd or ccyymmdd@hhmm") from None
    return at, step


def _seconds(at: datetime) -> int:
    return max(0, int(at.timestamp()))
