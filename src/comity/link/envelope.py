"""Envelopes: what one gateway host says to another in one tick, signed once and sealed once.

Guarantee: contents reach only the host that they are sealed to, and are handed on only if a key of
the sending host signed them, and only parcels of members that certify that very key.
# INVARIANT (signed-query): a hub can neither read, alter, forge nor redirect an envelope.
Bytes:  0x01 | header length (1 byte) | header | sealed contents
Header: MessagePack `[from, to, sent_at_ms, count, kind, traceparent]`; the hub reads it and
        nothing else. Every byte before the sealed contents is bound into the seal.
Inside: MessagePack `[signature, [parcel, ...]]`.
Source: docs/adr/0009-envelope.md.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.domain.agency import Host
from comity.domain.errors import MalformedError
from comity.domain.ids import HostName, Member, parse_host_name
from comity.link.errors import (
    EnvelopeMalformedError,
    EnvelopeStaleError,
    EnvelopeTooLargeError,
    EnvelopeVersionError,
    ParcelError,
    ParcelMalformedError,
    SealedToAnotherError,
    SenderNotServingError,
    SenderUnknownError,
    SignatureInvalidError,
)
from comity.link.limits import (
    CLOCK_WINDOW_MS,
    ENVELOPE_BYTES_MAX,
    ENVELOPE_PARCELS_MAX,
    HEADER_BYTES_MAX,
)
from comity.link.merkle import Levels, grow
from comity.link.parcel import (
    EnvelopeKind,
    Parcel,
    decode_parcel,
    encode_parcel,
    kind_of,
    speaker,
)
from comity.link.seal import SEAL_BYTES, seal, unseal

__all__ = [
    "HostBook",
    "Opened",
    "ParcelFault",
    "Route",
    "check_fresh",
    "envelope_signed_bytes",
    "open_envelope",
    "route_of",
    "seal_envelope",
    "seal_envelopes",
]

_VERSION: Final = 1
_INFO: Final = b"comity/envelope/v1\n"
_SIGNATURE_BYTES: Final = 64
_TIME_MAX_MS: Final = 2**53
_TRACE: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
# What a full envelope may hold inside: room is left for the header, the seal, the signature and
# five bytes of MessagePack around each parcel.
_CONTENTS_BYTES_MAX: Final = ENVELOPE_BYTES_MAX - 2 - HEADER_BYTES_MAX - SEAL_BYTES - 80
_PARCEL_FRAME_BYTES: Final = 5


class Route(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What the hub may know of an envelope; unverified until the envelope is opened.

    `traceparent` is W3C's, of random ids; empty where nobody traces.
    """

    sender: HostName
    recipient: HostName
    sent_at_ms: int
    count: int
    kind: EnvelopeKind
    traceparent: str = ""


class ParcelFault(msgspec.Struct, frozen=True, kw_only=True):
    """A signed parcel that was not handed on: its place and the code of the error."""

    index: int
    code: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A verified envelope: its parcels, each with its place, and what could not be handed on.

    `levels`, `signature` and `verify_key` are what `link.evidence` needs to prove one parcel alone.
    """

    route: Route
    parcels: tuple[tuple[int, Parcel], ...]
    faults: tuple[ParcelFault, ...]
    encodings: tuple[bytes, ...]
    levels: Levels
    signature: bytes
    verify_key: bytes


class HostBook(Protocol):
    """What opening needs of the directory: who certifies which host's keys."""

    def hosts_named(self, name: HostName) -> Sequence[Host]:
        """Return every certified pair of keys of a host of this name."""
        ...

    def host_of(self, member: Member) -> Host | None:
        """Return the host that a member certifies, or None."""
        ...


