"""Strategies for valid messages: queries of every key, deliveries, answers."""

from __future__ import annotations

import datetime as dt
import json
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
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.faults import ER_ROWS, ORIGINAL_CHARS, MessageError
from comity.formats.fields import FIXED_KEYS
from comity.formats.rules import ADDITION_LINE
from comity.formats.sending import ALL_KEYS, SENDING, sending_of
from tests.support.minimal import MINIMAL

_T = TypeVar("_T")
_D = TypeVar("_D", bytes, str)


def attempt(parse: Callable[[_D], _T], data: _D) -> _T | MessageFault:
    """What bytes or a text are read as, or the whole fault that they are refused with."""
    try:
        return parse(data)
    except MessageError as error:
        fault = error.fault
    assert fault.er in ER_ROWS
    assert fault.code
    assert len(fault.original) <= ORIGINAL_CHARS
    return fault


def outcome(key: str, fields: str, destinations: str = "WA") -> str:
    """The number and code of a query, or `ok`; the same in both formats, or it is an error."""
    in_text = f"{key}.ORWSP0000.{destinations}.TXT\n{fields}".encode()
    in_json = json.dumps(
        {
            "key": key,
            "origin": "ORWSP0000",
            "destinations": destinations.split("."),
            "fields": dict(part.split("/", 1) for part in fields.split(".") if part),
        }
    ).encode()
    found: list[str] = []
    for parse, data in ((text_format.parse_query, in_text), (json_format.parse_query, in_json)):
        try:
            parse(data)
            found.append("ok")
        except MessageError as error:
            found.append(f"{error.fault.er} {error.fault.code}")
    assert found[0] == found[1]
    return found[0]


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


def words(most: int, alphabet: str = ALNUM + " ,'-/&") -> st.SearchStrategy[str]:
    """Words without a space at an end."""
    return st.text(alphabet, min_size=1, max_size=most).filter(lambda v: v.strip() == v)


def moments(first: int, last: int) -> st.SearchStrategy[str]:
    """A day between two years, or a minute of it."""
    days = st.dates(dt.date(first, 1, 1), dt.date(last, 12, 31)).map("{:%Y%m%d}".format)
    clocks = st.just("") | st.times().map("@{:%H%M}".format)
    return st.builds(str.__add__, days, clocks)


PLAIN = "".join(c for c in PRINTABLE if c != "." and not c.islower())
phones = st.builds(str.__add__, st.sampled_from("0123456789(+"), st.text("0123456789()+X -"))
families = st.lists(alnum(16), min_size=1, max_size=6).map("/".join)
lines = st.builds(str.__add__, st.sampled_from(ALNUM), st.text(ALNUM + "-", max_size=39))
keys = st.text(CAPITALS, min_size=2, max_size=3).filter(lambda key: key != ALL_KEYS)
references = st.builds(
    lambda member, index, number: f"{member}/{index}{number}",
    st.text(CAPITALS, min_size=2, max_size=2),
    st.integers(0, 10**19 - 1),
    st.just("") | st.integers(0, 999_999_999).map("-{}".format),
)
parties = codes | oris
VALUES: dict[str, st.SearchStrategy[str]] = {
    "ACT": st.sampled_from("AI"),
    "AGN": words(60),
    "AND": words(60, PLAIN),
    "ARN": alnum(9, 8),
    "ATN": words(30),
    "CTL": st.sampled_from("YN"),
    "SML": st.sampled_from("YN"),
    "CUS": st.sampled_from("YN"),
    "DOB": st.one_of(long_dates, short_dates),
    "DST": parties,
    "FAM": families,
    "FBI": alnum(9, 9),
    "FND": words(60, PLAIN),
    "FRM": st.sampled_from(["TEXT", "JSON", "NIEM"]),
    "IMQ": st.sampled_from("YN"),
    "LIC": alnum(10),
    "LIN": lines,
    "LIT": alnum(2, 2),
    "LIY": st.one_of(st.just("NX"), st.integers(0, 99).map("{:02d}".format), years),
    "LOC": words(20, ALNUM + " '-").filter(lambda v: len(v) > 1),
    "NAM": names,
    "OFF": st.text(string.digits, min_size=4, max_size=4),
    "OLN": st.text(ALNUM + "*-", min_size=1, max_size=20),
    "ORI": oris,
    "ORR": words(60, PLAIN),
    "PHN": phones.map(lambda v: v[:20]),
    "PHO": phones.map(lambda v: v[:20]),
    "POB": st.text(CAPITALS, min_size=2, max_size=2),
    "PUR": st.sampled_from("CF"),
    "REF": st.lists(references, min_size=1, max_size=5).map(",".join),
    "RSN": st.sampled_from("NFVTSHI"),
    "SEX": st.sampled_from("MFUX"),
    "SID": alnum(10, 10),
    "SRC": parties,
    "STA": st.text(CAPITALS, min_size=2, max_size=2),
    "TYP": st.sampled_from(
        ["PD", "SO", "SA", "LE", "FE", "JA", "JC", "JG", "JJ", "JF", "CJ", "NJ"]
    ),
    "VIN": alnum(20),
    "VMA": alnum(24, 2),
    "VYR": years,
}
# Where a prefix means something else in one key than in all others.
VALUES_OF: dict[tuple[str, str], st.SearchStrategy[str]] = {
    ("KQ", "PUR"): st.sampled_from("CFEDJS"),
    ("NLQ", "BEG"): moments(1800, 1999),
    ("NLQ", "END"): moments(2000, 2099),
    ("NLQ", "NAM"): st.from_regex(r"[A-Z][A-Z0-9',* -]{0,28}[A-Z*]", fullmatch=True),
    ("NLQ", "TYP"): st.just("ALL") | st.lists(keys, min_size=1, max_size=25).map(",".join),
    ("TU", "FRM"): st.sampled_from(["TEXT", "JSON", "NIEM", "0", "0000"]),
}


