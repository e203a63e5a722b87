"""Identity providers for tests: the practice one, served for real, and one that obeys."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
from joserfc import jws
from joserfc.jwk import ECKey, Key
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comity.adapters.memory.clock import ManualClock, SeededEntropy
from comity.adapters.oidc import OidcProvider, OidcTerms
from comity.adapters.oidc.fetching import PROVIDER_SECONDS_MAX
from comity.console.people import Person, Role
from comity.domain.ids import Member
from comity.front.http.plain import PlainServer
from comity.ports import ProviderReply, SignInTerms
from comity.practice.sign_in import PracticeSignIn
from comity.services.events import Events
from tests.support.line import MemoryLog

NOW = 1_795_700_000
CLIENT = "comity-console"
CONSOLE = "http://127.0.0.1:8443"
REDIRECT = f"{CONSOLE}/sign-in/done"
WA, OR = Member("wa"), Member("or")


def manual_clock() -> ManualClock:
    return ManualClock(NOW * 1_000_000_000)


def seconds(count: int) -> int:
    """So many seconds as a clock counts them."""
    return count * 1_000_000_000


def terms_of(seed: str = "one", **changes: Any) -> SignInTerms:
    """What a sign-in is bound to, another for each seed."""

    def token(name: str) -> str:
        digest = sha256(f"{seed}/{name}".encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    terms = SignInTerms(
        redirect_uri=REDIRECT,
        state=token("state"),
        nonce=token("nonce"),
        verifier=token("verifier"),
        max_age_s=43_200,
        began_at=NOW,
    )
    return msgspec.structs.replace(terms, **changes)


def person(subject: str = "ana", state: Member = WA, **changes: Any) -> Person:
    """A reviewer of a state, or another as told."""
    given = {"name": "Ana Velarzora", "roles": frozenset({Role.REVIEWER}), "signs_as": "reviewer"}
    return Person(subject=subject, state=state, **(given | changes))


def reply_of(back: str) -> ProviderReply:
    """What a browser brings back, as a port takes it."""
    found = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    return ProviderReply(code=found["code"], issuer=found.get("iss", ""))


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an application on a free port by our own front."""
    server = PlainServer(app, Events(MemoryLog()))
    port = await server.listen("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.close()


class _Late:
    """An application that is known only once its port is."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@asynccontextmanager
async def practice_provider(
    people: Sequence[Person], clock: ManualClock, redirect_uri: str = REDIRECT
) -> AsyncIterator[tuple[str, OidcProvider]]:
    """The practice provider at a free port, and the client that speaks to it."""
    late = _Late()
    async with serving(late) as port:
        issuer = f"http://127.0.0.1:{port}"
        late.app = PracticeSignIn(
            issuer=issuer,
            client_id=CLIENT,
            redirect_uri=redirect_uri,
            people=people,
            clock=clock,
            entropy=SeededEntropy(b"practice provider"),
            is_practice=True,
        ).app
        client = OidcProvider(OidcTerms(issuer=issuer, client_id=CLIENT), clock)
        try:
            yield issuer, client
        finally:
            await client.close()


async def sent(
    browser: aiohttp.ClientSession, url: str, form: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """What an address answers: its status, where it sends the browser, and its text."""
    method = "GET" if form is None else "POST"
    async with browser.request(method, url, data=form, allow_redirects=False) as reply:
        return reply.status, reply.headers.get("Location", ""), await reply.text()


async def press(url: str, subject: str) -> str:
    """Press somebody's button on the page at an address; return where the browser goes back to."""
    async with aiohttp.ClientSession() as browser:
        status, _, page = await sent(browser, url)
        found = re.search(r'name="request" value="([0-9a-f]+)"', page)
        assert found is not None, (status, page)
        form = {"request": found[1], "subject": subject}
        post = urlsplit(url)._replace(query="").geturl()
        status, back, page = await sent(browser, post, form)
        assert status == 303, page
        return back


class ToldProvider:
    """A provider that says what a test tells it to; `asked` are the paths that it was asked.

    `discovery`, `claims` and `header` change what is said; `replies` replaces a path's reply whole.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.key: Key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.published: list[Mapping[str, Any]] | None = None
        self.discovery: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.token: str | None = None
        self.replies: dict[str, Response] = {}
        self.slow: str = ""
        self.is_over = asyncio.Event()
        self.asked: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.authorization: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        self.asked.append(path)
        if path == self.slow:
            await self.is_over.wait()
        reply = self.replies.get(path) or await self._reply(request, path)
        await reply(scope, receive, send)

    async def _reply(self, request: Request, path: str) -> Response:
        if path == "/.well-known/openid-configuration":
            said: dict[str, Any] = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            }
            return as_json(said | self.discovery)
        if path == "/jwks":
            keys = self.published
            return as_json({"keys": [self.key.as_dict(private=False)] if keys is None else keys})
        assert path == "/token"
        self.forms.append(parse_qs((await request.body()).decode()))
        self.authorization.append(request.headers.get("authorization", ""))
        token = signed(self.key, self.said(), self.header) if self.token is None else self.token
        return as_json({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def said(self, terms: SignInTerms | None = None) -> dict[str, Any]:
        """The claims of a token for this sign-in."""
        bound = terms_of() if terms is None else terms
        claims = {
            "iss": self.issuer,
            "sub": "ana",
            "aud": CLIENT,
            "iat": NOW,
            "exp": NOW + 300,
            "auth_time": NOW - 10,
            "nonce": bound.nonce,
            "name": "Ana Velarzora",
        }
        changed = claims | self.claims
        return {name: value for name, value in changed.items() if value is not None}


def as_json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def signed(key: Key, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """A token of these claims, whatever they are."""
    full = {"alg": "ES256", "kid": "k1"} | dict(header or {})
    return jws.serialize_compact(full, msgspec.json.encode(claims), key, [full["alg"]])


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token in its parts, with any header and any signature."""
    parts = (msgspec.json.encode(header), msgspec.json.encode(claims), signature)
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)


@asynccontextmanager
async def told_provider(
    clock: ManualClock, *, secret: str = "", seconds_max: float = PROVIDER_SECONDS_MAX
) -> AsyncIterator[tuple[ToldProvider, OidcProvider]]:
    """A provider that does as it is told, and the client that speaks to it."""
    told = ToldProvider()
    async with serving(told) as port:
        told.issuer = f"http://127.0.0.1:{port}"
        terms = OidcTerms(
            issuer=told.issuer, client_id=CLIENT, client_secret=secret, seconds_max=seconds_max
        )
        client = OidcProvider(terms, clock)
        try:
            yield told, client
        finally:
            told.is_over.set()
            await client.close()


@asynccontextmanager
async def another(told: ToldProvider, clock: ManualClock) -> AsyncIterator[OidcProvider]:
    """A client that has not asked this provider yet."""
    client = OidcProvider(OidcTerms(issuer=told.issuer, client_id=CLIENT), clock)
    try:
        yield client
    finally:
        await client.close()
