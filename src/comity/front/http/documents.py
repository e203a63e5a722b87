"""The documents of the HTTP front, and how deliveries are put into a reply.

One delivery is a reply of its own bytes; several are a JSON document or `multipart/mixed`. A reply
holds a part of a long list and says where to go on.
Guarantee: a delivery's bytes are the same each time and in every form.
Source: docs/adr/0015-http-front.md; RFC 2046 (parts).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from comity.formats.frames import FRAME_NUMBER_MAX
from comity.front.http.replies import Reply
from comity.front.http.requests import Kind, kind_of
from comity.services.deliveries import KeptDelivery
from comity.services.previews import StatePreview

__all__ = [
    "REPLY_BYTES_MAX",
    "DeliveryItem",
    "DeliveryList",
    "Health",
    "MessageStatus",
    "Place",
    "PreviewMade",
    "Taken",
    "encode_document",
    "fitting",
    "list_reply",
    "message_id",
    "one_reply",
]

REPLY_BYTES_MAX: Final = 2**20
"""Bytes of deliveries after which a list ends and says where to go on; it holds one at least."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=FRAME_NUMBER_MAX)]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]


class Place(StrEnum):
    """Where a message stands: durable, each state heard from, each state's last word given."""

    ACCEPTED = "accepted"
    ANSWERED = "answered"
    ENDED = "ended"


class MessageStatus(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Where a message stands. `id` is what its deliveries name as `reply_to`.

    `accepted_at` is left out of the reply that accepts it: a repeat is to get the same bytes.
    """

    key: str
    id: _Id
    location: str
    status: Place
    accepted_at: str | None = None


class DeliveryItem(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One delivery in a list: `content` is a JSON delivery as it is, and any other as a string.

    Number 0 is a status message, which is not kept. Without `reply_to` it answers no message.
    """

    number: _Number
    media_type: str
    content: msgspec.Raw
    reply_to: _Id | None = None


class DeliveryList(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Deliveries in the order of their numbers; `next` is the `after` to go on with.

    `message` stands where one message was asked about.
    """

    deliveries: tuple[DeliveryItem, ...]
    next: _Number
    more: bool
    message: MessageStatus | None = None


class PreviewMade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the states that a query names would likely say; `entry` is the leaf that records it."""

    entry: str
    states: tuple[StatePreview, ...]


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to which delivery a line has everything."""

    number: _Number


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That this process answers, and whether its data are practice data."""

    status: str
    practice: bool


class _Fitting(msgspec.Struct, frozen=True, kw_only=True):
    """What of a list goes into one reply."""

    deliveries: tuple[KeptDelivery, ...]
    next: int
    more: bool


_encoder: Final = msgspec.json.Encoder()


def encode_document(document: msgspec.Struct) -> bytes:
    """Return a document as JSON."""
    return _encoder.encode(document)


def message_id(number: int) -> str:
    """Return a message's id: its frame number in hexadecimal, which every JSON reader keeps."""
    return f"{number:016x}"


def fitting(deliveries: Sequence[KeptDelivery], last: int, *, more: bool) -> _Fitting:
    """Return what of a list fits one reply; `last` and `more` are those of the whole list."""
    size = 0
    for count, delivery in enumerate(deliveries):
        size += len(delivery.data)
        if count and size > REPLY_BYTES_MAX:
            kept = tuple(deliveries[:count])
            return _Fitting(deliveries=kept, next=kept[-1].number, more=True)
    return _Fitting(deliveries=tuple(deliveries), next=last, more=more)


def one_reply(status: int, delivery: KeptDelivery, headers: tuple[tuple[str, str], ...]) -> Reply:
    """Return a reply that is a delivery's own bytes."""
    return Reply(
        status=status,
        media=kind_of(delivery.data).value,
        body=delivery.data,
        headers=(*headers, *_about(delivery)),
    )


def list_reply(
    status: int,
    part: _Fitting,
    message: MessageStatus | None,
    headers: tuple[tuple[str, str], ...],
    *,
    in_parts: bool,
) -> Reply:
    """Return a reply that holds a list of deliveries, as one document or in parts."""
    headers = (
        *headers,
        ("comity-next", str(part.next)),
        ("comity-more", "true" if part.more else "false"),
    )
    # Nothing in parts is no valid body: an empty list is always a document.
    if in_parts and part.deliveries:
        media, body = _in_parts(part.deliveries)
    else:
        media = Kind.JSON.value
        body = _encoder.encode(
            DeliveryList(
                deliveries=tuple(_item(delivery) for delivery in part.deliveries),
                next=part.next,
                more=part.more,
                message=message,
            )
        )
    return Reply(status=status, media=media, body=body, headers=headers)


def _item(delivery: KeptDelivery) -> DeliveryItem:
    kind, content = kind_of(delivery.data), delivery.data
    if kind is not Kind.JSON:
        content = _encoder.encode(content.decode("utf-8", "replace"))
    return DeliveryItem(
        number=delivery.number,
        media_type=kind.value,
        content=msgspec.Raw(content),
        reply_to=message_id(delivery.reply_to) if delivery.reply_to else None,
    )


def _about(delivery: KeptDelivery) -> tuple[tuple[str, str], ...]:
    number = ("comity-delivery", str(delivery.number))
    if not delivery.reply_to:
        return (number,)
    return number, ("comity-reply-to", message_id(delivery.reply_to))


def _in_parts(deliveries: Sequence[KeptDelivery]) -> tuple[str, bytes]:
    """Return the media type and the body; the boundary holds a hash of what it must not be in."""
    boundary = f"comity-{sha256(b''.join(d.data for d in deliveries)).hexdigest()[:32]}"
    mark = boundary.encode("ascii")
    chunks: list[bytes] = []
    for delivery in deliveries:
        about = (("content-type", kind_of(delivery.data).value), *_about(delivery))
        lines = [f"{name}: {value}\r\n".encode("ascii") for name, value in about]
        chunks += [b"--", mark, b"\r\n", *lines, b"\r\n", delivery.data, b"\r\n"]
    chunks += [b"--", mark, b"--\r\n"]
    return f'multipart/mixed; boundary="{boundary}"', b"".join(chunks)
