"""The twin of the transaction that cuts a ledger, on the tables of the store in memory.

Guarantee: everything is done on a copy of the tables, which takes the place of the tables when the
transaction commits and is forgotten when it does not.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterable

import msgspec

from comity.adapters.errors import RowRefusedError
from comity.adapters.memory.demand_rows import cut_demands
from comity.adapters.memory.tables import Tables
from comity.domain.ids import LeafIndex, Member
from comity.ledger.plan import NO_POLICY, TILE_HEIGHT, LedgerHead
from comity.ports import (
    UNDER_NONE,
    AnswerRow,
    AsideRow,
    BatchWrite,
    CheckpointRow,
    Cut,
    CutDone,
    KeyRow,
    LeafRow,
)
from comity.review.urgent import ReviewState, look_id

__all__ = ["MemoryCutting"]


class MemoryCutting:
    """One open transaction on one ledger; `staged` is what the tables will be."""

    def __init__(self, tables: Tables, member: Member) -> None:
        self.staged = copy.copy(tables)
        for name, table in vars(tables).items():
            setattr(self.staged, name, copy.copy(table))
        self.staged.leaves = {name: list(rows) for name, rows in tables.leaves.items()}
        self._member = member

    @property
    def head(self) -> LedgerHead:
        """The head as of the lock."""
        return self.staged.heads[self._member].head

    @property
    def root(self) -> bytes:
        """The root hash of the head as of the lock."""
        return self.staged.heads[self._member].root

    async def beyond(self, first: int) -> AsyncIterator[list[AsideRow]]:
        """Yield what stands at `first` or beyond it, a page for each table."""
        tables, member = self.staged, self._member
        leaves = [
            LeafRow(member=member, leaf_index=LeafIndex(index), leaf_hash=leaf_hash, data=data)
            for index, (data, leaf_hash) in enumerate(tables.leaves.get(member, []))
        ]
        keys = [
            KeyRow(exchange_id=exchange_id, member=name, step=step, leaf_index=index)
            for (exchange_id, name, step), index in tables.keys.items()
        ]
        answers = tables.answers.values()
        checkpoints = [
            tables.published(*place)
            for place in sorted(tables.checkpoints)
            if place[0] == member and place[1] > first
        ]
        own: tuple[Iterable[AsideRow], ...] = (
            leaves,
            tables.private.values(),
            keys,
            tables.accepted.values(),
            answers,
            tables.holds.values(),
            tables.policies.values(),
            tables.directory.values(),
            tables.documents.values(),
            tables.demands.values(),
        )
        for rows in own:
            await asyncio.sleep(0)
            page = [row for row in rows if row.member == member and _place(row) >= first]
            if page:
                yield sorted(page, key=_place)
        if checkpoints:
            yield [*checkpoints]

    async def cut(self, cut: Cut) -> CutDone:
        """Delete what `beyond` yields and set the head back. Raises: RowRefusedError."""
        await asyncio.sleep(0)
        tables, member, first = self.staged, self._member, cut.succession.kept
        place = (member, cut.succession.retired)
        if place in tables.successions:
            raise RowRefusedError("a row breaks `ledger_succession_pkey`")
        tables.successions[place] = cut.succession
        folded = tables.folds.get(member)
        if folded is not None and folded.folded > cut.succession.leaf_index:
            tables.folds[member] = msgspec.structs.replace(folded, folded=cut.succession.leaf_index)
        for was in [p for p in tables.traffic if p[0] == member]:
            if was[2] >= cut.succession.leaf_index:
                is_now = (member, was[1], UNDER_NONE, was[3])
                tables.traffic[is_now] = tables.traffic.get(is_now, 0) + tables.traffic.pop(was)
        self._open_holds(first)
        self._owe_looks(first)
        for accepted in [r for r in tables.accepted.values() if _is_beyond(r, member, first)]:
            frame, made = tables.gone.get(accepted.line, (0, 0))
            tables.gone[accepted.line] = (max(frame, accepted.frame_no), made)
            del tables.frames[accepted.line, accepted.frame_no]
        for name in ("accepted", "holds", "private", "policies", "directory", "documents"):
            table = getattr(tables, name)
            kept = {k: row for k, row in table.items() if not _is_beyond(row, member, first)}
            setattr(tables, name, kept)
        tables.closed_holds &= tables.holds.keys()
        tables.shadows = {k: at for k, at in tables.shadows.items() if k in tables.documents}
        for name in ("case_passes", "instruments", "urgent"):
            kept = {
                k: r for k, r in getattr(tables, name).items() if k[0] != member or k[1] < first
            }
            setattr(tables, name, kept)
        # What a verification said is gone with its leaf: without it the instrument covers nothing.
        tables.instruments = {
            k: msgspec.structs.replace(r, verified_by=None)
            if k[0] == member and r.verified_by is not None and r.verified_by >= first
            else r
            for k, r in tables.instruments.items()
        }
        tables.demands = cut_demands(tables.demands, member, first)
        tables.key_events = {
            k: r for k, r in tables.key_events.items() if k[0] != member or k[1] < first
        }
        tables.redactions = {
            k: by for k, by in tables.redactions.items() if k[0] != member or max(k[1], by) < first
        }
        tables.key_events = {
            k: done for k, done in tables.key_events.items() if k[0] != member or k[1] < first
        }
        tables.redactions = {
            k: named_by
            for k, named_by in tables.redactions.items()
            if k[0] != member or max(k[1], named_by) < first
        }
        tables.delayed = {k: r for k, r in tables.delayed.items() if k[0] != member or k[1] < first}
        tables.revealed &= tables.delayed.keys() - {(member, index) for index in cut.revealed}
        self._cut_tree(first)
        head = tables.heads[member]
        policy = max((i for name, i in tables.policies if name == member), default=NO_POLICY)
        tables.heads[member] = msgspec.structs.replace(
            head, frontier=cut.frontier, root=cut.root, policy=policy, epoch=head.epoch + 1
        )
        return CutDone(epoch=head.epoch + 1, policy=policy)

    def _cut_tree(self, first: int) -> None:
        tables, member = self.staged, self._member
        answers = tables.answers.items()
        tables.answers = {k: r for k, r in answers if k[1] != member or r.leaf_indexes[-1] < first}
        tables.keys = {k: i for k, i in tables.keys.items() if k[1] != member or i < first}
        for name in ("checkpoints", "cosignatures"):
            table = getattr(tables, name)
            kept = {k: row for k, row in table.items() if k[0] != member or k[1] <= first}
            setattr(tables, name, kept)
        nodes = tables.nodes.items()
        tables.nodes = {
            k: h for k, h in nodes if k[0] != member or k[2] < first >> TILE_HEIGHT * k[1]
        }
        tables.leaves[member] = tables.leaves.get(member, [])[:first]

    def _steps_beyond(self, first: int) -> dict[bytes, int]:
        """Return the first step beyond the cut of each id that has one there."""
        steps: dict[bytes, int] = {}
        for (exchange_id, name, step), index in self.staged.keys.items():
            if name == self._member and index >= first:
                steps[exchange_id] = min(step, steps.get(exchange_id, step))
        return steps

    def _owe_looks(self, first: int) -> None:
        """Let a look of which a leaf stands beyond the cut be owed again."""
        tables, member, steps = self.staged, self._member, self._steps_beyond(first)
        for place, row in tables.urgent.items():
            step = steps.get(look_id(row.exchange_id))
            if row.member == member and row.leaf_index < first and step is not None:
                stands = ReviewState.OVERDUE if step else ReviewState.OPEN
                tables.urgent[place] = msgspec.structs.replace(row, next_step=step, stands=stands)

    def _open_holds(self, first: int) -> None:
        """Let a hold that was answered beyond the cut wait again."""
        tables, member, steps = self.staged, self._member, self._steps_beyond(first)
        for place, hold in tables.holds.items():
            if hold.member == member and hold.leaf_index < first and hold.exchange_id in steps:
                step = steps[hold.exchange_id]
                tables.holds[place] = msgspec.structs.replace(hold, next_step=step)
                tables.closed_holds.discard(place)
        for place, hold in tables.holds.items():
            if hold.member == member:
                kept = tuple(reply for reply in hold.replies if reply < first)
                tables.holds[place] = msgspec.structs.replace(hold, replies=kept)

    async def write(self, batch: BatchWrite) -> None:
        """Add to the cut ledger. Raises: HeadMovedError, RowRefusedError."""
        await asyncio.sleep(0)
        self.staged.check(batch)
        self.staged.apply(batch)


def _place(row: AsideRow) -> int:
    """Return what a row is ordered by: of an answer its last leaf."""
    match row:
        case AnswerRow():
            return row.leaf_indexes[-1]
        case CheckpointRow():
            return row.size
        case _:
            return row.leaf_index


def _is_beyond(row: AsideRow, member: Member, first: int) -> bool:
    return row.member == member and _place(row) >= first
