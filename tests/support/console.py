"""A state's console over a gateway on memory twins: every page, without sockets or a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from html import unescape
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import msgspec

from comity.adapters.memory.bus import MemoryBus, MemoryWire
from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.passkeys import MemoryPasskeys
from comity.adapters.memory.rule_drafts import MemoryRuleDrafts
from comity.app.paper import set_binder, set_letter, set_paper
from comity.app.rules import RULE_TOOLS
from comity.console.application import ConsoleApp
from comity.console.asking_desk import AskingDesk
from comity.console.assignments import Assignments
from comity.console.desk import Desk
from comity.console.drafts import Drafts
from comity.console.fronts import Fronts
from comity.console.handlers import console_handlers
from comity.console.kept_certificates import KeptCertificates
from comity.console.kept_hand_overs import KeptHandOvers
from comity.console.kept_lifts import KeptLifts
from comity.console.notice_book import NoticeBook, StateClauses
from comity.console.opened_cases import OpenedCases
from comity.console.pages.doors import DoorPages
from comity.console.pages.own_passkeys import OwnPasskeyPages
from comity.console.pages.passkeys import PasskeyPages
from comity.console.passkey_step import PasskeyStep
from comity.console.people import People, Person, Role
from comity.console.sessions import Sessions
from comity.console.sign_in_lock import SignInLock
from comity.console.signing_in import SigningIn
from comity.console.view import Views
from comity.directory.part import sign_part
from comity.domain.agency import DirectoryPart
from comity.domain.ids import ORI, Member
from comity.domain.passkeys import PasskeyPolicy
from comity.domain.verdict import Ed25519Proof
from comity.ports import (
    AgencyFront,
    Claims,
    DirectoryRow,
    FrontReply,
    FrontRequest,
    ProviderReply,
    SigningKeyError,
    SignInTerms,
    UnreachableError,
)
from comity.review.calendars import calendar_of
from comity.services.appeal_figures import AppealFigures
from comity.services.appeal_ledger import AppealLedger
from comity.services.decided_by import DecidedBy
from comity.services.demand_book import DemandBook
from comity.services.examining import Examiner
from comity.services.federal_feed import FederalFeed
from comity.services.leaf_counts import LeafCounts
from comity.services.notice_reader import NoticeReader
from comity.services.onward_book import OnwardBook
from comity.services.outgoing import TAKE_BACK_SECONDS, Verdicts
from comity.services.own_requests import OwnRequests
from comity.services.past_decisions import PastDecisions
from comity.services.past_figures import PastFigures
from comity.services.private_records import Records
from comity.services.review_queue import ReviewQueue
from comity.services.rule_drafting import RuleDrafting
from comity.services.rules_in_force import StateBooks
from comity.services.sending import command_subject
from comity.services.triage import Triage
from tests.support.directory import signer_of
from tests.support.exchange import (
    AUTHOR,
    AUTHOR_KEY,
    COUNSEL,
    COUNSEL_KEY,
    ENROLLED,
    PRIVATE_KEY,
    REVIEWER,
    SUPERVISOR,
    SUPERVISOR_KEY,
)
from tests.support.gateway import (
    NS,
    OR,
    SALEM,
    SEATTLE,
    TX,
    WA,
    PracticeHost,
    heard_of,
    practice_parts,
)
from tests.support.link import WEST

__all__ = [
    "ADDRESS",
    "ASKS_AS",
    "ISSUER",
    "Answered",
    "PracticeConsole",
    "console_on",
    "person_of",
    "second_reviewer",
]

ADDRESS = "http://localhost:8080"
CONFIRM_SECONDS = 86_400
ISSUER = "http://127.0.0.1:8081"
_TOKEN = re.compile(r'name="form_token" value="([^"]*)"')
_TAGS = re.compile(r"<[^>]*>")


_SIGNERS = {
    who.name: (who, key)
    for who, key in (
        (ENROLLED, PRIVATE_KEY),
        (SUPERVISOR, SUPERVISOR_KEY),
        (AUTHOR, AUTHOR_KEY),
        (COUNSEL, COUNSEL_KEY),
    )
}
_SIGNS_AS = {
    Role.REVIEWER: REVIEWER,
    Role.SUPERVISOR: SUPERVISOR.name,
    Role.AUTHOR: AUTHOR.name,
    Role.COUNSEL: COUNSEL.name,
}
ASKS_AS = "B1234"
_ASKS_FOR = {OR: SALEM, WA: SEATTLE}


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the console answered."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def body(self) -> str:
        """The answer as text."""
        return self.data.decode()

    @property
    def heading(self) -> str:
        """The sentence that the page begins with."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.body, re.DOTALL)
        assert found is not None
        return " ".join(unescape(_TAGS.sub("", found[1])).split())

    @property
    def text(self) -> str:
        """The page's words."""
        return " ".join(unescape(_TAGS.sub(" ", self.body)).split())

    @property
    def location(self) -> str:
        """Where the browser is sent."""
        return self.headers.get("location", "")


