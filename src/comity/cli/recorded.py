"""A member's recorded traffic: folded up to now by its gateway, then read by the reader's role."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from comity.app import open_bus, open_ledger_reader
from comity.cli.reviewing import COMMAND_USER
from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member
from comity.domain.leaf import parse_leaf
from comity.link.command import CommandDone, FoldTraffic
from comity.policy.traffic import Traffic, TrafficBuilder
from comity.ports import Bus, Store, TrafficRow
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.sending import send_command

__all__ = ["FoldMovesError", "Recorded", "fold_up", "read_recorded", "recorded_traffic"]

_PAGE_ROWS: Final = 20_000
_FOLD_SECONDS_MAX: Final = 60.0
_READS_MAX: Final = 20
_HOUR_SECONDS: Final = 3_600


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


async def recorded_traffic(
    settings: Settings, member: Member, under: int | None = None
) -> Recorded:
    """Return a member's traffic, folded up to now if its gateway can. Raises: StoreDownError.

    With `under` only what was answered while the rules of that leaf were the last ones to be put
    into force or announced.
    """
    try:
        async with open_bus(settings, COMMAND_USER) as bus:
            told = await fold_up(bus, HostFiles(settings.data_dir).host_name(), member)
    except ComityError as error:
        told = str(error)
    async with open_ledger_reader(settings, [member]) as (store, rows):
        recorded = await read_recorded(store, member, told, under)
        first = await rows.leaves(member, 0, min(1, recorded.size))
    begun = None
    if first and first[0]:
        at = parse_leaf(first[0]).hour * _HOUR_SECONDS
        begun = datetime.fromtimestamp(at, UTC).date()
    return msgspec.structs.replace(recorded, begun=begun)


async def fold_up(bus: Bus, host: HostName, member: Member) -> str:
    """Have a ledger folded as it stands now; return why it is not, if it is not.

    Raises: GatewayRefusalError, GatewaySilentError, UnreachableError.
    """
    until = time.monotonic() + _FOLD_SECONDS_MAX
    aim = 0
    while time.monotonic() < until:
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
