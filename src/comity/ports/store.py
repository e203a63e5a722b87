"""The one system of record, as the services need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.ledger.plan import LeafKey, LedgerHead
from comity.ports.budgets import BudgetStore
from comity.ports.cutting import CuttingStore
from comity.ports.demands import DemandStore
from comity.ports.desk import DeskStore
from comity.ports.directory import DirectoryStore
from comity.ports.duties import DutyStore
from comity.ports.freezing import FreezeStore
from comity.ports.keeping import KeepingStore
from comity.ports.policies import PolicyStore
from comity.ports.protections import ProtectionStore
from comity.ports.public import LedgerRows
from comity.ports.review import HoldRow, ReviewStore
from comity.ports.rows import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    CosignatureRow,
    DelayedRow,
    OpenQuery,
    OutageRow,
    PrivateRow,
    ResultRow,
    ResultSpan,
    SegmentRow,
    UnopenedDetail,
)
from comity.ports.traffic import TrafficStore

__all__ = [
    "Store",
    "Transaction",
]


class Transaction(Protocol):
    """One batch transaction with the heads locked. Leaving its context commits or rolls back."""

    @property
    def heads(self) -> Mapping[Member, LedgerHead]:
        """The heads of the batch's members, as of the lock."""
        ...

    @property
    def existing(self) -> Mapping[LeafKey, LeafIndex]:
        """Those of the batch's keys that have a leaf."""
        ...

    async def write(self, batch: BatchWrite) -> None:
        """Write the batch. Raises: HeadMovedError, StoreDownError."""
        ...


