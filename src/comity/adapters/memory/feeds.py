"""Twins of a feed's receiver, of a mail server and of their places, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from comity.domain.ids import Member
from comity.ports import FeedDownError, MailDownError, MailLetter, MailServer

__all__ = ["MemoryDigestPlaces", "MemoryFeedPlaces", "MemoryHook", "MemoryMail"]


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


class MemoryDigestPlaces:
    """Keeps places and days."""

    def __init__(self) -> None:
        self.places: dict[Member, tuple[int, date]] = {}

    def read(self, member: Member) -> tuple[int, date] | None:
        """Return the next leaf and the last day, or None."""
        return self.places.get(member)

    def write(self, member: Member, place: tuple[int, date]) -> None:
        """Keep them."""
        self.places[member] = place


class MemoryMail:
    """Keeps letters; fails while it is told to, and refuses so many addresses."""

    def __init__(self) -> None:
        self.sent: list[tuple[MailLetter, MailServer]] = []
        self.is_broken = False
        self.refuses = 0

    async def send(self, letter: MailLetter, server: MailServer) -> int:
        """Keep a letter. Raises: MailDownError."""
        if self.is_broken:
            raise MailDownError("the mail server is broken")
        self.sent.append((letter, server))
        return self.refuses
