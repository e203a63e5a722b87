"""Parcels: what travels in an envelope, one thing said by one member to another.

Guarantee: a parcel has exactly one encoding. Decoding re-encodes and compares, so an unknown
field, another order, a spelled-out default or a trailing byte is refused, as is a value outside its
range (see `link.forms`).
Bytes: one version byte (1), then MessagePack of `[kind, ...fields]`.
Source: docs/adr/0009-envelope.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

import msgspec

from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId, Member
from comity.domain.query import Exchange
from comity.link.errors import ParcelMalformedError, ParcelTooLargeError
from comity.link.forms import are_answer_keys, is_answer, is_exchange, is_id, is_member
from comity.link.limits import PARCEL_BYTES_MAX

__all__ = [
    "Answered",
    "Ask",
    "EnvelopeKind",
    "Parcel",
    "Received",
    "RefusalCode",
    "Refused",
    "addressee",
    "decode_parcel",
    "encode_parcel",
    "kind_of",
    "speaker",
]

_VERSION: Final = b"\x01"


class EnvelopeKind(StrEnum):
    """Which face of the receiving gateway an envelope is for; the hub may read it."""

    ASK = "ask"
    ANSWER = "answer"


class RefusalCode(StrEnum):
    """Why an ask was not even taken in: no decision, no leaf, the origin may ask again."""

    STALE = "stale"
    NOT_HOSTED_HERE = "not_hosted_here"
    UNKNOWN_MEMBER = "unknown_member"
    AGENCY_NOT_LISTED = "agency_not_listed"
    KEY_NOT_ANSWERED = "key_not_answered"
    NOT_DERIVED = "not_derived"
    BUSY = "busy"
    SOURCE_UNAVAILABLE = "source_unavailable"
    NEVER_ANSWERED = "never_answered"
    OUT_OF_SERVICE_QUEUED = "out_of_service_queued"
    OUT_OF_SERVICE = "out_of_service"


class Ask(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="ask",
    forbid_unknown_fields=True,
):  # fmt: skip
    """An origin member asks one state."""

    exchange: Exchange


class Answered(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="answer",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A state answers; `origin` is the member that asked."""

    origin: Member
    answer: Answer


class Received(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="received",
    forbid_unknown_fields=True,
):  # fmt: skip
    """An origin member holds these answers of one state durably, each as (exchange id, step): the
    state need not send them again.
    """

    origin: Member
    state: Member
    answers: tuple[tuple[ExchangeId, int], ...]


class Refused(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="refusal",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A host did not take in an ask; nothing was decided and nothing recorded."""

    origin: Member
    state: Member
    exchange_id: ExchangeId
    code: RefusalCode


Parcel = Ask | Answered | Received | Refused

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Parcel]] = msgspec.msgpack.Decoder(Parcel)


def encode_parcel(parcel: Parcel) -> bytes:
    """Return a parcel's bytes. Raises: ParcelError, for what the other side would refuse."""
    _check(parcel)
    try:
        data = _VERSION + _ENCODER.encode(parcel)
    except UnicodeEncodeError:
        raise ParcelMalformedError("`parcel` holds half a character") from None
    if len(data) > PARCEL_BYTES_MAX:
        raise ParcelTooLargeError(f"`parcel` is over {PARCEL_BYTES_MAX} bytes")
    return data


def decode_parcel(data: bytes) -> Parcel:
    """Return the parcel that these bytes are. Raises: ParcelError."""
    if len(data) > PARCEL_BYTES_MAX:
        raise ParcelTooLargeError(f"`parcel` is over {PARCEL_BYTES_MAX} bytes")
    if data[:1] != _VERSION:
        raise ParcelMalformedError("`parcel` is not of version 1")
    body = memoryview(data)[1:]
    try:
        parcel = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ParcelMalformedError("`parcel` is not of a known kind and form") from None
    _check(parcel)
    if _ENCODER.encode(parcel) != body:
        raise ParcelMalformedError("`parcel` is not in its only encoding")
    return parcel


def kind_of(parcel: Parcel) -> EnvelopeKind:
    """Return which face of the receiving gateway a parcel is for."""
    match parcel:
        case Ask() | Received():
            return EnvelopeKind.ASK
        case Answered() | Refused():
            return EnvelopeKind.ANSWER
        case _:
            assert_never(parcel)


def speaker(parcel: Parcel) -> Member | None:
    """Return the member in whose name a parcel speaks.

    None for a refusal that says that the member is not served where it was asked: then nobody but
    the host itself can say so.
    """
    match parcel:
        case Ask():
            return parcel.exchange.origin_member
        case Answered():
            return parcel.answer.state
        case Received():
            return parcel.origin
        case Refused():
            absent = parcel.code in {RefusalCode.NOT_HOSTED_HERE, RefusalCode.UNKNOWN_MEMBER}
            return None if absent else parcel.state
        case _:
            assert_never(parcel)


def addressee(parcel: Parcel) -> Member:
    """Return the member that a parcel is for."""
    match parcel:
        case Ask():
            return parcel.exchange.state
        case Received():
            return parcel.state
        case Answered() | Refused():
            return parcel.origin
        case _:
            assert_never(parcel)


def _check(parcel: Parcel) -> None:
    match parcel:
        case Ask():
            holds = is_exchange(parcel.exchange)
        case Answered():
            holds = is_member(parcel.origin) and is_answer(parcel.answer)
        case Received():
            names = is_member(parcel.origin) and is_member(parcel.state)
            holds = names and are_answer_keys(parcel.answers)
        case Refused():
            names = is_member(parcel.origin) and is_member(parcel.state)
            holds = names and is_id(parcel.exchange_id)
        case _:
            assert_never(parcel)
    if not holds:
        raise ParcelMalformedError("`parcel` holds a value outside its range")
