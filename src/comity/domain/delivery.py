"""A message as the network delivers it: output header, status and error messages."""

from __future__ import annotations

import msgspec

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey

__all__ = ["Delivery", "MessageFault", "Stamp"]


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """One clock line: `hh:mm`, `mm/dd/yyyy` and a counter 0..99,999 that wraps."""

    time: str
    date: str
    count: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What is delivered to an agency: a response, a status or an error message, with its free text.

    `received` is when the network got what it delivers, `sent` when it delivers. `control` is the
    requester's own, byte for byte. `text` is the body after `TXT`, lines joined by a single line
    feed.
    """

    key: MessageKey
    origin: ORI
    received: Stamp
    sent: Stamp
    destination: ORI
    control: str | None = None
    text: str = ""


class MessageFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a message: the error number of the network, its text, and Comity's stable
    code.

    `er` is the number as printed (`.22.`, `0`). `options` are the accepted field sets, for `.22.`.
    `original` is the input, as far as an error message echoes it.
    """

    er: str
    text: str
    code: str
    options: tuple[str, ...] = ()
    original: str = ""
