"""Orders to lift a litigation hold that one person has signed, until a second one signs.

Guarantee: one is given only while it counts; what is kept here has lifted nothing.
INVARIANT (fail-closed): with the console it is gone, and the hold stays.
Source: docs/adr/0044-legal-desk.md, "Decision: litigation holds".
"""

from __future__ import annotations

from typing import Final

from comity.domain.keeping import ORDER_SECONDS_MAX, SignedOrder

__all__ = ["LIFTS_MAX", "KeptLifts"]

LIFTS_MAX: Final = 64
"""Requests to lift a hold that a console keeps for all states together; the oldest goes."""


class KeptLifts:
    """Keeps one order for each hold. `_kept` is in the order of keeping."""

    def __init__(self) -> None:
        self._kept: dict[str, SignedOrder] = {}

    def put(self, signed: SignedOrder) -> None:
        """Keep an order in place of the one before on the same hold."""
        entry = signed.order.entry
        assert entry is not None
        self._kept.pop(entry, None)
        self._kept[entry] = signed
        while len(self._kept) > LIFTS_MAX:
            del self._kept[next(iter(self._kept))]

    def get(self, entry: str, now: int) -> SignedOrder | None:
        """Return the order on a hold, if it counts still; `now` is Unix seconds."""
        found = self._kept.get(entry)
        if found is None:
            return None
        if now - found.order.at >= ORDER_SECONDS_MAX:
            self.drop(entry)
            return None
        return found

    def drop(self, entry: str) -> None:
        """Keep nothing on a hold."""
        self._kept.pop(entry, None)
