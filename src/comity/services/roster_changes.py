"""Holds that a new roster leaves without a desk: somebody is paged, once for each hold.

    1. the rosters are looked at every ten seconds; nothing is done while they stay
    2. a new one counts: of what waits for a reviewer, whatever will end with less than 30 staffed
       minutes, and would not have under the roster before, is paged
    3. after a start the one before is not known: then it is asked whether the roster in force would
       have left so little when the hold was opened

Guarantee: the row of a hold says that somebody was paged, by the statement that adds the page; so
it is once, also where this is interrupted and done again.
Source: docs/adr/0060-quotas-and-triage.md, "A roster that changes".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ports import Clock, DeskPlace, DutyKind, NewDuty, Store
from comity.review.rosters import Roster, thin_among
from comity.services.events import Events
from comity.services.rosters import Rosters, page_about

__all__ = ["PAGED_A_ROUND_MAX", "RosterChanges"]

PAGED_A_ROUND_MAX: Final = 200
"""Holds of one state of which somebody is paged in one round; the others follow in the next."""

_NS: Final = 1_000_000_000


class RosterChanges:
    """`_counted` has the roster of each state that was counted last; None: it has none."""

    def __init__(self, *, store: Store, rosters: Rosters, clock: Clock, events: Events) -> None:
        self._store = store
        self._rosters = rosters
        self._clock = clock
        self._events = events
        self._counted: dict[Member, Roster | None] = {}

    async def round(self, members: Iterable[Member]) -> int:
        """Look at the rosters of these; return of how many holds somebody is paged.

        Raises: StoreDownError; then what was not done is done with the next round.
        """
        count = 0
        for member in members:
            roster = self._rosters.of(member)
            if member in self._counted and self._counted[member] == roster:
                continue
            paged = 0 if roster is None else await self._page(member, roster)
            if paged < PAGED_A_ROUND_MAX:
                self._counted[member] = roster
            count += paged
        return count

    async def _page(self, member: Member, roster: Roster) -> int:
        now = self._clock.now_ns() // _NS
        waiting = [
            each
            for each in await self._store.desk_places(member)
            if not each.is_paged and not each.is_asked and each.until > now
        ]
        try:
            duties = [
                NewDuty(
                    member=member,
                    leaf_index=each.leaf_index,
                    kind=DutyKind.PAGE_HOLD_AT_NIGHT,
                    made_at=now,
                    about=page_about(roster, now, each.until),
                )
                for each in self._thin(member, roster, waiting, now)[:PAGED_A_ROUND_MAX]
            ]
        except ComityError as error:
            # A calendar that ends: nothing can be told of what lies behind it.
            self._events.failure("roster_not_counted", error, member=member)
            return 0
        return await self._store.page_holds(duties)

    def _thin(
        self, member: Member, roster: Roster, waiting: list[DeskPlace], now: int
    ) -> list[DeskPlace]:
        """Return what a new roster leaves without a desk, and the one before did not."""
        is_thin = thin_among(roster, [(now, each.until) for each in waiting])
        if member not in self._counted:
            opened = thin_among(roster, [(each.opened_at, each.until) for each in waiting])
            return [
                each
                for each, one, other in zip(waiting, is_thin, opened, strict=True)
                if one and other
            ]
        before = self._counted[member]
        was = [False] * len(waiting)
        if before is not None:
            was = thin_among(before, [(now, each.until) for each in waiting])
        return [each for each, one, other in zip(waiting, is_thin, was, strict=True)
                if one and not other]  # fmt: skip
