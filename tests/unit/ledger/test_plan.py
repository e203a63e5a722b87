"""From a batch to one transaction: indexes, keys, policies, and the nodes of full tiles."""

from __future__ import annotations

import pytest

from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.plan import (
    NO_POLICY,
    Draft,
    Existing,
    LedgerHead,
    Placed,
    Stale,
    Submission,
    keys_of,
    make_plan,
)
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaf
from tests.support.leaves import least
from tests.support.ledger import NaiveTree, entries_of

WA, OR = Member("wa"), Member("or")
NOTICE = least(LeafKind.NOTICE)
EMPTY = LedgerHead(frontier=EMPTY_FRONTIER)


def head(size: int, policy: int = NO_POLICY) -> LedgerHead:
    hashes = NaiveTree(entries_of(size)).leaves
    frontier = append(EMPTY_FRONTIER, hashes).frontier if size else EMPTY_FRONTIER
    return LedgerHead(frontier=frontier, policy=policy)


def submission(
    number: int,
    *steps: int,
    member: Member = WA,
    under: int | None = None,
    sets_policy: bool = False,
    cites: bool = False,
    with_next: bool = False,
) -> Submission:
    return Submission(
        member=member,
        exchange_id=bytes([number]) * 16,
        drafts=tuple(
            Draft(step=step, header=NOTICE, cites_previous=cites and place > 0)
            for place, step in enumerate(steps)
        ),
        decided_under=under,
        sets_policy=sets_policy,
        with_next=with_next,
    )


def test_leaves_get_the_next_indexes() -> None:
    """Indexes go on where the ledger ends, in the order of the batch, each ledger by itself."""
    batch = [submission(1, 0, 1), submission(2, 0, member=OR), submission(3, 0)]
    plan = make_plan(batch, {WA: head(5), OR: EMPTY}, {})
    indexes = [
        [leaf.index for leaf in outcome.leaves]
        for outcome in plan.outcomes
        if isinstance(outcome, Placed)
    ]
    assert indexes == [[5, 6], [0], [7]]
    assert (plan.ledgers[WA].size_old, plan.ledgers[WA].growth.size) == (5, 8)
    assert plan.keys() == list(zip(keys_of(batch), [5, 6, 0, 7], strict=True))


def test_hashes_are_of_the_stored_bytes() -> None:
    """What is hashed is what is stored, and a leaf that cites the one before it says so."""
    plan = make_plan([submission(1, 3, 4, cites=True)], {WA: head(5)}, {})
    (placed,) = plan.outcomes
    assert isinstance(placed, Placed)
    assert [parse_leaf(leaf.data).cites for leaf in placed.leaves] == ["wa/1", "wa/5"]
    hashes = tuple(hash_leaf(leaf.data) for leaf in placed.leaves)
    assert plan.ledgers[WA].hashes == hashes == tuple(leaf.leaf_hash for leaf in placed.leaves)
    assert plan.ledgers[WA].growth == append(head(5).frontier, hashes)


def test_key_with_a_leaf_gets_none() -> None:
    """A key that has a leaf gets no other one, and keeps its submission out whole."""
    batch = [submission(1, 0), submission(2, 0, 1), submission(3, 0)]
    existing = {(b"\x01" * 16, WA, 0): 3, (b"\x02" * 16, WA, 1): 4, (b"\x03" * 16, OR, 0): 9}
    plan = make_plan(batch, {WA: head(5)}, existing)  # type: ignore[arg-type]
    assert plan.outcomes[0] == Existing(indexes=((0, 3),))  # type: ignore[arg-type]
    assert plan.outcomes[1] == Existing(indexes=((1, 4),))  # type: ignore[arg-type]
    assert isinstance(plan.outcomes[2], Placed)
    assert plan.ledgers[WA].growth.size == 6


def test_repeat_inside_a_batch_is_existing() -> None:
    """The same key twice in one batch is placed once; the second is told where."""
    plan = make_plan([submission(1, 0), submission(1, 0)], {WA: head(5)}, {})
    assert isinstance(plan.outcomes[0], Placed)
    assert plan.outcomes[1] == Existing(indexes=((0, 5),))  # type: ignore[arg-type]


def test_decision_under_another_policy_is_stale() -> None:
    """What was decided under a policy that is not in force is not placed, and told which is."""
    batch = [submission(1, 0, under=1), submission(2, 0, under=3), submission(3, 0)]
    plan = make_plan(batch, {WA: head(5, policy=3)}, {})
    assert plan.outcomes[0] == Stale(policy=3)
    assert isinstance(plan.outcomes[1], Placed)
    assert isinstance(plan.outcomes[2], Placed)


