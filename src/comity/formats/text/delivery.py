"""Messages as the network delivers them, in text: output header, then free text.

    KEY.ORIGORI
    hh:mm mm/dd/yyyy nnnnn
    hh:mm mm/dd/yyyy nnnnn DESTORI
    [*CONTROL]
    TXT
    body

Guarantee: what `render_delivery` writes is read back as the same delivery, its text made plain; a
value can not end a header line. Reading is tolerant where published samples differ: the two clock
lines in either order, periods at the end of header lines, a body on the line of `TXT`.
Source: docs/reference/messages.md, "Text: messages as delivered".
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.rules import CLOCK_DATE, CLOCK_TIME, DELIVERY_BYTES_MAX
from comity.formats.text.plain import CONTROLS_KEEPING_LINES, plain_line, plain_text

__all__ = ["parse_delivery", "render_delivery"]

_COUNT_MAX: Final = 100_000
_CONTROL_CHARS_MAX: Final = 10
_CLOCK: Final = f"({CLOCK_TIME}) ({CLOCK_DATE}) ([0-9]{{5}})"
_HEADER: Final = re.compile(
    r"(?P<key>[A-Z]{2,3})\.(?P<origin>[A-Z0-9]{9})\.?\n"
    rf"{_CLOCK}(?: ([A-Z0-9]{{9}})\.?)?\n"
    rf"{_CLOCK}(?: ([A-Z0-9]{{9}})\.?)?\n"
    r"(?:\*(?P<control>[ -~]{1,11})\n)?"
    r"TXT"
)


def parse_delivery(data: bytes) -> Delivery:
    """Return what a delivered text message holds.

    Shape:  at most 1 MiB; bytes beyond ASCII count as `?`, because responses are others' free text.
    Raises: MessageError, with the start of the message in its fault.
    """
    if len(data) > DELIVERY_BYTES_MAX:
        raise fault_of("0", "message-too-long", "the message is over 1048576 bytes")
    text = _lines_of(data)
    try:
        return _parse(text)
    except MessageError as error:
        raise with_original(error, plain_text(text)) from None


def render_delivery(delivery: Delivery) -> bytes:
    """Return a delivery as text; its text is made plain, its counters wrap at five digits."""
    received, sent = delivery.received, delivery.sent
    lines = [
        f"{delivery.key}.{delivery.origin}",
        f"{received.time} {received.date} {received.count % _COUNT_MAX:05d}",
        f"{sent.time} {sent.date} {sent.count % _COUNT_MAX:05d} {delivery.destination}",
    ]
    if delivery.control is not None:
        lines.append(f"*{_header_value(delivery.control)}")
    lines.append("TXT")
    text = plain_text(delivery.text)
    if text:
        lines.append(text)
    return "\n".join(lines).encode("ascii")


def _header_value(value: str) -> str:
    """Keep a control field as it came; one that could end its line is made plain first."""
    return value if value.isascii() and value.isprintable() else plain_line(value)


def _lines_of(data: bytes) -> str:
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = data.translate(None, CONTROLS_KEEPING_LINES).decode("ascii", "replace")
    return text if text.isascii() else text.replace("\ufffd", "?")


def _parse(text: str) -> Delivery:
    header = _HEADER.match(text)
    if header is None:
        raise _header_fault(text)
    key, origin, *rest = header.groups()
    first, first_to, second, second_to, control = rest[:3], rest[3], rest[4:7], rest[7], rest[8]
    # The line that names the destination is the one the network sent; the other it received.
    if (first_to is None) == (second_to is None):
        raise fault_of(".01.", "header-invalid", "one clock line names the `destination`")
    received, sent = (first, second) if second_to else (second, first)
    if control is not None and len(control) > _CONTROL_CHARS_MAX:
        if not control.endswith("."):
            raise fault_of(".01.", "control-malformed", "`control field` is not 1 to 10 characters")
        control = control[:-1]
    return Delivery(
        key=MessageKey(key),
        origin=ORI(origin),
        received=_stamp(received),
        sent=_stamp(sent),
        destination=ORI(second_to or first_to),
        control=control,
        text=plain_text(text[header.end() :]),
    )


def _stamp(parts: list[str]) -> Stamp:
    return Stamp(time=parts[0], date=parts[1], count=int(parts[2]))


def _header_fault(text: str) -> MessageError:
    first = text.split("\n", 1)[0]
    if re.match(r"[A-Z]{2,3}\.", first) is None:
        return fault_of("0", "message-malformed", "there is no message key")
    if "\nTXT" not in text:
        return fault_of(".03.", "txt-not-found", "there is no `txt`")
    return fault_of(".01.", "header-invalid", "the header is not a delivered message's")
