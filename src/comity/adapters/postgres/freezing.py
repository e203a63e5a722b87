"""Freezes of members' loosening publications, a row each."""

from __future__ import annotations

from typing import Final

from comity.adapters.postgres.session import Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import FreezeRow

__all__ = ["end_freeze", "freeze_of", "save_freeze"]

_FREEZE: Final = "SELECT * FROM policy_freeze WHERE state = $1"
_SAVE: Final = """
    INSERT INTO policy_freeze (state, leaf_index, since, what) VALUES ($1, $2, $3, $4)
    ON CONFLICT (state) DO NOTHING"""
_END: Final = "DELETE FROM policy_freeze WHERE state = $1"


async def freeze_of(session: Session, member: Member) -> FreezeRow | None:
    """Return a member's freeze, or None."""
    for row in await session.fetch(_FREEZE, member):
        return FreezeRow(
            member=member,
            leaf_index=LeafIndex(row["leaf_index"]),
            since=row["since"],
            what=row["what"],
        )
    return None


async def save_freeze(session: Session, row: FreezeRow) -> None:
    """Keep a freeze; while one stands, it stays as it is."""
    await session.fetch(_SAVE, row.member, row.leaf_index, row.since, row.what)


async def end_freeze(session: Session, member: Member) -> None:
    """Take a member's freeze away."""
    await session.fetch(_END, member)
