"""Delayed detail whose time is over: opened for everyone by a `reveal` leaf and its document.

    1. find the rows that are due, in the order of their time
    2. open each private record; its opening of agency, purpose and offence is the document
    3. commit the leaf with its document and mark the row in the same transaction

So a crash anywhere leaves a row either sealed or opened, and a second run finds only the former.
What cannot be opened (its month's key is lost, its record was expunged) stays sealed: an alarm, and
counted as overdue in the ledger's status.
Source: docs/adr/0024-private-records.md, "Delayed detail".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, entry_name, make_id
from comity.domain.leaf import SEALED, LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.ledger.commitment import encode_opening, open_commitment
from comity.ports import Clock, DelayedRow, Entropy, LedgerRows, Store
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.member import World
from comity.services.private_records import PrivateRecord, RecordGoneError, private_record
from comity.services.sequencer import Committed, Sequencer
from comity.services.vault import Vault

__all__ = ["DETAIL_FIELDS", "ROWS_MAX", "Reveals", "reveal_header"]

DETAIL_FIELDS: Final = ("agency", "purpose", "offence")
"""Fields of the private record that stand in the header, in the order of both."""

ROWS_MAX: Final = 1_024
"""Leaves opened in one round; the next round takes up where it ended."""

_NS: Final = 1_000_000_000
_AGAIN_SECONDS: Final = 3_600


class Reveals:
    """Opens delayed detail of one host's members."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows | None = None,
        vault: Vault,
        sequencer: Sequencer,
        clock: Clock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows or store
        self._vault = vault
        self._sequencer = sequencer
        self._clock = clock
        self._entropy = entropy
        self._events = events
        self._after: DelayedRow | None = None
        self._again_at = 0
        self._alarmed: set[tuple[Member, int]] = set()

    async def open_due(self) -> int:
        """Open what is due, at most 1,024 leaves; return how many. Raises: StoreDownError.

        What could not be opened is passed over and tried again every hour.
        """
        now = self._clock.now_ns() // _NS
        if now >= self._again_at:
            self._after, self._again_at = None, now + _AGAIN_SECONDS
        members = [member for member in self._world.members() if self._sequencer.owns(member)]
        rows = await self._store.detail_due(members, now, self._after, ROWS_MAX)
        entries = []
        for row in rows:
            try:
                entries.append(await self._entry(row, now))
            except ComityError as error:
                self._not_opened(row, error)
        # A busy or faulty sequencer is met again in an hour: the rows stay.
        self._after = rows[-1] if rows else self._after
        results = await self._sequencer.commit(entries)
        opened = sum(isinstance(result, Committed) for result in results)
        if opened:
            self._events.note("detail_opened", opened)
        if opened < len(entries):
            self._events.alarm("detail_not_committed", count=len(entries) - opened)
        return opened

    def _not_opened(self, row: DelayedRow, error: ComityError) -> None:
        """Say it once a member and month: a lost key takes all that it sealed with it."""
        place = (row.member, row.made_month)
        if place not in self._alarmed:
            self._alarmed.add(place)
            self._events.alarm("detail_not_opened", member=row.member, code=error.code)

    async def _entry(self, row: DelayedRow, now: int) -> Entry:
        member, index = row.member, row.leaf_index
        (leaf,) = await self._rows.leaves(member, index, index + 1)
        (leaf_hash,) = await self._rows.leaf_hashes(member, index, index + 1)
        record = await private_record(self._store, self._vault, member, index, leaf_hash)
        if record is None:
            raise RecordGoneError("the private record of a sealed leaf cannot be opened")
        cited = parse_leaf(leaf)
        header, names = reveal_header(cited, index, record, self._world.directory, now)
        return Entry(
            member=member,
            exchange_id=make_id(self._clock.now_ns(), self._entropy.token(8)),
            leaves=(
                WantedLeaf(
                    step=0, header=header, fields=note_fields(reveals=entry_name(member, index))
                ),
            ),
            document=encode_opening(open_commitment(record.key, record.fields, names)),
            reveals=index,
        )


def reveal_header(
    cited: LeafHeader, index: int, record: PrivateRecord, directory: Directory, now: int
) -> tuple[LeafHeader, Sequence[str]]:
    """Return the header of the `reveal` leaf of a sealed one, and which fields its document shows.

    The agency is left out where its member lists it as small.
    """
    values = {name: value.decode() for name, value in record.fields if name in DETAIL_FIELDS}
    if not all(getattr(cited, name) in (SEALED, None) for name in DETAIL_FIELDS):
        raise RecordGoneError("a leaf with delayed detail is not sealed")
    names = [n for n in DETAIL_FIELDS if n in values and getattr(cited, n) == SEALED]
    agency = directory.agency(ORI(values.get("agency", "")))
    if agency is not None and agency.small:
        names.remove("agency")
    header = LeafHeader(
        version=1,
        kind=LeafKind.REVEAL,
        mode=cited.mode,
        hour=now // HOUR_SECONDS,
        member=cited.member,
        cites=entry_name(cited.member, index),
    )
    return msgspec.structs.replace(header, **{name: values[name] for name in names}), names
