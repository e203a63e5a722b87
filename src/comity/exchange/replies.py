"""Messages whose first line names an entry of the state's ledger: a reply to its reviewer is one.

    AM, the agency to the state:   REPLY TO WA/1234
                                   the text

Guarantee: anything else is a message like any other.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import entry_name, parse_entry_name
from comity.domain.keys import MessageKey

__all__ = [
    "REPLY_CHARS_MAX",
    "REPLY_KEY",
    "named_entry",
    "named_text",
    "replied_entry",
    "reply_text",
]

REPLY_KEY: Final = MessageKey("AM")
REPLY_CHARS_MAX: Final = 500
"""Characters of such a message, its first line apart."""

_REPLY: Final = "REPLY TO"
_ENTRY: Final = re.compile(r" ([A-Z]{2}/[0-9]{1,18})[ ]*", re.ASCII | re.IGNORECASE)


def named_text(words: str, entry: str, text: str) -> str:
    """Return the body of a message whose first line is these words and an entry."""
    return f"{words} {entry.upper()}\n{text}"


def named_entry(words: str, key: MessageKey, body: str) -> tuple[str, str] | None:
    """Return the entry that a message's first line names behind these words, and the text.

    None where it is no such message.
    """
    first, _, text = body.partition("\n")
    if key != REPLY_KEY or not first.upper().startswith(words):
        return None
    found = _ENTRY.fullmatch(first[len(words) :])
    text = text.strip()
    if found is None or not 0 < len(text) <= REPLY_CHARS_MAX:
        return None
    try:
        return entry_name(*parse_entry_name(found[1].lower())), text
    except ComityError:
        return None


def reply_text(entry: str, text: str) -> str:
    """Return the body of a message that replies to the question about a hold."""
    return named_text(_REPLY, entry, text)


def replied_entry(key: MessageKey, body: str) -> tuple[str, str] | None:
    """Return the hold that a message replies to and the text, or None where it is no reply."""
    return named_entry(_REPLY, key, body)
