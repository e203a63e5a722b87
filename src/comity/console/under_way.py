"""Sign-ins under way, each known by the hash of the cookie of the browser that began it.

Guarantee: one that took too long is not there; there are never more than the limits say.
Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from comity.console.tokens import draw_token, token_hash
from comity.ports import Entropy

__all__ = ["PENDING_MAX", "PENDING_OF_SOURCE_MAX", "PENDING_SECONDS_MAX", "Pending", "UnderWay"]

PENDING_MAX: Final = 1_024
"""Sign-ins under way; the oldest goes."""
PENDING_OF_SOURCE_MAX: Final = 32
"""Of these, from one source; its oldest goes."""
PENDING_SECONDS_MAX: Final = 600
"""How long a sign-in may be under way."""

ValueT = TypeVar("ValueT")


class Pending(msgspec.Struct, Generic[ValueT], frozen=True, kw_only=True):
    """One sign-in under way, and from where it was begun. `began_at`: Unix seconds."""

    value: ValueT
    source: str
    began_at: int

    def is_over(self, now_s: int) -> bool:
        """Say whether it took too long, or began in a future that a clock has left."""
        return not 0 <= now_s - self.began_at < PENDING_SECONDS_MAX


class UnderWay(Generic[ValueT]):
    """Sign-ins at one step. `_pending` is in the order in which they were begun."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._pending: dict[bytes, Pending[ValueT]] = {}

    def begin(self, value: ValueT, source: str, now_s: int) -> str:
        """Keep a sign-in; return its cookie."""
        cookie = draw_token(self._entropy)
        self._make_room(source, now_s)
        self._pending[token_hash(cookie)] = Pending(value=value, source=source, began_at=now_s)
        return cookie

    def find(self, cookie: str, now_s: int) -> Pending[ValueT] | None:
        """Return the sign-in of a browser, if it has one under way."""
        found = self._pending.get(token_hash(cookie))
        return None if found is None or found.is_over(now_s) else found

    def take(self, cookie: str, now_s: int) -> Pending[ValueT] | None:
        """Return the sign-in of a browser for the last time."""
        found = self.find(cookie, now_s)
        self._pending.pop(token_hash(cookie), None)
        return found

    def change(self, cookie: str, value: ValueT) -> None:
        """Let a sign-in that is under way be another; its time goes on."""
        found = self._pending[token_hash(cookie)]
        self._pending[token_hash(cookie)] = msgspec.structs.replace(found, value=value)

    def _make_room(self, source: str, now_s: int) -> None:
        """Drop what took too long, and the oldest where there would be too many."""
        self._pending = {
            key: pending for key, pending in self._pending.items() if not pending.is_over(now_s)
        }
        own = [key for key, pending in self._pending.items() if pending.source == source]
        for key in own[: max(0, len(own) - PENDING_OF_SOURCE_MAX + 1)]:
            del self._pending[key]
        for key in list(self._pending)[: max(0, len(self._pending) - PENDING_MAX + 1)]:
            del self._pending[key]