class _Nobody:
    """An identity provider that knows nobody."""

    issuer = ISSUER

    async def begin(self, terms: SignInTerms) -> str:
        return f"{ISSUER}/authorize?state={terms.state}"

    async def finish(self, terms: SignInTerms, reply: ProviderReply) -> Claims:
        raise AssertionError("nobody signs in by the provider here")


class _NoFront:
    """A front of which no line's certificate is kept."""

    def line_of(self, lines: Sequence[str]) -> str | None:
        return None

    async def ask(self, line: str, request: FrontRequest) -> FrontReply:
        raise UnreachableError("nobody listens here")


class _Keys:
    """The keys of the practice people, and under which names they are kept here."""

    def __init__(self) -> None:
        self.names = set(_SIGNERS)

    def sign(self, state: Member, name: str, message: bytes) -> Ed25519Proof:
        if name not in self.names:
            raise SigningKeyError(f"no key is kept here to sign with for `{state}`")
        # Whatever other name is kept here signs by the reviewer's key.
        who, key = _SIGNERS.get(name, _SIGNERS[REVIEWER])
        return Ed25519Proof(key_id=who.key_id, signature=key.sign(message))


class _Everyone:
    """The parts of all members, as a host keeps those that it has heard of."""

    def __init__(self, host: PracticeHost) -> None:
        self._host = host
        texas = next(part for part in practice_parts() if part.member == TX)
        self.heard = {TX: heard_of(sign_part(texas, signer_of(TX)))}

    async def directory_parts(self) -> list[DirectoryRow]:
        """The host's own members' parts, and Texas's; what was heard since takes their place."""
        own = await self._host.store.directory_parts()
        return [*(row for row in own if row.member not in self.heard), *self.heard.values()]


def person_of(role: Role, state: Member = WA) -> Person:
    """One invented person of a state with one role."""
    return Person(
        subject=f"{state}-{role}",
        name=f"Practice {role.title()}",
        state=state,
        roles=frozenset({role}),
        signs_as=_SIGNS_AS.get(role, ""),
        asks_for=_ASKS_FOR[state] if role is Role.REQUESTER else ORI(""),
        asks_as=ASKS_AS if role is Role.REQUESTER else "",
    )


def second_reviewer(state: Member = WA) -> Person:
    """Another reviewer of a state, with a key of their own."""
    first = person_of(Role.REVIEWER, state)
    return msgspec.structs.replace(
        first,
        subject=f"{state}-second",
        name="Second Reviewer",
        roles=frozenset({Role.REVIEWER, Role.SUPERVISOR}),
        signs_as=SUPERVISOR.name,
    )


