"""The contract of what a `Store` keeps beside ledgers: answers, results, lines, holds, parts."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.directory.limits import HELP_CHARS_MAX
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ports import (
    CheckpointRow,
    CosignatureRow,
    DelayedRow,
    DirectoryRow,
    DocumentRow,
    HelpRow,
    HoldChange,
    HoldRow,
    OpenQuery,
    OutageRow,
    ShadowRow,
    Store,
    StoreDownError,
    UnopenedDetail,
)
from tests.support.rows import (
    CA,
    MONTH,
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
Place = tuple[bytes, bytes, int]
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


async def test_newest_queries_of_a_line_come_first(store: Store, epochs: dict[Member, int]) -> None:
    """Those of one line alone, the newest first, as many as are asked for."""
    work = [Work(member=WA, number=n, frame=("WA1", 10 - n)) for n in (1, 2, 3)]
    other = Work(member=WA, number=4, frame=("WA2", 1))
    await commit(store, [*work, other], epochs)
    rows = [accepted_row(each, at) for at, each in enumerate(work)]
    assert await store.accepted_on("WA1", 2) == [rows[2], rows[1]]
    assert await store.accepted_on("WA1", 9) == rows[::-1]
    assert await store.accepted_on("WA3", 9) == []


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
    flushed = result_row(3, 13, 4)
    assert await store.save_results([flushed, first], is_flushed=True) == [True, False]
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


async def test_accepted_queries_are_read_from_either_end(
    store: Store, epochs: dict[Member, int]
) -> None:
    """A member's queries between two ids come in order of their ids, a page at a time."""
    work = [
        Work(member=OR if n == 3 else WA, number=n, frame=(f"L{n}", n)) for n in (1, 4, 2, 3, 5)
    ]
    await commit(store, work, epochs)
    rows = {item.number: accepted_row(item, at) for at, item in enumerate(work)}
    by_wa = {n: msgspec.structs.replace(rows[n], leaf_index=LeafIndex(0)) for n in (1, 2, 4)}

    async def read(first: int, last: int, limit: int, *, newest_first: bool) -> list[int]:
        found = await store.accepted_between(
            WA, (an_id(first), an_id(last)), limit, newest_first=newest_first
        )
        plain = [msgspec.structs.replace(row, leaf_index=LeafIndex(0)) for row in found]
        assert all(row == by_wa[row.frame_no] for row in plain)
        return [row.frame_no for row in found]

    assert await read(1, 5, 9, newest_first=False) == [1, 2, 4]
    assert await read(1, 5, 2, newest_first=False) == [1, 2]
    assert await read(1, 5, 2, newest_first=True) == [4, 2]
    assert await read(2, 4, 9, newest_first=True) == [2]
    assert await read(5, 5, 9, newest_first=False) == []
    beyond = an_id(2) + b"\x00"
    found = await store.accepted_between(WA, (beyond, b"\xff" * 17), 1, newest_first=False)
    assert [row.frame_no for row in found] == [4]


async def test_results_are_read_from_either_end(store: Store) -> None:
    """A member's results between two places come by query, exchange and step, of no other."""
    rows = [
        result_row(1, 11, 1),
        result_row(2, 21, 4, step=0),
        result_row(2, 21, 2, step=2),
        result_row(2, 22, 3),
        result_row(3, 31, 5),
    ]
    other = result_row(2, 23, 6, member=OR)
    await store.save_results([rows[3], other, rows[4], rows[2], rows[0], rows[1]])
    first, last = (b"", b"", -1), (b"\xff" * 17, b"", 0)

    async def read(after: Place, before: Place, limit: int, *, last: bool) -> list[int]:
        found = await store.results_between(WA, (after, before), limit, newest_first=last)
        assert all(row in rows for row in found)
        return [row.number for row in found]

    assert await read(first, last, 9, last=False) == [1, 4, 2, 3, 5]
    assert await read(first, last, 9, last=True) == [5, 3, 2, 4, 1]
    assert await read(first, last, 2, last=True) == [5, 3]
    here = (an_id(2), an_id(21), 0)
    assert await read(here, last, 2, last=False) == [2, 3]
    assert await read(first, here, 9, last=True) == [1]
    assert await read((an_id(2), b"", -1), (an_id(3), b"", -1), 9, last=False) == [4, 2, 3]


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


