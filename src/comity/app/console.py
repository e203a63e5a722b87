"""The state's console joined: its pages, who may see them, and what they read and send."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from comity.adapters.agency_front import HttpAgencyFront
from comity.adapters.nats import NatsBus
from comity.adapters.oidc import OidcProvider, OidcTerms, read_client_secret
from comity.adapters.passkey_file import FilePasskeys
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.rule_drafts import FileRuleDrafts
from comity.adapters.system import SystemClock, SystemEntropy
from comity.app.events import make_events
from comity.app.keyring import open_keyring
from comity.app.own_rosters import OwnRosters
from comity.app.paper import set_binder, set_letter, set_paper
from comity.app.public import sealed_rows
from comity.app.rules import RULE_TOOLS
from comity.app.state_files import calendars_of, own_file
from comity.console.application import WAY_BACK_BYTES_MAX, ConsoleApp
from comity.console.asking_desk import AskingDesk
from comity.console.assets import check_assets
from comity.console.assignments import Assignments
from comity.console.desk import Desk
from comity.console.drafts import Drafts
from comity.console.errors import PasskeyAddressError
from comity.console.fronts import Fronts
from comity.console.handlers import console_handlers
from comity.console.identity import Identity, read_identity
from comity.console.kept_certificates import KeptCertificates
from comity.console.kept_hand_overs import KeptHandOvers
from comity.console.kept_lifts import KeptLifts
from comity.console.notice_book import NoticeBook, StateClauses
from comity.console.opened_cases import OpenedCases
from comity.console.pages.doors import DoorPages
from comity.console.pages.own_passkeys import OwnPasskeyPages
from comity.console.pages.passkeys import PasskeyPages
from comity.console.passkey_checks import rp_id_of
from comity.console.passkey_step import PasskeyStep
from comity.console.people import People
from comity.console.people_file import PeopleFile
from comity.console.sessions import Sessions
from comity.console.sign_in_lock import SignInLock
from comity.console.signing_in import CALLBACK_PATH, SigningIn
from comity.console.view import Views
from comity.domain.ids import MEMBERS, Member
from comity.domain.passkeys import PasskeyPolicy
from comity.front.http.plain import PlainServer
from comity.front.http.protocol import CONNECTIONS_MAX, HttpRoom
from comity.ports import LedgerRows, UnreachableError
from comity.practice.sign_in import PracticeSignIn
from comity.review.delays import house_limits, parse_delay_limits
from comity.review.notices import parse_notices, practice_notices
from comity.roles.certificates import SERVER_NAME, client_context, tls_files
from comity.roles.errors import NotRunningError
from comity.roles.host_files import HostFiles
from comity.roles.machine import LOOPBACK, free_port
from comity.roles.runtime import DatabaseRole, bus_access, database_url, load_runtime
from comity.roles.settings import Settings
from comity.roles.signing import ReviewerKeys
from comity.services.appeal_figures import AppealFigures
from comity.services.appeal_ledger import AppealLedger
from comity.services.decided_by import DecidedBy
from comity.services.demand_book import DemandBook
from comity.services.events import Events
from comity.services.examining import Examiner
from comity.services.federal_feed import FederalFeed
from comity.services.leaf_counts import LeafCounts
from comity.services.notice_reader import NoticeReader
from comity.services.onward_book import OnwardBook
from comity.services.outgoing import Verdicts
from comity.services.own_requests import OwnRequests
from comity.services.past_decisions import PastDecisions
from comity.services.past_figures import PastFigures
from comity.services.private_records import Records
from comity.services.review_queue import ReviewQueue
from comity.services.rule_drafting import RuleDrafting
from comity.services.rules_in_force import StateBooks
from comity.services.sealed_rows import SealedRows
from comity.services.triage import Triage
from comity.services.vault import Vault

__all__ = ["open_console", "open_passkeys", "passkey_policy", "people_path"]

_LOCAL_NAME: Final = "localhost"
"""This machine by name: no passkey can be bound to an address."""
_COMMAND_USER: Final = "command"
_IDENTITIES: Final = "identity"
_DRAFTS: Final = "drafts"
_PASSKEYS: Final = "passkeys.json"
ONWARD_LEAVES_MAX: Final = 500_000
"""How many leaves back from its end a ledger is read for onward transfers."""


@asynccontextmanager
async def open_console(settings: Settings) -> AsyncIterator[int]:
    """Run this installation's console; yield its port.

    Raises: AssetChangedError, IdentityError, HostFilesError, UnreachableError, PasskeyAddressError.
    """
    check_assets()
    events = make_events("console")
    port = settings.console_port or free_port()
    url = settings.console_url or f"http://{_LOCAL_NAME}:{port}"
    policy = passkey_policy(settings, url)
    people = PeopleFile(people_path(settings), _issuer(settings), events)
    async with AsyncExitStack() as stack:

        def current() -> People:
            return people.current(time.monotonic())

        desk = await _open_desk(settings, current, events, stack)
        passkeys = open_passkeys(settings)
        sessions, lock = Sessions(SystemEntropy(), passkeys.read), SignInLock(events)
        step = PasskeyStep(
            console_url=url, policy=policy, book=passkeys, sessions=sessions, people=current,
            lock=lock, entropy=SystemEntropy(), events=events,
        )  # fmt: skip
        provider = OidcProvider(_terms(settings), SystemClock())
        stack.push_async_callback(provider.close)
        signing_in = SigningIn(
            console_url=url,
            provider=provider,
            passkeys=step,
            people=current,
            lock=lock,
            entropy=SystemEntropy(),
            events=events,
        )
        views = Views(identities=_identities(settings), is_practice=settings.is_practice)
        doors = DoorPages(
            console_url=url,
            signing_in=signing_in,
            sessions=sessions,
            people=current,
            views=views,
            opened=desk.opened,
        )
        second = PasskeyPages(console_url=url, step=step, views=views, doors=doors)
        own = OwnPasskeyPages(
            book=passkeys, people=current, views=views, entropy=SystemEntropy(), events=events
        )
        app = ConsoleApp(
            console_url=url,
            handlers=console_handlers(desk, views, doors, second, own),
            sessions=sessions,
            people=current,
            views=views,
            fronts=Fronts(settings.console_fronts),
            clock=SystemClock(),
            events=events,
        )
        if settings.oidc_issuer is None:
            await _serve_practice_sign_in(settings, url, current(), events, stack)
        room = HttpRoom(connections=CONNECTIONS_MAX, target_bytes=WAY_BACK_BYTES_MAX)
        server = PlainServer(app, events, room=room)
        await server.listen(settings.console_bind, port)
        stack.push_async_callback(server.close)
        events.note("console_ready", port=port)
        yield port


def people_path(settings: Settings) -> Path:
    """Return where the people file is."""
    return settings.console_people_file or settings.data_dir / "people.toml"


def open_passkeys(settings: Settings) -> FilePasskeys:
    """Return the book of passkeys of this installation's console."""
    beside = people_path(settings).with_name(_PASSKEYS)
    return FilePasskeys(settings.console_passkeys_file or beside)


