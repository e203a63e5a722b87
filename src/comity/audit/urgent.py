"""Urgent releases and what became of them, counted from public leaves alone.

Guarantee: a release counts as urgent if a `verdict` other than `ask` or a `closure` cites its
disclosure, and that cites nothing itself; every urgent release is cited so within a day. Only live
leaves count. An `ask` about a release begins a claim check, and what ends that cites the `ask`.
Memory: one byte a leaf, of at most 2^30 leaves.
Source: docs/adr/0034-passes-and-urgent-lane.md, "What anyone can check"; docs/adr/0052.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError
from comity.audit.passes import PassUses
from comity.domain.ids import Member, parse_entry_name

__all__ = ["URGENT_LEAVES_MAX", "UrgentCounts", "UrgentTally"]

URGENT_LEAVES_MAX: Final = 1 << 30
_DISCLOSURE: Final = b'{"v":1,"k":"disclosure","m":"live"'
_ENDINGS: Final = (b'{"v":1,"k":"verdict","m":"live"', b'{"v":1,"k":"closure","m":"live"')
_CITES: Final = b'"re":"'


class _Leaf(Struct, frozen=True, gc=False, rename={"decision": "de", "cites": "re"}):
    """What is read of what may follow an urgent release."""

    decision: str
    cites: str


class UrgentTally(Struct, frozen=True, kw_only=True):
    """What a ledger says of its urgent lane and its case passes.

    `releases` are those at which someone looked, or nobody did in time; of them `in_time`,
    `overdue` (those `looked_at_later` included) and `not_justified`.
    """

    releases: int
    in_time: int
    overdue: int
    looked_at_later: int
    not_justified: int
    passes_granted: int
    passes_revoked: int
    pass_uses: int


_leaves: Final = msgspec.json.Decoder(_Leaf)


class UrgentCounts:
    """Counts a ledger's leaves as an audit reads them: give `read` to `audit_tree`."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._passes = PassUses(member)
        self._plain = bytearray()
        self._overdue: set[int] = set()
        self._looked: dict[int, bool] = {}

    def read(self, first: int, entries: Sequence[bytes]) -> None:
        """Take the leaves of one bundle. Raises: EvidenceError beyond 2^30 leaves."""
        if first + len(entries) > URGENT_LEAVES_MAX:
            raise EvidenceError("`ledger` has more than 1,073,741,824 leaves")
        self._passes.read(first, entries)
        # A bundle that is withdrawn leaves a gap: nothing in it is a release that we know.
        self._plain.extend(bytes(first - len(self._plain)))
        self._plain.extend(
            entry.startswith(_DISCLOSURE) and _CITES not in entry for entry in entries
        )
        for entry in entries:
            if entry.startswith(_ENDINGS):
                self._end(_leaves.decode(entry))

    def _end(self, leaf: _Leaf) -> None:
        member, index = parse_entry_name(leaf.cites)
        if member != self._member or index >= len(self._plain) or not self._plain[index]:
            return
        if leaf.decision == "ask":
            return
        if leaf.decision == "expired":
            self._overdue.add(index)
        else:
            self._looked.setdefault(index, leaf.decision == "approve")

    def tally(self) -> UrgentTally:
        """Return the counts."""
        looked = self._looked.keys()
        return UrgentTally(
            releases=len(looked | self._overdue),
            in_time=len(looked - self._overdue),
            overdue=len(self._overdue),
            looked_at_later=len(looked & self._overdue),
            not_justified=sum(not justified for justified in self._looked.values()),
            passes_granted=self._passes.granted,
            passes_revoked=self._passes.revoked,
            pass_uses=self._passes.used,
        )
