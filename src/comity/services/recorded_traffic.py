"""A member's recorded traffic: folded up to now by its gateway, then read as of one moment.

Guarantee: what is read is of one moment, and says how far it goes and why no further; nothing of a
person is in it. Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import HostName, LeafIndex, Member
from comity.domain.leaf import parse_leaf
from comity.link.command import CommandDone, FoldTraffic
from comity.policy.traffic import Traffic, TrafficBuilder
from comity.ports import Bus, LedgerRows, Store, TrafficRow
from comity.services.sending import send_command

__all__ = ["Announced", "FoldMovesError", "Recorded", "begun_on", "fold_up", "read_recorded"]

_PAGE_ROWS: Final = 20_000
_FOLD_SECONDS_MAX: Final = 60.0
_READS_MAX: Final = 20
_HOUR_SECONDS: Final = 3_600


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """Where rules stand announced, and since when (Unix seconds)."""

    leaf_index: LeafIndex
    since: int


class FoldMovesError(ComityError):
    """While traffic was read, more of it was counted, again and again."""

    code = "traffic-moves"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's traffic: folded up to which leaf, of how many, and how many could not be read.

    `told` is why the gateway did not fold further, where it did not; `begun` is the day of the
    ledger's first leaf, where that is known.
    """

    traffic: Traffic
    folded: int
    size: int
    lost: int
    told: str = ""
    begun: date | None = None


async def fold_up(bus: Bus, host: HostName, member: Member) -> str:
    """Have a ledger folded as it stands now; return why it is not, if it is not.

    Raises: GatewayRefusalError, GatewaySilentError, UnreachableError.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + _FOLD_SECONDS_MAX
    aim = 0
    while clock() < until:
        result = await send_command(bus, host, FoldTraffic(member=member))
        assert isinstance(result, CommandDone)
        facts = {name: int(value) for name, value in result.facts}
        # What comes while this runs is for the next time.
        aim = aim or facts["size"]
        if facts["folded"] >= aim:
            return ""
    return "there is more than can be folded in a minute: ask again"


async def read_recorded(
    store: Store, member: Member, told: str = "", under: int | None = None
) -> Recorded:
    """Return a member's traffic as far as it is folded. Raises: StoreDownError, FoldMovesError."""
    for _ in range(_READS_MAX):
        folds = await store.folds([member])
        traffic = await _traffic(store, member, under)
        # Pages are read one after another: what was folded between them would be there in part.
        if await store.folds([member]) == folds:
            break
    else:
        raise FoldMovesError("the ledger is being folded: try again")
    heads = await store.heads([member])
    return Recorded(
        traffic=traffic,
        folded=folds[0].folded if folds else 0,
        size=heads[member][0].frontier.size,
        lost=folds[0].lost if folds else 0,
        told=told,
    )


async def begun_on(rows: LedgerRows, member: Member, size: int) -> date | None:
    """Return the day of a ledger's first leaf, where that can be read."""
    first = await rows.leaves(member, LeafIndex(0), LeafIndex(min(1, size)))
    if not first or not first[0]:
        return None
    at = parse_leaf(first[0]).hour * _HOUR_SECONDS
    return datetime.fromtimestamp(at, UTC).date()


async def _traffic(store: Store, member: Member, under: int | None) -> Traffic:
    builder = TrafficBuilder()
    after: TrafficRow | None = None
    while True:
        rows = await store.traffic(member, after, _PAGE_ROWS, under)
        for row in rows:
            builder.add(row.month, row.request, row.count)
        if len(rows) < _PAGE_ROWS:
            return builder.traffic()
        after = rows[-1]
