"""One identity provider, spoken to by OpenID Connect's authorization code flow with PKCE.

Guarantee: a code is sent to the token endpoint of the configured issuer alone, with the verifier
that only this host has; claims come of a verified token (`tokens`). Discovery and keys are kept for
an hour; keys are fetched again for an unknown `kid`, once a minute at most. After a failure neither
is asked for in the next five seconds, so that who waits behind it does not wait in turn.
Source: docs/adr/0037-signing-in.md; OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207.
"""

from __future__ import annotations

import asyncio
import base64
from hashlib import sha256
from typing import Final
from urllib.parse import quote_plus, urlencode

import msgspec
from joserfc.jwk import Key

from comity.adapters.oidc.discovery import Discovery, parse_discovery, parse_keys
from comity.adapters.oidc.fetching import PROVIDER_SECONDS_MAX, Fetched, Fetcher
from comity.adapters.oidc.tokens import check_claims, key_id, verify_token
from comity.domain.web import parse_web_address
from comity.ports import (
    Claims,
    Clock,
    IdentityError,
    ProviderDownError,
    ProviderReply,
    SignInTerms,
)

__all__ = ["OidcProvider", "OidcTerms"]

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_DISCOVERY_SECONDS: Final = 3_600
_KEYS_SECONDS: Final = 60
_REST_SECONDS: Final = 5
_SCOPE: Final = "openid profile"
_BASIC: Final = "client_secret_basic"
_POST: Final = "client_secret_post"
_OK: Final = 200
_REFUSED: Final = 400
_NS: Final = 1_000_000_000


class OidcTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How this console is known to its provider; no secret: as a public client.

    `seconds_max` is how long one request may take.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    seconds_max: float = PROVIDER_SECONDS_MAX


class _TokenReply(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str
    token_type: str


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    error: str


class OidcProvider:
    """Signs people in by one issuer. Times are of the clock, in Unix seconds.

    `_lock` keeps fetches of discovery and keys one at a time, so that many sign-ins ask once.
    """

    def __init__(self, terms: OidcTerms, clock: Clock) -> None:
        """Take terms whose issuer is an address. Raises: MalformedError."""
        parse_web_address(terms.issuer, "issuer")
        self._terms = terms
        self._clock = clock
        self._fetcher = Fetcher(terms.seconds_max)
        self._lock = asyncio.Lock()
        self._discovery: Discovery | None = None
        self._discovered_at = 0
        self._keys: dict[str, Key] = {}
        self._keys_at: int | None = None
        self._failed_at: int | None = None

    @property
    def issuer(self) -> str:
        """Return the provider's lasting name."""
        return self._terms.issuer

    async def begin(self, terms: SignInTerms) -> str:
        """Return where the person's browser is sent. Raises: ProviderDownError, IdentityError."""
        found = await self._discover()
        challenge = sha256(terms.verifier.encode("ascii")).digest()
        parameters = {
            "response_type": "code",
            "client_id": self._terms.client_id,
            "redirect_uri": terms.redirect_uri,
            "scope": _SCOPE,
            "state": terms.state,
            "nonce": terms.nonce,
            "max_age": str(terms.max_age_s),
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{found.authorization_endpoint}?{urlencode(parameters)}"

    async def finish(self, terms: SignInTerms, reply: ProviderReply) -> Claims:
        """Return who signed in. Raises: IdentityError, ProviderDownError."""
        found = await self._discover()
        # The code of another provider must not go anywhere: not even to ours.
        is_named = bool(reply.issuer) or found.authorization_response_iss_parameter_supported
        if is_named and reply.issuer != self._terms.issuer:
            raise IdentityError("`iss` of the reply is not the provider that was asked")
        token = await self._redeem(found, terms, reply.code)
        key = await self._key(found, key_id(token))
        return check_claims(
            verify_token(token, key),
            terms,
            issuer=self._terms.issuer,
            client_id=self._terms.client_id,
            now_s=self._now_s(),
        )

    async def close(self) -> None:
        """End the connections."""
        await self._fetcher.close()

    def _now_s(self) -> int:
        return self._clock.now_ns() // _NS

    async def _discover(self) -> Discovery:
        async with self._lock:
            age_s = self._now_s() - self._discovered_at
            if self._discovery is None or not 0 <= age_s < _DISCOVERY_SECONDS:
                url = self._terms.issuer.rstrip("/") + _DISCOVERY_PATH
                self._discovery = parse_discovery(await self._get(url), self._terms.issuer)
                self._discovered_at = self._now_s()
            return self._discovery

    async def _key(self, found: Discovery, kid: str) -> Key:
        """Return the key that a token names; one that is not known is looked for once a minute."""
        async with self._lock:
            if self._are_keys_due(kid):
                data = await self._get(found.jwks_uri)
                # Set first: a set that cannot be read is not asked for oftener either.
                self._keys_at, self._keys = self._now_s(), {}
                self._keys = parse_keys(data)
            key = self._keys.get(kid)
        if key is None:
            raise IdentityError("no key of the provider has the ID token's `kid`")
        return key

    def _are_keys_due(self, kid: str) -> bool:
        """Say whether to fetch keys: what was taken back must not be believed for ever either."""
        if self._keys_at is None:
            return True
        age_s = self._now_s() - self._keys_at
        kept_s = _DISCOVERY_SECONDS if kid in self._keys else _KEYS_SECONDS
        return not 0 <= age_s < kept_s

    async def _redeem(self, found: Discovery, terms: SignInTerms, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": terms.redirect_uri,
            "client_id": self._terms.client_id,
            "code_verifier": terms.verifier,
        }
        headers = {}
        if self._terms.client_secret:
            if _BASIC in found.token_endpoint_auth_methods_supported:
                headers["Authorization"] = self._basic()
            elif _POST in found.token_endpoint_auth_methods_supported:
                form["client_secret"] = self._terms.client_secret
            else:
                raise IdentityError("the provider takes this console's secret in no known way")
        reply = await self._fetcher.fetch(found.token_endpoint, form, headers)
        _check_redeemed(reply)
        try:
            given = msgspec.json.decode(reply.body, type=_TokenReply)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise IdentityError("the provider's token reply is not in form") from None
        if given.token_type.lower() != "bearer":
            raise IdentityError("`token_type` of the provider's token reply is not `Bearer`")
        return given.id_token

    def _basic(self) -> str:
        """Return the client's name and secret as RFC 6749, 2.3.1 has them."""
        pair = f"{quote_plus(self._terms.client_id)}:{quote_plus(self._terms.client_secret)}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    async def _get(self, url: str) -> bytes:
        """Return what is at an address, unless the last such request has just failed."""
        since = None if self._failed_at is None else self._now_s() - self._failed_at
        if since is not None and 0 <= since < _REST_SECONDS:
            raise ProviderDownError("the identity provider did not answer a moment ago")
        try:
            reply = await self._fetcher.fetch(url)
            if reply.status != _OK:
                raise _failed(reply.status)
        except ProviderDownError:
            self._failed_at = self._now_s()
            raise
        self._failed_at = None
        return reply.body


def _failed(status: int) -> ProviderDownError:
    return ProviderDownError(f"the identity provider answered with status {status}")


def _check_redeemed(reply: Fetched) -> None:
    """Tell a code that is refused, which is the sign-in's fault, from a provider that fails."""
    if reply.status == _OK:
        return
    try:
        said = msgspec.json.decode(reply.body, type=_Refusal).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        said = ""
    if reply.status == _REFUSED and said == "invalid_grant":
        raise IdentityError("the identity provider does not know the code, or not any more")
    raise _failed(reply.status)