def passkey_policy(settings: Settings, url: str) -> PasskeyPolicy:
    """Return what is asked for beside the provider's word. Raises: PasskeyAddressError."""
    unset = PasskeyPolicy.OFFERED if settings.is_practice else PasskeyPolicy.REQUIRED
    policy = settings.console_passkeys or unset
    if policy is PasskeyPolicy.REQUIRED and not rp_id_of(url):
        # Nobody could ever sign in: better said now than to each of them.
        raise PasskeyAddressError(
            "`COMITY_CONSOLE_URL` is an IP address, and passkeys are required: give it a name"
        )
    return policy


async def _open_desk(
    settings: Settings, people: Callable[[], People], events: Events, stack: AsyncExitStack
) -> Desk:
    files = HostFiles(settings.data_dir)
    url = database_url(settings, DatabaseRole.READER)
    own = await PostgresStore.open(url, members=list(files.ledger_keys()))
    stack.push_async_callback(own.close)
    everyone = await PostgresStore.open(url, members=MEMBERS)
    stack.push_async_callback(everyone.close)
    bus = await NatsBus.connect(bus_access(settings, _COMMAND_USER).options, events)
    stack.push_async_callback(bus.close)
    verdicts = Verdicts(clock=SystemClock(), events=events)
    # Before the bus goes: what is leaving has to arrive.
    stack.push_async_callback(verdicts.close)
    entropy = SystemEntropy()
    vault = Vault(open_keyring(settings, entropy), entropy)
    ledger = sealed_rows(settings, own, events)
    past = PastDecisions(store=own, rows=ledger, now=time.monotonic)
    records = Records(own, vault, ledger)
    examiner = _examiner((own, ledger), bus, files, events)
    stack.push_async_callback(examiner.close)
    return Desk(
        store=own,
        bus=bus,
        host=files.host_name(),
        keys=ReviewerKeys(files),
        people=people,
        queue=ReviewQueue(store=own, vault=vault, events=events),
        triage=Triage(store=own, vault=vault, events=events),
        books=_books(own, everyone, files),
        verdicts=verdicts,
        past=past,
        assignments=Assignments(),
        decided=DecidedBy(past, records),
        federal=FederalFeed(store=own, rows=ledger, now=time.monotonic),
        onward=OnwardBook(store=own, rows=ledger, vault=vault, back_max=ONWARD_LEAVES_MAX),
        figures=PastFigures(store=own, rows=ledger, vault=vault),
        appeals=_appeals(settings, own, (ledger, vault, records)),
        opened=OpenedCases(),
        notices=NoticeBook(
            reader=NoticeReader(store=own, rows=ledger, vault=vault),
            clauses=_clauses(settings).get,
            set_letter=set_letter,
            is_practice=settings.is_practice,
        ),
        clock=SystemClock(),
        ledger=ledger,
        records=records,
        certificates=KeptCertificates(),
        lifts=KeptLifts(),
        demands=DemandBook(own, vault),
        hand_overs=KeptHandOvers(),
        calendars=calendars_of(settings),
        asking=AskingDesk(
            front=_front(settings),
            own=OwnRequests(store=own, vault=vault, events=events),
            drafts=Drafts(entropy),
        ),
        press=set_paper,
        bind=set_binder,
        drafting=RuleDrafting(FileRuleDrafts(settings.data_dir / _DRAFTS)),
        examiner=examiner,
        counts=LeafCounts(store=own, rows=ledger, now=time.monotonic),
        confirm_seconds=settings.confirm_seconds_max,
        rosters=OwnRosters(settings, events).roster,
        events=events,
    )


