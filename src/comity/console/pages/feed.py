"""Federal queries as they are decided: a page, and the stream by which a browser renews it.

    1. the page has the last requests, by public leaves and the directory alone
    2. with a script, the browser follows the stream: the same part, rendered anew when it changed
    3. before each part: is the session there still, in the same state, with a role of the page

Guarantee: a stream is no look, so that nobody stays signed in by it; it ends with the session.
INVARIANT (fail-closed): nor does it go on while the people in force cannot be read.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.pages.feed_words import agency_rows, finding_of, looked_words, row_words
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.routes import Name, roles_of, url_of
from comity.console.sessions import SignedIn
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import iso, moment_said
from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.review.federal import tally_of
from comity.services.federal_feed import KEPT_SECONDS_MAX, Feed

__all__ = ["STREAMS_MAX", "STREAMS_OF_SESSION_MAX", "FeedPages"]

STREAMS_MAX: Final = 64
"""Streams of a console at once."""
STREAMS_OF_SESSION_MAX: Final = 4
"""Streams of one session at once."""
ROWS_MAX: Final = 50
"""Requests of one page."""
_TICK_SECONDS: Final = 2.0
_TICKS_A_SIGN: Final = 7
"""After so many ticks without news a stream says that it is there."""
_AGAIN_MS: Final = 5_000
_BEFORE: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_EVENTS: Final = "text/event-stream; charset=utf-8"
_NS: Final = 1_000_000_000

Still = Callable[[str, int], SignedIn | None]
"""Who holds a session's token at a time, without a look being noted."""


class FeedPages:
    """The last federal queries; `_streams` counts those that go on, by session."""

    def __init__(self, desk: Desk, views: Views, still: Still) -> None:
        self._desk = desk
        self._views = views
        self._still = still
        self._streams: Counter[str] = Counter()

    async def feed(self, visit: Visit) -> Reply:
        """Show a page of the last federal queries, what moved last first."""
        state = visit.person.state
        # Who loads the page again gets what stands now.
        feed, directory = await self._read(state, age_s=0)
        before = _place(visit.query.one("before"))
        left = [q for q in feed.queries if before is None or q.last < before]
        rows = left[:ROWS_MAX]
        return self._views.page(
            "feed.html",
            visit,
            **self._context(feed, directory, state, visit.now),
            is_first=before is None,
            rows=[row_words(each, state, directory, visit.now) for each in rows],
            more=f"{visit.path}?before={rows[-1].last}" if left[ROWS_MAX:] else "",
            stream=f"{url_of(Name.FEED_STREAM)}?at={_at(feed)}",
        )

    async def stream(self, visit: Visit) -> Reply:
        """Send the first page's part anew whenever it changed. Raises: ProblemError."""
        at = _place(visit.query.one("at"))
        # Asked at once, so that a browser hears of what is wrong by a status.
        await self._read(visit.person.state)
        if self._is_full(visit):
            raise ProblemError(Problem.FEED_FULL)
        return Reply(media=_EVENTS, stream=lambda: self._parts(visit, at))

    def _is_full(self, visit: Visit) -> bool:
        is_full = sum(self._streams.values()) >= STREAMS_MAX
        return is_full or self._streams[visit.form_token] >= STREAMS_OF_SESSION_MAX

    async def _parts(self, visit: Visit, at: int | None) -> AsyncGenerator[bytes, None]:
        if self._is_full(visit):
            # Others began between the look and the start.
            yield _event("over", "")
            return
        self._streams[visit.form_token] += 1
        try:
            yield b"retry: %d\n\n" % _AGAIN_MS
            quiet = 0
            while self._may_see(visit):
                seen, event = await self._news(visit, at)
                quiet = 0 if seen != at or quiet >= _TICKS_A_SIGN else quiet + 1
                at = seen
                yield event or (b"" if quiet else _event("here", iso(self._now())))
                await asyncio.sleep(_TICK_SECONDS)
            yield _event("over", "")
        finally:
            self._streams[visit.form_token] -= 1
            self._streams = +self._streams

    async def _news(self, visit: Visit, at: int | None) -> tuple[int | None, bytes]:
        """Return the newest leaf of what is shown, and the part if that is not `at`."""
        state, now = visit.person.state, self._now()
        try:
            feed, directory = await self._read(state)
        except ComityError as error:
            # What cannot be read now is read at the next tick; the page says how old it is.
            self._desk.events.failure("console_not_now", error)
            return at, b""
        if _at(feed) == at:
            return at, b""
        rows = feed.queries[:ROWS_MAX]
        text = self._views.part(
            "feed_part.html",
            **self._context(feed, directory, state, now),
            is_first=True,
            rows=[row_words(each, state, directory, now) for each in rows],
            read_at=moment_said(now, state),
            read_iso=iso(now),
        )
        return _at(feed), _event("renew", text)

    def _may_see(self, visit: Visit) -> bool:
        signed_in = self._still(visit.token, self._now())
        person = signed_in.person if signed_in is not None else None
        return (
            person is not None
            and person.state == visit.person.state
            and person.has_any(*roles_of(Name.FEED_STREAM))
        )

    async def _read(
        self, state: Member, *, age_s: float = KEPT_SECONDS_MAX
    ) -> tuple[Feed, Directory]:
        """Return the last queries and the directory. Raises: ProblemError, StoreDownError."""
        directory = await self._desk.books.directory()
        host = directory.host_of(state)
        if host is None or host.name != self._desk.host:
            # Whose ledger is elsewhere must not be told that nobody asks.
            raise ProblemError(Problem.NOT_HERE)
        return await self._desk.federal.read(state, directory, age_s=age_s), directory

    def _context(self, feed: Feed, directory: Directory, state: Member, now: int) -> dict[str, Any]:
        tally = tally_of(feed.queries)
        return {
            "finding": finding_of(feed.queries, state, now),
            "figures_shown": [
                {"label": "Asked", "value": f"{tally.asked:,}", "tone": "plain"},
                {"label": "Released in whole or part", "value": f"{tally.released:,}",
                 "tone": "released"},
                {"label": "Refused", "value": f"{tally.refused:,}", "tone": "refused"},
                {"label": "No record", "value": f"{tally.none:,}", "tone": "none"},
                {"label": "Wait for a person", "value": f"{tally.held:,}", "tone": "held"},
            ],
            "agencies": agency_rows(feed.queries, directory),
            "looked": looked_words(feed),
        }  # fmt: skip

    def _now(self) -> int:
        return self._desk.clock.now_ns() // _NS


def _at(feed: Feed) -> int:
    """Return what tells whether there is news: the last leaf that moved anything, 0 for none."""
    return feed.queries[0].last if feed.queries else 0


def _place(text: str) -> int | None:
    """Return a place in the ledger. Raises: ProblemError."""
    if not text:
        return None
    if _BEFORE.fullmatch(text) is None:
        raise ProblemError(Problem.MALFORMED, "this is no place in the ledger")
    return int(text)


def _event(name: str, text: str) -> bytes:
    """Return one event; each line of its text is a line of the event."""
    lines = "\n".join(f"data: {line}" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n\n".encode()
