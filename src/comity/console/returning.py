"""Where somebody goes after signing in: a path of this console, and nothing that leads elsewhere.

Source: docs/adr/0037-signing-in.md; WHATWG URL, where a backslash is a slash and tabs are nothing.
"""

from __future__ import annotations

import re
from typing import Final

from comity.console.errors import ReturnToError

__all__ = ["RETURN_TO_CHARS_MAX", "parse_return_to"]

RETURN_TO_CHARS_MAX: Final = 2_000

_MARKS: Final = r"A-Za-z0-9._~!$&'(*+),;=:@%-"
# No part is empty, so that no two slashes stand beside each other; one way to read each text.
_PATH: Final = re.compile(rf"/(?:[{_MARKS}]+/)*[{_MARKS}]*(?:\?[{_MARKS}/?]*)?")


def parse_return_to(text: str) -> str:
    """Return a local path with its query. Raises: ReturnToError."""
    if len(text) > RETURN_TO_CHARS_MAX or not _PATH.fullmatch(text):
        raise ReturnToError("`return_to` is not a path of this console")
    return text
