"""The contract of what a `Store` keeps of a day's count: once each, with its leaf, and not long."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import HostName, Member
from comity.ports import BudgetUse, CountedRow, Store
from tests.support.rows import NOW, OR, WA, Work, commit, sealed

TODAY = NOW // 86_400
DRIVERS, PLATES = b"drivers.", b"plates.."
JONES, SMITH = b"jones-----------", b"smith-----------"


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HostName("gw-1"), (OR, WA))


def row(person: int, **changes: object) -> CountedRow:
    """One person whom Jones asked Washington about today."""
    base = CountedRow(
        member=WA,
        day=TODAY,
        budget=DRIVERS,
        scope=JONES,
        is_photo=False,
        person=person.to_bytes(16, "big"),
    )
    return msgspec.structs.replace(base, **changes)


async def kept(store: Store, member: Member = WA, day: int = TODAY) -> set[CountedRow]:
    """What stands of a day."""
    return set((await store.counted_day(member, day, sealed("later"), 100)).rows)


async def test_rows_come_with_their_batch(store: Store, epochs: dict[Member, int]) -> None:
    """Those of its day and member; a row again, in the same batch or a later one, is the same."""
    first = (row(1), row(1, is_photo=True), row(2), row(2))
    await commit(store, [Work(member=WA, number=1)], epochs, counted=first)
    later = (row(2), row(3, scope=SMITH), row(1, day=TODAY + 1))
    await commit(store, [Work(member=WA, number=2)], epochs, counted=later)
    assert await kept(store) == {*first, row(3, scope=SMITH)}
    assert await kept(store, WA, TODAY + 1) == {row(1, day=TODAY + 1)}
    assert await kept(store, OR) == set()


async def test_a_batch_that_is_not_committed_leaves_no_row(
    store: Store, epochs: dict[Member, int]
) -> None:
    """The count stands or falls with the leaf."""
    with pytest.raises(ZeroDivisionError):
        async with store.batch([WA], []):
            raise ZeroDivisionError
    stale = epochs | {WA: epochs[WA] - 1}
    with pytest.raises(Exception, match=r"."):
        await commit(store, [Work(member=WA, number=1)], stale, counted=(row(1),))
    assert await kept(store) == set()


async def test_a_day_keeps_its_first_key(store: Store, epochs: dict[Member, int]) -> None:
    """Whoever comes later gets the key of the rows that stand; another day has its own."""
    first = await store.counted_day(WA, TODAY, sealed("first"), 1)
    assert (first.key, first.rows) == (sealed("first"), ())
    await commit(store, [Work(member=WA, number=1)], epochs, counted=(row(1), row(2)))
    again = await store.counted_day(WA, TODAY, sealed("second"), 1)
    assert again.key == sealed("first")
    assert len(again.rows) == 1
    assert (await store.counted_day(WA, TODAY + 1, sealed("second"), 1)).key == sealed("second")
    assert (await store.counted_day(OR, TODAY, sealed("third"), 1)).key == sealed("third")


async def test_use_is_told_in_numbers(store: Store, epochs: dict[Member, int]) -> None:
    """One row for each budget and whom it counts, the most used first; nobody by name."""
    counted = (
        row(1), row(1, is_photo=True), row(2), row(3), row(3, scope=SMITH),
        row(4, budget=PLATES), row(9, day=TODAY - 1),
    )  # fmt: skip
    await commit(store, [Work(member=WA, number=1)], epochs, counted=counted)
    assert await store.budget_use(WA, TODAY) == [
        BudgetUse(budget=DRIVERS, persons=3, photos=1),
        BudgetUse(budget=DRIVERS, persons=1, photos=0),
        BudgetUse(budget=PLATES, persons=1, photos=0),
    ]
    assert await store.budget_use(OR, TODAY) == []


async def test_days_that_are_over_everywhere_go(store: Store, epochs: dict[Member, int]) -> None:
    """Keys and rows; what may still be today somewhere stays."""
    days = [TODAY - 2, TODAY - 1, TODAY, TODAY + 1]
    for day in days:
        await store.counted_day(WA, day, sealed("first"), 1)
    rows = tuple(row(1, day=day) for day in days)
    await commit(store, [Work(member=WA, number=1)], epochs, counted=rows)
    assert await store.expire(NOW, []) == 1
    found = [await store.counted_day(WA, day, sealed("second"), 9) for day in days]
    assert [day.key for day in found] == [sealed("second"), *[sealed("first")] * 3]
    assert [len(day.rows) for day in found] == [0, 1, 1, 1]
