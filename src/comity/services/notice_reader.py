"""Reads a ledger for the requests about which residents may have to be told.

A leaf's public header says whether a notice can be owed at all; only then its private record is
opened. Whoever calls has recorded first that it is read.
Guarantee: nothing is kept; what could not be opened is counted and never passed over in silence.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed".
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.private import Fields
from comity.ports import LedgerRows, Store
from comity.review.notices import AskedAbout, NoticeRules, is_meant, told_of
from comity.review.protections import AddressSaid
from comity.services.private_records import RecordGoneError, Records
from comity.services.protection_reader import ProtectionReader
from comity.services.vault import Vault

__all__ = ["NOTICE_RECORDS_MAX", "NoticeReader", "NoticesRead", "TooManyNoticesError"]

NOTICE_RECORDS_MAX: Final = 20_000
"""Private records that are opened at once to find the notices that are owed."""
_PAGE_LEAVES: Final = 4_096


class TooManyNoticesError(ComityError):
    """So many requests may owe a notice that they are not read at once."""

    code = "notices-too-many"


class NoticesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Requests since a time, in the ledger's order, and how many records could not be read."""

    asked: tuple[AskedAbout, ...]
    unread: int


class _Leaves(msgspec.Struct, kw_only=True):
    """What a ledger says since a time: outcomes by index, and what cites an entry."""

    outcomes: dict[int, LeafHeader]
    cited_by: dict[str, list[LeafHeader]]


class NoticeReader:
    """Reads one host's ledgers."""

    def __init__(self, *, store: Store, rows: LedgerRows, vault: Vault) -> None:
        self._store = store
        self._rows = rows
        self._records = Records(store, vault, rows)
        self._addresses = ProtectionReader(store, vault, self._records)

    async def read(self, rules: NoticeRules, directory: Directory, since: int) -> NoticesRead:
        """Return the requests accepted since a time (Unix seconds) that a clause may mean.

        Raises: TooManyNoticesError, StoreDownError.
        """
        member = rules.state
        leaves = await self._leaves(rules, directory, since)
        if len(leaves.outcomes) > NOTICE_RECORDS_MAX:
            raise TooManyNoticesError(
                f"more than {NOTICE_RECORDS_MAX} requests: ask for fewer days"
            )
        groups: dict[bytes, list[tuple[int, Fields]]] = defaultdict(list)
        unread = 0
        for index in sorted(leaves.outcomes):
            try:
                fields = (await self._records.read(member, index))[1].fields
                groups[dict(fields)["exchange"]].append((index, fields))
            except (RecordGoneError, KeyError):
                unread += 1
        asked: list[AskedAbout] = []
        for group in groups.values():
            try:
                one = _asked(member, group, leaves, directory)
            except (KeyError, ValueError):
                unread += 1
                continue
            if one.accepted_at >= since:
                asked.append(one)
        return NoticesRead(asked=tuple(asked), unread=unread)

    async def address(self, asked: AskedAbout, now: int, *, licence: str = "") -> AddressSaid:
        """Return what the register says of whom a request is about, at a time (Unix seconds).

        `licence` is the number of whom a letter goes to, where the request may not name it.
        Raises: StoreDownError.
        """
        member, index = parse_entry_name(asked.entry)
        return await self._addresses.of_leaf(member, index, now, licence=licence)

    async def _leaves(self, rules: NoticeRules, directory: Directory, since: int) -> _Leaves:
        """Read backwards from the ledger's end to the hour of `since`."""
        member = rules.state
        found = _Leaves(outcomes={}, cited_by=defaultdict(list))
        last = (await self._store.heads([member]))[member][0].frontier.size
        hour = since // HOUR_SECONDS
        while last:
            first = max(0, last - _PAGE_LEAVES)
            page = await self._rows.leaves(member, first, last)
            headers = [(i, parse_leaf(leaf)) for i, leaf in enumerate(page, first) if leaf]
            for index, header in headers:
                if header.cites is not None:
                    found.cited_by[header.cites].append(header)
                if header.hour >= hour and is_meant(rules, header, directory):
                    found.outcomes[index] = header
            if any(header.hour < hour for _, header in headers):
                break
            last = first
        return found


def _asked(
    member: Member, group: list[tuple[int, Fields]], leaves: _Leaves, directory: Directory
) -> AskedAbout:
    entries = [(entry_name(member, index), leaves.outcomes[index]) for index, _ in group]
    cited_by = [header for entry, _ in entries for header in leaves.cited_by[entry]]
    return told_of(entries[0][0], entries, cited_by, group[0][1], directory)
