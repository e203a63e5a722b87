"""How late a time may be that anyone states: what is taken can be written as a date.

Guarantee: a time up to `TIME_MAX`, and any wait added to it, stands in the calendar of every
format, which ends with the year 9999; its nanoseconds fit the 8 bytes that an id begins with.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TIME_MAX"]

TIME_MAX: Final = 2**34 - 1
"""In Unix seconds: in the year 2514."""
