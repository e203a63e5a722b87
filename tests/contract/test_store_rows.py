"""The contract of what a `Store` keeps beside ledgers: answers, results, lines, holds, parts."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.ports import (
    CheckpointRow,
    DirectoryRow,
    HoldChange,
    HoldRow,
    OpenQuery,
    Store,
    StoreDownError,
)
from tests.support.rows import (
    CA,
    NOW,
    OR,
    WA,
    Work,
    accepted_row,
    an_id,
    answer_row,
    commit,
    hold_row,
    policy_row,
    result_row,
    sealed,
)
from tests.support.stores import StoreCase

HOST = HostName("gw-1")
STATES: tuple[Member, ...] = (CA, OR, WA)


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HOST, STATES)


async def test_answers_come_in_step_order(store: Store, epochs: dict[Member, int]) -> None:
    """All answers of the exchanges asked for come back, by exchange as asked, then by step."""
    first = Work(member=WA, number=1, is_answer=True)
    later = Work(member=WA, number=1, steps=(1, 2), is_answer=True)
    other = Work(member=OR, number=2, is_answer=True)
    await commit(store, [later, other], epochs)
    await commit(store, [first], epochs)
    keys = [(ExchangeId(w.id), w.member) for w in (other, first, first)]
    assert await store.answers(keys) == [
        answer_row(other, [0]),
        answer_row(first, [2]),
        answer_row(later, [0, 1]),
    ]
    assert await store.answers([(ExchangeId(first.id), OR)]) == []
    assert await store.answers([]) == []


async def test_accepted_frame_is_found_by_line_and_number(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A line's frame is the query that it became; of another line or number there is none."""
    work = [Work(member=WA, number=1, frame=("WA1", 7)), Work(member=WA, number=2)]
    await commit(store, work, epochs)
    assert await store.accepted_frame("WA1", 7) == accepted_row(work[0], 0)
    assert await store.accepted_frame("WA1", 8) is None
    assert await store.accepted_frame("WA2", 7) is None


async def test_line_position(store: Store, epochs: dict[Member, int]) -> None:
    """A line's position is its last frame, delivery and acknowledgement; at first all are zero."""
    assert await store.line_position("WA1") == (0, 0, 0)
    work = [Work(member=WA, number=n, frame=("WA1", n)) for n in (1, 2, 3)]
    await commit(store, work, epochs)
    await store.save_results([result_row(1, 11, 1), result_row(2, 12, 2)])
    await store.save_acknowledged({"WA1": 1, "WA2": 9})
    assert await store.line_position("WA1") == (3, 2, 1)
    assert await store.line_position("WA2") == (0, 0, 9)


async def test_acknowledgement_never_goes_back(store: Store) -> None:
    """An older acknowledgement that arrives late changes nothing."""
    await store.save_acknowledged({"WA1": 5})
    await store.save_acknowledged({"WA1": 3})
    await store.save_acknowledged({})
    assert (await store.line_position("WA1"))[2] == 5


async def test_result_is_kept_once(store: Store) -> None:
    """A result that is saved again is not new, and the first one's bytes stay."""
    first = result_row(1, 11, 1)
    again = msgspec.structs.replace(first, number=2, sealed=sealed("other bytes"))
    other = result_row(1, 12, 3)
    assert await store.save_results([first]) == [True]
    assert await store.save_results([again, other, other]) == [False, True, False]
    assert await store.save_results([]) == []
    assert await store.results_of(QueryId(an_id(1))) == [first, other]


async def test_loss_of_the_store_is_counted(case: StoreCase) -> None:
    """Whoever wrote without a flush can tell that the store was lost since, and only then."""
    await case.store.save_results([result_row(1, 11, 1)])
    before = case.store.losses
    await case.store.results_of(QueryId(an_id(1)))
    assert case.store.losses == before
    case.go_down()
    with pytest.raises(StoreDownError):
        await case.store.results_of(QueryId(an_id(1)))
    case.come_back()
    await case.store.results_of(QueryId(an_id(1)))
    assert case.store.losses > before


async def test_results_of_a_query_come_in_step_order(store: Store) -> None:
    """A query's results come by step, whatever order they were saved in."""
    rows = [
        result_row(1, 11, 3, step=2),
        result_row(1, 11, 1, step=0, is_final=False),
        result_row(1, 12, 2),
        result_row(2, 13, 4),
    ]
    await store.save_results(rows)
    assert await store.results_of(QueryId(an_id(1))) == [rows[1], rows[2], rows[0]]


async def test_results_after_are_a_page_of_a_line(store: Store) -> None:
    """A line's results beyond a number come in order, as many as asked, and of no other line."""
    rows = [result_row(n, 10 + n, n) for n in (3, 1, 2, 5, 4)]
    await store.save_results([*rows, result_row(9, 99, 3, line="WA2")])
    page = await store.results_after("WA1", 1, 3)
    assert [row.number for row in page] == [2, 3, 4]
    assert page[1] == rows[0]
    assert await store.results_after("WA1", 5, 3) == []


