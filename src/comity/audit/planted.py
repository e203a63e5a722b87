"""Reviews and planted test cases, counted from public leaves alone.

Guarantee: a test case is caught by a verdict `refuse` or `ask` on its hold, missed by `approve`;
what was passed on is neither. Live and planted leaves never meet: a verdict counts for a hold of
its own mode alone. Something planted that was disclosed is counted, and is a fault of its ledger.
Memory: one byte a leaf, of at most 2^30 leaves.
Source: docs/adr/0054-planted-test-cases.md, "The figures".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError
from comity.domain.ids import Member, parse_entry_name

__all__ = ["REVIEW_LEAVES_MAX", "ReviewCounts", "ReviewTally"]

REVIEW_LEAVES_MAX: Final = 1 << 30
_LIVE, _PLANTED = 1, 2
_MODES: Final = {b"live": _LIVE, b"planted": _PLANTED}
_KINDS: Final = ("hold", "verdict", "closure", "disclosure")
_STARTS: Final = {
    b'{"v":1,"k":"%s","m":"%s"' % (kind.encode(), mode): (kind, number)
    for kind in _KINDS
    for mode, number in _MODES.items()
}
_CAUGHT: Final = frozenset({"refuse", "ask"})


class _Leaf(Struct, frozen=True, gc=False, rename={"decision": "de", "cites": "re"}):
    """What is read of what may end a hold."""

    decision: str
    cites: str


class ReviewTally(Struct, frozen=True, kw_only=True):
    """How holds ended that somebody asked, and how test cases did.

    `approved` were approved in whole or part, which the rules in force may have refused. Of the
    tests `disclosed` is no end: it counts planted disclosures, of which there must be none.
    """

    approved: int
    refused: int
    expired: int
    tests_caught: int
    tests_missed: int
    tests_not_looked_at: int
    disclosed: int


_leaves: Final = msgspec.json.Decoder(_Leaf)


class ReviewCounts:
    """Counts a ledger's leaves as an audit reads them: give `read` to `audit_tree`."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._holds = bytearray()
        self._ends: Counter[tuple[int, str]] = Counter()

    def read(self, first: int, entries: Sequence[bytes]) -> None:
        """Take the leaves of one bundle. Raises: EvidenceError beyond 2^30 leaves."""
        if first + len(entries) > REVIEW_LEAVES_MAX:
            raise EvidenceError("`ledger` has more than 1,073,741,824 leaves")
        # A bundle that is withdrawn leaves a gap: nothing in it is a hold that we know.
        self._holds.extend(bytes(first - len(self._holds)))
        for entry in entries:
            kind, mode = _STARTS.get(_start_of(entry), ("", 0))
            self._holds.append(mode if kind == "hold" else 0)
            if kind == "disclosure" and mode == _PLANTED:
                self._ends[_PLANTED, "disclosed"] += 1
            elif kind in ("verdict", "closure"):
                self._end(_leaves.decode(entry), mode)

    def _end(self, leaf: _Leaf, mode: int) -> None:
        member, index = parse_entry_name(leaf.cites)
        if member == self._member and index < len(self._holds) and self._holds[index] == mode:
            self._ends[mode, leaf.decision] += 1

    def tally(self) -> ReviewTally:
        """Return the counts."""
        ends = self._ends
        return ReviewTally(
            approved=ends[_LIVE, "approve"],
            refused=ends[_LIVE, "refuse"],
            expired=ends[_LIVE, "expired"],
            tests_caught=sum(ends[_PLANTED, decision] for decision in _CAUGHT),
            tests_missed=ends[_PLANTED, "approve"],
            tests_not_looked_at=ends[_PLANTED, "expired"],
            disclosed=ends[_PLANTED, "disclosed"],
        )


def _start_of(entry: bytes) -> bytes:
    """Return a leaf up to its mode."""
    return entry[: entry.find(b',"h":')]
