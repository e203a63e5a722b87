"""The origin's step: an accepted message becomes one `query` leaf and one exchange per state asked.

Source: docs/release-cycle.md, steps 1-3.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from comity.directory.routing import Route
from comity.domain.agency import Form
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.domain.keys import Priority, key_row, listed_key, response_key
from comity.domain.leaf import LeafHeader
from comity.domain.query import Asked, Exchange, Query
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
    "forwarded",
    "priority_of",
    "query_leaf",
    "undeliverable",
]

UNDELIVERABLE_REMARK: Final = "THE STATE DID NOT ANSWER - NOTHING WAS RELEASED - ASK AGAIN"
_CONTEXT: Final = b"comity/exchange/v1\n"


class AcceptedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query as its origin member keeps it: the message, whom it goes to, how it came.

    `form` names the format that answers are rendered in. `accepted_at` is Unix seconds.
    `home_policy` is the `policy` leaf under which the sender's own state let it go to a federal
    system; `waits_for_home` says that the own state is asked first, because its rules do not
    release it, and `route` is then where it goes if a reviewer lets it.
    """

    query_id: QueryId
    query: Query
    route: Route
    member: Member
    line: str
    form: Form
    assurance: Assurance
    accepted_at: int
    home_policy: int | None = None
    waits_for_home: bool = False

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Return whom it asks now: the own state alone while that has to let it go."""
        return (Asked(state=self.member),) if self.waits_for_home else self.route.asked

    @property
    def merges(self) -> bool:
        """Say whether the requester gets one message for all states."""
        return self.route.merges and not self.waits_for_home

    @property
    def result_count(self) -> int:
        """Return how many final results end it: one of each state, and a merged one."""
        return len(self.asked) + self.merges


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


def exchange_id_of(query_id: QueryId, origin: Member, state: Member) -> ExchangeId:
    """Return the id of the exchange with one state: the query's time, then a hash of all three.

    It is derived so that a re-driven query names the same exchange after any crash.
    """
    digest = sha256(_CONTEXT + query_id + origin.encode() + state.encode()).digest()
    return ExchangeId(query_id[:8] + digest[:8])


def forwarded(accepted: AcceptedQuery, query_id: QueryId, now: int, policy: int) -> AcceptedQuery:
    """Return the query that goes on to where it was to go, once its own state lets it.

    It is a new one, of `now`: what it waited for is no part of how long it may be open. `policy` is
    the `policy` leaf under which it was let go.
    """
    return msgspec.structs.replace(
        accepted, query_id=query_id, accepted_at=now, home_policy=policy, waits_for_home=False
    )


def exchanges_of(accepted: AcceptedQuery, query_entry: str) -> tuple[Exchange, ...]:
    """Return the exchanges of a query whose `query` leaf stands at `query_entry`."""
    query = accepted.query
    return tuple(
        Exchange(
            exchange_id=exchange_id_of(accepted.query_id, accepted.member, asked.state),
            query_id=accepted.query_id,
            state=asked.state,
            origin_member=accepted.member,
            query_entry=query_entry,
            accepted_at=accepted.accepted_at,
            agency=query.origin,
            key=accepted.route.key,
            original_key=query.key,
            fields=query.fields,
            claims=query.claims,
            assurance=accepted.assurance,
            fan_out=accepted.route.fan_out,
            wants_image=query.wants_image,
            to=asked.to,
            control=query.control,
        )
        for asked in accepted.asked
    )


def priority_of(exchange: Exchange) -> Priority:
    """Return what an exchange goes before, or behind: regional queries are the network's last."""
    if exchange.fan_out is FanOut.REGION:
        return Priority.LOW
    return key_row(exchange.original_key).priority


def undeliverable(
    exchange: Exchange, now: int, remark: str = UNDELIVERABLE_REMARK
) -> tuple[Answer, WantedLeaf]:
    """Return the end of an exchange that its state did not answer: what the requester is told, and
    the `closure` leaf in the origin's own ledger, which cites the `query` leaf.
    """
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=0,
        key=response_key(exchange.key),
        response=ResponseKind.UNAVAILABLE,
        is_final=True,
        remark=remark,
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
            key=listed_key(query.key),
            purpose=claims.purpose.value,
            offence=claims.offence.value,
            instrument=claims.instrument,
            fan_out=len(accepted.asked),
            policy=accepted.home_policy,
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
