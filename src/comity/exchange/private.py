"""The private record behind a leaf of an exchange: its fields in their fixed order.

The order and the names are those of docs/adr/0002-ids-vocabularies-leaves.md, schema `exchange/1`;
a value that does not apply is empty, so that every record commits to the same number of fields.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from comity.domain.answer import Answer
from comity.domain.ids import ORI
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import Assurance

__all__ = [
    "SCHEMA",
    "Fields",
    "exchange_fields",
    "note_fields",
    "payload_of",
    "query_fields",
    "search_of",
]

SCHEMA = b"exchange/1"
_NOTE_SCHEMA = b"note/1"

Fields = tuple[tuple[str, bytes], ...]

_json = msgspec.json.Encoder()
_pack = msgspec.msgpack.Encoder()
_search_decoder = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def payload_of(answer: Answer) -> bytes:
    """Return an answer's bytes as stored and sealed to the requester, proofs apart."""
    return _pack.encode(answer)


def exchange_fields(
    exchange: Exchange,
    *,
    elements: Sequence[str] = (),
    payload_hash: bytes = b"",
    rules: Sequence[str] = (),
    search: Sequence[tuple[str, str]] | None = None,
) -> Fields:
    """Return the fields behind an outcome leaf of the answering state.

    `elements` are names of released elements, `rules` ids of the rules that decided; `search` is
    what was asked, where that is more than the exchange's fields.
    """
    return _fields(
        exchange=exchange.exchange_id,
        query=exchange.query_id,
        agency=exchange.agency,
        claims=exchange.claims,
        assurance=exchange.assurance,
        search=exchange.fields if search is None else search,
        elements=elements,
        payload_hash=payload_hash,
        rules=rules,
        accepted_at=exchange.accepted_at,
    )


def query_fields(
    *,
    query_id: bytes,
    agency: ORI,
    claims: Claims,
    assurance: Assurance,
    search: Sequence[tuple[str, str]],
    accepted_at: int,
) -> Fields:
    """Return the fields behind a `query` leaf of the origin."""
    return _fields(
        exchange=b"",
        query=query_id,
        agency=agency,
        claims=claims,
        assurance=assurance,
        search=search,
        elements=(),
        payload_hash=b"",
        rules=(),
        accepted_at=accepted_at,
    )


def search_of(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Return what was asked, out of the fields behind a leaf of an exchange."""
    return _search_decoder.decode(dict(fields)["search"])


def note_fields(**values: str) -> Fields:
    """Return the fields behind a leaf outside an exchange (policy, directory, key, access).

    `note/1` is schema, then the given names in their order.
    """
    return (
        ("schema", _NOTE_SCHEMA),
        *((name, value.encode()) for name, value in values.items()),
    )


def _fields(
    *,
    exchange: bytes,
    query: bytes,
    agency: ORI,
    claims: Claims,
    assurance: Assurance,
    search: Sequence[tuple[str, str]],
    elements: Sequence[str],
    payload_hash: bytes,
    rules: Sequence[str],
    accepted_at: int,
) -> Fields:
    return (
        ("schema", SCHEMA),
        ("exchange", exchange),
        ("query", query),
        ("agency", agency.encode()),
        ("purpose", claims.purpose.encode()),
        ("offence", claims.offence.encode()),
        ("operator", claims.operator.encode()),
        ("assurance", assurance.encode()),
        ("case", claims.case_number.encode()),
        ("instrument", f"{claims.instrument}:{claims.instrument_ref}".encode()),
        ("search", _json.encode(search)),
        ("elements", _json.encode(elements) if elements else b""),
        ("payload", payload_hash),
        ("rules", _json.encode(rules) if rules else b""),
        ("accepted_at", str(accepted_at).encode()),
    )
