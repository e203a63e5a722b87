"""The last requests of federal agencies for a state's records, read on as its ledger grows.

Guarantee: only public leaves are read here, a bounded number of them; what was read before is not
read again. What is read on equals what is read whole.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Family
from comity.domain.ids import OPERATOR_MEMBER, LeafIndex, Member, parse_entry_name
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ports import LedgerRows, Store
from comity.review.federal import FederalQuery, acting_agencies, follow

__all__ = [
    "FEED_LEAVES_MAX",
    "FEED_QUERIES_MAX",
    "KEPT_SECONDS_MAX",
    "FederalFeed",
    "Feed",
    "cited_leaf",
    "header_of",
    "leaf_marks",
]

FEED_LEAVES_MAX: Final = 50_000
"""Leaves that are read back at most."""
FEED_QUERIES_MAX: Final = 500
"""Requests that are kept of a state; the one that moved least lately goes."""
KEPT_SECONDS_MAX: Final = 1.0
"""How long a ledger is not asked for news again, unless somebody wants it anew."""
_CHUNK: Final = 2_048

_Found = list[tuple[LeafIndex, LeafHeader]]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, what moved last first; from leaf `first` up to `size`, exclusive, was looked."""

    queries: tuple[FederalQuery, ...]
    first: int
    size: int


class _Kept(msgspec.Struct, kw_only=True):
    """What is known of one state: requests by `peer`, in the order of their last leaves."""

    acting: dict[str, Family]
    marks: re.Pattern[bytes]
    queries: dict[str, FederalQuery]
    first: int
    size: int
    asked_at: float


class FederalFeed:
    """Follows the ledgers of one host's members; one look at a time."""

    def __init__(self, *, store: Store, rows: LedgerRows, now: Callable[[], float]) -> None:
        self._store = store
        self._rows = rows
        self._now = now
        self._kept: dict[Member, _Kept] = {}
        self._one_at_a_time = asyncio.Lock()
        self._of: tuple[Directory, dict[str, Family]] | None = None

    async def read(
        self, member: Member, directory: Directory, *, age_s: float = KEPT_SECONDS_MAX
    ) -> Feed:
        """Return the last requests, read less than `age_s` seconds ago.

        Raises: StoreDownError, LeavesMissingError.
        """
        async with self._one_at_a_time:
            acting = self._acting(directory)
            kept = self._kept.get(member)
            if kept is None or kept.acting != acting:
                kept = None
            if kept is None or not 0 <= self._now() - kept.asked_at < age_s:
                head, _ = (await self._store.heads([member]))[member]
                kept = await self._read_on(member, kept, acting, head.frontier.size)
                self._kept[member] = kept
            return Feed(
                queries=tuple(reversed(kept.queries.values())), first=kept.first, size=kept.size
            )

    def _acting(self, directory: Directory) -> dict[str, Family]:
        """Return who acts for a federal family, looked up once for each directory."""
        if self._of is None or self._of[0] is not directory:
            self._of = directory, acting_agencies(directory)
        return self._of[1]

    async def _read_on(
        self, member: Member, kept: _Kept | None, acting: dict[str, Family], size: int
    ) -> _Kept:
        if kept is None or not 0 <= size - kept.size <= FEED_LEAVES_MAX:
            # Never read, cut back, or so far behind that the end is read as for the first time.
            return await self._read_whole(member, acting, size)
        for first in range(kept.size, size, _CHUNK):
            last = min(size, first + _CHUNK)
            _take(kept, await self._leaves(member, kept.marks, first, last))
            # At once: if the next ones cannot be read, none of these is followed twice.
            kept.size = last
        kept.asked_at = self._now()
        return kept

    async def _read_whole(self, member: Member, acting: dict[str, Family], size: int) -> _Kept:
        marks = leaf_marks(acting)
        chunks: list[_Found] = []
        last, lowest, peers = size, max(0, size - FEED_LEAVES_MAX), set[str]()
        while last > lowest and len(peers) <= FEED_QUERIES_MAX:
            first = max(lowest, last - _CHUNK)
            found = await self._leaves(member, marks, first, last)
            chunks.append(found)
            peers |= {leaf.peer for _, leaf in found if leaf.peer is not None}
            last = first
        kept = _Kept(
            acting=acting, marks=marks, queries={}, first=last, size=size, asked_at=self._now()
        )
        for found in reversed(chunks):
            _take(kept, found)
        return kept

    async def _leaves(
        self, member: Member, marks: re.Pattern[bytes], first: int, last: int
    ) -> _Found:
        """Return the leaves of [first, last) that may be of a federal request."""
        found: _Found = []
        for at, data in enumerate(await self._rows.leaves(member, first, last), first):
            if marks.search(data) is None:
                continue
            leaf = header_of(data)
            if leaf is not None:
                found.append((LeafIndex(at), leaf))
        return found


async def cited_leaf(rows: LedgerRows, leaf: LeafHeader) -> tuple[LeafIndex, LeafHeader] | None:
    """Return the leaf of the same ledger that a closure cites; None for any other leaf."""
    if leaf.kind is not LeafKind.CLOSURE or leaf.cites is None:
        return None
    member, index = parse_entry_name(leaf.cites)
    if member != leaf.member:
        return None
    found = await rows.leaves(member, index, index + 1)
    header = header_of(found[0]) if found else None
    return None if header is None else (LeafIndex(index), header)


def header_of(data: bytes) -> LeafHeader | None:
    """Return a leaf's header; None for one that was withdrawn."""
    try:
        return parse_leaf(data) if data else None
    except LeafError:
        return None


def leaf_marks(acting: dict[str, Family]) -> re.Pattern[bytes]:
    """Return what a leaf's bytes have in them that is worth reading: most have none of it."""
    named = [f'"ag":"{re.escape(ori)}"' for ori in sorted(acting)]
    marks = [f'"pe":"{OPERATOR_MEMBER}/', f'"k":"{LeafKind.CLOSURE}"', *named]
    return re.compile("|".join(marks).encode("ascii"))


def _take(kept: _Kept, found: _Found) -> None:
    """Follow leaves in the ledger's order; a request that moved stands last."""
    by_hold = {f"{q.hold}": q.peer for q in kept.queries.values() if q.hold is not None}
    for index, leaf in found:
        peer = leaf.peer
        if leaf.kind is LeafKind.CLOSURE and leaf.cites is not None:
            peer = by_hold.get(leaf.cites.rpartition("/")[2])
        known = kept.queries.get(peer) if peer is not None else None
        query = follow(known, index, leaf, kept.acting)
        if query is None:
            continue
        kept.queries.pop(query.peer, None)
        kept.queries[query.peer] = query
        if query.hold is not None:
            by_hold[f"{query.hold}"] = query.peer
        if len(kept.queries) > FEED_QUERIES_MAX:
            del kept.queries[next(iter(kept.queries))]
