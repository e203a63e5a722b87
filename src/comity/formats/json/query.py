"""Messages that ask, in JSON: a closed schema that holds what the text form holds.

Guarantee: any bytes give a `Query` that `check_query` accepts, or `MessageError`; what
`render_query` writes of a valid query within the limit is read back as the same query.
# INVARIANT (not-stated-is-no-claim): a member of `claims` that is left out stays `not_stated`.
Source: docs/reference/messages.md, "JSON"; docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

import json
from typing import Final

import msgspec

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.json.schema import decode, echo
from comity.formats.rules import (
    MESSAGE_BYTES_MAX,
    check_query,
    is_control,
    is_fixed,
    is_ori,
    refuse_format,
)

__all__ = ["parse_query", "read_sender", "render_query"]


class _Claims(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    purpose: Purpose = Purpose.NOT_STATED
    case_number: str = ""
    offence: Offence = Offence.NOT_STATED
    instrument: Instrument = Instrument.NOT_STATED
    instrument_ref: str = ""
    operator: str = ""
    emergency: Emergency = Emergency.NONE


class _Query(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    key: str
    origin: str
    destinations: tuple[str, ...]
    control: str | None = None
    fields: dict[str, str] = {}
    body: str = ""
    claims: _Claims | None = None


class _Sender(msgspec.Struct, frozen=True, kw_only=True):
    """The members of any document that an error message needs; all others are passed over."""

    origin: object = None
    control: object = None


_decoder: Final = msgspec.json.Decoder(_Query)
_senders: Final = msgspec.json.Decoder(_Sender)
_encoder: Final = msgspec.json.Encoder()


def parse_query(data: bytes, *, bytes_max: int = MESSAGE_BYTES_MAX) -> Query:
    """Return the query that a JSON document asks; letters of fields count as capitals.

    Shape:  at most 16,384 bytes; `fields` for keys with published fields, `body` for all others.
            A document that only describes a message, and is none itself, may be longer: a line end
            of a text is two bytes here.
    Raises: MessageError, with the start of the document in its fault; also for a member that
            stands twice, because two readers of one record could see two different questions.
    """
    said = decode(_decoder, data, bytes_max=bytes_max)
    try:
        query = _query_of(said)
        check_query(query)
        # Each member has its colon. More colons are rare: in a value, or a default written out.
        if data.count(b":") != _members_at_least(said) and _repeats_member(data):
            raise refuse_format(query.key, "field-repeated", "a member stands twice")
    except MessageError as error:
        raise with_original(error, echo(data)) from None
    return query


def render_query(query: Query, *, additions: bool = True) -> bytes:
    """Return a valid query as JSON; without `additions`, as one who states nothing."""
    said = None
    if additions and query.claims != NO_CLAIMS:
        claims = query.claims
        said = _Claims(
            purpose=claims.purpose,
            case_number=claims.case_number,
            offence=claims.offence,
            instrument=claims.instrument,
            instrument_ref=claims.instrument_ref,
            operator=claims.operator,
            emergency=claims.emergency,
        )
    has_fields = is_fixed(query.key)
    return _encoder.encode(
        _Query(
            key=query.key,
            origin=query.origin,
            destinations=query.destinations,
            control=query.control,
            fields=dict(query.fields) if has_fields else {},
            body="" if has_fields else query.value("") or "",
            claims=said,
        )
    )


def read_sender(data: bytes) -> tuple[ORI | None, str | None]:
    """Return who says to have sent a document that was refused, and its control field.

    An error message goes to the one and echoes the other. Each is None where it can not be read.
    The ORI is the document's own word, to be held against the line that it came on.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        return None, None
    try:
        said = _senders.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None, None
    origin = said.origin if isinstance(said.origin, str) else ""
    control = said.control if isinstance(said.control, str) else ""
    return (
        ORI(origin) if is_ori(origin) else None,
        control if is_control(control) else None,
    )


def _members_at_least(said: _Query) -> int:
    """Return how many members a document surely has: the required, and what is no default."""
    claims = said.claims
    count = (
        len(("key", "origin", "destinations"))
        + (said.control is not None)
        + (len(said.fields) + 1 if said.fields else 0)
        + (said.body != "")
    )
    if claims is None:
        return count
    return (
        count
        + len(("claims",))
        + (claims.purpose is not Purpose.NOT_STATED)
        + (claims.case_number != "")
        + (claims.offence is not Offence.NOT_STATED)
        + (claims.instrument is not Instrument.NOT_STATED)
        + (claims.instrument_ref != "")
        + (claims.operator != "")
        + (claims.emergency is not Emergency.NONE)
    )


def _repeats_member(data: bytes) -> bool:
    """Whether an object of a JSON document has one name twice, escaped or not."""
    repeats = False

    def table_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeats
        table = dict(pairs)
        repeats = repeats or len(table) != len(pairs)
        return table

    json.loads(data, object_pairs_hook=table_of)
    return repeats


def _query_of(said: _Query) -> Query:
    key = MessageKey(said.key)
    if is_fixed(key):
        if said.body:
            raise fault_of("0", "body-malformed", "this key has `fields` and no `body`")
        fields = tuple([(_capitals(name), _capitals(value)) for name, value in said.fields.items()])
    else:
        if said.fields:
            raise fault_of("0", "body-malformed", "this key has a `body` and no `fields`")
        fields = (("", said.body),) if said.body else ()
    return Query(
        key=key,
        origin=ORI(said.origin),
        destinations=said.destinations,
        control=said.control,
        fields=fields,
        claims=_claims_of(said.claims) if said.claims is not None else NO_CLAIMS,
    )


def _capitals(text: str) -> str:
    """Fold case within ASCII only: beyond it, a capital can be another letter."""
    return text.upper() if text.isascii() else text


def _claims_of(said: _Claims) -> Claims:
    return Claims(
        purpose=said.purpose,
        offence=said.offence,
        instrument=said.instrument,
        instrument_ref=said.instrument_ref,
        case_number=said.case_number,
        operator=said.operator,
        emergency=said.emergency,
    )
