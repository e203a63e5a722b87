"""What the services need from the world: clock, entropy, store, bus, source, keyring, signer.

Each port has an adapter (`adapters/`) and a memory twin that passes the same contract tests. Values
that cross a port are rows here; no port speaks SQL, subjects or files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from comity.domain.answer import Element
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import RecordKind
from comity.ledger.plan import LeafKey, LedgerHead, PlacedLeaf, TreeNode
from comity.ledger.tree import Frontier

__all__ = [
    "AcceptedRow",
    "AnswerRow",
    "BatchWrite",
    "Bus",
    "CheckpointRow",
    "Clock",
    "CommitUnknownError",
    "DirectoryRow",
    "Entropy",
    "HeadMovedError",
    "HeadWrite",
    "HoldChange",
    "HoldRow",
    "Keyring",
    "LineFrame",
    "Lines",
    "Lookup",
    "LostKeyError",
    "OpenQuery",
    "PolicyRow",
    "PrivateRow",
    "Record",
    "ResultRow",
    "Sealed",
    "SignedState",
    "Source",
    "SourceError",
    "Store",
    "StoreDownError",
    "Transaction",
    "UnreachableError",
]


class StoreDownError(ComityError):
    """The store cannot be reached, or refused before anything was committed."""

    code = "store-unavailable"


class CommitUnknownError(ComityError):
    """The connection was lost during a commit: whether it persisted must be read back."""

    code = "commit-unknown"


class HeadMovedError(ComityError):
    """Another host wrote a ledger's head: this host no longer owns that ledger."""

    code = "head-moved"

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__("the head of a ledger was written by another host")
        self.members = tuple(members)


class SourceError(ComityError):
    """A state's source of records did not answer; nothing is known of the record."""

    code = "source-unavailable"


class UnreachableError(ComityError):
    """Nobody listens at the other end."""

    code = "destination-unreachable"


class LostKeyError(ComityError):
    """The data key of a member's month is not in the keyring."""

    code = "data-key-missing"


class Clock(Protocol):
    """The time, as aware of nothing but itself."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        ...


class Entropy(Protocol):
    """Unpredictable bytes."""

    def token(self, size: int) -> bytes:
        """Return `size` bytes fit for keys and nonces."""
        ...


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes under a member's month key: `month` counts months since 1970-01; AES-256-GCM."""

    month: int
    nonce: bytes
    body: bytes


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


class HoldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An open hold: its leaf, until when it waits (Unix seconds), the next step of its exchange."""

    exchange_id: ExchangeId
    member: Member
    leaf_index: LeafIndex
    opened_at: int
    until: int
    next_step: int
    sealed: Sealed


class HoldChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a verdict or an expiry does to a hold: the next step, and whether it is closed."""

    exchange_id: ExchangeId
    member: Member
    leaf_index: LeafIndex
    next_step: int
    closed: bool


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A policy bundle as published: its leaf and its canonical bytes."""

    member: Member
    leaf_index: LeafIndex
    digest: bytes
    body: bytes


class DirectoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member's signed part of the directory, as published."""

    member: Member
    leaf_index: LeafIndex
    version: int
    body: bytes
    signature: bytes


class PrivateRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leaf's private record under the month key; its deletion is an expungement."""

    member: Member
    leaf_index: LeafIndex
    sealed: Sealed


class HeadWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's head after the batch; written only where size and epoch are still the old ones."""

    member: Member
    size_old: int
    epoch: int
    frontier: Frontier
    root: bytes
    policy: int


