"""Sealed segments in the store, on PostgreSQL and in memory: rows, turns, and leaves that leave."""

from __future__ import annotations

import pytest

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import HostName, Member
from comity.ports import SegmentRow, Store, StoreDownError
from tests.support.rows import NOW, OR, WA, Work, commit
from tests.support.stores import StoreCase

HOST = HostName("west-1")
STATES = [OR, WA]


def segment(number: int, member: Member = WA, root: bytes = b"r" * 32) -> SegmentRow:
    """A sealed segment."""
    return SegmentRow(member=member, segment=number, root=root, sealed_at=NOW)


async def filled(store: Store) -> None:
    """Two leaves in one ledger, one in another."""
    epochs = await store.claim(HOST, STATES)
    work = [Work(member=WA, number=1), Work(member=WA, number=2), Work(member=OR, number=3)]
    await commit(store, work, epochs)


async def test_segments_come_back_in_order(store: Store) -> None:
    """Each ledger has its own; the first row of a segment stays."""
    rows = [segment(0), segment(1), segment(0, OR)]
    for row in (rows[1], rows[0], rows[2], segment(0, root=b"x" * 32)):
        await store.save_segment(row)
    assert await store.segments(WA) == rows[:2]
    assert await store.segments(OR) == rows[2:]
    assert await store.segments(Member("tx")) == []


async def test_leaves_of_a_sealed_segment_leave(store: Store) -> None:
    """They go with their hashes; another ledger's stay, and so does everything beside them."""
    await filled(store)
    assert await store.has_leaves(WA, 0)
    assert not await store.has_leaves(WA, 1)
    await store.save_segment(segment(0))
    assert await store.release_leaves(WA, 0) == 2
    assert await store.release_leaves(WA, 0) == 0
    assert (await store.leaves(WA, 0, 9), await store.leaf_hashes(WA, 0, 9)) == ([], [])
    assert not await store.has_leaves(WA, 0)
    assert await store.has_leaves(OR, 0)
    assert await store.private_row(WA, 1) is not None
    (head, _) = (await store.heads([WA]))[WA]
    assert head.frontier.size == 2


async def test_leaves_come_back_as_they_were(store: Store) -> None:
    """What had left is written again with its hash; what is here stays, and is not counted."""
    await filled(store)
    leaves, hashes = await store.leaves(WA, 0, 9), await store.leaf_hashes(WA, 0, 9)
    assert await store.restore_leaves(WA, 0, leaves) == 0
    await store.save_segment(segment(0))
    await store.release_leaves(WA, 0)
    assert await store.restore_leaves(WA, 1, leaves[1:]) == 1
    assert (await store.leaves(WA, 0, 9), await store.has_leaves(WA, 0)) == (leaves[1:], True)
    assert await store.restore_leaves(WA, 0, leaves) == 1
    assert (await store.leaves(WA, 0, 9), await store.leaf_hashes(WA, 0, 9)) == (leaves, hashes)


async def test_leaves_that_are_not_sealed_stay(store: Store) -> None:
    """Without the row of its own segment no leaf goes."""
    await filled(store)
    await store.save_segment(segment(1))
    await store.save_segment(segment(0, OR))
    with pytest.raises(RowRefusedError):
        await store.release_leaves(WA, 0)
    assert len(await store.leaves(WA, 0, 9)) == 2


async def test_one_has_the_turn_at_a_time(store: Store) -> None:
    """A second one of the same name is told so; another name is free; an error ends the turn."""
    async with store.turn("seal") as first, store.turn("seal") as second:
        assert (first, second) == (True, False)
        async with store.turn("other") as third:
            assert third

    async def fail() -> None:
        async with store.turn("seal") as again:
            assert again
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with store.turn("seal") as last:
        assert last


async def test_store_that_is_down_gives_no_turn(case: StoreCase) -> None:
    """Who cannot reach the store does not act as if it had the turn."""
    case.go_down()
    with pytest.raises(StoreDownError):
        async with case.store.turn("seal"):
            pass
    case.come_back()
    async with case.store.turn("seal") as is_ours:
        assert is_ours


async def test_nothing_is_withdrawn_at_first(store: Store) -> None:
    """A ledger without a redaction has no withdrawn leaf."""
    await filled(store)
    assert await store.withdrawn(WA, 0, 9) == []
