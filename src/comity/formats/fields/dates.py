"""Whether digits name a day that exists: what a pattern cannot say of a date.

Guarantee: each function answers for any text that has its field's form, and never raises.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

__all__ = ["is_birth_date", "is_moment"]

_DAY_MIN: Final = "18000101"
_DAY_MAX: Final = "20991231"
_LONG_CHARS: Final = 8
_read_day: Final = dt.date.fromisoformat


def is_birth_date(value: str) -> bool:
    """Say whether mmddyy or ccyymmdd names a day that exists; mmddyy in either century."""
    if len(value) == _LONG_CHARS:
        return _is_day(value)
    return _is_day(f"20{value[4:]}{value[:4]}") or _is_day(f"19{value[4:]}{value[:4]}")


def is_moment(value: str) -> bool:
    """Say whether ccyymmdd or ccyymmdd@hhmm names a day that exists; the pattern has the clock."""
    return _is_day(value[:_LONG_CHARS])


def _is_day(ccyymmdd: str) -> bool:
    try:
        _read_day(ccyymmdd)
    except ValueError:
        return False
    return _DAY_MIN <= ccyymmdd <= _DAY_MAX
