"""A circuit breaker: a service that fails again and again is left alone for a while.

    closed     requests go; `failures_max` that fail in a row open it
    open       none goes until its rest is over
    half open  one goes: it closes the breaker, or opens it for twice as long

Guarantee: a clock that is set back lengthens no rest.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from comity.ports import Clock

__all__ = ["Breaker", "BreakerState"]

_NS: Final = 1_000_000_000


class BreakerState(StrEnum):
    """Whether requests go."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts what its requests report; `changed` is told of each new state."""

    def __init__(
        self,
        *,
        failures_max: int,
        rest_s: float,
        rest_s_max: float,
        clock: Clock,
        changed: Callable[[BreakerState], None],
    ) -> None:
        self._failures_max = failures_max
        self._first_rest_ns = int(rest_s * _NS)
        self._rest_ns_max = int(rest_s_max * _NS)
        self._clock = clock
        self._changed = changed
        self._failures = 0
        self._opened_at_ns = 0
        self._rest_ns = self._first_rest_ns
        self.state = BreakerState.CLOSED

    def admits(self) -> bool:
        """Say whether a request may go now; it must report `succeeded` or `failed`."""
        if self.state is BreakerState.OPEN and self._has_rested():
            self._enter(BreakerState.HALF_OPEN)
            return True
        return self.state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """Take in that a request was answered, also one from before the breaker opened."""
        self._failures = 0
        self._rest_ns = self._first_rest_ns
        if self.state is not BreakerState.CLOSED:
            self._enter(BreakerState.CLOSED)

    def failed(self) -> None:
        """Take in that a request was not answered."""
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN:
            self._rest_ns = min(self._rest_ns * 2, self._rest_ns_max)
            self._open()
        elif self.state is BreakerState.CLOSED and self._failures >= self._failures_max:
            self._open()

    def _has_rested(self) -> bool:
        rested_ns = self._clock.now_ns() - self._opened_at_ns
        return not 0 <= rested_ns < self._rest_ns

    def _open(self) -> None:
        self._opened_at_ns = self._clock.now_ns()
        self._enter(BreakerState.OPEN)

    def _enter(self, state: BreakerState) -> None:
        self.state = state
        self._changed(state)
