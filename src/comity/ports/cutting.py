"""What a successor ledger asks of the store: rows beyond its cut, and the cut itself.

Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.ledger.plan import LedgerHead
from comity.ledger.tree import Frontier
from comity.ports.demands import DemandRow
from comity.ports.directory import DirectoryRow
from comity.ports.policies import PolicyRow
from comity.ports.review import HoldRow
from comity.ports.rows import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    DocumentRow,
    PrivateRow,
)

__all__ = [
    "AsideRow",
    "Cut",
    "CutDone",
    "Cutting",
    "CuttingStore",
    "KeyRow",
    "LeafRow",
    "SuccessionRow",
]


class LeafRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf as it stands in its ledger."""

    member: Member
    leaf_index: LeafIndex
    leaf_hash: bytes
    data: bytes


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which leaf a key (exchange or query, step) has."""

    exchange_id: bytes
    member: Member
    step: int
    leaf_index: LeafIndex


AsideRow = (
    LeafRow
    | PrivateRow
    | KeyRow
    | AcceptedRow
    | AnswerRow
    | HoldRow
    | PolicyRow
    | DirectoryRow
    | DocumentRow
    | CheckpointRow
    | DemandRow
)
"""What lies beyond a cut and is set aside as evidence."""


class SuccessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A retired ledger and its successor, by their origins; the successor's first own leaf.

    Rows from `kept` on were set aside; leaves from there up to `leaf_index` came from a copy.
    """

    member: Member
    retired: str
    origin: str
    leaf_index: LeafIndex
    kept: int


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a ledger: its succession, and the tree of the `succession.kept` leaves.

    `revealed` are leaves that are kept and whose `reveal` leaf is not.
    """

    succession: SuccessionRow
    frontier: Frontier
    root: bytes
    revealed: tuple[int, ...] = ()


class CutDone(msgspec.Struct, frozen=True, kw_only=True):
    """The head as the cut left it: whoever owned the ledger before has another epoch."""

    epoch: int
    policy: int


class Cutting(Protocol):
    """One transaction on one ledger, its head locked; leaving it commits or rolls back."""

    @property
    def head(self) -> LedgerHead:
        """The head as of the lock."""
        ...

    @property
    def root(self) -> bytes:
        """The root hash of the head as of the lock."""
        ...

    def beyond(self, first: int) -> AsyncIterator[list[AsideRow]]:
        """Yield, in pages, what stands at `first` or beyond it, and checkpoints of larger sizes.

        Of an answer with several leaves the last decides; it is committed with all of them.
        """
        ...

    async def cut(self, cut: Cut) -> CutDone:
        """Delete what `beyond` yields, its tree nodes with it, and set the head back.

        A hold that stays and was answered beyond the cut is open again, a look at an urgent release
        owed again; a pass that was revoked stays revoked. Passes and urgent releases beyond it go
        and are not yielded: what they hold stands in private records that are. Raises:
        RowRefusedError if the ledger was retired before.
        """
        ...

    async def write(self, batch: BatchWrite) -> None:
        """Add to the cut ledger. Raises: HeadMovedError, RowRefusedError."""
        ...


class CuttingStore(Protocol):
    """The store's part for successions."""

    def cutting(self, member: Member) -> AbstractAsyncContextManager[Cutting]:
        """Open a transaction that may cut a ledger.

        Raises on leaving: StoreDownError (nothing persisted), CommitUnknownError.
        """
        ...

    async def successions(self, member: Member) -> list[SuccessionRow]:
        """Return a member's successions, the latest first."""
        ...

    async def checkpoints_down(self, member: Member, limit: int) -> list[CheckpointRow]:
        """Return a ledger's public checkpoints, the largest first."""
        ...