class BatchWrite(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one transaction writes."""

    heads: tuple[HeadWrite, ...]
    leaves: tuple[tuple[Member, PlacedLeaf], ...]
    keys: tuple[tuple[LeafKey, LeafIndex], ...]
    nodes: tuple[tuple[Member, TreeNode], ...]
    private: tuple[PrivateRow, ...]
    accepted: tuple[AcceptedRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    holds: tuple[HoldRow, ...] = ()
    hold_changes: tuple[HoldChange, ...] = ()
    policies: tuple[PolicyRow, ...] = ()
    directory: tuple[DirectoryRow, ...] = ()


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


class OpenQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted query with fewer final results than exchanges, and the results it has."""

    accepted: AcceptedRow
    results: tuple[ResultRow, ...]


class CheckpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A public checkpoint of one ledger: its size and the signed note."""

    member: Member
    size: int
    note: bytes


class Store(Protocol):
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

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf bytes of [first, last)."""
        ...

    async def leaf_hashes(self, member: Member, first: int, last: int) -> list[bytes]:
        """Return leaf hashes of [first, last)."""
        ...

    async def nodes(self, member: Member, level: int, first: int, last: int) -> list[bytes]:
        """Return full-tile roots of a tile level, [first, last)."""
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

    async def line_position(self, line: str) -> tuple[int, int, int]:
        """Return (last accepted frame, last delivery made, last delivery acknowledged)."""
        ...

    async def open_queries(self, members: Sequence[Member], since: int) -> list[OpenQuery]:
        """Return accepted queries that are not ended, with the results they have."""
        ...

    async def save_results(self, rows: Sequence[ResultRow]) -> list[bool]:
        """Write results; say for each whether it was new. A lost one is re-driven."""
        ...

    async def results_of(self, query_id: QueryId) -> list[ResultRow]:
        """Return the results of one query in step order."""
        ...

    async def results_after(self, line: str, number: int, limit: int) -> list[ResultRow]:
        """Return a line's results beyond a delivery number, in order."""
        ...

    async def save_acknowledged(self, positions: Mapping[str, int]) -> None:
        """Remember up to which delivery each line has acknowledged."""
        ...

    async def open_holds(
        self, members: Sequence[Member], due_by: int | None = None
    ) -> list[HoldRow]:
        """Return open holds, oldest deadline first; those that end by `due_by` if it is given."""
        ...

    async def open_hold(self, member: Member, leaf_index: int) -> HoldRow | None:
        """Return one open hold by its leaf."""
        ...

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        ...

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        ...

    async def save_checkpoint(self, row: CheckpointRow) -> None:
        """Keep a public checkpoint; the same size again is the same note."""
        ...

    async def checkpoint(self, member: Member) -> CheckpointRow | None:
        """Return the newest public checkpoint of a ledger."""
        ...

    async def expire(self, now: int) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows."""
        ...

    async def clock_skew_ns(self, now_ns: int) -> int:
        """Return how far the store's clock is ahead of `now_ns`."""
        ...


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """What a source is asked: the state, the key, and the fields of the query."""

    state: Member
    key: MessageKey
    fields: tuple[tuple[str, str], ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record as its source holds it, every class included; only the answer face sees it.

    `matches` is how many records the search met; elements are of the first.
    """

    kind: RecordKind
    elements: tuple[Element, ...]
    matches: int = 1


class Source(Protocol):
    """A state's records."""

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        ...


class Keyring(Protocol):
    """Month keys, one per member and month; never in the store's backup."""

    def seal(self, member: Member, month: int, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the month's key, made if it does not exist yet."""
        ...

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, ComityError if altered."""
        ...


class SignedState(Protocol):
    """The last signed size and root of each ledger, kept outside the store."""

    def read(self, member: Member) -> tuple[int, bytes] | None:
        """Return the last signed size and root."""
        ...

    def write(self, member: Member, size: int, root: bytes) -> None:
        """Keep them durably before the checkpoint is shown to anyone."""
        ...


Handler = Callable[[bytes], Awaitable[bytes | None]]


class Bus(Protocol):
    """The at-most-once wire between processes."""

    async def publish(self, subject: str, data: bytes, *, unheard: Callable[[], None]) -> None:
        """Send; `unheard` is called if nobody listens."""
        ...

    def post(self, subject: str, data: bytes) -> None:
        """Send without waiting, from outside a task; lost if the wire is down."""
        ...

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for the answer. Raises: UnreachableError."""
        ...

    async def listen(self, subject: str, handler: Handler, *, group: str = "") -> None:
        """Call `handler` for each message; what it returns is the answer to a request."""
        ...


class LineFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message frame of an agency's line; a line numbers its frames from 1, rising."""

    line: str
    number: int
    data: bytes


class Lines(Protocol):
    """The live connections of agencies' lines, to write to. Nothing here is durable."""

    def accepted(self, line: str, number: int) -> None:
        """Tell a line that its frame is durable, or answered by an error message."""
        ...

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its frame was not taken, and why; it may send it again."""
        ...

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Write a delivery; say if the line is connected. Number 0 needs no acknowledgement."""
        ...
