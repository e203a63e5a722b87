"""The steps of signing in, between a browser, the state's provider and the people in force.

Guarantee: a sign-in ends once, within ten minutes, in the browser that began it; whatever does not
fit opens nothing. Nothing is believed of the query but a code, and that by the provider's word.
1. `begin` draws what the sign-in is bound to and says where the browser goes.
2. `finish` takes the pending sign-in out, whatever comes of it, and compares the state.
3. The provider redeems the code and says who signed in.
4. The people in force give that person a place, and a session is opened, unless a passkey is asked
   for before it (`passkey_step`).
Source: docs/adr/0037-signing-in.md; RFC 6749, 7636 and 9207; OpenID Connect Core 1.0.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from comity.console.errors import NotAPersonError, SignInError
from comity.console.passkey_step import FinishedSignIn, PasskeyStep
from comity.console.people import People
from comity.console.returning import parse_return_to
from comity.console.sessions import SESSION_SECONDS_MAX
from comity.console.sign_in_lock import SignInLock
from comity.console.tokens import draw_token
from comity.console.under_way import UnderWay
from comity.ports import (
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
    "QUERY_CHARS_MAX",
    "BegunSignIn",
    "SigningIn",
]

CALLBACK_PATH: Final = "/sign-in/done"
"""The path below the console's own address to which the provider sends a browser back."""

QUERY_CHARS_MAX: Final = 4_096
"""What a browser may bring back in its query."""

_PARAMETERS_MAX: Final = 16
_CODE_CHARS_MAX: Final = 2_048


class BegunSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser is sent, and the value of the pending cookie that it is given."""

    url: str
    pending: str


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    terms: SignInTerms
    return_to: str


class SigningIn:
    """All sign-ins of a console."""

    def __init__(
        self,
        *,
        console_url: str,
        provider: IdentityProvider,
        passkeys: PasskeyStep,
        people: Callable[[], People],
        lock: SignInLock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        """`people` returns those in force, or raises PeopleError. `passkeys` opens sessions."""
        self._redirect_uri = f"{console_url}{CALLBACK_PATH}"
        self._provider = provider
        self._passkeys = passkeys
        self._people = people
        self._lock = lock
        self._entropy = entropy
        self._events = events
        self._under_way: UnderWay[_Begun] = UnderWay(entropy)

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
        self._lock.check(source, now_s)
        terms = SignInTerms(
            redirect_uri=self._redirect_uri,
            state=draw_token(self._entropy),
            nonce=draw_token(self._entropy),
            verifier=draw_token(self._entropy),
            max_age_s=max_age_s,
            began_at=now_s,
        )
        begun = _Begun(terms=terms, return_to=parse_return_to(return_to))
        url = await self._provider.begin(terms)
        cookie = self._under_way.begin(begun, source, now_s)
        self._events.note("sign_ins_begun")
        return BegunSignIn(url=url, pending=cookie)

    async def finish(
        self, query: str, pending: str, now_s: int, *, source: str, old_token: str = ""
    ) -> FinishedSignIn:
        """End a sign-in by the raw query that the browser brought back: open a session, or hold it
        for a passkey.

        `old_token` is the browser's session cookie, which is over then. Raises: SignInError and
        what is below it, IdentityError, ProviderDownError, PeopleError, PasskeyFileError,
        PasskeysDownError; then nothing is open.
        """
        self._lock.check(source, now_s)
        begun = self._under_way.take(pending, now_s)
        if begun is None:
            # Not a failed try: any page can send a browser here, and could lock its office out.
            self._events.note("sign_ins_unknown")
            raise SignInError("no sign-in of this browser is under way, or it took too long")
        try:
            terms = begun.value.terms
            claims = await self._provider.finish(terms, _reply(query, terms.state))
            people = self._people()
            if not people.find(claims.issuer, claims.subject):
                raise NotAPersonError("the people file gives this person no place")
        except (SignInError, IdentityError) as error:
            self._lock.refuse(error, source, now_s)
            raise
        except ProviderDownError as error:
            self._events.failure("sign_in_provider_down", error)
            raise
        return self._passkeys.admit(
            claims, people, begun.value.return_to, now_s, source=begun.source, old_token=old_token
        )


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
