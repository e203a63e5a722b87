"""Plans of any batches, one after another, against what they promise of ledgers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.plan import (
    NO_POLICY,
    Draft,
    Existing,
    LeafKey,
    LedgerHead,
    Placed,
    Stale,
    Submission,
    keys_of,
    make_plan,
)
from comity.ledger.tree import EMPTY_FRONTIER
from tests.support.leaves import least
from tests.support.ledger import NaiveTree

MEMBERS = (Member("wa"), Member("or"))


@st.composite
def submissions(draw: st.DrawFn) -> Submission:
    steps = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
    header = least(LeafKind.NOTICE)
    return Submission(
        member=draw(st.sampled_from(MEMBERS)),
        exchange_id=bytes([draw(st.integers(0, 5))]) * 16,
        drafts=tuple(
            Draft(step=step, header=header, cites_previous=place > 0)
            for place, step in enumerate(steps)
        ),
        decided_under=draw(st.none() | st.integers(NO_POLICY, 6)),
        sets_policy=draw(st.integers(0, 4)) == 0,
    )


@given(st.lists(st.lists(submissions(), max_size=8), max_size=5))
def test_any_batches(batches: list[list[Submission]]) -> None:
    """No key has two leaves, indexes are contiguous, stale ones wait, trees are the naive ones."""
    heads = {member: LedgerHead(frontier=EMPTY_FRONTIER) for member in MEMBERS}
    committed: dict[LeafKey, LeafIndex] = {}
    written: dict[Member, list[bytes]] = {member: [] for member in MEMBERS}
    for batch in batches:
        existing = {key: committed[key] for key in keys_of(batch) if key in committed}
        plan = make_plan(batch, heads, existing)
        policies = {member: head.policy for member, head in heads.items()}
        for submission, outcome in zip(batch, plan.outcomes, strict=True):
            member = submission.member
            keys = keys_of([submission])
            before = [(key[2], committed[key]) for key in keys if key in committed]
            match outcome:
                case Existing():
                    assert list(outcome.indexes) == before != []
                case Stale():
                    assert before == []
                    assert outcome.policy == policies[member]
                    assert submission.decided_under is not None
                    assert submission.decided_under != outcome.policy or (
                        outcome.policy == NO_POLICY
                    )
                case Placed():
                    assert before == []
                    assert submission.decided_under in {None, policies[member]}
                    for key, leaf in zip(keys, outcome.leaves, strict=True):
                        assert leaf.index == len(written[member])
                        committed[key] = leaf.index
                        written[member].append(leaf.data)
                    if submission.sets_policy:
                        policies[member] = outcome.leaves[0].index
        grown = {member for member in MEMBERS if len(written[member]) > heads[member].frontier.size}
        assert set(plan.ledgers) == grown
        for member, ledger in plan.ledgers.items():
            tree = NaiveTree(written[member])
            assert ledger.growth.root == tree.root(len(tree.leaves))
            assert ledger.size_old == heads[member].frontier.size
            assert list(ledger.hashes) == tree.leaves[ledger.size_old :]
            assert ledger.policy == policies[member]
            heads[member] = LedgerHead(frontier=ledger.growth.frontier, policy=ledger.policy)
        assert dict(plan.keys()) == {
            key: committed[key]
            for submission, outcome in zip(batch, plan.outcomes, strict=True)
            if isinstance(outcome, Placed)
            for key in keys_of([submission])
        }
    for member, leaves in written.items():
        for data in leaves:
            parse_leaf(data)
        assert heads[member].frontier.size == len(leaves)
