"""Rows of the ports as arrays, one per column, and back.

Shape: each `x_columns` gives the arrays of its table in `statements.py`, in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comity.domain.ids import ExchangeId, LeafIndex, Member, QueryId
from comity.ledger.plan import LeafKey, PlacedLeaf, TreeNode
from comity.ledger.tree import encode_frontier
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    HeadWrite,
    HoldChange,
    HoldRow,
    PrivateRow,
    ResultRow,
    Sealed,
)
from comity.review.queue import WaitsFor

__all__ = [
    "accepted_of",
    "answer_of",
    "batch_columns",
    "hold_change_columns",
    "hold_columns",
    "hold_of",
    "private_of",
    "result_columns",
    "result_of",
]

Columns = list[list[Any]]
_Sealing = AcceptedRow | AnswerRow | HoldRow | PrivateRow | ResultRow


def batch_columns(batch: BatchWrite) -> Columns:
    """Return the arrays of `WRITE_BATCH`."""
    return [
        *_head_columns(batch.heads),
        *_leaf_columns(batch.leaves),
        *_private_columns(batch.private),
        *_key_columns(batch.keys),
        *_node_columns(batch.nodes),
        *_accepted_columns(batch.accepted),
        *_answer_columns(batch.answers),
    ]


def _head_columns(heads: Sequence[HeadWrite]) -> Columns:
    return [
        [head.member for head in heads],
        [head.size_old for head in heads],
        [head.epoch for head in heads],
        [head.frontier.size for head in heads],
        [head.root for head in heads],
        [encode_frontier(head.frontier) for head in heads],
        [head.policy for head in heads],
    ]


def _leaf_columns(leaves: Sequence[tuple[Member, PlacedLeaf]]) -> Columns:
    return [
        [member for member, _ in leaves],
        [leaf.index for _, leaf in leaves],
        [leaf.leaf_hash for _, leaf in leaves],
        [leaf.data for _, leaf in leaves],
    ]


def _private_columns(rows: Sequence[PrivateRow]) -> Columns:
    return [[row.member for row in rows], [row.leaf_index for row in rows], *_sealed_columns(rows)]


def _key_columns(keys: Sequence[tuple[LeafKey, LeafIndex]]) -> Columns:
    return [
        [exchange_id for (exchange_id, _, _), _ in keys],
        [member for (_, member, _), _ in keys],
        [step for (_, _, step), _ in keys],
        [index for _, index in keys],
    ]


def _node_columns(nodes: Sequence[tuple[Member, TreeNode]]) -> Columns:
    return [
        [member for member, _ in nodes],
        [node.level for _, node in nodes],
        [node.index for _, node in nodes],
        [node.node_hash for _, node in nodes],
    ]


def _accepted_columns(rows: Sequence[AcceptedRow]) -> Columns:
    return [
        [row.query_id for row in rows],
        [row.member for row in rows],
        [row.line for row in rows],
        [row.frame_no for row in rows],
        [row.frame_digest for row in rows],
        [row.accepted_at for row in rows],
        [row.exchange_count for row in rows],
        [row.leaf_index for row in rows],
        *_sealed_columns(rows),
    ]


def _answer_columns(rows: Sequence[AnswerRow]) -> Columns:
    return [
        [row.exchange_id for row in rows],
        [row.member for row in rows],
        [row.step for row in rows],
        [f"{{{','.join(map(str, row.leaf_indexes))}}}" for row in rows],
        *_sealed_columns(rows),
    ]


def _sealed_columns(rows: Sequence[_Sealing]) -> Columns:
    return [
        [row.sealed.key_number for row in rows],
        [row.sealed.nonce for row in rows],
        [row.sealed.body for row in rows],
    ]


def hold_columns(rows: Sequence[HoldRow]) -> Columns:
    """Return the arrays of `insert(HOLD)`."""
    return [
        [row.member for row in rows],
        [row.leaf_index for row in rows],
        [row.exchange_id for row in rows],
        [row.opened_at for row in rows],
        [row.until for row in rows],
        [row.next_step for row in rows],
        [row.waits_for.value for row in rows],
        [row.asked_at for row in rows],
        [row.case_tag for row in rows],
        [row.paged_at for row in rows],
        *_sealed_columns(rows),
    ]


def hold_change_columns(changes: Sequence[HoldChange]) -> Columns:
    """Return the arrays of `CHANGE_HOLDS`."""
    return [
        [change.exchange_id for change in changes],
        [change.member for change in changes],
        [change.leaf_index for change in changes],
        [change.next_step for change in changes],
        [change.closed for change in changes],
        [change.asked_at for change in changes],
        [change.proposal and change.proposal.key_number for change in changes],
        [change.proposal and change.proposal.nonce for change in changes],
        [change.proposal and change.proposal.body for change in changes],
        [change.passed_at for change in changes],
        [change.passed and change.passed.key_number for change in changes],
        [change.passed and change.passed.nonce for change in changes],
        [change.passed and change.passed.body for change in changes],
    ]


def result_columns(rows: Sequence[ResultRow]) -> Columns:
    """Return the arrays of `SAVE_RESULTS`."""
    return [
        [row.exchange_id for row in rows],
        [row.step for row in rows],
        [row.query_id for row in rows],
        [row.member for row in rows],
        [row.line for row in rows],
        [row.number for row in rows],
        [row.is_final for row in rows],
        *_sealed_columns(rows),
    ]


def _sealed_of(row: Any) -> Sealed:
    return Sealed(key_number=row["key_month"], nonce=row["nonce"], body=row["body"])


def private_of(row: Any) -> PrivateRow:
    """Return a private record from its row."""
    return PrivateRow(
        member=Member(row["state"]), leaf_index=LeafIndex(row["leaf_index"]), sealed=_sealed_of(row)
    )


def accepted_of(row: Any) -> AcceptedRow:
    """Return an accepted query from its row."""
    return AcceptedRow(
        query_id=QueryId(row["query_id"]),
        member=Member(row["state"]),
        line=row["line"],
        frame_no=row["frame_no"],
        frame_digest=row["frame_digest"],
        accepted_at=row["accepted_at"],
        exchange_count=row["exchange_count"],
        leaf_index=LeafIndex(row["leaf_index"]),
        sealed=_sealed_of(row),
    )


def answer_of(row: Any) -> AnswerRow:
    """Return an answer from its row."""
    return AnswerRow(
        exchange_id=ExchangeId(row["exchange_id"]),
        member=Member(row["state"]),
        step=row["step"],
        leaf_indexes=tuple(LeafIndex(index) for index in row["leaf_indexes"]),
        sealed=_sealed_of(row),
    )


def _beside(row: Any, name: str) -> Sealed | None:
    """Return what is kept beside a hold under a name, or None."""
    if row[f"{name}_body"] is None:
        return None
    return Sealed(
        key_number=row[f"{name}_month"], nonce=row[f"{name}_nonce"], body=row[f"{name}_body"]
    )


def hold_of(row: Any) -> HoldRow:
    """Return a hold from its row."""
    return HoldRow(
        exchange_id=ExchangeId(row["exchange_id"]),
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        opened_at=row["opened_at"],
        until=row["until"],
        next_step=row["next_step"],
        waits_for=WaitsFor(row["waits_for"]),
        asked_at=row["asked_at"],
        case_tag=row["case_tag"],
        replies=tuple(map(LeafIndex, row["replies"])),
        proposal=_beside(row, "proposal"),
        passed_at=row["passed_at"],
        passed=_beside(row, "passed"),
        paged_at=row["paged_at"],
        sealed=_sealed_of(row),
    )


def result_of(row: Any) -> ResultRow:
    """Return a result from its row."""
    return ResultRow(
        exchange_id=ExchangeId(row["exchange_id"]),
        step=row["step"],
        query_id=QueryId(row["query_id"]),
        member=Member(row["state"]),
        line=row["line"],
        number=row["number"],
        is_final=row["is_final"],
        sealed=_sealed_of(row),
    )
