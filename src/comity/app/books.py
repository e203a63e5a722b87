"""What a command reads of a member's ledger and registers, opened with the host's keyring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comity.adapters.leaf_table import ParquetLeafTable
from comity.app.database import open_ledger_reader, open_reader, open_vault
from comity.app.keys import ledger_vkey
from comity.app.public import public_store
from comity.domain.ids import Member
from comity.roles.settings import Settings
from comity.services.demand_book import DemandBook
from comity.services.notice_reader import NoticeReader
from comity.services.private_records import Records
from comity.services.rebuilding import Rebuilding
from comity.services.traffic import Traffic

__all__ = ["open_demands", "open_history", "open_notices", "open_rebuilding", "open_records"]


@asynccontextmanager
async def open_rebuilding(
    settings: Settings, member: Member, *, mends: bool
) -> AsyncIterator[Rebuilding]:
    """Open a look through a ledger's public files. Raises: LedgerKeyError."""
    key = ledger_vkey(settings, member)
    async with open_ledger_reader(settings, [member]) as (store, rows):
        yield Rebuilding(
            store=store,
            rows=rows,
            public=public_store(settings),
            table=ParquetLeafTable(),
            key=key,
            mends=mends,
        )


@asynccontextmanager
async def open_history(settings: Settings, member: Member) -> AsyncIterator[Traffic]:
    """Open what a member's agencies sent and were delivered, by the role that can only read.

    The database alone shows nothing: rows open with the host's keyring, which is not in it.
    """
    vault = open_vault(settings)
    async with open_ledger_reader(settings, [member]) as (store, rows):
        yield Traffic(store=store, rows=rows, vault=vault)


@asynccontextmanager
async def open_notices(settings: Settings, member: Member) -> AsyncIterator[NoticeReader]:
    """Open a member's ledger for the notices that are owed, by the role that can only read."""
    vault = open_vault(settings)
    async with open_ledger_reader(settings, [member]) as (store, rows):
        yield NoticeReader(store=store, rows=rows, vault=vault)


@asynccontextmanager
async def open_records(settings: Settings, member: Member) -> AsyncIterator[Records]:
    """Open the private records of a member's leaves, by the role that can only read."""
    vault = open_vault(settings)
    async with open_ledger_reader(settings, [member]) as (store, rows):
        yield Records(store, vault, rows)


@asynccontextmanager
async def open_demands(settings: Settings, member: Member) -> AsyncIterator[DemandBook]:
    """Open a member's register of demands, by the role that can only read."""
    vault = open_vault(settings)
    async with open_reader(settings, [member]) as store:
        yield DemandBook(store, vault)
