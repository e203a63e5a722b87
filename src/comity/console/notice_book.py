"""Which notices a state owes, as its pages list them: read once for a while, recorded each time.

Guarantee: nothing is read before its `access` leaf; what a session was shown is kept for it alone
and not for long, because a deadline moves nothing and an answer to it does.
Source: docs/adr/0036-console.md; docs/adr/0039-statutory-clocks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.ids import Member
from comity.review.calendars import Calendar
from comity.review.letters import Letter
from comity.review.notices import AskedAbout, NoticeRules, OwedNotice, notices_of
from comity.review.protections import AddressSaid
from comity.services.notice_reader import NoticeReader
from comity.services.reviewing import Reviewing

__all__ = ["NOTICE_DAYS", "NoticeBook", "OwedNow", "StateClauses"]

NOTICE_DAYS: Final = 30
"""How many days back requests are read."""
KEPT_SECONDS_MAX: Final = 60
"""How long a list stands before it is read anew."""
KEPT_MAX: Final = 256
"""Lists of all sessions; the one read first goes."""
_DAY_SECONDS: Final = 86_400

StateClauses = tuple[NoticeRules, Calendar]
"""What a state's own files say of notices, and its calendar."""


class OwedNow(msgspec.Struct, frozen=True, kw_only=True):
    """Notices that are owed, the nearest deadline first; records that nobody could read."""

    owed: tuple[OwedNotice, ...]
    unread: int
    access_entry: str
    at: int


class NoticeBook:
    """Lists what is owed. `_kept` is by session, in the order of reading."""

    def __init__(
        self,
        *,
        reader: NoticeReader,
        clauses: Callable[[Member], StateClauses | None],
        set_letter: Callable[[Letter], bytes],
        is_practice: bool,
    ) -> None:
        """`clauses` returns None for a state that has no file of notices."""
        self._reader = reader
        self.clauses = clauses
        self.set_letter = set_letter
        self.is_practice = is_practice
        self._kept: dict[str, OwedNow] = {}

    async def owed(
        self, session: str, member: Member, reviewing: Reviewing, directory: Directory, now: int
    ) -> OwedNow:
        """Return what a state owes, as this session was shown it a moment ago, or read anew.

        Raises: TooManyNoticesError, StoreDownError, GatewayRefusalError, GatewaySilentError.
        """
        known = self._kept.get(session)
        if known is not None and 0 <= now - known.at < KEPT_SECONDS_MAX:
            return known
        found = self.clauses(member)
        assert found is not None
        rules, calendar = found
        since = now - NOTICE_DAYS * _DAY_SECONDS
        # INVARIANT (no-answer-before-receipt): nothing is opened before this has returned.
        access = await reviewing.record_reading(since, now + 1)
        read = await self._reader.read(rules, directory, since)
        at = datetime.fromtimestamp(now, UTC)
        owed = [each for asked in read.asked for each in notices_of(rules, calendar, asked, at)]
        owed.sort(key=lambda each: each.standing.deadline.expires_at)
        made = OwedNow(owed=tuple(owed), unread=read.unread, access_entry=access, at=now)
        self.forget(session)
        self._kept[session] = made
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return made

    async def address(self, asked: AskedAbout, now: int, licence: str) -> AddressSaid:
        """Return what the register says now of whom a request is about; its list was recorded."""
        return await self._reader.address(asked, now, licence=licence)

    def forget(self, session: str) -> None:
        """Have the list read anew, because something was settled."""
        self._kept.pop(session, None)
