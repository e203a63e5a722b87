"""The worker joined: its clocks, witnesses, sealing, feeds and pager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comity.adapters.leaf_table import ParquetLeafTable
from comity.adapters.pager import CommandPager
from comity.adapters.system import SystemClock
from comity.app.database import open_reader
from comity.app.events import make_events
from comity.app.feeds import open_feeds
from comity.app.keys import ledger_vkey
from comity.app.public import public_store, sealed_rows
from comity.app.wire import COMMAND_USER, open_bus
from comity.app.witness import open_witnesses, quorum_of
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.roles.worker import SealingParts, Worker
from comity.services.paging import LogPager

__all__ = ["open_worker"]


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[Worker]:
    """Make a worker for this installation's host."""
    events = make_events("worker")
    files = HostFiles(settings.data_dir)
    members = list(files.ledger_keys())
    quorum = quorum_of(settings)
    async with (
        open_bus(settings, COMMAND_USER, events) as bus,
        open_reader(settings, members) as store,
        open_witnesses(quorum) as witnesses,
    ):
        parts = SealingParts(
            rows=sealed_rows(settings, store, events),
            public=public_store(settings),
            table=ParquetLeafTable(),
            keys={member: ledger_vkey(settings, member) for member in members},
            rows_kept=settings.public_rows_kept,
        )
        async with open_feeds(settings, store, parts.rows, events) as feeds:
            events.note("worker_ready", members=len(members), witnesses=len(witnesses))
            yield Worker(
                host=files.host_name(),
                members=members,
                store=store,
                bus=bus,
                clock=SystemClock(),
                events=events,
                quorum=quorum,
                witnesses=witnesses,
                sealing=parts,
                pager=CommandPager(settings.page_command)
                if settings.page_command
                else LogPager(events),
                feeds=feeds,
            )
