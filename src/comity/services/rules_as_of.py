"""Which version of a state's rules decided at a moment, and what of it can be proved.

    1. the last version, announced ones left out, whose leaf's hour began before the moment
    2. its bytes are those that its leaf commits to
    3. its leaf stands in the tree of the newest signed checkpoint
    4. what the public leaves say was decided under it

Guarantee: where 2 or 3 does not hold there is an error and no rules. INVARIANT (fail-closed).
Source: docs/adr/0044-legal-desk.md, "Decision: rules as of a day".
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS
from comity.ledger.note import parse_checkpoint, parse_note
from comity.ledger.proof import verify_inclusion
from comity.ledger.tree import hash_leaf
from comity.policy import PolicyBundle, parse_bundle
from comity.ports import LedgerRows, PolicyLeafRow, Store
from comity.services.proofs import inclusion_path

__all__ = [
    "COUNTED_MAX",
    "VERSIONS_WALKED_MAX",
    "AsOf",
    "DayTooOldError",
    "Decided",
    "LeafProof",
    "NoRulesThenError",
    "RulesAlteredError",
    "rules_as_of",
]

VERSIONS_WALKED_MAX: Final = 1_024
"""Bundles of a ledger that are walked back to find those of a day."""
COUNTED_MAX: Final = 50_000
"""Leaves under a version of which the outcomes are counted."""
_CHUNK: Final = 2_048
_PAGE_ROWS: Final = 32
_INDEX_MAX: Final = 2**62


class NoRulesThenError(ComityError):
    """No version of the state's rules was in force at that moment."""

    code = "no-rules-then"


class DayTooOldError(ComityError):
    """More versions lie between then and now than are walked back."""

    code = "day-too-old"


class RulesAlteredError(ComityError):
    """The rules that are kept are not those that their leaf commits to."""

    code = "rules-altered"


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes of live leaves under a version, from `first` on, `beyond` exclusive.

    `is_whole`: nothing between the version's leaf and the moment was left uncounted.
    """

    released: int
    no_record: int
    refused: int
    held: int
    first: int
    beyond: int
    is_whole: bool


class LeafProof(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint in whose tree a leaf was found, and the hash of the leaf."""

    leaf_hash: bytes
    origin: str
    size: int
    root: bytes
    path_hashes: int


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a state's rules as of a moment. `since` and `until` are hours, Unix seconds.

    `until` is None where it is in force still. `same_day` are versions that it took the place of
    within the period asked for: entry and hour, the newest first. `proof` is None where no signed
    checkpoint has its leaf yet.
    """

    member: Member
    leaf_index: LeafIndex
    entry: str
    since: int
    until: int | None
    bundle: PolicyBundle
    digest: bytes
    same_day: tuple[tuple[str, int], ...]
    decided: Decided
    proof: LeafProof | None


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A version's row and leaf, and the version that took its place, if one did."""

    row: PolicyLeafRow
    leaf: LeafHeader
    next: tuple[LeafIndex, int] | None
    same_day: tuple[tuple[str, int], ...]


async def rules_as_of(
    store: Store, ledger: LedgerRows, member: Member, *, begins: int, before: int
) -> AsOf:
    """Return what decided just before `before`; `begins` is where the period asked for begins.

    Both are Unix seconds. Raises: NoRulesThenError, DayTooOldError, RulesAlteredError, ProofError,
    NoteError, StoreDownError.
    """
    found = await _version(store, ledger, member, begins, before)
    index, digest = found.row.leaf_index, sha256(found.row.body).digest()
    if digest != found.leaf.digest:
        raise RulesAlteredError(f"the rules kept with {entry_name(member, index)} are others")
    head, _ = (await store.heads([member]))[member]
    end = head.frontier.size if found.next is None else found.next[0]
    return AsOf(
        member=member,
        leaf_index=index,
        entry=entry_name(member, index),
        since=found.leaf.hour * HOUR_SECONDS,
        until=None if found.next is None else found.next[1],
        bundle=parse_bundle(found.row.body, None),
        digest=digest,
        same_day=found.same_day,
        decided=await _decided(ledger, member, index, end, before),
        proof=await _proof(store, ledger, member, index),
    )


