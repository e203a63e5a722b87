"""From a batch of submissions to the leaves, hashes and new heads of one transaction.

Guarantee: given the heads and keys read under lock, the plan is the whole effect on the ledgers; it
gives contiguous indexes, never a second leaf for a key, and never a leaf decided under a policy
that is no longer in force. Nothing here reads or writes: the sequencer does. Source:
docs/adr/0002-ids-vocabularies-leaves.md, docs/adr/0003-batch-transaction.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.ledger.tree import Frontier, Growth, append, hash_leaf

__all__ = [
    "NO_POLICY", "Draft", "Existing", "LeafKey", "LedgerHead", "LedgerPlan", "Outcome", "Placed",
    "PlacedLeaf", "Plan", "Stale", "Submission", "TreeNode", "companions", "keys_of", "make_plan",
]  # fmt: skip

NO_POLICY = -1
"""The policy index of a ledger whose member has published none: nothing can be decided under it."""

TILE_HEIGHT = 8

LeafKey = tuple[bytes, Member, int]
"""(exchange or query id, member, step): has at most one leaf, ever."""


class LedgerHead(Struct, frozen=True, kw_only=True):
    """One ledger's head as read under lock; `policy` is the index of the leaf in force."""

    frontier: Frontier
    policy: int = NO_POLICY


class Draft(Struct, frozen=True, kw_only=True, gc=False):
    """One leaf to be: its step and header. `cites_previous` fills `re` with the draft before it."""

    step: int
    header: LeafHeader
    cites_previous: bool = False


class Submission(Struct, frozen=True, kw_only=True):
    """Leaves of one exchange for one ledger that are placed together or not at all.

    `drafts` has at least one, each of a step of its own. `decided_under` is the policy index that
    the decision rests on, None where no policy was asked. `sets_policy` makes the first leaf the
    policy in force for all that follows it in the ledger. `with_next` says that the submission
    behind this one is placed together with it, or neither is; it is of the same ledger.
    """

    member: Member
    exchange_id: bytes
    drafts: tuple[Draft, ...]
    decided_under: int | None = None
    sets_policy: bool = False
    with_next: bool = False


class PlacedLeaf(Struct, frozen=True, kw_only=True, gc=False):
    """A leaf at its index, with the bytes that are hashed."""

    index: LeafIndex
    step: int
    data: bytes
    leaf_hash: bytes


class Placed(Struct, frozen=True, kw_only=True):
    """The submission's leaves stand in this batch."""

    leaves: tuple[PlacedLeaf, ...]


class Existing(Struct, frozen=True, kw_only=True):
    """A leaf with one of these keys was committed before; nothing is written again."""

    indexes: tuple[tuple[int, LeafIndex], ...]


class Stale(Struct, frozen=True, kw_only=True):
    """Another policy came into force since the decision: decide again under it.

    Also what became of a submission whose companion was not placed.
    """

    policy: int


Outcome = Placed | Existing | Stale


class TreeNode(Struct, frozen=True, kw_only=True, gc=False):
    """The root of a full tile: an entry of the level above. `level` >= 1, `index` within it."""

    level: int
    index: int
    node_hash: bytes


