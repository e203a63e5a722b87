"""JSON: what a JSON requester is delivered: the delivery's header with an answer or a fault in it.

The header carries what a requester matches by: its own control field, unchanged.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.answer import parse_answer, render_answer
from comity.formats.json.delivery import parse_delivery, parse_fault, render_delivery, render_fault
from comity.formats.json.merged import parse_merged, render_merged
from comity.formats.json.schema import decode
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["parse_delivered", "render_delivered"]


_ABSENT: Final = msgspec.Raw()


class _Delivered(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    # A raw part cannot be one of a union, so that an absent one is the empty text.
    delivery: msgspec.Raw
    answer: msgspec.Raw = _ABSENT
    merged: msgspec.Raw = _ABSENT
    fault: msgspec.Raw = _ABSENT


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Delivered)


def render_delivered(delivered: Delivered) -> bytes:
    """Return a delivery and what it brings as JSON."""
    answer, merged, fault = delivered.answer, delivered.merged, delivered.fault
    return _encoder.encode(
        _Delivered(
            delivery=msgspec.Raw(render_delivery(delivered.delivery)),
            answer=msgspec.Raw(render_answer(answer)) if answer is not None else _ABSENT,
            merged=msgspec.Raw(render_merged(merged)) if merged is not None else _ABSENT,
            fault=msgspec.Raw(render_fault(fault)) if fault is not None else _ABSENT,
        )
    )


def parse_delivered(data: bytes) -> Delivered:
    """Return what `render_delivered` wrote; at most 1 MiB. Raises: MessageError."""
    said = decode(_decoder, data, bytes_max=DELIVERY_BYTES_MAX)
    answer, merged, fault = bytes(said.answer), bytes(said.merged), bytes(said.fault)
    if sum(map(bool, (answer, merged, fault))) > 1:
        raise _several()
    return Delivered(
        delivery=parse_delivery(bytes(said.delivery)),
        answer=parse_answer(answer) if answer else None,
        merged=parse_merged(merged) if merged else None,
        fault=parse_fault(fault) if fault else None,
    )


def _several() -> MessageError:
    sentence = "a delivery brings `answer`, `merged` or `fault`, and one of them alone"
    return fault_of("0", "body-malformed", sentence)
