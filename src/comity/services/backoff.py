"""When what failed is tried again: each time after twice as long, up to a longest wait."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from comity.ports import Clock

__all__ = ["BackOff"]

_NS = 1_000_000_000


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How often something failed in a row, and when it is tried again (Unix seconds)."""

    failures: int
    again_at: float


class BackOff:
    """Remembers what failed. `_tried` has what has not succeeded since."""

    def __init__(self, clock: Clock, seconds_max: int) -> None:
        self._clock = clock
        self._seconds_max = seconds_max
        self._tried: dict[Hashable, _Tried] = {}

    def waits(self, what: Hashable) -> bool:
        """Say whether it is too early to try something again."""
        tried = self._tried.get(what)
        return tried is not None and self._now() < tried.again_at

    def failed(self, what: Hashable) -> int:
        """Put something off; return how often in a row it failed."""
        tried = self._tried.get(what)
        failures = 1 if tried is None else tried.failures + 1
        wait = min(2**failures, self._seconds_max)
        self._tried[what] = _Tried(failures=failures, again_at=self._now() + wait)
        return failures

    def succeeded(self, what: Hashable) -> None:
        """Forget what failed before."""
        self._tried.pop(what, None)

    def _now(self) -> float:
        return self._clock.now_ns() / _NS
