"""Strategies for valid messages: queries of every key, deliveries, answers."""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import MEMBERS, ORI, ExchangeId, entry_name
from comity.domain.keys import KEYS, OTHER_KEY, MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.vocabulary import (
    DataClass,
    Emergency,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
)
from comity.formats.faults import ER_ROWS, ORIGINAL_CHARS, MessageError
from comity.formats.fields import FIXED_KEYS
from comity.formats.rules import ADDITION_LINE

_T = TypeVar("_T")


def attempt(parse: Callable[[bytes], _T], data: bytes) -> _T | MessageFault:
    """What bytes are read as, or the fault they are refused with, checked to be a whole one."""
    try:
        return parse(data)
    except MessageError as error:
        fault = error.fault
    assert fault.er in ER_ROWS
    assert fault.code
    assert len(fault.original) <= ORIGINAL_CHARS
    return fault


CAPITALS = string.ascii_uppercase
ALNUM = CAPITALS + string.digits
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))

oris = st.text(ALNUM, min_size=9, max_size=9).map(ORI)
codes = st.builds(str.__add__, st.sampled_from(CAPITALS), st.sampled_from(ALNUM))
controls = st.text(PRINTABLE, min_size=1, max_size=10).filter(lambda c: ".TXT" not in c)
members = st.sampled_from(MEMBERS)
entries = st.builds(entry_name, members, st.integers(0, 10**15))


def alnum(most: int, least: int = 1) -> st.SearchStrategy[str]:
    """Letters and digits."""
    return st.text(ALNUM, min_size=least, max_size=most)


names = st.builds(
    lambda last, gap, first, more: f"{last},{gap}{first}{more}",
    st.from_regex(r"[A-Z][A-Z' -]{0,12}", fullmatch=True),
    st.sampled_from(["", " "]),
    st.from_regex(r"[A-Z][A-Z']{0,8}", fullmatch=True),
    st.sampled_from(["", " Q", " ANN", " JR", " 3RD"]),
)
long_dates = st.dates(dt.date(1800, 1, 1), dt.date(2099, 12, 31)).map("{:%Y%m%d}".format)
short_dates = st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)).map("{:%m%d%y}".format)
years = st.integers(1900, 2099).map(str)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "RSN": st.sampled_from("NFVTSHI"),
    "PUR": st.sampled_from("CFEDJS"),
    "ATN": st.text(ALNUM + " ,'-/", min_size=1, max_size=30).filter(lambda v: v.strip() == v),
    "OLN": st.text(ALNUM + "*-", min_size=1, max_size=20),
    "NAM": names,
    "DOB": st.one_of(long_dates, short_dates),
    "SEX": st.sampled_from("MFUX"),
    "IMQ": st.sampled_from("YN"),
    "LIC": alnum(10),
    "LIY": st.one_of(st.just("NX"), st.integers(0, 99).map("{:02d}".format), years),
    "LIT": alnum(2, 2),
    "VIN": alnum(20),
    "VMA": alnum(24, 2),
    "VYR": years,
}

claims = st.one_of(
    st.just(NO_CLAIMS),
    st.builds(
        Claims,
        purpose=st.sampled_from(Purpose),
        offence=st.sampled_from(Offence),
        instrument=st.sampled_from(Instrument),
        instrument_ref=st.text(ALNUM + "-", max_size=32),
        case_number=st.text(ALNUM + "-", max_size=20),
        operator=st.text(ALNUM + "-", max_size=16),
        emergency=st.sampled_from(Emergency),
    ),
)


@st.composite
def fixed_queries(draw: st.DrawFn) -> Query:
    """A valid query of a key with published fields, its fields in any order that is allowed."""
    key = draw(st.sampled_from(sorted(FIXED_KEYS)))
    rule = FIXED_KEYS[key]
    present = draw(st.sampled_from(sorted(map(sorted, rule.accepted))))
    order = draw(st.permutations(present))
    if rule.reason_first:
        order = sorted(order, key=lambda prefix: prefix != "RSN")
    return Query(
        key=key,
        origin=draw(oris),
        destinations=tuple(draw(st.lists(codes, min_size=1, max_size=1 if key == "KQ" else 5))),
        control=draw(st.none() | controls),
        fields=tuple((prefix, draw(VALUES[prefix])) for prefix in order),
        claims=draw(claims),
    )


