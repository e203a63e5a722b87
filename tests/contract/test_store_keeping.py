"""The contract of what a `Store` keeps and takes away for good: events, private records, bytes."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.limits import KEPT_DAYS
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ledger.plan import Draft, Submission
from comity.ports import (
    EVERY_MONTH,
    KEY_GENERATION,
    HoldChange,
    KeyEventRow,
    RedactionRow,
    Store,
)
from tests.support.rows import CA, HOUR, NOW, OR, WA, Work, an_id, commit, result_row, sealed

HOST = HostName("gw-1")
STATES: tuple[Member, ...] = (CA, OR, WA)
MONTH = sealed("").key_number
LATE = NOW + (KEPT_DAYS + 1) * 86_400


@pytest.fixture
async def epochs(store: Store) -> dict[Member, int]:
    """The epochs of the states' ledgers, claimed."""
    return await store.claim(HOST, STATES)


class Redacting(Work, frozen=True, kw_only=True):
    """An entry whose leaf is a redaction."""

    cites: str

    def submission(self) -> Submission:
        """What the planner is given."""
        header = LeafHeader(
            version=1,
            kind=LeafKind.REDACTION,
            mode=LeafMode.LIVE,
            hour=HOUR,
            member=self.member,
            cites=self.cites,
            commitment=bytes(32),
        )
        draft = Draft(step=0, header=header)
        return Submission(member=self.member, exchange_id=self.id, drafts=(draft,))


def at(index: int) -> LeafIndex:
    return LeafIndex(index)


