"""The contract of `Store.cutting`: what lies beyond a cut is read out and goes, or all stays."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.memory.store import CommitFault
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member
from comity.ledger.plan import NO_POLICY, LedgerHead, Placed, make_plan
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, append, tree_root
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    AsideRow,
    CheckpointRow,
    CommitUnknownError,
    CosignatureRow,
    Cut,
    CutDone,
    DelayedRow,
    DirectoryRow,
    DocumentRow,
    HeadMovedError,
    HoldChange,
    HoldReply,
    HoldRow,
    KeyRow,
    LeafRow,
    PassChange,
    PassRow,
    PolicyRow,
    PrivateRow,
    ReviewChange,
    Store,
    StoreDownError,
    SuccessionRow,
    UnopenedDetail,
    UrgentRow,
)
from comity.review.urgent import ReviewState, look_id
from tests.support.rows import (
    NOW,
    OR,
    WA,
    Work,
    accepted_row,
    answer_row,
    batch_of,
    commit,
    hold_row,
    policy_row,
    sealed,
)
from tests.support.stores import StoreCase

HOST, OTHER = HostName("gw-1"), HostName("gw-2")
RETIRED, ORIGIN = "ledger.example/wa", "ledger.example/wa.2"
FILL = 256
"""Leaves below the cut that fill one tile."""
CUT = FILL + 4

HELD = Work(member=WA, number=501, hold_until=NOW + 900)
ANSWERED = Work(member=WA, number=502, is_answer=True)
RULES = Work(member=WA, number=503, policy=b"rules", document=None)
NEWER = Work(member=WA, number=605, policy=b"newer rules")
ASKED = Work(member=WA, number=602, frame=("WA1", 7))
LATE = Work(member=WA, number=603, steps=(0, 1), is_answer=True)
LATE_HOLD = Work(member=WA, number=604, hold_until=NOW + 500)


def part(index: int, version: int) -> DirectoryRow:
    """A version of Washington's part of the directory."""
    return DirectoryRow(
        member=WA, leaf_index=LeafIndex(index), version=version, body=b"part", signature=b"s" * 64
    )


async def grown(store: Store) -> dict[Member, int]:
    """A ledger with some of everything on both sides of the cut, and a neighbour's."""
    epochs = await store.claim(HOST, [OR, WA])
    await commit(store, [Work(member=WA, number=n) for n in range(1, FILL + 1)], epochs)
    below = [HELD, ANSWERED, RULES, Work(member=WA, number=504, document=b"event")]
    await commit(store, below, epochs, directory=(part(FILL, 1),))
    await commit(store, [Work(member=OR, number=1, frame=("OR1", 1), is_answer=True)], epochs)
    verdict = Work(member=WA, number=HELD.number, steps=(1,), is_answer=True)
    change = HoldChange(
        exchange_id=ExchangeId(HELD.id),
        member=WA,
        leaf_index=LeafIndex(FILL),
        next_step=2,
        closed=True,
    )
    await commit(store, [verdict], epochs, hold_changes=(change,))
    later = Work(member=WA, number=606, document=b"later", announced=NOW)
    beyond = [ASKED, LATE, LATE_HOLD, NEWER, later]
    await commit(store, beyond, epochs, directory=(part(CUT + 5, 2),))
    await commit(store, [Work(member=WA, number=n) for n in range(700, 700 + FILL)], epochs)
    for size in (FILL, CUT, CUT + 2):
        await store.save_checkpoint(CheckpointRow(member=WA, size=size, note=b"note %d" % size))
        line = CosignatureRow(
            member=WA, size=size, name="w", key_id=b"wwww", line=b"line %d" % size
        )
        await store.save_cosignatures([line])
    await store.save_checkpoint(CheckpointRow(member=OR, size=900, note=b"other"))
    return epochs


async def cut_at(store: Store, first: int = CUT) -> Cut:
    """The cut of Washington's ledger at an index."""
    hashes = await store.leaf_hashes(WA, 0, first)
    frontier = append(EMPTY_FRONTIER, hashes).frontier if hashes else EMPTY_FRONTIER
    row = SuccessionRow(
        member=WA, retired=RETIRED, origin=ORIGIN, leaf_index=LeafIndex(max(first, 1)), kept=first
    )
    return Cut(succession=row, frontier=frontier, root=tree_root(hashes) if hashes else EMPTY_ROOT)


async def carry_out(store: Store, cut: Cut) -> CutDone:
    """Read out what lies beyond, and cut."""
    async with store.cutting(WA) as cutting:
        rows = [page async for page in cutting.beyond(cut.succession.kept)]
        assert all(rows)
        return await cutting.cut(cut)


