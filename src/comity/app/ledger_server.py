"""The server of public ledgers joined."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comity.adapters.postgres.store import PostgresStore
from comity.app.events import make_events
from comity.app.public import ledger_member, public_keys, sealed_rows
from comity.front.ledger import LedgerServer
from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings
from comity.services.public_ledgers import PublicLedgers

__all__ = ["open_ledger_server"]


@asynccontextmanager
async def open_ledger_server(settings: Settings) -> AsyncIterator[int]:
    """Show this installation's ledgers by HTTP; yield the port. Raises: PublicKeysError."""
    events = make_events("ledger")
    keys = public_keys(settings)
    url = database_url(settings, DatabaseRole.READER)
    members = sorted({ledger_member(name) for name in keys})
    store = await PostgresStore.open(url, members=members)
    try:
        rows = sealed_rows(settings, store, events, keys)
        ledgers = PublicLedgers(store=store, rows=rows, keys=keys, now=time.monotonic)
        server = LedgerServer(ledgers=ledgers, events=events)
        port = await server.listen(settings.public_bind, settings.public_port)
        events.note("ledger_ready", port=port, ledgers=len(keys))
        try:
            yield port
        finally:
            await server.close()
    finally:
        await store.close()