async def test_holds_are_read_on_from_a_leaf(store: Store, epochs: dict[Member, int]) -> None:
    """A member's open holds beyond a leaf come in the order of their leaves."""
    late = Work(member=WA, number=1, hold_until=NOW + 200)
    soon = Work(member=WA, number=2, steps=(0, 1), hold_until=NOW + 100)
    other = Work(member=OR, number=3, hold_until=NOW + 150)
    await commit(store, [late, soon, other], epochs)
    assert await store.open_holds_after(WA, -1) == [hold_row(late, 0), hold_row(soon, 2)]
    assert await store.open_holds_after(WA, 0) == [hold_row(soon, 2)]
    assert await store.open_holds_after(WA, 2) == []
    verdict = Work(member=WA, number=1, steps=(1,))
    change = change_of(hold_row(late, 0), 2, closed=True)
    await commit(store, [verdict], epochs, hold_changes=(change,))
    assert await store.open_holds_after(WA, -1) == [hold_row(soon, 2)]


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


async def test_a_proposal_is_kept_beside_its_hold(store: Store, epochs: dict[Member, int]) -> None:
    """A change that has one sets it, one without leaves it; what the hold holds stays."""
    await commit(store, [Work(member=WA, number=1, hold_until=NOW + 60)], epochs)
    (row,) = await store.open_holds([WA])
    for step, kept in ((2, sealed("proposed")), (3, None)):
        change = HoldChange(
            exchange_id=row.exchange_id,
            member=WA,
            leaf_index=row.leaf_index,
            next_step=step,
            closed=False,
            proposal=kept,
        )
        work = [Work(member=WA, number=1, steps=(step - 1,))]
        await commit(store, work, epochs, hold_changes=(change,))
        changed = msgspec.structs.replace(row, next_step=step, proposal=sealed("proposed"))
        assert await store.open_holds([WA]) == [changed]


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


def shadow_row(index: int, since: int, body: bytes) -> ShadowRow:
    """Washington's announcement at an index."""
    return ShadowRow(member=WA, leaf_index=LeafIndex(index), since=since, body=body)


async def test_what_was_announced_last_stands_until_a_policy_is_published(
    store: Store, epochs: dict[Member, int]
) -> None:
    """It is never the policy in force; all bundles of a ledger come by pages, newest first."""
    rules = Work(member=WA, number=1, policy=b"rules")
    first = Work(member=WA, number=2, document=b"draft", announced=NOW)
    second = Work(member=WA, number=3, document=b"other draft", announced=NOW + 60)
    await commit(store, [rules, Work(member=OR, number=4, policy=b"other")], epochs)
    assert await store.shadows(STATES) == []
    await commit(store, [first], epochs)
    assert await store.shadows(STATES) == [shadow_row(1, NOW, b"draft")]
    await commit(store, [second], epochs)
    assert await store.shadows([WA]) == [shadow_row(2, NOW + 60, b"other draft")]
    assert await store.shadows([OR]) == []
    assert await store.policies([WA]) == [policy_row(rules, 0)]
    await commit(store, [Work(member=WA, number=5, policy=b"newer")], epochs)
    assert await store.shadows(STATES) == []
    found = await store.policy_leaves(WA, 99, 9)
    assert [(row.leaf_index, row.body, row.is_shadow) for row in found] == [
        (3, b"newer", False),
        (2, b"other draft", True),
        (1, b"draft", True),
        (0, b"rules", False),
    ]
    assert await store.policy_leaves(WA, 3, 2) == found[1:3]
    assert await store.policy_leaves(WA, 1, 9) == found[3:]
    assert await store.policy_leaves(WA, 0, 9) == []


