"""The public store and the table of leaves in memory, with the faults that a disk has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from comity.ports import PublicClashError, PublicStoreError, TableFacts

__all__ = ["MemoryLeafTable", "MemoryPublicStore"]


class MemoryPublicStore:
    """Files by path. `before` and `after` are called around each write, and may raise."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.before: Callable[[str], None] = lambda _path: None
        self.after: Callable[[str], None] = lambda _path: None

    async def put(self, path: str, data: bytes) -> None:
        """Keep a file. Raises: PublicClashError, PublicStoreError."""
        await asyncio.sleep(0)
        _check(path)
        self.before(path)
        if self.files.setdefault(path, data) != data:
            raise PublicClashError(f"`{path}` holds other bytes")
        self.after(path)

    async def get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None if there is none."""
        await asyncio.sleep(0)
        _check(path)
        return self.files.get(path)

    async def paths(self, prefix: str) -> list[str]:
        """Return the paths below a folder, sorted."""
        await asyncio.sleep(0)
        _check(prefix)
        return sorted(path for path in self.files if path.startswith(f"{prefix}/"))

    async def remove(self, path: str) -> None:
        """Take a file away, if it is there."""
        await asyncio.sleep(0)
        _check(path)
        self.before(path)
        self.files.pop(path, None)
        self.after(path)


def _check(path: str) -> None:
    if any(not part or part[0] in ".-" or not part.isascii() for part in path.split("/")):
        raise PublicStoreError("`path` is not one of the public store")


class MemoryLeafTable:
    """The table of leaves as JSON: the index beside each leaf's text."""

    def encode(self, first: int, leaves: Sequence[bytes]) -> bytes:
        """Return a file with one row a leaf."""
        rows = [(first + place, leaf.decode()) for place, leaf in enumerate(leaves)]
        return msgspec.json.encode(rows)

    def read(self, data: bytes) -> TableFacts:
        """Return what a file holds. Raises: PublicStoreError."""
        try:
            rows = msgspec.json.decode(data, type=list[tuple[int, str]])
        except msgspec.MsgspecError:
            raise PublicStoreError("a table of leaves cannot be read") from None
        indexes = [index for index, _ in rows]
        return TableFacts(
            rows=len(rows),
            first=min(indexes),
            last=max(indexes),
            digest=sha256(msgspec.json.encode(rows)).digest(),
        )
