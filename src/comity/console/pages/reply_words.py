"""What the agency replied to a reviewer's questions, as the case page shows it.

Guarantee: what is shown stands in the ledger; a reply whose record is gone is said to be gone.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

from comity.console.desk import Desk
from comity.console.words import moment_said, plain
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.services.private_records import RecordGoneError
from comity.services.replies import replied_of
from comity.services.sealed_rows import LeavesMissingError

__all__ = ["replies_said"]

_GONE = "This reply cannot be opened any more."


async def replies_said(
    desk: Desk, state: Member, number: int, now: int
) -> list[tuple[str, str, str]]:
    """Return each reply about an open hold: when, its entry, its text; none if none is open."""
    row = await desk.store.open_hold(state, number)
    replies = () if row is None else row.replies
    return [await _said(desk, state, reply, now) for reply in replies]


async def _said(desk: Desk, state: Member, reply: LeafIndex, now: int) -> tuple[str, str, str]:
    entry = entry_name(state, reply).upper()
    try:
        _, record = await desk.records.read(state, reply)
    except (RecordGoneError, LeavesMissingError):
        return "", entry, _GONE
    found = replied_of(entry, record.fields)
    if found is None:
        return "", entry, _GONE
    text = "\n".join(plain(line) for line in found.text.splitlines())
    return moment_said(found.at, state, now), entry, text