async def test_a_duty_stands_until_it_is_done(store: Store, epochs: dict[Member, int]) -> None:
    """Oldest first, of the members and kinds asked for; what is done is gone, and only that."""
    work = [
        Work(member=WA, number=1, duty="page_one"),
        Work(member=OR, number=2, duty="page_two"),
        Work(member=WA, number=3),
        Work(member=WA, number=4, duty="page_three", duty_about="Ñandú Police, Tue 8 Dec 2026"),
    ]
    await commit(store, work, epochs)
    kinds = ["page_one", "page_two", "page_three"]
    first, second = await store.duties([WA], 9)
    assert (first.kind, first.leaf_index, first.made_at) == ("page_one", 0, NOW)
    assert (second.kind, second.leaf_index) == ("page_three", 2)
    assert (first.about, second.about) == ("", "Ñandú Police, Tue 8 Dec 2026")
    assert await store.duties([WA], 1) == [first]
    assert await store.duties([WA], 1, kinds[1:]) == [second]
    assert await store.duties([WA], 9, []) == []
    assert [row.kind for row in await store.duties(STATES, 9)] == kinds
    await store.end_duty(OR, first.duty_id)
    assert await store.duties([WA], 9) == [first, second]
    await store.end_duty(WA, first.duty_id)
    await store.end_duty(WA, first.duty_id)
    assert await store.duties([WA], 9) == [second]


async def test_documents_come_with_policies(store: Store, epochs: dict[Member, int]) -> None:
    """Public documents of a range of one ledger come by index, policies among them."""
    work = [
        Work(member=WA, number=1, document=b"first"),
        Work(member=WA, number=2),
        Work(member=WA, number=3, policy=b"rules"),
        Work(member=OR, number=4, document=b"of another"),
        Work(member=WA, number=5, document=b"last"),
    ]
    await commit(store, work, epochs)

    def row(index: int, body: bytes) -> DocumentRow:
        return DocumentRow(member=WA, leaf_index=LeafIndex(index), body=body)

    assert await store.documents(WA, 0, 3) == [row(0, b"first"), row(2, b"rules")]
    assert await store.documents(WA, 1, 9) == [row(2, b"rules"), row(3, b"last")]
    assert await store.documents(CA, 0, 9) == []


async def test_sealed_detail_comes_when_due(store: Store, epochs: dict[Member, int]) -> None:
    """Sealed leaves come in the order of their time; one that was opened comes no more."""
    work = [
        Work(member=WA, number=1, opens_at=NOW + 30),
        Work(member=WA, number=2),
        Work(member=WA, number=3, opens_at=NOW + 10),
        Work(member=OR, number=4, opens_at=NOW + 10),
        Work(member=CA, number=5, opens_at=NOW),
    ]
    await commit(store, work, epochs)

    def row(member: Member, index: int, seconds: int) -> DelayedRow:
        return DelayedRow(
            member=member,
            leaf_index=LeafIndex(index),
            made_month=MONTH,
            opens_at=NOW + seconds,
        )

    first, second, last = row(OR, 0, 10), row(WA, 2, 10), row(WA, 0, 30)
    assert await store.detail_due([OR, WA], NOW + 9, None, 9) == []
    assert await store.detail_due([OR, WA], NOW + 30, None, 9) == [first, second, last]
    assert await store.detail_due([OR, WA], NOW + 30, first, 1) == [second]
    assert await store.unopened_detail(WA, NOW + 10) == [
        UnopenedDetail(made_month=MONTH, sealed=2, due=1)
    ]
    await commit(store, [Work(member=WA, number=6, reveals=2)], epochs)
    assert await store.detail_due([OR, WA], NOW + 30, None, 9) == [first, last]
    assert await store.unopened_detail(WA, NOW + 10) == [
        UnopenedDetail(made_month=MONTH, sealed=1, due=0)
    ]
    assert await store.unopened_detail(Member("tx"), NOW) == []


