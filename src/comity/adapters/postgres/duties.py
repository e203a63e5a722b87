"""Duties as rows: added with their leaf, deleted when they are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.session import Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import DutyRow, NewDuty

__all__ = ["add", "duties", "end_duty"]

_ADD: Final = """
    INSERT INTO duty (state, leaf_index, kind, made_at, about)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])"""
_DUTIES: Final = """
    SELECT * FROM duty WHERE state = ANY($1::text[])
    AND ($3::text[] IS NULL OR kind = ANY($3::text[])) ORDER BY duty_id LIMIT $2"""
_END: Final = "DELETE FROM duty WHERE state = $1 AND duty_id = $2"


async def add(session: Session, new: Sequence[NewDuty]) -> None:
    """Add duties within a batch transaction."""
    rows = [(duty.member, duty.leaf_index, duty.kind, duty.made_at, duty.about) for duty in new]
    await session.fetch(_ADD, *(list(column) for column in zip(*rows, strict=True)))


async def duties(
    session: Session, members: Sequence[Member], limit: int, kinds: Sequence[str] | None
) -> list[DutyRow]:
    """Return duties that are not done, oldest first; of all kinds unless some are given."""
    return [
        DutyRow(
            duty_id=row["duty_id"],
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            kind=row["kind"],
            made_at=row["made_at"],
            about=row["about"],
        )
        for row in await session.fetch(_DUTIES, members, limit, kinds)
    ]


async def end_duty(session: Session, member: Member, duty_id: int) -> None:
    """Let go of a duty that is done; one that is gone already is no error."""
    await session.fetch(_END, member, duty_id)
