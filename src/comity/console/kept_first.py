"""What one person has signed of something that takes two, until a second one signs.

Guarantee: one is given only while it counts; what is kept here has done nothing.
INVARIANT (fail-closed): with the console it is gone, and nothing was done.
Source: docs/adr/0044-legal-desk.md, "Decision: litigation holds".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from comity.domain.keeping import ORDER_SECONDS_MAX

__all__ = ["FIRSTS_MAX", "KeptFirst"]

FIRSTS_MAX: Final = 64
"""Of one sort, what a console keeps for all states together; the oldest goes."""

_T = TypeVar("_T")


class KeptFirst(Generic[_T]):
    """Keeps one for each entry. `_kept` is in the order of keeping.

    `about` returns the entry that something is about, `given_at` when it was signed (Unix seconds).
    """

    def __init__(self, about: Callable[[_T], str], given_at: Callable[[_T], int]) -> None:
        self._about = about
        self._given_at = given_at
        self._kept: dict[str, _T] = {}

    def put(self, signed: _T) -> None:
        """Keep what was signed in place of the one before about the same entry."""
        entry = self._about(signed)
        self._kept.pop(entry, None)
        self._kept[entry] = signed
        while len(self._kept) > FIRSTS_MAX:
            del self._kept[next(iter(self._kept))]

    def get(self, entry: str, now: int) -> _T | None:
        """Return what was signed about an entry, if it counts still; `now` is Unix seconds."""
        found = self._kept.get(entry)
        if found is None:
            return None
        if now - self._given_at(found) >= ORDER_SECONDS_MAX:
            self.drop(entry)
            return None
        return found

    def drop(self, entry: str) -> None:
        """Keep nothing about an entry."""
        self._kept.pop(entry, None)
