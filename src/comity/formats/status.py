"""Status messages of the network, in every format: what became of a message, and notices.

    .02. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD
    MKE DQ TO WA

Guarantee: the numbered texts stand exactly as published, because receivers look for them; what is
rendered is read back. The second line is ours; the word ALL in it stands for every key.
Source: docs/reference/messages.md, "Status messages".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.keys import MessageKey
from comity.formats.faults import MessageError, fault_of
from comity.formats.sending import ALL_KEYS

__all__ = [
    "ALL_KEYS",
    "Notice",
    "Status",
    "StatusKind",
    "parse_announcement",
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
_KINDS: Final = {f"{kind} {words}": kind for kind, words in _TEXTS.items()}
_DETAIL: Final = re.compile("MKE ([A-Z]{2,3}) TO ([A-Z][A-Z0-9]|[A-Z0-9]{9})")
_OUT: Final = re.compile(
    "NLETS TEMPORARILY OUT OF SERVICE UNTIL ([01][0-9][0-5][0-9]|2[0-3][0-5][0-9]) ([A-Z]{3})"
)
_IN_SERVICE: Final = "NLETS IN SERVICE"
_LINES_MAX: Final = 2


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What became of which message: its key and the destination it was for, where they are said.

    `key` is `ALL_KEYS` where every key is meant.
    """

    kind: StatusKind
    key: MessageKey | None = None
    destination: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's notice: out of service until `hhmm` in a zone of three letters, or, with both
    empty, in service again. `key` and `destination` say for which messages, where they are said.
    """

    until: str = ""
    zone: str = ""
    key: MessageKey | None = None
    destination: str = ""


def render_status(status: Status) -> str:
    """Return a status message's body: the published text, then the key and destination."""
    return _with_detail(f"{status.kind} {_TEXTS[status.kind]}", status)


def render_notice(notice: Notice) -> str:
    """Return an operator's notice, then the key and destination."""
    if not notice.until:
        return _with_detail(_IN_SERVICE, notice)
    text = f"NLETS TEMPORARILY OUT OF SERVICE UNTIL {notice.until} {notice.zone}"
    return _with_detail(text, notice)


def _with_detail(text: str, said: Status | Notice) -> str:
    return text if said.key is None else f"{text}\nMKE {said.key} TO {said.destination}"


def parse_status(text: str) -> Status:
    """Return what a status message says, with or without the line of key and destination.

    Lines of another system behind the first are passed over.
    Raises: MessageError if its first line is not one of the numbered texts.
    """
    lines = _lines(text)
    kind = _KINDS.get(lines[0])
    if kind is None:
        raise fault_of("0", "message-malformed", "the text is not a numbered status message")
    detail = _DETAIL.fullmatch(lines[1]) if len(lines) > 1 else None
    if detail is None:
        return Status(kind=kind)
    return Status(kind=kind, key=MessageKey(detail[1]), destination=detail[2])


def parse_notice(text: str) -> Notice:
    """Return an operator's notice. Raises: MessageError if it is neither of the two."""
    lines = _lines(text)
    found = _OUT.fullmatch(lines[0])
    detail = _DETAIL.fullmatch(lines[1]) if len(lines) == _LINES_MAX else None
    is_notice = found is not None or lines[0] == _IN_SERVICE
    if not is_notice or len(lines) > (1 if detail is None else _LINES_MAX):
        raise fault_of("0", "message-malformed", "the text is not an operator's notice")
    return Notice(
        until=found[1] if found else "",
        zone=found[2] if found else "",
        key=MessageKey(detail[1]) if detail else None,
        destination=detail[2] if detail else "",
    )


def parse_announcement(body: str) -> Status | Notice:
    """Return what a control terminal's status message (SM) announces; its letters are capitals.

    Nothing is passed over: a second line that is not understood could take a state out of service
    for every key where one was meant.
    Raises: MessageError if it is neither a published text nor a notice.
    """
    lines = _lines(body.upper())
    if lines[0] not in _KINDS:
        try:
            return parse_notice("\n".join(lines))
        except MessageError:
            raise _no_announcement() from None
    if len(lines) > _LINES_MAX or not all(map(_DETAIL.fullmatch, lines[1:])):
        raise _no_announcement()
    return parse_status("\n".join(lines))


def _no_announcement() -> MessageError:
    return fault_of("0", "body-malformed", "the body is no status text and no operator's notice")


def _lines(text: str) -> list[str]:
    """Return the lines of a text, at least one, without the space around and between words."""
    return [" ".join(line.split()) for line in text.strip().split("\n")]
