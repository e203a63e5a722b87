"""JSON: what a JSON requester is delivered: the delivery's header with an answer or a fault in it.

The header carries what a requester matches by: its own control field, unchanged.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Answer
from comity.domain.delivery import Delivery, MessageFault
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.answer import parse_answer, render_answer
from comity.formats.json.delivery import parse_delivery, parse_fault, render_delivery, render_fault
from comity.formats.json.schema import decode
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["Delivered", "parse_delivered", "render_delivered"]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with what it brings: an answer, a fault, or neither (its text says it all)."""

    delivery: Delivery
    answer: Answer | None = None
    fault: MessageFault | None = None


_ABSENT: Final = msgspec.Raw()


class _Delivered(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    # A raw part cannot be one of a union, so that an absent one is the empty text.
    delivery: msgspec.Raw
    answer: msgspec.Raw = _ABSENT
    fault: msgspec.Raw = _ABSENT


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Delivered)


def render_delivered(delivered: Delivered) -> bytes:
    """Return a delivery and what it brings as JSON."""
    answer, fault = delivered.answer, delivered.fault
    return _encoder.encode(
        _Delivered(
            delivery=msgspec.Raw(render_delivery(delivered.delivery)),
            answer=msgspec.Raw(render_answer(answer)) if answer is not None else _ABSENT,
            fault=msgspec.Raw(render_fault(fault)) if fault is not None else _ABSENT,
        )
    )


def parse_delivered(data: bytes) -> Delivered:
    """Return what `render_delivered` wrote; at most 1 MiB. Raises: MessageError."""
    said = decode(_decoder, data, bytes_max=DELIVERY_BYTES_MAX)
    answer, fault = bytes(said.answer), bytes(said.fault)
    if answer and fault:
        raise _both()
    return Delivered(
        delivery=parse_delivery(bytes(said.delivery)),
        answer=parse_answer(answer) if answer else None,
        fault=parse_fault(fault) if fault else None,
    )


def _both() -> MessageError:
    return fault_of("0", "body-malformed", "a delivery brings `answer` or `fault`, not both")
