"""Where a state has its feed of federal queries sent, and how far it has come.

Guarantee: as of all ports. A place is written after what lies before it was delivered, so that
everything is delivered at least once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from comity.domain.ids import Member

__all__ = ["DigestPlaces", "FeedHook", "FeedPlaces"]


class FeedHook(Protocol):
    """Whoever takes a state's feed, by HTTPS."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Hand over lines; they may come again. Raises: FeedDownError."""
        ...


class FeedPlaces(Protocol):
    """The next leaf of each member's ledger that its feed has not told of."""

    def read(self, member: Member) -> int | None:
        """Return it; None if nothing was ever told. Raises: FeedPlaceError."""
        ...

    def write(self, member: Member, place: int) -> None:
        """Keep it durably. Raises: FeedPlaceError."""
        ...


class DigestPlaces(Protocol):
    """The next leaf of each member's ledger that no digest was of, and the day of the last one."""

    def read(self, member: Member) -> tuple[int, date] | None:
        """Return them; None if no digest was ever begun. Raises: FeedPlaceError."""
        ...

    def write(self, member: Member, place: tuple[int, date]) -> None:
        """Keep them durably. Raises: FeedPlaceError."""
        ...
