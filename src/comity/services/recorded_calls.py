"""The calls back that were recorded on a hold which has ended, read from its verdict leaves.

Guarantee: only what a reviewer's question holds is opened, never a verdict that ended the hold;
what cannot be opened any more is said to be so, not left out in silence.
Source: docs/adr/0061-call-backs.md.
"""

from __future__ import annotations

import msgspec

from comity.domain.call_back import CallBack
from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import LeafDecision
from comity.ports import LedgerRows
from comity.review.call_backs import call_of
from comity.review.signatures import VerdictError
from comity.services.private_records import RecordGoneError, Records
from comity.services.second_person import VerdictsUnreadError, verdict_of, verdicts_on

__all__ = ["RecordedCalls", "recorded_calls"]


class RecordedCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls in their order, and whether all that may be one could be read."""

    calls: tuple[CallBack, ...] = ()
    is_whole: bool = True


async def recorded_calls(
    rows: LedgerRows, records: Records, member: Member, hold_index: LeafIndex, index: LeafIndex
) -> RecordedCalls:
    """Return the calls on the hold at `hold_index` that stand before its verdict at `index`.

    Whoever reads them has recorded that the request is opened. Raises: StoreDownError.
    """
    calls: list[CallBack] = []
    is_whole = True
    try:
        found = [each async for each in verdicts_on(rows, member, hold_index, index)]
    except VerdictsUnreadError:
        return RecordedCalls(is_whole=False)
    for place, leaf in found:
        if leaf.decision is not LeafDecision.ASK:
            continue
        try:
            _, record = await records.read(member, place)
            verdict = verdict_of(record.fields)
            call = None if verdict is None else call_of(verdict)
        except (RecordGoneError, VerdictError):
            verdict = call = None
        is_whole = is_whole and verdict is not None
        if call is not None:
            calls.append(call)
    return RecordedCalls(calls=tuple(calls), is_whole=is_whole)
