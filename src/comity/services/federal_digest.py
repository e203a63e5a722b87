"""Sends each state that asks for it a digest of federal queries by e-mail, once a day.

    1. a digest is due from its hour of the state's day on, once for each day
    2. it is of every leaf since the last one, however many days that was
    3. the mail server took it: day and place are kept, and only then it is over
    4. failed: again later, each time after twice as long, up to ten minutes; from the third failure
       on each is an alarm

A day without a query has a digest too: who waits for it must not wonder whether it was lost.
Guarantee: each leaf is of a digest that was sent, at least once.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a digest".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, member_zone
from comity.ports import Clock, DigestPlaces, LedgerRows, Mail, MailLetter, MailServer, Store
from comity.review.federal import FederalQuery, acting_agencies, follow
from comity.review.federal_digest import DigestTerms, digest_due, digest_words
from comity.services.backoff import BackOff
from comity.services.events import Events
from comity.services.federal_feed import cited_leaf, header_of, leaf_marks

__all__ = ["DIGEST_QUERIES_MAX", "DigestTo", "FederalDigest"]

DIGEST_QUERIES_MAX: Final = 100_000
"""Queries that one digest counts; of more, those that moved last."""
_CHUNK: Final = 2_048
_WAIT_SECONDS_MAX: Final = 600
_ALARM_AFTER: Final = 3
_NS: Final = 1_000_000_000
_ONE_DAY: Final = timedelta(days=1)


class DigestTo(msgspec.Struct, frozen=True, kw_only=True):
    """Where one state's digest goes, and the password at its mail server; empty for none."""

    terms: DigestTerms
    password: str


class FederalDigest:
    """Digests of one host's members."""

    def __init__(
        self,
        *,
        digests: Mapping[Member, DigestTo],
        store: Store,
        rows: LedgerRows,
        directory: Callable[[], Awaitable[Directory]],
        mail: Mail,
        places: DigestPlaces,
        clock: Clock,
        events: Events,
    ) -> None:
        self._digests = digests
        self._store = store
        self._rows = rows
        self._directory = directory
        self._mail = mail
        self._places = places
        self._clock = clock
        self._events = events
        self._backoff = BackOff(clock, _WAIT_SECONDS_MAX)

    async def round(self) -> int:
        """Send what is due; return how many digests went out."""
        count = 0
        for member, to in self._digests.items():
            if self._backoff.waits(member):
                continue
            try:
                count += await self._send(member, to)
                self._backoff.succeeded(member)
            except ComityError as error:
                # One state's mail server must not keep another's digest.
                failures = self._backoff.failed(member)
                self._events.failure("digest_not_sent", error, member=member)
                if failures >= _ALARM_AFTER:
                    self._events.alarm("digest_keeps_failing", member=member, failures=failures)
        return count

    async def _send(self, member: Member, to: DigestTo) -> bool:
        now, zone = self._clock.now_ns() // _NS, member_zone(member)
        kept = self._places.read(member)
        if kept is None:
            # The first one is of what comes from now on, and due with its next hour.
            self._places.write(member, (await self._size(member), _begun(now, to.terms, zone)))
            return False
        place, last = kept
        day = digest_due(now, last, to.terms.hour, zone)
        if day is None:
            return False
        size = await self._size(member)
        if place > size:
            # The ledger was cut behind it: what was told stands in no ledger any more.
            self._events.note("feed_begun_anew", member=member)
            place = size
        directory = await self._directory()
        queries = await self._queries(member, (place, size), directory)
        subject, text = digest_words(
            member,
            queries,
            directory,
            last=last,
            leaves=(place, size),
            is_cut=len(queries) >= DIGEST_QUERIES_MAX,
        )
        await self._hand_over(member, to, (subject, text, f"{place}-{size}-{day}"))
        self._places.write(member, (size, day))
        return True

    async def _size(self, member: Member) -> int:
        heads = await self._store.heads([member])
        # A ledger that its gateway has not made yet has nothing in it.
        return heads[member][0].frontier.size if member in heads else 0

    async def _queries(
        self, member: Member, span: tuple[int, int], directory: Directory
    ) -> list[FederalQuery]:
        """Return the federal queries that leaves of [first, last) moved."""
        acting = acting_agencies(directory)
        marks = leaf_marks(acting)
        queries: dict[str, FederalQuery] = {}
        for first in range(*span, _CHUNK):
            last = min(span[1], first + _CHUNK)
            for at, data in enumerate(await self._rows.leaves(member, first, last), first):
                leaf = header_of(data) if marks.search(data) else None
                if leaf is None:
                    continue
                known = queries.get(leaf.peer) if leaf.peer is not None else None
                cited = await cited_leaf(self._rows, leaf)
                if cited is not None:
                    begun = follow(None, cited[0], cited[1], acting)
                    known = begun and queries.get(begun.peer, begun)
                query = follow(known, LeafIndex(at), leaf, acting)
                if query is not None:
                    # What moved last stands last; the first ones go where there are too many.
                    queries.pop(query.peer, None)
                    queries[query.peer] = query
                    if len(queries) > DIGEST_QUERIES_MAX:
                        del queries[next(iter(queries))]
        return list(queries.values())

    async def _hand_over(self, member: Member, to: DigestTo, said: tuple[str, str, str]) -> None:
        subject, text, name = said
        terms = to.terms
        letter = MailLetter(
            sender=terms.sender,
            to=terms.to,
            subject=subject,
            text=text,
            name=f"comity-digest-{member}-{name}",
        )
        server = MailServer(host=terms.host, port=terms.port, user=terms.user, password=to.password)
        refused = await self._mail.send(letter, server)
        self._events.note("digests_sent")
        if refused:
            self._events.alarm("digest_addresses_refused", member=member, count=refused)


def _begun(now: int, terms: DigestTerms, zone: str) -> date:
    """Return the day before the one whose digest comes first: the next whose hour is to come."""
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone))
    return local.date() if local.hour >= terms.hour else local.date() - _ONE_DAY
