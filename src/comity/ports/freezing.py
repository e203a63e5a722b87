"""What the store keeps of members whose loosening publications are frozen.

Guarantee: as of all ports; `Store` has these methods beside its own.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member

__all__ = ["FreezeRow", "FreezeStore"]


class FreezeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The policy under which a decision and its referee disagreed, since when (Unix seconds), and
    what each said.
    """

    member: Member
    leaf_index: LeafIndex
    since: int
    what: str


class FreezeStore(Protocol):
    """Freezes in the one system of record."""

    async def freeze_of(self, member: Member) -> FreezeRow | None:
        """Return a member's freeze, or None."""
        ...

    async def save_freeze(self, row: FreezeRow) -> None:
        """Keep a freeze, durably when this returns; while one stands, it stays as it is."""
        ...

    async def end_freeze(self, member: Member) -> None:
        """Take a member's freeze away."""
        ...