class _Contents(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    signature: bytes
    parcels: list[bytes]


_ENCODER: Final = msgspec.msgpack.Encoder()
_ROUTE_DECODER: Final = msgspec.msgpack.Decoder(Route)
_CONTENTS_DECODER: Final = msgspec.msgpack.Decoder(_Contents)


def envelope_signed_bytes(route: Route, root: bytes) -> bytes:
    """Return what the sending host signs: both hosts, time, count and the root over the parcels.

    Both names stand in it, so that the receiver cannot seal the contents anew to a third host and
    pass them on as the sender's.
    """
    lines = (
        "comity/envelope/v1",
        route.sender,
        route.recipient,
        str(route.sent_at_ms),
        str(route.count),
        b64encode(root).decode(),
        "",
    )
    return "\n".join(lines).encode()


def seal_envelope(
    parcels: Sequence[Parcel],
    *,
    sender: HostName,
    recipient: Host,
    signer: Ed25519PrivateKey,
    sent_at_ms: int,
    traceparent: str = "",
) -> bytes:
    """Return one envelope to one face of one host.

    Raises: EnvelopeError if the parcels are none, too many, too large or for both faces;
    ParcelError if one of them is not fit to travel.
    """
    if not parcels:
        raise EnvelopeMalformedError("an envelope without `parcels`")
    kinds = {kind_of(parcel) for parcel in parcels}
    if len(kinds) > 1:
        raise EnvelopeMalformedError("`parcels` are for both faces of the host")
    encodings = [encode_parcel(parcel) for parcel in parcels]
    route = Route(
        sender=sender,
        recipient=recipient.name,
        sent_at_ms=sent_at_ms,
        count=len(encodings),
        kind=kinds.pop(),
        traceparent=traceparent,
    )
    return _seal(route, encodings, recipient.seal_key, signer)


def seal_envelopes(
    parcels: Sequence[Parcel],
    *,
    sender: HostName,
    recipient: Host,
    signer: Ed25519PrivateKey,
    sent_at_ms: int,
    traceparent: str = "",
) -> list[bytes]:
    """Return as few envelopes as the limits allow, for parcels of either face, in their order.

    Raises: ParcelError if a parcel is not fit to travel.
    """
    by_kind: dict[EnvelopeKind, list[bytes]] = {kind: [] for kind in EnvelopeKind}
    for parcel in parcels:
        by_kind[kind_of(parcel)].append(encode_parcel(parcel))
    sealed = []
    for kind, encodings in by_kind.items():
        for part in _split(encodings):
            route = Route(
                sender=sender,
                recipient=recipient.name,
                sent_at_ms=sent_at_ms,
                count=len(part),
                kind=kind,
                traceparent=traceparent,
            )
            sealed.append(_seal(route, part, recipient.seal_key, signer))
    return sealed


def _split(encodings: list[bytes]) -> list[list[bytes]]:
    parts: list[list[bytes]] = []
    size = 0
    for data in encodings:
        weight = len(data) + _PARCEL_FRAME_BYTES
        full = not parts or len(parts[-1]) == ENVELOPE_PARCELS_MAX
        if full or size + weight > _CONTENTS_BYTES_MAX:
            parts.append([])
            size = 0
        parts[-1].append(data)
        size += weight
    return parts


def _seal(
    route: Route, encodings: list[bytes], recipient_key: bytes, signer: Ed25519PrivateKey
) -> bytes:
    _check_route(route)
    header = _ENCODER.encode(route)
    outer = bytes((_VERSION, len(header))) + header
    root = grow(encodings)[-1][0]
    signature = signer.sign(envelope_signed_bytes(route, root))
    contents = _ENCODER.encode(_Contents(signature, encodings))
    if len(outer) + len(contents) + SEAL_BYTES > ENVELOPE_BYTES_MAX:
        raise EnvelopeTooLargeError(f"envelope is over {ENVELOPE_BYTES_MAX} bytes")
    return outer + seal(contents, recipient_key=recipient_key, info=_INFO + outer)


def route_of(data: bytes) -> Route:
    """Return what the hub needs to route an envelope, without opening it. Raises: EnvelopeError."""
    return _read_header(data)[0]


def open_envelope(
    data: bytes, *, own_name: HostName, own_private: X25519PrivateKey, book: HostBook
) -> Opened:
    """Return what is in an envelope, verified.

    1. The header is read and names this host.  2. The seal opens with this host's key.
    3. A key certified for the sending host made the signature over the parcels' root.
    4. Each parcel has its only form, is for this face, and its member certifies that very key.
    Freshness is the caller's question (`check_fresh`), who has the clock.
    Raises: EnvelopeError at 1 to 3; a parcel that fails 4 is left out and listed in `faults`.
    """
    route, length = _read_header(data)  # (1)
    if route.recipient != own_name:
        raise SealedToAnotherError("`to` names another host")
    info = _INFO + data[:length]
    plain = unseal(data[length:], own_private=own_private, info=info)  # (2)
    contents = _read_contents(plain, route)
    levels = grow(contents.parcels)
    message = envelope_signed_bytes(route, levels[-1][0])
    key = _verify_signature(contents.signature, message, book.hosts_named(route.sender))  # (3)
    parcels, faults = _read_parcels(contents.parcels, route, key, book)  # (4)
    return Opened(
        route=route,
        parcels=parcels,
        faults=faults,
        encodings=tuple(contents.parcels),
        levels=levels,
        signature=contents.signature,
        verify_key=key,
    )


def check_fresh(route: Route, now_ms: int) -> None:
    """Check that an envelope was sent within the clock window. Raises: EnvelopeStaleError."""
    if abs(now_ms - route.sent_at_ms) > CLOCK_WINDOW_MS:
        raise EnvelopeStaleError(f"`sent_at` is over {CLOCK_WINDOW_MS // 1000} s away")


def _read_header(data: bytes) -> tuple[Route, int]:
    if len(data) > ENVELOPE_BYTES_MAX:
        raise EnvelopeTooLargeError(f"envelope is over {ENVELOPE_BYTES_MAX} bytes")
    if data[:1] != bytes((_VERSION,)):
        raise EnvelopeVersionError("envelope is not of version 1")
    length = 2 + data[1] if len(data) > 1 else 0
    if len(data) <= length + SEAL_BYTES:
        raise EnvelopeMalformedError("envelope is cut short")
    header = memoryview(data)[2:length]
    try:
        route = _ROUTE_DECODER.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EnvelopeMalformedError("`header` is not of its form") from None
    if _ENCODER.encode(route) != header:
        raise EnvelopeMalformedError("`header` is not in its only encoding")
    _check_route(route)
    return route, length


def _check_route(route: Route) -> None:
    try:
        parse_host_name(route.sender)
        parse_host_name(route.recipient)
    except MalformedError:
        raise EnvelopeMalformedError("`from` or `to` is not a host's name") from None
    if not 0 <= route.sent_at_ms <= _TIME_MAX_MS:
        raise EnvelopeMalformedError("`sent_at` is out of its range")
    if route.count < 1:
        raise EnvelopeMalformedError("an envelope without `parcels`")
    if route.count > ENVELOPE_PARCELS_MAX:
        raise EnvelopeTooLargeError(f"envelope holds over {ENVELOPE_PARCELS_MAX} parcels")
    if route.traceparent and not _TRACE(route.traceparent):
        raise EnvelopeMalformedError("`traceparent` is not of its form")


def _read_contents(plain: bytes, route: Route) -> _Contents:
    try:
        contents = _CONTENTS_DECODER.decode(plain)
    except msgspec.DecodeError:
        raise EnvelopeMalformedError("contents are not of their form") from None
    if len(contents.signature) != _SIGNATURE_BYTES or len(contents.parcels) != route.count:
        raise EnvelopeMalformedError("contents and `count` disagree")
    return contents


def _verify_signature(signature: bytes, message: bytes, hosts: Sequence[Host]) -> bytes:
    """Return the key that made the signature; a host has two while it changes keys."""
    if not hosts:
        raise SenderUnknownError("`from` is a host that no member certifies")
    for key in dict.fromkeys(host.verify_key for host in hosts):
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            continue
        return key
    raise SignatureInvalidError("no certified key of the sending host made this signature")


def _read_parcels(
    encodings: list[bytes], route: Route, key: bytes, book: HostBook
) -> tuple[tuple[tuple[int, Parcel], ...], tuple[ParcelFault, ...]]:
    parcels: list[tuple[int, Parcel]] = []
    faults: list[ParcelFault] = []
    for index, data in enumerate(encodings):
        try:
            parcels.append((index, _read_parcel(data, route, key, book)))
        except ParcelError as error:
            faults.append(ParcelFault(index=index, code=error.code))
    return tuple(parcels), tuple(faults)


def _read_parcel(data: bytes, route: Route, key: bytes, book: HostBook) -> Parcel:
    parcel = decode_parcel(data)
    if kind_of(parcel) is not route.kind:
        raise ParcelMalformedError("`parcel` is for the other face of the host")
    member = speaker(parcel)
    if member is not None:
        # A key speaks only for members whose own part names it: listing a host of the same name
        # with another key gives no voice for those members.
        host = book.host_of(member)
        if host is None or host.name != route.sender or host.verify_key != key:
            raise SenderNotServingError("`from` is not the host that the member certifies")
    return parcel
