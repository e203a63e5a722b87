"""A member's recorded traffic as commands read it: by the bus and the reader's role."""

from __future__ import annotations

import msgspec

from comity.app.database import open_ledger_reader
from comity.app.wire import open_bus
from comity.cli.reviewing import COMMAND_USER
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.recorded_traffic import Recorded, begun_on, fold_up, read_recorded

__all__ = ["recorded_traffic"]


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
        begun = await begun_on(rows, member, recorded.size)
    return msgspec.structs.replace(recorded, begun=begun)
