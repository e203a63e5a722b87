"""Messages that ask, in NIEM XML.

Guarantee: any bytes give a `Query` that `check_query` accepts, or `MessageError`; what
`render_query` writes of a valid query is read back as the same query.
# INVARIANT (not-stated-is-no-claim): what `c:Claims` leaves out stays `not_stated`.
Source: docs/adr/0012-niem-xml.md; docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.niem.fields import fields_of, fields_said, is_carrier
from comity.formats.niem.header import document, header_of, header_said, text_said
from comity.formats.niem.names import OURS, TEXTS, body_of, clark
from comity.formats.niem.schema import echo, free_text_of, read_query, refuse, value_of
from comity.formats.niem.write import element
from comity.formats.rules import (
    check_query,
    is_control,
    is_fixed,
    refuse_format,
)

__all__ = ["parse_query", "read_sender", "render_query"]

# The elements of `c:Claims`, in the order in which they are written.
_CLAIMS: Final = {
    "Purpose": "purpose",
    "CaseNumber": "case_number",
    "Offence": "offence",
    "Instrument": "instrument",
    "InstrumentRef": "instrument_ref",
    "Operator": "operator",
    "Emergency": "emergency",
}
_NAMES: Final = {clark(f"c:{local}"): name for local, name in _CLAIMS.items()}
_KINDS: Final[dict[str, type[StrEnum]]] = {
    "purpose": Purpose,
    "offence": Offence,
    "instrument": Instrument,
    "emergency": Emergency,
}
_CLAIMED: Final = clark("c:Claims")
_SENDER: Final = re.compile(rb"OriginatingORIID\s*>\s*([A-Z0-9]{9})\s*</")
_CONTROL: Final = re.compile(
    rb"DocumentControlFieldText\s*>"
    rb"(?:\s*<!\[CDATA\[([ -~]{1,10}?)\]\]>\s*|([ -;=-~]{1,60}))</"
)
_REFERENCE: Final = re.compile("&(amp|lt|gt|quot|apos);|&")
_REFERENCES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_SENDER_BYTES: Final = 4_096


def parse_query(data: bytes) -> Query:
    """Return the query that an XML message asks; letters of fields count as capitals.

    Shape:  at most 16,384 bytes of UTF-8; closed: what the schema does not name is refused.
    Raises: MessageError, with the start of the message in its fault.
    """
    try:
        query = _query_of(read_query(data))
        check_query(query)
    except MessageError as error:
        raise with_original(error, echo(data)) from None
    return query


def render_query(query: Query, *, additions: bool = True) -> bytes:
    """Return a valid query as XML; without `additions`, as a peer that knows none reads it."""
    body = body_of(query.key)
    if is_fixed(query.key):
        parts = fields_said(query.key, query.fields, ordered=additions)
    else:
        text = query.value("")
        parts = [text_said(body, text)] if text else []
    if additions and query.claims != NO_CLAIMS:
        parts.append(_claims_said(query.claims))
    header = header_said(query.key, query.origin, query.destinations, query.control)
    return document(header, query.key, body, parts)


def read_sender(data: bytes) -> tuple[ORI | None, str | None]:
    """Return who says to have sent a message that was refused, and its control field.

    An error message goes to the one and echoes the other. Each is None where it can not be read.
    The ORI is the message's own word, to be held against the line that it came on.
    """
    start = data[:_SENDER_BYTES]
    sender, control = _SENDER.search(start), _CONTROL.search(start)
    said = None
    if control is not None:
        said = (control[1] or control[2]).decode("ascii")
        if control[1] is None:
            said = _REFERENCE.sub(lambda found: _REFERENCES.get(found[1], "\0"), said)
    return (
        ORI(sender[1].decode("ascii")) if sender is not None else None,
        said if said is not None and is_control(said) else None,
    )


def _query_of(root: Any) -> Query:
    header = header_of(root)
    key = MessageKey(header.key)
    body = root[1]
    if body.tag != clark(body_of(key).name):
        raise refuse("the body is not the one of this key")
    claims, text, has_fields = NO_CLAIMS, None, False
    for child in body:
        tag = child.tag
        if tag in TEXTS:
            if text is not None:
                raise refuse("the body holds two free texts")
            text = free_text_of(child)
        elif tag == _CLAIMED:
            claims = _claims_of(child, key)
        else:
            has_fields = has_fields or is_carrier(tag)
    return Query(
        key=key,
        origin=ORI(header.origin),
        destinations=tuple(header.destinations),
        control=header.control,
        fields=_fields(key, body, text, has_fields=has_fields),
        claims=claims,
    )


def _fields(
    key: MessageKey, body: Any, text: str | None, *, has_fields: bool
) -> tuple[tuple[str, str], ...]:
    if is_fixed(key):
        if text is not None:
            raise fault_of("0", "body-malformed", "this key has fields and no free text")
        return fields_of(body, key)
    if has_fields:
        raise fault_of("0", "body-malformed", "this key has a free text and no fields")
    # As in text: a tab is a space, a carriage return an end of line.
    return (("", text.replace("\t", " ").replace("\r", "\n")),) if text else ()


def _claims_of(said: Any, key: MessageKey) -> Claims:
    values: dict[str, str | StrEnum] = {}
    for child in said:
        name = _NAMES[child.tag]
        value = value_of(child)
        if not value:
            raise refuse_format(key, "addition-malformed", f"`{name}` is blank")
        kind = _KINDS.get(name)
        values[name] = value if kind is None else _claim_of(kind, name, value, key)
    return Claims(**values)  # type: ignore[arg-type]


def _claim_of(kind: type[StrEnum], name: str, value: str, key: MessageKey) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        options = (f"{name}: {' '.join(kind)}",)
        sentence = f"`{name}` holds a value that is not in its vocabulary"
        raise fault_of(
            ".22.", "addition-value-unknown", sentence, key=key, options=options
        ) from None


def _claims_said(claims: Claims) -> str:
    said = "".join(
        element(f"c:{local}", value)
        for local, name in _CLAIMS.items()
        if (value := getattr(claims, name)) != getattr(NO_CLAIMS, name)
    )
    return f"<c:Claims {OURS}>{said}</c:Claims>"
