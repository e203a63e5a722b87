"""What a member's own ledger tells of doors that stand open: the newest leaves back to an hour.

Guarantee: only public headers are read, at most `USAGE_LEAVES_MAX` of them, newest first.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member, entry_name
from comity.policy.usage import UsageCount
from comity.ports import LedgerRows

__all__ = ["USAGE_LEAVES_MAX", "LedgerUse", "count_usage"]

USAGE_LEAVES_MAX: Final = 500_000
"""Leaves that one look reads at most, so that advice takes a second or two."""

_PAGE_LEAVES: Final = 8_192


class LedgerUse(msgspec.Struct, frozen=True, kw_only=True):
    """What was read; `since_hour` is later than asked for where the ledger is too long."""

    count: UsageCount
    since_hour: int


async def count_usage(
    rows: LedgerRows, member: Member, size: int, since_hour: int, leaves_max: int = USAGE_LEAVES_MAX
) -> LedgerUse:
    """Return what the leaves of a ledger of that size tell, made since an hour.

    A leaf's hour may lie a little before that of the leaf before it; a page that holds none since
    the hour is the last one read.
    """
    count = UsageCount(since_hour)
    last, end, oldest = size, max(0, size - leaves_max), since_hour
    while last > end:
        first = max(end, last - _PAGE_LEAVES)
        page = await rows.leaves(member, LeafIndex(first), LeafIndex(last))
        hours = [
            count.add(entry_name(member, LeafIndex(index)), data)
            for index, data in zip(range(last - 1, first - 1, -1), reversed(page), strict=True)
            # The bytes of a withdrawn leaf are gone, and with them what it said.
            if data
        ]
        last = first
        if hours and max(hours) < since_hour:
            return LedgerUse(count=count, since_hour=since_hour)
        oldest = hours[-1] if hours else oldest
    return LedgerUse(count=count, since_hour=max(since_hour, oldest) if last else since_hour)
