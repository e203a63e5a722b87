"""What the services need of the register of confidential addresses: rows that are found by a tag.

Guarantee: as of all ports; `Store` has these methods beside its own. A row names nobody: what it
says is sealed, and its tag is a keyed hash. Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.domain.ids import Member
from comity.ports.sealed import Sealed

__all__ = ["ProtectionRow", "ProtectionStore"]


class ProtectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person or vehicle that a protection (`protection_id`, 16 bytes) names.

    `tag` (16 bytes) is by what it is found; `sealed` is the whole protection, under the key that
    made the tag.
    """

    member: Member
    protection_id: bytes
    tag: bytes
    sealed: Sealed


class ProtectionStore(Protocol):
    """The register in the one system of record."""

    async def keep_protection(
        self, member: Member, protection_id: bytes, rows: Sequence[ProtectionRow]
    ) -> None:
        """Have these rows, and no others, stand for a protection: all at once, on the disk when
        this returns. No rows: it is gone.
        """
        ...

    async def protections(self, member: Member) -> list[ProtectionRow]:
        """Return a member's rows, by protection and tag."""
        ...

    async def protection(self, member: Member, protection_id: bytes) -> list[ProtectionRow]:
        """Return the rows of one protection, by tag; none where there is none."""
        ...

    async def protections_tagged(
        self, member: Member, tags: Sequence[bytes]
    ) -> list[ProtectionRow]:
        """Return a member's rows that have one of these tags, by protection and tag."""
        ...

    async def protection_count(self, member: Member) -> int:
        """Return how many protections of a member are kept."""
        ...

    async def protection_samples(self, member: Member) -> list[ProtectionRow]:
        """Return one row for each key that seals any of a member's, by the key's number."""
        ...
