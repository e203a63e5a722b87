"""Deliveries and faults in JSON.

Guarantee: what is rendered is read back as the same value; any bytes give a value or
`MessageError`.
Source: docs/reference/messages.md, "JSON".
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey, is_key_form
from comity.formats.json.schema import decode, refuse
from comity.formats.rules import CLOCK_DATE, CLOCK_TIME, DELIVERY_BYTES_MAX

__all__ = ["parse_delivery", "parse_fault", "render_delivery", "render_fault"]

# Not `$`, which also matches before a line feed at the end: that would end a header line in text.
_Ori = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{9}\Z")]
_Control = Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,10}\Z")]


class _Stamp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    time: Annotated[str, msgspec.Meta(pattern=rf"^{CLOCK_TIME}\Z")]
    date: Annotated[str, msgspec.Meta(pattern=rf"^{CLOCK_DATE}\Z")]
    count: Annotated[int, msgspec.Meta(ge=0, le=99_999)]


class _Delivery(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    key: str
    origin: _Ori
    received: _Stamp
    sent: _Stamp
    destination: _Ori
    control: _Control | None = None
    text: str = ""


class _Fault(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    code: str
    text: str
    er: str
    options: tuple[str, ...] = ()
    original: str = ""


class _Error(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    error: _Fault


_deliveries: Final = msgspec.json.Decoder(_Delivery)
_errors: Final = msgspec.json.Decoder(_Error)
_encoder: Final = msgspec.json.Encoder()


def render_delivery(delivery: Delivery) -> bytes:
    """Return a delivery as JSON: header members, then the text as it is."""
    return _encoder.encode(
        _Delivery(
            key=delivery.key,
            origin=delivery.origin,
            received=_stamp_said(delivery.received),
            sent=_stamp_said(delivery.sent),
            destination=delivery.destination,
            control=delivery.control,
            text=delivery.text,
        )
    )


def parse_delivery(data: bytes, *, bytes_max: int = DELIVERY_BYTES_MAX) -> Delivery:
    """Return what a delivery's document holds; at most 1 MiB. Raises: MessageError."""
    said = decode(_deliveries, data, bytes_max=bytes_max)
    if not is_key_form(said.key):
        raise refuse("key", "message-key-malformed")
    return Delivery(
        key=MessageKey(said.key),
        origin=ORI(said.origin),
        received=_stamp_of(said.received),
        sent=_stamp_of(said.sent),
        destination=ORI(said.destination),
        control=said.control,
        text=said.text,
    )


def render_fault(fault: MessageFault) -> bytes:
    """Return a fault as JSON: one member `error`."""
    return _encoder.encode(
        _Error(
            error=_Fault(
                code=fault.code,
                text=fault.text,
                er=fault.er,
                options=fault.options,
                original=fault.original,
            )
        )
    )


def parse_fault(data: bytes) -> MessageFault:
    """Return what a fault's document holds; at most 1 MiB, as a delivery. Raises: MessageError."""
    said = decode(_errors, data, bytes_max=DELIVERY_BYTES_MAX).error
    return MessageFault(
        er=said.er,
        text=said.text,
        code=said.code,
        options=said.options,
        original=said.original,
    )


def _stamp_said(stamp: Stamp) -> _Stamp:
    return _Stamp(time=stamp.time, date=stamp.date, count=stamp.count)


def _stamp_of(said: _Stamp) -> Stamp:
    return Stamp(time=said.time, date=said.date, count=said.count)
