"""Requests of federal agencies and what became of them, told from a ledger's public leaves alone.

Guarantee: leaves of one request are put together by the entry of its query; what comes behind its
hold ends the hold. Nothing here can name a person (invariant `public-bytes-hold-no-person`).
Source: docs/adr/0047-federal-queries-as-they-are-decided.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Family
from comity.domain.ids import OPERATOR_MEMBER, LeafIndex, entry_name, parse_entry_name
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.vocabulary import DataClass, LeafKind, LeafMode

__all__ = [
    "FEDERAL_ROOT",
    "Fate",
    "FederalQuery",
    "FederalTally",
    "acting_agencies",
    "fate_of",
    "follow",
    "tally_by_agency",
    "tally_of",
]

FEDERAL_ROOT: Final = "US"
"""The family of all federal agencies."""
_OUTCOMES: Final = frozenset({LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD})


class Fate(StrEnum):
    """What became of a request, as far as its ledger tells by now."""

    RELEASED = "released"
    PART = "part"
    NO_RECORD = "no_record"
    NOTHING = "nothing"
    """Released, and the record had nothing of it, or several matched."""
    REFUSED = "refused"
    HELD = "held"
    EXPIRED = "expired"


class FederalQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `peer` is the entry of its query in its origin's ledger.

    `agency` is an ORI, empty where the public ledger does not show it; `acts_for` the federal
    family for which an agency of another member acts; `purpose` is empty where it stands sealed.
    `first` and `last` are its first and last leaf, `hour` the first one's.
    """

    peer: str
    agency: str
    acts_for: Family | None
    key: str
    purpose: str
    hour: int
    first: LeafIndex
    last: LeafIndex
    released: tuple[DataClass, ...] = ()
    refused: tuple[DataClass, ...] = ()
    held: tuple[DataClass, ...] = ()
    hold: LeafIndex | None = None
    is_no_record: bool = False
    is_disclosed: bool = False
    is_expired: bool = False
    is_reviewed: bool = False


class FederalTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests there are, and what became of them."""

    asked: int
    released: int
    refused: int
    none: int
    held: int


def acting_agencies(directory: Directory) -> dict[str, Family]:
    """Return agencies that are not federal and act for a federal family, with that family."""
    parts = filter(None, map(directory.part, directory.members()))
    return {
        agency.ori: acts.family
        for part in parts
        if part.member != OPERATOR_MEMBER
        for agency in part.agencies
        for acts in agency.acts_for[:1]
        if acts.family.split("/")[0] == FEDERAL_ROOT
    }


def follow(
    known: FederalQuery | None,
    index: LeafIndex,
    leaf: LeafHeader,
    acting: dict[str, Family],
) -> FederalQuery | None:
    """Return a request with one more of its leaves; None for a leaf of no federal request.

    `known` is what the leaves before it told of the same `peer`, or of the hold that a closure
    cites.
    """
    if leaf.mode is not LeafMode.LIVE:
        return None
    if leaf.kind is LeafKind.CLOSURE:
        return _expired(known, index, leaf)
    if leaf.kind not in _OUTCOMES or leaf.peer is None or leaf.key is None:
        return None
    if known is None:
        known = _begun(index, leaf, acting)
    return None if known is None else _with(known, index, leaf)


def _begun(index: LeafIndex, leaf: LeafHeader, acting: dict[str, Family]) -> FederalQuery | None:
    assert leaf.peer is not None
    assert leaf.key is not None
    is_federal = parse_entry_name(leaf.peer)[0] == OPERATOR_MEMBER
    agency = leaf.agency or ""
    if not is_federal and agency not in acting:
        return None
    if key_row(MessageKey(leaf.key)).handling is not Handling.RECORDS:
        return None
    return FederalQuery(
        peer=leaf.peer,
        agency="" if agency == SEALED or ":" in agency else agency,
        acts_for=None if is_federal else acting[agency],
        key=leaf.key,
        purpose="" if leaf.purpose in (None, SEALED) else leaf.purpose,
        hour=leaf.hour,
        first=index,
        last=index,
    )


def _with(known: FederalQuery, index: LeafIndex, leaf: LeafHeader) -> FederalQuery:
    is_hold = leaf.kind is LeafKind.HOLD
    # A hold is the last leaf of its step: what follows of the same request is what ended it.
    ends_hold = known.hold is not None and not is_hold
    released = _joined(known.released, leaf.released or ())
    withheld = leaf.withheld or ()
    refused = _joined(known.refused, () if is_hold else withheld)
    held = _joined(() if ends_hold else known.held, withheld if is_hold else ())
    refused = tuple(part for part in refused if part not in released)
    return msgspec.structs.replace(
        known,
        last=index,
        released=released,
        refused=refused,
        held=tuple(part for part in held if part not in released and part not in refused),
        hold=index if is_hold else known.hold,
        is_no_record=known.is_no_record or leaf.result == "none",
        is_disclosed=known.is_disclosed or leaf.kind is LeafKind.DISCLOSURE,
        is_reviewed=known.is_reviewed or ends_hold,
    )


def _expired(known: FederalQuery | None, index: LeafIndex, leaf: LeafHeader) -> FederalQuery | None:
    if known is None or known.hold is None or not known.held:
        return None
    if leaf.cites != entry_name(leaf.member, known.hold):
        return None
    return msgspec.structs.replace(known, last=index, held=(), is_expired=True)


def _joined(one: Sequence[DataClass], other: Sequence[DataClass]) -> tuple[DataClass, ...]:
    both = {*one, *other}
    return tuple(part for part in DataClass if part in both)


def fate_of(query: FederalQuery) -> Fate:
    """Return what became of a request by now."""
    if query.held:
        return Fate.HELD
    if query.released:
        return Fate.PART if query.refused or query.is_expired else Fate.RELEASED
    if query.is_no_record:
        return Fate.NO_RECORD
    if query.is_expired:
        return Fate.EXPIRED
    return Fate.NOTHING if query.is_disclosed else Fate.REFUSED


def tally_of(queries: Iterable[FederalQuery]) -> FederalTally:
    """Return how these requests ended, or stand."""
    fates = [fate_of(query) for query in queries]
    return FederalTally(
        asked=len(fates),
        released=sum(fate in (Fate.RELEASED, Fate.PART) for fate in fates),
        refused=sum(fate in (Fate.REFUSED, Fate.EXPIRED) for fate in fates),
        none=sum(fate in (Fate.NO_RECORD, Fate.NOTHING) for fate in fates),
        held=sum(fate is Fate.HELD for fate in fates),
    )


def tally_by_agency(queries: Sequence[FederalQuery]) -> list[tuple[str, FederalTally]]:
    """Return the tally of each agency, who asked most first; what is not shown counts as one."""
    by_agency: dict[str, list[FederalQuery]] = {}
    for query in queries:
        by_agency.setdefault(query.agency, []).append(query)
    tallies = [(agency, tally_of(each)) for agency, each in by_agency.items()]
    return sorted(tallies, key=lambda pair: (-pair[1].asked, pair[0]))
