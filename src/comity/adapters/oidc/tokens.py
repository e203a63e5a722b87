"""An ID token and what it must say; pure of fetching.

Guarantee: claims come out only of a token that this issuer signed for this client and this sign-in,
by a key that belongs to its algorithm, within its time.
Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 7515; RFC 8725.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from comity.adapters.oidc.discovery import ALGORITHMS
from comity.ports import Claims, IdentityError, SignInTerms

__all__ = ["ID_TOKEN_BYTES_MAX", "LEEWAY_SECONDS", "check_claims", "key_id", "verify_token"]

ID_TOKEN_BYTES_MAX: Final = 16_384
"""An ID token in its compact form."""
LEEWAY_SECONDS: Final = 60
"""How far the provider's clock and ours may be apart, in seconds."""

_AGE_SECONDS_MAX: Final = 600
"""An ID token comes at once; one that was made long ago was kept by somebody."""
_NAME_CHARS_MAX: Final = 200
_SUBJECT_CHARS_MAX: Final = 255
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256", "cty"})
"""What a header may have. Keys and addresses of keys in it (`jwk`, `jku`, `x5u`) are refused."""
_KINDS: Final[dict[str, type[RSAKey | ECKey | OKPKey]]] = {
    "RS256": RSAKey,
    "ES256": ECKey,
    "EdDSA": OKPKey,
    "Ed25519": OKPKey,
}


class _Registry(jws.JWSRegistry):
    """The algorithms of the table above and no others.

    The library's own look-up warns of `EdDSA`, whose name leaves the curve open; our keys name it.
    """

    def get_alg(self, name: str) -> Any:
        """Return an algorithm of ours. Raises: IdentityError."""
        if name not in ALGORITHMS:
            raise IdentityError("the ID token's `alg` is none that is believed here")
        return self.algorithms[name]


_REGISTRY: Final = _Registry()


class _IdToken(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: int | float
    iat: int | float
    nonce: str
    auth_time: int | float | None = None
    nbf: int | float = 0
    azp: str | None = None
    name: str | None = None


def key_id(token: str) -> str:
    """Return the `kid` of a token whose header can be believed at all. Raises: IdentityError."""
    kid = _extract(token).headers()["kid"]
    assert isinstance(kid, str)
    return kid


def verify_token(token: str, key: Key) -> bytes:
    """Return what a token says, signed by this key. Raises: IdentityError."""
    found = _extract(token)
    algorithm = found.headers()["alg"]
    # What a key is for is said by its kind: a token cannot choose.
    if not isinstance(key, _KINDS[algorithm]) or key.get("alg", algorithm) != algorithm:
        raise IdentityError("the ID token's `alg` is not that of the key with its `kid`")
    try:
        is_signed = jws.validate_compact(found, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        is_signed = False
    if not is_signed:
        raise IdentityError("the ID token's signature does not hold")
    return found.payload


def _extract(token: str) -> jws.CompactSignature:
    """Return a token in its parts, its header checked and its signature not."""
    if len(token) > ID_TOKEN_BYTES_MAX or not token.isascii():
        raise IdentityError("the ID token is too long, or no token")
    try:
        found = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
        header: object = found.headers()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise IdentityError("the ID token is not in form") from None
    if not isinstance(header, dict) or not header.keys() <= _HEADER_MEMBERS:
        raise IdentityError("the ID token's header has a member that is not believed")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise IdentityError("the ID token's `alg` is none that is believed here")
    if not isinstance(kid, str) or not kid:
        raise IdentityError("the ID token names no `kid`")
    return found


def check_claims(
    data: bytes, terms: SignInTerms, *, issuer: str, client_id: str, now_s: int
) -> Claims:
    """Return who signed in, by what a verified token says. Raises: IdentityError.

    `now_s` and all times of a token are Unix seconds.
    """
    try:
        said = msgspec.json.decode(data, type=_IdToken)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IdentityError("the ID token's claims are not in form") from None
    if said.iss != issuer:
        raise IdentityError("`iss` of the ID token is another issuer")
    audience = (said.aud,) if isinstance(said.aud, str) else said.aud
    # More than one audience would be somebody whom nobody here has heard of.
    if audience != (client_id,) or said.azp not in {None, client_id}:
        raise IdentityError("`aud` or `azp` of the ID token is not this console")
    if not hmac.compare_digest(said.nonce.encode(), terms.nonce.encode()):
        raise IdentityError("`nonce` of the ID token is not that of this sign-in")
    if not 0 < len(said.sub) <= _SUBJECT_CHARS_MAX or not _is_plain(said.sub):
        raise IdentityError("`sub` of the ID token is not 1 to 255 printable ASCII characters")
    _check_times(said, now_s)
    return Claims(
        issuer=issuer,
        subject=said.sub,
        name=(said.name or "")[:_NAME_CHARS_MAX],
        authenticated_at=min(now_s, _seen_at(said, terms, now_s)),
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _check_times(said: _IdToken, now_s: int) -> None:
    if said.exp <= now_s - LEEWAY_SECONDS:
        raise IdentityError("the ID token has expired")
    if not now_s - _AGE_SECONDS_MAX - LEEWAY_SECONDS <= said.iat <= now_s + LEEWAY_SECONDS:
        raise IdentityError("`iat` of the ID token is not of this sign-in's time")
    if said.nbf > now_s + LEEWAY_SECONDS:
        raise IdentityError("the ID token is not valid yet")


def _seen_at(said: _IdToken, terms: SignInTerms, now_s: int) -> int:
    """Return when the provider saw the person: within what was asked."""
    if said.auth_time is None:
        raise IdentityError("the ID token has no `auth_time`, though `max_age` was asked")
    since = terms.began_at - terms.max_age_s - LEEWAY_SECONDS
    if not since <= said.auth_time <= now_s + LEEWAY_SECONDS:
        raise IdentityError("`auth_time` of the ID token is not within what was asked")
    return int(said.auth_time)
