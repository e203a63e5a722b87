"""ID tokens: who signed them, by which key and algorithm, for whom, and when."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from comity.adapters.oidc.tokens import (
    ID_TOKEN_BYTES_MAX,
    LEEWAY_SECONDS,
    check_claims,
    key_id,
    verify_token,
)
from comity.ports import Claims, IdentityError
from tests.support.identity import CLIENT, NOW, signed, terms_of, unsigned

ISSUER = "https://id.invalid"
EC = ECKey.generate_key("P-256", {"kid": "k1"})
ED = OKPKey.generate_key("Ed25519", {"kid": "k1"})
RSA = RSAKey.generate_key(2048, {"kid": "k1"})
SAID = {
    "iss": ISSUER,
    "sub": "ana",
    "aud": CLIENT,
    "iat": NOW,
    "exp": NOW + 300,
    "auth_time": NOW - 10,
    "nonce": terms_of().nonce,
}


def public(key: Key) -> Key:
    """The half of a key that a provider publishes."""
    return type(key).import_key(key.as_dict(private=False))


def check(changes: dict[str, Any], now_s: int = NOW, max_age_s: int = 43_200) -> Claims:
    """The claims of a token that says this; what is None is left out."""
    said = {name: value for name, value in (SAID | changes).items() if value is not None}
    return check_claims(
        msgspec.json.encode(said),
        terms_of(max_age_s=max_age_s),
        issuer=ISSUER,
        client_id=CLIENT,
        now_s=now_s,
    )


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (EC, {"alg": "ES256"}),
        (RSA, {"alg": "RS256"}),
        (RSA, {"alg": "RS256", "typ": "JWT", "x5t": "abc"}),
    ],
)
def test_signature_that_holds_is_believed(key: Key, header: dict[str, Any]) -> None:
    """A token by a key of its algorithm's kind gives what it says."""
    token = signed(key, SAID, header)
    assert key_id(token) == "k1"
    assert msgspec.json.decode(verify_token(token, public(key))) == SAID


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_both_names_of_ed25519_are_believed(algorithm: str) -> None:
    """Ed25519 has an old name and its own (RFC 9864); both are by the same key."""
    head = unsigned({"alg": algorithm, "kid": "k1"}, SAID).rpartition(".")[0]
    native = ED.private_key
    assert isinstance(native, Ed25519PrivateKey)
    signature = native.sign(head.encode())
    token = f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert msgspec.json.decode(verify_token(token, public(ED))) == SAID


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "k1"},
        {"alg": "None", "kid": "k1"},
        {"alg": "", "kid": "k1"},
        {"alg": "HS256", "kid": "k1"},
        {"alg": "RS512", "kid": "k1"},
        {"alg": "PS256", "kid": "k1"},
        {"alg": "ES256K", "kid": "k1"},
        {"alg": ["ES256"], "kid": "k1"},
        {"alg": None, "kid": "k1"},
        {"kid": "k1"},
        {"alg": "ES256"},
        {"alg": "ES256", "kid": ""},
        {"alg": "ES256", "kid": 7},
        {"alg": "ES256", "kid": "k1", "crit": ["exp"]},
        {"alg": "ES256", "kid": "k1", "b64": False, "crit": ["b64"]},
        {"alg": "ES256", "kid": "k1", "jku": "https://other.invalid/jwks"},
        {"alg": "ES256", "kid": "k1", "x5u": "https://other.invalid/x5u"},
        {"alg": "ES256", "kid": "k1", "jwk": EC.as_dict(private=False)},
        ["alg"],
        "alg",
    ],
)
@pytest.mark.parametrize("signature", [b"", b"\x00" * 64])
def test_header_that_chooses_for_itself_is_refused(header: Any, signature: bytes) -> None:
    """No algorithm but ours, no key or critical member out of the header, and never `none`."""
    token = unsigned(header, SAID, signature)
    with pytest.raises(IdentityError):
        key_id(token)
    for key in (EC, RSA, ED):
        with pytest.raises(IdentityError):
            verify_token(token, public(key))


def test_public_key_is_no_shared_secret() -> None:
    """A token by HMAC under the bytes of a published key is refused, for each of its spellings."""
    for pem in (RSA.as_pem(private=False), RSA.as_der(private=False)):
        head = unsigned({"alg": "HS256", "kid": "k1"}, SAID).rpartition(".")[0]
        mac = hmac.new(pem, head.encode(), sha256).digest()
        token = f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        with pytest.raises(IdentityError):
            verify_token(token, public(RSA))


@pytest.mark.parametrize(
    ("key", "header", "other"),
    [(EC, {"alg": "ES256"}, RSA), (RSA, {"alg": "RS256"}, EC), (EC, {"alg": "ES256"}, ED)],
)
def test_key_of_another_kind_is_refused(key: Key, header: dict[str, Any], other: Key) -> None:
    """The key that has the token's `kid` must be of the kind of its algorithm."""
    with pytest.raises(IdentityError, match="`alg`"):
        verify_token(signed(key, SAID, header), public(other))


