"""Pages: delivered from durable rows, again until someone was reached, and only then over."""

from __future__ import annotations

import asyncio
import json

import msgspec

from comity.adapters.memory.duties import MemoryPager
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.vocabulary import LeafKind
from comity.policy import encode_bundle
from comity.ports import DutyRow, PageError, Pager
from comity.services.events import Events
from comity.services.paging import PAGES_A_ROUND_MAX, Paging
from tests.support.gateway import NS, OR, WA, Disk, PracticeHost, running
from tests.support.line import MemoryLog
from tests.unit.services.test_rulebook import BLOCKED, DAY, OPEN, REVIEWER, signed

MEMBERS = [OR, WA]


class Case:
    """A host on which nobody confirmed a block, and who pages for it."""

    def __init__(self, host: PracticeHost) -> None:
        self.host = host
        self.pager = MemoryPager()
        self.events = Events(MemoryLog())
        self.is_away = False
        self.paging = self.paging_by(self.pager)

    def paging_by(self, pager: Pager) -> Paging:
        """Who pages by a pager."""
        return Paging(
            store=self.host.store,
            members=MEMBERS,
            pager=pager,
            end=self._end,
            clock=self.host.clock,
            events=self.events,
        )

    async def _end(self, member: Member, duty_id: int) -> None:
        if self.is_away:
            raise ComityError("the gateway is away")
        await self.host.store.end_duty(member, duty_id)

    async def due(self) -> list[DutyRow]:
        """What is still to be done."""
        return await self.host.store.duties(MEMBERS, 200)


async def lapsed(host: PracticeHost) -> Case:
    """A block that became a hold a moment ago."""
    await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
    host.clock.advance_ns(DAY * NS)
    assert await host.rulebook.lapse() == 1
    return Case(host)


async def test_a_block_that_nobody_confirmed_pages_once() -> None:
    """The page names state and leaf; delivered, it is over."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        assert await case.paging.round() == 1
        (message,) = case.pager.messages
        page = json.loads(message)
        leaf = host.leaves(WA, LeafKind.POLICY)[-1]
        assert (page["event"], page["state"]) == ("block_unconfirmed", "wa")
        assert host.leaves(WA)[int(page["entry"][3:])] == leaf
        assert "Washington" in page["text"]
        assert message.endswith(b"}\n")
        assert await case.paging.round() == 0
        assert await case.due() == []


async def test_a_publication_that_pages_nobody_leaves_no_duty() -> None:
    """A block by itself does not page."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        assert await host.store.duties(MEMBERS, 200) == []


async def test_a_pager_that_fails_is_tried_again_and_alarms() -> None:
    """Later each time; from the third failure on with an alarm; it is never given up."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        case.pager.is_broken = True
        assert await case.paging.round() == 0
        assert await case.paging.round() == 0
        assert case.events.counts["page_not_delivered"] == 1
        for wait in (2, 4, 8, 16, 32, 60, 60):
            host.clock.advance_ns((wait - 1) * NS)
            await case.paging.round()
            before = case.events.counts["page_not_delivered"]
            host.clock.advance_ns(NS)
            await case.paging.round()
            assert case.events.counts["page_not_delivered"] == before + 1
        assert case.events.counts["page_keeps_failing"] == 6
        case.pager.is_broken = False
        host.clock.advance_ns(60 * NS)
        assert await case.paging.round() == 1
        assert await case.due() == []


async def test_a_crash_forgets_no_page() -> None:
    """The row stands in the store; who is started anew delivers it."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        case.pager.is_broken = True
        await case.paging.round()
        disk: Disk = host.disk
    async with running(disk=disk) as again:
        case = Case(again)
        assert await case.paging.round() == 1
        assert len(case.pager.messages) == 1


async def test_while_the_gateway_is_away_nobody_is_paged_again() -> None:
    """It is asked until it lets go; a worker that starts anew cannot know, and pages once more."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        case.is_away = True
        for _ in range(9):
            assert await case.paging.round() == 0
            host.clock.advance_ns(60 * NS)
        assert len(case.pager.messages) == 1
        assert case.events.counts["page_not_ended"] == 9
        assert case.events.counts["page_keeps_failing"] == 0
        other = Case(host)
        assert await other.paging.round() == 1
        assert len(other.pager.messages) == 1
        # The other one was faster: there is nothing left to be done.
        assert await case.paging.round() == 0
        assert await case.due() == []


async def test_a_kind_of_a_later_release_is_left_alone() -> None:
    """It waits for a worker that knows it; any number of it keeps no other from its end."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        (row,) = host.store.tables.duties.values()
        later = msgspec.structs.replace(row, kind="later")
        for duty_id in range(-PAGES_A_ROUND_MAX, 0):
            host.store.tables.duties[duty_id] = msgspec.structs.replace(later, duty_id=duty_id)
        assert await case.paging.round() == 1
        assert {row.kind for row in await case.due()} == {"later"}


async def test_a_pager_that_hangs_keeps_no_other_page() -> None:
    """Pages go out beside each other, and a failure counts from when it was known."""
    async with running(encode_bundle(OPEN)) as host:
        case = await lapsed(host)
        (row,) = host.store.tables.duties.values()
        host.store.tables.duties[row.duty_id + 1] = msgspec.structs.replace(
            row, duty_id=row.duty_id + 1
        )
        both, first = asyncio.Barrier(2), True

        class Hanging(MemoryPager):
            async def page(self, message: bytes) -> None:
                nonlocal first
                fails, first = first, False
                await both.wait()
                if fails:
                    host.clock.advance_ns(20 * NS)
                    raise PageError("practice")

        case.paging = case.paging_by(Hanging())
        async with asyncio.timeout(5):
            assert await case.paging.round() == 1
        # Two seconds from its end, not from the beginning of the round.
        host.clock.advance_ns(NS)
        assert await case.paging.round() == 0
        assert case.events.counts["page_not_delivered"] == 1
