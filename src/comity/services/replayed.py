"""What a replay stands for, in words: of which traffic, up to which leaf, over how many weeks.

Guarantee: counts that are of a part of the ledger alone say so, and nothing counted is never told
as nothing answered. Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.domain.ids import Member, entry_name, member_label
from comity.policy.replay import Load, Replay, headline, headline_since, weeks_between
from comity.services.recorded_traffic import Announced, Recorded

__all__ = ["ReplayedOver", "Span", "headline_over", "source_of", "weeks_over"]

_DAY_SECONDS: Final = 86_400
_WEEK_SECONDS: Final = 7 * _DAY_SECONDS

Span = tuple[int | None, int | None]
"""The first and the last month asked for, since 1970-01."""


class ReplayedOver(msgspec.Struct, frozen=True, kw_only=True):
    """What was replayed over: whose traffic, of which months or since which announcement.

    `recorded` is what the ledger says of it, None where it was imported.
    """

    member: Member
    recorded: Recorded | None
    now: datetime
    span: Span = (None, None)
    since: Announced | None = None


def weeks_over(counted: Replay, over: ReplayedOver) -> float:
    """Return the weeks that the counts stand for."""
    if over.since is not None:
        return max(over.now.timestamp() - over.since.since, _DAY_SECONDS) / _WEEK_SECONDS
    begun = None if over.recorded is None else over.recorded.begun
    return weeks_between(*_months(counted, over.span), over.now.date(), begun)


def headline_over(counted: Replay, over: ReplayedOver, load: Load | None) -> str:
    """Return the finding in a sentence or two; `load` is None where nothing was asked."""
    recorded = over.recorded
    if recorded is not None and recorded.told and load is None:
        # Nothing counted is not nothing answered.
        return (
            f"What {member_label(over.member)} has answered is not counted yet, but for leaves up"
            f" to {recorded.folded:,} of {recorded.size:,}: {recorded.told}."
        )
    if over.since is None:
        text = headline(counted, _months(counted, over.span), load)
    else:
        day = datetime.fromtimestamp(over.since.since, UTC).date()
        text = headline_since(counted, member_label(over.member), day, load)
    if recorded is not None and recorded.told:
        text += f" This is of leaves up to {recorded.folded:,} of {recorded.size:,} alone."
    return text


def source_of(over: ReplayedOver, imported: str = "") -> str:
    """Return whose counts these are, how far they go, and what is not among them."""
    member, recorded, since = over.member, over.recorded, over.since
    if recorded is None:
        return f"Traffic: imported from {imported}, not proved."
    begin = "its leaves"
    if since is not None:
        begin = f"from the announcement in {entry_name(member, since.leaf_index)}"
    text = (
        f"Traffic: recorded in the ledger of {member_label(member)}, {begin} up to leaf"
        f" {recorded.folded:,} of {recorded.size:,}. Each request is weighed by what its decision"
        " saw; what a pass, the urgent lane or a reviewer made of it does not count."
    )
    if recorded.lost:
        text += (
            f" {recorded.lost:,} leaves of the whole ledger could not be read any more (key"
            " destroyed, expunged or withdrawn) when it was counted, and are not among these."
        )
    return f"{text} Not folded further: {recorded.told}." if recorded.told else text


def _months(counted: Replay, span: Span) -> tuple[int, int]:
    """Return the first and the last month that the counts stand for."""
    begin, end = span
    return (
        min(counted.by_month, default=0) if begin is None else begin,
        max(counted.by_month, default=0) if end is None else end,
    )
