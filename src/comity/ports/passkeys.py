"""Where a console's passkeys are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from comity.domain.passkeys import PasskeyBook
from comity.ports.errors import StoreDownError

__all__ = ["Passkeys", "PasskeysDownError"]


class PasskeysDownError(StoreDownError):
    """Passkeys cannot be read or written now."""

    code = "passkeys-down"


class Passkeys(Protocol):
    """The book of passkeys. Each raises PasskeysDownError, and PasskeyFileError if it is no book.

    What one process changed the other sees at its next look.
    """

    def read(self) -> PasskeyBook:
        """Return the book as it stands; an empty one before there is any."""
        ...

    def change(self, step: Callable[[PasskeyBook], PasskeyBook]) -> PasskeyBook:
        """Put in the book's place what a step makes of it; return it once it is durable.

        No other change comes in between. What `step` raises is raised, and nothing changes.
        """
        ...
