"""What the services need to keep of rules: what is in force, what is announced, what ever was.

Guarantee: as of all ports; `Store` has these methods beside its own. What is announced is never
among `policies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member

__all__ = ["PolicyLeafRow", "PolicyRow", "PolicyStore", "ShadowRow"]


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A policy bundle as published: its leaf and its canonical bytes."""

    member: Member
    leaf_index: LeafIndex
    digest: bytes
    body: bytes


class ShadowRow(msgspec.Struct, frozen=True, kw_only=True):
    """An announced bundle: its `policy` leaf in mode shadow, and since when (Unix seconds)."""

    member: Member
    leaf_index: LeafIndex
    since: int
    body: bytes


class PolicyLeafRow(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle of a member's ledger: put into force by its leaf, or only announced by it."""

    leaf_index: LeafIndex
    body: bytes
    is_shadow: bool


class PolicyStore(Protocol):
    """What the one system of record has of rules."""

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        ...

    async def shadows(self, members: Sequence[Member]) -> list[ShadowRow]:
        """Return what each member announced last since its policy in force was published."""
        ...

    async def policy_leaves(self, member: Member, below: int, limit: int) -> list[PolicyLeafRow]:
        """Return bundles of a ledger below a leaf, newest first: in force once, or announced."""
        ...
