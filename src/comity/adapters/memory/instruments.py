"""Instruments in the memory store: the same checks as the database makes, in the same order."""

from __future__ import annotations

import msgspec

from comity.adapters.errors import RowRefusedError
from comity.domain.ids import Member
from comity.ports import BatchWrite, InstrumentChange, InstrumentRow

__all__ = ["apply_instruments", "check_instruments"]

_Rows = dict[tuple[Member, int], InstrumentRow]


def check_instruments(rows: _Rows, batch: BatchWrite) -> None:
    """Check a batch against rows as they stand. Raises: RowRefusedError."""
    staged = dict(rows)
    apply_instruments(staged, batch)


def apply_instruments(rows: _Rows, batch: BatchWrite) -> None:
    """Write what a batch has of instruments. Raises: RowRefusedError before anything it refuses."""
    rows.update({(r.member, int(r.leaf_index)): r for r in batch.instruments})
    for change in sorted(batch.instrument_changes, key=_order):
        place = (change.member, int(change.leaf_index))
        row = rows.get(place)
        if row is None or row.revoked_by is not None:
            raise RowRefusedError("an instrument that the batch changes is revoked, or is none")
        if change.sealed is not None and row.verified_by is not None:
            raise RowRefusedError("an instrument that the batch verifies is verified")
        if _order(change) == 1 and row.verified_by is None:
            raise RowRefusedError("an instrument that the batch uses does not stand")
        rows[place] = msgspec.structs.replace(
            row,
            uses=row.uses + (_order(change) == 1),
            verified_by=change.verified_by if change.sealed is not None else row.verified_by,
            sealed=change.sealed if change.sealed is not None else row.sealed,
            revoked_by=change.revoked_by,
        )


def _order(change: InstrumentChange) -> int:
    """Verified first, then used, then revoked, as the database has them."""
    if change.sealed is not None:
        return 0
    return 1 if change.revoked_by is None else 2
