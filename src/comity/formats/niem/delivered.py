"""What an XML requester is delivered: the network's header, a free text, and what it brings.

Guarantee: every NIEM receiver can show the free text; what `render_delivered` writes is read back
as the same value, but for characters that XML cannot carry; any bytes give one or `MessageError`.
Source: docs/adr/0012-niem-xml.md, 4 and 5.
"""

from __future__ import annotations

from typing import Any, Final

from comity.domain.answer import Element
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.niem.answer import (
    answer_of,
    answer_said,
    fault_of_element,
    fault_said,
    image_said,
    merged_of,
    merged_said,
)
from comity.formats.niem.header import document, header_of, output_of, output_said, text_said
from comity.formats.niem.names import NAMESPACES, TEXTS, body_of, clark
from comity.formats.niem.schema import echo, free_text_of, read_delivered, read_root, refuse

__all__ = ["is_delivered", "parse_delivered", "render_delivered"]

_IMAGE: Final = clark("nc:PersonDigitalImage")
_OBJECT: Final = clark("nc:BinaryBase64Object")
_ANSWER: Final = clark("c:Answer")
_MERGED: Final = clark("c:Merged")
_FAULT: Final = clark("c:Fault")
_BROUGHT: Final = (_ANSWER, _MERGED, _FAULT)
_OURS: Final = f"{{{NAMESPACES['c']}}}"
_RECEIVED: Final = f"{clark('n2:NLETSMessageHeader')}/{clark('nh2:MessageReceiveDate')}"


def render_delivered(delivered: Delivered) -> bytes:
    """Return a delivery and what it brings as XML."""
    delivery = delivered.delivery
    body = body_of(delivery.key)
    images: list[Element] = []
    brought: list[str] = []
    if delivered.answer is not None:
        brought.append(answer_said(delivered.answer, images))
    if delivered.merged is not None:
        brought.append(merged_said(delivered.merged, images))
    if delivered.fault is not None:
        brought.append(fault_said(delivered.fault))
    parts = [text_said(body, delivery.text), *map(image_said, images), *brought]
    return document(output_said(delivery), delivery.key, body, parts)


def parse_delivered(data: bytes) -> Delivered:
    """Return what a delivered message holds; at most 1 MiB. Raises: MessageError.

    Shape:  header and our own elements are closed; all else in the body is passed over, except its
            one free text.
    """
    try:
        return _delivered_of(read_delivered(data))
    except MessageError as error:
        raise with_original(error, echo(data)) from None


def is_delivered(data: bytes) -> bool:
    """Say whether a document has an output header. Raises: MessageError if it is not read at all.

    Whether it is one that the schema holds is not said.
    """
    try:
        return read_root(data).find(_RECEIVED) is not None
    except MessageError as error:
        raise with_original(error, echo(data)) from None


def _delivered_of(root: Any) -> Delivered:
    texts: list[str] = []
    images: list[str] = []
    brought: dict[str, Any] = {}
    for child in root[1]:
        tag = child.tag
        if tag in TEXTS:
            texts.append(free_text_of(child))
        elif tag == _IMAGE:
            images.append(child.findtext(_OBJECT) or "")
        elif tag in _BROUGHT:
            if brought:
                raise _several()
            brought[tag] = child
        elif tag.startswith(_OURS):
            raise refuse("an element of ours is not one that is delivered")
    if len(texts) != 1:
        raise refuse("the body does not hold one free text")
    answer, merged, fault = (brought.get(tag) for tag in _BROUGHT)
    return Delivered(
        delivery=output_of(header_of(root), texts[0]),
        answer=answer_of(answer, images) if answer is not None else None,
        merged=merged_of(merged, images) if merged is not None else None,
        fault=fault_of_element(fault) if fault is not None else None,
    )


def _several() -> MessageError:
    sentence = "a delivery brings one of `answer`, `merged` and `fault`"
    return fault_of("0", "body-malformed", sentence)
