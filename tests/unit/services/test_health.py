"""Whether a host may release: its clock against the store's."""

from __future__ import annotations

import pytest

from comity.services.health import CLOCK_SKEW_NS_MAX, Health
from tests.support.gateway import Disk, PracticeHost


def health() -> tuple[PracticeHost, Health]:
    """A host that has not looked yet."""
    host = PracticeHost(Disk())
    return host, host.health


def test_nothing_is_released_before_the_clocks_were_compared() -> None:
    """INVARIANT (fail-closed): not known is not agreed."""
    assert not health()[1].may_release


@pytest.mark.parametrize(
    ("ahead", "may"),
    [
        (0, True),
        (CLOCK_SKEW_NS_MAX, True),
        (-CLOCK_SKEW_NS_MAX, True),
        (CLOCK_SKEW_NS_MAX + 1, False),
        (-CLOCK_SKEW_NS_MAX - 1, False),
    ],
)
async def test_two_seconds_either_way_agree(ahead: int, may: bool) -> None:
    """At the limit the clocks agree, one nanosecond beyond they do not, and someone is told."""
    host, checked = health()
    host.store.clock_ahead_ns = ahead
    await checked.check()
    assert checked.may_release is may
    assert host.events.counts["clock_skewed"] == (not may)


async def test_a_clock_that_is_put_right_releases_again() -> None:
    """The finding is as old as the last comparison."""
    host, checked = health()
    host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
    await checked.check()
    host.store.clock_ahead_ns = 0
    await checked.check()
    assert checked.may_release


@pytest.mark.parametrize("ahead", [0, CLOCK_SKEW_NS_MAX + 1])
async def test_a_store_that_is_down_changes_nothing(ahead: int) -> None:
    """What was found stands: without the store nothing is recorded, and so nothing released."""
    host, checked = health()
    host.store.clock_ahead_ns = ahead
    await checked.check()
    before = checked.may_release
    host.store.is_down = True
    await checked.check()
    assert checked.may_release is before
    assert host.events.counts["clock_not_compared"] == 1
