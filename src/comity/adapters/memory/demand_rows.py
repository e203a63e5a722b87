"""Rows of demands in the memory store: the same checks as the database makes."""

from __future__ import annotations

import msgspec

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import Member
from comity.ports import BatchWrite, DemandChange, DemandRow

__all__ = ["apply_demands", "change_demand", "check_demands", "cut_demands"]

_Rows = dict[tuple[Member, int], DemandRow]


def check_demands(rows: _Rows, batch: BatchWrite) -> None:
    """Check a batch against rows as they stand. Raises: RowRefusedError."""
    for row in batch.demands:
        if (row.member, row.leaf_index) in rows:
            raise RowRefusedError("a row breaks `demand`")
    apply_demands(dict(rows), batch)


def apply_demands(rows: _Rows, batch: BatchWrite) -> None:
    """Write what a batch has of demands. Raises: RowRefusedError before anything it refuses."""
    rows.update({(row.member, int(row.leaf_index)): row for row in batch.demands})
    for change in batch.demand_changes:
        change_demand(rows, change)


def cut_demands(rows: _Rows, member: Member, first: int) -> _Rows:
    """Return the rows that stay where a ledger is cut; one that ended there is open again."""
    return {
        place: _cut(row, first) if place[0] == member else row
        for place, row in rows.items()
        if place[0] != member or place[1] < first
    }


def _cut(row: DemandRow, first: int) -> DemandRow:
    is_open = row.ended_by is not None and row.ended_by >= first
    return msgspec.structs.replace(
        row,
        handed=tuple(at if at is not None and at < first else None for at in row.handed),
        ended_by=None if is_open else row.ended_by,
    )


def change_demand(rows: _Rows, change: DemandChange) -> None:
    """Keep one act. Raises: RowRefusedError if the demand is not as thought."""
    place = (change.member, int(change.leaf_index))
    row = rows.get(place)
    if row is None or row.ended_by is not None or row.acts != change.acts:
        raise RowRefusedError("a demand that is acted on has ended, moved on, or is none")
    rows[place] = msgspec.structs.replace(
        row,
        acts=row.acts + 1,
        answer_by=change.answer_by,
        warned=row.warned if change.answer_by == row.answer_by else 0,
        handed=row.handed if change.handed_by is None else (*row.handed, change.handed_by),
        ended_by=change.ended_by,
        sealed=change.sealed,
    )
