"""The twin of a succession's files; the object is the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.ports import AsideRow, Copied, NextKey, Staged

__all__ = ["MemoryCopied", "MemorySuccessions"]


class MemoryCopied:
    """Leaves that a test took from somewhere."""

    def __init__(
        self, first: int, entries: Sequence[bytes], documents: Mapping[int, bytes]
    ) -> None:
        self._first = first
        self.entries = list(entries)
        self.documents = dict(documents)

    @property
    def first(self) -> int:
        """The index of the first of them."""
        return self._first

    def pages(self) -> Iterator[list[bytes]]:
        """Yield the leaves in order, a hundred at a time."""
        for at in range(0, len(self.entries), 100):
            yield self.entries[at : at + 100]

    def document(self, index: int) -> bytes | None:
        """Return the public document of a leaf, or None."""
        return self.documents.get(index)


class MemorySuccessions:
    """Successions whose every step a test can see, by retired origin."""

    def __init__(self) -> None:
        self.copies: dict[str, MemoryCopied] = {}
        self.under_way: dict[str, Staged] = {}
        self.evidence: dict[str, list[AsideRow]] = {}
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.taken_up: dict[str, str] = {}

    def copied(self, retired: str) -> Copied | None:
        """Return what was taken from a copy, or None."""
        return self.copies.get(retired)

    def stage(self, staged: Staged) -> NextKey:
        """Keep what a succession is about to do; return the successor's key."""
        self.under_way[staged.retired] = staged
        key = self.keys.setdefault(staged.retired, Ed25519PrivateKey.generate())
        return key, key.public_key().public_bytes_raw()

    def staged(self) -> list[Staged]:
        """Return the successions under way, by retired origin."""
        return [self.under_way[retired] for retired in sorted(self.under_way)]

    @contextmanager
    def aside(self, retired: str) -> Iterator[Callable[[Sequence[AsideRow]], None]]:
        """Open what takes rows as evidence; kept when left without an error."""
        rows: list[AsideRow] = []
        yield rows.extend
        self.evidence[retired] = rows

    def take_up(self, staged: Staged) -> NextKey:
        """Put the successor's key in the place of the retired one."""
        self.under_way.pop(staged.retired, None)
        self.taken_up[staged.retired] = staged.origin
        key = self.keys[staged.retired]
        return key, key.public_key().public_bytes_raw()
