"""The contract of a `ReviewStore`: case passes and their uses, urgent releases and their looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.limits import KEPT_DAYS, REVIEW_ROWS_DAYS
from comity.domain.ids import HostName, LeafIndex, Member
from comity.ports import (
    EVERY_MONTH,
    HoldChange,
    HoldReply,
    HoldRow,
    PassChange,
    PassRow,
    ReviewChange,
    Store,
    UrgentRow,
)
from comity.review.queue import QueueCounts, QueuePlace, WaitsFor
from comity.review.urgent import ReviewState
from tests.support.rows import MONTH, NOW, OR, WA, Work, an_id, commit, sealed

DAY = 86_400
LATE = NOW + (KEPT_DAYS + REVIEW_ROWS_DAYS + 1) * DAY
OPEN, OVERDUE = ReviewState.OPEN, ReviewState.OVERDUE


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HostName("gw-1"), (OR, WA))


def granted(index: int = 0, member: Member = WA, **changes: Any) -> PassRow:
    """A pass for a week, granted by the leaf at an index."""
    base = PassRow(
        member=member,
        leaf_index=LeafIndex(index),
        pass_id=an_id(100 + index),
        until=NOW + 7 * DAY,
        sealed=sealed(f"pass {index}"),
    )
    return msgspec.structs.replace(base, **changes)


def released(index: int = 0, member: Member = WA, **changes: Any) -> UrgentRow:
    """An urgent release by the leaf at an index, to be looked at within a day."""
    base = UrgentRow(
        member=member,
        leaf_index=LeafIndex(index),
        exchange_id=an_id(index + 1),
        due=NOW + DAY,
        changed_at=NOW,
        sealed=sealed(f"release {index}"),
    )
    return msgspec.structs.replace(base, **changes)


def use(index: int = 0) -> PassChange:
    return PassChange(member=WA, leaf_index=LeafIndex(index))


def end(index: int = 0, *, by: int) -> PassChange:
    return PassChange(member=WA, leaf_index=LeafIndex(index), revoked_by=LeafIndex(by))


def look(stands: ReviewState, *, step: int = 0, index: int = 0, at: int = NOW) -> ReviewChange:
    return ReviewChange(
        member=WA, leaf_index=LeafIndex(index), step=step, stands=stands, changed_at=at
    )


async def add(store: Store, epochs: Mapping[Member, int], numbers: range, **rows: object) -> None:
    """Commit Washington's leaves of these numbers, with rows."""
    await commit(store, [Work(member=WA, number=n) for n in numbers], epochs, **rows)


async def test_a_pass_is_kept_with_its_leaf(store: Store, epochs: dict[Member, int]) -> None:
    """By member and leaf, in their order; another's, and one that is over, are not listed."""
    over = granted(1, until=NOW)
    await commit(
        store,
        [Work(member=WA, number=1), Work(member=WA, number=2), Work(member=OR, number=3)],
        epochs,
        case_passes=(granted(0, OR), over, granted()),
    )
    assert await store.case_passes([WA], NOW) == [granted()]
    assert await store.case_passes([WA, OR], NOW - 1) == [granted(0, OR), granted(), over]
    assert await store.case_passes([], NOW) == []
    assert await store.case_pass(WA, 1) == over
    assert await store.case_pass(WA, 2) is None


