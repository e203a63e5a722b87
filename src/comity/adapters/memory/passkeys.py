"""Passkeys in memory."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from comity.domain.passkeys import PasskeyBook, encode_passkeys, parse_passkeys

__all__ = ["MemoryPasskeys"]


class MemoryPasskeys:
    """A book in the form of its file."""

    def __init__(self) -> None:
        self._data = encode_passkeys(PasskeyBook())
        self._lock = Lock()

    def read(self) -> PasskeyBook:
        """Return the book as it stands."""
        return parse_passkeys(self._data)

    def change(self, step: Callable[[PasskeyBook], PasskeyBook]) -> PasskeyBook:
        """Put in the book's place what a step makes of it."""
        with self._lock:
            changed = step(parse_passkeys(self._data))
            self._data = encode_passkeys(changed)
            return changed

    def spoil(self, data: bytes) -> None:
        """Let the book be these bytes, whatever they are."""
        self._data = data
