"""Which checkpoint of a ledger is the last good one: what a successor may begin with.

A checkpoint is good if the ledger's own key signed it, its leaves are at hand, in the store or in a
copy, and nothing that was signed or witnessed says otherwise: each such head of its size or below
is on its way, and each larger one continues it, because its leaves are at hand too or because the
witness that shows it cosigned this checkpoint before. What people choose need not be proved to be
continued; it must not be contradicted either. Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.cosignature import read_cosignatures
from comity.ledger.note import Checkpoint, VerifierKey, verify_checkpoint
from comity.ledger.tile import TILE_WIDTH, BundleId, bundle_path, decode_bundle
from comity.ledger.tree import hash_leaves
from comity.ports import LedgerRows
from comity.services.prefix import PAGE_LEAVES, Walk, walk_rows

__all__ = [
    "LastGood",
    "NoGoodCheckpointError",
    "PublicCopy",
    "Seen",
    "Signed",
    "find_last_good",
    "read_signed",
]

_SUCCESSOR_NOTES: Final = 8


class NoGoodCheckpointError(ComityError):
    """No checkpoint is good by itself; people may still name one that nothing contradicts."""

    code = "no-good-checkpoint"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A head that the retired key signed, and where it was found."""

    note: bytes
    head: Checkpoint
    where: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The head that a witness cosigned last, and the key that it cosigns with."""

    signed: Signed
    witness: VerifierKey


class PublicCopy:
    """A ledger's public documents of one size: an export, or a server's."""

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self._fetch = fetch
        self.size = size

    def entries(self, first: int) -> Iterator[bytes]:
        """Yield leaves from an index on. Raises: OSError, BundleError; ends where one is absent."""
        for index in range(first // TILE_WIDTH, -(-self.size // TILE_WIDTH)):
            width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
            try:
                data = self._fetch(bundle_path(BundleId(index=index, width=width)))
            except FileNotFoundError:
                return
            at = max(0, first - index * TILE_WIDTH)
            yield from decode_bundle(data, width)[at:]


class LastGood(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint to go on from.

    kept: leaves of it that the store has; the others are in the copy.
    unproved: witnesses that show a larger head and did not cosign this checkpoint.
    beyond: heads that the retired key signed for more or other than this, the largest first.
    refused: why each larger head is not the last good one, for people.
    """

    good: Signed
    kept: int
    unproved: tuple[str, ...]
    beyond: tuple[Signed, ...]
    refused: tuple[str, ...]


class _Trees(msgspec.Struct, frozen=True, kw_only=True):
    """The roots of both histories at the sizes that matter, and how many leaves they share."""

    store: dict[int, bytes]
    copy: dict[int, bytes]
    common: int

    def of(self, head: Checkpoint) -> dict[int, bytes] | None:
        """Return the history that makes a head, the store's first; None if its leaves are not at
        hand.
        """
        for roots in (self.store, self.copy):
            if roots.get(head.size) == head.root:
                return roots
        return None


async def find_last_good(
    rows: LedgerRows,
    member: Member,
    *,
    size: int,
    found: Sequence[Signed],
    seen: Sequence[Seen],
    signed: tuple[int, bytes] | None,
    copy: PublicCopy | None,
    chosen: tuple[int, bytes] | None,
) -> LastGood:
    """Return the largest good checkpoint, or the chosen one if nothing contradicts it.

    size: leaves in the store; found: every note of the retired key that is at hand.
    Raises: NoGoodCheckpointError with the reasons.
    """
    heads = [*found, *(one.signed for one in seen)]
    sizes = {one.head.size for one in heads} | ({signed[0]} if signed is not None else set())
    trees = await _trees(rows, member, size, sizes, copy)
    refused: list[str] = []
    by_size = sorted(found, key=lambda one: -one.head.size)
    for candidate in by_size:
        head = candidate.head
        if chosen is not None and (head.size, head.root) != chosen:
            continue
        roots = trees.of(head)
        why = _contradiction(head, roots, seen, signed)
        unproved = () if why or roots is None else _unproved(candidate, roots, seen)
        if not why and (chosen is not None or not unproved):
            is_copied = roots is not trees.store
            return LastGood(
                good=candidate,
                kept=min(trees.common, head.size) if is_copied else head.size,
                unproved=unproved,
                beyond=_beyond(heads, head, roots or {}),
                refused=tuple(refused),
            )
        why = why or f"{', '.join(unproved)} shows more and is not known to continue it"
        refused.append(f"{head.size:,} leaves, {candidate.where}: {why}")
    reasons = "; ".join(refused[:4]) or "no such checkpoint is at hand"
    raise NoGoodCheckpointError(reasons)


async def _trees(
    rows: LedgerRows, member: Member, size: int, sizes: set[int], copy: PublicCopy | None
) -> _Trees:
    store = Walk(sizes)
    await walk_rows(store, rows, member, size)
    if copy is None:
        return _Trees(store=store.roots, copy={}, common=store.size)
    copied, common = Walk(sizes), 0
    is_common = True
    entries = copy.entries(0)
    while page := [entry for _, entry in zip(range(PAGE_LEAVES), entries, strict=False)]:
        hashes = hash_leaves(page)
        if is_common:
            last = min(copied.size + len(hashes), store.size)
            own = await rows.leaf_hashes(member, copied.size, last)
            same = next(
                (n for n, (a, b) in enumerate(zip(own, hashes, strict=False)) if a != b), -1
            )
            common += len(own) if same < 0 else same
            is_common = same < 0 and len(own) == len(hashes)
        copied.add(hashes)
    return _Trees(store=store.roots, copy=copied.roots, common=common)


def _contradiction(
    head: Checkpoint,
    roots: dict[int, bytes] | None,
    seen: Sequence[Seen],
    signed: tuple[int, bytes] | None,
) -> str:
    """Return why a head cannot be good, or nothing."""
    if not head.size:
        return "an empty ledger"
    if roots is None:
        return "its leaves are not at hand"
    if signed is not None and signed[0] <= head.size and roots.get(signed[0]) != signed[1]:
        return f"this host signed another history of {signed[0]:,} leaves"
    for one in seen:
        other = one.signed.head
        if other.size <= head.size and roots.get(other.size) != other.root:
            return f"{one.signed.where} has another history of {other.size:,} leaves"
    return ""


def _unproved(candidate: Signed, roots: dict[int, bytes], seen: Sequence[Seen]) -> tuple[str, ...]:
    """Return the witnesses whose larger head is not known to continue a candidate."""
    larger = [one for one in seen if one.signed.head.size > candidate.head.size]
    return tuple(
        one.signed.where
        for one in larger
        if roots.get(one.signed.head.size) != one.signed.head.root
        and not read_cosignatures(candidate.note, [one.witness])
    )


def _beyond(
    heads: Sequence[Signed], good: Checkpoint, roots: dict[int, bytes]
) -> tuple[Signed, ...]:
    """Return what the successor does not continue; each head once, what others hold first."""
    others: dict[tuple[int, bytes], Signed] = {}
    for one in reversed(heads):
        head = one.head
        if head.size > good.size or roots.get(head.size) != head.root:
            others.setdefault((head.size, head.root), one)
    return tuple(sorted(others.values(), key=lambda one: -one.head.size))[:_SUCCESSOR_NOTES]


def read_signed(note: bytes, key: VerifierKey, where: str) -> Signed:
    """Return a note of the retired key as one of the heads. Raises: NoteError and its kinds."""
    return Signed(note=note, head=verify_checkpoint(note, key), where=where)
