"""What a browser says about a passkey, checked step by step as Web Authentication wants it.

Guarantee: what passes was signed for this address, for this challenge, by a passkey that verified
its person, with one of three algorithms; everything else is refused under one code, whatever bytes
it is. From fido2 only parsing and verifying is used; every check stands here.
Source: W3C Web Authentication, level 3, sections 7.1 and 7.2; docs/adr/0059-passkeys-at-the-
sign-in.md.
"""

from __future__ import annotations

import base64
import hmac
import re
import struct
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fido2 import cbor
from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.webauthn import AttestationObject, AuthenticatorData

from comity.console.errors import PasskeyRefusedError
from comity.domain.passkeys import CREDENTIAL_BYTES_MAX, PUBLIC_KEY_BYTES_MAX, Passkey

__all__ = [
    "ANSWER_CHARS_MAX",
    "CHALLENGE_BYTES",
    "CHALLENGE_SECONDS_MAX",
    "Ceremony",
    "NewPasskey",
    "UsedPasskey",
    "asked_options",
    "check_new",
    "check_use",
    "handle_of",
    "made_options",
    "rp_id_of",
]

ANSWER_CHARS_MAX: Final = 12_288
"""What a browser says about a passkey, as JSON; a form has room for it."""
CHALLENGE_BYTES: Final = 32
CHALLENGE_SECONDS_MAX: Final = 300
"""How long a challenge can be answered, once."""

_KINDS: Final[dict[int, type[CoseKey]]] = {-7: ES256, -8: EdDSA, -257: RS256}
"""Algorithms by their COSE number, the one that is wanted first."""
_TYPES: Final = {-7: 2, -8: 1, -257: 3}
"""The COSE key type that belongs to each: elliptic curve, octet key pair, RSA."""
_RSA_BITS: Final = range(2_048, 8_193)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_BACKED_UP, _MAY_BE_BACKED_UP = 0x10, 0x08
_FAULTS: Final = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError,
    AssertionError, struct.error, UnsupportedAlgorithm,
)  # fmt: skip
"""What the library raises for bytes that are not what they should be."""


class Ceremony(msgspec.Struct, frozen=True, kw_only=True):
    """What one asking is bound to. `handle` is what a passkey knows its person by."""

    challenge: bytes
    origin: str
    rp_id: str
    handle: bytes


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that was made: its identifier, its public key as COSE, its count."""

    id: bytes
    key: bytes
    count: int


class UsedPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that was used, as it is kept, and the count that it says now."""

    passkey: Passkey
    count: int


class _Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    client_data: str
    attestation: str


