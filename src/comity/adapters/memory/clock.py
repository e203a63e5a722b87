"""A clock that stands until it is moved, and chance that repeats from its seed."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["ManualClock", "SeededEntropy"]


class ManualClock:
    """The time that a test says it is; it may be set back, as real ones are."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return self._now_ns

    def advance_ns(self, by_ns: int) -> None:
        """Move the clock forward, or back if `by_ns` is negative."""
        self._now_ns += by_ns


class SeededEntropy:
    """Bytes that look random and are the same for a seed. Never for keys that protect anything."""

    def __init__(self, seed: bytes) -> None:
        self._seed = sha256(b"comity/seeded-entropy\n" + seed).digest()
        self._drawn = 0

    def token(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        blocks = []
        for _ in range(-(-size // 32)):
            self._drawn += 1
            blocks.append(sha256(self._seed + self._drawn.to_bytes(8, "big")).digest())
        return b"".join(blocks)[:size]
