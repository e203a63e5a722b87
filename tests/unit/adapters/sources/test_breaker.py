"""The circuit breaker: when requests go, and when none does."""

from __future__ import annotations

import pytest

from comity.adapters.memory.clock import ManualClock
from comity.adapters.sources.breaker import Breaker, BreakerState

S = 10**9
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Case:
    """A breaker of two failures and a rest of 5 s, 12 s at most, with its clock and its changes."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_000 * S)
        self.changes: list[BreakerState] = []
        self.breaker = Breaker(
            failures_max=2,
            rest_s=5.0,
            rest_s_max=12.0,
            clock=self.clock,
            changed=self.changes.append,
        )

    def fails(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.breaker.admits()
            self.breaker.failed()


def test_failures_in_a_row_open_it() -> None:
    """A success between them begins the row anew."""
    case = Case()
    case.fails()
    assert case.breaker.admits()
    case.breaker.succeeded()
    case.fails()
    assert case.changes == []
    case.fails()
    assert case.changes == [OPEN]
    assert not case.breaker.admits()


def test_one_goes_after_the_rest() -> None:
    """Not a nanosecond earlier, and no second one beside it."""
    case = Case()
    case.fails(2)
    case.clock.advance_ns(5 * S - 1)
    assert not case.breaker.admits()
    case.clock.advance_ns(1)
    assert [case.breaker.admits(), case.breaker.admits()] == [True, False]
    case.breaker.succeeded()
    assert case.changes == [OPEN, HALF_OPEN, CLOSED]
    assert case.breaker.admits()


@pytest.mark.parametrize(("tries", "rest"), [(1, 10), (2, 12), (9, 12)])
def test_each_failed_try_doubles_the_rest_up_to_a_limit(tries: int, rest: int) -> None:
    """A service that stays away is asked less and less often, and still often enough."""
    case = Case()
    case.fails(2)
    for _ in range(tries):
        case.clock.advance_ns(12 * S)
        case.fails()
    case.clock.advance_ns(rest * S - 1)
    assert not case.breaker.admits()
    case.clock.advance_ns(1)
    assert case.breaker.admits()
    case.breaker.succeeded()
    case.fails(2)
    case.clock.advance_ns(5 * S)
    assert case.breaker.admits()


def test_what_was_under_way_still_counts() -> None:
    """A request from before that is answered closes it; one that fails lengthens nothing."""
    case = Case()
    case.fails(2)
    case.breaker.failed()
    assert case.changes == [OPEN]
    case.breaker.succeeded()
    assert case.changes == [OPEN, CLOSED]


def test_a_clock_set_back_lengthens_no_rest() -> None:
    """Where the time of opening lies ahead, the rest is over."""
    case = Case()
    case.fails(2)
    case.clock.advance_ns(-3_600 * S)
    assert case.breaker.admits()
