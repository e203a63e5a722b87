"""The courier: what is posted leaves in few envelopes, or its senders are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.adapters.memory.bus import MemoryBus, MemoryWire
from comity.adapters.memory.clock import ManualClock
from comity.domain.answer import Element
from comity.domain.vocabulary import DataClass
from comity.link.envelope import Opened, open_envelope
from comity.link.limits import ENVELOPE_PARCELS_MAX, PARCEL_BYTES_MAX
from comity.link.parcel import Answered, Ask, EnvelopeKind, Parcel
from comity.services import courier as module
from comity.services.courier import HUB_SUBJECT, Courier, gateway_subject
from comity.services.events import Events
from tests.support.gateway import turns
from tests.support.line import MemoryLog
from tests.support.link import BOOK, NOW_MS, SOUTH, TX, WA, WEST, asks, make_answer, make_exchange


class Post:
    """A courier of the west, a hub that opens everything sent to the south, and who was told."""

    def __init__(self) -> None:
        self.wire = MemoryWire()
        self.events = Events(MemoryLog())
        self.opened: list[Opened] = []
        self.unheard: list[Sequence[Parcel]] = []
        self.courier = Courier(
            bus=MemoryBus(self.wire),
            clock=ManualClock(NOW_MS * 1_000_000),
            sender=WEST.name,
            signer=WEST.signer,
            events=self.events,
        )
        self.courier.when_unheard(self.unheard.append)
        self.hub = MemoryBus(self.wire)

    async def take(self, data: bytes) -> None:
        self.opened.append(
            open_envelope(data, own_name=SOUTH.name, own_private=SOUTH.opener, book=BOOK)
        )

    async def settle(self) -> None:
        """Let everything that was posted leave and arrive."""
        await turns(60)

    def parcels(self) -> list[Parcel]:
        return [parcel for opened in self.opened for _, parcel in opened.parcels]


@asynccontextmanager
async def posting(*, is_heard: bool = True) -> AsyncIterator[Post]:
    """A courier that is running."""
    post = Post()
    if is_heard:
        await post.hub.listen(HUB_SUBJECT, post.take)
    task = asyncio.create_task(post.courier.run())
    await post.settle()
    try:
        yield post
    finally:
        assert not task.done(), "the courier ended"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await post.hub.close()


async def test_what_is_posted_in_a_tick_is_one_envelope() -> None:
    """All parcels for one host, signed and sealed once, in their order."""
    async with posting() as post:
        parcels = asks(5)
        post.courier.post(SOUTH.public, parcels[:2])
        post.courier.post(SOUTH.public, parcels[2:])
        await post.settle()
        assert (len(post.opened), post.parcels()) == (1, parcels)


async def test_nothing_posted_sends_nothing() -> None:
    """No parcels, no envelope."""
    async with posting() as post:
        post.courier.post(SOUTH.public, [])
        await post.settle()
        assert post.opened == []


async def test_asks_and_answers_go_apart() -> None:
    """Each face of the receiving host gets its own envelope."""
    async with posting() as post:
        answered = Answered(origin=TX, answer=make_answer(state=WA))
        post.courier.post(SOUTH.public, [*asks(1), answered])
        await post.settle()
        kinds = [opened.route.kind for opened in post.opened]
        assert kinds == [EnvelopeKind.ASK, EnvelopeKind.ANSWER]


async def test_more_than_an_envelope_holds_is_split() -> None:
    """At the limit one envelope, one beyond it two."""
    async with posting() as post:
        post.courier.post(SOUTH.public, asks(ENVELOPE_PARCELS_MAX))
        await post.settle()
        assert [opened.route.count for opened in post.opened] == [ENVELOPE_PARCELS_MAX]
        post.opened.clear()
        post.courier.post(SOUTH.public, asks(ENVELOPE_PARCELS_MAX + 1))
        await post.settle()
        assert [opened.route.count for opened in post.opened] == [ENVELOPE_PARCELS_MAX, 1]


async def test_whoever_nobody_hears_is_told() -> None:
    """No listener, or a wire that is down: the parcels come back, and the courier goes on."""
    async with posting(is_heard=False) as post:
        parcels = asks(2)
        post.courier.post(SOUTH.public, parcels)
        await post.settle()
        post.wire.is_down = True
        post.courier.post(SOUTH.public, parcels)
        await post.settle()
        assert [list(told) for told in post.unheard] == [parcels, parcels]
        post.wire.is_down = False
        await post.hub.listen(HUB_SUBJECT, post.take)
        post.courier.post(SOUTH.public, parcels)
        await post.settle()
        assert post.parcels() == parcels


async def test_a_full_courier_drops_a_post_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it is taken, one beyond none of that post; the origin asks again."""
    monkeypatch.setattr(module, "WAITING_PARCELS_MAX", 3)
    async with posting() as post:
        parcels = asks(5)
        post.courier.post(SOUTH.public, parcels[:2])
        post.courier.post(SOUTH.public, parcels[2:4])
        post.courier.post(SOUTH.public, parcels[4:])
        await post.settle()
        assert post.parcels() == [*parcels[:2], parcels[4]]
        assert post.events.counts["courier_full"] == 1
        post.courier.post(SOUTH.public, parcels[:3])
        await post.settle()
        assert len(post.parcels()) == 6


@pytest.mark.parametrize("size", [PARCEL_BYTES_MAX, 0])
async def test_a_parcel_that_cannot_travel_takes_no_other_with_it(size: int) -> None:
    """Too large, or out of its form: it alone is dropped, by name of its member only."""
    async with posting() as post:
        answer = make_answer(state=WA)
        if size:
            element = Element(data_class=DataClass.STATUS, name="DAA", value="x" * size)
            answer = msgspec.structs.replace(answer, elements=(element,))
        else:
            answer = msgspec.structs.replace(answer, step=-1)
        parcels, unfit = asks(2), Answered(origin=TX, answer=answer)
        post.courier.post(SOUTH.public, [parcels[0], unfit, parcels[1]])
        await post.settle()
        assert post.parcels() == parcels
        assert post.events.counts["parcel_not_sent"] == 1
        post.courier.post(SOUTH.public, [unfit])
        await post.settle()
        assert post.unheard == []


async def test_a_fault_for_one_host_stops_no_other() -> None:
    """A host whose key cannot be used: the others get their envelopes, now and later."""
    async with posting() as post:
        broken = msgspec.structs.replace(WEST.public, seal_key=b"short")
        post.courier.post(broken, asks(1))
        post.courier.post(SOUTH.public, asks(1))
        await post.settle()
        post.courier.post(SOUTH.public, [Ask(exchange=make_exchange(2))])
        await post.settle()
        assert len(post.parcels()) == 2
        assert post.events.counts["envelope_not_sent"] == 1


def test_each_host_has_its_subject() -> None:
    """Envelopes for one host are heard by no other."""
    assert gateway_subject(WEST.name) != gateway_subject(SOUTH.name)
