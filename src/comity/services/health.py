"""Whether this host may release at all: its clock must agree with the database's.

INVARIANT (fail-closed): a host whose clock is off by more than two seconds decides nothing;
deadlines, bands and the age of queries would be wrong.
"""

from __future__ import annotations

from typing import Final

from comity.domain.errors import ComityError
from comity.ports import Clock, Store
from comity.services.events import Events

__all__ = ["CLOCK_SKEW_NS_MAX", "ClockSkewedError", "Health"]

CLOCK_SKEW_NS_MAX: Final = 2_000_000_000


class ClockSkewedError(ComityError):
    """The host's clock is not to be believed: nothing is decided, and no hold ends."""

    code = "clock-skewed"


class Health:
    """What the host knows of itself; `check` is called every few seconds."""

    def __init__(self, *, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._clock_agrees = False

    @property
    def may_release(self) -> bool:
        """Say whether anything may be decided now."""
        return self._clock_agrees

    async def check(self) -> None:
        """Compare the clocks. A store that is down leaves the last finding: it records nothing."""
        asked = self._clock.now_ns()
        try:
            skew = await self._store.clock_skew_ns(asked)
        except ComityError as error:
            self._events.failure("clock_not_compared", error)
            return
        # The database read its clock at some moment between asking and now: slow is not skewed.
        least = skew - (self._clock.now_ns() - asked)
        agrees = least <= CLOCK_SKEW_NS_MAX and skew >= -CLOCK_SKEW_NS_MAX
        if not agrees:
            self._events.alarm("clock_skewed", skew_ms=skew // 1_000_000)
        self._clock_agrees = agrees
