"""The contract of a `DemandStore`: kept with its leaf, acted on in order, warned of once, cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import HostName, LeafIndex, Member
from comity.domain.vocabulary import Instrument
from comity.ports import (
    Cut,
    DemandChange,
    DemandCount,
    DemandRow,
    DutyKind,
    HeldMonth,
    NewDuty,
    Store,
    SuccessionRow,
)
from tests.support.rows import NOW, OR, WA, Work, an_id, commit, sealed

DAY = 86_400
SUBPOENA = Instrument.COURT_SUBPOENA


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HostName("gw-1"), (OR, WA))


def came(index: int = 0, member: Member = WA, **changes: Any) -> DemandRow:
    """A demand to be answered in a week, registered by the leaf at an index."""
    base = DemandRow(
        member=member,
        leaf_index=LeafIndex(index),
        demand_id=an_id(100 + index),
        kind=SUBPOENA,
        answer_by=NOW + 7 * DAY,
        sealed=sealed(f"demand {index}"),
    )
    return msgspec.structs.replace(base, **changes)


def acted(index: int = 0, acts: int = 0, **changes: Any) -> DemandChange:
    """An act on a demand of so many acts."""
    base = DemandChange(
        member=WA,
        leaf_index=LeafIndex(index),
        acts=acts,
        answer_by=NOW + 7 * DAY,
        sealed=sealed(f"act {acts} on {index}"),
    )
    return msgspec.structs.replace(base, **changes)


def warning(row: DemandRow) -> NewDuty:
    """The duty to tell somebody of a demand."""
    return NewDuty(
        member=row.member,
        leaf_index=row.leaf_index,
        kind=DutyKind.PAGE_DEMAND_DUE,
        made_at=NOW,
        about="WA/0, by Tue 8 Dec 2026",
    )


async def add(store: Store, epochs: Mapping[Member, int], numbers: range, **rows: object) -> None:
    """Commit Washington's leaves of these numbers, with rows."""
    await commit(store, [Work(member=WA, number=n) for n in numbers], epochs, **rows)


async def test_it_is_kept_with_its_leaf(store: Store, epochs: dict[Member, int]) -> None:
    """The next answer first; another's is not listed, and one by one by its leaf."""
    sooner = came(1, answer_by=NOW + DAY, kind=Instrument.OTHER)
    await commit(
        store,
        [Work(member=WA, number=1), Work(member=WA, number=2), Work(member=OR, number=3)],
        epochs,
        demands=(came(), came(0, OR, demand_id=an_id(200)), sooner),
    )
    assert await store.open_demands([WA], 9) == [sooner, came()]
    assert len(await store.open_demands([WA, OR], 9)) == 3
    assert await store.open_demands([WA, OR], 1) == [sooner]
    assert await store.open_demands([], 9) == []
    assert await store.ended_demands(WA, 9) == []
    assert await store.demand(WA, 1) == sooner
    assert await store.demand(WA, 2) is None
    assert await store.demand_counts(WA) == [
        DemandCount(kind=SUBPOENA, count=1, open=1),
        DemandCount(kind=Instrument.OTHER, count=1, open=1),
    ]


async def test_acts_follow_one_another(store: Store, epochs: dict[Member, int]) -> None:
    """Without a leaf, with one, and the last; what is kept of it is that of the last act."""
    await add(store, epochs, range(1, 2), demands=(came(),))
    await store.change_demand(acted())
    handed = acted(acts=1, handed_by=LeafIndex(1))
    await add(store, epochs, range(2, 3), demand_changes=(handed,))
    known = came(acts=2, handed=(LeafIndex(1),), sealed=sealed("act 1 on 0"))
    assert await store.open_demands([WA], 9) == [known]
    last = acted(acts=2, handed_by=LeafIndex(2), ended_by=LeafIndex(3))
    await add(store, epochs, range(3, 5), demand_changes=(last,))
    ended = await store.demand(WA, 0)
    assert ended is not None
    assert (ended.handed, ended.ended_by, ended.acts) == ((1, 2), 3, 3)
    assert await store.open_demands([WA], 9) == []
    assert await store.ended_demands(WA, 9) == [ended]
    assert await store.demand_counts(WA) == [DemandCount(kind=SUBPOENA, count=1, open=0)]


async def test_ended_ones_are_listed_the_newest_first(
    store: Store, epochs: dict[Member, int]
) -> None:
    """And no more than were asked for."""
    await add(store, epochs, range(1, 4), demands=tuple(came(n) for n in range(3)))
    changes = tuple(acted(n, ended_by=LeafIndex(3)) for n in range(3))
    await add(store, epochs, range(4, 5), demand_changes=changes)
    assert [row.leaf_index for row in await store.ended_demands(WA, 2)] == [2, 1]


