"""A member's own traffic, read back from the rows that its origin face keeps anyway.

    accepted rows    what its agencies sent
    result rows      what was delivered to its agencies' lines; one without a number was not

Guarantee: nothing is copied and nothing kept; a row is opened, made a message, and forgotten.
Images never leave here: a delivery's text names them and does not hold them. A row whose month's
key is gone, or that was altered, is counted and passed over. A delivery stands at the time at
which its query was accepted, whenever it came. Source: docs/adr/0019-archive.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, QueryId
from comity.exchange.archive import (
    ArchiveItem,
    Reference,
    delivery_item,
    query_item,
    reference_name,
)
from comity.exchange.origin import AcceptedQuery, decode_accepted
from comity.ports import AcceptedRow, LedgerRows, ResultRow, ResultSpan, Store
from comity.services.deliveries import open_result
from comity.services.entries import accepted_place
from comity.services.forms import read_delivery, stamp_time
from comity.services.private_records import private_fields
from comity.services.vault import Vault

__all__ = ["ACCEPTED_PAGE_ROWS", "RESULT_PAGE_ROWS", "Opened", "Traffic", "Unit"]

ACCEPTED_PAGE_ROWS: Final = 256
RESULT_PAGE_ROWS: Final = 64
"""Results hold photos: a page of them is at most 64 MiB, and some 2 MiB as things are."""

_NS: Final = 1_000_000_000
_ID_TIME_BOUND: Final = 1 << 64
_LAST: Final = b"\xff" * 17
_UNREADABLE: Final = (ComityError, msgspec.MsgspecError, UnicodeError)


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One query and all that was delivered for it.

    `accepted` is None where another member's agency sent it.
    """

    query_id: QueryId
    accepted: AcceptedRow | None = None
    results: tuple[ResultRow, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.results) + (self.accepted is not None)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of a unit, the query first, and how many rows could not be opened."""

    items: tuple[ArchiveItem, ...]
    unopened: int


class Traffic:
    """Reads what one host's members have sent and been delivered."""

    def __init__(self, *, store: Store, rows: LedgerRows | None = None, vault: Vault) -> None:
        self._store = store
        self._rows = rows or store
        self._vault = vault

    async def units(
        self, member: Member, since: int, until: int, *, newest_first: bool
    ) -> AsyncGenerator[Unit, None]:
        """Yield the queries accepted from `since` up to `until` (Unix seconds), exclusive, by time.

        Each comes with its results. Raises: StoreDownError.
        """
        ids = (_id_at(since), _id_at(until))
        async with (
            aclosing(self._accepted(member, ids, newest_first=newest_first)) as queries,
            aclosing(self._results(member, ids, newest_first=newest_first)) as results,
        ):
            query, group = await anext(queries, None), await anext(results, None)
            while query is not None or group is not None:
                is_query = query is not None and (
                    group is None or _comes(query.query_id, group[0].query_id, newest_first)
                )
                is_group = group is not None and (
                    query is None or _comes(group[0].query_id, query.query_id, newest_first)
                )
                yield _unit(query if is_query else None, group if is_group else None)
                if is_query:
                    query = await anext(queries, None)
                if is_group:
                    group = await anext(results, None)

    def open(self, unit: Unit) -> Opened:
        """Return a unit's messages, in the order in which they are referred to."""
        items: list[ArchiveItem] = []
        leaf = None if unit.accepted is None else unit.accepted.leaf_index
        delivered = sorted(_delivered(unit), key=_in_order)
        if unit.accepted is not None and (query := self._query(unit.accepted)) is not None:
            items.append(query_item(query, unit.accepted.leaf_index))
        for number, row in enumerate(delivered, start=1):
            reference = Reference(
                member=row.member,
                leaf=leaf,
                query_id=unit.query_id if leaf is None else None,
                delivery=number,
            )
            item = self._delivery(row, reference)
            if item is not None:
                items.append(item)
        messages = len(delivered) + (unit.accepted is not None)
        return Opened(items=tuple(items), unopened=messages - len(items))

    async def find(self, reference: Reference) -> ArchiveItem | None:
        """Return the message that a reference names, or None if it is not there, or not readable.

        Raises: StoreDownError.
        """
        query_id = reference.query_id
        if reference.leaf is not None:
            query_id = await self._query_of_leaf(reference.member, reference.leaf)
        if query_id is None:
            return None
        accepted = await self._store.accepted_between(
            reference.member, (query_id, query_id + b"\x00"), 1, newest_first=False
        )
        results = await self._store.results_of(query_id)
        unit = Unit(
            query_id=query_id,
            accepted=accepted[0] if accepted else None,
            results=tuple(row for row in results if row.member == reference.member),
        )
        # The name says all: whose query it is, its leaf, and which delivery.
        name = reference_name(reference)
        return next((i for i in self.open(unit).items if i.reference == name), None)

    async def _query_of_leaf(self, member: Member, leaf: LeafIndex) -> QueryId | None:
        """Return the query behind a leaf, from the leaf's private record.

        No index of the queries by leaf is kept for this: it would cost each of them.
        """
        hashes = await self._rows.leaf_hashes(member, leaf, leaf + 1)
        if not hashes:
            return None
        found = await private_fields(self._store, self._vault, member, leaf, hashes[0])
        fields = dict(found or ())
        # An outcome leaf has a query too: its own message has another name, so it is not this one.
        query_id = fields.get("query")
        return QueryId(query_id) if query_id else None

    def _query(self, row: AcceptedRow) -> AcceptedQuery | None:
        try:
            opened = self._vault.open(row.member, row.sealed, accepted_place(row.query_id))
            return decode_accepted(opened)
        except _UNREADABLE:
            return None

    def _delivery(self, row: ResultRow, reference: Reference) -> ArchiveItem | None:
        try:
            delivery = read_delivery(open_result(self._vault, row)[1])
            return delivery_item(delivery, reference, stamp_time(delivery.sent))
        except (*_UNREADABLE, ValueError):
            return None

    async def _accepted(
        self, member: Member, ids: tuple[bytes, bytes], *, newest_first: bool
    ) -> AsyncGenerator[AcceptedRow, None]:
        since, until = ids
        while True:
            rows = await self._store.accepted_between(
                member, (since, until), ACCEPTED_PAGE_ROWS, newest_first=newest_first
            )
            for row in rows:
                yield row
            if len(rows) < ACCEPTED_PAGE_ROWS:
                return
            if newest_first:
                until = rows[-1].query_id
            else:
                since = rows[-1].query_id + b"\x00"

    async def _results(
        self, member: Member, ids: tuple[bytes, bytes], *, newest_first: bool
    ) -> AsyncGenerator[list[ResultRow], None]:
        """Yield the results of each query together."""
        group: list[ResultRow] = []
        async with aclosing(self._result_rows(member, ids, newest_first=newest_first)) as rows:
            async for row in rows:
                if group and group[0].query_id != row.query_id:
                    yield group
                    group = []
                group.append(row)
        if group:
            yield group

    async def _result_rows(
        self, member: Member, ids: tuple[bytes, bytes], *, newest_first: bool
    ) -> AsyncGenerator[ResultRow, None]:
        span: ResultSpan = ((ids[0], b"", -1), (ids[1], b"", -1))
        while True:
            rows = await self._store.results_between(
                member, span, RESULT_PAGE_ROWS, newest_first=newest_first
            )
            for row in rows:
                yield row
            if len(rows) < RESULT_PAGE_ROWS:
                return
            last = (rows[-1].query_id, rows[-1].exchange_id, rows[-1].step)
            span = (span[0], last) if newest_first else (last, span[1])


def _id_at(seconds: int) -> bytes:
    """Return the least id of a time; ids begin with their nanoseconds."""
    time_ns = max(0, seconds) * _NS
    return time_ns.to_bytes(8, "big") if time_ns < _ID_TIME_BOUND else _LAST


def _comes(first: bytes, other: bytes, newest_first: bool) -> bool:
    """Say whether an id comes no later than another."""
    return first >= other if newest_first else first <= other


def _unit(query: AcceptedRow | None, group: Sequence[ResultRow] | None) -> Unit:
    query_id = query.query_id if query is not None else (group or ())[0].query_id
    return Unit(query_id=query_id, accepted=query, results=tuple(group or ()))


def _delivered(unit: Unit) -> Iterator[ResultRow]:
    """Return the deliveries of a unit; one that its agency did not ask for is kept for both fronts
    of its line, and is one message.
    """
    is_mail = unit.accepted is None
    return (row for row in unit.results if row.number and not (is_mail and row.step))


def _in_order(row: ResultRow) -> tuple[int, str, bytes, int]:
    """Return by what deliveries of one query are counted: a line numbers them as it gets them."""
    return row.number, row.line, row.exchange_id, row.step
