"""The worker: names every hold whose time is over, and changes nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.adapters.errors import KeySafeError
from comity.adapters.memory.bus import MemoryBus
from comity.adapters.memory.duties import MemoryPager
from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import LeafKind
from comity.ledger.quorum import QuorumFile
from comity.link.command import decode_command
from comity.policy import parse_bundle
from comity.policy.block import blocked
from comity.roles import worker as module
from comity.roles.worker import Worker
from comity.services import rollup
from comity.services.events import Events
from comity.services.rollup import Folded
from comity.services.sending import command_subject
from tests.support.gateway import (
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
    note_entry,
    policy_of,
    running,
    turns,
)
from tests.support.line import MemoryLog
from tests.support.link import WEST
from tests.support.public import sealing_parts
from tests.support.review import DAY
from tests.unit.services.test_rulebook import REVIEWER, signed
from tests.unit.services.test_urgent import HELD_BUT_URGENT, released

HELD = policy_of(WA, RELEASE, HOLD_ALL)


@asynccontextmanager
async def working(
    rules: bytes = HELD, *, listens: bool = True
) -> AsyncIterator[tuple[PracticeHost, Worker]]:
    """A gateway's commands on the wire, and its worker."""
    async with running(rules) as host:
        bus = MemoryBus(host.disk.wire)
        if listens:
            await bus.listen(command_subject(WEST.name), host.commands.take)
        yield (
            host,
            Worker(
                host=WEST.name,
                members=[OR, WA],
                store=host.store,
                bus=MemoryBus(host.disk.wire),
                clock=host.clock,
                events=Events(MemoryLog()),
                quorum=QuorumFile(),
                witnesses=(),
                sealing=sealing_parts(host.store),
                pager=MemoryPager(),
            ),
        )
        await bus.close()


async def hold(host: PracticeHost, *numbers: int) -> None:
    """Open holds, each a second after the other."""
    for number in numbers:
        await host.answer.take(asks(ask_of(number)))
        host.clock.advance_ns(NS)


async def test_a_hold_is_named_at_its_time_and_not_before() -> None:
    """One second early nothing is said; at its time the gateway ends it, once."""
    async with working() as (host, worker):
        await hold(host, 1)
        host.clock.advance_ns((HOLD_SECONDS - 2) * NS)
        assert await worker.expire_due() == 0
        host.clock.advance_ns(NS)
        assert await worker.expire_due() == 1
        assert await worker.expire_due() == 0
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1


async def test_all_that_is_due_is_named() -> None:
    """Every hold of its members whose time is over."""
    async with working() as (host, worker):
        await hold(host, 1, 2, 3)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        assert await worker.expire_due() == 3
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 3


async def test_a_look_is_named_at_its_time_and_someone_is_paged() -> None:
    """One second early nothing is said; at its time the gateway records it, once, and pages."""
    async with working(HELD_BUT_URGENT) as (host, worker):
        await released(host)
        await released(host, 2)
        host.clock.advance_ns((DAY - 1) * NS)
        assert await worker.expire_due() == 0
        host.clock.advance_ns(NS)
        assert await worker.expire_due() == 2
        assert await worker.expire_due() == 0
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 2
        assert await worker.paging.round() == 2
        assert await host.store.duties([WA], 9) == []


async def test_a_gateway_that_is_away_is_told_of_looks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody listens: nothing is recorded, and the next round names it again, so many at most."""
    monkeypatch.setattr(module, "_LATE_RELEASES_MAX", 1)
    async with working(HELD_BUT_URGENT, listens=False) as (host, worker):
        await released(host)
        await released(host, 2)
        host.clock.advance_ns(DAY * NS)
        assert await worker.expire_due() == 1
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        bus = MemoryBus(host.disk.wire)
        await bus.listen(command_subject(WEST.name), host.commands.take)
        assert [await worker.expire_due() for _ in range(3)] == [1, 1, 0]
        await bus.close()


async def test_a_gateway_that_is_away_is_tried_again() -> None:
    """Nobody listens: nothing ends, and the next round names it again."""
    async with working(listens=False) as (host, worker):
        await hold(host, 1)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        assert await worker.expire_due() == 1
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        bus = MemoryBus(host.disk.wire)
        await bus.listen(command_subject(WEST.name), host.commands.take)
        await worker.expire_due()
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1
        await bus.close()


async def test_a_hold_without_an_answer_keeps_no_other_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first command fails each round: the ones after it still end."""
    monkeypatch.setattr(module, "_COMMAND_SECONDS_MAX", 0.001)
    async with working(listens=False) as (host, worker):
        await hold(host, 1, 2)
        first = ask_of(1).exchange_id

        async def take(data: bytes) -> bytes:
            if getattr(decode_command(data), "exchange_id", None) == first:
                raise RuntimeError("practice")
            return await host.commands.take(data)

        bus = MemoryBus(host.disk.wire)
        await bus.listen(command_subject(WEST.name), take)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        assert await worker.expire_due() == 2
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1
        await bus.close()


