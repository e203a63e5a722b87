"""The envelope and the header of NIEM messages, written as printed and read as the schema has them.

Source: docs/adr/0012-niem-xml.md, 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey, is_key_form
from comity.formats.faults import MessageError, fault_of
from comity.formats.niem.names import NAMESPACES, OURS, Body, clark
from comity.formats.niem.schema import free_text_of, refuse, value_of
from comity.formats.niem.write import attribute, element, free_text
from comity.formats.rules import CLOCK_DATE, CLOCK_TIME, is_ori

__all__ = [
    "Header",
    "document",
    "header_of",
    "header_said",
    "output_of",
    "output_said",
    "text_said",
]

_COUNT_MODULUS: Final = 100_000
_OPENED: Final = (
    f'<n2:NLETS xmlns:nh2="{NAMESPACES["nh2"]}" n2:version="4.00"'
    f' xmlns:nc="{NAMESPACES["nc"]}" xmlns:n2="{NAMESPACES["n2"]}">'
)
_KEY: Final = clark("nh2:MessageKeyCodeText")
_ORIGIN: Final = clark("nh2:OriginatingORIID")
_DESTINATION: Final = clark("nh2:DestinationORIID")
_CONTROLS: Final = {
    clark("nh2:DocumentControlFieldText"), clark("n2:DocumentControlFieldText"),
}  # fmt: skip
_OUTPUT: Final = {
    clark(f"nh2:{name}"): name
    for name in (
        "MessageReceiveDate", "MessageReceiveTime", "MessageSendDate", "MessageSendTime",
        "ReceiveMessageNumeric", "SendMessageNumeric",
    )
}  # fmt: skip
_BODY_KEY: Final = clark("n2:key")
_FORMS: Final = {
    "Date": re.compile(CLOCK_DATE),
    "Time": re.compile(CLOCK_TIME),
    "eric": re.compile("[0-9]{1,5}"),
}
# What another network delivers may hold what a query of ours may not.
_CONTROL: Final = re.compile("[ -~]{1,10}")


class Header(msgspec.Struct, kw_only=True):
    """What a header says, as it says it; `output` holds the six elements of a delivery."""

    key: str = ""
    origin: str = ""
    destinations: list[str] = msgspec.field(default_factory=list)
    control: str | None = None
    output: dict[str, str] = msgspec.field(default_factory=dict)


def document(header: Iterable[str], key: MessageKey, body: Body, parts: Iterable[str]) -> bytes:
    """Return a whole message: the envelope as printed, one element to a line."""
    lines = [
        _OPENED,
        "<n2:NLETSMessageHeader>",
        *header,
        "</n2:NLETSMessageHeader>",
        f"<{body.name}{attribute('n2:key', key)}>",
        *parts,
        f"</{body.name}>",
        "</n2:NLETS>",
    ]
    return "\n".join(lines).encode()


def header_said(
    key: MessageKey, origin: ORI, destinations: Iterable[str], control: str | None
) -> list[str]:
    """Return the elements of an input header."""
    lines = [
        element("nh2:MessageKeyCodeText", key),
        element("nh2:OriginatingORIID", origin),
        *(element("nh2:DestinationORIID", destination) for destination in destinations),
    ]
    if control is not None:
        lines.append(free_text("nh2:DocumentControlFieldText", control))
    return lines


def output_said(delivery: Delivery) -> list[str]:
    """Return the elements of an output header; counters wrap at five digits."""
    received, sent = delivery.received, delivery.sent
    return [
        *header_said(delivery.key, delivery.origin, [delivery.destination], delivery.control),
        element("nh2:MessageReceiveDate", received.date),
        element("nh2:MessageReceiveTime", received.time),
        element("nh2:MessageSendDate", sent.date),
        element("nh2:MessageSendTime", sent.time),
        element("nh2:ReceiveMessageNumeric", f"{received.count % _COUNT_MODULUS:05d}"),
        element("nh2:SendMessageNumeric", f"{sent.count % _COUNT_MODULUS:05d}"),
    ]


def text_said(body: Body, text: str) -> str:
    """Return a body's free text."""
    return free_text(body.text, text, f" {OURS}" if body.text.startswith("c:") else "")


def header_of(root: Any) -> Header:
    """Return what the header of a validated message says. Raises: MessageError.

    The body's own key, where it has one, must be the header's.
    """
    header = Header()
    for child in root[0]:
        tag = child.tag
        if tag == _DESTINATION:
            header.destinations += value_of(child).split(".")
        elif tag in _CONTROLS:
            header.control = free_text_of(child)
        elif tag == _KEY:
            header.key = value_of(child)
        elif tag == _ORIGIN:
            header.origin = value_of(child)
        else:
            header.output[_OUTPUT[tag]] = value_of(child)
    repeated = root[1].get(_BODY_KEY)
    if repeated is not None and repeated != header.key:
        raise refuse("`n2:key` is not the key of the header")
    return header


def output_of(header: Header, text: str) -> Delivery:
    """Return the delivery that an output header describes. Raises: MessageError."""
    if not is_key_form(header.key):
        raise _invalid("nh2:MessageKeyCodeText")
    for name, value in header.output.items():
        if not _FORMS[name[-4:]].fullmatch(value):
            raise _invalid(f"nh2:{name}")
    if not is_ori(header.origin):
        raise _invalid("nh2:OriginatingORIID")
    if not is_ori(".".join(header.destinations)):
        raise _invalid("nh2:DestinationORIID")
    if header.control is not None and not _CONTROL.fullmatch(header.control):
        raise _invalid("nh2:DocumentControlFieldText")
    return Delivery(
        key=MessageKey(header.key),
        origin=ORI(header.origin),
        received=_stamp(header.output, "Receive"),
        sent=_stamp(header.output, "Send"),
        destination=ORI(header.destinations[0]),
        control=header.control,
        text=text,
    )


def _stamp(output: dict[str, str], which: str) -> Stamp:
    return Stamp(
        time=output[f"Message{which}Time"],
        date=output[f"Message{which}Date"],
        count=int(output[f"{which}MessageNumeric"]),
    )


def _invalid(name: str) -> MessageError:
    return fault_of(".01.", "header-invalid", f"`{name}` does not have its form")
