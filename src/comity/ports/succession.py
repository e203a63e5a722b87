"""What a succession keeps outside the store: the order, the next key, evidence, a copy's leaves.

Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from comity.ledger.note import Signer
from comity.ports.cutting import AsideRow

__all__ = ["Copied", "NextKey", "Staged", "SuccessionFiles"]

NextKey = tuple[Signer, bytes]
"""What signs for a successor, and its public key of 32 bytes."""


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """A succession under way: both ledgers by their origins, what was ordered, the event."""

    retired: str
    origin: str
    order: bytes
    document: bytes


class Copied(Protocol):
    """Leaves that the store does not have, taken from a public copy; nobody vouches for them."""

    @property
    def first(self) -> int:
        """The index of the first of them."""
        ...

    def pages(self) -> Iterator[list[bytes]]:
        """Yield the leaves in order, some at a time. Raises: MalformedError."""
        ...

    def document(self, index: int) -> bytes | None:
        """Return the public document of a leaf, or None."""
        ...


class SuccessionFiles(Protocol):
    """One host's, by the origin of the ledger that is retired."""

    def copied(self, retired: str) -> Copied | None:
        """Return what was taken from a copy, or None."""
        ...

    def stage(self, staged: Staged) -> NextKey:
        """Keep durably what a succession is about to do; return the successor's key.

        Again, with another order, it takes the place of what was staged; the key stays.
        """
        ...

    def staged(self) -> list[Staged]:
        """Return the successions under way, by retired origin."""
        ...

    def aside(self, retired: str) -> AbstractContextManager[Callable[[Sequence[AsideRow]], None]]:
        """Open what takes rows as evidence; durable when left without an error."""
        ...

    def take_up(self, staged: Staged) -> NextKey:
        """Put the successor's key in the place of the retired one, which is put away.

        From then on nothing is under way; doing it again does nothing more.
        """
        ...
