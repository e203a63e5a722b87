"""Uses of case passes, held against the passes that they cite, from public leaves alone.

Guarantee: a disclosure that cites a pass passes only if the pass was granted in the same ledger
before it, was not revoked before it, is of the same agency and purpose where both say one in the
open, and granted every class that went. A pass in leaves that were not read (an audit that is
resumed, a bundle that was withdrawn) is not known, and nothing is said of its uses.
Memory: one row per pass, 1,000,000 at most; one per gap.
Source: docs/adr/0034-passes-and-urgent-lane.md, "What anyone can check".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError
from comity.audit.gaps import Gaps
from comity.domain.ids import Member

__all__ = ["PASSES_MAX", "PassUses", "differ_openly"]

PASSES_MAX: Final = 1_000_000
"""Passes that one audit remembers, about 300 MB."""

_PASS: Final = b'{"v":1,"k":"pass"'
_DISCLOSURE: Final = b'{"v":1,"k":"disclosure"'
_CITES: Final = b'"re":"'


class _Leaf(
    Struct, frozen=True, gc=False,
    rename={"agency": "ag", "purpose": "pu", "released": "cl", "cites": "re"},
):  # fmt: skip
    """What is read of a pass and of its uses."""

    agency: str = ""
    purpose: str = ""
    released: tuple[str, ...] = ()
    cites: str = ""


class _Pass(Struct, gc=False):
    agency: str
    purpose: str
    granted: frozenset[str]
    is_revoked: bool = False


_leaves: Final = msgspec.json.Decoder(_Leaf)


class PassUses:
    """Takes the leaves of one ledger in order; counts what it sees."""

    def __init__(self, member: Member) -> None:
        self._passes: dict[int, _Pass] = {}
        self._gaps = Gaps(member)
        self.granted = 0
        self.revoked = 0
        self.used = 0

    def read(self, first: int, entries: Sequence[bytes]) -> list[str]:
        """Take the leaves of one bundle; return what is wrong with uses and ends of passes.

        Raises: EvidenceError beyond 1,000,000 passes.
        """
        self._gaps.read(first, len(entries))
        if not self._passes and not any(entry.startswith(_PASS) for entry in entries):
            return []
        return list(self._faults(first, entries))

    def _faults(self, first: int, entries: Sequence[bytes]) -> Iterator[str]:
        for index, entry in enumerate(entries, first):
            if entry.startswith(_PASS):
                fault = self._take(index, _leaves.decode(entry))
            elif entry.startswith(_DISCLOSURE) and _CITES in entry:
                fault = self._use(index, _leaves.decode(entry))
            else:
                continue
            if fault:
                yield fault

    def _take(self, index: int, leaf: _Leaf) -> str:
        if leaf.released:
            if len(self._passes) >= PASSES_MAX:
                raise EvidenceError("`ledger` has more than 1,000,000 case passes")
            self.granted += 1
            self._passes[index] = _Pass(leaf.agency, leaf.purpose, frozenset(leaf.released))
            return ""
        self.revoked += 1
        found = self._cited(leaf)
        if found is None:
            return (
                ""
                if self._gaps.is_unread(leaf.cites)
                else f"leaf {index} revokes no pass of this ledger"
            )
        if found.is_revoked:
            return f"leaf {index} revokes `{leaf.cites}`, which was revoked before"
        found.is_revoked = True
        return ""

    def _use(self, index: int, leaf: _Leaf) -> str:
        found = self._cited(leaf)
        if found is None:
            return ""
        self.used += 1
        if found.is_revoked:
            return f"leaf {index} releases under `{leaf.cites}` after its revocation"
        if differ_openly(leaf.agency, found.agency):
            return f"leaf {index} releases to another agency than that of `{leaf.cites}`"
        # A pass that names no purpose is for any.
        if found.purpose and differ_openly(leaf.purpose, found.purpose):
            return f"leaf {index} releases for another purpose than that of `{leaf.cites}`"
        more = [name for name in leaf.released if name not in found.granted]
        if more:
            return f"leaf {index} releases {', '.join(more)}, which `{leaf.cites}` does not grant"
        return ""

    def _cited(self, leaf: _Leaf) -> _Pass | None:
        index = self._gaps.own_index(leaf.cites)
        return None if index is None else self._passes.get(index)


def differ_openly(one: str, other: str) -> bool:
    """Say whether two leaves say different things, where both say one in the open."""
    return one != other and not any(
        name == "sealed" or name.startswith("small:") for name in (one, other)
    )
