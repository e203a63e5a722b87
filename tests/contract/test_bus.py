"""The contract of `Bus`: at most once, word when nobody listens, each fault its message's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol

import pytest

from comity.adapters.memory.bus import MemoryBus, MemoryWire
from comity.adapters.nats import NatsBus
from comity.ports import Bus, UnreachableError
from tests.support.engines import OpenWire

PATIENCE_S = 10


class FullBus(Bus, Protocol):
    """A bus that can be closed."""

    async def close(self) -> None:
        """End it."""
        ...


class WireCase(Protocol):
    """A wire, its processes' connections, and its faults."""

    failures: list[tuple[str, Exception]]

    async def connect(self) -> FullBus:
        """Connect one more process."""
        ...

    def go_down(self) -> None:
        """Take the wire away."""
        ...

    async def come_back(self) -> None:
        """Give the wire back, and wait until everyone is connected again."""
        ...


class MemoryCase:
    """The twin."""

    def __init__(self) -> None:
        self._wire = MemoryWire()
        self.failures = self._wire.failures

    async def connect(self) -> MemoryBus:
        return MemoryBus(self._wire)

    def go_down(self) -> None:
        self._wire.is_down = True

    async def come_back(self) -> None:
        self._wire.is_down = False


class NatsCase:
    """A nats-server; every process connects as a user that may do everything here."""

    def __init__(self, wire: OpenWire) -> None:
        self._wire = wire
        self.failures: list[tuple[str, Exception]] = []
        self._buses: list[NatsBus] = []

    def failure(self, event: str, error: Exception, **fields: str | float) -> None:
        """Keep what a bus says did not work."""
        if event == "message_not_handled":
            self.failures.append((str(fields["subject"]), error))

    async def connect(self) -> NatsBus:
        bus = await NatsBus.connect({"servers": self._wire.url}, self)
        self._buses.append(bus)
        return bus

    def go_down(self) -> None:
        self._wire.engine.stop()

    async def come_back(self) -> None:
        await self._wire.engine.start()
        for bus in self._buses:
            await until(bus.is_connected)


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


@pytest.fixture(params=["memory", "nats"])
async def case(request: pytest.FixtureRequest, open_wire: OpenWire) -> WireCase:
    """A wire of each kind."""
    return MemoryCase() if request.param == "memory" else NatsCase(open_wire)


@pytest.fixture
async def buses(case: WireCase) -> AsyncIterator[tuple[FullBus, FullBus, FullBus]]:
    """Three processes on the wire."""
    opened = (await case.connect(), await case.connect(), await case.connect())
    try:
        yield opened
    finally:
        for bus in opened:
            await bus.close()


def never() -> None:
    """Fail: somebody listens, so nobody must be told otherwise."""
    raise AssertionError("told that nobody listens")


class Heard:
    """A handler that keeps what it is given and answers with `answer`."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.messages: list[bytes] = []
        self.answer = answer

    async def __call__(self, data: bytes) -> bytes | None:
        self.messages.append(data)
        return self.answer


Buses = tuple[FullBus, FullBus, FullBus]


async def test_message_reaches_who_listens(buses: Buses) -> None:
    """A message goes to every process that listens on its subject, and to no other."""
    first, second, third = buses
    here, there, elsewhere = Heard(), Heard(), Heard()
    await first.listen("gw.a", here)
    await second.listen("gw.a", there)
    await third.listen("gw.b", elsewhere)
    await third.publish("gw.a", b"hello", unheard=never)
    await until(lambda: here.messages == there.messages == [b"hello"])
    assert elsewhere.messages == []


async def test_group_shares_its_messages(buses: Buses) -> None:
    """Of those that listen as one group, exactly one gets each message."""
    first, second, third = buses
    heard = [Heard(), Heard()]
    await first.listen("hub.envelope", heard[0], group="hub")
    await second.listen("hub.envelope", heard[1], group="hub")
    sent = [b"%d" % n for n in range(50)]
    for data in sent:
        await third.publish("hub.envelope", data, unheard=never)
    await until(lambda: sum(len(h.messages) for h in heard) == 50)
    assert sorted(heard[0].messages + heard[1].messages) == sorted(sent)


async def test_sender_hears_that_nobody_listens(buses: Buses) -> None:
    """A message that nobody listens for calls `unheard`, its own and no other's, once."""
    first, second, _ = buses
    heard = Heard()
    await second.listen("gw.there", heard)
    unheard: list[int] = []
    for n in range(20):
        subject = "gw.there" if n % 2 else f"gw.nobody{n}"
        await first.publish(subject, b"hello", unheard=partial(unheard.append, n))
    await until(lambda: len(unheard) == 10 and len(heard.messages) == 10)
    assert sorted(unheard) == list(range(0, 20, 2))


