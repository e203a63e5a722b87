"""What an identity provider says of itself, and its keys; both pure of fetching.

Guarantee: a document of another issuer, an endpoint in the clear, or a provider that could not do
what every sign-in asks, is refused; a key that is not of a kind we use is not there.
Source: OpenID Connect Discovery 1.0, 3 and 4.3; RFC 8414; RFC 7517.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from comity.domain.errors import MalformedError
from comity.domain.web import is_loopback, parse_web_address
from comity.ports import IdentityError

__all__ = ["ALGORITHMS", "PROVIDER_KEYS_MAX", "Discovery", "parse_discovery", "parse_keys"]

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
"""Signatures that are believed: none with a shared secret, and never `none`."""
PROVIDER_KEYS_MAX: Final = 64
"""Keys of an identity provider's set."""

_RSA_BITS_MIN: Final = 2_048
_RSA_BITS_MAX: Final = 8_192
_KID_CHARS_MAX: Final = 256


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """A discovery document's members that matter here; it may have others."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    response_types_supported: tuple[str, ...] = ("code",)
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(msgspec.Struct, frozen=True, kw_only=True):
    keys: tuple[dict[str, Any], ...]


def parse_discovery(data: bytes, issuer: str) -> Discovery:
    """Return the document of this very issuer. Raises: IdentityError."""
    try:
        found = msgspec.json.decode(data, type=Discovery)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IdentityError("the provider's discovery document is not in form") from None
    if found.issuer != issuer:
        raise IdentityError("`issuer` of the discovery document is not the one that was asked")
    for field in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        _check_endpoint(getattr(found, field), field, issuer)
    if "code" not in found.response_types_supported:
        raise IdentityError("`response_types_supported` of the provider has no `code`")
    if "S256" not in found.code_challenge_methods_supported:
        raise IdentityError("`code_challenge_methods_supported` of the provider has no `S256`")
    if ALGORITHMS.isdisjoint(found.id_token_signing_alg_values_supported):
        raise IdentityError("the provider signs with no algorithm that is believed here")
    return found


def _check_endpoint(address: str, field: str, issuer: str) -> None:
    try:
        parse_web_address(address, field)
    except MalformedError as error:
        raise IdentityError(str(error)) from None
    if is_loopback(address) and not is_loopback(issuer):
        raise IdentityError(f"`{field}` is http, and the provider is not on this machine")


def parse_keys(data: bytes) -> dict[str, Key]:
    """Return a set's keys by `kid`; of a kind, use or size that is not ours, none.

    Raises: IdentityError if the set is not in form, or two of its keys have one `kid`.
    """
    try:
        listed = msgspec.json.decode(data, type=_KeySet).keys
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IdentityError("the provider's key set is not in form") from None
    if len(listed) > PROVIDER_KEYS_MAX:
        raise IdentityError(f"the provider's key set has over {PROVIDER_KEYS_MAX} keys")
    found: dict[str, Key] = {}
    seen: set[str] = set()
    for row in listed:
        kid = row.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= _KID_CHARS_MAX:
            continue
        if kid in seen:
            raise IdentityError("two keys of the provider's set have one `kid`")
        seen.add(kid)
        key = _parse_key(row)
        if key is not None:
            found[kid] = key
    return found


def _parse_key(row: dict[str, Any]) -> Key | None:
    """Return a public key for signatures, or None for what is none of ours."""
    if row.get("use", "sig") != "sig" or "d" in row:
        return None
    try:
        match row.get("kty"), row.get("crv"):
            case "RSA", None:
                rsa = RSAKey.import_key(row) if _is_rsa(row) else None
                return rsa if rsa is not None and _is_sized(rsa.public_key) else None
            case "EC", "P-256":
                return ECKey.import_key(row)
            case "OKP", "Ed25519":
                return OKPKey.import_key(row)
            case _:
                return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _is_rsa(row: dict[str, Any]) -> bool:
    """Say whether a modulus is neither too short nor so long that a check would take its time."""
    modulus = row.get("n")
    return isinstance(modulus, str) and (_RSA_BITS_MIN <= len(modulus) * 6 <= _RSA_BITS_MAX + 12)


def _is_sized(key: RSAPublicKey) -> bool:
    return _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX
