"""The wire with an installation's users: what each may say and hear, and a server that leaves."""

from __future__ import annotations

import asyncio
import operator
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from comity.adapters.errors import MessageTooLargeError
from comity.adapters.nats import NatsBus
from comity.ports import UnreachableError
from comity.roles.engines.nats import COMMAND_USER, HUB_USER, PAYLOAD_BYTES_MAX, gateway_user
from comity.roles.machine import LOOPBACK, free_port
from tests.support.engines import Wire

GATEWAY = gateway_user("practice")
PATIENCE_S = 10


class Failures:
    """Keeps what a bus says did not work."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def failure(self, event: str, error: Exception, **fields: str | float) -> None:
        """Keep one."""
        self.events.append(event)


@asynccontextmanager
async def connected(
    wire: Wire, *users: str, failures: Failures | None = None
) -> AsyncIterator[list[NatsBus]]:
    """Connect as users for a block."""
    log = failures or Failures()
    buses = [await NatsBus.connect(wire.options(user), log) for user in users]
    try:
        yield buses
    finally:
        for bus in buses:
            await bus.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  what makes it hold is the code under test
            await asyncio.sleep(0.01)


def never() -> None:
    """Fail: somebody listens, so nobody must be told otherwise."""
    raise AssertionError("told that nobody listens")


async def test_envelope_goes_through_the_hub_and_back(wire: Wire) -> None:
    """A gateway reaches the hub and the hub a gateway; both hear if the other is not there."""
    async with connected(wire, HUB_USER, GATEWAY) as (hub, gateway):
        heard: list[bytes] = []
        unheard: list[str] = []

        async def route(data: bytes) -> None:
            await hub.publish("gw.practice", data, unheard=never)
            await hub.publish("gw.absent", data, unheard=lambda: unheard.append("gw.absent"))

        async def take(data: bytes) -> None:
            heard.append(data)

        await gateway.publish("hub.envelope", b"early", unheard=lambda: unheard.append("hub"))
        await until(lambda: unheard == ["hub"])
        await hub.listen("hub.envelope", route, group="hub")
        await gateway.listen("gw.practice", take)
        await gateway.publish("hub.envelope", b"envelope", unheard=never)
        await until(lambda: heard == [b"envelope"] and unheard == ["hub", "gw.absent"])


async def test_command_is_answered_by_its_host_alone(wire: Wire) -> None:
    """The command user asks a host and is answered; the answer needs no further permission."""

    async def answer(data: bytes) -> bytes:
        return b"done " + data

    async with connected(wire, COMMAND_USER, GATEWAY) as (command, gateway):
        await gateway.listen("cmd.practice.>", answer)
        for n in range(3):
            said = await command.request("cmd.practice.wa", b"%d" % n, timeout_s=PATIENCE_S)
            assert said == b"done %d" % n
        with pytest.raises(UnreachableError):
            await command.request("cmd.absent.wa", b"", timeout_s=PATIENCE_S)


async def test_user_may_not_use_anothers_subjects(wire: Wire) -> None:
    """What a user may not say does not arrive, what it may not hear it does not get; it is told."""
    failures = Failures()
    async with connected(wire, GATEWAY, COMMAND_USER, failures=failures) as (gateway, command):
        heard: list[bytes] = []

        async def take(data: bytes) -> None:
            heard.append(data)

        await gateway.listen("gw.practice", take)
        await command.listen("gw.practice", take)
        await command.publish("gw.practice", b"forged", unheard=never)
        with pytest.raises(UnreachableError):
            await command.request("hub.envelope", b"forged", timeout_s=0.1)
        await until(lambda: failures.events.count("wire_error") >= 3)
        assert heard == []
        assert gateway.is_connected()
        assert command.is_connected()


async def test_message_of_the_largest_size(wire: Wire) -> None:
    """The largest message arrives, one byte more is the sender's fault and sent nowhere."""
    async with connected(wire, HUB_USER, GATEWAY) as (hub, gateway):
        sizes: list[int] = []

        async def take(data: bytes) -> None:
            sizes.append(len(data))

        await hub.listen("hub.envelope", take)
        await gateway.publish("hub.envelope", bytes(PAYLOAD_BYTES_MAX), unheard=never)
        with pytest.raises(MessageTooLargeError):
            await gateway.publish("hub.envelope", bytes(PAYLOAD_BYTES_MAX + 1), unheard=never)
        await until(lambda: sizes == [PAYLOAD_BYTES_MAX])


async def test_server_that_restarts(wire: Wire) -> None:
    """Every user is connected again after the server, and listens where it did before."""
    failures = Failures()
    async with connected(wire, HUB_USER, GATEWAY, failures=failures) as (hub, gateway):
        heard: list[bytes] = []

        async def take(data: bytes) -> None:
            heard.append(data)

        await hub.listen("hub.envelope", take)
        for n in range(3):
            wire.engine.stop()
            await until(lambda: not hub.is_connected() and not gateway.is_connected())
            # Listening can begin while nothing is connected.
            await gateway.listen(f"cmd.practice.{n}", take)
            await wire.engine.start()
            await until(lambda: hub.is_connected() and gateway.is_connected())
            await gateway.publish("hub.envelope", b"%d" % n, unheard=never)
            sent = [b"%d" % m for m in range(n + 1)]
            await until(partial(operator.eq, heard, sent))
        assert "wire_lost" in failures.events


async def test_many_messages_at_once(wire: Wire) -> None:
    """A burst larger than what is handled at the same time arrives whole."""
    async with connected(wire, HUB_USER, GATEWAY) as (hub, gateway):
        heard: set[bytes] = set()

        async def take(data: bytes) -> None:
            await asyncio.sleep(0.001)
            heard.add(data)

        await hub.listen("hub.envelope", take)
        for n in range(2_000):
            await gateway.publish("hub.envelope", b"%d" % n, unheard=never)
        await until(lambda: len(heard) == 2_000)


async def test_no_server_is_said_at_once() -> None:
    """A first connection that cannot be made is an error, not a wait for ever."""
    with pytest.raises(UnreachableError):
        await NatsBus.connect(
            {"servers": f"nats://{LOOPBACK}:{free_port()}"}, Failures(), patience_s=0.2
        )


async def test_wrong_password_is_refused(wire: Wire) -> None:
    """A user with another password is not connected."""
    options = wire.options(HUB_USER)
    url = options["servers"].replace("@", "x@")
    with pytest.raises(UnreachableError):
        await NatsBus.connect({**options, "servers": url}, Failures(), patience_s=0.2)


async def test_server_that_says_nothing(wire: Wire) -> None:
    """A server that takes the connection and says nothing is not waited for for ever."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"nats://{LOOPBACK}:{silent.getsockname()[1]}"
        with pytest.raises(UnreachableError):
            await NatsBus.connect({"servers": url}, Failures(), patience_s=0.2)