@pytest.mark.parametrize("index", [1, 2])
async def test_detail_is_opened_once(store: Store, epochs: dict[Member, int], index: int) -> None:
    """What is not sealed, or was opened, cannot be opened: nothing of such a batch is written."""
    work = [Work(member=WA, number=n, opens_at=NOW if n > 1 else None) for n in (0, 1, 2)]
    await commit(store, work, epochs)
    await commit(store, [Work(member=WA, number=6, reveals=2)], epochs)
    with pytest.raises(RowRefusedError):
        await commit(store, [Work(member=WA, number=7, reveals=index)], epochs)
    assert len(await store.leaves(WA, 0, 9)) == 4


def directory_row(member: Member, version: int, index: int) -> DirectoryRow:
    """A version of a member's part."""
    return DirectoryRow(
        member=member,
        leaf_index=LeafIndex(index),
        version=version,
        body=f"{member} {version}".encode(),
        signature=b"s" * 64,
    )


async def test_newest_part_of_the_directory(store: Store, epochs: dict[Member, int]) -> None:
    """Of each member's parts the one with the highest version counts; a version comes once."""
    parts = (directory_row(WA, 9, 0), directory_row(OR, 1, 0))
    work = [Work(member=WA, number=1), Work(member=OR, number=2)]
    await commit(store, work, epochs, directory=parts)
    await commit(store, [Work(member=WA, number=3)], epochs, directory=(directory_row(WA, 10, 1),))
    found = await store.directory_parts()
    assert sorted(found, key=lambda row: row.member) == [parts[1], directory_row(WA, 10, 1)]
    again = (directory_row(WA, 10, 2),)
    with pytest.raises(RowRefusedError):
        await commit(store, [Work(member=WA, number=4)], epochs, directory=again)


async def test_versions_of_the_directory(store: Store, epochs: dict[Member, int]) -> None:
    """A member's versions come with their leaves, the newest first, as many as asked for."""
    for number, version in ((1, 1), (2, 2), (3, 10)):
        part = directory_row(WA, version, number - 1)
        await commit(store, [Work(member=WA, number=number)], epochs, directory=(part,))
    await commit(store, [Work(member=OR, number=4)], epochs, directory=(directory_row(OR, 3, 0),))
    assert await store.directory_versions(WA, 9) == [(10, 2), (2, 1), (1, 0)]
    assert await store.directory_versions(WA, 2) == [(10, 2), (2, 1)]
    assert await store.directory_versions(CA, 9) == []
    assert await store.directory_part(WA, 2) == directory_row(WA, 2, 1)
    assert await store.directory_part(WA, 3) is None
    assert await store.directory_part(CA, 2) is None


async def test_help_file_is_replaced_whole(store: Store) -> None:
    """One text for each member and file; the last one kept is the one that is read."""
    first = HelpRow(member=WA, file="LIC", text="ONE\nTWO", changed_by=ExchangeId(an_id(1)))
    other = msgspec.structs.replace(first, file="OLN")
    assert await store.help_file(WA, "LIC") is None
    await store.save_help(first)
    await store.save_help(other)
    assert await store.help_file(WA, "LIC") == first
    assert await store.help_file(OR, "LIC") is None
    empty = msgspec.structs.replace(first, text="", changed_by=ExchangeId(an_id(2)))
    await store.save_help(empty)
    assert await store.help_file(WA, "LIC") == empty
    assert await store.help_file(WA, "OLN") == other


async def test_help_file_of_the_largest_size(store: Store) -> None:
    """Of as many characters as a file may have, also beyond ASCII."""
    row = HelpRow(
        member=WA, file="LIC", text="\u00e9" * HELP_CHARS_MAX, changed_by=ExchangeId(an_id(1))
    )
    await store.save_help(row)
    assert await store.help_file(WA, "LIC") == row


