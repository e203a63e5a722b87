"""Sends each state's feed of federal queries to the address that the state named.

    1. read on from the leaf that was told of last; a feed that never was told begins at the end
    2. the lines of what moved a federal query, signed, are posted together
    3. delivered: the place is kept, and only then what follows is read
    4. failed: again later, each time after twice as long, up to ten minutes; from the third failure
       on each is an alarm

The ledger is the outbox: nothing is owed that does not stand there, and a restart forgets none.
Guarantee: each line is delivered at least once, in the ledger's order; of what fails nothing is
passed over. Source: docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a webhook".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Family
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ports import Clock, FeedHook, FeedPlaces, LedgerRows, Store
from comity.review.federal import acting_agencies
from comity.review.federal_events import FeedTerms, event_line, feed_signature
from comity.services.backoff import BackOff
from comity.services.events import Events
from comity.services.federal_feed import cited_leaf, header_of, leaf_marks

__all__ = ["FEED_LINES_MAX", "FederalWebhook", "FeedTo"]

FEED_LINES_MAX: Final = 100
"""Lines of one request."""
_POSTS_A_ROUND_MAX: Final = 20
_CHUNK: Final = 2_048
_WAIT_SECONDS_MAX: Final = 600
_ALARM_AFTER: Final = 3
_NS: Final = 1_000_000_000
_MEDIA: Final = "application/x-ndjson"


class FeedTo(msgspec.Struct, frozen=True, kw_only=True):
    """Where one state's feed goes, and the secret that signs it."""

    terms: FeedTerms
    secret: bytes


class FederalWebhook:
    """Feeds of one host's members."""

    def __init__(
        self,
        *,
        feeds: Mapping[Member, FeedTo],
        store: Store,
        rows: LedgerRows,
        directory: Callable[[], Awaitable[Directory]],
        hook: FeedHook,
        places: FeedPlaces,
        clock: Clock,
        events: Events,
    ) -> None:
        self._feeds = feeds
        self._store = store
        self._rows = rows
        self._directory = directory
        self._hook = hook
        self._places = places
        self._clock = clock
        self._events = events
        self._backoff = BackOff(clock, _WAIT_SECONDS_MAX)

    async def round(self) -> int:
        """Tell of what is new in each ledger that has a feed; return how many lines went out."""
        count = 0
        for member, feed in self._feeds.items():
            if self._backoff.waits(member):
                continue
            try:
                count += await self._tell(member, feed)
                self._backoff.succeeded(member)
            except ComityError as error:
                # One state's receiver must not keep another's feed.
                failures = self._backoff.failed(member)
                self._events.failure("feed_not_delivered", error, member=member)
                if failures >= _ALARM_AFTER:
                    self._events.alarm("feed_keeps_failing", member=member, failures=failures)
        return count

    async def _tell(self, member: Member, feed: FeedTo) -> int:
        heads = await self._store.heads([member])
        if member not in heads:
            # Its gateway has not made the ledger yet.
            return 0
        size = heads[member][0].frontier.size
        place = self._places.read(member)
        if place is None or place > size:
            if place is not None:
                # The ledger was cut behind it: what was told stands in no ledger any more.
                self._events.note("feed_begun_anew", member=member)
            self._places.write(member, size)
            return 0
        if place == size:
            return 0
        directory = await self._directory()
        acting = acting_agencies(directory)
        count = 0
        for _ in range(_POSTS_A_ROUND_MAX):
            if place >= size:
                break
            lines, place = await self._lines(member, (place, size), acting, directory)
            if lines:
                await self._post(feed, b"".join(lines))
                self._events.note("feed_lines_delivered", len(lines))
                count += len(lines)
            self._places.write(member, place)
        return count

    async def _lines(
        self, member: Member, span: tuple[int, int], acting: dict[str, Family], directory: Directory
    ) -> tuple[list[bytes], int]:
        """Return the next lines, and the leaf behind what was read for them."""
        first, last = span[0], min(span[1], span[0] + _CHUNK)
        marks = leaf_marks(acting)
        lines: list[bytes] = []
        for at, data in enumerate(await self._rows.leaves(member, first, last), first):
            leaf = header_of(data) if marks.search(data) else None
            if leaf is None:
                continue
            cited = await cited_leaf(self._rows, leaf)
            line = event_line(LeafIndex(at), leaf, cited, acting, directory)
            if line:
                lines.append(line)
            if len(lines) == FEED_LINES_MAX:
                return lines, at + 1
        return lines, last

    async def _post(self, feed: FeedTo, body: bytes) -> None:
        at = self._clock.now_ns() // _NS
        headers = {
            "content-type": _MEDIA,
            "comity-signature": feed_signature(feed.secret, at, body),
        }
        await self._hook.post(feed.terms.url, body, headers)
