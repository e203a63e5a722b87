"""What is public of a ledger: its rows as the services read them, and the store of its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.ports.rows import DocumentRow

__all__ = ["LeafTable", "LedgerRows", "PublicStore", "TableFacts"]


class LedgerRows(Protocol):
    """The public rows of ledgers."""

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last); those of a withdrawn leaf may be empty."""
        ...

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last)."""
        ...

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last)."""
        ...

    async def documents(self, member: Member, first: int, last: int) -> list[DocumentRow]:
        """Return the public documents of the leaves of [first, last) that have one, by index.

        Policies are among them; parts of the directory, which are not public, are not.
        """
        ...

    async def withdrawn(self, member: Member, first: int, last: int) -> list[LeafIndex]:
        """Return the leaves of [first, last) that a `redaction` leaf withdrew, in order."""
        ...


class PublicStore(Protocol):
    """Public files by their paths, `oh/tile/0/000`: a folder, or an object store.

    A path is of segments of `A-Z a-z 0-9 _ . -`, none of which begins with a dot.
    """

    async def put(self, path: str, data: bytes) -> None:
        """Keep a file durably; the same bytes again change nothing.

        Raises: PublicClashError if the path holds other bytes, PublicStoreError.
        """
        ...

    async def get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None if there is none. Raises: PublicStoreError."""
        ...

    async def paths(self, prefix: str) -> list[str]:
        """Return the paths below a folder, sorted. Raises: PublicStoreError."""
        ...

    async def remove(self, path: str) -> None:
        """Take a file away, if it is there, because it is withdrawn or damaged.

        Raises: PublicStoreError.
        """
        ...


class TableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a table of leaves holds: how many rows, from which index to which, and their digest.

    Two tables with the same rows have the same digest, also where their bytes differ.
    """

    rows: int
    first: int
    last: int
    digest: bytes


class LeafTable(Protocol):
    """Leaves as a table for analysis. It blocks: whoever waits for others calls it in a thread."""

    def encode(self, first: int, leaves: Sequence[bytes]) -> bytes:
        """Return a file with one row a leaf; a withdrawn one, without bytes, has its index alone.

        Raises: PublicStoreError.
        """
        ...

    def read(self, data: bytes) -> TableFacts:
        """Return what a file holds. Raises: PublicStoreError if it is no such file."""
        ...
