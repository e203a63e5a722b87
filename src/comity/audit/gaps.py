"""Where a ledger was not read: what a leaf cites there is not known, and nothing is said of it.

An audit that is resumed begins late, and the bundle of a withdrawn leaf has gaps.
"""

from __future__ import annotations

from bisect import bisect_right

from comity.domain.ids import Member, parse_entry_name

__all__ = ["Gaps"]


class Gaps:
    """Remembers which indexes of one ledger were read; bundles come in order."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._read_to = 0
        self._gaps: list[tuple[int, int]] = []

    def read(self, first: int, count: int) -> None:
        """Note that leaves were read from an index on."""
        if first > self._read_to:
            self._gaps.append((self._read_to, first))
        self._read_to = first + count

    def own_index(self, cites: str) -> int | None:
        """Return the index of a leaf of this ledger that is cited, or None."""
        if not cites:
            return None
        member, index = parse_entry_name(cites)
        return index if member == self._member else None

    def is_unread(self, cites: str) -> bool:
        """Say whether what a leaf cites stands where nothing was read."""
        index = self.own_index(cites)
        if index is None:
            return False
        place = bisect_right(self._gaps, (index, index))
        near = self._gaps[max(0, place - 1) : place + 1]
        return any(start <= index < end for start, end in near)
