"""The ASGI application of the console: every request against the route table, then its page.

    1. the address is this console's, and not too long
    2. the path and the method are listed
    3. what changes anything came from a page of ours
    4. who asks is signed in, in a state, with a role of the route
    5. the page

Guarantee: no page's code runs before 4; every failure is a page with its code.
INVARIANT (fail-closed): while the people in force, or the passkey of a session, cannot be read,
nobody is signed in.
Source: docs/adr/0036-console.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from comity.console.cookies import pending_cookie, session_cookie
from comity.console.errors import PeopleError
from comity.console.fronts import Fronts
from comity.console.people import People
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to, headers_of
from comity.console.routes import Found, Name, Who, find_route, methods_of, url_of
from comity.console.sessions import Sessions, SignedIn
from comity.console.view import Views
from comity.console.visits import Fields, Visit, parse_fields, read_form
from comity.domain.errors import ComityError
from comity.domain.passkeys import PasskeyFileError
from comity.domain.web import is_loopback
from comity.link.errors import GatewaySilentError
from comity.ports import (
    Clock,
    PasskeysDownError,
    SigningKeyError,
    StoreDownError,
    UnreachableError,
)
from comity.services.events import Events

__all__ = ["ADDRESS_BYTES_MAX", "WAY_BACK_BYTES_MAX", "ConsoleApp", "Handler"]

ADDRESS_BYTES_MAX: Final = 2_048
"""Of a path and its query together."""
WAY_BACK_BYTES_MAX: Final = 6_144
"""Of the one that the identity provider sends a browser back to: its code may be long."""
_NS: Final = 1_000_000_000
_ONCE: Final = (b"host", b"cookie", b"origin", b"sec-fetch-site", b"content-type")
"""Headers by which a request is let in or turned away."""
_UNTOKENED: Final = frozenset({Name.SIGN_OUT})
"""Forms that repeat no token: the worst that a forged one does is to end a session."""

_RECORDED: Final = frozenset(
    (
        Name.CASE,
        Name.CONSIDER,
        Name.SAME_CASE,
        Name.CONSIDER_SAME_CASE,
        Name.NOTICES,
        Name.NOTICE,
        Name.RELEASE,
        Name.CLAIM,
        Name.APPEAL,
        Name.PASS,
        Name.NEW_INSTRUMENT,
        Name.INSTRUMENT,
    )
)
"""Pages whose opening is a leaf under the name of who opens them."""

_NO_LOOKS: Final = frozenset({Name.FEED_STREAM})
"""Routes by which no session goes on."""

Handler = Callable[[Visit], Awaitable[Reply]]


class ConsoleApp:
    """Serves the route table."""

    def __init__(
        self,
        *,
        console_url: str,
        handlers: Mapping[Name, Handler],
        sessions: Sessions,
        people: Callable[[], People],
        views: Views,
        fronts: Fronts,
        clock: Clock,
        events: Events,
    ) -> None:
        """`people` returns those in force, or raises PeopleError."""
        assert set(handlers) == set(Name)
        self._origin = console_url
        self._host = urlsplit(console_url).netloc.encode("ascii")
        self._is_tls = not is_loopback(console_url)
        self._session_name = session_cookie(console_url).name
        self._pending_name = pending_cookie(console_url).name
        self._handlers = handlers
        self._sessions = sessions
        self._people = people
        self._views = views
        self._fronts = fronts
        self._clock = clock
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http"
        reply = await self._reply(scope, receive)
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": headers_of(reply, is_tls=self._is_tls),
            }
        )
        if reply.stream is None or scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": body})
        else:
            await self._go_on(reply.stream(), receive, send)

    async def _go_on(
        self, parts: AsyncGenerator[bytes, None], receive: Receive, send: Send
    ) -> None:
        """Send a body part by part, until it ends or nobody is there any more."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while (part := await _next(parts, gone)) is not None:
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except Exception as error:  # noqa: BLE001 - its status is out: it can only end
            self._events.failure("console_page_failed", error)
        finally:
            gone.cancel()
            await parts.aclose()

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        signed_in: SignedIn | None = None
        try:
            headers = _headers(scope)
            found = self._found(scope, headers)
            visit = self._visit(scope, headers, found)
            signed_in = visit.signed_in
            if scope["method"] == "POST":
                _check_origin(headers, self._origin)
                visit = replace(visit, form=await read_form(headers, receive))
                self._check_token(found, visit)
            if found.route.name in _RECORDED and _is_from_elsewhere(headers):
                # Another site's link must not write under a person's name what that person saw.
                return go_to(url_of(Name.HOME))
            turned_away = _turned_away(found, visit)
            if turned_away is not None:
                return turned_away
            return await self._handlers[found.route.name](visit)
        except ProblemError as error:
            self._events.note("console_pages_refused")
            reply = self._views.problem(error, signed_in, self._now())
            if error.problem is not Problem.METHOD:
                return reply
            return replace(reply, allow=methods_of(scope["raw_path"].decode("ascii", "replace")))
        except SigningKeyError as error:
            self._events.failure("console_page_failed", error)
            return self._views.problem(ProblemError(Problem.NO_KEY), signed_in, self._now())
        except (StoreDownError, UnreachableError, GatewaySilentError) as error:
            self._events.failure("console_not_now", error)
            return self._views.problem(ProblemError(Problem.BUSY), signed_in, self._now())
        except ComityError as error:
            self._events.failure("console_page_failed", error)
            return self._views.problem(ProblemError(Problem.FAULT), signed_in, self._now())
        except Exception as error:  # noqa: BLE001 - one request must not end the console
            self._events.failure("console_page_failed", error)
            return self._views.problem(ProblemError(Problem.FAULT), signed_in, self._now())

    def _found(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Found:
        """Return the route of a request. Raises: ProblemError."""
        # The path as it was sent: another spelling of a page is none.
        raw = scope["raw_path"]
        path = raw.decode("ascii", "replace")
        found = find_route(scope["method"], path)
        is_way_back = found is not None and found.route.name is Name.FINISH_SIGN_IN
        longest = WAY_BACK_BYTES_MAX if is_way_back else ADDRESS_BYTES_MAX
        if len(raw) + len(scope["query_string"]) > longest:
            raise ProblemError(Problem.URI_TOO_LONG)
        is_asked_of_us = headers.get(b"host", b"") == self._host
        if not is_asked_of_us and (found is None or found.route.name is not Name.HEALTH):
            raise ProblemError(Problem.WRONG_HOST)
        if found is None:
            raise ProblemError(Problem.METHOD if methods_of(path) else Problem.NO_SUCH_PAGE)
        return found

    def _visit(self, scope: Scope, headers: Mapping[bytes, bytes], found: Found) -> Visit:
        cookies = _cookies(headers.get(b"cookie", b""))
        token = cookies.get(self._session_name, "")
        now = self._now()
        query = scope["query_string"].decode("latin-1")
        peer = scope["client"][0] if scope["client"] else ""
        return Visit(
            path=scope["raw_path"].decode("ascii"),
            query_text=query,
            # The way back from the identity provider is read by the sign-in, by its own rules.
            query=Fields() if found.route.name is Name.FINISH_SIGN_IN else parse_fields(query),
            form=Fields(),
            values=found.values,
            token=token,
            pending=cookies.get(self._pending_name, ""),
            source=self._fronts.source_of(peer, scope["headers"]),
            now=now,
            signed_in=self._signed_in(token, now, found) if token else None,
        )

    def _signed_in(self, token: str, now: int, found: Found) -> SignedIn | None:
        # A browser that follows by itself, and comes back by itself, is nobody who looks.
        is_look = found.route.name not in _NO_LOOKS
        look = self._sessions.find if is_look else self._sessions.still
        try:
            return look(token, self._people(), now)
        except (PeopleError, PasskeyFileError, PasskeysDownError):
            return None

    def _check_token(self, found: Found, visit: Visit) -> None:
        if found.route.name in _UNTOKENED or visit.signed_in is None:
            return
        if not visit.signed_in.session.has_form_token(visit.form.one("form_token")):
            raise ProblemError(Problem.FROM_ELSEWHERE)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _next(parts: AsyncGenerator[bytes, None], gone: asyncio.Task[None]) -> bytes | None:
    """Return the next part; None at the end, or as soon as nobody is there."""
    step = asyncio.ensure_future(anext(parts, None))
    try:
        await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
        return None if gone.done() else await step
    finally:
        step.cancel()
        # Whatever it ended with is nobody's any more.
        await asyncio.gather(step, return_exceptions=True)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers of a request. Raises: ProblemError if one that counts stands twice."""
    found = dict(scope["headers"])
    if len(found) != len(scope["headers"]):
        names = [name for name, _ in scope["headers"]]
        # Whoever stands in front may have gone by the other one.
        if any(names.count(name) > 1 for name in _ONCE):
            raise ProblemError(Problem.MALFORMED, "a header stands twice")
    return found


def _turned_away(found: Found, visit: Visit) -> Reply | None:
    """Return where a browser goes first that may not see a page yet. Raises: ProblemError."""
    route, signed_in = found.route, visit.signed_in
    if route.who is Who.EVERYONE:
        return None
    if signed_in is None and route.method == "POST":
        # Who pressed a button has to know that nothing came of it.
        is_sent = route.name is not Name.SIGN_OUT
        return go_to(f"{url_of(Name.SIGN_IN)}{'?unsent=yes' if is_sent else ''}")
    if signed_in is None:
        back = f"{visit.path}?{visit.query_text}" if visit.query_text else visit.path
        return go_to(f"{url_of(Name.SIGN_IN)}?return_to={quote(back, safe='/')}")
    if route.who is Who.SIGNED_IN:
        return None
    if signed_in.person is None:
        return go_to(url_of(Name.PLACES))
    if not signed_in.person.has_any(*route.roles):
        raise ProblemError(Problem.NOT_YOURS)
    return None


def _is_from_elsewhere(headers: Mapping[bytes, bytes]) -> bool:
    """Say whether a browser came by another site's link; by hand or by a bookmark is none."""
    return headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")


def _check_origin(headers: Mapping[bytes, bytes], origin: str) -> None:
    """Refuse what another site's page sent. Raises: ProblemError."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        is_own = site == b"same-origin"
    else:
        is_own = headers.get(b"origin", b"") == origin.encode("ascii")
    if not is_own:
        raise ProblemError(Problem.FROM_ELSEWHERE)


def _cookies(header: bytes) -> dict[str, str]:
    """Return cookies by name; of one that stands twice the first, as servers agree."""
    found: dict[str, str] = {}
    for part in header.decode("latin-1").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            found.setdefault(name, value)
    return found
