"""The steps of signing in, between a browser, the state's provider and the people in force.

Guarantee: a sign-in ends once, within ten minutes, in the browser that began it; whatever does not
fit opens nothing. Nothing is believed of the query but a code, and that by the provider's word.
1. `begin` draws what the sign-in is bound to and says where the browser goes.
2. `finish` takes the pending sign-in out, whatever comes of it, and compares the state.
3. The provider redeems the code and says who signed in.
4. The people in force give that person a place, and a session is opened.
Source: docs/adr/0037-signing-in.md; RFC 6749, 7636 and 9207; OpenID Connect Core 1.0.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from comity.console.errors import NotAPersonError, SignInError, SignInLockedError
from comity.console.people import People
from comity.console.returning import parse_return_to
from comity.console.sessions import SESSION_SECONDS_MAX, Sessions
from comity.console.tokens import draw_token, token_hash
from comity.console.tries import FailedTries
from comity.ports import (
    Claims,
    Entropy,
    IdentityError,
    IdentityProvider,
    ProviderDownError,
    ProviderReply,
    SignInTerms,
)
from comity.services.events import Events

__all__ = [
    "CALLBACK_PATH",
    "PENDING_MAX",
    "PENDING_OF_SOURCE_MAX",
    "PENDING_SECONDS_MAX",
    "QUERY_CHARS_MAX",
    "BegunSignIn",
    "FinishedSignIn",
    "SigningIn",
]

CALLBACK_PATH: Final = "/sign-in/done"
"""The path below the console's own address to which the provider sends a browser back."""

PENDING_MAX: Final = 1_024
"""Sign-ins under way; the oldest goes."""
PENDING_OF_SOURCE_MAX: Final = 32
"""Of these, from one source; its oldest goes."""
PENDING_SECONDS_MAX: Final = 600
"""How long a sign-in may be under way."""
QUERY_CHARS_MAX: Final = 4_096
"""What a browser may bring back in its query."""

_PARAMETERS_MAX: Final = 16
_CODE_CHARS_MAX: Final = 2_048


class BegunSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser is sent, and the value of the pending cookie that it is given."""

    url: str
    pending: str


class FinishedSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """The session's token, and the path that the browser asked to return to."""

    token: str
    return_to: str


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    terms: SignInTerms
    return_to: str
    source: str

    def is_over(self, now_s: int) -> bool:
        """Say whether it took too long, or began in a future that a clock has left."""
        return not 0 <= now_s - self.terms.began_at < PENDING_SECONDS_MAX