async def read_beyond(store: Store, first: int) -> list[AsideRow]:
    """Everything that a cut would set aside."""
    async with store.cutting(WA) as cutting:
        return [row async for page in cutting.beyond(first) for row in page]


async def test_everything_beyond_is_read_out(store: Store) -> None:
    """Each table's rows from the cut on, in their order, and nothing below it or of a neighbour."""
    await grown(store)
    rows = await read_beyond(store, CUT)
    size = (await store.heads([WA]))[WA][0].frontier.size
    hashes, data = await store.leaf_hashes(WA, CUT, size), await store.leaves(WA, CUT, size)
    assert [r for r in rows if isinstance(r, LeafRow)] == [
        LeafRow(member=WA, leaf_index=LeafIndex(CUT + n), leaf_hash=h, data=d)
        for n, (h, d) in enumerate(zip(hashes, data, strict=True))
    ]
    private = [r.leaf_index for r in rows if isinstance(r, PrivateRow)]
    assert private == list(range(CUT, size))
    keys = [r for r in rows if isinstance(r, KeyRow)]
    assert [key.leaf_index for key in keys] == private
    assert (keys[0].exchange_id, keys[0].step) == (HELD.id, 1)
    assert [r for r in rows if isinstance(r, AcceptedRow)] == [accepted_row(ASKED, CUT + 1)]
    verdict = msgspec.structs.replace(HELD, steps=(1,))
    assert [r for r in rows if isinstance(r, AnswerRow)] == [
        answer_row(verdict, [CUT]),
        answer_row(LATE, [CUT + 2, CUT + 3]),
    ]
    assert [r for r in rows if isinstance(r, HoldRow)] == [hold_row(LATE_HOLD, CUT + 4)]
    assert [r for r in rows if isinstance(r, PolicyRow)] == [policy_row(NEWER, CUT + 5)]
    assert [r for r in rows if isinstance(r, DirectoryRow)] == [part(CUT + 5, 2)]
    assert [r for r in rows if isinstance(r, DocumentRow)] == [
        DocumentRow(member=WA, leaf_index=LeafIndex(CUT + 6), body=b"later")
    ]
    assert [r for r in rows if isinstance(r, CheckpointRow)] == [
        CheckpointRow(member=WA, size=CUT + 2, note=b"note 262", cosignatures=(b"line 262",))
    ]
    assert (await store.heads([WA]))[WA][0].frontier.size == size


async def test_a_cut_leaves_the_prefix_alone(store: Store) -> None:
    """What was read out is gone, the head is the prefix's, the neighbour is untouched."""
    await grown(store)
    cut = await cut_at(store)
    done = await carry_out(store, cut)
    assert done == CutDone(epoch=2, policy=FILL + 2)
    head, root = (await store.heads([WA]))[WA]
    assert (head.frontier, head.policy, root) == (cut.frontier, FILL + 2, cut.root)
    assert await read_beyond(store, CUT) == []
    assert len(await store.leaves(WA, 0, 2 * CUT)) == CUT
    assert len(await store.nodes(WA, 1, 0, 9)) == 1
    assert await store.answers([(ExchangeId(ANSWERED.id), WA)]) == [
        answer_row(ANSWERED, [FILL + 1])
    ]
    assert [row.leaf_index for row in await store.documents(WA, 0, 999)] == [FILL + 2, FILL + 3]
    assert [row.leaf_index for row in await store.policy_leaves(WA, 999, 9)] == [FILL + 2]
    assert await store.directory_versions(WA, 9) == [(1, FILL)]
    newest = await store.checkpoint(WA)
    assert newest is not None
    assert (newest.size, newest.cosignatures) == (CUT, (b"line 260",))
    assert [row.size for row in await store.checkpoints_down(WA, 9)] == [CUT, FILL]
    assert [row.size for row in await store.checkpoints_down(WA, 1)] == [CUT]
    assert len(await store.leaves(OR, 0, 9)) == 1
    assert await store.accepted_frame("OR1", 1) is not None
    assert await store.checkpoint(OR) is not None
    assert await store.successions(WA) == [cut.succession]
    assert await store.successions(OR) == []


