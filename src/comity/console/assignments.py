"""Who has which held request: a note among colleagues, which changes nothing that a gateway does.

INVARIANT (review-is-verified): no verdict is taken or refused for what is kept here. With the
console it is gone, and every request is free.
Source: docs/adr/0053-assignment-and-conflict-of-interest.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member

__all__ = [
    "ASSIGNMENTS_MAX",
    "TAKEN_MAX",
    "TAKEN_SECONDS_MAX",
    "Assigned",
    "Assignments",
    "TooManyTakenError",
]

TAKEN_SECONDS_MAX: Final = 7_200
"""How long a request is somebody's; then it is free again."""
TAKEN_MAX: Final = 50
"""Requests that one reviewer has at once."""
ASSIGNMENTS_MAX: Final = 4_096
"""Assignments that a console keeps for all states together; the oldest goes."""


class TooManyTakenError(ComityError):
    """A reviewer has as many requests as one may: this one was not added."""

    code = "too-many-taken"


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a request is: the enrolled name, by whom it was given, and when (Unix seconds)."""

    state: Member
    entry: str
    reviewer: str
    by: str
    at: int


class Assignments:
    """Keeps one note for each hold. `_kept` is in the order of keeping; `_given` counts by day."""

    def __init__(self) -> None:
        self._kept: dict[str, Assigned] = {}
        self._given: Counter[tuple[Member, str]] = Counter()
        self._days: dict[Member, int] = {}

    def get(self, entry: str, now: int) -> Assigned | None:
        """Return whose a hold is; nobody's once its time is over."""
        found = self._kept.get(entry)
        return found if found is not None and now - found.at < TAKEN_SECONDS_MAX else None

    def of(self, state: Member, now: int) -> list[Assigned]:
        """Return what somebody has, in the order in which it was given."""
        kept = (self.get(entry, now) for entry in self._kept)
        return [each for each in kept if each is not None and each.state == state]

    def put(
        self, state: Member, entries: Iterable[str], reviewer: str, *, by: str, now: int, day: int
    ) -> None:
        """Note that these holds are a reviewer's; what is already stands as it did.

        `day` is that of the state's own zone. Raises: TooManyTakenError; then none is noted.
        """
        fresh = [each for each in entries if not self._is_of(each, reviewer, now)]
        own = [each for each in self.of(state, now) if each.reviewer == reviewer]
        if len(own) + len(fresh) > TAKEN_MAX:
            raise TooManyTakenError(f"one reviewer has {TAKEN_MAX} requests at most")
        self._begin_day(state, day)
        for entry in fresh:
            self._kept.pop(entry, None)
            self._kept[entry] = Assigned(state=state, entry=entry, reviewer=reviewer, by=by, at=now)
        self._given[state, reviewer] += len(fresh)
        while len(self._kept) > ASSIGNMENTS_MAX:
            del self._kept[next(iter(self._kept))]

    def drop(self, entry: str) -> None:
        """Let a hold be nobody's."""
        self._kept.pop(entry, None)

    def given_on(self, state: Member, day: int) -> dict[str, int]:
        """Return how many holds each reviewer took or was given on a day."""
        self._begin_day(state, day)
        return {name: count for (of, name), count in self._given.items() if of == state}

    def _is_of(self, entry: str, reviewer: str, now: int) -> bool:
        found = self.get(entry, now)
        return found is not None and found.reviewer == reviewer

    def _begin_day(self, state: Member, day: int) -> None:
        if self._days.get(state) != day:
            for key in [key for key in self._given if key[0] == state]:
                del self._given[key]
            self._days[state] = day
