"""Recorded traffic as commands and pages read it: whole, of one moment, or of one leaf of rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from comity.domain.ids import Member
from comity.ports import Fold, FoldRow, TrafficRow
from comity.services.recorded_traffic import FoldMovesError, read_recorded
from tests.support.gateway import RELEASE, WA, PracticeHost, policy_of, running
from tests.unit.policy.test_replay import JUNE, PLAIN

OPEN = policy_of(WA, RELEASE)


def step(first: int, last: int, under: int) -> Fold:
    """A step of Washington's ledger in which one request was answered."""
    row = TrafficRow(member=WA, month=JUNE, under=under, request=PLAIN, count=1)
    return Fold(member=WA, first=first, last=last, lost=0, rows=(row,), kept_from=0)


class Moving:
    """A store whose ledger is folded on while its traffic is read, so many times."""

    def __init__(self, host: PracticeHost, times: int) -> None:
        self._host, self._times, self._at = host, times, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host.store, name)

    async def folds(self, members: Sequence[Member]) -> list[FoldRow]:
        """How far it is folded; then on."""
        found = await self._host.store.folds(members)
        if self._at < self._times:
            assert await self._host.store.fold(step(self._at, self._at + 1, 0))
            self._at += 1
        return found


async def test_traffic_is_of_one_moment() -> None:
    """What is folded between two pages is read again, as a whole."""
    async with running(OPEN) as host:
        store: Any = Moving(host, 3)
        found = await read_recorded(store, WA)
        assert (found.folded, found.traffic.requests) == (3, 3)


async def test_what_never_stands_still_is_not_read() -> None:
    """Rather no counts than counts of no moment."""
    async with running(OPEN) as host:
        store: Any = Moving(host, 1_000)
        with pytest.raises(FoldMovesError):
            await read_recorded(store, WA)


async def test_of_one_leaf_of_rules_alone() -> None:
    """What was answered while those rules were the last."""
    async with running(OPEN) as host:
        await host.store.fold(step(0, 1, 0))
        await host.store.fold(step(1, 2, 7))
        assert (await read_recorded(host.store, WA)).traffic.requests == 2
        assert (await read_recorded(host.store, WA, under=7)).traffic.requests == 1
        assert (await read_recorded(host.store, WA, under=3)).traffic.requests == 0
