"""The urgent lane of this host's members: whether it is open, and the look at what it released.

    1. what a rule releases as urgent is asked about here: `unmet` says why not, or nothing
    2. the disclosure and the row of the look that is owed are one transaction (`entries`)
    3. a reviewer's signed look is a `verdict` leaf; when its time is over, a `closure` leaf and an
       alarm say so, and the look is still owed

INVARIANT (review-is-verified): a look's signature is verified before it settles anything.
INVARIANT (fail-closed): where it cannot be read whose release was not justified, the lane of the
whole member is closed.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from comity.domain.after_review import SignedAfterReview
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, entry_name, parse_entry_name
from comity.domain.query import Exchange
from comity.exchange.judged import UrgentFile
from comity.exchange.leaves import WantedLeaf
from comity.ports import Clock, DutyKind, Store, UrgentRow
from comity.review.clocks import HoldNotDueError
from comity.review.urgent import (
    LANE_CLOSED_SECONDS,
    ReviewDoneError,
    ReviewState,
    check_after_review,
    look_id,
    overdue_leaf,
    records_alone,
    review_leaf,
    unmet,
)
from comity.services.entries import Entry, ReviewEnd
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.review_rows import decode_urgent, urgent_place
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["OpenRelease", "UrgentLane"]

_NS: Final = 1_000_000_000
_OWED: Final = (ReviewState.OPEN, ReviewState.OVERDUE)

OpenRelease = tuple[UrgentRow, UrgentFile | None]
"""A release at which nobody has looked; None: what it was can be read no more."""


class UrgentLane:
    """`_closed` has until when each agency's lane is closed, `_unread` until when a member's is
    closed to all, because a finding could not be read; `load` and `_close` alone write them.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        vault: Vault,
        sequencer: Sequencer,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._sequencer = sequencer
        self._health = health
        self._clock = clock
        self._events = events
        self._closed: dict[tuple[Member, ORI], int] = {}
        self._unread: dict[Member, int] = {}

    async def load(self, members: Iterable[Member]) -> None:
        """Read which lanes are closed, as at every start."""
        owned = [member for member in members if self._sequencer.owns(member)]
        if not owned:
            return
        since = self._now() - LANE_CLOSED_SECONDS
        rows = await self._store.urgent_releases(owned, [ReviewState.NOT_JUSTIFIED], since)
        self._unread = {m: until for m, until in self._unread.items() if m not in owned}
        for row in rows:
            try:
                self._close(row, self._file(row), row.changed_at)
            except (ComityError, msgspec.MsgspecError) as error:
                until = row.changed_at + LANE_CLOSED_SECONDS
                self._unread[row.member] = max(self._unread.get(row.member, 0), until)
                self._events.failure("urgent_release_unread", error, member=row.member)

    def unmet(self, exchange: Exchange) -> str:
        """Return why a request is not released as urgent, and whom to call; empty: it is."""
        contact = self._world.directory.duty_contact(exchange.state) or ""
        agency = self._world.directory.agency(exchange.agency)
        own = self._closed.get((exchange.state, exchange.agency), 0)
        is_closed = self._now() < max(own, self._unread.get(exchange.state, 0))
        return unmet(exchange, agency, contact, is_closed=is_closed)

    def for_records_alone(self, exchange: Exchange) -> str:
        """Return what is said of what is urgent and asks for no record, and whom to call."""
        return records_alone(self._world.directory.duty_contact(exchange.state) or "")

    async def releases(self, member: Member) -> list[OpenRelease]:
        """Return a member's urgent releases at which nobody has looked, the earliest due first."""
        opened: list[OpenRelease] = []
        for row in await self._store.urgent_releases([member], _OWED):
            try:
                opened.append((row, self._file(row)))
            except (ComityError, msgspec.MsgspecError) as error:
                # It is owed all the same, and nobody may think that it was looked at.
                opened.append((row, None))
                self._events.failure("urgent_release_unread", error, member=member)
        return opened

    async def release(self, entry: str) -> tuple[UrgentRow, UrgentFile]:
        """Return one urgent release at which nobody has looked.

        Raises: ReviewDoneError, LostKeyError: what it was can be read no more.
        """
        row = await self._owed(entry)
        return row, self._file(row)

    async def _owed(self, entry: str) -> UrgentRow:
        row = await self._store.urgent_release(*parse_entry_name(entry))
        if row is None or row.stands not in _OWED:
            raise ReviewDoneError("no urgent release waits under this entry")
        return row

    async def decide(self, signed: SignedAfterReview) -> str:
        """Record a look; return the entry of its leaf.

        Raises: VerdictError, AfterReviewError, ReviewDoneError, ClockSkewedError, or what the
        sequencer refused with.
        """
        self._check_clock()
        review = signed.review
        row, file = await self.release(review.entry)
        now = self._now()
        if row.member != review.state:
            raise ReviewDoneError("`entry` is of another state")
        key = self._world.directory.reviewer(review.state, review.reviewer)
        agency = self._world.directory.agency(file.exchange.agency)
        check_after_review(signed, key, file, agency, now)
        stands = ReviewState.JUSTIFIED if review.justified else ReviewState.NOT_JUSTIFIED
        if stands is ReviewState.NOT_JUSTIFIED:
            # INVARIANT (restriction-never-waits): closed before the leaf, never after it.
            self._close(row, file, now)
        leaf = review_leaf(signed, file, step=row.next_step, now=now)
        entry = await self._record(row, leaf, stands, now)
        if stands is ReviewState.NOT_JUSTIFIED:
            self._events.alarm("urgent_release_not_justified", member=row.member)
        return entry

    async def overdue(self, entry: str) -> str:
        """Record that nobody looked in time; return the entry of the closure.

        Raises: ReviewDoneError, HoldNotDueError: the caller's clock is not believed;
        ClockSkewedError: nor is this host's.
        """
        self._check_clock()
        row = await self._owed(entry)
        now = self._now()
        if row.stands is not ReviewState.OPEN:
            raise ReviewDoneError("that nobody looked in time is recorded")
        if now < row.due:
            raise HoldNotDueError("the time to look at the release is not over")
        try:
            classes = self._file(row).classes
        except (ComityError, msgspec.MsgspecError) as error:
            # What cannot be read any more is overdue all the same.
            self._events.failure("urgent_release_unread", error, member=row.member)
            classes = ()
        leaf = overdue_leaf(row.member, classes, entry, step=row.next_step, times=(row.due, now))
        # The page is owed from the transaction of the leaf on, whatever becomes of this process.
        duty = DutyKind.PAGE_URGENT_OVERDUE
        recorded = await self._record(row, leaf, ReviewState.OVERDUE, now, duty)
        self._events.alarm("urgent_review_overdue", member=row.member)
        return recorded

    async def _record(
        self,
        row: UrgentRow,
        leaf: WantedLeaf,
        stands: ReviewState,
        now: int,
        duty: DutyKind | None = None,
    ) -> str:
        end = ReviewEnd(leaf_index=row.leaf_index, step=row.next_step, stands=stands, at=now)
        entry = Entry(
            member=row.member,
            exchange_id=look_id(row.exchange_id),
            leaves=(leaf,),
            review_end=end,
            duty=duty,
        )
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        if index is None:
            raise ReviewDoneError("another policy came into force meanwhile: send it again")
        return entry_name(row.member, index)

    def _close(self, row: UrgentRow, file: UrgentFile, at: int) -> None:
        place = (row.member, file.exchange.agency)
        self._closed[place] = max(self._closed.get(place, 0), at + LANE_CLOSED_SECONDS)

    def _file(self, row: UrgentRow) -> UrgentFile:
        place = urgent_place(row.exchange_id, row.member)
        return decode_urgent(self._vault.open(row.member, row.sealed, place))

    def _check_clock(self) -> None:
        # INVARIANT (fail-closed): deadlines would be wrong by this host's clock.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")

    def _now(self) -> int:
        return self._clock.now_ns() // _NS
