"""Federal queries as they are decided: the page, and the stream that renews it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from comity.console.errors import PeopleError
from comity.console.pages import feed as module
from comity.console.pages.feed import STREAMS_MAX, STREAMS_OF_SESSION_MAX
from comity.console.people import People, Role
from comity.console.sessions import SESSION_IDLE_SECONDS_MAX
from comity.domain.query import Claims
from comity.domain.vocabulary import Purpose
from tests.support.console import ADDRESS, ISSUER, PracticeConsole, console_on, person_of
from tests.support.federal import federal_asks
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    NS,
    OR,
    TX,
    WA,
    policy_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.unit.console.test_cases import HELD, give

PATH = "/state/feed"
STREAM = "/state/feed/stream"
DENIED = policy_of(WA, DENY_ALL)
READS = (Role.REVIEWER, Role.SUPERVISOR, Role.COUNSEL, Role.AUDITOR)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream looks for news as often as it can."""
    monkeypatch.setattr(module, "_TICK_SECONDS", 0)


class Following:
    """A browser that follows a stream."""

    def __init__(self, console: PracticeConsole, token: str, path: str = STREAM) -> None:
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._left = asyncio.Event()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.task = asyncio.ensure_future(self._follow(console, token, path))

    async def _follow(self, console: PracticeConsole, token: str, path: str) -> None:
        raw, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET", "path": raw, "raw_path": raw.encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 4000),
            "headers": [
                (b"host", ADDRESS.removeprefix("http://").encode()),
                (b"cookie", f"comity={token}".encode()),
            ],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await self._left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status, self.headers = message["status"], dict(message["headers"])
            else:
                self._arrived.put_nowait(message["body"])

        await console.app(scope, receive, send)  # type: ignore[arg-type]

    async def event(self, name: str) -> str:
        """What the next event of a name says; others before it are passed over."""
        while True:
            async with asyncio.timeout(5):
                text = (await self._arrived.get()).decode()
            if text.startswith(f"event: {name}\n"):
                lines = text.splitlines()[1:]
                return "\n".join(line.removeprefix("data: ") for line in lines if line)

    async def leave(self) -> None:
        """Close the connection."""
        self._left.set()
        async with asyncio.timeout(5):
            await self.task


@asynccontextmanager
async def followed(
    console: PracticeConsole, token: str, path: str = STREAM
) -> AsyncIterator[Following]:
    """A stream that goes on until leaving."""
    following = Following(console, token, path)
    try:
        yield following
    finally:
        await following.leave()


async def test_the_page_says_who_asked_and_what_became_of_it() -> None:
    """Held, then released after review; nothing of a person, and nothing recorded by a look."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        empty = await console.get(PATH, token)
        assert empty.heading == (
            "No federal agency has asked for a record of Washington in what was read."
        )
        claims = Claims(purpose=Purpose.CIVIL_IMMIGRATION)
        await federal_asks(host, 1, 2, claims=claims)
        (first, _) = await host.store.open_holds([WA])
        await give(console, token, int(first.leaf_index), "release")
        host.clock.advance_ns(2 * NS)
        size = host.size(WA)
        page = await console.get(PATH, token)
        assert page.heading.startswith("2 queries by federal agencies reached Washington since ")
        assert page.heading.endswith(": 1 was released in whole or part and 1 waits for a person.")
        assert "Released, after review" in page.text
        assert "Practice Police" in page.text
        assert "Civil immigration" in page.text
        assert "PX000204K7" not in page.body
        assert host.size(WA) == size


@pytest.mark.parametrize("role", Role)
async def test_who_may_see_it(role: Role) -> None:
    """Page and stream alike; another state sees its own."""
    async with running(DENIED) as host, console_on(host) as console:
        await federal_asks(host, 1)
        token = console.sign_in(person_of(role))
        statuses = {(await console.get(path, token)).status for path in (PATH, STREAM)}
        assert statuses == {200 if role in READS else 403}
        if role in READS:
            other = await console.get(PATH, console.sign_in(person_of(role, OR)))
            assert other.heading.startswith("No federal agency has asked for a record of Oregon")


async def test_it_goes_on_page_by_page() -> None:
    """Fifty a page, each once; only the first page renews itself."""
    async with running(DENIED) as host, console_on(host) as console:
        await federal_asks(host, *range(1, 54))
        token = console.sign_in(person_of(Role.AUDITOR))
        first = await console.get(PATH, token)
        (more,) = {p for p in first.body.split('"') if p.startswith(f"{PATH}?before=")}
        second = await console.get(more, token)
        assert ("data-follow=" in first.body, "data-follow=" in second.body) == (True, False)
        rows = [
            page.body.split("<caption>Queries")[1].count("rows-lead") for page in (first, second)
        ]
        assert rows == [50, 3]
        for wrong in ("x", "-1", "01", "9" * 19):
            assert (await console.get(f"{PATH}?before={wrong}", token)).status == 400
            assert (await console.get(f"{STREAM}?at={wrong}", token)).status == 400


async def test_names_are_text_and_who_acts_is_said() -> None:
    """A deputised agency's row says for whom; markup in a name is shown."""
    async with running(DENIED) as host, console_on(host) as console:
        texas = next(part for part in practice_parts() if part.member == TX)
        agency = msgspec.structs.replace(practice_agency(AUSTIN, "TX/LOCAL/PD"), name="<img src=x>")
        console.hear(msgspec.structs.replace(texas, version=2, agencies=(agency,)))
        await federal_asks(host, 1)
        page = await console.get(PATH, console.sign_in(person_of(Role.COUNSEL)))
        assert "<img src=x>" not in page.body
        assert "&lt;img src=x&gt;" in page.body


