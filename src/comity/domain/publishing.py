"""A policy on its way into force, or to be announced: the bundle, the order, the signatures.

A signed policy has one encoding, and its parser takes no other. What the bundle says is not looked
at here, nor what the signatures are worth. A signed thaw is the same order over a policy that is in
force already: those who sign it say that they know why its evaluators disagreed. What people sign
begins with what it is for: a signature that announces rules, or thaws them, is none that puts them
into force, and the reverse.
Source: docs/adr/0028-publishing-rules.md, "The order"; docs/adr/0030-announcing-rules.md;
docs/adr/0032-second-proof-and-certificates.md, "Freeze and thaw".
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, Member
from comity.domain.keeping import SIGNERS_MAX, OrderSignature
from comity.domain.times import TIME_MAX

__all__ = [
    "NOTE_CHARS_MAX",
    "SIGNED_POLICY_BYTES_MAX",
    "PolicyOrder",
    "PolicyOrderError",
    "SignedPolicy",
    "SignedThaw",
    "encode_signed_policy",
    "encode_signed_thaw",
    "order_of",
    "parse_signed_policy",
    "parse_signed_thaw",
    "policy_order_bytes",
    "policy_thaw_bytes",
    "shadow_order_bytes",
]

NOTE_CHARS_MAX: Final = 200
SIGNED_POLICY_BYTES_MAX: Final = 4_000_000
"""Less than a command may be long; a bundle stands in it as base64."""
SIGNED_THAW_BYTES_MAX: Final = 4_096
"""A thaw with its signatures."""
_PREFIX: Final = b"comity/policy-order/v1\n"
_SHADOW_PREFIX: Final = b"comity/policy-shadow/v1\n"
_THAW_PREFIX: Final = b"comity/policy-thaw/v1\n"
_DIGEST_BYTES: Final = 32
_VERSION_MAX: Final = 1 << 31


class PolicyOrderError(MalformedError):
    """Bytes are not a signed policy, or its order is of another bundle."""

    code = "policy-order-malformed"


class PolicyOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bundle a state puts into force: its version and digest; `at` is Unix seconds.

    `note` (0..200 characters) is private.
    """

    state: Member
    version: int
    digest: bytes
    at: int
    note: str = ""


class SignedPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle's canonical bytes, the order, and the signatures that it has so far."""

    bundle: bytes
    order: PolicyOrder
    signatures: tuple[OrderSignature, ...]


class SignedThaw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Word that the cause is known why loosening was frozen under this policy, and who gave it.

    `note` of the order says what the cause was.
    """

    order: PolicyOrder
    signatures: tuple[OrderSignature, ...]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(SignedPolicy)
_thaw_decoder: Final = msgspec.json.Decoder(SignedThaw)


def order_of(state: Member, version: int, bundle: bytes, at: int, note: str = "") -> PolicyOrder:
    """Return the order that puts these canonical bytes into force."""
    return PolicyOrder(
        state=state, version=version, digest=sha256(bundle).digest(), at=at, note=note
    )


def policy_order_bytes(order: PolicyOrder) -> bytes:
    """Return what people sign to put rules into force: a prefix and the order as compact JSON."""
    return _PREFIX + _encoder.encode(order)


def shadow_order_bytes(order: PolicyOrder) -> bytes:
    """Return what a person signs to announce rules, which decide nothing by that."""
    return _SHADOW_PREFIX + _encoder.encode(order)


def encode_signed_policy(signed: SignedPolicy) -> bytes:
    """Return a signed policy's bytes, one line. Raises: PolicyOrderError."""
    _check(signed)
    data = _encoder.encode(signed) + b"\n"
    if len(data) > SIGNED_POLICY_BYTES_MAX:
        raise PolicyOrderError(f"a signed policy is over {SIGNED_POLICY_BYTES_MAX} bytes")
    return data


def parse_signed_policy(data: bytes) -> SignedPolicy:
    """Return the signed policy that these bytes are.

    Raises: PolicyOrderError for anything that `encode_signed_policy` would not have written.
    """
    if len(data) > SIGNED_POLICY_BYTES_MAX:
        raise PolicyOrderError(f"a signed policy is over {SIGNED_POLICY_BYTES_MAX} bytes")
    try:
        signed = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PolicyOrderError("a signed policy is not of version 1") from None
    _check(signed)
    if _encoder.encode(signed) + b"\n" != data:
        raise PolicyOrderError("a signed policy is not in canonical form")
    return signed


def policy_thaw_bytes(order: PolicyOrder) -> bytes:
    """Return what people sign to end a freeze: a prefix and the order as compact JSON."""
    return _THAW_PREFIX + _encoder.encode(order)


def encode_signed_thaw(signed: SignedThaw) -> bytes:
    """Return a signed thaw's bytes, one line. Raises: PolicyOrderError."""
    _check_order(signed.order, signed.signatures)
    data = _encoder.encode(signed) + b"\n"
    if len(data) > SIGNED_THAW_BYTES_MAX:
        raise PolicyOrderError(f"a signed thaw is over {SIGNED_THAW_BYTES_MAX} bytes")
    return data


def parse_signed_thaw(data: bytes) -> SignedThaw:
    """Return the signed thaw that these bytes are.

    Raises: PolicyOrderError for anything that `encode_signed_thaw` would not have written.
    """
    if len(data) > SIGNED_THAW_BYTES_MAX:
        raise PolicyOrderError(f"a signed thaw is over {SIGNED_THAW_BYTES_MAX} bytes")
    try:
        signed = _thaw_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PolicyOrderError("a signed thaw is not of version 1") from None
    _check_order(signed.order, signed.signatures)
    if _encoder.encode(signed) + b"\n" != data:
        raise PolicyOrderError("a signed thaw is not in canonical form")
    return signed


def _check(signed: SignedPolicy) -> None:
    if signed.order.digest != sha256(signed.bundle).digest():
        raise PolicyOrderError("`digest` of a policy order is out of its range")
    _check_order(signed.order, signed.signatures)


def _check_order(order: PolicyOrder, signatures: tuple[OrderSignature, ...]) -> None:
    checks = (
        ("state", order.state in MEMBERS),
        ("version", 1 <= order.version <= _VERSION_MAX),
        ("digest", len(order.digest) == _DIGEST_BYTES),
        ("at", 0 <= order.at <= TIME_MAX),
        ("note", len(order.note) <= NOTE_CHARS_MAX and (order.note + " ").isprintable()),
        ("signatures", 1 <= len(signatures) <= SIGNERS_MAX),
    )
    for name, holds in checks:
        if not holds:
            raise PolicyOrderError(f"`{name}` of a policy order is out of its range")
