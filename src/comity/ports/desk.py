"""What the store says of a review desk as a whole: what waits there, what came, who was paged.

Guarantee: as of all ports; `Store` has the methods of `DeskStore` beside its own. What came and was
refused is added by the batch transaction, with the leaf of the request (`BatchWrite.desk_days`).
Source: docs/adr/0060-quotas-and-triage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.domain.ids import ORI, LeafIndex, Member
from comity.ports.duties import NewDuty

__all__ = ["DeskDayRow", "DeskPlace", "DeskStore"]


class DeskDayRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many requests of an agency came to a reviewer on a day, and how many were refused by a
    quota; in a batch, how many more. `day` is in days since 1970-01-01, of the member's own zone.
    """

    member: Member
    day: int
    agency: ORI
    came: int = 0
    refused: int = 0


class DeskPlace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An open hold that waits for a reviewer, by what its row says in clear. Times are Unix
    seconds; `is_paged`: somebody was paged, because the desk is hardly staffed before its end.
    """

    leaf_index: LeafIndex
    opened_at: int
    until: int
    is_asked: bool
    case_tag: bytes | None
    is_paged: bool


class DeskStore(Protocol):
    """What the one system of record has of desks."""

    async def desk_places(self, member: Member) -> list[DeskPlace]:
        """Return every open hold that waits for a reviewer, in the order of the queue."""
        ...

    async def desk_mark(self, member: Member) -> tuple[int, ...]:
        """Return numbers that change with what waits for a reviewer, and stay while that does."""
        ...

    async def desk_day(self, member: Member, day: int) -> list[DeskDayRow]:
        """Return what came and was refused on a day, by agency, who was refused most first."""
        ...

    async def page_holds(self, duties: Sequence[NewDuty]) -> int:
        """Add duties about open holds of which nobody was paged, and say in their rows that
        somebody is; return how many were added. The others are left out.
        """
        ...
