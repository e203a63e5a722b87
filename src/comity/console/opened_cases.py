"""Which cases a session has opened: shown again without another leaf, and named to others.

Guarantee: what was shown belongs to one session, goes when that is signed out, or after 30 minutes
as others open cases, and is never shown for a hold that has moved on.
Source: docs/adr/0036-console.md, docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.domain.ids import Member
from comity.link.command import HoldView
from comity.link.review import DeskShown
from comity.link.showing import RecordShown
from comity.services.openings import Opened
from comity.services.recorded_calls import RecordedCalls

__all__ = [
    "LOOK_SECONDS_MAX",
    "OPENED_MAX",
    "RECORDS_MAX",
    "Look",
    "OpenedAgain",
    "OpenedCase",
    "OpenedCases",
    "ShownRecord",
]

OPENED_MAX: Final = 2_048
"""Cases kept for all sessions together; the one opened first goes."""
OPENED_SECONDS_MAX: Final = 1_800
"""How long what was shown is kept: as long as a session may be idle."""
RECORDS_MAX: Final = 128
"""Records kept for all sessions together, each of 768 KiB at most; the one shown first goes."""
LOOK_SECONDS_MAX: Final = 600
"""Who opened a case within this time is named to others."""


class OpenedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A hold with whom it is about, and the leaf that records that it was shown."""

    hold: HoldView
    access_entry: str
    at: int


class ShownRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What would have gone out of a hold at `step`, looked up at `at` (Unix seconds)."""

    record: RecordShown
    entry: str
    step: int
    at: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Who opened a case last, and when (Unix seconds)."""

    state: Member
    subject: str
    name: str
    at: int


class OpenedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked in a request whose decision is looked at again, and the calls back on it."""

    opened: Opened
    calls: RecordedCalls


class OpenedCases:
    """Keeps what was shown, by session and entry, each in the order of it."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], OpenedCase] = {}
        self._records: dict[tuple[str, str], ShownRecord] = {}
        self._desks: dict[tuple[str, str], tuple[int, DeskShown]] = {}
        self._agains: dict[tuple[str, str], tuple[int, OpenedAgain]] = {}
        # By hold: who looked last, and who else did before.
        self._looks: dict[str, tuple[Look, Look | None]] = {}

    def get(self, session: str, entry: str, step: int, now: int) -> OpenedCase | None:
        """Return what a session was shown of a hold, if the hold stands as it did then."""
        found = self._opened.get((session, entry))
        if found is None or found.hold.next_step != step or now - found.at > OPENED_SECONDS_MAX:
            return None
        return found

    def put(self, session: str, opened: OpenedCase) -> None:
        """Keep what a session was shown; what was kept too long goes."""
        key = (session, opened.hold.entry)
        self._opened.pop(key, None)
        self._opened[key] = opened
        # In the order in which they were shown: what is over stands first.
        while len(self._opened) > OPENED_MAX or self._is_over(opened.at):
            del self._opened[next(iter(self._opened))]

    def _is_over(self, now: int) -> bool:
        return now - next(iter(self._opened.values())).at > OPENED_SECONDS_MAX

    def forget(self, session: str) -> None:
        """Let go of what a session was shown, which has ended."""
        kept: dict[tuple[str, str], Any]
        for kept in (self._opened, self._records, self._desks, self._agains):
            for key in [key for key in kept if key[0] == session]:
                del kept[key]

    def record(self, session: str, entry: str, step: int, now: int) -> ShownRecord | None:
        """Return what a session was shown of what would go out, if the hold stands as then."""
        found = self._records.get((session, entry))
        if found is None or found.step != step or now - found.at > OPENED_SECONDS_MAX:
            return None
        return found

    def put_record(self, session: str, shown: ShownRecord) -> None:
        """Keep what would go out, for the session that was shown it."""
        key = (session, shown.entry)
        self._records.pop(key, None)
        self._records[key] = shown
        while len(self._records) > RECORDS_MAX:
            del self._records[next(iter(self._records))]

    def desk(self, session: str, entry: str, now: int) -> DeskShown | None:
        """Return an urgent release or a pass as a session was shown it."""
        at, shown = self._desks.get((session, entry), (0, None))
        return shown if now - at <= OPENED_SECONDS_MAX else None

    def put_desk(self, session: str, entry: str, shown: DeskShown, now: int) -> None:
        """Keep an urgent release or a pass, for the session that was shown it."""
        self._desks.pop((session, entry), None)
        self._desks[session, entry] = now, shown
        while len(self._desks) > OPENED_MAX:
            del self._desks[next(iter(self._desks))]

    def forget_desk(self, session: str, entry: str) -> None:
        """Forget what a session has changed: it is shown anew."""
        self._desks.pop((session, entry), None)

    def again(self, session: str, entry: str, now: int) -> OpenedAgain | None:
        """Return what a session was shown of a request whose decision it looks at again."""
        at, shown = self._agains.get((session, entry), (0, None))
        return shown if now - at <= OPENED_SECONDS_MAX else None

    def put_again(self, session: str, entry: str, shown: OpenedAgain, now: int) -> None:
        """Keep what was opened for a second look, for the session that was shown it."""
        self._agains.pop((session, entry), None)
        self._agains[session, entry] = now, shown
        while len(self._agains) > RECORDS_MAX:
            del self._agains[next(iter(self._agains))]

    def forget_case(self, entry: str) -> None:
        """Forget what any session was shown of a hold: something beside it has changed."""
        for key in [key for key in self._opened if key[1] == entry]:
            del self._opened[key]

    def looked(self, entry: str, look: Look) -> Look | None:
        """Note who looks at a hold; return who else did within the last minutes."""
        last, other = self._looks.pop(entry, (None, None))
        if last is not None and last.subject != look.subject:
            other = last
        self._looks[entry] = (look, other)
        while len(self._looks) > OPENED_MAX:
            del self._looks[next(iter(self._looks))]
        return other if other and look.at - other.at <= LOOK_SECONDS_MAX else None
