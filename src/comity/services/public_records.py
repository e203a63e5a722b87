"""The public leaves of a period, for a public-records request: found, read, within limits.

Guarantee: only public leaves are read here; over a limit there is an error and no part of them.
Source: docs/adr/0044-legal-desk.md, "Decision: public-records exports".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.exchange.leaves import HOUR_SECONDS
from comity.ledger.note import Checkpoint, parse_checkpoint, parse_note
from comity.ledger.proof import encode_tlog_proof
from comity.ports import LedgerRows, Store
from comity.services.ledger_hours import first_leaf_from
from comity.services.proofs import inclusion_path

__all__ = [
    "LEAVES_MAX",
    "SPAN_LEAVES_MAX",
    "Collected",
    "PeriodTooLongError",
    "PeriodWanted",
    "PublicLeaf",
    "SignedHead",
    "collect_leaves",
    "signed_head",
]

LEAVES_MAX: Final = 20_000
"""Leaves of one export."""
SPAN_LEAVES_MAX: Final = 100_000
"""Leaves of a period, of whatever kind, that are read for one export."""
_CHUNK: Final = 2_048


class PeriodTooLongError(ComityError):
    """More leaves stand in the period than one export reads, or holds."""

    code = "period-too-long"


class PeriodWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which leaves: of kinds, whose hour begins at `begins` or later, before `before` (seconds)."""

    member: Member
    begins: int
    before: int
    kinds: frozenset[LeafKind]


class PublicLeaf(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf of the ledger with its index."""

    index: int
    header: LeafHeader


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's checkpoint as it is published, and what it commits to."""

    note: bytes
    checkpoint: Checkpoint


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """The leaves wanted, in order; of [first, beyond) those without bytes are `withdrawn`."""

    leaves: tuple[PublicLeaf, ...]
    withdrawn: tuple[int, ...]
    first: int
    beyond: int


async def collect_leaves(store: Store, ledger: LedgerRows, wanted: PeriodWanted) -> Collected:
    """Return the public leaves of a period.

    Raises: PeriodTooLongError, LeafError, StoreDownError.
    """
    member = wanted.member
    head, _ = (await store.heads([member]))[member]
    size = head.frontier.size
    first = await first_leaf_from(ledger, member, size, wanted.begins)
    beyond = await first_leaf_from(ledger, member, size, wanted.before)
    # Of a leaf that was withdrawn nobody can say the hour: at an edge it is said rather than not.
    while beyond < size and not (await ledger.leaves(member, beyond, beyond + 1))[0]:
        beyond += 1
    if beyond - first > SPAN_LEAVES_MAX:
        raise PeriodTooLongError(
            f"{beyond - first:,} leaves stand in this period, and {SPAN_LEAVES_MAX:,} are read for"
            " one export"
        )
    found: list[PublicLeaf] = []
    withdrawn: list[int] = []
    for at in range(first, beyond, _CHUNK):
        chunk = await ledger.leaves(member, at, min(at + _CHUNK, beyond))
        # It takes the processor for a while: beside the loop.
        await asyncio.to_thread(_read, chunk, at, wanted, found, withdrawn)
        if len(found) > LEAVES_MAX:
            raise PeriodTooLongError(
                f"over {LEAVES_MAX:,} leaves of these kinds stand in this period: one export holds"
                " no more"
            )
    return Collected(leaves=tuple(found), withdrawn=tuple(withdrawn), first=first, beyond=beyond)


def _read(
    chunk: list[bytes],
    first: int,
    wanted: PeriodWanted,
    found: list[PublicLeaf],
    withdrawn: list[int],
) -> None:
    for index, data in enumerate(chunk, first):
        if not data:
            withdrawn.append(index)
            continue
        header = parse_leaf(data)
        # A clock that was set back a little leaves hours that do not quite rise.
        is_within = wanted.begins <= header.hour * HOUR_SECONDS < wanted.before
        if is_within and header.kind in wanted.kinds:
            found.append(PublicLeaf(index=index, header=header))


async def signed_head(
    store: Store, ledger: LedgerRows, member: Member, indexes: Sequence[int]
) -> tuple[SignedHead | None, dict[int, bytes]]:
    """Return the newest signed checkpoint, if there is one, and the proofs of leaves in its tree.

    Raises: NoteError, StoreDownError.
    """
    row = await store.checkpoint(member)
    if row is None:
        return None, {}
    note = row.published
    text, _ = parse_note(note)
    checkpoint = parse_checkpoint(text)
    proofs = {
        index: encode_tlog_proof(
            index, await inclusion_path(ledger, member, index, checkpoint.size), note
        )
        for index in indexes
        if index < checkpoint.size
    }
    return SignedHead(note=note, checkpoint=checkpoint), proofs
