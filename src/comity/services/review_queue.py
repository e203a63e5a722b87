"""The queue of a state's holds, read by the role that can only read.

Guarantee: what a list shows says nothing of whom a query was about; a hold that cannot be opened,
such as one whose month key is gone, is listed all the same, for its clock runs.
Source: docs/adr/0036-console.md, section "The queue is read in pages".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec

from comity.domain.agency import Agency
from comity.domain.call_back import CallBack
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, Member, entry_name, parse_entry_name
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, Purpose
from comity.ports import HoldRow, QueuedCase, Store
from comity.review.call_backs import calls_of, step_without_calls
from comity.review.conflicts import Ground, ground_of
from comity.review.queue import QueueCounts, QueuePlace
from comity.services.entries import (
    decode_hold,
    decode_passed,
    decode_proposal,
    hold_place,
    passed_place,
    proposal_place,
)
from comity.services.events import Events
from comity.services.vault import Vault

__all__ = [
    "PAGE_HOLDS",
    "TOGETHER_MAX",
    "AgencyOf",
    "PassedOn",
    "QueueItem",
    "QueuePage",
    "ReviewQueue",
    "SameCase",
]

PAGE_HOLDS: Final = 50
"""Holds of one page."""
TOGETHER_MAX: Final = 25
"""Holds of one case that are shown and decided together."""

AgencyOf = Callable[[ORI], Agency | None]


class PassedOn(msgspec.Struct, frozen=True, kw_only=True):
    """Who passed a hold on, when (Unix seconds), and what for: a conflict of interest, a note."""

    reviewer: str
    at: int
    ground: Ground | None
    note: str


class QueueItem(msgspec.Struct, frozen=True, kw_only=True):
    """One hold in the list. Times are Unix seconds; `agency` is empty where it cannot be opened.

    It stands for all `requests` of its case that wait as it does. `is_proposed` says that it waits
    for a second reviewer, if what one proposed holds still. `replies` counts what the agency
    replied to its reviewer. `passed` says who passed it on, the newest last.
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
    requests: int = 1
    is_proposed: bool = False
    replies: int = 0
    passed: tuple[PassedOn, ...] = ()


