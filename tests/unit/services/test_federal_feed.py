"""The last federal requests, read on as a ledger grows: the same as read whole, and bounded."""

from __future__ import annotations

import pytest

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex
from comity.review.federal import Fate, fate_of
from comity.services import federal_feed as module
from comity.services.federal_feed import FederalFeed
from tests.support.federal import federal_asks
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    HOLD_SECONDS,
    NS,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)

HELD = policy_of(WA, RELEASE, HOLD_ALL)
DENIED = policy_of(WA, DENY_ALL)


def feed_of(host: PracticeHost) -> FederalFeed:
    """A feed that has read nothing yet."""
    return FederalFeed(store=host.store, rows=host.store, now=lambda: host.clock.now_ns() / NS)


async def test_only_federal_requests_come_newest_first() -> None:
    """Those of Texas are not among them; another state has its own."""
    async with running(DENIED) as host:
        feed = feed_of(host)
        directory = host.world.directory
        assert (await feed.read(WA, directory)).queries == ()
        await federal_asks(host, 1)
        await host.answer.take(asks(ask_of(2)))
        await federal_asks(host, 3)
        host.clock.advance_ns(2 * NS)
        found = await feed.read(WA, directory)
        assert [query.peer for query in found.queries] == ["us/3", "us/1"]
        assert {fate_of(query) for query in found.queries} == {Fate.REFUSED}
        assert (found.first, found.size) == (0, host.size(WA))
        assert (await feed.read(OR, directory)).queries == ()


async def test_read_on_equals_read_whole() -> None:
    """Held, expired, refused, in whatever shares it is read."""
    async with running(HELD) as host:
        feed = feed_of(host)
        directory = host.world.directory
        for number in range(1, 8):
            await federal_asks(host, number)
            if number == 3:
                host.clock.advance_ns(HOLD_SECONDS * NS)
                for row in await host.store.open_holds([WA]):
                    await host.desk.expire(f"wa/{row.leaf_index}")
            host.clock.advance_ns(2 * NS)
            on = await feed.read(WA, directory)
            assert on == await feed_of(host).read(WA, directory)
        fates = [fate_of(query) for query in (await feed.read(WA, directory)).queries]
        assert sorted(fates) == [Fate.EXPIRED] * 3 + [Fate.HELD] * 4


async def test_news_is_asked_for_once_a_second() -> None:
    """However many look."""
    async with running(DENIED) as host:
        feed = feed_of(host)
        directory = host.world.directory
        await feed.read(WA, directory)
        await federal_asks(host, 1)
        assert (await feed.read(WA, directory)).queries == ()
        assert len((await feed_of(host).read(WA, directory, age_s=0)).queries) == 1
        host.clock.advance_ns(NS)
        assert len((await feed.read(WA, directory)).queries) == 1


async def test_a_store_that_fails_between_shares_follows_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read stands, and it goes on there."""
    monkeypatch.setattr(module, "_CHUNK", 2)
    async with running(HELD) as host:
        feed = feed_of(host)
        directory = host.world.directory
        await feed.read(WA, directory)
        await federal_asks(host, 1, 2, 3, 4, 5)
        host.clock.advance_ns(2 * NS)
        kept, calls = host.store.leaves, 0

        async def breaks(member: object, first: int, last: int) -> list[bytes]:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise ComityError("the store is down")
            return await kept(WA, first, last)

        monkeypatch.setattr(host.store, "leaves", breaks)
        with pytest.raises(ComityError):
            await feed.read(WA, directory)
        again = await feed.read(WA, directory)
        monkeypatch.undo()
        assert again == await feed_of(host).read(WA, directory)


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit all stand, beyond it the one that moved least lately goes."""
    monkeypatch.setattr(module, "FEED_QUERIES_MAX", 3)
    async with running(DENIED) as host:
        feed = feed_of(host)
        directory = host.world.directory
        await federal_asks(host, 1, 2, 3)
        assert len((await feed.read(WA, directory)).queries) == 3
        await federal_asks(host, 4)
        host.clock.advance_ns(2 * NS)
        for reader in (feed, feed_of(host)):
            found = await reader.read(WA, directory)
            assert [query.peer for query in found.queries] == ["us/4", "us/3", "us/2"]


async def test_no_more_leaves_are_read_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where it began; a reader that is further behind begins at the end again."""
    monkeypatch.setattr(module, "FEED_LEAVES_MAX", 4)
    async with running(DENIED) as host:
        feed = feed_of(host)
        directory = host.world.directory
        await feed.read(WA, directory)
        await federal_asks(host, *range(1, 10))
        host.clock.advance_ns(2 * NS)
        found = await feed.read(WA, directory)
        assert (found.first, found.size) == (host.size(WA) - 4, host.size(WA))
        assert [query.last for query in found.queries] == [
            LeafIndex(host.size(WA) - n) for n in range(1, 5)
        ]


async def test_a_ledger_that_was_cut_is_read_anew() -> None:
    """What its successor does not have is on no page."""
    async with running(DENIED) as host:
        feed = feed_of(host)
        directory = host.world.directory
        await federal_asks(host, 1, 2)
        before = await feed.read(WA, directory)
        async with running(DENIED) as other:
            feed._store = feed._rows = other.store
            host.clock.advance_ns(2 * NS)
            after = await feed.read(WA, directory)
        assert len(before.queries) == 2
        assert after.queries == ()
