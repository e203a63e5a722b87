"""The memory store's part for rules: in force, announced, and all that ever were."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.memory.tables import Tables
from comity.domain.ids import LeafIndex, Member
from comity.ports import PolicyLeafRow, PolicyRow, ShadowRow

__all__ = ["MemoryPolicies"]


class MemoryPolicies:
    """What `PolicyStore` asks, over the tables that `_reach` gives."""

    async def _reach(self) -> Tables:
        raise NotImplementedError

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        tables = await self._reach()
        heads = {m: tables.heads[m] for m in sorted(set(members)) if m in tables.heads}
        places = [(member, head.policy) for member, head in heads.items()]
        return [tables.policies[place] for place in places if place in tables.policies]

    async def shadows(self, members: Sequence[Member]) -> list[ShadowRow]:
        """Return what each member announced last since its policy in force was published."""
        tables = await self._reach()
        newest: dict[Member, ShadowRow] = {}
        for (member, index), since in sorted(tables.shadows.items()):
            if member in members and index > tables.heads[member].policy:
                newest[member] = ShadowRow(
                    member=member,
                    leaf_index=LeafIndex(index),
                    since=since,
                    body=tables.documents[member, index].body,
                )
        return list(newest.values())

    async def policy_leaves(self, member: Member, below: int, limit: int) -> list[PolicyLeafRow]:
        """Return bundles of a ledger below a leaf, newest first: in force once, or announced."""
        tables = await self._reach()
        shadows = {index for name, index in tables.shadows if name == member}
        published = {index: row.body for (name, index), row in tables.policies.items()
                     if name == member}  # fmt: skip
        announced = {index: tables.documents[member, index].body for index in shadows}
        found = [
            PolicyLeafRow(leaf_index=LeafIndex(index), body=body, is_shadow=index in shadows)
            for index, body in sorted({**published, **announced}.items(), reverse=True)
            if index < below
        ]
        return found[:limit]
