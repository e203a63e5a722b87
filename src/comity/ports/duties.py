"""What is to be done after a commit, and whom to tell: duties and the pager.

Guarantee: as of all ports; `Store` has the methods of `DutyStore` beside its own. A duty stands
from the transaction of its leaf until it is done: it is done at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member

__all__ = ["DutyKind", "DutyRow", "DutyStore", "NewDuty", "Pager"]


class DutyKind(StrEnum):
    """What is to be done. Closed: a kind that a release does not know is left to a later one."""

    PAGE_BLOCK_UNCONFIRMED = "page_block_unconfirmed"
    PAGE_URGENT_OVERDUE = "page_urgent_overdue"
    PAGE_CERTIFICATION_LAPSES = "page_certification_lapses"
    PAGE_CERTIFICATION_LAPSED = "page_certification_lapsed"
    PAGE_HOLD_UNSTAFFED = "page_hold_unstaffed"
    PAGE_HOLD_AT_NIGHT = "page_hold_at_night"
    PAGE_DEMAND_DUE = "page_demand_due"
    PAGE_DEMAND_OVERDUE = "page_demand_overdue"
    PAGE_ONWARD_REFUSED = "page_onward_refused"
    PAGE_ONWARD_UNANSWERED = "page_onward_unanswered"
    PAGE_APPEAL_OVERDUE = "page_appeal_overdue"


class NewDuty(msgspec.Struct, frozen=True, kw_only=True):
    """A duty about a leaf that its transaction adds; `made_at` is Unix seconds.

    `about` is what its page says beside the leaf, never a person; empty for most.
    """

    member: Member
    leaf_index: LeafIndex
    kind: str
    made_at: int
    about: str = ""


class DutyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A duty that is not done yet."""

    duty_id: int
    member: Member
    leaf_index: LeafIndex
    kind: str
    made_at: int
    about: str = ""


class DutyStore(Protocol):
    """What the one system of record has of duties."""

    async def duties(
        self, members: Sequence[Member], limit: int, kinds: Sequence[str] | None = None
    ) -> list[DutyRow]:
        """Return duties that are not done, oldest first; of all kinds unless some are given."""
        ...

    async def end_duty(self, member: Member, duty_id: int) -> None:
        """Let go of a duty that is done; one that is gone already is no error."""
        ...


class Pager(Protocol):
    """Whoever reaches a person at once."""

    async def page(self, message: bytes) -> None:
        """Hand over a message (JSON, one line); it may come again. Raises: PageError."""
        ...
