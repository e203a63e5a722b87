"""The contract of a `Store`'s traffic: a step counts once, whatever is repeated or lost."""

from __future__ import annotations

import msgspec

from comity.domain.ids import HostName, LeafIndex, Member
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT
from comity.ports import UNDER_NONE, Cut, Fold, FoldRow, Store, SuccessionRow, TrafficRow
from tests.support.rows import CA, OR, WA, Work, commit

HOST = HostName("gw-1")
JUNE, JULY = 677, 678


def row(
    month: int, request: str, count: int, member: Member = WA, under: int = UNDER_NONE
) -> TrafficRow:
    """A row of traffic."""
    return TrafficRow(member=member, month=month, under=under, request=request, count=count)


def step(first: int, last: int, *rows: TrafficRow, lost: int = 0, kept_from: int = 0) -> Fold:
    """A step of Washington's ledger."""
    return Fold(member=WA, first=first, last=last, lost=lost, rows=rows, kept_from=kept_from)


async def all_of(store: Store, member: Member = WA) -> list[TrafficRow]:
    """Every row of a member."""
    return await store.traffic(member, None, 100)


async def folded(store: Store, member: Member = WA) -> tuple[int, int] | None:
    """How far a ledger is folded, and what was lost."""
    found = await store.folds([member])
    return (found[0].folded, found[0].lost) if found else None


async def test_steps_add_up(store: Store) -> None:
    """The same request of the same month is one row; months and requests stand in order."""
    assert await folded(store) is None
    assert await store.fold(step(0, 5, row(JULY, "b", 2), row(JUNE, "b", 1), lost=1))
    assert await store.fold(step(5, 9, row(JULY, "b", 3), row(JULY, "B", 1), lost=2))
    assert await all_of(store) == [row(JUNE, "b", 1), row(JULY, "B", 1), row(JULY, "b", 5)]
    assert await folded(store) == (9, 3)
    assert await store.folds([OR, WA]) == [FoldRow(member=WA, folded=LeafIndex(9), lost=3)]


async def test_a_step_counts_once(store: Store) -> None:
    """Repeated, or out of its place, it changes nothing: also the first one of a ledger."""
    assert not await store.fold(step(5, 9, row(JUNE, "a", 1)))
    assert await folded(store) is None
    assert await store.fold(step(0, 5, row(JUNE, "a", 1)))
    assert not await store.fold(step(0, 5, row(JUNE, "a", 1)))
    assert not await store.fold(step(6, 9, row(JUNE, "a", 1)))
    assert await all_of(store) == [row(JUNE, "a", 1)]
    assert await folded(store) == (5, 0)


async def test_a_step_without_a_request_moves_on(store: Store) -> None:
    """Leaves of which none answers anything are behind, too."""
    assert await store.fold(step(0, 256))
    assert (await folded(store), await all_of(store)) == ((256, 0), [])


async def test_rows_are_read_in_pages(store: Store) -> None:
    """Each page goes on behind the row before, and has only its member's."""
    await store.fold(step(0, 1, *(row(month, name, 1) for month in (JUNE, JULY) for name in "abc")))
    other = msgspec.structs.replace(step(0, 1, row(JUNE, "a", 9, OR)), member=OR)
    assert await store.fold(other)
    first = await store.traffic(WA, None, 4)
    rest = await store.traffic(WA, first[-1], 4)
    assert [(r.month, r.request) for r in (*first, *rest)] == [
        (month, name) for month in (JUNE, JULY) for name in "abc"
    ]
    assert await all_of(store, OR) == [row(JUNE, "a", 9, OR)]


async def test_rows_are_told_apart_by_the_rules_that_stood(store: Store) -> None:
    """What was answered under one leaf of rules can be read alone, in pages too."""
    rows = [row(month, name, 1, under=leaf) for month in (JUNE, JULY) for leaf in (3, 7)
            for name in "ab"]  # fmt: skip
    assert await store.fold(step(0, 9, *reversed(rows)))
    assert await all_of(store) == rows
    wanted = [each for each in rows if each.under == 7]
    assert await store.traffic(WA, None, 100, 7) == wanted
    first = await store.traffic(WA, None, 3, 7)
    assert [*first, *await store.traffic(WA, first[-1], 3, 7)] == wanted
    assert await store.traffic(WA, None, 100, 5) == []


async def test_old_months_go(store: Store) -> None:
    """With the step that says so, and of that member alone."""
    await store.fold(step(0, 1, row(JUNE, "a", 1), row(JULY, "a", 1)))
    await store.fold(msgspec.structs.replace(step(0, 1, row(JUNE, "a", 1, OR)), member=OR))
    await store.fold(step(1, 2, row(JULY, "a", 1), kept_from=JULY))
    assert await all_of(store) == [row(JULY, "a", 2)]
    assert await all_of(store, OR) == [row(JUNE, "a", 1, OR)]


async def test_private_records_are_read_in_order(store: Store) -> None:
    """Those of a stretch of leaves, less what was expunged."""
    epochs = await store.claim(HOST, [CA, WA])
    await commit(store, [Work(member=WA, number=n) for n in range(1, 6)], epochs)
    await commit(store, [Work(member=CA, number=9)], epochs)
    await store.expunge(WA, 2)
    found = await store.private_rows(WA, 1, 4)
    assert [(r.member, r.leaf_index) for r in found] == [(WA, 1), (WA, 3)]
    assert found[0] == await store.private_row(WA, 1)


async def test_a_succession_sets_the_fold_back(store: Store) -> None:
    """The successor's own leaves are folded too; what was counted before stays."""
    epochs = await store.claim(HOST, [OR, WA])
    await commit(store, [Work(member=WA, number=n) for n in range(1, 6)], epochs)
    counted = (row(JUNE, "a", 4, under=0), row(JUNE, "a", 2, under=1), row(JUNE, "a", 1, under=3))
    await store.fold(step(0, 5, *counted))
    await store.fold(msgspec.structs.replace(step(0, 5, row(JUNE, "a", 9, OR, 3)), member=OR))
    succession = SuccessionRow(
        member=WA,
        retired="ledger.example/wa",
        origin="ledger.example/wa.2",
        leaf_index=LeafIndex(1),
        kept=0,
    )
    async with store.cutting(WA) as cutting:
        await cutting.cut(Cut(succession=succession, frontier=EMPTY_FRONTIER, root=EMPTY_ROOT))
    assert await folded(store) == (1, 0)
    assert await folded(store, OR) == (5, 0)
    # Its leaves from 1 on are others: no rules of before stand there.
    assert await all_of(store) == [row(JUNE, "a", 3), row(JUNE, "a", 4, under=0)]
    assert await all_of(store, OR) == [row(JUNE, "a", 9, OR, 3)]