FREE_KEYS = sorted(
    {*KEYS} - {*FIXED_KEYS} - {OTHER_KEY} - {"ER", "YQ", "IQ", "FQ", "CWQ", "RPQ", "LQ"}
)
free_texts = (
    st.text(PRINTABLE + "\n", max_size=300)
    .map(lambda text: text.strip("\n"))
    .filter(lambda text: not ADDITION_LINE.match(text, text.rfind("\n") + 1))
)
free_queries = st.builds(
    Query,
    key=st.sampled_from(FREE_KEYS).map(MessageKey),
    origin=oris,
    destinations=st.one_of(
        st.lists(codes, min_size=1, max_size=5), st.lists(oris, min_size=1, max_size=3)
    ).map(tuple),
    control=st.none() | controls,
    fields=free_texts.map(lambda text: (("", text),) if text else ()),
    claims=claims,
)
queries = st.one_of(fixed_queries(), free_queries)

stamps = st.builds(
    Stamp,
    time=st.times().map("{:%H:%M}".format),
    date=st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 31)).map("{:%m/%d/%Y}".format),
    count=st.integers(0, 99_999),
)
deliveries = st.builds(
    Delivery,
    key=st.sampled_from(sorted({*KEYS} - {OTHER_KEY})).map(MessageKey),
    origin=oris,
    received=stamps,
    sent=stamps,
    destination=oris,
    control=st.none() | st.text(PRINTABLE, min_size=1, max_size=10),
    text=st.text(PRINTABLE + "\n", max_size=300).map(lambda text: text.strip("\n")),
)

PHRASES = ["NOT ON FILE", "not  on\nfile", " TEMPORARILY UNAVAILABLE", "FILE NOT AVAILABLE"]
HOSTILE = ["\nLEDGER WA/1", "\r\nWA: NOT ON FILE", "WITHHELD: X", "  ", "Núñez", "a" * 200, "日本"]
values = st.one_of(
    st.text(max_size=40), st.sampled_from([*PHRASES, *HOSTILE]), st.text(max_size=300)
)
reasons = st.lists(
    st.builds(
        Reason,
        rule=st.text(ALNUM + "-", min_size=1, max_size=24).map(RuleId),
        sentence=values,
        statute=values,
        mark=st.sampled_from(["", "V", "S", "K", "P"]),
    ),
    max_size=2,
).map(tuple)
withheld = st.lists(
    st.builds(
        Withheld,
        data_class=st.sampled_from(DataClass),
        outcome=st.sampled_from([Outcome.HOLD, Outcome.DENY]),
        reasons=reasons,
        would_change=values,
    ),
    max_size=4,
    unique_by=lambda part: part.data_class,
).map(tuple)
elements = st.lists(
    st.builds(Element, data_class=st.sampled_from(DataClass), name=alnum(40), value=values),
    max_size=6,
).map(tuple)
holds = st.builds(HoldNotice, until=st.integers(0, 4_000_000_000), contact=values, entry=entries)
proofs = st.lists(
    st.builds(Proof, entry=entries, leaf=st.binary(max_size=20), receipt=st.binary(max_size=20)),
    max_size=4,
).map(tuple)
answers = st.builds(
    Answer,
    exchange_id=st.binary(min_size=16, max_size=16).map(ExchangeId),
    state=members,
    step=st.integers(0, 9),
    key=st.sampled_from(sorted({*KEYS} - {OTHER_KEY})).map(MessageKey),
    response=st.sampled_from(ResponseKind),
    is_final=st.booleans(),
    record_kind=st.none() | st.sampled_from(RecordKind),
    elements=elements,
    withheld=withheld,
    hold=st.none() | holds,
    remark=values,
    policy_entry=st.just("") | entries,
    proofs=proofs,
)
