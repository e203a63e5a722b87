"""The worker: names every hold whose time is over, and changes nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.domain.vocabulary import LeafKind
from comity.link.command import decode_command
from comity.roles import worker as module
from comity.roles.worker import Worker
from comity.services.commands import command_subject
from comity.services.events import Events
from tests.support.gateway import (
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
    turns,
)
from tests.support.line import MemoryLog
from tests.support.link import WEST

HELD = policy_of(WA, RELEASE, HOLD_ALL)


@asynccontextmanager
async def working(*, listens: bool = True) -> AsyncIterator[tuple[PracticeHost, Worker]]:
    """A gateway's commands on the wire, and its worker."""
    async with running(HELD) as host:
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
