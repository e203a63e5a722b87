"""The composition root: the only place where services meet adapters.

Everything is built from settings and the host's files; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.keyring import FileKeyring
from comity.adapters.nats import NatsBus
from comity.adapters.postgres.migrate import migrate as apply_migrations
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.signed_state import FileSignedState
from comity.adapters.sources.postgres import DriverRow as DriverColumns
from comity.adapters.sources.postgres import PostgresSource, has_records, load_records
from comity.adapters.sources.postgres import VehicleRow as VehicleColumns
from comity.adapters.system import SystemClock, SystemEntropy
from comity.domain.ids import HostName, Member, ledger_origin, parse_ori
from comity.front.line import LineServer
from comity.ledger.note import VerifierKey, verifier_key
from comity.ports import Bus, Source, Store
from comity.practice.drivers import DriverRow
from comity.practice.vehicles import VehicleRow
from comity.practice.world import PracticeWorld
from comity.roles.certificates import server_context, tls_files
from comity.roles.engines.nats import gateway_user
from comity.roles.gateway import FoundingPapers, Gateway, GatewayParts
from comity.roles.host_files import HostFiles
from comity.roles.hub import Hub
from comity.roles.runtime import DatabaseRole, bus_access, database_url
from comity.roles.settings import Settings
from comity.roles.worker import Worker
from comity.services.answer import AnswerFace
from comity.services.checkpoints import Checkpoints
from comity.services.commands import Commands
from comity.services.courier import Courier
from comity.services.deliveries import Deliveries
from comity.services.entries import Preparer
from comity.services.events import Events
from comity.services.founding import Founding
from comity.services.health import Health
from comity.services.member import World
from comity.services.open_queries import OpenQueries
from comity.services.origin import OriginFace
from comity.services.proofs import ProofMaker
from comity.services.replay import AnswerReplay
from comity.services.sequencer import Sequencer
from comity.services.vault import Vault
from comity.services.verdict import ReviewDesk

__all__ = [
    "COMMAND_USER",
    "HUB_USER",
    "host_keys",
    "ledger_vkey",
    "load_practice_records",
    "migrate",
    "open_bus",
    "open_gateway",
    "open_hub",
    "open_reader",
    "open_worker",
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


def host_keys(settings: Settings) -> VerifierKey:
    """Return the verification key of this installation's host, for receipts."""
    files = HostFiles(settings.data_dir)
    public = files.sign_key().public_key().public_bytes_raw()
    return verifier_key(files.host_name(), public)


def ledger_vkey(settings: Settings, member: Member) -> VerifierKey:
    """Return the verification key of a ledger of this installation."""
    key = HostFiles(settings.data_dir).ledger_keys()[member]
    origin = ledger_origin(settings.ledger_domain, member)
    return verifier_key(origin, key.public_key().public_bytes_raw())


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
    members = [Member(m) for m in files.ledger_keys()]
    async with (
        open_bus(settings, COMMAND_USER, events) as bus,
        open_reader(settings, members) as store,
    ):
        events.note("worker_ready", members=len(members))
        yield Worker(
            host=files.host_name(),
            members=members,
            store=store,
            bus=bus,
            clock=SystemClock(),
            events=events,
        )


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Build, start and, at the end, stop the gateway of this installation's host."""
    events = make_events("gateway")
    files = HostFiles(settings.data_dir)
    store = await PostgresStore.open(database_url(settings, DatabaseRole.GATEWAY))
    try:
        user = gateway_user(files.host_name())
        async with open_bus(settings, user, events) as bus:
            gateway = build_gateway(settings, files, store, bus, events)
            port = await gateway.start()
            events.note("gateway_ready", port=port)
            try:
                yield gateway
            finally:
                await gateway.stop()
    finally:
        await store.close()


class _Core(msgspec.Struct, frozen=True, kw_only=True):
    """What both faces of a gateway stand on."""

    host: HostName
    sign_key: Ed25519PrivateKey
    store: PostgresStore
    source: Source
    clock: SystemClock
    entropy: SystemEntropy
    vault: Vault
    world: World
    sequencer: Sequencer
    courier: Courier
    proofs: ProofMaker
    lines: LineServer
    events: Events


