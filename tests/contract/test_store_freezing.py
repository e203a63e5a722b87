"""The contract of what a `Store` keeps of frozen publications."""

from __future__ import annotations

import msgspec

from comity.domain.ids import LeafIndex
from comity.ports import FreezeRow, Store
from tests.support.rows import NOW, OR, WA

ROW = FreezeRow(member=WA, leaf_index=LeafIndex(9), since=NOW, what="status: deny, not release")


async def test_a_freeze_stands_until_it_is_ended(store: Store) -> None:
    """One row a member, the first; ending one leaves another's, and may be done twice."""
    assert await store.freeze_of(WA) is None
    other = msgspec.structs.replace(ROW, member=OR)
    await store.save_freeze(ROW)
    await store.save_freeze(other)
    await store.save_freeze(msgspec.structs.replace(ROW, since=NOW + 1, what="later"))
    assert await store.freeze_of(WA) == ROW
    for _ in range(2):
        await store.end_freeze(WA)
        assert await store.freeze_of(WA) is None
    assert await store.freeze_of(OR) == other
    await store.save_freeze(ROW)
    assert await store.freeze_of(WA) == ROW
