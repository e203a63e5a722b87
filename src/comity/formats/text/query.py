"""Messages that ask, in the network's dot-delimited text.

    message = key "." ori "." 1*(destination ".") ["*" control "."] "TXT" [line end] body

Guarantee: any bytes give a `Query` that `check_query` accepts, or `MessageError`; what
`render_query` writes of a valid query is read back as the same query.
Source: docs/reference/messages.md, "Text: messages that ask".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.rules import (
    ADDITION_LINE,
    MESSAGE_BYTES_MAX,
    check_query,
    is_control,
    is_fixed,
    refuse_format,
)
from comity.formats.text.additions import claims_of, elements_of
from comity.formats.text.plain import CONTROLS, CONTROLS_KEEPING_LINES, plain_text

__all__ = ["parse_query", "read_sender", "render_query"]

# The longest run of destinations is taken, because an ORI of Texas may itself begin with `TXT`.
_HEADER: Final = re.compile(
    r"([A-Z]{2,3})\.([A-Z0-9]{9})\.((?:[A-Z0-9]{2}\.){1,9}|(?:[A-Z0-9]{9}\.){1,9})"
    r"(?:\*([ -~]{1,10}?)\.)?TXT"
)
_KEY: Final = re.compile(r"([A-Za-z0-9]{1,10})\.")
_SENDER: Final = re.compile(r"[A-Za-z0-9]{1,10}\.([A-Z0-9]{9})\.")
_KEY_FORM: Final = re.compile("[A-Z]{2,3}")
_ORI_FORM: Final = re.compile("[A-Z0-9]{9}")
_DESTINATIONS: Final = re.compile(r"(?:[A-Z0-9]{2}\.)+|(?:[A-Z0-9]{9}\.)+")
_CONTROL_FORM: Final = re.compile(r"\*[ -~]{1,10}\.")
_ECHO_BYTES: Final = 400


def parse_query(data: bytes) -> Query:
    """Return the query that a text message asks.

    Shape:  at most 16,384 bytes of ASCII; control characters mean nothing, except line ends in free
            text.
    Raises: MessageError, with the start of the message in its fault.
    """
    try:
        return _parse(data)
    except MessageError as error:
        raise with_original(error, _echo(data)) from None


def render_query(query: Query, *, additions: bool = True) -> bytes:
    """Return a valid query as text; without `additions`, as a peer that knows none reads it."""
    said = ""
    if additions and query.claims is not NO_CLAIMS:
        said = elements_of(query.claims)
    control = "" if query.control is None else f"*{query.control}."
    head = f"{query.key}.{query.origin}.{'.'.join(query.destinations)}.{control}TXT"
    if is_fixed(query.key):
        parts = [f"{prefix}/{value}" for prefix, value in query.fields]
        if said:
            parts.append(said)
        body = ".".join(parts)
    else:
        body = "\n".join(part for part in (query.value("") or "", said) if part)
    return f"{head}\n{body}".encode("ascii") if body else head.encode("ascii")


def read_sender(data: bytes) -> tuple[ORI | None, str | None]:
    """Return who says to have sent a message that was refused, and its control field.

    An error message goes to the one and echoes the other. Each is None where it can not be read.
    The ORI is the message's own word, to be held against the line that it came on. What cannot be
    a control field is not echoed.
    """
    flat = data[:_ECHO_BYTES].translate(None, CONTROLS).decode("ascii", "replace")
    header = _HEADER.match(flat)
    if header is not None:
        control = header[4]
        return ORI(header[2]), control if control is not None and is_control(control) else None
    sender = _SENDER.match(flat)
    return (ORI(sender[1]) if sender else None), None


def _parse(data: bytes) -> Query:
    if len(data) > MESSAGE_BYTES_MAX:
        raise fault_of("0", "message-too-long", "the message is over 16384 bytes")
    if not data.isascii():
        raise fault_of("0", "message-not-ascii", "the message holds bytes beyond ASCII")
    text = data.decode("ascii")
    header = _HEADER.match(text)
    end = 0
    if header is None:
        # Control characters may stand inside the header too: look again without them.
        flat = data.translate(None, CONTROLS).decode("ascii")
        header = _HEADER.match(flat)
        if header is None:
            raise _header_fault(flat)
        end = _place_in(text, header.end())
    else:
        end = header.end()
    said_key, origin, destinations, control = header.groups()
    key = MessageKey(said_key)
    if is_fixed(key):
        fields, claims = _fixed_body(text[end:], key)
    else:
        fields, claims = _free_body(data[end:], key)
    query = Query(
        key=key,
        origin=ORI(origin),
        destinations=tuple(destinations[:-1].split(".")),
        control=control,
        fields=fields,
        claims=claims,
    )
    check_query(query)
    return query


def _fixed_body(text: str, key: MessageKey) -> tuple[tuple[tuple[str, str], ...], Claims]:
    """Take a body of elements apart; letters count as capitals, one period at the end as none."""
    body = text.strip()
    if not body.isprintable():
        body = body.encode("ascii").translate(None, CONTROLS).decode("ascii").strip(" ")
    body = body.upper().removesuffix(".")
    if not body:
        return (), NO_CLAIMS
    fields: list[tuple[str, str]] = []
    elements = body.split(".")
    for place, element in enumerate(elements):
        if element[:1] == "Z":
            return tuple(fields), claims_of(elements[place:], key)
        prefix, slash, value = element.partition("/")
        if not slash:
            raise refuse_format(key, "element-malformed", "an element has no prefix")
        fields.append((prefix, value))
    return tuple(fields), NO_CLAIMS


def _free_body(data: bytes, key: MessageKey) -> tuple[tuple[tuple[str, str], ...], Claims]:
    """Keep a free text as it is, lines joined by line feeds; its last line may be additions."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    body = plain_text(lines.translate(None, CONTROLS_KEEPING_LINES).decode("ascii"))
    claims = NO_CLAIMS
    start = body.rfind("\n") + 1
    if ADDITION_LINE.match(body, start):
        claims = claims_of(body[start:].rstrip(" .").split("."), key)
        body = body[: max(start - 1, 0)].rstrip("\n")
    return (("", body),) if body else (), claims