class _Used(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    client_data: str
    authenticator_data: str
    signature: str
    handle: str = ""


AnswerT = TypeVar("AnswerT", _Made, _Used)


class _ClientData(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser collected; it may say more."""

    type: str
    challenge: str
    origin: str
    is_cross_origin: bool = msgspec.field(name="crossOrigin", default=False)


def rp_id_of(console_url: str) -> str:
    """Return the name to which passkeys of a console are bound; empty where it has none but an
    IP address (section 5.1.2: a domain).
    """
    host = urlsplit(console_url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    return ""


def handle_of(issuer: str, subject: str) -> bytes:
    """Return what a passkey knows a person by, from which nobody reads who it is."""
    return sha256(msgspec.json.encode(["comity passkey", issuer, subject])).digest()


def made_options(terms: Ceremony, name: str, known: Sequence[Passkey]) -> dict[str, Any]:
    """Return what a browser is asked to make a passkey by; bytes are base64url."""
    return {
        "rp": {"id": terms.rp_id, "name": "Comity"},
        "user": {"id": _encoded(terms.handle), "name": name, "displayName": name},
        "challenge": _encoded(terms.challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in _KINDS],
        "timeout": CHALLENGE_SECONDS_MAX * 1_000,
        "excludeCredentials": _described(known),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
        "attestation": "none",
    }


def asked_options(terms: Ceremony, known: Sequence[Passkey]) -> dict[str, Any]:
    """Return what a browser is asked to use a passkey by; bytes are base64url."""
    return {
        "rpId": terms.rp_id,
        "challenge": _encoded(terms.challenge),
        "timeout": CHALLENGE_SECONDS_MAX * 1_000,
        "allowCredentials": _described(known),
        "userVerification": "required",
    }


def check_new(answer: str, terms: Ceremony) -> NewPasskey:
    """Return the passkey that a browser made. Raises: PasskeyRefusedError."""
    said = _read(answer, _Made)
    _check_client_data(_decoded(said.client_data, "client_data"), "webauthn.create", terms)
    try:
        found = AttestationObject(_decoded(said.attestation, "attestation")).auth_data
        credential = found.credential_data
    except _FAULTS:
        raise PasskeyRefusedError("`attestation` is not in form") from None
    _check_authenticator(found, terms)
    if credential is None:
        raise PasskeyRefusedError("`attestation` has no passkey")
    id_, key = bytes(credential.credential_id), cbor.encode(credential.public_key)
    if not 0 < len(id_) <= CREDENTIAL_BYTES_MAX or id_ != _decoded(said.id, "id"):
        raise PasskeyRefusedError("`id` is not that of the passkey")
    if len(key) > PUBLIC_KEY_BYTES_MAX:
        raise PasskeyRefusedError("the passkey's public key is too long")
    _verify(_public_key(key), b"", b"", is_made=True)
    return NewPasskey(id=id_, key=key, count=found.counter)


def check_use(answer: str, terms: Ceremony, known: Sequence[Passkey]) -> UsedPasskey:
    """Return which of a person's passkeys a browser used. Raises: PasskeyRefusedError.

    Whether its count went on is for whoever keeps it (`with_use`).
    """
    said = _read(answer, _Used)
    id_ = _decoded(said.id, "id")
    passkey = next((each for each in known if each.id == id_), None)
    if passkey is None:
        raise PasskeyRefusedError("`id` is none of this person's passkeys")
    if said.handle and not hmac.compare_digest(_decoded(said.handle, "handle"), terms.handle):
        raise PasskeyRefusedError("`handle` is another person's")
    client_data = _decoded(said.client_data, "client_data")
    _check_client_data(client_data, "webauthn.get", terms)
    data = _decoded(said.authenticator_data, "authenticator_data")
    try:
        found = AuthenticatorData(data)
    except _FAULTS:
        raise PasskeyRefusedError("`authenticator_data` is not in form") from None
    _check_authenticator(found, terms)
    signed = data + sha256(client_data).digest()
    _verify(_public_key(passkey.key), signed, _decoded(said.signature, "signature"))
    return UsedPasskey(passkey=passkey, count=found.counter)


def _check_client_data(data: bytes, kind: str, terms: Ceremony) -> None:
    try:
        # As text first: a decoder looks at no letter of a member that it leaves out.
        said = msgspec.json.decode(data.decode("utf-8"), type=_ClientData)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PasskeyRefusedError("`client_data` is not in form") from None
    if said.type != kind:
        raise PasskeyRefusedError("`type` is of something else")
    if not hmac.compare_digest(_decoded(said.challenge, "challenge"), terms.challenge):
        raise PasskeyRefusedError("`challenge` is not the one that was given")
    if said.origin != terms.origin or said.is_cross_origin:
        raise PasskeyRefusedError("`origin` is not this console")


def _check_authenticator(found: AuthenticatorData, terms: Ceremony) -> None:
    if not hmac.compare_digest(found.rp_id_hash, sha256(terms.rp_id.encode()).digest()):
        raise PasskeyRefusedError("the passkey is bound to another address")
    if not found.is_user_present():
        raise PasskeyRefusedError("the passkey was not touched by anybody")
    if not found.is_user_verified():
        raise PasskeyRefusedError("the passkey did not verify its person")
    if found.flags & _BACKED_UP and not found.flags & _MAY_BE_BACKED_UP:
        raise PasskeyRefusedError("the passkey says that it is kept twice, and that it cannot be")


def _public_key(data: bytes) -> CoseKey:
    """Return a key of one of our kinds. Raises: PasskeyRefusedError."""
    try:
        row: Any = cbor.decode(data)
        key = _KINDS[row[3]](row)
        is_its_own = key[1] == _TYPES[row[3]] and (row[3] != RS256.ALGORITHM or _is_rsa(key))
    except _FAULTS:
        raise PasskeyRefusedError("the passkey's key is none of our kinds") from None
    if not is_its_own:
        raise PasskeyRefusedError("the passkey's key is of another kind than it says")
    return key


def _is_rsa(key: CoseKey) -> bool:
    return int.from_bytes(key[-1], "big").bit_length() in _RSA_BITS


def _verify(key: CoseKey, signed: bytes, signature: bytes, *, is_made: bool = False) -> None:
    """Verify a signature; of a passkey that `is_made` only that its key can verify one."""
    try:
        key.verify(signed, signature)
    except InvalidSignature:
        if not is_made:
            raise PasskeyRefusedError("`signature` is not the passkey's") from None
    except _FAULTS:
        raise PasskeyRefusedError("the passkey's key or `signature` is not in form") from None


def _read(answer: str, kind: type[AnswerT]) -> AnswerT:
    if len(answer) > ANSWER_CHARS_MAX:
        raise PasskeyRefusedError("what the browser says is too long")
    try:
        return msgspec.json.decode(answer.encode("utf-8", "replace"), type=kind)
    except (msgspec.MsgspecError, RecursionError):
        raise PasskeyRefusedError("what the browser says is not in form") from None


def _described(known: Sequence[Passkey]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": _encoded(each.id)} for each in known]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str, field: str) -> bytes:
    """Return bytes of their one spelling in base64url. Raises: PasskeyRefusedError."""
    # Of any other length, or with bits to spare, it would be a second spelling of the same bytes.
    if _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if _encoded(data) == text:
            return data
    raise PasskeyRefusedError(f"`{field}` is not base64url")
