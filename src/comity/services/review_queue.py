"""The queue of a state's holds, read by the role that can only read.

Guarantee: what a list shows says nothing of whom a query was about; a hold that cannot be opened,
such as one whose month key is gone, is listed all the same, for its clock runs.
Source: docs/adr/0036-console.md, section "The queue is read in pages".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from comity.domain.agency import Agency
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, Member, entry_name, parse_entry_name
from comity.domain.vocabulary import DataClass, Purpose
from comity.ports import HoldRow, Store
from comity.review.queue import QueueCounts, QueuePlace
from comity.services.entries import decode_hold, hold_place
from comity.services.events import Events
from comity.services.vault import Vault

__all__ = ["PAGE_HOLDS", "QueueItem", "QueuePage", "ReviewQueue"]

PAGE_HOLDS: Final = 50
"""Holds of one page."""

AgencyOf = Callable[[ORI], Agency | None]


class QueueItem(msgspec.Struct, frozen=True, kw_only=True):
    """One hold in the list. Times are Unix seconds; `agency` is empty where it cannot be opened.

    `replies` counts what the agency replied to its reviewer.
    """

    entry: str
    number: int
    agency: str = ""
    agency_name: str = ""
    key: str = ""
    purpose: Purpose = Purpose.NOT_STATED
    case_number: str = ""
    classes: tuple[DataClass, ...] = ()
    rules: tuple[str, ...] = ()
    opened_at: int
    until: int
    asked_at: int | None
    replies: int = 0


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some holds in their order, what waits in all, and where the next page begins.

    `items` may be fewer than a page holds, and none although there is more.
    """

    items: tuple[QueueItem, ...]
    counts: QueueCounts
    more: QueuePlace | None


class ReviewQueue:
    """Reads what waits for a state's reviewers."""

    def __init__(self, *, store: Store, vault: Vault, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._events = events

    async def page(
        self,
        member: Member,
        after: QueuePlace | None,
        now: int,
        agency_of: AgencyOf,
        *,
        leaving: Collection[str] = (),
        limit: int = PAGE_HOLDS,
    ) -> QueuePage:
        """Return a page of the queue; nothing of it is of the entries that are `leaving`.

        Raises: StoreDownError.
        """
        rows = await self._store.review_page(member, after, limit + 1)
        shown = rows[:limit]
        counts = await self._store.review_counts(member, now)
        # Each by its row: one that has ended is in no count, and what it was asked is not known.
        open_rows = [await self._store.open_hold(*parse_entry_name(each)) for each in leaving]
        going = [place_of(row) for row in open_rows if row is not None]
        items = (self._item(row, agency_of) for row in shown)
        return QueuePage(
            items=tuple(item for item in items if item.entry not in leaving),
            counts=counts.without(going, now),
            more=place_of(shown[-1]) if len(rows) > limit else None,
        )

    def _item(self, row: HoldRow, agency_of: AgencyOf) -> QueueItem:
        known = QueueItem(
            entry=entry_name(row.member, row.leaf_index),
            number=row.leaf_index,
            opened_at=row.opened_at,
            until=row.until,
            asked_at=row.asked_at,
            replies=len(row.replies),
        )
        place = hold_place(ExchangeId(row.exchange_id), row.member)
        try:
            file = decode_hold(self._vault.open(row.member, row.sealed, place))
        except ComityError as error:
            self._events.failure("hold_not_opened", error, member=row.member)
            return known
        exchange = file.exchange
        agency = agency_of(exchange.agency)
        reasons = (reason.rule for part in file.withheld for reason in part.reasons)
        return msgspec.structs.replace(
            known,
            agency=exchange.agency,
            agency_name=agency.name if agency is not None else "",
            key=exchange.key,
            purpose=exchange.claims.purpose,
            case_number=exchange.claims.case_number,
            classes=file.classes,
            rules=tuple(dict.fromkeys(reasons)),
        )


def place_of(row: HoldRow) -> QueuePlace:
    """Return where a hold stands in the queue."""
    return QueuePlace(is_asked=row.asked_at is not None, until=row.until, leaf_index=row.leaf_index)
