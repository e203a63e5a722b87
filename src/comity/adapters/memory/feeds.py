"""Twins of a feed's receiver and of its places, in memory."""

from __future__ import annotations

from collections.abc import Mapping

from comity.domain.ids import Member
from comity.ports import FeedDownError

__all__ = ["MemoryFeedPlaces", "MemoryHook"]


class MemoryHook:
    """Keeps what it was given; fails while it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, dict[str, str]]] = []
        self.is_broken = False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep lines. Raises: FeedDownError."""
        if self.is_broken:
            raise FeedDownError("the receiver is broken")
        self.taken.append((url, body, dict(headers)))


class MemoryFeedPlaces:
    """Keeps places."""

    def __init__(self) -> None:
        self.places: dict[Member, int] = {}

    def read(self, member: Member) -> int | None:
        """Return the next leaf, or None."""
        return self.places.get(member)

    def write(self, member: Member, place: int) -> None:
        """Keep the next leaf."""
        self.places[member] = place