def _place_in(text: str, count: int) -> int:
    """Return where `text` has had `count` characters that are not control characters."""
    ends = (end for end, character in enumerate(text, start=1) if " " <= character <= "~")
    return next(islice(ends, count - 1, None))


def _echo(data: bytes) -> str:
    """Return the start of a message as its error message shows it."""
    start = data[:_ECHO_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain_text(start.decode("ascii", "replace").replace("\ufffd", "?"))


def _header_fault(flat: str) -> MessageError:
    """Say what is wrong with a header that does not match, from left to right."""
    key = _KEY.match(flat)
    if key is None:
        return fault_of("0", "message-malformed", "there is no message key")
    if not _KEY_FORM.fullmatch(key[1]):
        return fault_of(".01.", "message-key-malformed", "`message key` is not 2 or 3 of A-Z")
    parts = flat[key.end() :].split(".", 1)
    if not _ORI_FORM.fullmatch(parts[0]):
        return fault_of(".01.", "origin-malformed", "`originating ori` is not nine of A-Z and 0-9")
    rest = parts[1] if len(parts) > 1 else ""
    if "TXT" not in rest:
        return fault_of(".03.", "txt-not-found", "there is no `txt`")
    destinations = _DESTINATIONS.match(rest)
    behind = rest[destinations.end() :].lstrip(" ") if destinations else ""
    if behind.startswith("TXT") or _CONTROL_FORM.match(behind):
        return fault_of(".03.", "txt-not-found", "`txt` does not follow the header")
    if behind.startswith("*"):
        return fault_of(".01.", "control-malformed", "`control field` is not 1 to 10 characters")
    return fault_of(".19.", "destination-invalid", "`destination` is not codes of 2 or oris of 9")
