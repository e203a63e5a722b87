"""What the store keeps of demands for the state's own data: a register, a row with each leaf.

Guarantee: as of all ports; `Store` has the methods of `DemandStore` beside its own. A change that
finds its row otherwise than it was made for changes nothing, and in a batch makes all of it fail.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import Instrument
from comity.ports.duties import NewDuty
from comity.ports.sealed import Sealed

__all__ = ["DemandChange", "DemandCount", "DemandRow", "DemandStore"]


class DemandRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A demand: its leaf and kind, the last second (Unix) to answer, of which warning somebody was
    told, how many acts stand on it, and the leaf that ended it.

    `handed` has the leaf of each thing that was handed over, in their order; None where a cut of
    the ledger took it.
    """

    member: Member
    leaf_index: LeafIndex
    demand_id: bytes
    kind: Instrument
    answer_by: int
    warned: int = 0
    acts: int = 0
    handed: tuple[LeafIndex | None, ...] = ()
    ended_by: LeafIndex | None = None
    sealed: Sealed


class DemandChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One act on an open demand of `acts` acts, with what is kept of it from then on.

    `handed_by` and `ended_by` are the leaves of what was handed over and of its end. Where
    `answer_by` is another than before, warnings begin anew.
    """

    member: Member
    leaf_index: LeafIndex
    acts: int
    answer_by: int
    handed_by: LeafIndex | None = None
    ended_by: LeafIndex | None = None
    sealed: Sealed


class DemandCount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many demands of one kind came, and how many of them are open."""

    kind: Instrument
    count: int
    open: int


class DemandStore(Protocol):
    """The register of demands, as the services need it."""

    async def open_demands(self, members: Collection[Member], limit: int) -> list[DemandRow]:
        """Return demands that have not ended, the next answer first, then by member and leaf."""
        ...

    async def ended_demands(self, member: Member, limit: int) -> list[DemandRow]:
        """Return a member's demands that have ended, the newest first."""
        ...

    async def demand(self, member: Member, leaf_index: int) -> DemandRow | None:
        """Return one demand by its leaf, open or not."""
        ...

    async def demand_counts(self, member: Member) -> list[DemandCount]:
        """Return how many demands of each kind came, by kind."""
        ...

    async def change_demand(self, change: DemandChange) -> None:
        """Keep an act that has no leaf. Raises: RowRefusedError if the demand is not as thought."""
        ...

    async def warn_demand(self, row: DemandRow, warned: int, duty: NewDuty) -> bool:
        """Owe a warning of an open demand, once; say whether it was not owed before."""
        ...
