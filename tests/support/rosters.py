"""Rosters for tests: a desk that is never closed, unless a test gives another or none."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member
from comity.review.calendars import calendar_of
from comity.review.rosters import Roster, Span, practice_roster
from comity.services.events import Events
from comity.services.member import World
from comity.services.rosters import Rosters


class TestRosters(dict[Member, Roster | None]):
    """The rosters of a host's disk, as tests set them."""

    __test__ = False

    def of(self, member: Member) -> Roster | None:
        """Return a state's roster."""
        return self.get(member, never_closed(member))

    def over(self, world: World, events: Events) -> Rosters:
        """Return what asks for them."""
        return Rosters(world=world, roster_of=self.of, events=events)


def never_closed(member: Member) -> Roster:
    """A desk that is staffed day and night."""
    roster = practice_roster(calendar_of(member))
    whole = (Span(first=0, last=1_440),)
    return msgspec.structs.replace(roster, hours=(whole,) * 7, open_on_holidays=True)
