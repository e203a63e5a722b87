"""The supervised wire: each user reaches what its part needs, and nothing beyond."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from comity.roles.runtime import bus_access
from comity.roles.settings import Settings
from comity.roles.supervisor import Supervisor
from tests.integration.engines.network import fresh_place, join, settings_for

SECONDS_MAX = 5.0
USERS = ("hub", "command", "gateway-east", "gateway-west")


@pytest.fixture
async def wire() -> AsyncIterator[Settings]:
    """A running wire with two gateway hosts; no database is started."""
    with fresh_place() as place:
        settings = settings_for(
            place, hosts=("east", "west"), database_url="postgresql://g@127.0.0.1/elsewhere"
        )
        async with Supervisor(settings):
            yield settings


async def heard_by(client: Client, subject: str) -> asyncio.Queue[bytes]:
    """Listen; what arrives is in the queue."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(message: Msg) -> None:
        queue.put_nowait(message.data)

    await client.subscribe(subject, cb=take)
    await client.flush()
    return queue


async def test_parts_reach_each_other(wire: Settings) -> None:
    """Envelopes pass from gateway to hub to gateway, and commands are answered."""
    clients = {user: await join(wire, user) for user in USERS}
    at_hub = await heard_by(clients["hub"], "hub.>")
    at_east = await heard_by(clients["gateway-east"], "gw.east")
    await clients["gateway-west"].publish("hub.envelope", b"to east")
    assert await asyncio.wait_for(at_hub.get(), SECONDS_MAX) == b"to east"
    await clients["hub"].publish("gw.east", b"from west")
    assert await asyncio.wait_for(at_east.get(), SECONDS_MAX) == b"from west"

    async def answer(message: Msg) -> None:
        await message.respond(b"done: " + message.data)

    await clients["gateway-east"].subscribe("cmd.east.>", cb=answer)
    await clients["gateway-east"].flush()
    answered = await clients["command"].request("cmd.east.tx.verdict", b"x", timeout=SECONDS_MAX)
    assert answered.data == b"done: x"
    for client in clients.values():
        await client.close()


async def test_nobody_listening_is_said_at_once(wire: Settings) -> None:
    """A request that nobody hears fails at once, for every user that may ask."""
    for user, subject in (
        ("hub", "gw.west"),
        ("gateway-east", "hub.envelope"),
        ("command", "cmd.x"),
    ):
        client = await join(wire, user)
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request(subject, b"", timeout=SECONDS_MAX)
        await client.close()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("hub", "hub.envelope"),
        ("hub", "cmd.east.tx"),
        ("hub", "_INBOX.command.x"),
        ("command", "gw.east"),
        ("command", "hub.envelope"),
        ("command", "_INBOX.gateway-east.x"),
        ("gateway-east", "gw.west"),
        ("gateway-east", "cmd.west.tx"),
        ("gateway-east", "_INBOX.command.x"),
        ("gateway-east", "$SYS.REQ.SERVER.PING"),
    ],
)
async def test_user_publishes_nothing_beyond(wire: Settings, user: str, subject: str) -> None:
    """What a user sends to another's subject is refused and reaches nobody."""
    errors: list[str] = []
    client = await join(wire, user, errors)
    await client.publish(subject, b"beyond")
    await refused(client, errors)
    assert any("publish" in error and subject.lower() in error for error in errors)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("hub", "gw.>"),
        ("hub", "cmd.>"),
        ("hub", ">"),
        ("hub", "_INBOX.>"),
        ("command", "cmd.>"),
        ("command", "_INBOX.hub.>"),
        ("gateway-east", "gw.west"),
        ("gateway-east", "gw.*"),
        ("gateway-east", "cmd.west.>"),
        ("gateway-east", "hub.>"),
        ("gateway-east", "_INBOX.gateway-west.>"),
        ("gateway-east", "_INBOX.>"),
        ("gateway-east", "$SYS.>"),
    ],
)
async def test_user_hears_nothing_beyond(wire: Settings, user: str, subject: str) -> None:
    """A user cannot listen to another's subjects, nor to another's answers."""
    errors: list[str] = []
    client = await join(wire, user, errors)
    await client.subscribe(subject)
    await refused(client, errors)
    assert any("subscription" in error and subject.lower() in error for error in errors)


async def refused(client: Client, errors: list[str]) -> None:
    """Let the server's word arrive, then leave."""
    await client.flush()
    async with asyncio.timeout(SECONDS_MAX):
        for _ in range(500):
            if errors:
                break
            await asyncio.sleep(0.01)
    await client.close()


async def test_message_has_eight_mebibytes_at_most(wire: Settings) -> None:
    """A message of 8 MiB arrives whole, and one byte more is not sent."""
    hub = await join(wire, "hub")
    gateway = await join(wire, "gateway-east")
    at_hub = await heard_by(hub, "hub.>")
    await gateway.publish("hub.envelope", bytes(8 * 2**20))
    assert len(await asyncio.wait_for(at_hub.get(), SECONDS_MAX)) == 8 * 2**20
    with pytest.raises(nats.errors.MaxPayloadError):
        await gateway.publish("hub.envelope", bytes(8 * 2**20 + 1))
    await gateway.close()
    await hub.close()


async def test_stranger_is_refused(wire: Settings) -> None:
    """Nobody joins without a user, and no user with another one's password."""
    east = urlsplit(bus_access(wire, "gateway-east").url)
    assert east.port is not None
    assert await greeted(east.port, "gateway-east", east.password) == "PONG"
    for user, password in ((None, None), ("hub", east.password), ("stranger", east.password)):
        assert await greeted(east.port, user, password) == "-ERR 'Authorization Violation'"


async def greeted(port: int, user: str | None, password: str | None) -> str:
    """Say who we are in the wire's own protocol; return what the server says to that."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert (await reader.readline()).startswith(b"INFO ")
        who = json.dumps({"user": user, "pass": password, "verbose": False})
        writer.write(f"CONNECT {who}\r\nPING\r\n".encode())
        return (await asyncio.wait_for(reader.readline(), SECONDS_MAX)).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()
