"""Rows for the tests of stores: whole batches, made by the planner as the sequencer makes them.

Nothing is encrypted here; a store does not open what it keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from comity.domain.ids import ExchangeId, LeafIndex, Member, QueryId
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ledger.plan import Draft, LeafKey, Placed, Plan, Submission, keys_of, make_plan
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    DelayedRow,
    DocumentRow,
    HeadWrite,
    HoldRow,
    NewDuty,
    PolicyRow,
    PrivateRow,
    ResultRow,
    Sealed,
    Store,
    Transaction,
)
from comity.review.queue import WaitsFor

WA, OR, CA = Member("wa"), Member("or"), Member("ca")
NOW = 1_795_000_000
HOUR = NOW // 3_600
MONTH = 682


def an_id(number: int, at: int = NOW) -> bytes:
    """Return the id that `number` stands for, made at a time in Unix seconds."""
    return (at * 1_000_000_000 + number).to_bytes(8, "big") + number.to_bytes(8, "big")


def sealed(text: str) -> Sealed:
    """Return bytes that say what they are instead of being sealed."""
    return Sealed(key_number=MONTH, nonce=b"n" * 12, body=text.encode())


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a batch: its leaves at `steps`, and the rows that go with the first of them."""

    member: Member
    number: int
    steps: tuple[int, ...] = (0,)
    frame: tuple[str, int] | None = None
    is_answer: bool = False
    hold_until: int | None = None
    waits_for: WaitsFor = WaitsFor.REVIEW
    case_tag: bytes | None = None
    policy: bytes | None = None
    document: bytes | None = None
    announced: int | None = None
    duty: str = ""
    duty_about: str = ""
    opens_at: int | None = None
    reveals: int | None = None

    @property
    def id(self) -> bytes:
        """The id of its query or exchange."""
        return an_id(self.number)

    def submission(self) -> Submission:
        """What the planner is given."""
        header = LeafHeader(
            version=1,
            kind=LeafKind.ACCESS if self.policy is None else LeafKind.POLICY,
            mode=LeafMode.LIVE,
            hour=HOUR,
            member=self.member,
            digest=None if self.policy is None else sha256(self.policy).digest(),
            commitment=sha256(self.id).digest(),
        )
        drafts = tuple(Draft(step=step, header=header) for step in self.steps)
        return Submission(
            member=self.member,
            exchange_id=self.id,
            drafts=drafts,
            sets_policy=self.policy is not None,
        )


def keys(work: Sequence[Work]) -> list[LeafKey]:
    """Return the keys that a batch takes."""
    return keys_of([item.submission() for item in work])


def members(work: Sequence[Work]) -> list[Member]:
    """Return the members of a batch in state order."""
    return sorted({item.member for item in work})


def plan_of(transaction: Transaction, work: Sequence[Work]) -> Plan:
    """Return the plan of a batch under the heads and keys that a transaction read."""
    submissions = [item.submission() for item in work]
    return make_plan(submissions, transaction.heads, transaction.existing)


