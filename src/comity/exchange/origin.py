"""The origin's step: an accepted message becomes one `query` leaf and one exchange per state asked.

Source: docs/release-cycle.md, steps 1-3.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.domain.keys import response_key
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange, Query
from comity.domain.vocabulary import Assurance, FanOut, LeafDecision, LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields, query_fields

__all__ = [
    "AcceptedQuery",
    "assurance_of",
    "decode_accepted",
    "encode_accepted",
    "exchange_id_of",
    "exchanges_of",
    "fan_out_of",
    "query_leaf",
    "undeliverable",
]

UNDELIVERABLE_REMARK: Final = "THE STATE DID NOT ANSWER - NOTHING WAS RELEASED - ASK AGAIN"
_CONTEXT: Final = b"comity/exchange/v1\n"


class AcceptedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query as its origin member keeps it: the message, whom it goes to, how it came.

    `form` names the format that answers are rendered in. `accepted_at` is Unix seconds.
    """

    query_id: QueryId
    query: Query
    states: tuple[Member, ...]
    member: Member
    line: str
    form: str
    assurance: Assurance
    accepted_at: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AcceptedQuery)


def encode_accepted(accepted: AcceptedQuery) -> bytes:
    """Return the bytes that the store keeps, encrypted."""
    return _encoder.encode(accepted)


def decode_accepted(data: bytes) -> AcceptedQuery:
    """Return what `encode_accepted` wrote."""
    return _decoder.decode(data)


def assurance_of(query: Query) -> Assurance:
    """Return what an agency's own line lets us know of the operator: what the agency asserts.

    # INVARIANT (not-stated-is-no-claim): a line is an agency's; it names no operator by itself.
    """
    return Assurance.AGENCY_ASSERTED if query.claims.operator else Assurance.NOT_STATED


def fan_out_of(states: tuple[Member, ...]) -> FanOut:
    """Return how widely a plain list of states asks."""
    return FanOut.SINGLE if len(states) == 1 else FanOut.LIST


def exchange_id_of(query_id: QueryId, origin: Member, state: Member) -> ExchangeId:
    """Return the id of the exchange with one state: the query's time, then a hash of all three.

    It is derived so that a re-driven query names the same exchange after any crash.
    """
    digest = sha256(_CONTEXT + query_id + origin.encode() + state.encode()).digest()
    return ExchangeId(query_id[:8] + digest[:8])


def exchanges_of(accepted: AcceptedQuery, query_entry: str) -> tuple[Exchange, ...]:
    """Return the exchanges of a query whose `query` leaf stands at `query_entry`."""
    query = accepted.query
    fan_out = fan_out_of(accepted.states)
    return tuple(
        Exchange(
            exchange_id=exchange_id_of(accepted.query_id, accepted.member, state),
            query_id=accepted.query_id,
            state=state,
            origin_member=accepted.member,
            query_entry=query_entry,
            accepted_at=accepted.accepted_at,
            agency=query.origin,
            key=query.key,
            original_key=query.key,
            fields=query.fields,
            claims=query.claims,
            assurance=accepted.assurance,
            fan_out=fan_out,
            wants_image=query.wants_image,
        )
        for state in accepted.states
    )


def undeliverable(exchange: Exchange, now: int) -> tuple[Answer, WantedLeaf]:
    """Return the end of an exchange that its state never answered: what the requester is told, and
    the `closure` leaf in the origin's own ledger, which cites the `query` leaf.
    """
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=0,
        key=response_key(exchange.key),
        response=ResponseKind.UNAVAILABLE,
        is_final=True,
        remark=UNDELIVERABLE_REMARK,
    )
    leaf = WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.CLOSURE,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=exchange.origin_member,
            decision=LeafDecision.UNDELIVERABLE,
            cites=exchange.query_entry,
        ),
        fields=note_fields(exchange=exchange.exchange_id.hex(), state=exchange.state),
    )
    return answer, leaf


def query_leaf(accepted: AcceptedQuery, now: int) -> WantedLeaf:
    """Return the `query` leaf of an accepted query: step 0 of the query's own id."""
    query, claims = accepted.query, accepted.query.claims
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.QUERY,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=accepted.member,
            agency=query.origin,
            key=query.key,
            purpose=claims.purpose.value,
            offence=claims.offence.value,
            instrument=claims.instrument,
            fan_out=len(accepted.states),
        ),
        fields=query_fields(
            query_id=accepted.query_id,
            agency=query.origin,
            claims=claims,
            assurance=accepted.assurance,
            search=query.fields,
            accepted_at=accepted.accepted_at,
        ),
    )