async def test_key_events_are_read_in_order_with_what_was_done(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Of one member, with their documents; what was done stays done."""
    work = [
        Work(member=WA, number=1, document=b"first"),
        Work(member=OR, number=2, document=b"another's"),
        Work(member=WA, number=3, document=b"no event"),
        Work(member=WA, number=4, document=b"second"),
    ]
    events = ((WA, at(0)), (OR, at(0)), (WA, at(2)))
    await commit(store, work, epochs, key_events=events)

    def row(index: int, body: bytes, *, is_done: bool = False) -> KeyEventRow:
        return KeyEventRow(member=WA, leaf_index=at(index), body=body, is_done=is_done)

    assert await store.key_events(WA) == [row(0, b"first"), row(2, b"second")]
    await store.save_done(WA, 2)
    await store.save_done(WA, 1)
    assert await store.key_events(WA) == [row(0, b"first"), row(2, b"second", is_done=True)]
    assert await store.key_events(CA) == []
    assert not (await store.key_events(OR))[0].is_done


async def test_bytes_go_only_where_a_redaction_names_them(
    store: Store, epochs: dict[Member, int]
) -> None:
    """No row, a row that another kind of leaf stands behind, one that cites another leaf: none."""
    await commit(store, [Work(member=WA, number=n) for n in range(4)], epochs)
    before = await store.leaves(WA, 0, 4)
    hashes = await store.leaf_hashes(WA, 0, 4)
    assert not await store.erase(WA, 0)
    work = [
        Work(member=WA, number=10),
        Redacting(member=WA, number=11, cites="wa/3"),
        Redacting(member=WA, number=12, cites="wa/2"),
        Redacting(member=WA, number=13, cites="or/1"),
    ]
    rows = tuple(
        RedactionRow(member=WA, leaf_index=at(index), named_by=at(by))
        for index, by in ((0, 4), (1, 5), (2, 6), (3, 7))
    )
    await commit(store, work, epochs, redactions=rows)
    assert [await store.erase(WA, index) for index in (0, 1, 3)] == [False, False, False]
    assert await store.leaves(WA, 0, 4) == before
    assert await store.erase(WA, 2)
    assert not await store.erase(WA, 2)
    assert await store.leaves(WA, 0, 4) == [before[0], before[1], b"", before[3]]
    assert await store.leaf_hashes(WA, 0, 4) == hashes
    assert await store.withdrawn(WA, 1, 3) == [1, 2]


async def exchanged(store: Store, epochs: dict[Member, int]) -> None:
    """Two queries of Washington with their results; two answers of Oregon, one with a hold."""
    work = [
        Work(member=WA, number=1, frame=("WA1", 7)),
        Work(member=WA, number=2, frame=("WA1", 5)),
        Work(member=OR, number=3, is_answer=True, hold_until=NOW + 60),
        Work(member=OR, number=4, is_answer=True),
    ]
    await commit(store, work, epochs)
    await store.save_results([result_row(1, 3, 21), result_row(1, 4, 22), result_row(2, 5, 20)])


def closing(number: int = 3) -> HoldChange:
    return HoldChange(
        exchange_id=ExchangeId(an_id(number)),
        member=OR,
        leaf_index=at(0),
        next_step=2,
        closed=True,
    )


async def test_a_querys_expungement_takes_all_that_it_left_at_its_origin(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Private record, accepted row, results; the line's numbers go on, others' rows stay."""
    await exchanged(store, epochs)
    assert not await store.open_exchange(WA, 0)
    assert await store.expunge(WA, 0) == 4
    assert await store.private_row(WA, 0) is None
    assert await store.accepted_frame("WA1", 7) is None
    assert await store.results_of(result_row(1, 3, 21).query_id) == []
    assert await store.line_position("WA1") == (7, 22, 0)
    assert await store.expunge(WA, 0) == 0
    assert await store.private_row(WA, 1) is not None
    assert await store.accepted_frame("WA1", 5) is not None
    assert len(await store.results_after("WA1", 0, 9)) == 1
    assert len(await store.leaves(WA, 0, 9)) == 2


async def test_an_answers_expungement_takes_all_that_it_left_at_its_state(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Private record, answer and closed hold; an open hold is no part of it."""
    await exchanged(store, epochs)
    assert await store.open_exchange(OR, 0)
    assert not await store.open_exchange(OR, 1)
    assert await store.open_hold(OR, 0) is not None
    await commit(store, [Work(member=OR, number=9)], epochs, hold_changes=(closing(),))
    assert not await store.open_exchange(OR, 0)
    assert await store.expunge(OR, 0) == 3
    assert await store.private_row(OR, 0) is None
    assert await store.answers([(ExchangeId(an_id(3)), OR)]) == []
    assert len(await store.answers([(ExchangeId(an_id(4)), OR)])) == 1
    assert await store.private_row(OR, 1) is not None


async def test_a_query_without_its_end_is_open(store: Store, epochs: dict[Member, int]) -> None:
    """As long as a result is to come; each exchange counts once."""
    await exchanged(store, epochs)
    assert await store.open_exchange(WA, 1)
    await store.save_results([result_row(2, 5, 23, step=1)])
    assert await store.open_exchange(WA, 1)
    await store.save_results([result_row(2, 6, 24)])
    assert not await store.open_exchange(WA, 1)
    assert not await store.open_exchange(WA, 99)


@pytest.mark.parametrize(
    ("held", "stays"),
    [
        ([], False),
        ([(WA, MONTH), (OR, MONTH)], True),
        ([(WA, EVERY_MONTH), (OR, EVERY_MONTH)], True),
        ([(WA, MONTH - 1), (OR, MONTH + 1)], False),
        ([(CA, MONTH), (CA, EVERY_MONTH)], False),
    ],
)
async def test_rows_of_held_months_do_not_expire(
    store: Store, epochs: dict[Member, int], held: list[tuple[Member, int]], stays: bool
) -> None:
    """A hold keeps queries, results, answers and closed holds of its months, and no others."""
    await exchanged(store, epochs)
    await commit(store, [Work(member=OR, number=9)], epochs, hold_changes=(closing(),))
    assert bool(await store.expire(LATE, held)) is (not stays or {m for m, _ in held} == {CA})
    assert bool(await store.accepted_frame("WA1", 7)) is stays
    assert bool(await store.results_after("WA1", 0, 9)) is stays
    assert bool(await store.answers([(ExchangeId(an_id(4)), OR)])) is stays
    if stays:
        assert await store.expunge(OR, 0) == 3
        assert await store.expire(LATE, []) > 0
        assert not await store.accepted_frame("WA1", 7)


async def test_a_rotated_key_is_of_its_month(store: Store, epochs: dict[Member, int]) -> None:
    """What a later generation sealed is held with its month."""
    row = result_row(1, 3, 21)
    later = msgspec.structs.replace(row.sealed, key_number=3 * KEY_GENERATION + MONTH)
    await store.save_results([msgspec.structs.replace(row, sealed=later)])
    assert await store.expire(LATE, [(WA, MONTH)]) == 0
    assert await store.expire(LATE, [(WA, MONTH + 1)]) == 1
    assert epochs


async def test_a_hold_of_one_state_keeps_nothing_of_another(
    store: Store, epochs: dict[Member, int]
) -> None:
    """Washington's rows stay, Oregon's go."""
    await exchanged(store, epochs)
    await store.expire(LATE, [(WA, MONTH)])
    assert await store.accepted_frame("WA1", 7) is not None
    assert await store.answers([(ExchangeId(an_id(4)), OR)]) == []


async def test_what_is_gone_is_not_waited_for(store: Store, epochs: dict[Member, int]) -> None:
    """Sealed detail of an expunged record, or of a withdrawn leaf, is never to be opened."""
    work = [Work(member=WA, number=number, opens_at=NOW) for number in (1, 2, 3)]
    await commit(store, work, epochs)
    assert [row.leaf_index for row in await store.detail_due([WA], NOW, None, 9)] == [0, 1, 2]
    assert await store.expunge(WA, 0) > 0
    redaction = RedactionRow(member=WA, leaf_index=LeafIndex(1), named_by=LeafIndex(3))
    await commit(store, [Work(member=WA, number=9)], epochs, redactions=(redaction,))
    assert [row.leaf_index for row in await store.detail_due([WA], NOW, None, 9)] == [2]
    (month,) = await store.unopened_detail(WA, NOW)
    assert (month.sealed, month.due) == (1, 1)