async def test_request_is_answered(buses: Buses) -> None:
    """What a handler returns is the answer to a request, each in turn."""
    first, second, _ = buses

    async def upper(data: bytes) -> bytes:
        await asyncio.sleep(0)
        return data.upper()

    await first.listen("cmd.a", upper)
    asked = [f"question {n}".encode() for n in range(20)]
    answers = [await second.request("cmd.a", data, timeout_s=PATIENCE_S) for data in asked]
    assert answers == [data.upper() for data in asked]


async def test_requests_at_once_are_not_mixed_up(buses: Buses) -> None:
    """Requests in flight together each get their own answer, whoever asked."""
    first, second, third = buses

    async def slow_for_short(data: bytes) -> bytes:
        for _ in range(100 - len(data)):
            await asyncio.sleep(0)
        return data

    await first.listen("cmd.a", slow_for_short)
    asked = [b"x" * n for n in range(1, 60)]
    answers = await asyncio.gather(
        *(
            bus.request("cmd.a", data, timeout_s=PATIENCE_S)
            for bus in (second, third)
            for data in asked
        )
    )
    assert answers == asked + asked


async def test_request_that_nobody_hears_fails_at_once(buses: Buses) -> None:
    """A request without a listener fails long before its time is over."""
    with pytest.raises(UnreachableError):
        await buses[0].request("cmd.nobody", b"hello", timeout_s=3_600)


async def test_request_without_an_answer_fails_in_time(buses: Buses) -> None:
    """A handler that returns nothing answers nothing: the request ends when its time is over."""
    await buses[1].listen("cmd.a", Heard())
    with pytest.raises(UnreachableError):
        await buses[0].request("cmd.a", b"hello", timeout_s=0.05)


async def test_fault_of_a_handler_stays_its_own(case: WireCase, buses: Buses) -> None:
    """A handler that fails is reported, and the messages after are handled."""
    heard: list[bytes] = []

    async def picky(data: bytes) -> bytes | None:
        if data == b"bad":
            raise ValueError("will not")
        heard.append(data)
        return data

    await buses[1].listen("gw.a", picky)
    for data in (b"one", b"bad", b"two"):
        await buses[0].publish("gw.a", data, unheard=never)
    await until(lambda: sorted(heard) == [b"one", b"two"] and bool(case.failures))
    ((subject, error),) = case.failures
    assert (subject, type(error)) == ("gw.a", ValueError)
    assert await buses[0].request("gw.a", b"three", timeout_s=PATIENCE_S) == b"three"


async def test_slow_handler_keeps_no_other_waiting(buses: Buses) -> None:
    """Messages of one subject are handled at the same time."""
    release, heard = asyncio.Event(), Heard()

    async def wait_for_first(data: bytes) -> None:
        if data == b"first":
            await release.wait()
        heard.messages.append(data)

    await buses[1].listen("gw.a", wait_for_first)
    for data in (b"first", b"second", b"third"):
        await buses[0].publish("gw.a", data, unheard=never)
    await until(lambda: sorted(heard.messages) == [b"second", b"third"])
    release.set()
    await until(lambda: heard.messages[2:] == [b"first"])


async def test_posted_message_arrives(buses: Buses) -> None:
    """A message can be sent from where nothing can be waited for."""
    heard = Heard()
    await buses[1].listen("gw.a", heard)
    buses[0].post("gw.a", b"posted")
    await until(lambda: heard.messages == [b"posted"])
    buses[0].post("gw.nobody", b"lost")
    assert heard.messages == [b"posted"]


async def test_wire_that_is_down_takes_nothing(case: WireCase, buses: Buses) -> None:
    """While the wire is down sending fails and is not made up for; then all is as before."""
    first, second, _ = buses
    heard = Heard(b"answer")
    await second.listen("gw.a", heard)
    case.go_down()

    async def is_refused() -> bool:
        try:
            await first.publish("gw.a", b"while down", unheard=lambda: None)
        except UnreachableError:
            return True
        return False

    await until(is_refused)
    with pytest.raises(UnreachableError):
        await first.request("gw.a", b"while down", timeout_s=PATIENCE_S)
    first.post("gw.a", b"while down")
    await case.come_back()
    assert await first.request("gw.a", b"after", timeout_s=PATIENCE_S) == b"answer"
    assert heard.messages == [b"after"]


async def test_process_that_left_listens_no_more(case: WireCase, buses: Buses) -> None:
    """After a process closed its bus nobody listens where it did."""
    bus, heard = await case.connect(), Heard(b"answer")
    await bus.listen("gw.a", heard)
    assert await buses[0].request("gw.a", b"hello", timeout_s=PATIENCE_S) == b"answer"
    await bus.close()
    with pytest.raises(UnreachableError):
        await buses[0].request("gw.a", b"hello", timeout_s=PATIENCE_S)
