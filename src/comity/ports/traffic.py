"""What the services need to keep recorded traffic as a roll-up. `Store` has these methods too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.ports.rows import PrivateRow

__all__ = ["UNDER_NONE", "Fold", "FoldRow", "TrafficRow", "TrafficStore"]


UNDER_NONE: Final = -1
"""What stands for the rules' leaf where there is none, or it was cut off."""


class TrafficRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How often in a month (since 1970-01) a member was asked something; nothing of a person.

    `request` is everything else that a rule may look at, as `comity.policy.traffic` writes it;
    `under` is the last leaf before the answers that put rules into force or announced some, or
    `UNDER_NONE`.
    """

    member: Member
    month: int
    under: int
    request: str
    count: int


class FoldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a member's ledger is folded: all leaves below `folded`, of which `lost` could not be
    read any more.
    """

    member: Member
    folded: LeafIndex
    lost: int


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """What is added with one step: leaves from `first` up to `last`, exclusive.

    Rows of months before `kept_from` go.
    """

    member: Member
    first: int
    last: int
    lost: int
    rows: tuple[TrafficRow, ...]
    kept_from: int


class TrafficStore(Protocol):
    """What the one system of record has of traffic."""

    async def private_rows(self, member: Member, first: int, last: int) -> list[PrivateRow]:
        """Return the private records of the leaves of [first, last) that have one, in order."""
        ...

    async def folds(self, members: Sequence[Member]) -> list[FoldRow]:
        """Return how far each of these members' ledgers is folded, by member.

        One that never was is left out. A succession sets it back to where the successor begins, and
        what was counted under rules from there on stands under none.
        """
        ...

    async def fold(self, fold: Fold) -> bool:
        """Add a step, all or nothing, if the ledger is folded up to `first`; say whether it was."""
        ...

    async def traffic(
        self,
        member: Member,
        after: TrafficRow | None,
        limit: int,
        under: int | None = None,
    ) -> list[TrafficRow]:
        """Return rows in the order of month, rules and request, those behind `after` if given.

        With `under` only those of one leaf of rules.
        """
        ...
