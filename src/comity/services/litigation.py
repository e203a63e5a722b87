"""The litigation holds that stand over a member's records, read from its key events.

Guarantee: what stands follows from the events alone, as the gateway reads them; an event that
cannot be read is an error and never a hold less. A private record that cannot be opened here hides
who ordered a hold and for which matter, not the hold.
Source: docs/adr/0024-private-records.md, "Decision: holds"; docs/adr/0044-legal-desk.md.
"""

from __future__ import annotations

import msgspec

from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.keeping import KeepingReason, KeyEvent, parse_key_event
from comity.domain.leaf import parse_leaf
from comity.exchange.leaves import HOUR_SECONDS
from comity.ports import LedgerRows, Store
from comity.review.keeping import Standing, standing_of
from comity.services.private_records import RecordGoneError, Records

__all__ = ["HoldsStanding", "StandingHold", "find_hold", "read_holds"]


class StandingHold(msgspec.Struct, frozen=True, kw_only=True):
    """A litigation hold: its leaf, the months (`2024-10`; None: all, past and coming), its cause.

    `since` is the hour of its leaf in Unix seconds. `persons` are who signed it, None where that
    cannot be opened here; then `matter` is empty.
    """

    leaf_index: LeafIndex
    entry: str
    months: tuple[str, ...] | None
    reason: KeepingReason
    since: int
    persons: tuple[str, ...] | None
    matter: str


class HoldsStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The newest holds of a member that stand, how many there are in all, and its schedule.

    `covers_all`: one of all of them, shown or not, holds every month; else `months` are held.
    """

    holds: tuple[StandingHold, ...]
    count: int
    keep_months: int | None
    covers_all: bool
    months: int


async def read_holds(
    store: Store, ledger: LedgerRows, records: Records, member: Member, most: int
) -> HoldsStanding:
    """Return what stands, the newest first, `most` of them.

    Raises: KeyEventError, StoreDownError.
    """
    events, standing = await _events(store, member)
    indexes = [LeafIndex(hold.leaf_index) for hold in standing.holds]
    covered = [hold.months for hold in standing.holds]
    return HoldsStanding(
        holds=tuple(
            [await _hold(ledger, records, member, at, events[at]) for at in indexes[::-1][:most]]
        ),
        count=len(indexes),
        keep_months=standing.keep_months,
        covers_all=None in covered,
        months=len({month for months in covered for month in months or ()}),
    )


async def find_hold(
    store: Store, ledger: LedgerRows, records: Records, member: Member, index: int
) -> StandingHold | None:
    """Return the hold of a leaf, if it stands. Raises: KeyEventError, StoreDownError."""
    events, standing = await _events(store, member)
    if index not in {hold.leaf_index for hold in standing.holds}:
        return None
    at = LeafIndex(index)
    return await _hold(ledger, records, member, at, events[at])


async def _events(store: Store, member: Member) -> tuple[dict[int, KeyEvent], Standing]:
    rows = await store.key_events(member)
    events: dict[int, KeyEvent] = {row.leaf_index: parse_key_event(row.body) for row in rows}
    return events, standing_of(events.items())


async def _hold(
    ledger: LedgerRows, records: Records, member: Member, index: LeafIndex, event: KeyEvent
) -> StandingHold:
    (leaf,) = await ledger.leaves(member, index, index + 1)
    persons, matter = await _ordered(records, member, index)
    return StandingHold(
        leaf_index=index,
        entry=entry_name(member, index),
        months=event.months,
        reason=event.reason,
        since=parse_leaf(leaf).hour * HOUR_SECONDS,
        persons=persons,
        matter=matter,
    )


async def _ordered(
    records: Records, member: Member, index: LeafIndex
) -> tuple[tuple[str, ...] | None, str]:
    """Return who ordered a hold and for which matter, where that can be opened here."""
    try:
        _, record = await records.read(member, index)
    except RecordGoneError:
        return None, ""
    said = dict(record.fields)
    persons = said.get("persons", b"").decode()
    return tuple(persons.split(",")) if persons else (), said.get("matter", b"").decode()