class PracticeConsole:
    """The console's application, asked as a browser would."""

    def __init__(
        self,
        host: PracticeHost,
        *,
        wait_s: int = TAKE_BACK_SECONDS,
        fronts: Sequence[str] = (),
        front: AgencyFront | None = None,
        policy: PasskeyPolicy = PasskeyPolicy.OFFERED,
    ) -> None:
        self._front = front or _NoFront()
        self.host = host
        clock, entropy = host.disk.clock, SeededEntropy(b"console")
        self._clock, self._entropy = clock, entropy
        wire = MemoryWire()
        self.bus = MemoryBus(wire)
        self.gateway = MemoryBus(wire)
        persons = [person_of(role, state) for state in (OR, WA) for role in Role]
        persons += [second_reviewer(state) for state in (OR, WA)]
        self.people = People(ISSUER, persons)
        self.clauses: dict[Member, StateClauses] = {}
        self.passkeys = MemoryPasskeys()
        self.sessions = Sessions(entropy, self.passkeys.read)
        self.everyone = _Everyone(host)
        self.keys = _Keys()
        self.verdicts = Verdicts(clock=clock, events=host.events, wait_s=wait_s)
        self.drafts = MemoryRuleDrafts()
        self.examiner = Examiner(
            tools=RULE_TOOLS, store=host.store, ledger=host.store, bus=self.bus,
            host=WEST.name, events=host.events,
        )  # fmt: skip
        self.desk = self._made_desk()
        self.app = self._made_app(policy, fronts)

    def _made_app(self, policy: PasskeyPolicy, fronts: Sequence[str]) -> ConsoleApp:
        host, clock, entropy = self.host, self._clock, self._entropy
        views = Views(identities={}, is_practice=True)
        lock = SignInLock(host.events)
        self.step = PasskeyStep(
            console_url=ADDRESS,
            policy=policy,
            book=self.passkeys,
            sessions=self.sessions,
            people=lambda: self.people,
            lock=lock,
            entropy=entropy,
            events=host.events,
        )
        signing_in = SigningIn(
            console_url=ADDRESS,
            provider=_Nobody(),
            passkeys=self.step,
            people=lambda: self.people,
            lock=lock,
            entropy=entropy,
            events=host.events,
        )
        doors = DoorPages(
            console_url=ADDRESS,
            signing_in=signing_in,
            sessions=self.sessions,
            people=lambda: self.people,
            views=views,
            opened=self.desk.opened,
        )
        return ConsoleApp(
            console_url=ADDRESS,
            handlers=console_handlers(
                self.desk,
                views,
                doors,
                PasskeyPages(console_url=ADDRESS, step=self.step, views=views, doors=doors),
                OwnPasskeyPages(
                    book=self.passkeys,
                    people=lambda: self.people,
                    views=views,
                    entropy=SeededEntropy(b"invitations"),
                    events=host.events,
                ),
            ),
            sessions=self.sessions,
            people=lambda: self.people,
            views=views,
            fronts=Fronts(map(ip_network, fronts)),
            clock=clock,
            events=host.events,
        )

    def _made_desk(self) -> Desk:
        host, clock = self.host, self._clock
        past = PastDecisions(store=host.store, rows=host.store, now=lambda: clock.now_ns() / NS)
        return Desk(
            store=host.store,
            bus=self.bus,
            host=WEST.name,
            keys=self.keys,
            people=lambda: self.people,
            queue=ReviewQueue(store=host.store, vault=host.vault, events=host.events),
            triage=Triage(store=host.store, vault=host.vault, events=host.events),
            books=StateBooks(
                own=host.store,
                everyone=self.everyone,  # type: ignore[arg-type]
                trust=host.root,
                national={},
                now=lambda: clock.now_ns() / NS,
            ),
            verdicts=self.verdicts,
            past=past,
            assignments=Assignments(),
            decided=DecidedBy(past, Records(host.store, host.vault)),
            federal=FederalFeed(store=host.store, rows=host.store, now=lambda: clock.now_ns() / NS),
            onward=OnwardBook(store=host.store, rows=host.store, vault=host.vault),
            figures=PastFigures(store=host.store, rows=host.store, vault=host.vault),
            appeals=AppealFigures(
                ledger=AppealLedger(
                    store=host.store, rows=host.store, vault=host.vault, calendars=calendar_of
                ),
                records=Records(host.store, host.vault),
                now=self.now,
            ),
            opened=OpenedCases(),
            notices=NoticeBook(
                reader=NoticeReader(store=host.store, rows=host.store, vault=host.vault),
                clauses=self.clauses.get,
                set_letter=set_letter,
                is_practice=True,
            ),
            clock=clock,
            ledger=host.store,
            records=Records(host.store, host.vault),
            certificates=KeptCertificates(),
            lifts=KeptLifts(),
            demands=DemandBook(host.store, host.vault),
            hand_overs=KeptHandOvers(),
            calendars=calendar_of,
            asking=AskingDesk(
                front=self._front,
                own=OwnRequests(store=host.store, vault=host.vault, events=host.events),
                drafts=Drafts(SeededEntropy(b"drafts")),
            ),
            press=set_paper,
            bind=set_binder,
            drafting=RuleDrafting(self.drafts),
            examiner=self.examiner,
            counts=LeafCounts(store=host.store, rows=host.store, now=lambda: clock.now_ns() / NS),
            confirm_seconds=CONFIRM_SECONDS,
            rosters=host.disk.rosters.of,
            events=host.events,
        )

    def now(self) -> int:
        """The time of the console and the gateway, in Unix seconds."""
        return self._clock.now_ns() // NS

    def hear(self, *parts: DirectoryPart) -> None:
        """Have members' new parts in the directory that pages are made from, a moment later."""
        for part in parts:
            self.everyone.heard[part.member] = heard_of(sign_part(part, signer_of(part.member)))
        self._clock.advance_ns(6 * NS)

    def without_key(self, role: Role) -> None:
        """Let nobody of a role have a name to sign by."""
        persons = [
            msgspec.structs.replace(p, signs_as="") if role in p.roles else p
            for p in self.people.persons
        ]
        self.people = People(ISSUER, persons)

    def sign_in(self, person: Person) -> str:
        """Open a session for a person; return its token."""
        claims = Claims(
            issuer=ISSUER,
            subject=person.subject,
            name=person.name,
            authenticated_at=self.now(),
        )
        return self.sessions.open(claims, self.people, self.now())

    async def get(self, path: str, token: str = "", **headers: str) -> Answered:
        """Ask for a page."""
        return await self.ask("GET", path, token, headers=headers)

    async def post(
        self, path: str, fields: Mapping[str, Any], token: str = "", **headers: str
    ) -> Answered:
        """Send a form as the browser does from a page of this session."""
        form_token = self.form_token(token)
        whole = {"form_token": form_token, **fields} if form_token else dict(fields)
        body = urlencode(whole, doseq=True).encode()
        own = {
            "content-type": "application/x-www-form-urlencoded",
            "sec-fetch-site": "same-origin",
            "origin": ADDRESS,
        }
        return await self.ask("POST", path, token, body=body, headers={**own, **headers})

    def form_token(self, token: str) -> str:
        """What the forms of a session repeat."""
        found = self.sessions.find(token, self.people, self.now()) if token else None
        return found.session.form_token if found is not None else ""

    async def ask(
        self,
        method: str,
        path: str,
        token: str = "",
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Make one request; a header given as empty is left out."""
        raw, _, query = path.partition("?")
        sent = {"host": ADDRESS.removeprefix("http://"), **(headers or {})}
        if token:
            sent.setdefault("cookie", f"comity={token}")
        scope = {
            "type": "http",
            "method": method,
            "path": raw,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").lower().encode(), value.encode())
                for name, value in sent.items()
                if value
            ],
            "client": ("127.0.0.1", 4000),
        }
        told: list[dict[str, Any]] = []

        to_come: list[dict[str, Any]] = [
            {"type": "http.disconnect"},
            {"type": "http.request", "body": body, "more_body": False},
        ]

        async def receive() -> dict[str, Any]:
            return to_come.pop() if len(to_come) > 1 else to_come[0]

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        start, *parts = told
        return Answered(
            status=start["status"],
            headers={name.decode(): value.decode("latin-1") for name, value in start["headers"]},
            data=b"".join(part["body"] for part in parts),
        )


@asynccontextmanager
async def console_on(host: PracticeHost, **more: Any) -> AsyncIterator[PracticeConsole]:
    """A console whose commands reach a running gateway."""
    console = PracticeConsole(host, **more)
    await console.gateway.listen(command_subject(WEST.name), host.commands.take)
    try:
        yield console
    finally:
        await console.verdicts.close()
        await console.examiner.close()
