"""The composition root: the only place where services meet adapters.

Everything is built from settings and the host's files; nothing here decides anything.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from comity.adapters.leaf_table import ParquetLeafTable
from comity.adapters.nats import NatsBus
from comity.adapters.pager import CommandPager
from comity.adapters.postgres.migrate import migrate as apply_migrations
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.sources.postgres import DriverRow as DriverColumns
from comity.adapters.sources.postgres import PostgresSource, has_records, load_records
from comity.adapters.sources.postgres import VehicleRow as VehicleColumns
from comity.adapters.sources.routed import open_sources
from comity.adapters.sources.terms import read_sources
from comity.adapters.system import SystemClock, SystemEntropy
from comity.app.console import run_console
from comity.app.feeds import open_feeds
from comity.app.gateway import GatewayBuilder
from comity.app.keyring import open_keyring
from comity.app.keys import host_keys, ledger_keys, ledger_vkey
from comity.app.outside import Outside
from comity.app.public import public_store, run_ledger_server, sealed_rows
from comity.app.witness import open_witnesses, quorum_of, run_witness, witness_files
from comity.domain.ids import Member
from comity.ports import Bus, LedgerRows, Source, Store
from comity.practice.drivers import DriverRow
from comity.practice.federal import FederalSource
from comity.practice.vehicles import VehicleRow
from comity.practice.world import PracticeWorld
from comity.roles.engines.nats import gateway_user
from comity.roles.gateway import Gateway
from comity.roles.host_files import HostFiles
from comity.roles.hub import Hub
from comity.roles.runtime import DatabaseRole, bus_access, database_url
from comity.roles.settings import Settings
from comity.roles.witness import WitnessRole
from comity.roles.worker import SealingParts, Worker
from comity.services.demand_book import DemandBook
from comity.services.events import Events
from comity.services.notice_reader import NoticeReader
from comity.services.paging import LogPager
from comity.services.private_records import Records
from comity.services.rebuilding import Rebuilding
from comity.services.traffic import Traffic
from comity.services.vault import Vault

__all__ = [
    "COMMAND_USER",
    "HUB_USER",
    "host_keys",
    "ledger_keys",
    "ledger_vkey",
    "load_practice_records",
    "migrate",
    "open_bus",
    "open_console",
    "open_demands",
    "open_gateway",
    "open_history",
    "open_hub",
    "open_ledger_reader",
    "open_ledger_server",
    "open_notices",
    "open_reader",
    "open_rebuilding",
    "open_records",
    "open_vault",
    "open_witness",
    "open_witnesses",
    "open_worker",
    "quorum_of",
    "witness_files",
]

HUB_USER: Final = "hub"
COMMAND_USER: Final = "command"
_LOOPBACK: Final = "127.0.0.1"


def make_events(role: str) -> Events:
    """Return where a process's events go: its standard output, as JSON lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return Events(structlog.get_logger(role=role))


def _warnings() -> Events:
    """Return where the events of a command go: to standard error, apart from what it prints."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
    )
    return Events(log)


def _to_json(value: Any, **_: Any) -> str:
    return msgspec.json.encode(value).decode()


async def migrate(settings: Settings) -> list[str]:
    """Bring the database's schema to this release; return what was applied."""
    connection = await asyncpg.connect(database_url(settings, DatabaseRole.ADMIN))
    try:
        return await apply_migrations(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def open_bus(
    settings: Settings, user: str, events: Events | None = None
) -> AsyncIterator[Bus]:
    """Connect to the wire as a user. Raises: UnreachableError, NotRunningError."""
    bus = await NatsBus.connect(bus_access(settings, user).options, events or make_events(user))
    try:
        yield bus
    finally:
        await bus.close()


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
        yield store, sealed_rows(settings, store, _warnings())


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


async def load_practice_records(
    settings: Settings, world: PracticeWorld, doing: Callable[[str, int, int], None]
) -> int:
    """Load the practice world's records where there are none; return how many were loaded."""
    store = await PostgresStore.open(database_url(settings, DatabaseRole.GATEWAY))
    try:
        if await has_records(store.pool):
            return 0
        count, states = 0, world.states()
        for done, state in enumerate(states, start=1):
            drivers = (_driver_row(row) for row in world.drivers(state))
            vehicles = (_vehicle_row(row) for row in world.vehicles(state))
            count += await load_records(store.pool, drivers, vehicles)
            doing("records", done, len(states))
        return count
    finally:
        await store.close()


def _driver_row(d: DriverRow) -> DriverColumns:
    return (d.state, d.oln, d.name_key, d.birth, d.sex, d.kind.value, d.record, d.photo)


def _vehicle_row(v: VehicleRow) -> VehicleColumns:
    return (v.state, v.plate, v.plate_year, v.plate_type, v.vin, v.kind.value, v.record)


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[Hub]:
    """Run a hub."""
    events = make_events("hub")
    async with open_bus(settings, HUB_USER, events) as bus:
        hub = Hub(bus=bus, events=events)
        await hub.start()
        events.note("hub_ready", user=HUB_USER)
        yield hub


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


@asynccontextmanager
async def open_source(
    settings: Settings, store: PostgresStore, events: Events
) -> AsyncIterator[Source]:
    """Open the members' sources: the built-in one, or those of the sources file.

    Raises: SourcesFileError.
    """
    built_in: Source = PostgresSource(store.pool)
    if settings.is_practice:
        built_in = FederalSource(built_in)
    if settings.sources_file is None:
        yield built_in
        return
    router = open_sources(read_sources(settings.sources_file), built_in, SystemClock(), events)
    try:
        yield router
    finally:
        await router.close()


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Build, start and, at the end, stop the gateway of this installation's host."""
    events = make_events("gateway")
    files = HostFiles(settings.data_dir)
    quorum = quorum_of(settings)
    store = await PostgresStore.open(database_url(settings, DatabaseRole.GATEWAY))
    try:
        user = gateway_user(files.host_name())
        async with (
            open_bus(settings, user, events) as bus,
            open_source(settings, store, events) as source,
            open_witnesses(quorum) as witnesses,
        ):
            outside = Outside(
                store=store, bus=bus, source=source, quorum=quorum, witnesses=witnesses
            )
            gateway = GatewayBuilder(settings, files, outside, events).gateway
            ports = await gateway.start()
            events.note("gateway_ready", port=ports.line, http_port=ports.http)
            try:
                yield gateway
            finally:
                await gateway.stop()
    finally:
        await store.close()


@asynccontextmanager
async def open_witness(settings: Settings) -> AsyncIterator[WitnessRole]:
    """Run a witness.

    Raises: WitnessFilesError, WitnessRecordsError, WitnessBehindError.
    """
    async with run_witness(settings, make_events("witness")) as role:
        yield role


@asynccontextmanager
async def open_ledger_server(settings: Settings) -> AsyncIterator[int]:
    """Show this installation's ledgers to everyone; yield the port. Raises: PublicKeysError."""
    async with run_ledger_server(settings, make_events("ledger")) as port:
        yield port


@asynccontextmanager
async def open_console(settings: Settings) -> AsyncIterator[int]:
    """Run the state's console of this installation; yield the port.

    Raises: AssetChangedError, IdentityError, HostFilesError, UnreachableError, SettingsError.
    """
    async with run_console(settings, make_events("console")) as port:
        yield port
