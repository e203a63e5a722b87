"""Status messages of the network, in text: what became of a message, and operators' notices.

Guarantee: the numbered texts stand exactly as published, because receivers look for them; what is
rendered is read back.
Source: docs/reference/messages.md, "Status messages".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.keys import MessageKey
from comity.formats.faults import fault_of
from comity.formats.text.plain import plain_text

__all__ = [
    "Notice",
    "Status",
    "StatusKind",
    "parse_notice",
    "parse_status",
    "render_notice",
    "render_status",
]


class StatusKind(StrEnum):
    """What became of a message that could not be delivered at once, by the network's number."""

    NEVER_FORWARDED = ".01."
    QUEUED = ".02."
    NOT_QUEUED = ".04."


_TEXTS: Final = {
    StatusKind.NEVER_FORWARDED: "USER DOES NOT RESPOND TO MSG TYPE, NLETS WILL NOT FORWARD",
    StatusKind.QUEUED: "USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD",
    StatusKind.NOT_QUEUED: "USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL NOT FORWARD",
}
_DETAIL: Final = re.compile("MKE ([A-Z]{2,3}) TO ([A-Z][A-Z0-9]|[A-Z0-9]{9})")
_OUT: Final = re.compile(
    "NLETS TEMPORARILY OUT OF SERVICE UNTIL ([01][0-9][0-5][0-9]|2[0-3][0-5][0-9]) ([A-Z]{3})"
)
_IN_SERVICE: Final = "NLETS IN SERVICE"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What became of which message: its key and the destination it was for, where they are said."""

    kind: StatusKind
    key: MessageKey | None = None
    destination: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's notice: out of service until `hhmm` in a zone of three letters, or, with both
    empty, in service again.
    """

    until: str = ""
    zone: str = ""


def render_status(status: Status) -> str:
    """Return a status message's body: the published text, then the key and destination."""
    text = f"{status.kind} {_TEXTS[status.kind]}"
    if status.key is None:
        return text
    return f"{text}\nMKE {status.key} TO {status.destination}"


def parse_status(text: str) -> Status:
    """Return what a status message says, with or without the line of key and destination.

    Raises: MessageError if its first line is not one of the numbered texts.
    """
    first, _, rest = plain_text(text).partition("\n")
    for kind, words in _TEXTS.items():
        if first == f"{kind} {words}":
            detail = _DETAIL.fullmatch(rest.partition("\n")[0])
            if detail is None:
                return Status(kind=kind)
            return Status(kind=kind, key=MessageKey(detail[1]), destination=detail[2])
    raise fault_of("0", "message-malformed", "the text is not a numbered status message")


def render_notice(notice: Notice) -> str:
    """Return an operator's notice."""
    if not notice.until:
        return _IN_SERVICE
    return f"NLETS TEMPORARILY OUT OF SERVICE UNTIL {notice.until} {notice.zone}"


def parse_notice(text: str) -> Notice:
    """Return an operator's notice. Raises: MessageError if it is neither of the two."""
    line = plain_text(text)
    if line == _IN_SERVICE:
        return Notice()
    found = _OUT.fullmatch(line)
    if found is None:
        raise fault_of("0", "message-malformed", "the text is not an operator's notice")
    return Notice(until=found[1], zone=found[2])