def _examiner(
    rows: tuple[PostgresStore, SealedRows], bus: NatsBus, files: HostFiles, events: Events
) -> Examiner:
    store, ledger = rows
    return Examiner(
        tools=RULE_TOOLS,
        store=store,
        ledger=ledger,
        bus=bus,
        host=files.host_name(),
        events=events,
    )


def _appeals(
    settings: Settings, own: PostgresStore, read_by: tuple[LedgerRows, Vault, Records]
) -> AppealFigures:
    """Return what became of appeals, as this host's ledgers say."""
    rows, vault, records = read_by
    calendars = calendars_of(settings)
    return AppealFigures(
        ledger=AppealLedger(store=own, rows=rows, vault=vault, calendars=calendars),
        records=records,
        now=lambda: int(time.time()),
    )


def _books(own: PostgresStore, everyone: PostgresStore, files: HostFiles) -> StateBooks:
    """Return rules and directory, as this host's own rows and everyone's say."""
    return StateBooks(
        own=own,
        everyone=everyone,
        trust=files.trust_root(),
        national=files.national_rules(),
        now=time.monotonic,
    )


def _front(settings: Settings) -> HttpAgencyFront:
    """Return the gateway's front on this machine, spoken to with the certificates kept here."""

    def address() -> str:
        if settings.http_port:
            return f"{LOOPBACK}:{settings.http_port}"
        try:
            return load_runtime(settings.data_dir).addresses["http"]
        except (NotRunningError, KeyError):
            raise UnreachableError("no gateway has said where agencies connect") from None

    def context_of(line: str) -> ssl.SSLContext | None:
        files = tls_files(settings.data_dir / "tls", line)
        return client_context(files) if files.identity.is_file() else None

    return HttpAgencyFront(address=address, server_name=SERVER_NAME, context_of=context_of)


def _issuer(settings: Settings) -> str:
    return settings.oidc_issuer or f"http://{LOOPBACK}:{settings.sign_in_port}"


def _terms(settings: Settings) -> OidcTerms:
    secret = ""
    if settings.oidc_client_secret_file is not None:
        secret = read_client_secret(settings.oidc_client_secret_file)
    return OidcTerms(
        issuer=_issuer(settings), client_id=settings.oidc_client_id, client_secret=secret
    )


async def _serve_practice_sign_in(
    settings: Settings, url: str, people: People, events: Events, stack: AsyncExitStack
) -> None:
    """Let people of practice sign in by a button. Raises: PracticeOnlyError."""
    practice = PracticeSignIn(
        issuer=_issuer(settings),
        client_id=settings.oidc_client_id,
        redirect_uri=f"{url}{CALLBACK_PATH}",
        people=people.persons,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        is_practice=settings.is_practice,
    )
    server = PlainServer(practice.app, events)
    await server.listen(LOOPBACK, settings.sign_in_port)
    stack.push_async_callback(server.close)


def _clauses(settings: Settings) -> dict[Member, StateClauses]:
    """Return what each state's own files say of notices: `notices/il.toml`, `calendars/il.toml` and
    `delays/il.toml` below the data directory; in a practice network the practice adoptions stand in
    the place of the first.

    Raises: NoticesFileError, CalendarError, DelayLimitsError.
    """
    found = {}
    calendars = calendars_of(settings)
    for member in HostFiles(settings.data_dir).ledger_keys():
        calendar, limits = calendars(member), house_limits()
        if (own := own_file(settings, "delays", member)) is not None:
            limits = parse_delay_limits(own)
        if (own := own_file(settings, "notices", member)) is not None:
            found[member] = (parse_notices(member, own, limits, calendar), calendar)
        elif settings.is_practice:
            found[member] = (practice_notices(member, limits, calendar), calendar)
    return found


def _identities(settings: Settings) -> dict[Member, Identity]:
    """Return the identities of the states that have set one, `identity/wa.toml` and so on."""
    folder = settings.data_dir / _IDENTITIES
    return {
        member: read_identity(path, member)
        for member in MEMBERS
        if (path := folder / f"{member}.toml").is_file()
    }
