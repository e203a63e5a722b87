"""Agencies' lines on loopback: real TLS, the real client, a desk in memory."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from comity.client.line import LineClient, LineClosedError, MessageNotTakenError, open_line
from comity.formats.frames import FrameKind, encode_frame
from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.front.line import DELIVERY_BUFFER_BYTES, UNANSWERED_MAX, LineServer
from comity.roles.certificates import SERVER_NAME
from tests.support.line import Contexts, PracticeDesk, line_server

Raw = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(Path(tmp_path_factory.mktemp("tls")))


class Office:
    """A listening front with its desk, and the connections that a test opened."""

    def __init__(self, contexts: Contexts, server: LineServer, port: int) -> None:
        self.contexts = contexts
        self.server = server
        self.port = port
        self.desk = PracticeDesk(server=server)
        self._clients: list[LineClient] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self, line: str, context: ssl.SSLContext | None = None) -> LineClient:
        context = context or self.contexts.client(line)
        client = await open_line("127.0.0.1", self.port, context, SERVER_NAME)
        self._clients.append(client)
        return client

    async def raw(self, line: str = "salem-1") -> Raw:
        """A connection that has read its hello and writes what it likes."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=self.contexts.client(line),
            server_hostname=SERVER_NAME,
        )
        self._writers.append(writer)
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        return reader, writer

    async def close(self) -> None:
        """End every connection and wait until both ends have forgotten it."""
        await self.server.close()
        for writer in self._writers:
            writer.close()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()
        for client in self._clients:
            client.close()
            async for _ in client.deliveries():
                pass
        for _ in range(200):
            if not self.server._count:
                break
            await asyncio.sleep(0.01)


@pytest.fixture
async def office(contexts: Contexts) -> AsyncIterator[Office]:
    server, _ = line_server(contexts)
    desk = PracticeDesk(server=server)
    port = await server.listen(desk, "127.0.0.1", 0)
    office = Office(contexts, server, port)
    office.desk = desk
    yield office
    await office.close()


async def ended(reader: asyncio.StreamReader) -> None:
    """Read until the other end has closed."""
    with suppress(OSError, ssl.SSLError):
        while await reader.read(65_536):
            pass


async def test_hello_says_where_a_line_stands(office: Office) -> None:
    """The first frame names line, agencies, limits and positions."""
    first = await office.open("salem-2")
    said = await first.hello()
    assert (said.protocol, said.line, said.oris) == (1, "salem-2", ("ORPX00001", "ORPX00002"))
    assert (said.message_bytes_max, said.practice) == (MESSAGE_BYTES_MAX, True)
    assert (said.last_frame, said.last_delivery, first.next_number) == (0, 0, 1)
    assert await first.send(b"answer 1") == 1
    second = await office.open("salem-2")
    said = await second.hello()
    assert (said.last_frame, said.last_delivery, second.next_number) == (1, 1, 2)


async def test_message_is_accepted_or_refused(office: Office) -> None:
    """Each message is told its own fate; a refusal carries its code."""
    client = await office.open("salem-1")
    assert await client.send(b"accept 1") == 1
    with pytest.raises(MessageNotTakenError) as refused:
        await client.send(b"refuse 2")
    assert (refused.value.reason, refused.value.code) == ("line-not-listed", "message-not-taken")
    assert await client.send(b"accept 3") == 3
    assert [(f.line, f.number, f.data) for f in office.desk.frames] == [
        ("salem-1", 1, b"accept 1"),
        ("salem-1", 2, b"refuse 2"),
        ("salem-1", 3, b"accept 3"),
    ]


async def test_delivery_is_taken_when_the_next_is_asked_for(office: Office) -> None:
    """What was handed out is acknowledged; what was not stays, and comes again."""
    client = await office.open("salem-1")
    for number in (1, 2, 3):
        await client.send(b"answer %d" % number)
    async for event in client.deliveries():
        assert (event.payload, event.reply_to) == (b"to answer %d" % event.number, 1)
        if event.number == 3:
            break
    await office.desk.until(acknowledged=2)
    client.close()
    again = await office.open("salem-1")
    event = await anext(aiter(again.deliveries()))
    assert (event.number, event.payload) == (3, b"to answer 3")
    assert office.desk.acknowledged_to == {"salem-1": 2}


async def test_newer_connection_takes_a_line_over(office: Office) -> None:
    """One connection a line: the older one ends, what it sent is answered to the newer one."""
    older = await office.open("salem-1")
    _, pending = older.post(b"wait 1")
    await office.desk.until(frames=1)
    newer = await office.open("salem-1")
    with pytest.raises(LineClosedError):
        await pending
    with pytest.raises(LineClosedError):
        await older.send(b"accept 2")
    assert await newer.send(b"accept 2") == 2
    assert office.server.events.counts["lines_taken_over"] == 1


async def test_unlisted_line_is_refused(office: Office) -> None:
    """A certified line that no agency lists gets no hello."""
    with pytest.raises(LineClosedError):
        await office.open("unlisted")
    assert office.server.events.counts["lines_refused"] == 1


async def test_line_that_cannot_be_taken_up_is_let_go(office: Office) -> None:
    """Where the line's position cannot be read, the connection ends at once."""
    with pytest.raises(LineClosedError):
        await office.open("broken")
    assert office.server.events.counts["line_not_opened"] == 1


async def test_connection_without_a_certificate_is_refused(office: Office) -> None:
    """No certificate, no line; and none of another authority."""
    for context in (office.contexts.bare(), office.contexts.foreign()):
        with pytest.raises((LineClosedError, ssl.SSLError, ConnectionError)):
            await office.open("salem-1", context)
    assert office.desk.written == {}


async def test_older_tls_is_refused(office: Office) -> None:
    """TLS 1.3 or nothing."""
    context = office.contexts.client("salem-1")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await office.open("salem-1", context)


async def test_malformed_frame_closes_but_loses_nothing(office: Office) -> None:
    """What is no frame ends the connection; the message before it, in the same bytes, is taken."""
    reader, writer = await office.raw()
    writer.write(encode_frame(FrameKind.MESSAGE, 1, b"accept 1") + b"\xff" * 32)
    await ended(reader)
    await office.desk.until(frames=1)
    assert [frame.number for frame in office.desk.frames] == [1]
    assert office.server.events.counts["frame_malformed"] == 1


async def test_message_at_the_limit_is_taken_and_beyond_it_closes(office: Office) -> None:
    """16,384 bytes are a message; one more ends the connection, and the line comes back."""
    client = await office.open("salem-1")
    assert await client.send(b"accept " + b"x" * (MESSAGE_BYTES_MAX - 7)) == 1
    with pytest.raises(LineClosedError):
        await client.send(b"accept " + b"x" * (MESSAGE_BYTES_MAX - 6))
    assert [len(frame.data) for frame in office.desk.frames] == [MESSAGE_BYTES_MAX]
    assert await (await office.open("salem-1")).send(b"accept 2") == 2


async def test_number_that_is_unanswered_closes(office: Office) -> None:
    """A number sent again before it was answered ends the connection: no answer would be clear."""
    reader, writer = await office.raw()
    writer.write(encode_frame(FrameKind.MESSAGE, 1, b"wait 1"))
    writer.write(encode_frame(FrameKind.MESSAGE, 1, b"wait 2"))
    await ended(reader)
    assert [frame.data for frame in office.desk.frames] == [b"wait 1"]


async def test_thousand_messages_are_pipelined(office: Office) -> None:
    """A thousand messages sent at once are all answered, many to a batch."""
    client = await office.open("salem-1")
    posted = [client.post(b"accept %d" % number)[1] for number in range(1_000)]
    await asyncio.gather(*posted)
    assert [frame.number for frame in office.desk.frames] == list(range(1, 1_001))
    assert len(office.desk.batches) < 200


async def test_reading_pauses_while_too_many_are_unanswered(office: Office) -> None:
    """Beyond 1,024 unanswered messages a line is not read; it goes on once they are answered."""
    client = await office.open("salem-1")
    text = b"wait " + b"x" * 4_000
    count = 3 * UNANSWERED_MAX
    posted = [client.post(text)[1] for _ in range(count)]
    await office.desk.until(frames=UNANSWERED_MAX)
    await asyncio.sleep(0.1)
    # What one read had brought is taken; nothing is read beyond it.
    assert UNANSWERED_MAX <= len(office.desk.frames) < 2 * UNANSWERED_MAX
    done = 0
    while done < count:
        for frame in office.desk.waiting[done:]:
            office.server.accepted(frame.line, frame.number)
        done = len(office.desk.waiting)
        if done < count:
            await office.desk.until(frames=done + 1)
    await asyncio.gather(*posted)


async def test_messages_of_a_failed_batch_are_refused(office: Office) -> None:
    """Where a batch fails, each of its messages is refused as busy, and the line goes on."""
    client = await office.open("salem-1")
    results = [client.post(word)[1] for word in (b"fail 1", b"accept 2")]
    for result in results:
        with pytest.raises(MessageNotTakenError) as refused:
            await result
        assert refused.value.reason == "busy"
    assert await client.send(b"accept 3") == 3
    assert office.server.events.counts["line_batch_failed"] == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_line_that_does_not_read_is_let_go(office: Office, at_once: bool) -> None:
    """A line that sends and never reads what it is told is closed; the others go on."""
    _, writer = await office.raw()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(1, 200):
        writer.write(encode_frame(FrameKind.MESSAGE, number, b"big"))
        if not at_once:
            await office.desk.until(frames=number)
        if office.server.events.counts["lines_not_reading"]:
            break
    while not office.server.events.counts["lines_not_reading"]:
        office.desk.changed.clear()
        await office.desk.changed.wait()
    assert office.server.events.counts["lines_not_reading"] == 1
    assert await (await office.open("salem-2")).send(b"accept 1") == 1


async def test_large_backlog_reaches_a_line_that_reads(office: Office) -> None:
    """Deliveries of many times the buffer come in order, at the pace of the line, over one line."""
    size = DELIVERY_BUFFER_BYTES // 4
    office.desk.kept["salem-1"] = [bytes([number]) * size for number in range(100)]
    client = await office.open("salem-1")
    seen = 0
    async for event in client.deliveries():
        seen += 1
        assert (event.number, event.payload) == (seen, bytes([seen - 1]) * size)
        if seen == 100:
            break
    await office.desk.until(acknowledged=99)
    assert office.server.events.counts["lines_not_reading"] == 0


async def test_delivery_to_an_absent_line_is_not_made(office: Office) -> None:
    """Who is not connected is delivered nothing, and the caller is told."""
    assert not office.server.deliver("salem-1", 1, 1, b"DR")
    office.server.accepted("salem-1", 1)
    client = await office.open("salem-1")
    assert office.server.deliver("salem-1", 0, 1, b"SM")
    event = await anext(aiter(client.deliveries()))
    assert (event.number, event.payload) == (0, b"SM")


async def test_closing_ends_every_line(office: Office) -> None:
    """When the front closes, its lines end, and nobody can connect."""
    client = await office.open("salem-1")
    await office.server.close()
    assert [event async for event in client.deliveries()] == []
    with pytest.raises(OSError, match="Connect"):
        await office.open("salem-2")