async def test_a_stream_sends_what_is_new() -> None:
    """First nothing, since the page has it; then the part with the new query."""
    async with running(DENIED) as host, console_on(host) as console:
        await federal_asks(host, 1)
        token = console.sign_in(person_of(Role.SUPERVISOR))
        page = await console.get(PATH, token)
        (path,) = {p for p in page.body.split('"') if p.startswith(STREAM)}
        async with followed(console, token, path) as following:
            assert await following.event("here")
            assert following.status == 200
            assert following.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
            assert b"content-length" not in following.headers
            await federal_asks(host, 2)
            host.clock.advance_ns(2 * NS)
            part = await following.event("renew")
            assert "2 queries by federal agencies" in part
            assert "<script" not in part
        assert following.task.done()


async def test_a_stream_keeps_nobody_signed_in() -> None:
    """Half an hour without a look ends the session, and with it the stream; coming back is none."""
    async with running(DENIED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.SUPERVISOR))
        async with followed(console, token) as following:
            await following.event("here")
            host.clock.advance_ns((SESSION_IDLE_SECONDS_MAX - 1) * NS)
            await following.event("here")
            async with followed(console, token) as again:
                await again.event("here")
            host.clock.advance_ns(NS)
            await following.event("over")
        assert (await console.get(PATH, token)).status == 303


@pytest.mark.parametrize("how", ["role", "gone", "signed_out", "unreadable", "another_state"])
async def test_a_stream_ends_with_the_place(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment the role, the place, the session or the people file is not there any more."""
    async with running(DENIED) as host, console_on(host) as console:
        person = person_of(Role.SUPERVISOR)
        token = console.sign_in(person)
        async with followed(console, token) as following:
            await following.event("here")
            match how:
                case "role":
                    less = msgspec.structs.replace(person, roles=frozenset({Role.OPERATOR}))
                    console.people = People(ISSUER, [less])
                case "gone":
                    console.people = People(ISSUER, [person_of(Role.AUDITOR)])
                case "signed_out":
                    await console.post("/sign-out", {}, token)
                case "another_state":
                    there = msgspec.structs.replace(person, state=OR)
                    console.people = People(ISSUER, [person, there])
                    await console.post("/places", {"state": "or"}, token)
                case _:

                    def unreadable(*_: object) -> People:
                        raise PeopleError("the people file cannot be read")

                    monkeypatch.setattr(console.sessions, "still", unreadable)
            assert await following.event("over") == ""


async def test_streams_are_bounded() -> None:
    """So many of one session, so many in all; who goes away makes room."""
    async with running(DENIED) as host, console_on(host) as console:
        # Five sessions stand of one person at most.
        people = [person_of(role, state) for role in READS for state in (OR, WA)] * 2
        tokens = [console.sign_in(person) for person in people]
        assert len(tokens) * STREAMS_OF_SESSION_MAX == STREAMS_MAX
        open_ = [Following(console, each) for each in tokens for _ in range(STREAMS_OF_SESSION_MAX)]
        for each in open_:
            await each.event("here")
        one_more = console.sign_in(person_of(Role.AUDITOR))
        refused = await console.get(STREAM, one_more)
        assert (refused.status, "feed-full" in refused.body) == (503, True)
        assert (await console.get(PATH, one_more)).status == 200
        await open_[0].leave()
        own = await console.get(STREAM, tokens[1])
        assert own.status == 503
        assert (await console.get(STREAM, tokens[0])).status == 200
        for each in open_[1:]:
            await each.leave()
        async with followed(console, tokens[1]) as following:
            await following.event("here")


async def test_a_store_that_is_down_is_waited_for() -> None:
    """The stream goes on, and sends what is new once it can be read."""
    async with running(DENIED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        async with followed(console, token) as following:
            await following.event("here")
            await federal_asks(host, 1)
            host.store.is_down = True
            host.clock.advance_ns(2 * NS)
            for _ in range(20):
                await asyncio.sleep(0)
            host.store.is_down = False
            assert "One query by a federal agency" in await following.event("renew")


async def test_a_ledger_of_another_host_is_not_told_as_empty() -> None:
    """Its own console has it."""
    async with running(DENIED) as host, console_on(host) as console:
        washington = next(part for part in practice_parts() if part.member == WA)
        texas = next(part for part in practice_parts() if part.member == TX)
        console.hear(msgspec.structs.replace(washington, version=2, host=texas.host))
        token = console.sign_in(person_of(Role.COUNSEL))
        assert (await console.get(PATH, token)).status == 409
        assert (await console.get(STREAM, token)).status == 409
