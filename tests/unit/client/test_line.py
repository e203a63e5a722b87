"""The client of a line, frame by frame: numbers, answers, deliveries, and what ends it."""

from __future__ import annotations

import asyncio

import pytest

from comity.client.line import LineClient, LineClosedError, MessageNotTakenError
from comity.formats.frames import (
    FrameKind,
    Hello,
    encode_delivery,
    encode_frame,
    encode_hello,
)
from comity.formats.rules import MESSAGE_BYTES_MAX

HELLO = Hello(
    protocol=1,
    line="salem-1",
    oris=("ORPX00001",),
    message_bytes_max=MESSAGE_BYTES_MAX,
    last_frame=7,
    last_delivery=3,
    practice=True,
)


class Wire(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def connected() -> tuple[LineClient, Wire]:
    client, wire = LineClient(), Wire()
    client.connection_made(wire)
    return client, wire


async def test_nothing_is_posted_on_a_connection_that_is_closing() -> None:
    """Between its closing and its end, a message is refused here and not written to nobody."""
    client, wire = connected()
    client.close()
    with pytest.raises(LineClosedError):
        client.post(b"DQ")
    client.take(1)
    assert wire.written == b""


async def test_numbers_go_on_above_the_last_durable_one() -> None:
    """After the hello a message gets the number above the highest that the gateway has."""
    client, wire = connected()
    client.data_received(encode_hello(HELLO))
    assert await client.hello() == HELLO
    number, accepted = client.post(b"DQ")
    assert (number, client.next_number) == (8, 9)
    assert wire.written == encode_frame(FrameKind.MESSAGE, 8, b"DQ")
    client.data_received(encode_frame(FrameKind.ACCEPTED, 8))
    await accepted
    assert accepted.done()


async def test_number_of_ones_own_is_not_given_again() -> None:
    """A repeat under an earlier or later number never makes the next one collide."""
    client, _ = connected()
    assert client.post(b"DQ", 5)[0] == 5
    assert client.post(b"DQ")[0] == 6
    assert client.post(b"DQ", 2)[0] == 2
    assert client.post(b"DQ")[0] == 7
    with pytest.raises(AssertionError):
        client.post(b"DQ", 5)


async def test_refusal_carries_its_code() -> None:
    """A refused message raises with the gateway's code, also one of strange bytes."""
    client, _ = connected()
    pairs = [(b"busy", "busy"), (b"\xff", "\N{REPLACEMENT CHARACTER}")]
    for number, (code, reason) in enumerate(pairs, start=1):
        _, refused = client.post(b"DQ")
        client.data_received(encode_frame(FrameKind.REFUSED, number, code))
        with pytest.raises(MessageNotTakenError) as error:
            await refused
        assert error.value.reason == reason


async def test_answer_to_nothing_is_ignored() -> None:
    """An acceptance of a message that nobody waits for changes nothing."""
    client, wire = connected()
    client.data_received(encode_frame(FrameKind.ACCEPTED, 99))
    assert not wire.is_closed


async def test_delivery_is_acknowledged_when_the_next_is_asked_for() -> None:
    """A delivery is taken once its reader comes back for more; number 0 never is."""
    client, wire = connected()
    client.data_received(encode_delivery(0, 1, b"ER") + encode_delivery(4, 1, b"DR"))
    deliveries = aiter(client.deliveries())
    assert (await anext(deliveries)).payload == b"ER"
    assert (await anext(deliveries)).payload == b"DR"
    assert wire.written == b""
    client.connection_lost(None)
    with pytest.raises(StopAsyncIteration):
        await anext(deliveries)
    assert wire.written == b""
    assert [event async for event in client.deliveries()] == []


async def test_delivery_is_acknowledged_on_a_live_connection() -> None:
    """The acknowledgement names the delivery, as soon as the next one is waited for."""
    client, wire = connected()
    client.data_received(encode_delivery(4, 1, b"DR") + encode_delivery(5, 1, b"DR"))
    deliveries = aiter(client.deliveries())
    assert [(await anext(deliveries)).number for _ in range(2)] == [4, 5]
    assert wire.written == encode_frame(FrameKind.TAKEN, 4)


async def test_lost_connection_ends_what_waits() -> None:
    """When the connection is lost, hello, messages and deliveries end, and no message is sent."""
    client, _ = connected()
    _, waiting = client.post(b"DQ")
    _, settled = client.post(b"DQ")
    client.data_received(encode_frame(FrameKind.ACCEPTED, 2))
    client.connection_lost(None)
    for wait in (client.hello(), waiting, client.send(b"DQ")):
        with pytest.raises(LineClosedError):
            await wait
    await settled
    assert settled.done()
    assert [event async for event in client.deliveries()] == []


async def test_client_that_is_not_connected_sends_nothing() -> None:
    """Before there is a connection nothing is sent, acknowledged or closed."""
    client = LineClient()
    client.take(1)
    client.close()
    with pytest.raises(LineClosedError):
        client.post(b"DQ")


@pytest.mark.parametrize(
    "data",
    [
        bytes(16),
        encode_frame(FrameKind.MESSAGE, 1, b"DQ"),
        encode_frame(FrameKind.HELLO, 0, b"{}"),
        encode_hello(HELLO) * 2,
    ],
)
async def test_malformed_frame_closes(data: bytes) -> None:
    """What is no frame to a line, or a second hello, ends the connection."""
    client, wire = connected()
    client.data_received(data)
    assert wire.is_closed


async def test_caller_that_gave_up_harms_nobody() -> None:
    """An acceptance or a refusal for a message whose sender gave up is ignored."""
    client, wire = connected()
    for kind in (FrameKind.ACCEPTED, FrameKind.REFUSED):
        number, given_up = client.post(b"DQ")
        given_up.cancel()
        client.data_received(encode_frame(kind, number))
    assert not wire.is_closed
