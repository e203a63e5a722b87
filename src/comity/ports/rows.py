"""What the store keeps, as values: no port speaks SQL, subjects or files."""

from __future__ import annotations

import msgspec

from comity.domain.ids import ExchangeId, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ledger.plan import LeafKey, PlacedLeaf, TreeNode
from comity.ledger.tree import Frontier
from comity.ports.demands import DemandChange, DemandRow
from comity.ports.desk import DeskDayRow
from comity.ports.directory import DirectoryRow
from comity.ports.duties import NewDuty
from comity.ports.policies import PolicyRow
from comity.ports.review import (
    HoldChange,
    HoldReply,
    HoldRow,
    InstrumentChange,
    InstrumentRow,
    PassChange,
    PassRow,
    ReviewChange,
    UrgentRow,
)
from comity.ports.sealed import Sealed

__all__ = [
    "AcceptedRow",
    "AnswerRow",
    "BatchWrite",
    "CheckpointRow",
    "CosignatureRow",
    "CountedRow",
    "DelayedRow",
    "DocumentRow",
    "HeadWrite",
    "OpenQuery",
    "OutageRow",
    "PrivateRow",
    "RedactionRow",
    "ResultRow",
    "ResultSpan",
    "Sealed",
    "SegmentRow",
    "UnopenedDetail",
]


class AcceptedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A query that its origin member accepted; committed with its `query` leaf.

    (line, frame_no) finds it again when an agency repeats a frame; `exchange_count` says how many
    final results end it. `accepted_at` is Unix seconds.
    """

    query_id: QueryId
    member: Member
    line: str
    frame_no: int
    frame_digest: bytes
    accepted_at: int
    exchange_count: int
    leaf_index: LeafIndex
    sealed: Sealed


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer as committed with its leaves; `leaf_indexes` are those of its steps, in order."""

    exchange_id: ExchangeId
    member: Member
    step: int
    leaf_indexes: tuple[LeafIndex, ...]
    sealed: Sealed


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The public document of a leaf: what its digest is of, or what proves what it says."""

    member: Member
    leaf_index: LeafIndex
    body: bytes


class DelayedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf whose agency, purpose and offence stand sealed: the months since 1970-01 of its
    commit, and when they are to be opened (Unix seconds).
    """

    member: Member
    leaf_index: LeafIndex
    made_month: int
    opens_at: int


class UnopenedDetail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many leaves of one month still stand sealed, and how many of them are due."""

    made_month: int
    sealed: int
    due: int


class PrivateRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf's private record under the month key; its deletion is an expungement."""

    member: Member
    leaf_index: LeafIndex
    sealed: Sealed


class RedactionRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf whose bytes are withdrawn, and the `redaction` leaf that names it."""

    member: Member
    leaf_index: LeafIndex
    named_by: LeafIndex


class CountedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person in the day's count of one budget, for one operator or agency (`scope`).

    `scope` and `person` are hashes under the day's key; `day` is in days since 1970-01-01, of the
    member's own zone. `is_photo`: in the count of those whose photo was asked for.
    """

    member: Member
    day: int
    budget: bytes
    scope: bytes
    is_photo: bool
    person: bytes


class HeadWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's head after the batch; written only where size and epoch are still the old ones."""

    member: Member
    size_old: int
    epoch: int
    frontier: Frontier
    root: bytes
    policy: int


class BatchWrite(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one transaction writes.

    `revealed` are leaves whose detail it opens, `key_events` those whose document is a key event,
    `shadows` those whose document is an announced bundle, with the time (Unix seconds). `counted`
    are persons in a day's count, of whom some may stand there already; `desk_days` are added to
    what stands of their day.
    """

    heads: tuple[HeadWrite, ...]
    leaves: tuple[tuple[Member, PlacedLeaf], ...]
    keys: tuple[tuple[LeafKey, LeafIndex], ...]
    nodes: tuple[tuple[Member, TreeNode], ...]
    private: tuple[PrivateRow, ...]
    accepted: tuple[AcceptedRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    holds: tuple[HoldRow, ...] = ()
    hold_changes: tuple[HoldChange, ...] = ()
    hold_replies: tuple[HoldReply, ...] = ()
    policies: tuple[PolicyRow, ...] = ()
    directory: tuple[DirectoryRow, ...] = ()
    documents: tuple[DocumentRow, ...] = ()
    delayed: tuple[DelayedRow, ...] = ()
    revealed: tuple[tuple[Member, LeafIndex], ...] = ()
    key_events: tuple[tuple[Member, LeafIndex], ...] = ()
    redactions: tuple[RedactionRow, ...] = ()
    counted: tuple[CountedRow, ...] = ()
    desk_days: tuple[DeskDayRow, ...] = ()
    shadows: tuple[tuple[Member, LeafIndex, int], ...] = ()
    duties: tuple[NewDuty, ...] = ()
    case_passes: tuple[PassRow, ...] = ()
    pass_changes: tuple[PassChange, ...] = ()
    instruments: tuple[InstrumentRow, ...] = ()
    instrument_changes: tuple[InstrumentChange, ...] = ()
    urgent: tuple[UrgentRow, ...] = ()
    review_changes: tuple[ReviewChange, ...] = ()
    demands: tuple[DemandRow, ...] = ()
    demand_changes: tuple[DemandChange, ...] = ()


class ResultRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer at the origin; `number` orders the deliveries of its line."""

    exchange_id: ExchangeId
    step: int
    query_id: QueryId
    member: Member
    line: str
    number: int
    is_final: bool
    sealed: Sealed


ResultSpan = tuple[tuple[bytes, bytes, int], tuple[bytes, bytes, int]]
"""From and to, both exclusive, in the order of query id, exchange id, step."""


class OpenQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted query with fewer final results than exchanges, and the results it has."""

    accepted: AcceptedRow
    results: tuple[ResultRow, ...]


class CheckpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A public checkpoint of one ledger: its size and the note as the ledger signed it.

    `cosignatures` are the lines that witnesses added since, by name.
    """

    member: Member
    size: int
    note: bytes
    cosignatures: tuple[bytes, ...] = ()

    @property
    def published(self) -> bytes:
        """The note as it is shown: with its cosignatures."""
        return self.note + b"".join(self.cosignatures)


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed segment: its files are in the public store, and `root` is of its leaves.

    `sealed_at` is in Unix seconds.
    """

    member: Member
    segment: int
    root: bytes
    sealed_at: int


class CosignatureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A witness's line over the checkpoint of that size."""

    member: Member
    size: int
    name: str
    key_id: bytes
    line: bytes


class OutageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a member announced of its service for one key (`ALL`: each): the status number as the
    network prints it, and since when (Unix seconds).
    """

    member: Member
    key: MessageKey
    kind: str
    since: int
