"""What a state's roster asks of its rules and does for its holds.

INVARIANT (restriction-never-waits): what is refused here loosens or takes the gate anyway; what
restricts at once takes force, and somebody is paged. INVARIANT (fail-closed): without a roster
nothing more is held by rules that can wait.
Source: docs/adr/0051-staffed-hours.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.policy.english import join_words
from comity.ports import DutyKind
from comity.review.clocks import EXPIRED_REMARK
from comity.review.queue import WaitsFor, waits_for
from comity.review.rosters import Roster, is_thin, lacks, opens_at, turn_at, when_words
from comity.services.entry import Entry
from comity.services.events import Events
from comity.services.member import World

__all__ = ["HoldUnstaffedError", "RosterOf", "Rosters", "page_about"]

RosterOf = Callable[[Member], Roster | None]
"""A state's roster as it stands now; None where it has none that can be read."""
_NOBODY: Final = "nobody named for it"


class HoldUnstaffedError(ComityError):
    """Rules would hold more than before, and the state has no desk that could decide on it."""

    code = "hold-unstaffed"


class Rosters:
    """The rosters of one host's members."""

    def __init__(self, *, world: World, roster_of: RosterOf, events: Events) -> None:
        self._world = world
        self._roster_of = roster_of
        self._events = events

    def of(self, member: Member) -> Roster | None:
        """Return a state's roster as it stands; None where it has none that can be read."""
        return self._roster_of(member)

    def expiry(self, member: Member) -> str:
        """Return what a requester is told when a hold ended undecided."""
        roster = self._roster_of(member)
        return (roster.expiry if roster is not None else "") or EXPIRED_REMARK

    def missing(self, member: Member) -> str:
        """Return what a state lacks before its rules may hold more, in words; or nothing."""
        contact = self._world.directory.duty_contact(member) or ""
        return join_words(list(lacks(self._roster_of(member), contact)), "and")

    def check(self, member: Member) -> None:
        """Check that a state's rules may hold more. Raises: HoldUnstaffedError."""
        missing = self.missing(member)
        if missing:
            raise HoldUnstaffedError(
                f"these rules hold what was not held before, and the state lacks {missing}:"
                f" write them into rosters/{member}.toml and the directory first;"
                " a block waits for none of them"
            )

    def with_page(self, entry: Entry, now: int) -> Entry:
        """Return what is recorded of a hold, with its page where the desk is hardly staffed."""
        hold = entry.hold
        if hold is None or waits_for(hold) is not WaitsFor.REVIEW:
            return entry
        roster = self._roster_of(entry.member)
        if roster is None:
            return entry
        try:
            if not is_thin(roster, now, hold.until):
                return entry
            about = page_about(roster, now, hold.until)
        except ComityError as error:
            # A calendar that ends must not keep a query from being held.
            self._events.failure("roster_not_counted", error, member=entry.member)
            return entry
        return msgspec.structs.replace(entry, duty=DutyKind.PAGE_HOLD_AT_NIGHT, duty_about=about)


def page_about(roster: Roster, now: int, until: int) -> str:
    """Return what a page says of a hold: until when, when the desk opens, whose turn it is."""
    # Behind a desk that closes in a moment comes the turn that matters: the one of its end.
    opens = opens_at(roster, max(now, until))
    later = f", the desk is staffed from {when_words(roster, opens)}" if opens is not None else ""
    turn = turn_at(roster, now) or _NOBODY
    return f"until {when_words(roster, until)}{later}; turn: {turn}"
