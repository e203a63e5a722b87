"""Strategies for parcels: any value that is in range, of every kind."""

from __future__ import annotations

from hypothesis import strategies as st

from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import MEMBERS, ORI, ExchangeId, Member, QueryId
from comity.domain.keys import KEYS, OTHER_KEY
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import (
    Assurance,
    DataClass,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
)
from comity.link.parcel import Answered, Ask, Parcel, Received, RefusalCode, Refused
from tests.support.link import TX, WA

CODE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
IDS = st.binary(min_size=16, max_size=16)
TIMES = st.integers(0, 2**34 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MEMBER = st.sampled_from(MEMBERS)
KEY = st.sampled_from([key for key in KEYS if key != OTHER_KEY])
CITED = st.builds(lambda member, index: f"{member}/{index}", MEMBER, st.integers(0, 10**18))


def codes(length: int) -> st.SearchStrategy[str]:
    """What a claim may hold: A-Z, 0-9 and hyphen, or nothing."""
    return st.text(CODE_CHARS, max_size=length)


def claims() -> st.SearchStrategy[Claims]:
    """What a requester may say beyond the message."""
    return st.builds(
        Claims,
        purpose=st.sampled_from(Purpose),
        offence=st.sampled_from(Offence),
        instrument=st.sampled_from(Instrument),
        instrument_ref=codes(32),
        case_number=codes(20),
        operator=codes(16),
        emergency=st.sampled_from(Emergency),
    )


def exchanges(
    states: st.SearchStrategy[Member] = MEMBER, origins: st.SearchStrategy[Member] = MEMBER
) -> st.SearchStrategy[Exchange]:
    """An exchange in range, between any members unless told otherwise."""

    def cite(origin: Member) -> st.SearchStrategy[Exchange]:
        return st.builds(
            Exchange,
            exchange_id=IDS.map(ExchangeId),
            query_id=IDS.map(QueryId),
            state=states,
            origin_member=st.just(origin),
            query_entry=st.integers(0, 10**18).map(lambda index: f"{origin}/{index}"),
            accepted_at=TIMES,
            agency=st.text(CODE_CHARS[:-1], min_size=9, max_size=9).map(ORI),
            key=KEY,
            original_key=KEY,
            fields=st.lists(st.tuples(codes(16), TEXTS), max_size=4).map(tuple),
            claims=claims(),
            assurance=st.sampled_from(Assurance),
            fan_out=st.sampled_from(FanOut),
            wants_image=st.booleans(),
            probe=st.booleans(),
        )

    return origins.flatmap(cite)


def reasons() -> st.SearchStrategy[Reason]:
    """One rule that led to a decision."""
    return st.builds(
        Reason, rule=codes(24).map(RuleId), sentence=TEXTS, statute=TEXTS, mark=st.just("P")
    )


def answers() -> st.SearchStrategy[Answer]:
    """An answer in range: its classes are released or withheld, never both."""

    def with_classes(released: frozenset[DataClass]) -> st.SearchStrategy[Answer]:
        rest = [value for value in DataClass if value not in released]
        element = st.builds(
            Element, data_class=st.sampled_from(sorted(released) or rest), name=TEXTS, value=TEXTS
        )
        withheld = st.builds(
            Withheld,
            data_class=st.sampled_from(rest or list(DataClass)),
            outcome=st.sampled_from([Outcome.DENY, Outcome.HOLD]),
            reasons=st.lists(reasons(), max_size=2).map(tuple),
            would_change=TEXTS,
        )
        notice = st.builds(HoldNotice, until=TIMES, contact=TEXTS, entry=CITED)
        proof = st.builds(Proof, entry=CITED, leaf=st.binary(), receipt=st.binary())
        return st.builds(
            Answer,
            exchange_id=IDS.map(ExchangeId),
            state=MEMBER,
            step=st.integers(0, 2**31 - 1),
            key=KEY,
            response=st.just(ResponseKind.HIT),
            is_final=st.booleans(),
            record_kind=st.none() | st.sampled_from(RecordKind),
            elements=st.lists(element, max_size=3 if released else 0).map(tuple),
            withheld=st.lists(withheld, max_size=2 if rest else 0).map(tuple),
            hold=st.none() | notice,
            remark=TEXTS,
            policy_entry=st.just("") | CITED,
            proofs=st.lists(proof, max_size=2).map(tuple),
        )

    return st.frozensets(st.sampled_from(DataClass)).flatmap(with_classes)


def parcels() -> st.SearchStrategy[Parcel]:
    """A parcel of any kind."""
    keys = st.tuples(IDS.map(ExchangeId), st.integers(0, 2**31 - 1))
    return st.one_of(
        st.builds(Ask, exchange=exchanges()),
        st.builds(Answered, origin=MEMBER, answer=answers()),
        st.builds(
            Received,
            origin=MEMBER,
            state=MEMBER,
            answers=st.lists(keys, min_size=1, max_size=5).map(tuple),
        ),
        st.builds(
            Refused,
            origin=MEMBER,
            state=MEMBER,
            exchange_id=IDS.map(ExchangeId),
            code=st.sampled_from(RefusalCode),
        ),
    )


def texas_asks() -> st.SearchStrategy[Ask]:
    """An ask of Washington to Texas, which the practice hosts may carry."""
    return st.builds(Ask, exchange=exchanges(st.just(TX), st.just(WA)))