class SameCase(msgspec.Struct, frozen=True, kw_only=True):
    """Open holds of one case that wait alike: their numbers and next steps, the nearest deadline
    first, and how many they are in all.
    """

    holds: tuple[tuple[int, int], ...]
    requests: int


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some holds in their order, what waits in all, and where the next page begins."""

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
        apart: Collection[str] = (),
        limit: int = PAGE_HOLDS,
    ) -> QueuePage:
        """Return a page of the queue, a case once; nothing of it is of the entries `leaving`, nor
        of those that are shown `apart`, which are counted all the same.

        Raises: StoreDownError.
        """
        without = _numbers({*leaving, *apart})
        cases = await self._store.review_page(member, after, limit + 1, without=without)
        shown = cases[:limit]
        return QueuePage(
            items=tuple(self.listed(shown, agency_of)),
            counts=await self.counts(member, now, leaving=leaving),
            more=place_of(shown[-1].first) if len(cases) > limit else None,
        )

    async def counts(
        self, member: Member, now: int, *, leaving: Collection[str] = ()
    ) -> QueueCounts:
        """Return how much waits, without the entries that are `leaving`. Raises: StoreDownError."""
        counts = await self._store.review_counts(member, now)
        # Each by its row: one that has ended is in no count, and what it was asked is not known.
        open_rows = [await self._store.open_hold(*parse_entry_name(each)) for each in leaving]
        going = [place_of(row) for row in open_rows if row is not None]
        return counts.without(going, now)

    def cases_of(self, rows: Iterable[HoldRow], agency_of: AgencyOf) -> list[QueueItem]:
        """Return these holds as the list shows them, a case once, in their order."""
        cases: dict[object, list[HoldRow]] = {}
        for row in rows:
            is_alone = row.case_tag is None
            key = row.leaf_index if is_alone else (row.case_tag, row.asked_at is not None)
            cases.setdefault(key, []).append(row)
        found = (QueuedCase(first=each[0], requests=len(each)) for each in cases.values())
        return [self._item(case, agency_of) for case in found]

    async def passed_on(
        self,
        member: Member,
        agency_of: AgencyOf,
        *,
        leaving: Collection[str] = (),
        limit: int = PAGE_HOLDS,
    ) -> list[QueueItem]:
        """Return what was passed on, request by request, the nearest deadline first.

        Raises: StoreDownError.
        """
        rows = await self._store.review_passed(member, limit, without=_numbers(leaving))
        return [self._item(QueuedCase(first=row, requests=1), agency_of) for row in rows]

    def listed(self, cases: Iterable[QueuedCase], agency_of: AgencyOf) -> list[QueueItem]:
        """Return cases as the list shows them."""
        return [self._item(case, agency_of) for case in cases]

    def item(self, row: HoldRow, agency_of: AgencyOf) -> QueueItem:
        """Return one hold as a list shows it."""
        return self._item(QueuedCase(first=row, requests=1), agency_of)

    async def same_case(
        self, row: HoldRow, *, leaving: Collection[str] = (), limit: int = TOGETHER_MAX
    ) -> SameCase:
        """Return what waits of a hold's case as it does, beside the entries that are `leaving`.

        Raises: StoreDownError.
        """
        rows, requests = await self._store.review_case(row, limit, without=_numbers(leaving))
        holds = tuple((each.leaf_index, each.next_step) for each in rows)
        return SameCase(holds=holds, requests=requests)

    def _item(self, case: QueuedCase, agency_of: AgencyOf) -> QueueItem:
        row = case.first
        known = QueueItem(
            entry=entry_name(row.member, row.leaf_index),
            number=row.leaf_index,
            opened_at=row.opened_at,
            until=row.until,
            asked_at=row.asked_at,
            requests=case.requests,
            replies=len(row.replies),
            passed=self.passed_by(row),
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
            is_proposed=self._is_proposed(row),
            rules=tuple(dict.fromkeys(reasons)),
        )

    def passed_by(self, row: HoldRow) -> tuple[PassedOn, ...]:
        """Return who passed a hold on, the newest last; nobody where that cannot be opened."""
        kept = (signed.verdict for signed in self._kept(row))
        return tuple(_passed_on(each) for each in kept if each.kind is VerdictKind.ESCALATE)

    def calls_on(self, row: HoldRow) -> tuple[CallBack, ...]:
        """Return the calls back that are recorded on a hold; none where that cannot be opened."""
        return calls_of(self._kept(row))

    def _kept(self, row: HoldRow) -> tuple[SignedVerdict, ...]:
        if row.passed is None:
            return ()
        place = passed_place(row.exchange_id, row.member)
        try:
            return decode_passed(self._vault.open(row.member, row.passed, place))
        except (ComityError, msgspec.MsgspecError) as error:
            # The gateway takes nobody's verdict on it then: to list it is no harm.
            self._events.failure("hold_not_opened", error, member=row.member)
            return ()

    def _is_proposed(self, row: HoldRow) -> bool:
        """Say whether a release was proposed that another reviewer may confirm still."""
        if row.proposal is None:
            return False
        place = proposal_place(row.exchange_id, row.member)
        try:
            signed = decode_proposal(self._vault.open(row.member, row.proposal, place))
        except (ComityError, msgspec.MsgspecError):
            return False
        return signed.verdict.step == step_without_calls(row.next_step, self.calls_on(row)) - 1


def _passed_on(verdict: Verdict) -> PassedOn:
    ground = ground_of(verdict)
    note = verdict.note if ground is None else ""
    return PassedOn(reviewer=verdict.reviewer, at=verdict.at, ground=ground, note=note)


def _numbers(entries: Collection[str]) -> list[int]:
    """Return the numbers of entries, which are of one state."""
    return [parse_entry_name(entry)[1] for entry in entries]


def place_of(row: HoldRow) -> QueuePlace:
    """Return where a hold stands in the queue."""
    return QueuePlace(is_asked=row.asked_at is not None, until=row.until, leaf_index=row.leaf_index)