def value_of(key: str, prefix: str) -> st.SearchStrategy[str]:
    """Values of a field in a message of a key."""
    own = VALUES_OF.get((key, prefix))
    return VALUES[prefix] if own is None else own


ACCEPTED = {key: sorted(map(sorted, rule.accepted)) for key, rule in FIXED_KEYS.items()}


@st.composite
def destinations_of(draw: st.DrawFn, key: MessageKey) -> tuple[str, ...]:
    """As many codes, or else as many agencies, as a key may be sent to."""
    sending = sending_of(key)
    kinds = [
        st.lists(form, min_size=1, max_size=most)
        for form, most in ((codes, sending.codes_max), (oris, sending.agencies_max))
        if most
    ]
    return tuple(draw(st.one_of(kinds)))


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
    present = draw(st.sampled_from(ACCEPTED[key]))
    order = draw(st.permutations(present))
    if rule.reason_first:
        order = sorted(order, key=lambda prefix: prefix != "RSN")
    return Query(
        key=key,
        # Mexico has a rule of its own for a licence.
        destinations=draw(destinations_of(key).filter(lambda codes: "MX" not in codes)),
        origin=draw(oris),
        control=draw(st.none() | controls),
        fields=tuple((prefix, draw(value_of(key, prefix))) for prefix in order),
        claims=draw(claims),
    )


# Keys whose free text is checked are sent with the least text that passes.
CHECKED = frozenset({MessageKey("YQ"), MessageKey("UQ"), MessageKey("SM")})
FREE_KEYS = sorted({*SENDING} - {*FIXED_KEYS} - CHECKED)
free_texts = (
    st.text(PRINTABLE + "\n", max_size=300)
    .map(lambda text: text.strip("\n"))
    .filter(lambda text: not ADDITION_LINE.match(text, text.rfind("\n") + 1))
)
unknown_keys = st.text(CAPITALS, min_size=2, max_size=3).filter(
    lambda key: key not in KEYS and key != ALL_KEYS
)


@st.composite
def free_queries(draw: st.DrawFn) -> Query:
    """A valid message of a key with a free text, also of one that the table does not have."""
    key = MessageKey(draw(st.sampled_from([*FREE_KEYS, *sorted(CHECKED)]) | unknown_keys))
    text = MINIMAL[key][1] if key in CHECKED else draw(free_texts)
    return Query(
        key=key,
        origin=draw(oris),
        destinations=draw(destinations_of(key)),
        control=draw(st.none() | controls),
        fields=(("", text),) if text else (),
        claims=draw(claims),
    )


queries = st.one_of(fixed_queries(), free_queries())

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
