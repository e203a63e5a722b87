"""Error messages of the network, in text: number and text, options, start of the original.

Guarantee: `parse_error` gets back what `render_error` wrote, except Comity's finer code.
Source: docs/reference/error-messages.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.formats.faults import ER_ROWS, ORIGINAL_CHARS, fault_of
from comity.formats.text.plain import plain_line, plain_text

__all__ = ["parse_error", "render_error", "render_error_text"]

_ER: Final = MessageKey("ER")
_ORIGINAL: Final = "ORIGINAL MESSAGE"
_FIRST: Final = re.compile(r"(0|\.[0-9]{2}\.) ?(.*)")
_OPTION: Final = re.compile(r"[0-9]{1,6}\. (.*)")


def render_error(
    fault: MessageFault,
    *,
    network: ORI,
    destination: ORI,
    control: str | None,
    received: Stamp,
    sent: Stamp,
) -> Delivery:
    """Return the error message for a fault; `network` is the ORI it comes from."""
    return Delivery(
        key=_ER,
        origin=network,
        received=received,
        sent=sent,
        destination=destination,
        control=control,
        text=render_error_text(fault),
    )


def render_error_text(fault: MessageFault) -> str:
    """Return the body of an error message."""
    lines = [f"{fault.er} {plain_line(fault.text)}"]
    lines += [f"{n}. {plain_line(option)}" for n, option in enumerate(fault.options, start=1)]
    lines.append(_ORIGINAL)
    original = plain_text(fault.original)[:ORIGINAL_CHARS].rstrip("\n")
    if original:
        lines.append(original)
    return "\n".join(lines)


def parse_error(text: str) -> MessageFault:
    """Return the fault that an error message's body tells of; its code is its number's.

    Raises: MessageError if it is not an error message's body.
    """
    head, _, original = plain_text(text).partition(f"\n{_ORIGINAL}")
    lines = head.split("\n")
    first = _FIRST.fullmatch(lines[0])
    row = ER_ROWS.get(first[1]) if first else None
    if first is None:
        raise fault_of("0", "message-malformed", "the text is not an error message's")
    options = [found[1] for line in lines[1:] if (found := _OPTION.fullmatch(line))]
    return MessageFault(
        er=first[1],
        text=first[2],
        code=row.code if row else "error-unknown",
        options=tuple(options),
        original=original.removeprefix("\n"),
    )
