"""Tries that failed, by where they came from: five within 15 minutes, and it waits for 15.

Source: CJIS Security Policy 5.9.5, AC-7; docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

__all__ = ["FAILED_TRIES_MAX", "FAILED_TRIES_SECONDS_MAX", "TRY_SOURCES_MAX", "FailedTries"]

FAILED_TRIES_MAX: Final = 5
"""Failed tries of one source after which it has to wait."""
FAILED_TRIES_SECONDS_MAX: Final = 900
"""Within how long they count together, and how long the source waits after the last of them."""
TRY_SOURCES_MAX: Final = 4_096
"""Sources that are remembered; the one that failed least recently is forgotten."""


class FailedTries:
    """When each source failed. A list of times has no more than count together; seconds."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[int]] = OrderedDict()

    def is_locked(self, source: str, now_s: int) -> bool:
        """Say whether a source has to wait."""
        times = self._failed.get(source, [])
        if len(times) < FAILED_TRIES_MAX:
            return False
        # By a clock that was set back it waits on.
        return now_s < times[-1] + FAILED_TRIES_SECONDS_MAX

    def failed(self, source: str, now_s: int) -> bool:
        """Count a failed try; say whether the source has to wait from now on."""
        since = now_s - FAILED_TRIES_SECONDS_MAX
        times = [at for at in self._failed.pop(source, []) if at > since]
        # One that was under way when the source was locked keeps it locked.
        self._failed[source] = [*times, now_s][-FAILED_TRIES_MAX:]
        if len(self._failed) > TRY_SOURCES_MAX:
            self._failed.popitem(last=False)
        return self.is_locked(source, now_s)

    def forget(self, source: str) -> None:
        """Forget what failed, after a try that did not."""
        self._failed.pop(source, None)
