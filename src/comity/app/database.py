"""The database joined: its schema, and what reads it by the role that changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from comity.adapters.postgres.migrate import migrate as apply_migrations
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.system import SystemEntropy
from comity.app.events import command_events
from comity.app.keyring import open_keyring
from comity.app.public import sealed_rows
from comity.domain.ids import Member
from comity.ports import LedgerRows, Store
from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings
from comity.services.vault import Vault

__all__ = ["migrate", "open_ledger_reader", "open_reader", "open_vault"]


async def migrate(settings: Settings) -> list[str]:
    """Bring the database's schema to this release; return what was applied."""
    connection = await asyncpg.connect(database_url(settings, DatabaseRole.ADMIN))
    try:
        return await apply_migrations(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def open_reader(settings: Settings, members: Sequence[Member]) -> AsyncIterator[Store]:
    """Open the store as the role that can only read, and only these members' rows."""
    url = database_url(settings, DatabaseRole.READER)
    store = await PostgresStore.open(url, members=members)
    try:
        yield store
    finally:
        await store.close()


def open_vault(settings: Settings) -> Vault:
    """Return what seals and opens rows under this installation's month keys."""
    entropy = SystemEntropy()
    return Vault(open_keyring(settings, entropy), entropy)


@asynccontextmanager
async def open_ledger_reader(
    settings: Settings, members: Sequence[Member]
) -> AsyncIterator[tuple[Store, LedgerRows]]:
    """Open the store as `open_reader` does, and ledgers as they are across both places."""
    async with open_reader(settings, members) as store:
        yield store, sealed_rows(settings, store, command_events())