async def test_a_reply_beyond_the_cut_is_none(store: Store) -> None:
    """Its message is gone with its leaf; one below the cut stays beside its hold."""
    epochs = await store.claim(HOST, [OR, WA])
    await commit(store, [HELD], epochs)
    for leaf in (1, 2):
        reply = HoldReply(member=WA, leaf_index=LeafIndex(0), reply=LeafIndex(leaf))
        await commit(store, [Work(member=WA, number=leaf)], epochs, hold_replies=(reply,))
    await carry_out(store, await cut_at(store, 2))
    (hold,) = await store.open_holds([WA])
    assert hold.replies == (1,)


async def test_a_hold_answered_beyond_the_cut_waits_again(store: Store) -> None:
    """At the step that its lost answer had; a hold that lay beyond it is gone."""
    await grown(store)
    assert [row.leaf_index for row in await store.open_holds([WA])] == [CUT + 4]
    await carry_out(store, await cut_at(store))
    assert await store.open_holds([WA]) == [hold_row(HELD, FILL)]


async def test_a_lines_numbers_continue(store: Store) -> None:
    """A query beyond the cut is not known any more, but its frame's number is not given twice."""
    await grown(store)
    await carry_out(store, await cut_at(store))
    assert await store.accepted_frame("WA1", 7) is None
    assert await store.line_position("WA1") == (7, 0, 0)


async def test_who_owned_the_ledger_does_not_any_more(store: Store) -> None:
    """Its epoch is over; keys beyond the cut are free again for whoever takes the ledger."""
    epochs = await grown(store)
    await carry_out(store, await cut_at(store))
    with pytest.raises(HeadMovedError):
        await commit(store, [LATE], epochs)
    plan = await commit(store, [LATE], await store.claim(OTHER, [WA]))
    assert isinstance(plan.outcomes[0], Placed)
    assert plan.outcomes[0].leaves[0].index == CUT


async def go_on(store: Store, cut: Cut) -> None:
    """Cut, and write two batches behind it."""
    head = LedgerHead(frontier=cut.frontier)
    async with store.cutting(WA) as cutting:
        assert cutting.head.frontier.size > cut.succession.kept
        done = await cutting.cut(cut)
        for number in (801, 802):
            work = [Work(member=WA, number=number)]
            plan = make_plan([work[0].submission()], {WA: head}, {})
            await cutting.write(batch_of(plan, work, {WA: done.epoch}))
            head = LedgerHead(frontier=plan.ledgers[WA].growth.frontier)


async def test_a_cut_ledger_grows_in_the_same_transaction(store: Store) -> None:
    """What is written behind the cut, batch after batch, is committed with it."""
    await grown(store)
    await go_on(store, await cut_at(store))
    hashes = await store.leaf_hashes(WA, 0, 999)
    assert len(hashes) == CUT + 2
    assert (await store.heads([WA]))[WA][1] == tree_root(hashes)


async def test_an_error_leaves_the_ledger_as_it_was(store: Store) -> None:
    """Also after the cut itself: nothing of it is kept, and its succession is not there."""
    epochs = await grown(store)
    cut = await cut_at(store)
    before = await read_beyond(store, 1)

    async def cut_and_fail() -> None:
        async with store.cutting(WA) as cutting:
            await cutting.cut(cut)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cut_and_fail()
    assert await read_beyond(store, 1) == before
    assert await store.successions(WA) == []
    await commit(store, [Work(member=WA, number=900)], epochs)


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_cut_whose_commit_breaks(case: StoreCase, fault: CommitFault) -> None:
    """Lost or not, the successions say which; the same cut can be made again where it was lost."""
    store = case.store
    await grown(store)
    cut = await cut_at(store)
    case.break_commit(fault)
    expected = StoreDownError if fault is CommitFault.FAILED else CommitUnknownError
    with pytest.raises(expected):
        await go_on(store, cut)
    size = (await store.heads([WA]))[WA][0].frontier.size
    if fault is CommitFault.PERSISTED:
        assert (size, await store.successions(WA)) == (CUT + 2, [cut.succession])
    else:
        assert (size > CUT + 2, await store.successions(WA)) == (True, [])
        await go_on(store, cut)


async def test_a_ledger_is_retired_once(store: Store) -> None:
    """The same origin cannot be retired again, its successor can."""
    await grown(store)
    await carry_out(store, await cut_at(store))
    with pytest.raises(RowRefusedError):
        await carry_out(store, await cut_at(store, FILL))
    third = msgspec.structs.replace(
        (await cut_at(store, FILL)).succession, retired=ORIGIN, origin="ledger.example/wa.3"
    )
    await carry_out(store, msgspec.structs.replace(await cut_at(store, FILL), succession=third))
    assert [row.origin[-4:] for row in await store.successions(WA)] == ["wa.2", "wa.3"]