async def test_checkpoint_is_the_largest_and_never_changes(store: Store) -> None:
    """The newest checkpoint is the one of the largest size; a size keeps its first note."""
    assert await store.checkpoint(WA) is None
    for size, note in ((5, b"five"), (300, b"many"), (5, b"other"), (20, b"twenty")):
        await store.save_checkpoint(CheckpointRow(member=WA, size=size, note=note))
    assert await store.checkpoint(WA) == CheckpointRow(member=WA, size=300, note=b"many")
    await store.save_checkpoint(CheckpointRow(member=WA, size=300, note=b"forged"))
    assert await store.checkpoint(WA) == CheckpointRow(member=WA, size=300, note=b"many")
    assert await store.checkpoint(OR) is None


async def test_checkpoint_is_found_by_its_size_too(store: Store) -> None:
    """One of a size, or the newest of each ledger that has one."""
    rows = [
        CheckpointRow(member=member, size=size, note=b"%d" % size)
        for member, size in ((WA, 5), (WA, 300), (OR, 7))
    ]
    for row in rows:
        await store.save_checkpoint(row)
    assert await store.checkpoint(WA, 5) == rows[0]
    assert await store.checkpoint(WA, 6) is None
    assert await store.checkpoints([WA, OR, CA, WA]) == [rows[2], rows[1]]
    assert await store.checkpoints([]) == []


async def test_cosignatures_are_added_and_never_change(store: Store) -> None:
    """Lines come by name and key; of one witness's key the first stays; each size has its own."""
    await store.save_checkpoint(CheckpointRow(member=WA, size=5, note=b"five\n"))
    await store.save_checkpoint(CheckpointRow(member=WA, size=9, note=b"nine\n"))

    def line(name: str, key: int, data: bytes, size: int = 5) -> CosignatureRow:
        return CosignatureRow(member=WA, size=size, name=name, key_id=bytes([key]) * 4, line=data)

    await store.save_cosignatures([line("w.b", 2, b"b2\n"), line("w.a", 9, b"a9\n")])
    await store.save_cosignatures([line("w.b", 2, b"no\n"), line("w.b", 1, b"b1\n")])
    await store.save_cosignatures([line("W.z", 1, b"z1\n"), line("w.a", 1, b"of nine\n", 9)])
    await store.save_cosignatures([])
    row = await store.checkpoint(WA, 5)
    assert row is not None
    assert row.cosignatures == (b"z1\n", b"a9\n", b"b1\n", b"b2\n")
    assert row.published == b"five\nz1\na9\nb1\nb2\n"
    assert [one.published for one in await store.checkpoints([WA])] == [b"nine\nof nine\n"]


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
    assert await store.expire(NOW + 14 * DAY, []) == 0
    assert await store.expire(NOW + 14 * DAY + 1, []) == 1 + 1 + 1 + 5 + 1
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
    assert await store.expire(NOW + 15 * DAY, []) > 0
    assert await store.line_position("WA1") == (2, 6, 5)
    await commit(store, [Work(member=WA, number=9, frame=("WA1", 3))], epochs)
    await store.save_results([result_row(9, 19, 7)])
    assert await store.line_position("WA1") == (3, 7, 5)


async def test_an_outage_stands_until_it_is_taken_back(store: Store) -> None:
    """One row per member and key, the latest; taking back is the member's own and of all keys."""
    rows = [
        OutageRow(member=WA, key=MessageKey("DQ"), kind=".02.", since=NOW),
        OutageRow(member=WA, key=MessageKey("ALL"), kind=".04.", since=NOW + 1),
        OutageRow(member=OR, key=MessageKey("DQ"), kind=".01.", since=NOW),
    ]
    for row in rows:
        await store.save_outage(row)
    later = msgspec.structs.replace(rows[0], kind=".04.", since=NOW + 2)
    await store.save_outage(later)
    assert await store.outages([WA]) == [rows[1], later]
    assert await store.outages([WA, OR, CA]) == [rows[2], rows[1], later]
    await store.end_outages(WA, MessageKey("DQ"))
    assert await store.outages([WA, OR]) == [rows[2], rows[1]]
    await store.end_outages(WA)
    assert await store.outages([WA, OR]) == [rows[2]]
