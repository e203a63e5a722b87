"""The last verdicts of a state, read from its ledger: a bounded number of leaves, newest first.

Guarantee: only public leaves are read here, so nothing on it names a person. How far back it was
looked is told with it.
Source: docs/adr/0041-what-would-go-out.md, section Past decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member, parse_entry_name
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.ports import LedgerRows, Store
from comity.review.past import PastDecision, past_of
from comity.review.planted import (
    PlantedTally,
    PlantedVerdict,
    planted_verdict,
    tally_of_planted,
)
from comity.review.re_review import SecondLook, is_chosen, is_decision, look_of

__all__ = ["DECISIONS_MAX", "LEAVES_MAX", "Past", "PastDecisions"]

DECISIONS_MAX: Final = 500
"""Decisions that one look finds at most."""
LEAVES_MAX: Final = 50_000
"""Leaves that one look reads at most."""
KEPT_SECONDS_MAX: Final = 10.0
"""How long what was read is shown again while the ledger grows."""
_CHUNK: Final = 2_048
_AFTER_MAX: Final = 8
"""Leaves behind a verdict that may be its own outcome: one for each basis of a release."""
_MARKS: Final = (b'"k":"verdict"', b'"k":"closure"')


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions, the newest first; from leaf `first` up to `size`, exclusive, was looked."""

    decisions: tuple[PastDecision, ...]
    first: int
    size: int
    looks: Mapping[LeafIndex, SecondLook] = {}
    """Second looks, by the verdict that they are at."""
    planted: tuple[PlantedVerdict, ...] = ()
    """Verdicts on test cases and ends of them, the newest first; no decision is among them."""

    @property
    def tests(self) -> PlantedTally:
        """How the test cases ended."""
        return tally_of_planted(self.planted)


class _Beside(msgspec.Struct, kw_only=True):
    """What is found among decisions and is none."""

    looks: dict[LeafIndex, SecondLook] = {}
    planted: list[PlantedVerdict] = []


class PastDecisions:
    """`_read_at` has what was read lately by member; one look at a time."""

    def __init__(self, *, store: Store, rows: LedgerRows, now: Callable[[], float]) -> None:
        self._store = store
        self._rows = rows
        self._now = now
        self._read_at: dict[Member, tuple[float, Past]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read(self, member: Member, *, age_s: float = KEPT_SECONDS_MAX) -> Past:
        """Return the last decisions, read at most `age_s` seconds ago.

        Raises: StoreDownError, LeavesMissingError.
        """
        async with self._one_at_a_time:
            found = self._read_at.get(member)
            if found is not None and self._now() - found[0] <= age_s:
                return found[1]
            head, _ = (await self._store.heads([member]))[member]
            past = await self._read(member, head.frontier.size)
            self._read_at[member] = self._now(), past
            return past

    async def _read(self, member: Member, size: int) -> Past:
        decisions: list[PastDecision] = []
        beside = _Beside()
        last, lowest = size, max(0, size - LEAVES_MAX)
        while last > lowest and len(decisions) < DECISIONS_MAX:
            first = max(lowest, last - _CHUNK)
            end = min(size, last + _AFTER_MAX)
            decisions += await self._chunk(member, (first, last, end), beside)
            last = first
        kept = decisions[:DECISIONS_MAX]
        first = kept[-1].index if len(decisions) > DECISIONS_MAX else last
        return Past(
            decisions=tuple(kept),
            first=first,
            size=size,
            looks=beside.looks,
            planted=tuple(each for each in beside.planted if each.index >= first),
        )

    async def _chunk(
        self, member: Member, places: tuple[int, int, int], other: _Beside
    ) -> list[PastDecision]:
        """Return what the leaves of [first, last) decided, the newest first; add what is no
        decision.

        `places` are these two, and where the leaves end that are read beside them.
        """
        first, last, end = places
        leaves = await self._rows.leaves(member, first, end)
        found: list[PastDecision] = []
        for place in range(min(last - first, len(leaves)) - 1, -1, -1):
            if not any(mark in leaves[place] for mark in _MARKS):
                continue
            leaf = _header(leaves[place])
            if leaf is None or leaf.cites is None:
                continue
            hold = await self._cited(member, leaf.cites, first, leaves)
            beside = leaves[place + 1 : place + 1 + _AFTER_MAX]
            after = [header for each in beside if (header := _header(each)) is not None]
            decision = past_of(LeafIndex(first + place), leaf, hold, after)
            if decision is not None:
                is_owed = is_decision(leaf) and is_chosen(leaves[place])
                found.append(msgspec.structs.replace(decision, is_chosen=is_owed))
            elif (look := look_of(leaf, hold)) is not None:
                other.looks[look.verdict_index] = look
            elif (test := planted_verdict(LeafIndex(first + place), leaf, hold)) is not None:
                other.planted.append(test)
        return found

    async def _cited(
        self, member: Member, cites: str, first: int, leaves: list[bytes]
    ) -> tuple[LeafIndex, LeafHeader] | None:
        owner, index = parse_entry_name(cites)
        if owner != member:
            return None
        if first <= index < first + len(leaves):
            data = leaves[index - first]
        else:
            data = next(iter(await self._rows.leaves(member, index, index + 1)), b"")
        header = _header(data)
        return None if header is None else (LeafIndex(index), header)


def _header(data: bytes) -> LeafHeader | None:
    """Return a leaf's header; None for one that was withdrawn."""
    try:
        return parse_leaf(data) if data else None
    except LeafError:
        return None
