"""Signed parts: what a member says of itself, in one encoding, under its pinned key.

Guarantee: `verify_part` returns a part only if the key that the trust root pins for that very
member signed these bytes, they are the only encoding of what they say, and every value is in range.
Bytes: the body is the compact JSON of a `DirectoryPart`, defaults left out; signed is
`comity/directory/v1\\n` and the body; what travels is JSON of member, body and signature.
Source: docs/adr/0010-directory-parts.md, "Parts"; RFC 8032 (Ed25519).
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from comity.directory.errors import (
    MemberNotTrustedError,
    PartMalformedError,
    PartSignatureError,
)
from comity.directory.limits import PART_BYTES_MAX, SIGNED_PART_BYTES_MAX
from comity.directory.ranges import check_part
from comity.directory.trust import TrustRoot
from comity.domain.agency import DirectoryPart
from comity.domain.ids import MEMBERS, Member

__all__ = [
    "SignedPart",
    "encode_signed_part",
    "parse_part_body",
    "parse_signed_part",
    "part_body",
    "part_message",
    "sign_part",
    "verify_part",
]

_PREFIX: Final = b"comity/directory/v1\n"
_MEMBERS: Final = frozenset(MEMBERS)
_ENCODER: Final = msgspec.json.Encoder()
_PARTS: Final = msgspec.json.Decoder(DirectoryPart)


class SignedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part as it travels: whose it says it is, its bytes, and the signature over them."""

    member: Member
    body: bytes
    signature: bytes


_SIGNED: Final = msgspec.json.Decoder(SignedPart)


def part_body(part: DirectoryPart) -> bytes:
    """Return the only encoding of a part. Raises: PartMalformedError, FamilyNotOwnError."""
    check_part(part)
    body = _ENCODER.encode(part)
    if len(body) > PART_BYTES_MAX:
        raise PartMalformedError(f"`part` is over {PART_BYTES_MAX} bytes")
    return body


def sign_part(part: DirectoryPart, signer: Ed25519PrivateKey) -> SignedPart:
    """Return a member's part, signed with the member's key.

    Raises: PartMalformedError, FamilyNotOwnError, for what no one would accept.
    """
    body = part_body(part)
    return SignedPart(member=part.member, body=body, signature=signer.sign(part_message(body)))


def part_message(body: bytes) -> bytes:
    """Return what a member's key signs for a part of this body."""
    return _PREFIX + body


def verify_part(signed: SignedPart, root: TrustRoot) -> DirectoryPart:
    """Return the part that a trusted member signed.

    1. The trust root pins a key of the member.  2. That key signed the body.  3. The body is a part
    in its only encoding, its values in range.  4. It is that member's own.
    Raises: DirectoryError.
    """
    key = root.keys.get(signed.member)  # (1)
    if key is None:
        raise MemberNotTrustedError("trust root pins no key of this `member`")
    try:  # (2)
        Ed25519PublicKey.from_public_bytes(key).verify(signed.signature, part_message(signed.body))
    except (InvalidSignature, ValueError):
        raise PartSignatureError("the pinned key did not sign this `part`") from None
    part = parse_part_body(signed.body)  # (3)
    if part.member != signed.member:  # (4)
        raise PartMalformedError("`part` is of another member than its signer")
    return part


def parse_part_body(body: bytes) -> DirectoryPart:
    """Return the part that a body is, its values in range; nothing is said of who signed it.

    Raises: PartMalformedError, FamilyNotOwnError.
    """
    if len(body) > PART_BYTES_MAX:
        raise PartMalformedError(f"`part` is over {PART_BYTES_MAX} bytes")
    try:
        part = _PARTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PartMalformedError("`part` is not of its form") from None
    if _ENCODER.encode(part) != body:
        raise PartMalformedError("`part` is not in its only encoding")
    check_part(part)
    return part


def encode_signed_part(signed: SignedPart) -> bytes:
    """Return a signed part as it travels and is kept."""
    return _ENCODER.encode(signed)


def parse_signed_part(data: bytes) -> SignedPart:
    """Return a signed part, not verified yet. Raises: PartMalformedError."""
    if len(data) > SIGNED_PART_BYTES_MAX:
        raise PartMalformedError(f"`part` is over {SIGNED_PART_BYTES_MAX} bytes")
    try:
        signed = _SIGNED.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PartMalformedError("`part` does not travel in its form") from None
    if encode_signed_part(signed) != data or signed.member not in _MEMBERS:
        raise PartMalformedError("`part` does not travel in its only encoding")
    return signed