def batch_of(plan: Plan, work: Sequence[Work], epochs: Mapping[Member, int]) -> BatchWrite:
    """Return everything that a batch writes."""
    pairs = zip(work, plan.outcomes, strict=True)
    placed = [(item, done.leaves) for item, done in pairs if isinstance(done, Placed)]
    return BatchWrite(
        heads=tuple(
            HeadWrite(
                member=ledger.member,
                size_old=ledger.size_old,
                epoch=epochs[ledger.member],
                frontier=ledger.growth.frontier,
                root=ledger.growth.root,
                policy=ledger.policy,
            )
            for ledger in plan.ledgers.values()
        ),
        leaves=tuple((item.member, leaf) for item, leaves in placed for leaf in leaves),
        keys=tuple(plan.keys()),
        nodes=tuple(
            (ledger.member, node) for ledger in plan.ledgers.values() for node in ledger.nodes()
        ),
        private=tuple(
            PrivateRow(member=item.member, leaf_index=leaf.index, sealed=sealed(f"p{leaf.index}"))
            for item, leaves in placed
            for leaf in leaves
        ),
        accepted=tuple(
            accepted_row(item, leaves[0].index) for item, leaves in placed if item.frame
        ),
        answers=tuple(
            answer_row(item, [leaf.index for leaf in leaves])
            for item, leaves in placed
            if item.is_answer
        ),
        holds=tuple(hold_row(item, leaves[-1].index) for item, leaves in placed if item.hold_until),
        policies=tuple(policy_row(item, leaves[0].index) for item, leaves in placed if item.policy),
        documents=tuple(
            DocumentRow(member=item.member, leaf_index=leaves[0].index, body=item.document)
            for item, leaves in placed
            if item.document is not None
        ),
        delayed=tuple(
            DelayedRow(
                member=item.member,
                leaf_index=leaves[0].index,
                made_month=MONTH,
                opens_at=item.opens_at,
            )
            for item, leaves in placed
            if item.opens_at is not None
        ),
        duties=tuple(duty_row(item, leaves[0].index) for item, leaves in placed if item.duty),
        shadows=tuple(
            (item.member, leaves[0].index, item.announced)
            for item, leaves in placed
            if item.announced is not None
        ),
        revealed=tuple(
            (item.member, LeafIndex(item.reveals)) for item, _ in placed if item.reveals is not None
        ),
    )


def accepted_row(item: Work, index: int) -> AcceptedRow:
    """Return the accepted row of an entry."""
    assert item.frame is not None
    return AcceptedRow(
        query_id=QueryId(item.id),
        member=item.member,
        line=item.frame[0],
        frame_no=item.frame[1],
        frame_digest=sha256(item.id).digest(),
        accepted_at=NOW,
        exchange_count=2,
        leaf_index=LeafIndex(index),
        sealed=sealed(f"accepted {item.number}"),
    )


def answer_row(item: Work, indexes: Sequence[int]) -> AnswerRow:
    """Return the answer of an entry."""
    return AnswerRow(
        exchange_id=ExchangeId(item.id),
        member=item.member,
        step=item.steps[0],
        leaf_indexes=tuple(LeafIndex(index) for index in indexes),
        sealed=sealed(f"answer {item.number}/{item.steps[0]}"),
    )


def duty_row(item: Work, leaf_index: LeafIndex) -> NewDuty:
    """A duty about the leaf at an index."""
    return NewDuty(
        member=item.member,
        leaf_index=leaf_index,
        kind=item.duty,
        made_at=NOW,
        about=item.duty_about,
    )


def hold_row(item: Work, index: int) -> HoldRow:
    """Return the hold of an entry."""
    assert item.hold_until is not None
    return HoldRow(
        exchange_id=ExchangeId(item.id),
        member=item.member,
        leaf_index=LeafIndex(index),
        opened_at=NOW,
        until=item.hold_until,
        next_step=item.steps[-1] + 1,
        waits_for=item.waits_for,
        case_tag=item.case_tag,
        sealed=sealed(f"hold {item.number}"),
    )


def policy_row(item: Work, index: int) -> PolicyRow:
    """Return the policy of an entry."""
    assert item.policy is not None
    digest = sha256(item.policy).digest()
    return PolicyRow(
        member=item.member, leaf_index=LeafIndex(index), digest=digest, body=item.policy
    )


def result_row(query: int, exchange: int, number: int, **changes: object) -> ResultRow:
    """Return a final result of a query, as delivery `number` of the line `WA1`."""
    row = ResultRow(
        exchange_id=ExchangeId(an_id(exchange)),
        step=0,
        query_id=QueryId(an_id(query)),
        member=WA,
        line="WA1",
        number=number,
        is_final=True,
        sealed=sealed(f"result {exchange}/{number}"),
    )
    return msgspec.structs.replace(row, **changes)


async def commit(
    store: Store, work: Sequence[Work], epochs: Mapping[Member, int], **more: object
) -> Plan:
    """Commit a batch as the sequencer does; `more` are further rows of it."""
    async with store.batch(members(work), keys(work)) as transaction:
        plan = plan_of(transaction, work)
        if plan.ledgers:
            batch = msgspec.structs.replace(batch_of(plan, work, epochs), **more)
            await transaction.write(batch)
    return plan
