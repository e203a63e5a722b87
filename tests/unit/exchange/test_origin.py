"""The origin step: a query leaf, one exchange per state, ids that any restart finds again."""

from __future__ import annotations

import msgspec

from comity.directory.routing import Route
from comity.domain.agency import Form
from comity.domain.answer import ResponseKind
from comity.domain.ids import ORI, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.domain.query import Asked, Claims, Query
from comity.domain.vocabulary import Assurance, FanOut, LeafDecision, LeafKind, Purpose
from comity.exchange.origin import (
    AcceptedQuery,
    assurance_of,
    decode_accepted,
    encode_accepted,
    exchange_id_of,
    exchanges_of,
    query_leaf,
    undeliverable,
)
from comity.exchange.private import note_fields
from comity.link.forms import is_exchange
from tests.support.exchange import NOW
from tests.support.leaves import leaf

TX, WA, ID = Member("tx"), Member("wa"), Member("id")
QUERY_ID = QueryId(bytes(range(8)) + b"\xff" * 8)
QUERY = Query(
    key=MessageKey("DQ"),
    origin=ORI("ORPX00001"),
    destinations=("WA", "ID"),
    control="PRACTICE 1",
    fields=(("OLN", "PX1"), ("IMQ", "Y")),
    claims=Claims(purpose=Purpose.COURT, case_number="26-0117"),
)
ACCEPTED = AcceptedQuery(
    query_id=QUERY_ID,
    query=QUERY,
    route=Route(
        key=MessageKey("DQ"),
        asked=(Asked(state=WA), Asked(state=ID)),
        fan_out=FanOut.LIST,
    ),
    member=Member("or"),
    line="salem-1",
    form=Form.TEXT,
    assurance=Assurance.NOT_STATED,
    accepted_at=NOW,
)


def test_one_exchange_per_state() -> None:
    """A query to two states is two exchanges with ids of their own that the link takes."""
    exchanges = exchanges_of(ACCEPTED, "or/9001")
    assert [e.state for e in exchanges] == [WA, ID]
    assert len({e.exchange_id for e in exchanges}) == 2
    for exchange in exchanges:
        assert exchange.exchange_id == exchange_id_of(
            QUERY_ID, exchange.origin_member, exchange.state
        )
        assert (exchange.fan_out, exchange.wants_image) == (FanOut.LIST, True)
        assert (exchange.query_entry, exchange.claims) == ("or/9001", QUERY.claims)
        assert not exchange.probe
        assert is_exchange(exchange)


def test_exchange_id_is_derived() -> None:
    """The id is the query's time and a hash: the same after any crash, in the query's order."""
    assert exchange_id_of(QUERY_ID, TX, WA).hex() == "0001020304050607628a32accbee5168"
    assert exchange_id_of(QUERY_ID, TX, WA)[:8] == QUERY_ID[:8]


def test_query_leaf_is_of_the_origin() -> None:
    """The `query` leaf says who asked what, of how many states, and of whom nothing."""
    wanted = query_leaf(ACCEPTED, NOW)
    header = wanted.header
    assert (wanted.step, header.kind, header.member, header.fan_out) == (
        0,
        LeafKind.QUERY,
        "or",
        2,
    )
    committed = leaf(LeafKind.NOTICE).commitment
    data = encode_leaf(msgspec.structs.replace(header, commitment=committed))
    assert parse_leaf(data).agency == "ORPX00001"
    assert b"PX1" not in data
    assert b"26-0117" not in data
    fields = dict(wanted.fields)
    assert (fields["exchange"], fields["query"], fields["case"]) == (b"", QUERY_ID, b"26-0117")
    assert (fields["payload"], fields["elements"], fields["rules"]) == (b"", b"", b"")


def test_undeliverable_exchange_ends_in_the_origins_ledger() -> None:
    """What no state answered ends with a closure that cites the `query` leaf, and told so."""
    exchange = exchanges_of(ACCEPTED, "or/9001")[0]
    answer, wanted = undeliverable(exchange, NOW)
    assert (answer.response, answer.is_final) == (ResponseKind.UNAVAILABLE, True)
    assert (answer.key, answer.state, answer.elements) == ("DR", WA, ())
    header = wanted.header
    assert (header.kind, header.decision) == (LeafKind.CLOSURE, LeafDecision.UNDELIVERABLE)
    assert (header.member, header.cites) == ("or", "or/9001")
    data = encode_leaf(msgspec.structs.replace(header, commitment=bytes(32)))
    assert parse_leaf(data).withheld is None


def test_assurance_is_what_the_line_lets_us_know() -> None:
    """An operator named is the agency's assertion; none named is not stated."""
    assert assurance_of(QUERY) is Assurance.NOT_STATED
    named = msgspec.structs.replace(QUERY, claims=Claims(operator="OP1"))
    assert assurance_of(named) is Assurance.AGENCY_ASSERTED


def test_accepted_query_is_read_back() -> None:
    """What the store keeps is read back whole."""
    assert decode_accepted(encode_accepted(ACCEPTED)) == ACCEPTED


def test_note_names_its_fields_in_order() -> None:
    """A leaf outside an exchange commits to its schema and the names given."""
    assert note_fields(b="1", a="") == (("schema", b"note/1"), ("b", b"1"), ("a", b""))
