"""Who must wait after sign-ins that failed, whichever step it was at; and what the log says of it.

Source: docs/adr/0037-signing-in.md; docs/adr/0059-passkeys-at-the-sign-in.md.
"""

from __future__ import annotations

from comity.console.errors import SignInLockedError
from comity.console.tries import FailedTries
from comity.domain.errors import ComityError
from comity.services.events import Events

__all__ = ["SignInLock"]


class SignInLock:
    """One for all steps, so that five failed tries are five."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._tries = FailedTries()

    def check(self, source: str, now_s: int) -> None:
        """Check that a source need not wait. Raises: SignInLockedError."""
        if self._tries.is_locked(source, now_s):
            self._events.note("sign_ins_locked_out")
            raise SignInLockedError("too many tries failed: wait a quarter of an hour")

    def refuse(self, error: ComityError, source: str, now_s: int) -> None:
        """Count a failed try."""
        self._events.failure("sign_in_refused", error)
        if self._tries.failed(source, now_s):
            self._events.alarm("sign_in_locked")

    def forget(self, source: str) -> None:
        """Forget what failed, after a sign-in that did not."""
        self._tries.forget(source)
