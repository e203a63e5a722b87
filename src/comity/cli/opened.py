"""The fields of an opened private record as people read them: words for codes, times, lists.

Guarantee: a value that has not the form of its field is shown as it stands, never left out. The
same as the page shows (audit/page/opened.mjs).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import msgspec

from comity.domain.vocabulary import Assurance, Instrument, Offence, Purpose, term

__all__ = ["LABELS", "readable"]

LABELS: Final[Mapping[str, str]] = {
    "schema": "form of the record",
    "exchange": "exchange number",
    "query": "query number",
    "agency": "agency",
    "purpose": "purpose",
    "offence": "offence",
    "operator": "operator",
    "assurance": "how sure the operator is known",
    "case": "case number",
    "instrument": "legal paper",
    "search": "what was looked for",
    "elements": "parts released",
    "payload": "hash of the answer",
    "rules": "rules applied",
    "accepted_at": "taken in at",
}
"""What the fields of `exchange/1` are called; another name is shown as it is."""

_Coded = Purpose | Offence | Assurance | Instrument
_BYTES: Final = {"exchange": 16, "query": 16, "payload": 32}
_TERMS: Final[Mapping[str, type[_Coded]]] = {
    "purpose": Purpose,
    "offence": Offence,
    "assurance": Assurance,
}
_LISTS: Final = frozenset({"search", "elements", "rules"})
_NOTHING: Final = "nothing"
_SECONDS_MAX: Final = 1 << 37

_lists: Final = msgspec.json.Decoder(list[str | tuple[str, str]])


def readable(name: str, value: bytes) -> str:
    """Return the words for a field's value, in one line."""
    if len(value) == _BYTES.get(name):
        return value.hex()
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"not text; its bytes are {value.hex()}"
    if not text:
        return _NOTHING
    # What was opened may hold anything: nothing of it may move a terminal's cursor.
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in _words(name, text))


def _words(name: str, text: str) -> str:
    if name in _TERMS:
        return _label(_TERMS[name], text)
    if name == "instrument":
        kind, _, reference = text.partition(":")
        return ", ".join(filter(None, (_label(Instrument, kind), reference)))
    if name == "accepted_at" and text.isdecimal() and int(text) < _SECONDS_MAX:
        return f"{dt.datetime.fromtimestamp(int(text), dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    if name in _LISTS:
        return _items(text)
    return text


def _label(kind: type[_Coded], text: str) -> str:
    return term(kind(text)).label if text in set(kind) else text


def _items(text: str) -> str:
    try:
        items = _lists.decode(text)
    except msgspec.MsgspecError:
        return text
    lines = [item if isinstance(item, str) else f"{item[0]}: {item[1]}" for item in items]
    return "; ".join(lines) or _NOTHING
