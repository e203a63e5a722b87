"""The contract of what a `Store` says of a desk: what waits, what came with its leaf, one page."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import ORI, ExchangeId, HostName, LeafIndex, Member
from comity.ports import DeskDayRow, DutyKind, HoldChange, NewDuty, Store
from comity.review.queue import WaitsFor
from tests.support.rows import NOW, OR, WA, Work, commit, hold_row

TODAY = NOW // 86_400
AUSTIN, SALEM = ORI("TXPX00001"), ORI("ORPX00001")


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HostName("gw-1"), (OR, WA))


def row(agency: ORI = AUSTIN, **changes: object) -> DeskDayRow:
    """One request that came today."""
    base = DeskDayRow(member=WA, day=TODAY, agency=agency, came=1)
    return msgspec.structs.replace(base, **changes)


def held(number: int, until: int, **changes: object) -> Work:
    """An entry that opens a hold."""
    base = Work(member=WA, number=number, hold_until=until)
    return msgspec.structs.replace(base, **changes)


def page(index: int, member: Member = WA) -> NewDuty:
    """A page about a hold."""
    kind = DutyKind.PAGE_HOLD_AT_NIGHT
    return NewDuty(
        member=member, leaf_index=LeafIndex(index), kind=kind, made_at=NOW, about=f"at {index}"
    )


async def test_a_day_adds_up_with_its_batches(store: Store, epochs: dict[Member, int]) -> None:
    """Within one batch and over several; by agency, who was refused most first."""
    first = (row(), row(), row(came=0, refused=1), row(SALEM), row(day=TODAY + 1))
    await commit(store, [Work(member=WA, number=1)], epochs, desk_days=first)
    later = (row(SALEM, came=0, refused=1), row(SALEM, came=0, refused=1), row(member=OR))
    await commit(store, [Work(member=WA, number=2)], epochs, desk_days=later)
    assert await store.desk_day(WA, TODAY) == [
        row(SALEM, came=1, refused=2),
        row(came=2, refused=1),
    ]
    assert await store.desk_day(WA, TODAY + 1) == [row(day=TODAY + 1)]
    assert await store.desk_day(OR, TODAY) == [row(member=OR)]
    assert await store.desk_day(OR, TODAY + 1) == []


async def test_a_batch_that_is_not_committed_adds_nothing(
    store: Store, epochs: dict[Member, int]
) -> None:
    """The day stands or falls with the leaf."""
    stale = epochs | {WA: epochs[WA] - 1}
    with pytest.raises(Exception, match=r"."):
        await commit(store, [Work(member=WA, number=1)], stale, desk_days=(row(),))
    assert await store.desk_day(WA, TODAY) == []


async def test_days_that_are_over_everywhere_go(store: Store, epochs: dict[Member, int]) -> None:
    """What may still be today somewhere stays."""
    rows = tuple(row(day=TODAY + each) for each in (-2, -1, 0, 1))
    await commit(store, [Work(member=WA, number=1)], epochs, desk_days=rows)
    await store.expire(NOW, [])
    found = [await store.desk_day(WA, TODAY + each) for each in (-2, -1, 0, 1)]
    assert [len(each) for each in found] == [0, 1, 1, 1]


async def test_what_waits_stands_in_the_order_of_the_queue(
    store: Store, epochs: dict[Member, int]
) -> None:
    """What was asked about last; nothing that ended, or that waits for somebody else."""
    work = [
        held(1, NOW + 30, case_tag=b"t" * 16),
        held(2, NOW + 20),
        held(3, NOW + 10),
        held(4, NOW + 5),
        held(5, NOW + 1, waits_for=WaitsFor.AGENCY),
        held(6, NOW + 1, waits_for=WaitsFor.NOBODY),
        Work(member=OR, number=7, hold_until=NOW + 1),
    ]
    await commit(store, work, epochs)
    asked = HoldChange(exchange_id=ExchangeId(work[2].id), member=WA, leaf_index=LeafIndex(2),
                       next_step=2, closed=False, asked_at=NOW)  # fmt: skip
    ended = HoldChange(exchange_id=ExchangeId(work[3].id), member=WA, leaf_index=LeafIndex(3),
                       next_step=2, closed=True)  # fmt: skip
    await commit(store, [Work(member=WA, number=9)], epochs, hold_changes=(asked, ended))
    places = await store.desk_places(WA)
    assert [(p.leaf_index, p.until, p.is_asked, p.case_tag) for p in places] == [
        (1, NOW + 20, False, None),
        (0, NOW + 30, False, b"t" * 16),
        (2, NOW + 10, True, None),
    ]
    assert {(p.opened_at, p.is_paged) for p in places} == {(NOW, False)}


async def test_the_mark_of_a_desk_moves_with_it(store: Store, epochs: dict[Member, int]) -> None:
    """With what comes, ends and is asked about; not with another state's."""
    marks = [await store.desk_mark(WA)]
    work = [held(1, NOW + 30), held(2, NOW + 20), Work(member=OR, number=7, hold_until=NOW + 1)]
    await commit(store, work, epochs)
    marks.append(await store.desk_mark(WA))
    for place, closed in ((0, False), (1, True)):
        change = HoldChange(
            exchange_id=ExchangeId(work[place].id), member=WA, leaf_index=LeafIndex(place),
            next_step=2, closed=closed, asked_at=None if closed else NOW,
        )  # fmt: skip
        again = [Work(member=WA, number=8 + place)]
        await commit(store, again, epochs, hold_changes=(change,))
        marks.append(await store.desk_mark(WA))
    assert len(set(marks)) == len(marks)
    assert await store.desk_mark(WA) == marks[-1]
    await commit(store, [Work(member=OR, number=17, hold_until=NOW + 1)], epochs)
    assert await store.desk_mark(WA) == marks[-1]


async def test_a_page_is_added_once_while_its_hold_is_open(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Not of one that was paged at its commit, nor of one that ended, nor of another state's."""
    work = [held(1, NOW + 10), held(2, NOW + 10), held(3, NOW + 10)]
    paged = msgspec.structs.replace(hold_row(work[1], 1), paged_at=NOW - 5)
    rows = (hold_row(work[0], 0), paged, hold_row(work[2], 2))
    await commit(store, work, epochs, holds=rows)
    ended = HoldChange(exchange_id=ExchangeId(work[2].id), member=WA, leaf_index=LeafIndex(2),
                       next_step=2, closed=True)  # fmt: skip
    await commit(store, [Work(member=WA, number=9)], epochs, hold_changes=(ended,))
    wanted = [page(0), page(1), page(2), page(7), page(0, OR)]
    assert await store.page_holds(wanted) == 1
    assert await store.page_holds(wanted) == 0
    assert await store.page_holds([]) == 0
    (duty,) = await store.duties([WA, OR], 9)
    assert (duty.leaf_index, duty.kind, duty.about) == (0, DutyKind.PAGE_HOLD_AT_NIGHT, "at 0")
    assert [p.is_paged for p in await store.desk_places(WA)] == [True, True]
    assert (await store.open_holds([WA]))[0].paged_at == NOW