async def test_ledgers_that_are_behind_are_folded_by_their_gateway() -> None:
    """A step at a time, until none is behind; where all is folded nothing is asked."""
    async with working() as (host, worker):
        await hold(host, 1, 2)
        assert not await worker.fold_behind()
        folds = {row.member: row.folded for row in await host.store.folds([OR, WA])}
        assert folds[WA] == host.size(WA)
        assert sum(host.store.tables.traffic.values()) == 2
        host.store.tables.folds[WA] = msgspec.structs.replace(
            host.store.tables.folds[WA], folded=LeafIndex(0)
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rollup, "STEP_LEAVES", 1)
            assert await worker.fold_behind()


async def test_a_refusal_to_fold_does_not_make_it_hurry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is counted, the other ledgers are folded, and the round is over."""
    async with working() as (host, worker):
        await hold(host, 1)
        fold = host.rollup.fold

        async def refuse(member: Member) -> Folded:
            if member == OR:
                raise KeySafeError("the device is down")
            return await fold(member)

        await host.sequencer.commit([note_entry(host.disk, OR)])
        monkeypatch.setattr(host.rollup, "fold", refuse)
        assert not await worker.fold_behind()
        assert [row.member for row in await host.store.folds([OR, WA])] == [WA]


async def lapsed(host: PracticeHost) -> None:
    """A block that nobody confirmed in time, and that is a hold now."""
    bundle = blocked(parse_bundle(HELD), "TX/LOCAL", "Order 14", NOW + 60)
    await host.rulebook.publish(WA, signed(bundle, REVIEWER))
    host.clock.advance_ns(60 * NS)
    assert await host.rulebook.lapse() == 1


async def test_a_page_is_delivered_and_the_gateway_lets_go_of_it() -> None:
    """The worker only reads: the row goes by a command to the gateway."""
    async with working() as (host, worker):
        await lapsed(host)
        assert await worker.paging.round() == 1
        assert host.store.tables.duties == {}
        assert await worker.paging.round() == 0


async def test_without_its_gateway_a_page_goes_out_and_stands() -> None:
    """Nobody hears that it was delivered: it is paged again rather than forgotten."""
    async with working(listens=False) as (host, worker):
        await lapsed(host)
        assert await worker.paging.round() == 0
        assert len(host.store.tables.duties) == 1
        bus = MemoryBus(host.disk.wire)
        await bus.listen(command_subject(WEST.name), host.commands.take)
        host.clock.advance_ns(2 * NS)
        assert await worker.paging.round() == 1
        assert host.store.tables.duties == {}
        await bus.close()


async def test_two_workers_page_twice_at_most_each_and_then_no_more() -> None:
    """Whoever comes second finds the duty gone, and that is no error."""
    async with working() as (host, worker):
        await lapsed(host)
        await asyncio.gather(worker.paging.round(), worker.paging.round())
        assert host.store.tables.duties == {}
        assert await worker.paging.round() == 0


async def test_a_gateway_whose_clock_is_behind_refuses() -> None:
    """The worker's clock is not believed: the hold stays, and the refusal is counted."""
    async with working() as (host, worker):
        await hold(host, 1)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        host.store.clock_ahead_ns = 3 * NS
        await host.health.check()
        assert await worker.expire_due() == 1
        assert host.leaves(WA, LeafKind.CLOSURE) == []


async def test_a_store_that_is_down_does_not_end_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The round fails, the next one comes."""
    monkeypatch.setattr(module, "_TICK_SECONDS", 0)
    async with working() as (host, worker):
        await hold(host, 1)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        host.store.is_down = True
        task = asyncio.create_task(worker.run())
        await turns(20)
        assert not task.done()
        host.store.is_down = False
        await turns(200)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1