async def test_uses_are_counted_until_it_is_revoked(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Several in one batch, each counts; uses beside the revocation stand before it."""
    await add(store, epochs, range(1, 3), case_passes=(granted(), granted(1)))
    await add(store, epochs, range(3, 5), pass_changes=(use(), use(), use(1)))
    assert [row.uses for row in await store.case_passes([WA], NOW)] == [2, 1]
    await add(store, epochs, range(5, 6), pass_changes=(end(by=4), use()))
    row = await store.case_pass(WA, 0)
    assert row == granted(uses=3, revoked_by=LeafIndex(4))
    assert await store.case_passes([WA], NOW) == [granted(1, uses=1)]


@pytest.mark.parametrize(
    "changes",
    [(use(),), (end(by=2),), (use(1), use()), (use(7),), (end(7, by=8),)],
    ids=["used", "revoked-twice", "one-of-two", "unknown", "end-of-none"],
)
async def test_a_revoked_pass_makes_the_whole_batch_fail(
    store: Store, epochs: dict[Member, int], changes: tuple[PassChange, ...]
) -> None:
    """Neither leaf nor any other row of it is written."""
    await add(store, epochs, range(1, 3), case_passes=(granted(), granted(1)))
    await add(store, epochs, range(3, 4), pass_changes=(end(by=2),))
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(4, 5), pass_changes=changes, urgent=(released(3),))
    heads = await store.heads([WA])
    assert heads[WA][0].frontier.size == 3
    assert await store.case_pass(WA, 1) == granted(1)
    assert await store.urgent_release(WA, 3) is None


async def test_a_leaf_has_one_pass_and_one_release(store: Store, epochs: dict[Member, int]) -> None:
    """A second row under it is refused."""
    await add(store, epochs, range(1, 2), case_passes=(granted(),), urgent=(released(),))
    for rows in ({"case_passes": (granted(),)}, {"urgent": (released(),)}):
        with pytest.raises(RowRefusedError):
            await add(store, epochs, range(2, 3), **rows)


async def test_releases_are_listed_by_where_they_stand(
    store: Store, epochs: dict[Member, int]
) -> None:
    """By due time, member and leaf; only those that came to stand so since then."""
    first, second, other = released(0, due=NOW + 5), released(1), released(0, OR)
    await commit(
        store,
        [Work(member=WA, number=1), Work(member=WA, number=2), Work(member=OR, number=3)],
        epochs,
        urgent=(second, other, first),
    )
    assert await store.urgent_releases([WA, OR], [OPEN]) == [first, other, second]
    assert await store.urgent_releases([WA], [OPEN], NOW + 1) == []
    assert await store.urgent_releases([WA], [OVERDUE]) == []
    assert await store.urgent_release(WA, 1) == second
    assert await store.urgent_release(OR, 1) is None


async def test_late_ones_are_open_and_due(store: Store, epochs: dict[Member, int]) -> None:
    """At the second that is due and not before, the earliest first, so many at most."""
    rows = tuple(released(n, due=NOW + 9 - n) for n in range(3))
    await add(store, epochs, range(1, 4), urgent=rows)
    assert await store.late_releases([WA], NOW + 6, 9) == []
    assert await store.late_releases([WA], NOW + 8, 9) == [rows[2], rows[1]]
    assert await store.late_releases([WA], NOW + 8, 1) == [rows[2]]
    assert await store.late_releases([OR], NOW + 9, 9) == []
    await add(store, epochs, range(4, 5), review_changes=(look(OVERDUE, index=2),))
    assert await store.late_releases([WA], NOW + 8, 9) == [rows[1]]


async def test_a_look_settles_once(store: Store, epochs: dict[Member, int]) -> None:
    """Overdue, then looked at, step by step; after that nothing changes it."""
    await add(store, epochs, range(1, 2), urgent=(released(),))
    await add(store, epochs, range(2, 3), review_changes=(look(OVERDUE, at=NOW + DAY),))
    late = released(next_step=1, stands=OVERDUE, changed_at=NOW + DAY)
    assert await store.urgent_releases([WA], [OVERDUE]) == [late]
    done = look(ReviewState.NOT_JUSTIFIED, step=1, at=NOW + 2 * DAY)
    await add(store, epochs, range(3, 4), review_changes=(done,))
    (row,) = await store.urgent_releases([WA], [ReviewState.NOT_JUSTIFIED], NOW + 2 * DAY)
    assert (row.next_step, row.stands, row.changed_at) == (2, done.stands, NOW + 2 * DAY)
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(4, 5), review_changes=(look(done.stands, step=2),))


@pytest.mark.parametrize("change", [look(OVERDUE, step=1), look(OVERDUE, index=5)])
async def test_a_look_out_of_step_is_refused(
    store: Store, epochs: dict[Member, int], change: ReviewChange
) -> None:
    """Of two that are decided at once one stands; the other, and one of nothing, is refused."""
    await add(store, epochs, range(1, 2), urgent=(released(),))
    with pytest.raises(RowRefusedError):
        await add(store, epochs, range(2, 3), review_changes=(change,))
    assert await store.urgent_release(WA, 0) == released()


async def test_rows_go_when_nobody_needs_them(store: Store, epochs: dict[Member, int]) -> None:
    """Long after a pass can hold; an owed look never, and nothing of a held month."""
    owed, done = released(0), released(1)
    await add(store, epochs, range(1, 3), case_passes=(granted(),), urgent=(owed, done))
    await add(store, epochs, range(3, 4), review_changes=(look(ReviewState.JUSTIFIED, index=1),))
    await store.expire(LATE - 2 * DAY, [])
    assert await store.case_pass(WA, 0) is not None
    for held in ((WA, MONTH), (WA, EVERY_MONTH)):
        await store.expire(LATE, [held])
        assert await store.case_pass(WA, 0) is not None
        assert await store.urgent_release(WA, 1) is not None
    await store.expire(LATE, [])
    assert await store.case_pass(WA, 0) is None
    assert await store.urgent_release(WA, 1) is None
    assert await store.urgent_release(WA, 0) == owed


async def test_an_owed_look_keeps_its_exchange_open(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Nothing of it is expunged before; then its row goes with the record, and a pass with its."""
    await add(store, epochs, range(1, 3), case_passes=(granted(1),), urgent=(released(),))
    assert await store.open_exchange(WA, 0)
    assert not await store.open_exchange(WA, 1)
    await add(store, epochs, range(3, 4), review_changes=(look(ReviewState.JUSTIFIED),))
    assert not await store.open_exchange(WA, 0)
    assert await store.expunge(WA, 0) == 2
    assert await store.urgent_release(WA, 0) is None
    assert await store.expunge(WA, 1) == 2
    assert await store.case_pass(WA, 1) is None


# The queue.


async def queued(store: Store, epochs: dict[Member, int]) -> list[HoldRow]:
    """Three holds of Washington for a reviewer; beside them what no reviewer of its answers."""
    work = [
        Work(member=WA, number=1, hold_until=NOW + DAY + 1),
        Work(member=WA, number=2, hold_until=NOW + 60),
        Work(member=WA, number=3, hold_until=NOW + 7_200),
        Work(member=WA, number=4, hold_until=NOW + 10, waits_for=WaitsFor.AGENCY),
        Work(member=WA, number=5, hold_until=NOW + 10, waits_for=WaitsFor.NOBODY),
        Work(member=OR, number=6, hold_until=NOW + 10),
    ]
    await commit(store, work, epochs)
    rows = {row.leaf_index: row for row in await store.open_holds([WA])}
    return [rows[LeafIndex(at)] for at in range(3)]


def changed(hold: HoldRow, *, closed: bool = False, asked_at: int | None = None) -> HoldChange:
    """One further step of a hold."""
    return HoldChange(
        exchange_id=hold.exchange_id,
        member=hold.member,
        leaf_index=hold.leaf_index,
        next_step=hold.next_step + 1,
        closed=closed,
        asked_at=asked_at,
    )


def place(row: HoldRow) -> QueuePlace:
    """Where a hold stands in the queue."""
    return QueuePlace(is_asked=row.asked_at is not None, until=row.until, leaf_index=row.leaf_index)


async def test_what_was_passed_on_is_found(store: Store, epochs: dict[Member, int]) -> None:
    """By its deadline, without what is left out; a later step leaves what is kept of it."""
    late, soon, later = await queued(store, epochs)
    assert await store.review_passed(WA, 9) == []
    kept = [sealed("once"), sealed("twice")]
    changes = [
        msgspec.structs.replace(changed(late), passed_at=NOW + 1, passed=kept[0]),
        msgspec.structs.replace(changed(soon), passed_at=NOW + 2, passed=kept[1]),
    ]
    work = [Work(member=WA, number=n, steps=(1,)) for n in (1, 2)]
    await commit(store, work, epochs, hold_changes=tuple(changes))
    one, two = await store.review_passed(WA, 9)
    assert [(r.leaf_index, r.passed_at, r.passed) for r in (one, two)] == [
        (soon.leaf_index, NOW + 2, kept[1]),
        (late.leaf_index, NOW + 1, kept[0]),
    ]
    assert await store.review_passed(WA, 1) == [one]
    assert await store.review_passed(WA, 9, without=[one.leaf_index]) == [two]
    assert await store.review_passed(OR, 9) == []
    await commit(
        store, [Work(member=WA, number=1, steps=(2,))], epochs,
        hold_changes=(changed(two, closed=False),),
    )  # fmt: skip
    (again,) = await store.review_passed(WA, 9, without=[one.leaf_index])
    assert (again.next_step, again.passed) == (two.next_step + 1, kept[0])
    await commit(
        store, [Work(member=WA, number=2, steps=(2,))], epochs,
        hold_changes=(changed(one, closed=True),),
    )  # fmt: skip
    assert await store.review_passed(WA, 9) == [again]
    assert later.passed is None


async def test_holds_are_found_by_their_leaves(store: Store, epochs: dict[Member, int]) -> None:
    """Those that wait for a review, in the order of the queue; nothing of another state."""
    late, soon, later = await queued(store, epochs)
    every = [late.leaf_index, soon.leaf_index, later.leaf_index, LeafIndex(3), LeafIndex(99)]
    assert await store.review_holds(WA, every) == [soon, later, late]
    assert await store.review_holds(WA, [late.leaf_index]) == [late]
    assert await store.review_holds(WA, []) == []
    assert await store.review_holds(OR, [later.leaf_index]) == []


async def alone(store: Store, after: QueuePlace | None, limit: int) -> list[HoldRow]:
    """A page of Washington's queue, in which each case has one request."""
    page = await store.review_page(WA, after, limit)
    assert {each.requests for each in page} <= {1}
    return [each.first for each in page]


async def test_queue_holds_what_waits_for_a_reviewer(
    store: Store, epochs: dict[Member, int]
) -> None:
    """The nearest deadline first, page by page; what an agency or nobody answers is not in it."""
    late, soon, later = await queued(store, epochs)
    assert await alone(store, None, 9) == [soon, later, late]
    assert await alone(store, None, 1) == [soon]
    assert await alone(store, place(soon), 9) == [later, late]
    assert await alone(store, place(late), 9) == []
    assert await store.review_counts(WA, NOW) == QueueCounts(soon=1, today=1, later=1)
    assert (await store.review_counts(WA, NOW)).all == 3
    assert await store.review_counts(OR, NOW) == QueueCounts(soon=1)


async def test_asked_holds_stand_behind_the_others(store: Store, epochs: dict[Member, int]) -> None:
    """What waits for a reply comes last, counted apart; a later step leaves when it was asked."""
    late, soon, later = await queued(store, epochs)

    async def step(number: int, step: int, change: HoldChange) -> None:
        work = [Work(member=WA, number=number, steps=(step,))]
        await commit(store, work, epochs, hold_changes=(change,))

    await step(2, 1, changed(soon, asked_at=NOW + 5))
    asked = msgspec.structs.replace(soon, next_step=soon.next_step + 1, asked_at=NOW + 5)
    assert await alone(store, None, 9) == [later, late, asked]
    assert await alone(store, place(late), 9) == [asked]
    assert await alone(store, place(asked), 9) == []
    assert await store.review_counts(WA, NOW) == QueueCounts(today=1, later=1, asked=1)
    await step(2, 2, changed(asked))
    assert [row.asked_at for row in await alone(store, place(late), 9)] == [NOW + 5]
    await step(3, 1, changed(later, closed=True))
    assert await alone(store, None, 1) == [late]


A_CASE, ANOTHER = b"a" * 16, b"b" * 16


async def in_cases(store: Store, epochs: dict[Member, int]) -> list[HoldRow]:
    """Holds of two cases of Washington and one without; one of Oregon has the tag of the first."""
    work = [
        Work(member=WA, number=1, hold_until=NOW + 300, case_tag=A_CASE),
        Work(member=WA, number=2, hold_until=NOW + 100, case_tag=A_CASE),
        Work(member=WA, number=3, hold_until=NOW + 200),
        Work(member=WA, number=4, hold_until=NOW + 400, case_tag=ANOTHER),
        Work(member=WA, number=5, hold_until=NOW + 100, case_tag=A_CASE),
        Work(
            member=WA,
            number=6,
            hold_until=NOW + 10,
            case_tag=A_CASE,
            waits_for=WaitsFor.AGENCY,
        ),
        Work(member=OR, number=7, hold_until=NOW + 10, case_tag=A_CASE),
    ]
    await commit(store, work, epochs)
    rows = {row.leaf_index: row for row in await store.open_holds([WA])}
    return [rows[LeafIndex(at)] for at in range(5)]


async def cases(
    store: Store, after: QueuePlace | None = None, limit: int = 9, without: tuple[int, ...] = ()
) -> list[tuple[int, int]]:
    """A page of Washington's queue: each case's first leaf, and how many requests it has."""
    page = await store.review_page(WA, after, limit, without=without)
    return [(each.first.leaf_index, each.requests) for each in page]


async def test_a_case_stands_once_in_the_queue(store: Store, epochs: dict[Member, int]) -> None:
    """Where its nearest deadline is, at one deadline the earlier leaf; pages go on behind it."""
    rows = await in_cases(store, epochs)
    assert rows[0].case_tag == A_CASE
    assert await cases(store) == [(1, 3), (2, 1), (3, 1)]
    assert await cases(store, limit=1) == [(1, 3)]
    assert await cases(store, place(rows[1])) == [(2, 1), (3, 1)]
    assert await cases(store, without=(1,)) == [(4, 2), (2, 1), (3, 1)]
    assert await cases(store, without=(1, 4)) == [(2, 1), (0, 1), (3, 1)]
    assert await cases(store, without=(0, 1, 2, 3, 4)) == []


async def test_requests_of_a_case_come_in_order(store: Store, epochs: dict[Member, int]) -> None:
    """The nearest deadline first, so many at most, and how many they are; alone without a tag."""
    rows = await in_cases(store, epochs)
    assert await store.review_case(rows[0], 9) == ([rows[1], rows[4], rows[0]], 3)
    assert await store.review_case(rows[4], 2) == ([rows[1], rows[4]], 3)
    assert await store.review_case(rows[0], 9, without=(1,)) == ([rows[4], rows[0]], 2)
    assert await store.review_case(rows[2], 9) == ([rows[2]], 1)


async def test_what_was_asked_about_is_a_case_of_its_own(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A question on one request leaves the others of its case where they are; an end, as well."""
    rows = await in_cases(store, epochs)

    async def step(number: int, change: HoldChange) -> None:
        work = [Work(member=WA, number=number, steps=(1,))]
        await commit(store, work, epochs, hold_changes=(change,))

    await step(2, changed(rows[1], asked_at=NOW + 5))
    assert await cases(store) == [(4, 2), (2, 1), (3, 1), (1, 1)]
    await step(5, changed(rows[4], closed=True))
    assert await cases(store) == [(2, 1), (0, 1), (3, 1), (1, 1)]
    asked = await store.open_hold(WA, 1)
    assert asked is not None
    assert await store.review_case(asked, 9) == ([asked], 1)


async def test_a_reply_stands_beside_its_hold(store: Store, epochs: dict[Member, int]) -> None:
    """What was asked is asked no more; replies are remembered in order, of that hold alone."""
    late, soon, later = await queued(store, epochs)
    for number, change in ((2, changed(soon, asked_at=NOW)), (3, changed(later, closed=True))):
        work = [Work(member=WA, number=number, steps=(1,))]
        await commit(store, work, epochs, hold_changes=(change,))

    async def reply(number: int, *replies: tuple[HoldRow, int]) -> None:
        rows = tuple(
            HoldReply(member=WA, leaf_index=hold.leaf_index, reply=LeafIndex(leaf))
            for hold, leaf in replies
        )
        await commit(store, [Work(member=WA, number=number)], epochs, hold_replies=rows)

    await reply(7, (soon, 7), (later, 7))
    await reply(8, (soon, 9), (soon, 8))
    answered = msgspec.structs.replace(
        soon, next_step=soon.next_step + 1, replies=(LeafIndex(7), LeafIndex(8), LeafIndex(9))
    )
    assert await store.open_hold(WA, soon.leaf_index) == answered
    # What was closed stays as it is.
    assert await store.open_hold(WA, later.leaf_index) is None
    assert await alone(store, None, 9) == [answered, late]
    assert (await store.review_counts(WA, NOW)).asked == 0
