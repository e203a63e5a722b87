"""The machine's own clock and entropy."""

from __future__ import annotations

import secrets
import time

__all__ = ["SystemClock", "SystemEntropy"]


class SystemClock:
    """The host's real-time clock."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return time.time_ns()


class SystemEntropy:
    """The operating system's generator."""

    def token(self, size: int) -> bytes:
        """Return `size` bytes fit for keys and nonces."""
        return secrets.token_bytes(size)
