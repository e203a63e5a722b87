"""A message that replies to a reviewer's question: how it names the hold, and whose it must be.

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

__all__ = ["REPLY_CHARS_MAX", "REPLY_KEY", "replied_entry", "reply_text"]

REPLY_KEY: Final = MessageKey("AM")
REPLY_CHARS_MAX: Final = 500
"""Characters of a reply, its first line apart."""

_FIRST: Final = re.compile(r"REPLY TO ([A-Z]{2}/[0-9]{1,18})[ ]*", re.ASCII | re.IGNORECASE)


def reply_text(entry: str, text: str) -> str:
    """Return the body of a message that replies to the question about a hold."""
    return f"REPLY TO {entry.upper()}\n{text}"


def replied_entry(key: MessageKey, body: str) -> tuple[str, str] | None:
    """Return the hold that a message replies to and the text, or None where it is no reply."""
    if key != REPLY_KEY:
        return None
    first, _, text = body.partition("\n")
    found = _FIRST.fullmatch(first)
    text = text.strip()
    if found is None or not 0 < len(text) <= REPLY_CHARS_MAX:
        return None
    try:
        return entry_name(*parse_entry_name(found[1].lower())), text
    except ComityError:
        return None