class LedgerPlan(Struct, frozen=True, kw_only=True):
    """What one batch does to one ledger; `hashes` are of the new leaves."""

    member: Member
    size_old: int
    growth: Growth
    hashes: tuple[bytes, ...]
    policy: int

    def nodes(self) -> list[TreeNode]:
        """Return the roots of the tiles that this batch filled, so that proofs stay cheap."""
        found = []
        for level in range(1, self.growth.size.bit_length() // TILE_HEIGHT + 1):
            height = level * TILE_HEIGHT
            first, last = self.size_old >> height, self.growth.size >> height
            start = first & ~1
            found += [
                TreeNode(level=level, index=i, node_hash=self.growth.levels[height][i - start])
                for i in range(first, last)
            ]
        return found


class Plan(Struct, frozen=True, kw_only=True):
    """What becomes of each submission, in their order, and of each ledger that grows.

    `members` and `ids` are the submissions' own, in the same order.
    """

    members: tuple[Member, ...]
    ids: tuple[bytes, ...]
    outcomes: tuple[Outcome, ...]
    ledgers: Mapping[Member, LedgerPlan]

    def keys(self) -> list[tuple[LeafKey, LeafIndex]]:
        """Return the keys that the placed leaves take."""
        return [
            ((exchange_id, member, leaf.step), leaf.index)
            for member, exchange_id, outcome in zip(
                self.members, self.ids, self.outcomes, strict=True
            )
            if isinstance(outcome, Placed)
            for leaf in outcome.leaves
        ]


def keys_of(submissions: Sequence[Submission]) -> list[LeafKey]:
    """Return every key that a batch would give a leaf to."""
    return [(s.exchange_id, s.member, draft.step) for s in submissions for draft in s.drafts]


class _Growing:
    """One ledger while its batch is planned."""

    __slots__ = ("hashes", "member", "policy", "size")

    def __init__(self, member: Member, head: LedgerHead) -> None:
        self.member = member
        self.size = head.frontier.size
        self.policy = head.policy
        self.hashes: list[bytes] = []

    def place(self, submission: Submission) -> Placed:
        # Two drafts of one step would be two leaves for one key.
        assert len({draft.step for draft in submission.drafts}) == len(submission.drafts) > 0
        leaves: list[PlacedLeaf] = []
        for draft in submission.drafts:
            header = draft.header
            if draft.cites_previous:
                cited = entry_name(self.member, leaves[-1].index)
                header = msgspec.structs.replace(header, cites=cited)
            data = encode_leaf(header)
            leaf_hash = hash_leaf(data)
            leaves.append(
                PlacedLeaf(
                    index=LeafIndex(self.size), step=draft.step, data=data, leaf_hash=leaf_hash
                )
            )
            self.hashes.append(leaf_hash)
            self.size += 1
        if submission.sets_policy:
            self.policy = leaves[0].index
        return Placed(leaves=tuple(leaves))


def make_plan(
    submissions: Sequence[Submission],
    heads: Mapping[Member, LedgerHead],
    existing: Mapping[LeafKey, LeafIndex],
) -> Plan:
    """Return what the batch does, from heads and existing keys that were read under lock.

    Shape: `heads` holds every member of the batch; `existing` the committed keys among `keys_of`.
    # INVARIANT (one-final-outcome): a key that has a leaf, or gets one earlier in this batch, gets
    # none.
    """
    growing = {member: _Growing(member, head) for member, head in heads.items()}
    taken: dict[LeafKey, LeafIndex] = dict(existing)
    outcomes: list[Outcome] = []
    for together in companions(submissions):
        ledger = growing[together[0].member]
        obstacles = [_obstacle(submission, ledger, taken) for submission in together]
        if any(obstacles):
            outcomes += [found or Stale(policy=ledger.policy) for found in obstacles]
            continue
        for submission in together:
            outcome = ledger.place(submission)
            outcomes.append(outcome)
            for leaf in outcome.leaves:
                taken[submission.exchange_id, submission.member, leaf.step] = leaf.index
    return Plan(
        members=tuple(s.member for s in submissions),
        ids=tuple(s.exchange_id for s in submissions),
        outcomes=tuple(outcomes),
        ledgers=_grow(growing, heads),
    )


_T = TypeVar("_T", bound="_Companion")


class _Companion(Protocol):
    @property
    def with_next(self) -> bool: ...


def companions(items: Sequence[_T]) -> list[list[_T]]:
    """Return items in groups that stand or fall together; mostly each alone."""
    groups: list[list[_T]] = [[]]
    for item in items:
        groups[-1].append(item)
        if not item.with_next:
            groups.append([])
    assert not groups[-1], "the last one has nothing behind it"
    return groups[:-1]


def _obstacle(
    submission: Submission, ledger: _Growing, taken: Mapping[LeafKey, LeafIndex]
) -> Existing | Stale | None:
    """Return why a submission is not placed, or None."""
    found = []
    for draft in submission.drafts:
        index = taken.get((submission.exchange_id, submission.member, draft.step))
        if index is not None:
            found.append((draft.step, index))
    if found:
        return Existing(indexes=tuple(found))
    if submission.decided_under is not None and not _is_in_force(submission.decided_under, ledger):
        return Stale(policy=ledger.policy)
    return None


def _is_in_force(policy: int, ledger: _Growing) -> bool:
    # INVARIANT (fail-closed): no policy at all is none that could have released anything.
    return policy == ledger.policy != NO_POLICY


def _grow(
    growing: Mapping[Member, _Growing], heads: Mapping[Member, LedgerHead]
) -> dict[Member, LedgerPlan]:
    return {
        member: LedgerPlan(
            member=member,
            size_old=heads[member].frontier.size,
            growth=append(heads[member].frontier, ledger.hashes),
            hashes=tuple(ledger.hashes),
            policy=ledger.policy,
        )
        for member, ledger in growing.items()
        if ledger.hashes
    }