class SigningIn:
    """All sign-ins of a console. `_pending` is in the order in which they were begun."""

    def __init__(
        self,
        *,
        console_url: str,
        provider: IdentityProvider,
        sessions: Sessions,
        people: Callable[[], People],
        entropy: Entropy,
        events: Events,
    ) -> None:
        """`people` returns those in force, or raises PeopleError."""
        self._redirect_uri = f"{console_url}{CALLBACK_PATH}"
        self._provider = provider
        self._sessions = sessions
        self._people = people
        self._entropy = entropy
        self._events = events
        self._tries = FailedTries()
        self._pending: dict[bytes, _Pending] = {}

    @property
    def redirect_uri(self) -> str:
        """Return the one address to which the provider may send a browser back."""
        return self._redirect_uri

    async def begin(
        self, return_to: str, now_s: int, *, source: str, max_age_s: int = SESSION_SECONDS_MAX
    ) -> BegunSignIn:
        """Begin a sign-in for a browser; `max_age_s` 0 asks that the person confirm it anew.

        Raises: ReturnToError, SignInLockedError, ProviderDownError, IdentityError.
        """
        self._check_locked(source, now_s)
        terms = SignInTerms(
            redirect_uri=self._redirect_uri,
            state=draw_token(self._entropy),
            nonce=draw_token(self._entropy),
            verifier=draw_token(self._entropy),
            max_age_s=max_age_s,
            began_at=now_s,
        )
        begun = _Pending(terms=terms, return_to=parse_return_to(return_to), source=source)
        url = await self._provider.begin(terms)
        cookie = draw_token(self._entropy)
        self._make_room(source, now_s)
        self._pending[token_hash(cookie)] = begun
        self._events.note("sign_ins_begun")
        return BegunSignIn(url=url, pending=cookie)

    async def finish(
        self, query: str, pending: str, now_s: int, *, source: str, old_token: str = ""
    ) -> FinishedSignIn:
        """End a sign-in by the raw query that the browser brought back, and open a session.

        `old_token` is the browser's session cookie, which is over then. Raises: SignInError and
        what is below it, IdentityError, ProviderDownError, PeopleError; then nothing is open.
        """
        self._check_locked(source, now_s)
        begun = self._pending.pop(token_hash(pending), None)
        if begun is None or begun.is_over(now_s):
            # Not a failed try: any page can send a browser here, and could lock its office out.
            self._events.note("sign_ins_unknown")
            raise SignInError("no sign-in of this browser is under way, or it took too long")
        try:
            claims = await self._provider.finish(begun.terms, _reply(query, begun.terms.state))
            people = self._people()
            if not people.find(claims.issuer, claims.subject):
                raise NotAPersonError("the people file gives this person no place")
        except (SignInError, IdentityError) as error:
            self._refuse(error, source, now_s)
            raise
        except ProviderDownError as error:
            self._events.failure("sign_in_provider_down", error)
            raise
        return self._open(claims, people, begun, now_s, old_token=old_token)

    def _open(
        self, claims: Claims, people: People, begun: _Pending, now_s: int, *, old_token: str
    ) -> FinishedSignIn:
        self._tries.forget(begun.source)
        token = self._sessions.open(claims, people, now_s, old_token=old_token)
        self._events.note("signed_in")
        return FinishedSignIn(token=token, return_to=begun.return_to)

    def _check_locked(self, source: str, now_s: int) -> None:
        if self._tries.is_locked(source, now_s):
            self._events.note("sign_ins_locked_out")
            raise SignInLockedError("too many tries failed: wait a quarter of an hour")

    def _refuse(self, error: SignInError | IdentityError, source: str, now_s: int) -> None:
        self._events.failure("sign_in_refused", error)
        if self._tries.failed(source, now_s):
            self._events.alarm("sign_in_locked")

    def _make_room(self, source: str, now_s: int) -> None:
        """Drop what took too long, and the oldest where there would be too many."""
        self._pending = {
            key: pending for key, pending in self._pending.items() if not pending.is_over(now_s)
        }
        own = [key for key, pending in self._pending.items() if pending.source == source]
        for key in own[: max(0, len(own) - PENDING_OF_SOURCE_MAX + 1)]:
            del self._pending[key]
        for key in list(self._pending)[: max(0, len(self._pending) - PENDING_MAX + 1)]:
            del self._pending[key]


def _reply(query: str, state: str) -> ProviderReply:
    """Return what came back. Raises: SignInError, also if the provider itself refused."""
    found = _parameters(query)
    # The state comes first: what does not answer this sign-in is not looked at any further.
    if not hmac.compare_digest(found.get("state", "").encode("utf-8", "replace"), state.encode()):
        raise SignInError("`state` is not that of this sign-in")
    if "error" in found:
        raise SignInError("the identity provider refused the sign-in")
    code = found.get("code", "")
    if not 0 < len(code) <= _CODE_CHARS_MAX or not code.isascii() or not code.isprintable():
        raise SignInError("`code` is missing or has not its form")
    return ProviderReply(code=code, issuer=found.get("iss", ""))


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query that names each once. Raises: SignInError."""
    if len(query) > QUERY_CHARS_MAX:
        raise SignInError("the query is too long")
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError:
        raise SignInError("the query cannot be read") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SignInError("the query names a parameter twice")
    return found
