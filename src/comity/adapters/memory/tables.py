"""The rows of the memory store, the rules that a database would hold, and one batch's effect.

Guarantee: `check` refuses exactly what the constraints of the migrations refuse, and `apply` is all
or nothing because it cannot fail after `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, TypeVar

import msgspec

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId, id_time_ns
from comity.ledger.plan import NO_POLICY, LeafKey, LedgerHead
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, Frontier
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    DirectoryRow,
    HeadMovedError,
    HoldChange,
    HoldRow,
    PolicyRow,
    PrivateRow,
    ResultRow,
)

__all__ = ["HeadRow", "Tables"]

_ID_BYTES: Final = 16
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class HeadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's head with its owner."""

    host: HostName
    epoch: int
    frontier: Frontier = EMPTY_FRONTIER
    root: bytes = EMPTY_ROOT
    policy: int = NO_POLICY

    @property
    def head(self) -> LedgerHead:
        """What a batch sees of it."""
        return LedgerHead(frontier=self.frontier, policy=self.policy)


class Tables:
    """Everything that is kept, by primary key."""

    def __init__(self) -> None:
        self.heads: dict[Member, HeadRow] = {}
        self.leaves: dict[Member, list[tuple[bytes, bytes]]] = {}
        self.nodes: dict[tuple[Member, int, int], bytes] = {}
        self.keys: dict[LeafKey, LeafIndex] = {}
        self.private: dict[tuple[Member, int], PrivateRow] = {}
        self.accepted: dict[QueryId, AcceptedRow] = {}
        self.frames: dict[tuple[str, int], QueryId] = {}
        self.answers: dict[tuple[ExchangeId, Member, int], AnswerRow] = {}
        self.holds: dict[tuple[Member, int], HoldRow] = {}
        self.closed_holds: set[tuple[Member, int]] = set()
        self.policies: dict[tuple[Member, int], PolicyRow] = {}
        self.directory: dict[tuple[Member, int], DirectoryRow] = {}
        self.results: dict[tuple[ExchangeId, int], ResultRow] = {}
        self.acknowledged: dict[str, int] = {}
        self.checkpoints: dict[tuple[Member, int], CheckpointRow] = {}
        self.gone: dict[str, tuple[int, int]] = {}
        """How far each line's frames and deliveries had come when their rows went."""

    def check(self, batch: BatchWrite) -> None:
        """Raises: HeadMovedError, RowRefusedError if the batch may not be written."""
        self._check_heads(batch)
        self._check_holds(batch.hold_changes)
        _all_new("ledger_key", (key for key, _ in batch.keys), self.keys)
        _all_new("ledger_private", ((r.member, r.leaf_index) for r in batch.private), self.private)
        _all_new("accepted", (r.query_id for r in batch.accepted), self.accepted)
        _all_new("accepted_frame", ((r.line, r.frame_no) for r in batch.accepted), self.frames)
        answers = ((r.exchange_id, r.member, r.step) for r in batch.answers)
        _all_new("answer", answers, self.answers)
        _all_new("hold", ((r.member, r.leaf_index) for r in batch.holds), self.holds)
        _all_new("policy", ((r.member, r.leaf_index) for r in batch.policies), self.policies)
        _all_new("directory", ((r.member, r.version) for r in batch.directory), self.directory)
        if any(len(exchange_id) != _ID_BYTES for (exchange_id, _, _), _ in batch.keys):
            raise RowRefusedError("a row breaks `ledger_key_exchange_id_check`")

    def _check_heads(self, batch: BatchWrite) -> None:
        moved = []
        for write in batch.heads:
            head = self.heads[write.member]
            if (head.frontier.size, head.epoch) != (write.size_old, write.epoch):
                moved.append(write.member)
        if moved:
            raise HeadMovedError(moved)

    def _check_holds(self, changes: Iterable[HoldChange]) -> None:
        for change in changes:
            place = (change.member, change.leaf_index)
            hold = self.holds.get(place)
            is_open = hold is not None and place not in self.closed_holds
            if hold is None or not is_open or hold.exchange_id != change.exchange_id:
                raise RowRefusedError("a hold that the batch changes is not open")

    def apply(self, batch: BatchWrite) -> None:
        """Write a batch that was checked."""
        for write in batch.heads:
            self.heads[write.member] = msgspec.structs.replace(
                self.heads[write.member],
                frontier=write.frontier,
                root=write.root,
                policy=write.policy,
            )
        for member, leaf in batch.leaves:
            leaves = self.leaves.setdefault(member, [])
            assert leaf.index == len(leaves)
            leaves.append((leaf.data, leaf.leaf_hash))
        self.nodes.update({(m, n.level, n.index): n.node_hash for m, n in batch.nodes})
        self.keys.update(batch.keys)
        self.private.update({(r.member, r.leaf_index): r for r in batch.private})
        self._apply_exchanges(batch)
        self.policies.update({(r.member, r.leaf_index): r for r in batch.policies})
        self.directory.update({(r.member, r.version): r for r in batch.directory})

    def _apply_exchanges(self, batch: BatchWrite) -> None:
        self.accepted.update({r.query_id: r for r in batch.accepted})
        self.frames.update({(r.line, r.frame_no): r.query_id for r in batch.accepted})
        self.answers.update({(r.exchange_id, r.member, r.step): r for r in batch.answers})
        self.holds.update({(r.member, r.leaf_index): r for r in batch.holds})
        for change in batch.hold_changes:
            place = (change.member, int(change.leaf_index))
            self.holds[place] = msgspec.structs.replace(
                self.holds[place], next_step=change.next_step
            )
            if change.closed:
                self.closed_holds.add(place)

    def expire(self, before_ns: int) -> int:
        """Delete what was made before a time; return how many rows."""
        for accepted in [r for r in self.accepted.values() if _is_before(r.query_id, before_ns)]:
            frame, made = self.gone.get(accepted.line, (0, 0))
            self.gone[accepted.line] = (max(frame, accepted.frame_no), made)
            del self.frames[accepted.line, accepted.frame_no]
        for result in [r for r in self.results.values() if _is_before(r.query_id, before_ns)]:
            frame, made = self.gone.get(result.line, (0, 0))
            self.gone[result.line] = (frame, max(made, result.number))
        count = _delete(self.results, lambda _, row: _is_before(row.query_id, before_ns))
        count += _delete(self.accepted, lambda query_id, _: _is_before(query_id, before_ns))
        count += _delete(self.answers, lambda key, _: _is_before(key[0], before_ns))
        count += _delete(self.keys, lambda key, _: _is_before(key[0], before_ns))
        return count + _delete(
            self.holds,
            lambda place, row: (
                place in self.closed_holds and _is_before(row.exchange_id, before_ns)
            ),
        )


def _is_before(value: bytes, time_ns: int) -> bool:
    return id_time_ns(value) < time_ns


def _delete(table: dict[_K, _V], is_over: Callable[[_K, _V], bool]) -> int:
    over = [key for key, row in table.items() if is_over(key, row)]
    for key in over:
        del table[key]
    return len(over)


def _all_new(name: str, keys: Iterable[Hashable], table: Iterable[Hashable]) -> None:
    """Refuse a key that the table has, or that comes twice."""
    seen: set[Hashable] = set()
    for key in keys:
        if key in seen or key in table:
            raise RowRefusedError(f"a row breaks `{name}`")
        seen.add(key)
