"""An identity provider for practice: OpenID Connect as a state's own speaks it, without passwords.

Guarantee: it refuses to be made where data are real. Codes are for one client and one address, work
once and for 60 seconds, and need the verifier of whoever began. Its key is made at its start.
Source: OpenID Connect Core 1.0; RFC 6749; RFC 7636; docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from joserfc import jws
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from comity.console.people import Person
from comity.ports import Clock, Entropy
from comity.practice.sign_in_page import page_policy, refusal_page, sign_in_page
from comity.roles.errors import SetupError

__all__ = [
    "CODES_MAX",
    "CODE_SECONDS_MAX",
    "FORM_BYTES_MAX",
    "PracticeOnlyError",
    "PracticeSignIn",
]

CODES_MAX: Final = 1_024
"""Requests that wait for a button, and codes that wait to be redeemed; the oldest goes."""
CODE_SECONDS_MAX: Final = 60
"""How long a code can be redeemed."""
FORM_BYTES_MAX: Final = 16_384
"""A form that is posted to the practice provider."""

_PAGE_SECONDS: Final = 600
_TOKEN_SECONDS: Final = 300
_ALGORITHM: Final = "ES256"
_CHALLENGE_CHARS: Final = 43
_TEXT_CHARS_MAX: Final = 512
_NS: Final = 1_000_000_000
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class PracticeOnlyError(SetupError):
    """A part that is for practice alone was asked for where data are real."""

    code = "practice-only"


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked for, and once a button was pressed who signed in. `at_s`: Unix seconds.

    The person signs in anew each time, so that every `max_age` is met.
    """

    state: str
    nonce: str
    challenge: str
    at_s: int
    person: Person | None = None


class _Kept:
    """Values under random names, each taken once and within its time."""

    def __init__(self, entropy: Entropy, seconds: int) -> None:
        self._entropy = entropy
        self._seconds = seconds
        self._values: dict[str, _Asked] = {}

    def put(self, value: _Asked) -> str:
        """Keep a value; return its name."""
        name = self._entropy.token(32).hex()
        self._values[name] = value
        if len(self._values) > CODES_MAX:
            del self._values[next(iter(self._values))]
        return name

    def take(self, name: str, now_s: int) -> _Asked | None:
        """Return a value for the first and last time, or None."""
        value = self._values.pop(name, None)
        return value if value is not None and 0 <= now_s - value.at_s < self._seconds else None


class PracticeSignIn:
    """The provider of one client. `app` is served at `issuer`."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        redirect_uri: str,
        people: Sequence[Person],
        clock: Clock,
        entropy: Entropy,
        is_practice: bool,
    ) -> None:
        """Make the provider and its key. Raises: PracticeOnlyError."""
        if not is_practice:
            raise PracticeOnlyError("`COMITY_IS_PRACTICE` is false: name your own `oidc_issuer`")
        self._issuer = issuer
        self._client_id = client_id
        self._redirect_uri = redirect_uri
        self._people = {person.subject: person for person in people}
        self._shown = tuple(people)
        self._clock = clock
        self._pages = _Kept(entropy, _PAGE_SECONDS)
        self._codes = _Kept(entropy, CODE_SECONDS_MAX)
        kid = entropy.token(8).hex()
        self._key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": _ALGORITHM})
        self._entropy = entropy
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery, methods=["GET"]),
                Route("/jwks", self._jwks, methods=["GET"]),
                Route("/authorize", self._show, methods=["GET"]),
                Route("/authorize", self._press, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, _: Request) -> Response:
        return _json(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "jwks_uri": f"{self._issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _jwks(self, _: Request) -> Response:
        return _json({"keys": [self._key.as_dict(private=False)]})

    async def _show(self, request: Request) -> Response:
        """Show the buttons, for a request that is this client's own."""
        asked = request.query_params
        wanted = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "code_challenge_method": "S256",
        }
        texts = [asked.get(name, "") for name in ("state", "nonce", "code_challenge")]
        is_ours = (
            len(asked.multi_items()) == len(asked)
            and all(asked.get(name) == value for name, value in wanted.items())
            and "openid" in asked.get("scope", "").split()
            and all(0 < len(text) <= _TEXT_CHARS_MAX for text in texts)
            and len(texts[2]) == _CHALLENGE_CHARS
        )
        if not is_ours:
            # Nothing is sent back: an address that is not the client's own may be anybody's.
            return self._page(refusal_page("This is no request of the practice console."), 400)
        state, nonce, challenge = texts
        value = _Asked(state=state, nonce=nonce, challenge=challenge, at_s=self._now_s())
        return self._page(sign_in_page(self._shown, self._pages.put(value)), 200)

    async def _press(self, request: Request) -> Response:
        """Send the browser back with a code for the person whose button was pressed."""
        form = await _form(request)
        person = self._people.get(form.get("subject", ""))
        asked = self._pages.take(form.get("request", ""), self._now_s())
        if person is None or asked is None:
            return self._page(refusal_page("This page was used already, or is too old."), 400)
        code = self._codes.put(msgspec.structs.replace(asked, person=person, at_s=self._now_s()))
        back = urlencode({"code": code, "state": asked.state, "iss": self._issuer})
        return RedirectResponse(f"{self._redirect_uri}?{back}", 303, _HEADERS)

    async def _token(self, request: Request) -> Response:
        """Give an ID token for a code, once."""
        form = await _form(request)
        if form.get("grant_type") != "authorization_code":
            return _json({"error": "unsupported_grant_type"}, 400)
        if form.get("client_id") != self._client_id:
            return _json({"error": "invalid_client"}, 401)
        asked = self._codes.take(form.get("code", ""), self._now_s())
        challenge = _challenge(form.get("code_verifier", ""))
        if (
            asked is None
            or asked.person is None
            or form.get("redirect_uri") != self._redirect_uri
            or not hmac.compare_digest(challenge.encode(), asked.challenge.encode())
        ):
            return _json({"error": "invalid_grant"}, 400)
        return _json(
            {
                "access_token": self._entropy.token(32).hex(),
                "token_type": "Bearer",
                "expires_in": _TOKEN_SECONDS,
                "id_token": self._sign(asked, asked.person),
            }
        )

    def _sign(self, asked: _Asked, person: Person) -> str:
        now_s = self._now_s()
        claims = {
            "iss": self._issuer,
            "sub": person.subject,
            "aud": self._client_id,
            "iat": now_s,
            "exp": now_s + _TOKEN_SECONDS,
            "auth_time": asked.at_s,
            "nonce": asked.nonce,
            "name": person.name,
        }
        header = {"alg": _ALGORITHM, "kid": str(self._key.kid), "typ": "JWT"}
        return jws.serialize_compact(header, msgspec.json.encode(claims), self._key, [_ALGORITHM])

    def _page(self, text: str, status: int) -> Response:
        policy = {"Content-Security-Policy": page_policy(self._redirect_uri)}
        return HTMLResponse(text, status, {**_HEADERS, **policy})

    def _now_s(self) -> int:
        return self._clock.now_ns() // _NS


def _json(value: dict[str, object], status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, _HEADERS, "application/json")


async def _form(request: Request) -> dict[str, str]:
    """Return a posted form; empty where it is too long, no form, or names a field twice."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            return {}
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16
        )
    except ValueError:
        return {}
    found = dict(pairs)
    return found if len(found) == len(pairs) else {}


def _challenge(verifier: str) -> str:
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
