"""Targets for what a state's identity provider says, and for who holds a place in its console.

a people file that is read is written and read back, and keeps every duty apart
a discovery document that is read leads nowhere in the clear; keys are of our kinds, by their name
an ID token that is read was signed by the one key that there is
claims that are read are of this issuer, and of nobody who was seen too long ago
"""

from __future__ import annotations

import base64
from functools import cache

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from comity.adapters.oidc.discovery import Discovery, parse_discovery, parse_keys
from comity.adapters.oidc.tokens import LEEWAY_SECONDS, check_claims, key_id, verify_token
from comity.console.errors import PeopleError
from comity.console.people import People, Role, encode_people, is_subject, parse_people
from comity.domain.ids import Member
from comity.domain.web import parse_web_address
from comity.ports import Claims, IdentityError
from comity.practice.staff import staff_of
from tests.fuzz.refusals import hold
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, outcome_of, same, text_of
from tests.support.identity import CLIENT, NOW, terms_of, unsigned

ISSUER = "https://id.invalid"
_SHOWN_CHARS_MAX = 400
_NATIVE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def _check_people(data: bytes) -> str:
    try:
        people = parse_people(text_of(data))
    except PeopleError as error:
        said = str(error)
        hold(len(said) <= _SHOWN_CHARS_MAX and said.isascii(), "a refusal is short and plain")
        hold(said.isprintable(), "a refusal moves no cursor")
        return error.code
    same(parse_people(encode_people(people)).persons, people.persons, "it is read back")
    for person in people.persons:
        hold(person in people.find(people.issuer, person.subject), "everybody is found")
        decides = person.has_any(Role.REVIEWER, Role.SUPERVISOR)
        hold(not decides or not person.has_any(Role.OPERATOR, Role.AUTHOR), "duties are apart")
    return READ


def _check_discovery(data: bytes) -> str:
    def then(found: Discovery) -> None:
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            same(parse_web_address(address, "address"), address, "an endpoint is an address")
            hold(address.startswith("https:"), "nothing goes in the clear")

    return outcome_of(data, lambda: parse_discovery(data, ISSUER), then, IdentityError)


def _check_keys(data: bytes) -> str:
    def then(found: dict[str, Key]) -> None:
        for key in found.values():
            hold(isinstance(key, RSAKey | ECKey | OKPKey), "a key is of our kinds")
            hold(not key.is_private, "and only half of one")

    return outcome_of(data, lambda: parse_keys(data), then, IdentityError)


@cache
def _key() -> OKPKey:
    # Ed25519, whose signatures are the same on each machine and in each run.
    private, public = (
        base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        for half in (_NATIVE.private_bytes_raw(), _NATIVE.public_key().public_bytes_raw())
    )
    row = {"kty": "OKP", "crv": "Ed25519", "kid": "k1"}
    return OKPKey.import_key({**row, "x": public, "d": private})


def _check_token(data: bytes) -> str:
    token = data.decode("latin-1")

    def read() -> bytes:
        hold(key_id(token), "the key is named")
        return verify_token(token, _key())

    def then(payload: bytes) -> None:
        hold(msgspec.json.decode(payload) == _said(), "only what was signed is read")

    return outcome_of(data, read, then, IdentityError)


def _check_claims(data: bytes) -> str:
    terms = terms_of()

    def read() -> Claims:
        return check_claims(data, terms, issuer=ISSUER, client_id=CLIENT, now_s=NOW)

    def then(claims: Claims) -> None:
        hold(claims.issuer == ISSUER and is_subject(claims.subject), "it is somebody of the issuer")
        since = terms.began_at - terms.max_age_s - LEEWAY_SECONDS
        hold(since <= claims.authenticated_at <= NOW, "who was seen within what was asked")

    return outcome_of(data, read, then, IdentityError)


def _said() -> dict[str, object]:
    return {
        "iss": ISSUER,
        "sub": "ana",
        "aud": CLIENT,
        "iat": NOW,
        "exp": NOW + 300,
        "auth_time": NOW - 10,
        "nonce": terms_of().nonce,
        "name": "Ana Velarzora",
    }


def _people_files() -> list[bytes]:
    states = [staff_of(1, Member(state)) for state in ("wa", "or")]
    return [encode_people(People(ISSUER, each)).encode() for each in states]


def _discoveries() -> list[bytes]:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    said: dict[str, object] = {"issuer": ISSUER, **{name: f"{ISSUER}/{name}" for name in names}}
    more = {
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["ES256", "none"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": True,
    }
    return [msgspec.json.encode(said), msgspec.json.encode(said | more)]


def _key_sets() -> list[bytes]:
    # The generator point of P-256 is a public key like any other.
    point = {
        "kty": "EC",
        "crv": "P-256",
        "kid": "k2",
        "use": "sig",
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    }
    keys = [_key().as_dict(private=False), point]
    return [msgspec.json.encode({"keys": keys[:n]}) for n in (1, 2)]


@cache
def _tokens() -> tuple[str, ...]:
    head = unsigned({"alg": "Ed25519", "kid": "k1"}, _said()).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(_NATIVE.sign(head.encode())).rstrip(b"=").decode()
    return (
        f"{head}.{signature}",
        unsigned({"alg": "none", "kid": "k1"}, _said()),
        unsigned({"alg": "HS256", "kid": "k1", "typ": "JWT"}, _said(), b"\x00" * 32),
    )


def _token_seeds() -> list[bytes]:
    return [token.encode("ascii") for token in _tokens()]


def _claim_seeds() -> list[bytes]:
    more = {"aud": [CLIENT], "azp": CLIENT, "nbf": NOW, "exp": NOW + 300.5}
    return [msgspec.json.encode(_said()), msgspec.json.encode(_said() | more)]


_PEOPLE_WORDS = [
    b"[[people]]", b"issuer = ", b"subject = ", b"roles = [", b'"reviewer"', b'"author"',
    b'"operator"', b'"supervisor"', b"signs_as = ", b'"../x"', b'"""', b"'''", b".a" * 20,
    b"[" * 3_000, b"{a=" * 2_000, b"nan", b"\\uD800", b"\\u0000", b"\\u202e", b"\x00", b"#",
]  # fmt: skip
_JSON_WORDS = [
    b'"https://id.invalid"', b'"http://127.0.0.1"', b'"https://[::1"', b"1e999", b"-1", b"null",
    b'"kid"', b'"d"', b'"AQAB"', b'"RSA"', b'"none"', b"[" * 3_000, b'{"a":' * 1_000, b"\\ud800",
]  # fmt: skip
_TOKEN_WORDS = [
    b".", b"..", b"eyJhbGciOiJub25lIn0", b"e30", b"bnVsbA", b"W10", b"=", b"-", b"_", b"/", b"\xff",
]  # fmt: skip

TARGETS = [
    Target("people", _check_people, _people_files, Shape.LINES, 20_000, 2, _PEOPLE_WORDS),
    Target("discovery", _check_discovery, _discoveries, Shape.JSON, 9_000, 2, _JSON_WORDS),
    Target("provider-keys", _check_keys, _key_sets, Shape.JSON, 9_000, 2, _JSON_WORDS),
    Target("id-token", _check_token, _token_seeds, Shape.DOTTED, 9_000, 2, _TOKEN_WORDS),
    Target("id-claims", _check_claims, _claim_seeds, Shape.JSON, 9_000, 2, _JSON_WORDS),
]