def test_policy_takes_force_at_its_own_index() -> None:
    """A policy's leaf makes what follows in its batch stale, not what came before it."""
    batch = [
        submission(1, 0, under=3),
        submission(2, 0, sets_policy=True),
        submission(3, 0, under=3),
        submission(4, 0, under=6),
    ]
    plan = make_plan(batch, {WA: head(5, policy=3)}, {})
    placed = [isinstance(outcome, Placed) for outcome in plan.outcomes]
    assert placed == [True, True, False, True]
    assert plan.outcomes[2] == Stale(policy=6)
    assert plan.ledgers[WA].policy == 6


@pytest.mark.parametrize("taken", [0, 1])
def test_companions_are_placed_together_or_not_at_all(taken: int) -> None:
    """Where one has its leaf already the other gets none; what comes behind them is placed."""
    batch = [submission(1, 0, with_next=True), submission(2, 0), submission(3, 0)]
    existing = {keys_of(batch)[taken]: LeafIndex(3)}
    outcomes = make_plan(batch, {WA: head(5)}, existing).outcomes
    assert isinstance(outcomes[taken], Existing)
    assert isinstance(outcomes[1 - taken], Stale)
    assert isinstance(outcomes[2], Placed)
    assert outcomes[2].leaves[0].index == 5
    together = make_plan(batch, {WA: head(5)}, {}).outcomes
    assert [o.leaves[0].index for o in together if isinstance(o, Placed)] == [5, 6, 7]


def test_a_stale_companion_stops_the_other() -> None:
    """One that was decided under another policy keeps out also what rests on none."""
    batch = [submission(1, 0, with_next=True), submission(2, 0, under=1)]
    outcomes = make_plan(batch, {WA: head(5, policy=3)}, {}).outcomes
    assert outcomes == (Stale(policy=3), Stale(policy=3))


def test_nothing_is_decided_under_no_policy() -> None:
    """A ledger without a policy takes no decision, not even one under none."""
    plan = make_plan([submission(1, 0, under=NO_POLICY)], {WA: EMPTY}, {})
    assert plan.outcomes == (Stale(policy=NO_POLICY),)
    assert plan.ledgers == {}


@pytest.mark.parametrize("steps", [(), (0, 0), (1, 2, 1)])
def test_submission_without_a_step_of_its_own_is_a_fault(steps: tuple[int, ...]) -> None:
    """No draft at all, or two of one step, is a programmer's error: nothing is planned."""
    with pytest.raises(AssertionError):
        make_plan([submission(1, *steps)], {WA: EMPTY}, {})


@pytest.mark.parametrize(
    ("size_old", "count", "expected"),
    [
        (0, 255, []),
        (0, 256, [(1, 0)]),
        (255, 1, [(1, 0)]),
        (256, 1, []),
        (300, 500, [(1, 1), (1, 2)]),
        (511, 258, [(1, 1), (1, 2)]),
    ],
)
def test_tiles_that_a_batch_fills_are_noted(
    size_old: int, count: int, expected: list[tuple[int, int]]
) -> None:
    """The roots of the tiles that a batch filled are those of the whole tree, and no others."""
    batch = [
        Submission(
            member=WA,
            exchange_id=number.to_bytes(16, "big"),
            drafts=(Draft(step=0, header=NOTICE),),
        )
        for number in range(count)
    ]
    plan = make_plan(batch, {WA: head(size_old)}, {})
    tree = NaiveTree(entries_of(size_old))
    tree.leaves += plan.ledgers[WA].hashes
    nodes = plan.ledgers[WA].nodes()
    assert [(node.level, node.index) for node in nodes] == expected
    for node in nodes:
        assert node.node_hash == tree.mth(node.index * 256, node.index * 256 + 256)


def test_tile_of_the_second_level_is_noted() -> None:
    """The batch that fills 65,536 leaves notes the tile above the tiles, too."""
    hashes = [hash_leaf(entry) for entry in entries_of(65_535)]
    full = LedgerHead(frontier=append(EMPTY_FRONTIER, hashes).frontier)
    ledger = make_plan([submission(1, 0)], {WA: full}, {}).ledgers[WA]
    last, above = ledger.nodes()
    assert (last.level, last.index, above.level, above.index) == (1, 255, 2, 0)
    assert above.node_hash == ledger.growth.root