@pytest.mark.parametrize(
    "change",
    [
        acted(acts=0, ended_by=LeafIndex(5)),
        acted(acts=2, ended_by=LeafIndex(5)),
        acted(1, acts=1, ended_by=LeafIndex(5)),
        acted(7, ended_by=LeafIndex(9)),
    ],
    ids=["overtaken", "ahead", "ended", "unknown"],
)
async def test_what_is_not_as_thought_changes_nothing(
    store: Store, epochs: dict[Member, int], change: DemandChange
) -> None:
    """Neither leaf nor row is written with a leaf, nor the row without one."""
    await add(store, epochs, range(1, 3), demands=(came(), came(1)))
    await store.change_demand(acted())
    await add(store, epochs, range(3, 4), demand_changes=(acted(1, ended_by=LeafIndex(2)),))
    before = [await store.demand(WA, n) for n in range(2)]
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(4, 5), demand_changes=(change,))
    with pytest.raises(RowRefusedError):
        await store.change_demand(change)
    assert (await store.heads([WA]))[WA][0].frontier.size == 3
    assert [await store.demand(WA, n) for n in range(2)] == before


async def test_a_leaf_has_one_demand(store: Store, epochs: dict[Member, int]) -> None:
    """A second row under it is refused."""
    await add(store, epochs, range(1, 2), demands=(came(),))
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(2, 3), demands=(came(),))


async def test_a_warning_is_owed_once(store: Store, epochs: dict[Member, int]) -> None:
    """Each in its turn and not backwards; of one that is moved, anew; of one that ended, none."""
    await add(store, epochs, range(1, 2), demands=(came(),))
    assert await store.warn_demand(came(), 2, warning(came()))
    assert not await store.warn_demand(came(), 2, warning(came()))
    assert not await store.warn_demand(came(), 1, warning(came()))
    assert await store.warn_demand(came(), 3, warning(came()))
    await store.change_demand(acted(answer_by=NOW + 9 * DAY))
    assert not await store.warn_demand(came(), 3, warning(came()))
    moved = came(answer_by=NOW + 9 * DAY)
    assert await store.warn_demand(moved, 1, warning(came()))
    await store.change_demand(acted(acts=1, answer_by=NOW + 9 * DAY))
    assert not await store.warn_demand(moved, 1, warning(came()))
    ended = acted(acts=2, answer_by=NOW + 9 * DAY, ended_by=LeafIndex(1))
    await add(store, epochs, range(2, 3), demand_changes=(ended,))
    assert not await store.warn_demand(moved, 3, warning(came()))
    owed = await store.duties([WA], 9)
    assert [(row.kind, row.about) for row in owed] == [
        (DutyKind.PAGE_DEMAND_DUE, "WA/0, by Tue 8 Dec 2026")
    ] * 3


async def test_no_hour_takes_it_away(store: Store, epochs: dict[Member, int]) -> None:
    """A register is kept; an expungement of its leaf takes it with the record."""
    await add(store, epochs, range(1, 3), demands=(came(), came(1)))
    nothing_held: list[HeldMonth] = []
    await store.expire(NOW + 3_650 * DAY, nothing_held)
    assert await store.open_demands([WA], 9) == [came(), came(1)]
    assert await store.expunge(WA, 1) == 2
    assert await store.open_demands([WA], 9) == [came()]


async def test_what_a_cut_leaves_of_it(store: Store, epochs: dict[Member, int]) -> None:
    """One beyond it is set aside and goes; one that ended there is open, with a gap for a leaf."""
    await add(store, epochs, range(1, 3), demands=(came(), came(1)))
    await add(store, epochs, range(3, 4), demand_changes=(acted(handed_by=LeafIndex(2)),))
    kept = (await store.heads([WA]))[WA]
    last = acted(acts=1, handed_by=LeafIndex(3), ended_by=LeafIndex(4))
    await add(store, epochs, range(4, 6), demand_changes=(last,))
    await add(store, epochs, range(6, 7), demands=(came(5),))
    row = SuccessionRow(
        member=WA, retired="ledger.example/wa", origin="ledger.example/wa.2",
        leaf_index=LeafIndex(3), kept=3,
    )  # fmt: skip
    aside: list[DemandRow] = []
    async with store.cutting(WA) as cutting:
        async for page in cutting.beyond(3):
            aside += [each for each in page if isinstance(each, DemandRow)]
        await cutting.cut(Cut(succession=row, frontier=kept[0].frontier, root=kept[1], revealed=()))
    assert aside == [came(5)]
    open_again = await store.demand(WA, 0)
    assert open_again is not None
    assert (open_again.handed, open_again.ended_by) == ((2, None), None)
    assert open_again.sealed == sealed("act 1 on 0")
    assert await store.demand(WA, 1) == came(1)
    assert await store.demand(WA, 5) is None
