"""The contract of a `ReviewStore` for instruments: kept, verified once, used, revoked once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.limits import INSTRUMENT_ROWS_DAYS, KEPT_DAYS
from comity.domain.ids import HostName, LeafIndex, Member
from comity.ports import EVERY_MONTH, InstrumentChange, InstrumentRow, Store
from tests.support.rows import MONTH, NOW, OR, WA, Work, an_id, commit, sealed

DAY = 86_400
LATE = NOW + (KEPT_DAYS + INSTRUMENT_ROWS_DAYS + 1) * DAY


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HostName("gw-1"), (OR, WA))


def registered(index: int = 0, member: Member = WA, **changes: Any) -> InstrumentRow:
    """An instrument for a month, registered by the leaf at an index."""
    base = InstrumentRow(
        member=member,
        leaf_index=LeafIndex(index),
        instrument_id=an_id(100 + index),
        until=NOW + 30 * DAY,
        sealed=sealed(f"instrument {index}"),
    )
    return msgspec.structs.replace(base, **changes)


def use(index: int = 0) -> InstrumentChange:
    return InstrumentChange(member=WA, leaf_index=LeafIndex(index))


def verify(index: int = 0, *, by: int) -> InstrumentChange:
    return InstrumentChange(
        member=WA,
        leaf_index=LeafIndex(index),
        verified_by=LeafIndex(by),
        sealed=sealed(f"verified {index}"),
    )


def end(index: int = 0, *, by: int) -> InstrumentChange:
    return InstrumentChange(member=WA, leaf_index=LeafIndex(index), revoked_by=LeafIndex(by))


async def add(store: Store, epochs: Mapping[Member, int], numbers: range, **rows: object) -> None:
    """Commit Washington's leaves of these numbers, with rows."""
    await commit(store, [Work(member=WA, number=n) for n in numbers], epochs, **rows)


async def test_it_is_kept_with_its_leaf(store: Store, epochs: dict[Member, int]) -> None:
    """By member and leaf, in their order; another's, and one that is over, are not listed."""
    over = registered(1, until=NOW)
    await commit(
        store,
        [Work(member=WA, number=1), Work(member=WA, number=2), Work(member=OR, number=3)],
        epochs,
        instruments=(registered(0, OR), over, registered()),
    )
    assert await store.instruments([WA], NOW) == [registered()]
    assert await store.instruments([WA, OR], NOW - 1) == [registered(0, OR), registered(), over]
    assert await store.instruments([], NOW) == []
    assert await store.instrument(WA, 1) == over
    assert await store.instrument(WA, 2) is None


async def test_it_is_verified_used_and_revoked(store: Store, epochs: dict[Member, int]) -> None:
    """What is kept of it changes with its verification; uses beside the end stand before it."""
    await add(store, epochs, range(1, 3), instruments=(registered(), registered(1)))
    await add(store, epochs, range(3, 4), instrument_changes=(use(), verify(by=2), use()))
    known = registered(uses=2, verified_by=LeafIndex(2), sealed=sealed("verified 0"))
    assert await store.instruments([WA], NOW) == [known, registered(1)]
    await add(store, epochs, range(4, 5), instrument_changes=(end(by=3), use()))
    row = await store.instrument(WA, 0)
    assert row == msgspec.structs.replace(known, uses=3, revoked_by=LeafIndex(3))
    assert await store.instruments([WA], NOW) == [registered(1)]
    await add(store, epochs, range(5, 6), instrument_changes=(end(1, by=4),))
    assert await store.instruments([WA], NOW) == []


@pytest.mark.parametrize(
    "changes",
    [
        (use(1),),
        (use(2),),
        (use(7),),
        (verify(2, by=5),),
        (verify(by=5),),
        (end(2, by=5),),
        (end(7, by=8),),
        (use(), use(2)),
    ],
    ids=[
        "not-verified",
        "revoked",
        "unknown",
        "verified-after-its-end",
        "verified-twice",
        "revoked-twice",
        "end-of-none",
        "one-of-two",
    ],
)
async def test_what_does_not_stand_makes_the_whole_batch_fail(
    store: Store, epochs: dict[Member, int], changes: tuple[InstrumentChange, ...]
) -> None:
    """Neither leaf nor any other row of it is written."""
    await add(store, epochs, range(1, 4), instruments=tuple(registered(n) for n in range(3)))
    await add(store, epochs, range(4, 6), instrument_changes=(verify(by=3), end(2, by=4)))
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(6, 7), instrument_changes=changes)
    heads = await store.heads([WA])
    assert heads[WA][0].frontier.size == 5
    row = await store.instrument(WA, 0)
    assert row is not None
    assert row.uses == 0


async def test_a_leaf_has_one_instrument(store: Store, epochs: dict[Member, int]) -> None:
    """A second row under it is refused."""
    await add(store, epochs, range(1, 2), instruments=(registered(),))
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(2, 3), instruments=(registered(),))


async def test_rows_go_when_none_may_count_any_more(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Not a day before, and not while a state keeps its months."""
    made = registered(instrument_id=(NOW * 10**9).to_bytes(8, "big") + b"\x00" * 8)
    await add(store, epochs, range(1, 2), instruments=(made,))
    await store.expire(LATE - 2 * DAY, [])
    assert await store.instrument(WA, 0) == made
    await store.expire(LATE, [(WA, EVERY_MONTH)])
    await store.expire(LATE, [(WA, MONTH)])
    assert await store.instrument(WA, 0) == made
    await store.expire(LATE, [])
    assert await store.instrument(WA, 0) is None


async def test_it_goes_with_the_private_record_of_its_leaf(
    store: Store, epochs: dict[Member, int]
) -> None:
    """An order that a leaf be forgotten takes it along."""
    await add(store, epochs, range(1, 3), instruments=(registered(), registered(1)))
    await store.expunge(WA, 0)
    assert await store.instrument(WA, 0) is None
    assert await store.instrument(WA, 1) == registered(1)
