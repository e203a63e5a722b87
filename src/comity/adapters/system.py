"""The machine's own clock and its source of unpredictable bytes."""

from __future__ import annotations

import secrets
import time

__all__ = ["SystemClock", "SystemEntropy"]


class SystemClock:
    """The operating system's time."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return time.time_ns()


class SystemEntropy:
    """The operating system's random bytes."""

    def token(self, size: int) -> bytes:
        """Return `size` bytes fit for keys and nonces."""
        return secrets.token_bytes(size)
