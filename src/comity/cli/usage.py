"""A state's own ledger, read for the advice on leaks: how often such requests were answered.

Guarantee: read by the role that can only read. Without a ledger here nothing is said.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from comity.app.database import open_ledger_reader
from comity.domain.ids import Member
from comity.exchange.leaves import HOUR_SECONDS
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.usage_counts import LedgerUse, count_usage

__all__ = ["read_usage"]


def read_usage(settings: Settings, member: Member, since: datetime) -> LedgerUse | None:
    """Return what a member's ledger here tells since a time; None where none is kept here."""
    files = HostFiles(settings.data_dir)
    if not files.exist() or member not in files.ledger_keys():
        return None
    return asyncio.run(_read(settings, member, int(since.timestamp()) // HOUR_SECONDS))


async def _read(settings: Settings, member: Member, since_hour: int) -> LedgerUse:
    async with open_ledger_reader(settings, [member]) as (store, rows):
        checkpoint = await store.checkpoint(member)
        size = 0 if checkpoint is None else checkpoint.size
        return await count_usage(rows, member, size, since_hour)