class Store(
    BudgetStore,
    CuttingStore,
    DeskStore,
    DemandStore,
    DirectoryStore,
    DutyStore,
    FreezeStore,
    KeepingStore,
    LedgerRows,
    PolicyStore,
    ProtectionStore,
    ReviewStore,
    TrafficStore,
    Protocol,
):
    """The one system of record."""

    @property
    def losses(self) -> int:
        """How often the store was lost: it may not have what was written without a flush."""
        ...

    async def claim(self, host: HostName, members: Sequence[Member]) -> dict[Member, int]:
        """Own these ledgers from now on; return the epoch of each (creates missing heads)."""
        ...

    def batch(
        self, members: Sequence[Member], keys: Sequence[LeafKey]
    ) -> AbstractAsyncContextManager[Transaction]:
        """Open a batch transaction.

        Raises on leaving: StoreDownError (nothing persisted), CommitUnknownError.
        """
        ...

    async def heads(self, members: Sequence[Member]) -> dict[Member, tuple[LedgerHead, bytes]]:
        """Return heads with roots, waiting for a commit in flight (locks the rows)."""
        ...

    async def ledger_sizes(self, members: Sequence[Member]) -> dict[Member, int]:
        """Return how many leaves ledgers have as last committed, waiting for nobody.

        For whoever reads on what is there; what is signed or told rests on `heads`.
        Raises: StoreDownError; HeadMovedError if a ledger has no head.
        """
        ...

    async def detail_due(
        self, members: Sequence[Member], by: int, after: DelayedRow | None, limit: int
    ) -> list[DelayedRow]:
        """Return leaves of these members whose sealed detail is to be opened by a time.

        In the order of that time, member and leaf; those behind `after`, if it is given. None
        whose private record was expunged, and none that is withdrawn.
        """
        ...

    async def unopened_detail(self, member: Member, now: int) -> list[UnopenedDetail]:
        """Return how many of a member's leaves still stand sealed, by the month of their commit."""
        ...

    async def private_row(self, member: Member, index: int) -> PrivateRow | None:
        """Return a leaf's private record, or None if it was expunged."""
        ...

    async def answers(self, keys: Sequence[tuple[ExchangeId, Member]]) -> list[AnswerRow]:
        """Return the stored answers of these exchanges, in step order."""
        ...

    async def accepted_frame(self, line: str, frame_no: int) -> AcceptedRow | None:
        """Return the query that a line's frame became, or None."""
        ...

    async def accepted_on(self, line: str, limit: int) -> list[AcceptedRow]:
        """Return the newest queries that a line's frames became, the newest first."""
        ...

    async def line_position(self, line: str) -> tuple[int, int, int]:
        """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
        ...

    async def open_queries(self, members: Sequence[Member], since: int) -> list[OpenQuery]:
        """Return accepted queries that are not ended, with the results they have."""
        ...

    async def save_results(
        self, rows: Sequence[ResultRow], *, is_flushed: bool = False
    ) -> list[bool]:
        """Write results; say for each whether it was new.

        Not flushed, one may be lost in a crash of the store, as what its origin re-drives may.
        `is_flushed` waits until all of them are on the disk.
        """
        ...

    async def results_of(self, query_id: QueryId) -> list[ResultRow]:
        """Return the results of one query in step order."""
        ...

    async def results_after(self, line: str, number: int, limit: int) -> list[ResultRow]:
        """Return a line's results beyond a delivery number, in order."""
        ...

    async def accepted_between(
        self, member: Member, ids: tuple[bytes, bytes], limit: int, *, newest_first: bool
    ) -> list[AcceptedRow]:
        """Return a member's queries from an id up to another, exclusive, from the end asked for."""
        ...

    async def results_between(
        self, member: Member, places: ResultSpan, limit: int, *, newest_first: bool
    ) -> list[ResultRow]:
        """Return a member's results between two places, both exclusive, from the end asked for."""
        ...

    async def save_acknowledged(self, positions: Mapping[str, int]) -> None:
        """Remember up to which delivery each line has acknowledged."""
        ...

    async def open_holds(
        self, members: Sequence[Member], due_by: int | None = None
    ) -> list[HoldRow]:
        """Return open holds, oldest deadline first; those that end by `due_by` if it is given."""
        ...

    async def open_holds_after(self, member: Member, leaf_index: int) -> list[HoldRow]:
        """Return a member's open holds whose leaf is beyond one, in the order of leaves."""
        ...

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        ...

    async def outages(self, members: Sequence[Member]) -> list[OutageRow]:
        """Return what members have announced and not taken back, by member and key."""
        ...

    async def save_outage(self, row: OutageRow) -> None:
        """Keep an announcement in place of the member's earlier one for the same key."""
        ...

    async def end_outages(self, member: Member, key: MessageKey | None = None) -> None:
        """Take back what a member has announced: for one key, or all of it."""
        ...

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again is the same note."""
        ...

    async def checkpoint(self, member: Member, size: int | None = None) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger, or the one of a size."""
        ...

    async def checkpoints(self, members: Sequence[Member]) -> list[CheckpointRow]:
        """Return the newest public checkpoint of each ledger that has one, by member."""
        ...

    async def save_cosignatures(self, rows: Sequence[CosignatureRow]) -> None:
        """Keep witnesses' lines; of one witness and checkpoint the first one stays."""
        ...

    async def segments(self, member: Member) -> list[SegmentRow]:
        """Return a ledger's sealed segments in order."""
        ...

    async def save_segment(self, row: SegmentRow) -> None:
        """Keep a sealed segment; the first row of it stays."""
        ...

    async def has_leaves(self, member: Member, segment: int) -> bool:
        """Say whether leaves of a segment are here."""
        ...

    async def release_leaves(self, member: Member, segment: int) -> int:
        """Delete the leaves of a segment; return how many. Nodes and documents stay.

        Raises: RowRefusedError if the segment is not sealed, or has a withdrawn leaf.
        """
        ...

    async def restore_leaves(self, member: Member, first: int, leaves: Sequence[bytes]) -> int:
        """Write leaves of a sealed segment back that had left; return how many were not here."""
        ...

    def turn(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold a turn that one process has at a time; yields False if another has it."""
        ...

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        ...
