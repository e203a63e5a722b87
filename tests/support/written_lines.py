"""Lines to terminals that keep what the exchange told them."""

from __future__ import annotations

from collections.abc import Collection

from comity.formats.delivered import Delivered
from comity.formats.json.delivered import parse_delivered


class WrittenLines:
    """Lines that keep what they were told, in order; a line not in `connected` takes nothing."""

    def __init__(self, connected: Collection[str]) -> None:
        self.connected = set(connected)
        self.told: list[tuple[str, int, str]] = []
        self.delivered: list[tuple[str, int, int, bytes]] = []

    def accepted(self, line: str, number: int) -> None:
        self.told.append((line, number, "accepted"))

    def refused(self, line: str, number: int, code: str) -> None:
        self.told.append((line, number, code))

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        if line not in self.connected:
            return False
        self.delivered.append((line, number, reply_to, data))
        return True

    def take(self) -> list[tuple[int, int, Delivered]]:
        """Return (number, reply to, what it says) of JSON deliveries since the last call."""
        delivered, self.delivered = self.delivered, []
        return [(number, to, parse_delivered(data)) for _, number, to, data in delivered]
