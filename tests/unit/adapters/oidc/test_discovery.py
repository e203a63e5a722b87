"""What a provider says of itself, and its keys."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from comity.adapters.oidc.discovery import PROVIDER_KEYS_MAX, parse_discovery, parse_keys
from comity.ports import IdentityError

ISSUER = "https://id.invalid"
SAID: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "scopes_supported": ["openid"],
}


def parse(changes: dict[str, Any], issuer: str = ISSUER) -> str:
    """Where a document that says this lets people sign in."""
    said = {name: value for name, value in (SAID | changes).items() if value is not None}
    return parse_discovery(msgspec.json.encode(said), issuer).authorization_endpoint


def test_document_of_the_issuer_is_believed() -> None:
    """A document with members that are not ours is read; the optional ones have their defaults."""
    assert parse({}) == f"{ISSUER}/authorize"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.invalid"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.invalid/token"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"jwks_uri": "file:///etc/keys"},
        {"jwks_uri": "//id.invalid/jwks"},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@id.invalid/authorize"},
        {"authorization_endpoint": "https://id.invalid/authorize#x"},
        {"authorization_endpoint": "https://id.invalid:99999/authorize"},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
)
def test_document_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    """Another issuer, an endpoint in the clear or none at all, or too little that it can do."""
    with pytest.raises(IdentityError):
        parse(changes)


def test_clear_endpoints_are_for_this_machine() -> None:
    """A provider on this machine may be spoken to in the clear, with endpoints here."""
    here = "http://127.0.0.1:9"
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    changes = {"issuer": here} | dict.fromkeys(names, f"{here}/x")
    assert parse(changes, here) == f"{here}/x"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"null", b'{"keys":7}'])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    """A document or key set that cannot be read is refused, and nothing crashes."""
    with pytest.raises(IdentityError):
        parse_discovery(data, ISSUER)
    with pytest.raises(IdentityError):
        parse_keys(data)


def row(key: Any, kid: str, **changes: Any) -> dict[str, Any]:
    """A key as it is published, under a name."""
    return {**key.as_dict(private=False), "kid": kid, **changes}


def keys_of(*rows: Any) -> list[str]:
    """The names of the keys that are taken out of a set."""
    return list(parse_keys(msgspec.json.encode({"keys": rows})))


def test_keys_of_our_kinds_are_taken() -> None:
    """RSA from 2,048 bits, P-256 and Ed25519 are taken; what else is published is passed over."""
    ec = ECKey.generate_key("P-256")
    found = keys_of(
        row(ec, "ec"),
        row(OKPKey.generate_key("Ed25519"), "ed", use="sig"),
        row(RSAKey.generate_key(2048), "rsa"),
        row(ec, "for sealing", use="enc"),
        row(ECKey.generate_key("P-384"), "p384"),
        row(OKPKey.generate_key("X25519"), "x"),
        {"kty": "RSA", "kid": "short", "n": "AQAB" * 43, "e": "AQAB"},
        {"kty": "RSA", "kid": "long", "n": "_" * 4_000, "e": "AQAB"},
        {"kty": "RSA", "kid": "broken", "n": 7, "e": "AQAB"},
        {**OctKey.generate_key(256).as_dict(private=True), "kid": "secret"},
        {**ec.as_dict(private=True), "kid": "private"},
        {**row(ec, "off curve"), "x": "AAAA"},
        {"kty": "new", "kid": "new"},
        {"kid": "nothing"},
        row(ec, ""),
        row(ec, 7),  # type: ignore[arg-type]
        row(ec, "k" * 257),
    )
    assert found == ["ec", "ed", "rsa"]


def test_two_keys_of_one_name_are_refused() -> None:
    """A set in which one `kid` names two keys is refused whole, of whatever kinds they are."""
    ec = row(ECKey.generate_key("P-256"), "k1")
    with pytest.raises(IdentityError, match="kid"):
        keys_of(ec, row(ECKey.generate_key("P-384"), "k1"))


def test_set_has_so_many_keys_and_no_more() -> None:
    """As many keys as the limit are read, one more is refused."""
    rows = [{"kty": "new", "kid": str(n)} for n in range(PROVIDER_KEYS_MAX + 1)]
    assert keys_of(*rows[1:]) == []
    with pytest.raises(IdentityError, match="keys"):
        keys_of(*rows)
