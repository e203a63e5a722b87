"""The contracts of a feed's receiver and of its places: twins in memory, files, a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from comity.adapters.errors import FeedPlaceError, FeedSecretError
from comity.adapters.feed_places import FileDigestPlaces, FileFeedPlaces
from comity.adapters.feed_secret import FEED_SECRET_BYTES_MAX, read_feed_secret
from comity.adapters.memory.feeds import MemoryDigestPlaces, MemoryFeedPlaces, MemoryHook
from comity.adapters.webhook import WebHook
from comity.domain.ids import Member
from comity.ports import DigestPlaces, FeedDownError, FeedPlaces

IL, NY = Member("il"), Member("ny")
BODY = b'{"v":1}\n'


@pytest.fixture(params=["memory", "files"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> FeedPlaces:
    """Both twins."""
    return MemoryFeedPlaces() if request.param == "memory" else FileFeedPlaces(tmp_path / "feeds")


def test_a_place_is_kept_by_member(places: FeedPlaces) -> None:
    """None at first; then the last one written, of its own member; back as well as on."""
    assert places.read(IL) is None
    places.write(IL, 7)
    places.write(NY, 0)
    places.write(IL, 5)
    assert (places.read(IL), places.read(NY)) == (5, 0)


@pytest.mark.parametrize(
    "data", [b"", b"comity feed 1\n", b"comity feed 1\n07\n", b"9\n", b"x" * 99]
)
def test_a_file_that_is_not_whole_is_an_error(data: bytes, tmp_path: Path) -> None:
    """It is never taken for a place."""
    (tmp_path / "il.place").write_bytes(data)
    with pytest.raises(FeedPlaceError):
        FileFeedPlaces(tmp_path).read(IL)


@pytest.fixture(params=["memory", "files"])
def days(request: pytest.FixtureRequest, tmp_path: Path) -> DigestPlaces:
    """Both twins of a digest's places."""
    is_memory = request.param == "memory"
    return MemoryDigestPlaces() if is_memory else FileDigestPlaces(tmp_path / "feeds")


def test_a_digests_place_and_day_are_kept(days: DigestPlaces) -> None:
    """None at first; then the last ones written, of their own member."""
    assert days.read(IL) is None
    days.write(IL, (7, date(2026, 11, 27)))
    days.write(NY, (0, date(2026, 1, 1)))
    assert (days.read(IL), days.read(NY)) == ((7, date(2026, 11, 27)), (0, date(2026, 1, 1)))


@pytest.mark.parametrize(
    "data", [b"", b"comity digest 1\n7\n", b"comity digest 1\n7\n2026-02-30\n", b"x" * 99]
)
def test_a_digests_file_that_is_not_whole_is_an_error(data: bytes, tmp_path: Path) -> None:
    """It is never taken for a place and a day."""
    (tmp_path / "il.digest-place").write_bytes(data)
    with pytest.raises(FeedPlaceError):
        FileDigestPlaces(tmp_path).read(IL)


def test_a_place_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    """A file stands where the folder should."""
    (tmp_path / "feeds").write_bytes(b"")
    with pytest.raises(FeedPlaceError):
        FileFeedPlaces(tmp_path / "feeds").write(IL, 1)


def test_a_secret_is_its_owners_and_long(tmp_path: Path) -> None:
    """32 bytes at least, 1,024 of the file at most, nobody else's to read."""
    file = tmp_path / "il.secret"
    with pytest.raises(FeedSecretError):
        read_feed_secret(file)
    for data, holds in (
        (b"s" * 31 + b"\n", False), (b"s" * 32 + b"\n", True),
        (b"s" * FEED_SECRET_BYTES_MAX, True), (b"s" * (FEED_SECRET_BYTES_MAX + 1), False),
    ):  # fmt: skip
        file.write_bytes(data)
        file.chmod(0o600)
        if holds:
            assert read_feed_secret(file) == data.strip()
        else:
            with pytest.raises(FeedSecretError):
                read_feed_secret(file)
    file.write_bytes(b"s" * 32)
    file.chmod(0o640)
    with pytest.raises(FeedSecretError):
        read_feed_secret(file)


@asynccontextmanager
async def receiver(reply: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server on this machine that answers everything alike; what it was sent."""
    seen: list[bytes] = []
    over = asyncio.Event()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head + await reader.readexactly(len(BODY)))
        if not reply:
            await over.wait()
        writer.write(reply)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/feed", seen
    finally:
        over.set()
        await asyncio.gather(*serving)
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def hooked(seconds: float = 5) -> AsyncIterator[WebHook]:
    """A hook that is closed again."""
    hook = WebHook(seconds)
    try:
        yield hook
    finally:
        await hook.close()


@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content"])
async def test_2xx_is_delivered(status: bytes) -> None:
    """The body as it is, with its headers, once; no cookie, no user agent."""
    reply = b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % status
    async with receiver(reply) as (url, seen), hooked() as hook:
        await hook.post(url, BODY, {"content-type": "application/x-ndjson"})
    (request,) = seen
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == BODY
    assert head.startswith(b"POST /feed HTTP/1.1\r\n")
    assert b"application/x-ndjson" in head
    assert b"user-agent" not in head.lower()


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"not http\r\n\r\n",
    ],
)
async def test_anything_else_is_not(reply: bytes) -> None:
    """Refused, sent elsewhere, or not understood."""
    async with receiver(reply) as (url, seen), hooked() as hook:
        with pytest.raises(FeedDownError):
            await hook.post(url, BODY, {})
        assert len(seen) == 1


async def test_a_receiver_that_hangs_is_let_go() -> None:
    """After the time, and not before it is over for the caller."""
    async with receiver(b"") as (url, _), hooked(0.2) as hook:
        with pytest.raises(FeedDownError):
            await hook.post(url, BODY, {})


async def test_nobody_there_and_the_twin() -> None:
    """A port on which nobody listens; a twin that is told to fail."""
    async with hooked() as hook:
        with pytest.raises(FeedDownError):
            await hook.post("http://127.0.0.1:1/feed", BODY, {})
    twin = MemoryHook()
    await twin.post("https://example.org", BODY, {"a": "b"})
    assert twin.taken == [("https://example.org", BODY, {"a": "b"})]
    twin.is_broken = True
    with pytest.raises(FeedDownError):
        await twin.post("https://example.org", BODY, {})
