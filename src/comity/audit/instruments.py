"""What rests on legal instruments, held against their leaves, from public leaves alone.

Guarantee: a disclosure that cites an instrument passes only if that was registered in the same
ledger and verified before it, was not revoked before it, is of the kind that the request claimed,
and is of the same agency where both say one in the open. An instrument in leaves that were not read
is not known, and nothing is said of what rests on it.
An instrument that names no agency and cites nothing is a demand for the state's own data: nothing
is verified by one, nothing rests on one, and it ends once.
Memory: one row per instrument or demand, 1,000,000 at most; one per gap.
Source: docs/adr/0046-instruments.md, "What anyone can check"; docs/adr/0058.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError
from comity.audit.gaps import Gaps
from comity.audit.passes import differ_openly
from comity.domain.ids import Member
from comity.domain.vocabulary import Instrument

__all__ = ["INSTRUMENTS_MAX", "InstrumentUses"]

INSTRUMENTS_MAX: Final = 1_000_000
"""Instruments that one audit remembers, about 250 MB."""

_INSTRUMENT: Final = b'{"v":1,"k":"instrument"'
_DISCLOSURE: Final = b'{"v":1,"k":"disclosure"'
_CITES: Final = b'"re":"'


class _Leaf(
    Struct, frozen=True, gc=False, rename={"agency": "ag", "instrument": "in", "cites": "re"}
):
    """What is read of an instrument and of what rests on it."""

    instrument: str
    agency: str = ""
    cites: str = ""


class _Instrument(Struct, gc=False):
    """An instrument, or a demand; what is revoked of a demand is that it is open."""

    kind: str
    agency: str
    is_demand: bool = False
    is_verified: bool = False
    is_revoked: bool = False


_leaves: Final = msgspec.json.Decoder(_Leaf)


class InstrumentUses:
    """Takes the leaves of one ledger in order; counts what it sees."""

    def __init__(self, member: Member) -> None:
        self._instruments: dict[int, _Instrument] = {}
        self._gaps = Gaps(member)
        self.registered = 0
        self.verified = 0
        self.revoked = 0
        self.used = 0
        self.demands: Counter[str] = Counter()
        """Demands for the state's own data, by kind."""
        self.demands_ended = 0

    def read(self, first: int, entries: Sequence[bytes]) -> list[str]:
        """Take the leaves of one bundle; return what is wrong with instruments and their uses.

        Raises: EvidenceError beyond 1,000,000 instruments.
        """
        self._gaps.read(first, len(entries))
        if not self._instruments and not any(e.startswith(_INSTRUMENT) for e in entries):
            return []
        return list(self._faults(first, entries))

    def _faults(self, first: int, entries: Sequence[bytes]) -> Iterator[str]:
        for index, entry in enumerate(entries, first):
            if entry.startswith(_INSTRUMENT):
                fault = self._take(index, _leaves.decode(entry))
            elif entry.startswith(_DISCLOSURE) and _CITES in entry:
                fault = self._use(index, _leaves.decode(entry))
            else:
                continue
            if fault:
                yield fault

    def _take(self, index: int, leaf: _Leaf) -> str:
        if leaf.instrument == Instrument.NONE:
            return self._revoke(index, leaf)
        if not leaf.agency and leaf.cites:
            return self._verify(index, leaf)
        if len(self._instruments) >= INSTRUMENTS_MAX:
            raise EvidenceError("`ledger` has more than 1,000,000 instruments")
        is_demand = not leaf.agency
        if is_demand:
            self.demands[leaf.instrument] += 1
        else:
            self.registered += 1
        self._instruments[index] = _Instrument(leaf.instrument, leaf.agency, is_demand=is_demand)
        return ""

    def _verify(self, index: int, leaf: _Leaf) -> str:
        self.verified += 1
        found = self._cited(leaf)
        if found is None:
            return self._of_nothing(f"leaf {index} verifies", leaf)
        if found.is_demand:
            return f"leaf {index} verifies `{leaf.cites}`, which is a demand, no instrument"
        if found.is_revoked:
            return f"leaf {index} verifies `{leaf.cites}` after its revocation"
        if found.is_verified:
            return f"leaf {index} verifies `{leaf.cites}`, which was verified before"
        if leaf.instrument != found.kind:
            return f"leaf {index} verifies another kind of instrument than `{leaf.cites}` is"
        found.is_verified = True
        return ""

    def _revoke(self, index: int, leaf: _Leaf) -> str:
        found = self._cited(leaf)
        if found is not None and found.is_demand:
            return self._end(index, leaf, found)
        self.revoked += 1
        if found is None:
            return self._of_nothing(f"leaf {index} revokes", leaf)
        if found.is_revoked:
            return f"leaf {index} revokes `{leaf.cites}`, which was revoked before"
        found.is_revoked = True
        return ""

    def _end(self, index: int, leaf: _Leaf, found: _Instrument) -> str:
        self.demands_ended += 1
        if found.is_revoked:
            return f"leaf {index} ends the demand `{leaf.cites}`, which had ended before"
        found.is_revoked = True
        return ""

    def _use(self, index: int, leaf: _Leaf) -> str:
        found = self._cited(leaf)
        if found is None:
            return ""
        self.used += 1
        if found.is_demand:
            return f"leaf {index} releases under `{leaf.cites}`, which is a demand, no instrument"
        if found.is_revoked:
            return f"leaf {index} releases under `{leaf.cites}` after its revocation"
        if not found.is_verified:
            return f"leaf {index} releases under `{leaf.cites}`, which nobody had verified"
        if differ_openly(leaf.agency, found.agency):
            return f"leaf {index} releases to another agency than that of `{leaf.cites}`"
        if leaf.instrument != found.kind:
            return f"leaf {index} releases on another instrument than `{leaf.cites}`"
        return ""

    def _cited(self, leaf: _Leaf) -> _Instrument | None:
        index = self._gaps.own_index(leaf.cites)
        return None if index is None else self._instruments.get(index)

    def _of_nothing(self, what: str, leaf: _Leaf) -> str:
        is_unread = self._gaps.is_unread(leaf.cites)
        return "" if is_unread else f"{what} no instrument of this ledger"
