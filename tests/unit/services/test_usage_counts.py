"""What a ledger tells of doors that stand open: how far back it is read, and how much of it."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.store import MemoryStore
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind
from comity.services import usage_counts as module
from comity.services.usage_counts import LedgerUse, count_usage
from tests.support.leaves import least

WA = Member("wa")
HOUR = 498_000


def disclosure(hour: int) -> LeafHeader:
    """A disclosure of an hour."""
    header = msgspec.structs.replace(least(LeafKind.DISCLOSURE), member=WA, hour=hour)
    return msgspec.structs.replace(header, agency="USPX031BP", offence="none")


async def used(*leaves: bytes, size: int = -1, leaves_max: int = 1_000) -> LedgerUse:
    """What a ledger of these leaves tells since an hour."""
    store = MemoryStore(ManualClock(0))
    store.tables.leaves[WA] = [(leaf, b"") for leaf in leaves]
    return await count_usage(store, WA, len(leaves) if size < 0 else size, HOUR, leaves_max)


def counted(use: LedgerUse) -> int:
    """How many disclosures were counted."""
    return use.count.through([], {}).disclosures


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_it_counts_back_to_the_hour(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    """Over pages of any length; beyond the public checkpoint nothing; a withdrawn leaf is none."""
    monkeypatch.setattr(module, "_PAGE_LEAVES", page)
    leaves = [encode_leaf(disclosure(HOUR + step)) for step in (-2, -1, 0, 1, 2)]
    use = await used(*leaves)
    assert (counted(use), use.since_hour) == (3, HOUR)
    assert counted(await used(*leaves, size=4)) == 2
    assert counted(await used(*leaves[:3], b"", leaves[4])) == 2
    assert counted(await used()) == 0


async def test_a_long_ledger_is_read_in_part_and_says_so() -> None:
    """The newest leaves, and the hour from which on they tell."""
    leaves = [encode_leaf(disclosure(HOUR + step)) for step in range(5)]
    use = await used(*leaves, leaves_max=2)
    assert (counted(use), use.since_hour) == (2, HOUR + 3)
    use = await used(*leaves, leaves_max=5)
    assert (counted(use), use.since_hour) == (5, HOUR)
