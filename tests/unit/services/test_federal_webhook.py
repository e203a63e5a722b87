"""A state's feed: every line at least once and in order, whatever fails in between."""

from __future__ import annotations

import json

import pytest

from comity.adapters.memory.feeds import MemoryFeedPlaces, MemoryHook
from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.review.federal_events import FeedTerms, feed_signature
from comity.services import federal_webhook as module
from comity.services.federal_webhook import FederalWebhook, FeedTo
from tests.support.federal import federal_asks
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
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

DENIED = policy_of(WA, DENY_ALL)
HELD = policy_of(WA, RELEASE, HOLD_ALL)
URL = "https://example.org/feed"
SECRET = b"s" * 32


class Case:
    """A host whose Washington has a feed."""

    def __init__(self, host: PracticeHost, *members: Member) -> None:
        self.host = host
        self.hook = MemoryHook()
        self.places = MemoryFeedPlaces()
        self.members = members or (WA,)
        self.webhook = self.begun()

    def begun(self) -> FederalWebhook:
        """Another life of the worker."""
        host = self.host

        async def directory() -> Directory:
            return host.world.directory

        to = FeedTo(terms=FeedTerms(url=URL), secret=SECRET)
        return FederalWebhook(
            feeds=dict.fromkeys(self.members, to),
            store=host.store,
            rows=host.store,
            directory=directory,
            hook=self.hook,
            places=self.places,
            clock=host.clock,
            events=host.events,
        )

    def told(self) -> list[str]:
        """The queries of all lines that arrived, in order."""
        bodies = [body for _, body, _ in self.hook.taken]
        return [json.loads(line)["query"] for body in bodies for line in body.splitlines()]


async def test_what_is_new_is_told_once_and_signed() -> None:
    """Not what stood before the feed began; Texas's are nobody's business here."""
    async with running(DENIED) as host:
        await federal_asks(host, 1)
        case = Case(host)
        assert await case.webhook.round() == 0
        await federal_asks(host, 2)
        await host.answer.take(asks(ask_of(3)))
        await federal_asks(host, 4)
        assert await case.webhook.round() == 2
        assert await case.webhook.round() == 0
        assert case.told() == ["us/2", "us/4"]
        ((url, body, headers),) = case.hook.taken
        assert url == URL
        assert headers["comity-signature"] == feed_signature(SECRET, NOW, body)
        assert b"PX000204K7" not in body


async def test_a_hold_and_its_end_are_lines_of_one_query() -> None:
    """Held, then not decided in time."""
    async with running(HELD) as host:
        case = Case(host)
        await case.webhook.round()
        await federal_asks(host, 1)
        await case.webhook.round()
        host.clock.advance_ns(HOLD_SECONDS * NS)
        (row,) = await host.store.open_holds([WA])
        await host.desk.expire(f"wa/{row.leaf_index}")
        await case.webhook.round()
        lines = [json.loads(body) for _, body, _ in case.hook.taken]
        assert [(each["query"], each["became"]) for each in lines] == [
            ("us/1", "held"), ("us/1", "expired"),
        ]  # fmt: skip


async def test_a_receiver_that_fails_loses_nothing() -> None:
    """Later each time, from the third on with an alarm; then all of it, in order."""
    async with running(DENIED) as host:
        case = Case(host)
        await case.webhook.round()
        await federal_asks(host, 1)
        case.hook.is_broken = True
        tries = 0
        for _ in range(16):
            before = host.events.counts["feed_not_delivered"]
            await case.webhook.round()
            tries += host.events.counts["feed_not_delivered"] - before
            host.clock.advance_ns(NS)
        assert tries == 4
        assert host.events.counts["feed_keeps_failing"] == 2
        await federal_asks(host, 2)
        case.hook.is_broken = False
        host.clock.advance_ns(600 * NS)
        assert await case.webhook.round() == 2
        assert case.told() == ["us/1", "us/2"]


async def test_a_restart_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was delivered and not noted comes again, and nothing is passed over."""
    monkeypatch.setattr(module, "FEED_LINES_MAX", 2)
    async with running(DENIED) as host:
        case = Case(host)
        await case.webhook.round()
        await federal_asks(host, 1, 2, 3, 4, 5)
        kept = case.places.write

        def fails(member: Member, place: int) -> None:
            if len(case.hook.taken) == 2:
                raise ComityError("the disk is full")
            kept(member, place)

        monkeypatch.setattr(case.places, "write", fails)
        await case.webhook.round()
        monkeypatch.setattr(case.places, "write", kept)
        await case.begun().round()
        assert case.told() == ["us/1", "us/2", "us/3", "us/4", "us/3", "us/4", "us/5"]


async def test_posts_and_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines a request, so many requests a round; the next goes on."""
    monkeypatch.setattr(module, "FEED_LINES_MAX", 2)
    monkeypatch.setattr(module, "_POSTS_A_ROUND_MAX", 2)
    async with running(DENIED) as host:
        case = Case(host)
        await case.webhook.round()
        await federal_asks(host, *range(1, 8))
        assert [await case.webhook.round() for _ in range(3)] == [4, 3, 0]
        assert [body.count(b"\n") for _, body, _ in case.hook.taken] == [2, 2, 2, 1]
        assert case.told() == [f"us/{number}" for number in range(1, 8)]


async def test_a_ledger_that_was_cut_is_followed_from_its_end() -> None:
    """A place beyond it is none."""
    async with running(DENIED) as host:
        case = Case(host)
        case.places.write(WA, host.size(WA) + 5)
        assert await case.webhook.round() == 0
        assert case.places.read(WA) == host.size(WA)
        assert host.events.counts["feed_begun_anew"] == 1


async def test_one_states_trouble_is_not_anothers() -> None:
    """Oregon's place cannot be read: Washington's feed goes out."""
    async with running(DENIED) as host:
        case = Case(host, OR, WA)
        await case.webhook.round()
        await federal_asks(host, 1)
        kept = case.places.read

        def read(member: Member) -> int | None:
            if member == OR:
                raise ComityError("it is not whole")
            return kept(member)

        case.places.read = read  # type: ignore[method-assign]
        assert await case.webhook.round() == 1