def _core(
    settings: Settings, files: HostFiles, store: PostgresStore, bus: Bus, events: Events
) -> _Core:
    clock, entropy = SystemClock(), SystemEntropy()
    host, sign_key = files.host_name(), files.sign_key()
    host_key = verifier_key(host, sign_key.public_key().public_bytes_raw())
    vault = Vault(FileKeyring(settings.data_dir / "keyring", entropy), entropy)
    domain = settings.ledger_domain
    return _Core(
        host=host,
        sign_key=sign_key,
        store=store,
        source=PostgresSource(store.pool),
        clock=clock,
        entropy=entropy,
        vault=vault,
        world=World(
            host, files.trust_root(), files.national_rules(), events, settings.hold_seconds_max
        ),
        sequencer=Sequencer(
            store=store,
            preparer=Preparer(vault),
            clock=clock,
            signer=sign_key,
            host=host_key,
            domain=domain,
            events=events,
            batch_floor_s=settings.batch_floor_ms / 1000,
        ),
        courier=Courier(bus=bus, clock=clock, sender=host, signer=sign_key, events=events),
        proofs=ProofMaker(store=store, signer=sign_key, host=host_key, domain=domain),
        lines=LineServer(
            events=events,
            ssl_context=server_context(tls_files(settings.data_dir / "tls", "server")),
            is_practice=settings.is_practice,
        ),
        events=events,
    )


def build_gateway(
    settings: Settings, files: HostFiles, store: PostgresStore, bus: Bus, events: Events
) -> Gateway:
    """Join services and adapters into one gateway."""
    core = _core(settings, files, store, bus, events)
    health = Health(store=store, clock=core.clock, events=events)
    checkpoints = _checkpoints(settings, files, core)
    deliveries = Deliveries(
        store=store, vault=core.vault, lines=core.lines, clock=core.clock, events=events
    )
    papers = FoundingPapers(parts=files.founding_parts(), policies=files.founding_policies())
    return Gateway(
        GatewayParts(
            host=core.host,
            seal_private=files.seal_key(),
            world=core.world,
            store=store,
            bus=bus,
            clock=core.clock,
            sequencer=core.sequencer,
            courier=core.courier,
            checkpoints=checkpoints,
            founding=Founding(
                world=core.world,
                sequencer=core.sequencer,
                root=files.trust_root(),
                clock=core.clock,
                entropy=core.entropy,
            ),
            health=health,
            deliveries=deliveries,
            origin=_origin(settings, core, deliveries),
            answer=_answer(core, health),
            commands=_commands(core, checkpoints, health),
            lines=core.lines,
            events=events,
            papers=papers,
            listen_on=(_LOOPBACK, settings.line_port),
            checkpoint_s=settings.checkpoint_s,
        )
    )


def _checkpoints(settings: Settings, files: HostFiles, core: _Core) -> Checkpoints:
    keys = {m: (key, ledger_vkey(settings, m)) for m, key in files.ledger_keys().items()}
    return Checkpoints(
        store=core.store,
        sequencer=core.sequencer,
        signed_state=FileSignedState(settings.data_dir / "signed-state"),
        proofs=core.proofs,
        keys=keys,
        domain=settings.ledger_domain,
        events=core.events,
    )


def _origin(settings: Settings, core: _Core, deliveries: Deliveries) -> OriginFace:
    origin = OriginFace(
        world=core.world,
        store=core.store,
        sequencer=core.sequencer,
        courier=core.courier,
        lines=core.lines,
        deliveries=deliveries,
        replay=_replay(core),
        open_queries=OpenQueries(),
        clock=core.clock,
        entropy=core.entropy,
        events=core.events,
        network=parse_ori(settings.network_ori),
        undeliverable_s=settings.undeliverable_s,
    )
    core.courier.when_unheard(origin.unheard)
    return origin


def _replay(core: _Core) -> AnswerReplay:
    return AnswerReplay(store=core.store, vault=core.vault, proofs=core.proofs, events=core.events)


def _answer(core: _Core, health: Health) -> AnswerFace:
    return AnswerFace(
        world=core.world,
        source=core.source,
        store=core.store,
        sequencer=core.sequencer,
        courier=core.courier,
        replay=_replay(core),
        health=health,
        clock=core.clock,
        events=core.events,
    )


def _commands(core: _Core, checkpoints: Checkpoints, health: Health) -> Commands:
    desk = ReviewDesk(
        world=core.world,
        store=core.store,
        source=core.source,
        sequencer=core.sequencer,
        courier=core.courier,
        vault=core.vault,
        health=health,
        clock=core.clock,
        events=core.events,
    )
    return Commands(
        world=core.world,
        store=core.store,
        desk=desk,
        sequencer=core.sequencer,
        checkpoints=checkpoints,
        clock=core.clock,
        entropy=core.entropy,
        events=core.events,
    )
