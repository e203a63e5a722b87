"""Evidence: that a host signed one parcel, provable without showing the others of its envelope.

Guarantee: `verify_evidence` needs the parcel's bytes, the evidence and the host's key, nothing
else. Siblings appear as hashes of encodings that hold random ids, so they cannot be guessed.
Bytes: one version byte (1), then MessagePack of the fields in order.
Source: docs/adr/0009-envelope.md, "Evidence".
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from comity.domain.errors import MalformedError
from comity.domain.ids import HostName, parse_host_name
from comity.link.envelope import Opened, Route, envelope_signed_bytes
from comity.link.errors import EvidenceError
from comity.link.limits import ENVELOPE_PARCELS_MAX
from comity.link.merkle import HASH_BYTES, climb, leaf_hash, path_length, path_of
from comity.link.parcel import EnvelopeKind

__all__ = ["Evidence", "encode_evidence", "evidence", "parse_evidence", "verify_evidence"]

_VERSION: Final = b"\x01"
_SIGNATURE_BYTES: Final = 64


class Evidence(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True
):
    """A parcel's place in a signed envelope: who sent it to whom, when, and its path to the root.

    `path` is leaf side first; its length follows from `index` and `count`.
    """

    sender: HostName
    recipient: HostName
    sent_at_ms: int
    count: int
    index: int
    path: tuple[bytes, ...]
    signature: bytes


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Evidence)


def evidence(opened: Opened, index: int) -> Evidence:
    """Return what proves, for good, that the sending host signed this parcel."""
    route = opened.route
    return Evidence(
        sender=route.sender,
        recipient=route.recipient,
        sent_at_ms=route.sent_at_ms,
        count=route.count,
        index=index,
        path=path_of(opened.levels, index),
        signature=opened.signature,
    )


def encode_evidence(value: Evidence) -> bytes:
    """Return evidence as bytes to keep beside the parcel's own."""
    return _VERSION + _ENCODER.encode(value)


def parse_evidence(data: bytes) -> Evidence:
    """Return kept evidence. Raises: EvidenceError."""
    if data[:1] != _VERSION:
        raise EvidenceError("`evidence` is not of version 1")
    try:
        value = _DECODER.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EvidenceError("`evidence` is not of its form") from None
    if encode_evidence(value) != data:
        raise EvidenceError("`evidence` is not in its only encoding")
    _check(value)
    return value


def verify_evidence(value: Evidence, parcel: bytes, verify_key: bytes) -> None:
    """Check that the holder of `verify_key` signed these bytes of a parcel.

    Trusts: `verify_key`, which the caller takes from the directory as it stood at `sent_at_ms`.
    Raises: EvidenceError.
    """
    _check(value)
    root = climb(leaf_hash(parcel), value.index, value.count, value.path)
    # The kind and the trace are not signed: the parcels say of themselves which face they are for.
    route = Route(
        sender=value.sender,
        recipient=value.recipient,
        sent_at_ms=value.sent_at_ms,
        count=value.count,
        kind=EnvelopeKind.ASK,
    )
    try:
        key = Ed25519PublicKey.from_public_bytes(verify_key)
        key.verify(value.signature, envelope_signed_bytes(route, root))
    except (InvalidSignature, ValueError):
        raise EvidenceError("`evidence` does not prove this parcel under this key") from None


def _check(value: Evidence) -> None:
    try:
        parse_host_name(value.sender)
        parse_host_name(value.recipient)
    except MalformedError:
        raise EvidenceError("`from` or `to` is not a host's name") from None
    in_range = 0 <= value.index < value.count <= ENVELOPE_PARCELS_MAX and value.sent_at_ms >= 0
    if not in_range or len(value.signature) != _SIGNATURE_BYTES:
        raise EvidenceError("`evidence` holds a value outside its range")
    if len(value.path) != path_length(value.index, value.count):
        raise EvidenceError("`path` is too long or too short")
    if any(len(node) != HASH_BYTES for node in value.path):
        raise EvidenceError("`path` holds something other than hashes")
