"""A state's own TOML files of the review desk: read whole and checked, or refused with a reason.

Guarantee: time and memory grow with the file's bytes alone, and those are few.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final, TypeVar

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.toml import dotted_line
from comity.policy.errors import shown

__all__ = ["REVIEW_FILE_BYTES_MAX", "read_table"]

REVIEW_FILE_BYTES_MAX: Final = 65_536
"""A state's calendar, or its limits of delays, as a file."""
_DOTS_MAX: Final = 16
_PATH: Final = re.compile(r"at `\$\.?([^`]*)`")

_T = TypeVar("_T")


def read_table(data: bytes, form: type[_T], what: str, error: type[MalformedError]) -> _T:
    """Return what a file records as `form`. Raises: `error`, saying `what` it is and the field."""
    if len(data) > REVIEW_FILE_BYTES_MAX:
        raise error(f"{what} has more than {REVIEW_FILE_BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8")
        line = dotted_line(text, _DOTS_MAX)
        if line is not None:
            raise error(f"a key of {what} has too many parts")
        table = tomllib.loads(text)
    except (ValueError, RecursionError):
        raise error(f"{what} is not TOML") from None
    try:
        return msgspec.convert(table, form)
    except msgspec.ValidationError as fault:
        found = _PATH.search(str(fault))
        raise error(f"`{shown(found[1]) if found else what}` does not have its form") from None