async def test_open_queries_are_those_not_ended(store: Store, epochs: dict[Member, int]) -> None:
    """A query is open until each of its exchanges has a final result; held answers end none."""
    work = [Work(member=WA, number=n, frame=("WA1", n)) for n in (1, 2, 3, 4)]
    await commit(store, work, epochs)
    ended = [result_row(1, 11, 1), result_row(1, 12, 2)]
    half = [result_row(2, 21, 3), result_row(2, 22, 4, is_final=False)]
    # Two results of one exchange are not two exchanges.
    same = [result_row(3, 31, 5), result_row(3, 31, 6, step=1)]
    await store.save_results([*ended, *half, *same])
    assert await store.open_queries([WA, OR], NOW - 60) == [
        OpenQuery(accepted=accepted_row(work[1], 1), results=tuple(half)),
        OpenQuery(accepted=accepted_row(work[2], 2), results=tuple(same)),
        OpenQuery(accepted=accepted_row(work[3], 3), results=()),
    ]


async def test_open_queries_are_of_members_and_time(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Queries of other members, or accepted before the time asked for, are not among them."""
    work = [
        Work(member=WA, number=1, frame=("WA1", 1)),
        Work(member=OR, number=2, frame=("OR1", 1)),
    ]
    await commit(store, work, epochs)
    found = await store.open_queries([OR], NOW)
    assert [item.accepted.member for item in found] == [OR]
    assert await store.open_queries([WA, OR], NOW + 1) == []
    assert await store.open_queries([], 0) == []


def change_of(hold: HoldRow, next_step: int, *, closed: bool) -> HoldChange:
    """Return a change of a hold."""
    return HoldChange(
        exchange_id=hold.exchange_id,
        member=hold.member,
        leaf_index=hold.leaf_index,
        next_step=next_step,
        closed=closed,
    )


async def test_holds_come_by_deadline(store: Store, epochs: dict[Member, int]) -> None:
    """Open holds of the members asked for come with the earliest deadline first."""
    late = Work(member=WA, number=1, hold_until=NOW + 200)
    soon = Work(member=WA, number=2, steps=(0, 1), hold_until=NOW + 100)
    other = Work(member=OR, number=3, hold_until=NOW + 150)
    await commit(store, [late, soon, other], epochs)
    assert await store.open_holds([WA]) == [hold_row(soon, 2), hold_row(late, 0)]
    due = await store.open_holds([WA], due_by=hold_row(soon, 2).until)
    assert due == [hold_row(soon, 2)]
    assert await store.open_holds([WA], due_by=hold_row(soon, 2).until - 1) == []
    assert [row.member for row in await store.open_holds(STATES)] == [WA, OR, WA]
    assert await store.open_hold(WA, 2) == hold_row(soon, 2)
    assert await store.open_hold(OR, 2) is None


async def test_hold_that_was_asked_about_stays_open(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A change that does not close a hold moves its next step and leaves it open."""
    work = Work(member=WA, number=1, hold_until=NOW + 100)
    await commit(store, [work], epochs)
    (hold,) = await store.open_holds([WA])
    verdict = Work(member=WA, number=1, steps=(1,))
    await commit(store, [verdict], epochs, hold_changes=(change_of(hold, 2, closed=False),))
    assert await store.open_hold(WA, 0) == msgspec.structs.replace(hold, next_step=2)


async def test_closed_hold_is_gone_and_cannot_change(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A hold that was closed is not open any more, and a further change is refused."""
    work = Work(member=WA, number=1, hold_until=NOW + 100)
    await commit(store, [work], epochs)
    (hold,) = await store.open_holds([WA])
    verdict = Work(member=WA, number=1, steps=(1,), is_answer=True)
    await commit(store, [verdict], epochs, hold_changes=(change_of(hold, 2, closed=True),))
    assert await store.open_holds([WA]) == []
    assert await store.open_hold(WA, 0) is None
    late = Work(member=WA, number=1, steps=(2,))
    with pytest.raises(RowRefusedError):
        await commit(store, [late], epochs, hold_changes=(change_of(hold, 3, closed=True),))
    assert len(await store.leaves(WA, 0, 9)) == 2


async def test_change_of_another_exchanges_hold_is_refused(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A change must name the hold's own exchange."""
    await commit(store, [Work(member=WA, number=1, hold_until=NOW + 100)], epochs)
    (hold,) = await store.open_holds([WA])
    wrong = msgspec.structs.replace(hold, exchange_id=ExchangeId(an_id(2)))
    with pytest.raises(RowRefusedError):
        await commit(
            store,
            [Work(member=WA, number=2)],
            epochs,
            hold_changes=(change_of(wrong, 2, closed=True),),
        )
    assert await store.open_holds([WA]) == [hold]


async def test_policy_in_force_is_the_heads(store: Store, epochs: dict[Member, int]) -> None:
    """Each member's newest policy is the one in force; a member without one has none."""
    old = Work(member=WA, number=1, policy=b"old")
    new = Work(member=WA, number=2, policy=b"new")
    other = Work(member=OR, number=3, policy=b"other")
    await commit(store, [old, other], epochs)
    await commit(store, [new, Work(member=WA, number=4)], epochs)
    assert await store.policies(STATES) == [policy_row(other, 0), policy_row(new, 1)]
    assert await store.policies([CA]) == []


async def test_newest_part_of_the_directory(store: Store, epochs: dict[Member, int]) -> None:
    """Of each member's parts the one with the highest version counts; a version comes once."""

    def part(member: Member, version: int, index: int) -> DirectoryRow:
        return DirectoryRow(
            member=member,
            leaf_index=LeafIndex(index),
            version=version,
            body=f"{member} {version}".encode(),
            signature=b"s" * 64,
        )

    parts = (part(WA, 9, 0), part(OR, 1, 0))
    work = [Work(member=WA, number=1), Work(member=OR, number=2)]
    await commit(store, work, epochs, directory=parts)
    await commit(store, [Work(member=WA, number=3)], epochs, directory=(part(WA, 10, 1),))
    found = await store.directory_parts()
    assert sorted(found, key=lambda row: row.member) == [parts[1], part(WA, 10, 1)]
    with pytest.raises(RowRefusedError):
        await commit(store, [Work(member=WA, number=4)], epochs, directory=(part(WA, 10, 2),))


async def test_checkpoint_is_the_largest_and_never_changes(store: Store) -> None:
    """The newest checkpoint is the one of the largest size; a size keeps its first note."""
    assert await store.checkpoint(WA) is None
    for size, note in ((5, b"five"), (300, b"many"), (5, b"other"), (20, b"twenty")):
        await store.save_checkpoint(CheckpointRow(member=WA, size=size, note=note))
    assert await store.checkpoint(WA) == CheckpointRow(member=WA, size=300, note=b"many")
    await store.save_checkpoint(CheckpointRow(member=WA, size=300, note=b"forged"))
    assert await store.checkpoint(WA) == CheckpointRow(member=WA, size=300, note=b"many")
    assert await store.checkpoint(OR) is None


async def test_clock_skew_is_towards_the_store(case: StoreCase) -> None:
    """A store whose clock is ahead of the caller's says by how much; behind, it is negative."""
    hour_ns = 3_600 * 1_000_000_000
    now = case.now_ns()
    assert abs(await case.store.clock_skew_ns(now)) < hour_ns
    assert abs(await case.store.clock_skew_ns(now - 10 * hour_ns) - 10 * hour_ns) < hour_ns
    assert abs(await case.store.clock_skew_ns(now + 10 * hour_ns) + 10 * hour_ns) < hour_ns


DAY = 86_400


async def test_rows_go_when_nobody_may_ask_for_them(
    case: StoreCase, epochs: dict[Member, int]
) -> None:
    """After two weeks queries, answers, results, keys and closed holds go, and nothing else."""
    store = case.store
    work = [
        Work(member=WA, number=1, frame=("WA1", 7)),
        Work(member=WA, number=2, is_answer=True),
        Work(member=WA, number=3, hold_until=NOW),
        Work(member=WA, number=4, hold_until=NOW),
    ]
    await commit(store, work, epochs)
    closed, still_open = await store.open_holds([WA])
    end = Work(member=WA, number=3, steps=(1,))
    await commit(store, [end], epochs, hold_changes=(change_of(closed, 2, closed=True),))
    await store.save_results([result_row(1, 11, 5)])
    assert await store.expire(NOW + 14 * DAY) == 0
    assert await store.expire(NOW + 14 * DAY + 1) == 1 + 1 + 1 + 5 + 1
    assert await store.accepted_frame("WA1", 7) is None
    assert await store.results_of(QueryId(work[0].id)) == []
    assert await store.answers([(ExchangeId(work[1].id), WA)]) == []
    assert await store.open_holds([WA]) == [still_open]
    assert len(await store.leaves(WA, 0, 9)) == 5
    assert await store.private_row(WA, 0) is not None


async def test_numbers_of_a_line_continue_after_its_rows_went(
    case: StoreCase, epochs: dict[Member, int]
) -> None:
    """A line's position stays what it was when the rows that show it are gone."""
    store = case.store
    work = [Work(member=WA, number=n, frame=("WA1", n)) for n in (1, 2)]
    await commit(store, work, epochs)
    await store.save_results([result_row(1, 11, 5), result_row(2, 12, 6)])
    await store.save_acknowledged({"WA1": 5})
    assert await store.expire(NOW + 15 * DAY) > 0
    assert await store.line_position("WA1") == (2, 6, 5)
    await commit(store, [Work(member=WA, number=9, frame=("WA1", 3))], epochs)
    await store.save_results([result_row(9, 19, 7)])
    assert await store.line_position("WA1") == (3, 7, 5)
