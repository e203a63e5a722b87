"""The rosters of this host's states: `rosters/wa.toml` below the data directory.

A file is looked at once a second at most, by its stamp, so that a new roster counts without a
restart and a query that is held waits for no disk. One that is malformed counts as none, loudly.
Source: docs/adr/0051-staffed-hours.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from comity.app.state_files import own_calendars, own_file
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.review.calendars import Calendar, calendar_of
from comity.review.rosters import Roster, parse_roster, practice_roster
from comity.roles.settings import Settings
from comity.services.events import Events

__all__ = ["ROSTERS_FOLDER", "OwnRosters", "read_roster"]

ROSTERS_FOLDER: Final = "rosters"
_LOOK_SECONDS: Final = 1.0

_Stamp = tuple[int, int, int]


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """A roster as its file said it, by the file's stamp, and when that was looked at."""

    stamp: _Stamp | None
    roster: Roster | None
    looked_at: float


def read_roster(settings: Settings, member: Member, calendar: Calendar) -> Roster | None:
    """Return a state's roster: its file's, or in a practice network the practice roster.

    Raises: RosterFormError, OSError.
    """
    own = own_file(settings, ROSTERS_FOLDER, member)
    if own is not None:
        return parse_roster(own, calendar)
    return practice_roster(calendar) if settings.is_practice else None


class OwnRosters:
    """`_known` has what was read last, by state."""

    def __init__(
        self, settings: Settings, events: Events, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._events = events
        self._now = now
        self._calendars = own_calendars(settings)
        self._known: dict[Member, _Known] = {}

    def roster(self, member: Member) -> Roster | None:
        """Return a state's roster as it stands; None where it has none that can be read."""
        known, now = self._known.get(member), self._now()
        if known is not None and now - known.looked_at < _LOOK_SECONDS:
            return known.roster
        stamp = self._stamp(member)
        is_same = known is not None and stamp == known.stamp
        roster = known.roster if known is not None and is_same else self._read(member)
        self._known[member] = _Known(stamp=stamp, roster=roster, looked_at=now)
        return roster

    def _stamp(self, member: Member) -> _Stamp | None:
        try:
            found = (self._settings.data_dir / ROSTERS_FOLDER / f"{member}.toml").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, member: Member) -> Roster | None:
        calendar = self._calendars.get(member) or calendar_of(member)
        try:
            return read_roster(self._settings, member, calendar)
        except (ComityError, OSError) as error:
            self._events.failure("roster_refused", error, member=member)
            self._events.alarm("roster_does_not_count", member=member)
            return None
