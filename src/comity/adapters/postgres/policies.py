"""Rules as rows: the policy in force, what is announced since, and all that ever were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.adapters.postgres.session import Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import PolicyLeafRow, PolicyRow, ShadowRow

__all__ = ["policies", "policy_leaves", "shadows"]

_POLICIES: Final = """
    SELECT p.* FROM ledger_head h
    JOIN policy p ON p.state = h.state AND p.leaf_index = h.policy
    WHERE h.state = ANY($1::text[]) ORDER BY p.state"""
_SHADOWS: Final = """
    SELECT DISTINCT ON (s.state) s.state, s.leaf_index, s.since, d.body
    FROM ledger_head h
    JOIN policy_shadow s ON s.state = h.state AND s.leaf_index > h.policy
    JOIN ledger_document d ON d.state = s.state AND d.leaf_index = s.leaf_index
    WHERE h.state = ANY($1::text[]) ORDER BY s.state, s.leaf_index DESC"""
_LEAVES: Final = """
    (SELECT leaf_index, body, false AS is_shadow FROM policy
     WHERE state = $1 AND leaf_index < $2 ORDER BY leaf_index DESC LIMIT $3)
    UNION ALL
    (SELECT s.leaf_index, d.body, true FROM policy_shadow s
     JOIN ledger_document d USING (state, leaf_index)
     WHERE s.state = $1 AND s.leaf_index < $2 ORDER BY s.leaf_index DESC LIMIT $3)
    ORDER BY leaf_index DESC LIMIT $3"""


async def policies(session: Session, members: Sequence[Member]) -> list[PolicyRow]:
    """Return the policy in force of each member that has one."""
    return [
        PolicyRow(
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            digest=row["digest"],
            body=row["body"],
        )
        for row in await session.fetch(_POLICIES, members)
    ]


async def shadows(session: Session, members: Sequence[Member]) -> list[ShadowRow]:
    """Return what each member announced last since its policy in force was published."""
    return [
        ShadowRow(
            member=Member(row["state"]),
            leaf_index=LeafIndex(row["leaf_index"]),
            since=row["since"],
            body=row["body"],
        )
        for row in await session.fetch(_SHADOWS, members)
    ]


async def policy_leaves(
    session: Session, member: Member, below: int, limit: int
) -> list[PolicyLeafRow]:
    """Return bundles of a ledger below a leaf, newest first: in force once, or announced."""
    return [
        PolicyLeafRow(
            leaf_index=LeafIndex(row["leaf_index"]), body=row["body"], is_shadow=row["is_shadow"]
        )
        for row in await session.fetch(_LEAVES, member, below, limit)
    ]