async def test_nothing_is_left_where_nothing_is_kept(store: Store) -> None:
    """A ledger of which no leaf is good begins again from a copy: an empty head, no policy."""
    await grown(store)
    done = await carry_out(store, await cut_at(store, 0))
    assert done.policy == NO_POLICY
    head, root = (await store.heads([WA]))[WA]
    assert (head.frontier, root) == (EMPTY_FRONTIER, EMPTY_ROOT)
    assert await read_beyond(store, 0) == []
    assert await store.open_holds([WA]) == []


async def test_detail_opened_beyond_the_cut_is_to_be_opened_again(store: Store) -> None:
    """Its `reveal` leaf is gone; one that was opened below the cut stays open."""
    epochs = await store.claim(HOST, [WA])
    delayed = tuple(
        DelayedRow(member=WA, leaf_index=LeafIndex(n), made_month=682, opens_at=NOW)
        for n in range(3)
    )
    await commit(store, [Work(member=WA, number=n) for n in range(1, 4)], epochs, delayed=delayed)
    early = ((WA, LeafIndex(0)),)
    await commit(store, [Work(member=WA, number=4)], epochs, revealed=early)
    late = tuple((WA, LeafIndex(n)) for n in (1, 2))
    await commit(store, [Work(member=WA, number=5)], epochs, revealed=late)
    assert await store.unopened_detail(WA, NOW) == []
    cut = msgspec.structs.replace(await cut_at(store, 4), revealed=(1, 2))
    await carry_out(store, cut)
    assert await store.unopened_detail(WA, NOW) == [UnopenedDetail(made_month=682, sealed=2, due=2)]


class Look(Work, frozen=True, kw_only=True):
    """An entry of a look at the release of exchange `number`."""

    @property
    def id(self) -> bytes:
        """The id of the look's leaves."""
        return look_id(super().id)


def release_row(number: int, index: int) -> UrgentRow:
    """An urgent release by the leaf at an index."""
    return UrgentRow(
        member=WA,
        leaf_index=LeafIndex(index),
        exchange_id=Work(member=WA, number=number).id,
        due=NOW,
        changed_at=NOW,
        sealed=sealed("release"),
    )


async def test_a_look_beyond_the_cut_is_owed_again(store: Store) -> None:
    """As far as its leaves still stand; a revoked pass stays revoked, and what is beyond goes."""
    epochs = await store.claim(HOST, [OR, WA])
    numbers = (1, 2, 3, 4)
    passes = tuple(
        PassRow(
            member=WA,
            leaf_index=LeafIndex(index),
            pass_id=b"%016d" % index,
            until=NOW + 900,
            sealed=sealed("pass"),
        )
        for index in (0, 1, 9)
    )
    await commit(
        store,
        [Work(member=WA, number=n) for n in numbers],
        epochs,
        case_passes=passes[:2],
        urgent=tuple(release_row(n, n - 1) for n in numbers),
    )

    async def look(number: int, step: int, stands: ReviewState, **more: object) -> None:
        change = ReviewChange(
            member=WA, leaf_index=LeafIndex(number - 1), step=step, stands=stands, changed_at=NOW
        )
        work = [Look(member=WA, number=number, steps=(step,))]
        await commit(store, work, epochs, review_changes=(change,), **more)

    await look(1, 0, ReviewState.OVERDUE)
    await look(2, 0, ReviewState.JUSTIFIED)
    # Six leaves are kept.
    await look(1, 1, ReviewState.NOT_JUSTIFIED)
    end = PassChange(member=WA, leaf_index=LeafIndex(0), revoked_by=LeafIndex(7))
    await look(3, 0, ReviewState.OVERDUE, pass_changes=(end,))
    await look(3, 1, ReviewState.JUSTIFIED)
    late = [Work(member=WA, number=5)]
    await commit(store, late, epochs, case_passes=passes[2:], urgent=(release_row(5, 9),))
    await carry_out(store, await cut_at(store, 6))
    rows = [await store.urgent_release(WA, index) for index in (0, 1, 2, 3, 9)]
    assert [row and (row.stands, row.next_step) for row in rows] == [
        (ReviewState.OVERDUE, 1),
        (ReviewState.JUSTIFIED, 1),
        (ReviewState.OPEN, 0),
        (ReviewState.OPEN, 0),
        None,
    ]
    assert [row.leaf_index for row in await store.case_passes([WA], NOW)] == [1]
    assert await store.case_pass(WA, 9) is None