async def _version(
    store: Store, ledger: LedgerRows, member: Member, begins: int, before: int
) -> _Found:
    """Walk back to the version of the moment, and on to the one with which the period began."""
    found: tuple[PolicyLeafRow, LeafHeader] | None = None
    later: tuple[LeafIndex, int] | None = None
    same_day: list[tuple[str, int]] = []
    below, walked = _INDEX_MAX, 0
    while rows := await store.policy_leaves(member, below, _PAGE_ROWS):
        for row in rows:
            if row.is_shadow:
                continue
            leaf = await _leaf(ledger, member, row.leaf_index)
            hour = leaf.hour * HOUR_SECONDS
            if found is not None:
                same_day.append((entry_name(member, row.leaf_index), hour))
            elif hour < before:
                found = row, leaf
            else:
                later = row.leaf_index, hour
            if found is not None and hour < begins:
                return _Found(row=found[0], leaf=found[1], next=later, same_day=(*same_day,))
        below, walked = rows[-1].leaf_index, walked + len(rows)
        if walked >= VERSIONS_WALKED_MAX:
            raise DayTooOldError(f"over {VERSIONS_WALKED_MAX:,} versions lie between then and now")
    if found is None:
        raise NoRulesThenError("the state had put no rules into force by then")
    return _Found(row=found[0], leaf=found[1], next=later, same_day=(*same_day,))


async def _leaf(ledger: LedgerRows, member: Member, index: int) -> LeafHeader:
    (data,) = await ledger.leaves(member, index, index + 1)
    return parse_leaf(data)


async def _proof(store: Store, ledger: LedgerRows, member: Member, index: int) -> LeafProof | None:
    row = await store.checkpoint(member)
    if row is None or row.size <= index:
        return None
    text, _ = parse_note(row.note)
    checkpoint = parse_checkpoint(text)
    (data,) = await ledger.leaves(member, index, index + 1)
    leaf_hash = hash_leaf(data)
    path = await inclusion_path(ledger, member, index, checkpoint.size)
    verify_inclusion(leaf_hash, index, checkpoint.size, path, checkpoint.root)
    return LeafProof(
        leaf_hash=leaf_hash,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        path_hashes=len(path),
    )


async def _decided(
    ledger: LedgerRows, member: Member, policy: LeafIndex, end: int, before: int
) -> Decided:
    """Count what stands between a version's leaf and `end`, made before a moment."""
    counts = [0, 0, 0, 0]
    first = at = policy + 1
    is_over = False
    while at < min(end, first + COUNTED_MAX) and not is_over:
        chunk = await ledger.leaves(member, at, min(at + _CHUNK, end, first + COUNTED_MAX))
        if not chunk:
            break
        # It takes the processor for a while: beside the loop.
        read, is_over = await asyncio.to_thread(_count, chunk, policy, before, counts)
        at += read
    released, no_record, refused, held = counts
    return Decided(
        released=released,
        no_record=no_record,
        refused=refused,
        held=held,
        first=first,
        beyond=at,
        is_whole=is_over or at >= end,
    )


def _count(leaves: list[bytes], policy: int, before: int, counts: list[int]) -> tuple[int, bool]:
    """Add the outcomes under a policy; return how many leaves were before the moment, and whether
    one was not.
    """
    for place, data in enumerate(leaves):
        try:
            leaf = parse_leaf(data) if data else None
        except LeafError:
            leaf = None
        if leaf is None:
            continue  # Withdrawn: its hash alone is left, and it cannot be counted.
        if leaf.hour * HOUR_SECONDS >= before:
            return place, True
        if leaf.mode is LeafMode.LIVE and leaf.policy == policy:
            column = _column(leaf)
            if column is not None:
                counts[column] += 1
    return len(leaves), False


def _column(leaf: LeafHeader) -> int | None:
    if leaf.kind is LeafKind.DISCLOSURE:
        return 1 if leaf.result == "none" else 0
    if leaf.kind is LeafKind.DENIAL:
        return 2
    return 3 if leaf.kind is LeafKind.HOLD else None