def test_key_for_another_algorithm_is_refused() -> None:
    """A key that is published for one algorithm checks no other's signatures."""
    row = RSA.as_dict(private=False) | {"alg": "RS512"}
    with pytest.raises(IdentityError, match="`alg`"):
        verify_token(signed(RSA, SAID, {"alg": "RS256"}), RSAKey.import_key(row))


def test_other_key_or_changed_bytes_do_not_hold() -> None:
    """A token by another key of the kind, or with any part changed, is refused."""
    token = signed(EC, SAID)
    other = ECKey.generate_key("P-256", {"kid": "k1"})
    with pytest.raises(IdentityError, match="signature"):
        verify_token(token, public(other))
    head, body, signature = token.split(".")
    changed = unsigned({}, SAID | {"sub": "bo"}).split(".")[1]
    for parts in ((head, changed, signature), (head, body, changed), (head, body, "")):
        with pytest.raises(IdentityError):
            verify_token(".".join(parts), public(EC))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "....", "\u00fc.a.b", "e30.e30.e30", "a" * (ID_TOKEN_BYTES_MAX + 1)],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Anything that is not a token in three parts is refused, and nothing crashes."""
    with pytest.raises(IdentityError):
        key_id(token)


def test_secret_keys_are_not_ours() -> None:
    """A shared secret is of no kind that any algorithm here takes."""
    secret = OctKey.import_key("secret" * 8)
    with pytest.raises(IdentityError):
        verify_token(signed(EC, SAID), secret)


def test_claims_say_who() -> None:
    """Claims of this sign-in give the person, and when the provider saw it."""
    assert check({"name": "Ana"}) == Claims(
        issuer=ISSUER, subject="ana", name="Ana", authenticated_at=NOW - 10
    )
    assert check({"aud": [CLIENT], "azp": CLIENT}).name == ""
    assert len(check({"name": "x" * 500}).name) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.invalid"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": [CLIENT, "other"]},
        {"aud": []},
        {"aud": None},
        {"azp": "other"},
        {"nonce": terms_of("two").nonce},
        {"nonce": ""},
        {"nonce": None},
        {"sub": ""},
        {"sub": None},
        {"sub": "x" * 256},
        {"sub": "\u00fc"},
        {"sub": "a\x00"},
        {"sub": 7},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"auth_time": None},
        {"auth_time": "today"},
    ],
)
def test_claims_of_another_sign_in_are_refused(changes: dict[str, Any]) -> None:
    """Another issuer, client, sign-in or person, or a claim that is missing or no such value."""
    with pytest.raises(IdentityError):
        check(changes)


@pytest.mark.parametrize(
    ("changes", "good", "bad"),
    [
        # Expired: its last second and the leeway, then no more.
        ({"exp": NOW - 1}, NOW - 1 + LEEWAY_SECONDS - 1, NOW - 1 + LEEWAY_SECONDS),
        # Made in the future: by the leeway, not by more.
        ({"iat": NOW, "exp": NOW + 9_999}, NOW - LEEWAY_SECONDS, NOW - LEEWAY_SECONDS - 1),
        # Made long ago: ten minutes and the leeway.
        ({"exp": NOW + 9_999}, NOW + 600 + LEEWAY_SECONDS, NOW + 601 + LEEWAY_SECONDS),
        ({"nbf": NOW + 100}, NOW + 100 - LEEWAY_SECONDS, NOW + 99 - LEEWAY_SECONDS),
        ({"auth_time": NOW}, NOW - LEEWAY_SECONDS, NOW - LEEWAY_SECONDS - 1),
    ],
)
def test_times_are_kept_to_the_second(changes: dict[str, Any], good: int, bad: int) -> None:
    """Each time has one leeway: at its limit a token is taken, a second beyond it is not."""
    check(changes, good)
    with pytest.raises(IdentityError):
        check(changes, bad)


@pytest.mark.parametrize("max_age_s", [0, 43_200])
def test_old_login_at_the_provider_does_not_count(max_age_s: int) -> None:
    """The provider must have seen the person within the age asked, before the sign-in began."""
    since = NOW - max_age_s - LEEWAY_SECONDS
    assert check({"auth_time": since}, max_age_s=max_age_s).authenticated_at == since
    with pytest.raises(IdentityError, match="auth_time"):
        check({"auth_time": since - 1}, max_age_s=max_age_s)


def test_clock_ahead_makes_nobody_seen_later() -> None:
    """A provider whose clock is ahead by less than the leeway saw the person now."""
    assert check({"auth_time": NOW + 30}).authenticated_at == NOW


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"iss":"\\ud800"}'])
def test_claims_that_are_no_claims_are_refused(data: bytes) -> None:
    """A payload that cannot be read is refused by the port's own error."""
    with pytest.raises(IdentityError):
        check_claims(data, terms_of(), issuer=ISSUER, client_id=CLIENT, now_s=NOW)
