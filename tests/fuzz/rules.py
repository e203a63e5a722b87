"""Targets for what people write of a state's rules, and for what a host keeps of its traffic.

a draft in TOML is read or refused; what is read is written as a bundle and read back
what Cedar by hand says of a rule is what a record can say
traffic that was read is written row by row, and counts the same when it is read again
a private record gives its request, or an error that the fold knows
"""

from __future__ import annotations

import io
from functools import cache

import msgspec

from comity.adapters.cedar import CedarReferee
from comity.adapters.errors import CedarError
from comity.cli.traffic_files import traffic_of
from comity.directory.directory import Directory, load_directory
from comity.directory.part import sign_part
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind
from comity.exchange.recorded import recorded_request
from comity.policy.errors import OptOutError, RuleFormError, TrafficFormError
from comity.policy.parse import parse_bundle
from comity.policy.rule import encode_bundle
from comity.policy.templates import read_draft, read_guarantees
from comity.policy.traffic import ROLL_UP_FIELDS, Traffic, facts_of, month_text, request_text
from comity.services.rollup import UNREADABLE
from comity.services.vault import decode_noted, decode_private, encode_private
from tests.fuzz import seeds
from tests.fuzz.refusals import hold
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, same, text_of
from tests.support.directory import ohio, signer_of, texas, trust
from tests.support.leaves import least

_SHOWN_CHARS_MAX = 1_000
_LAST_MONTH = (9_999 - 1_970) * 12 + 11


def shown(error: Exception) -> None:
    """A refusal of what a person wrote may name a word of it, and is one line all the same."""
    said = str(error)
    hold(len(said) <= _SHOWN_CHARS_MAX and said.isascii(), "a refusal is short and plain")
    hold(said.isprintable(), "a refusal moves no cursor")


def _check_draft(data: bytes) -> str:
    try:
        bundle = read_draft(text_of(data))
    except (RuleFormError, OptOutError) as error:
        shown(error)
        return error.code
    same(parse_bundle(encode_bundle(bundle)), bundle, "a draft is written and read back")
    return READ


def _check_guarantees(data: bytes) -> str:
    try:
        found = read_guarantees(text_of(data))
    except RuleFormError as error:
        shown(error)
        return error.code
    hold(len({each.id for each in found}) == len(found), "each has its own id")
    return READ


def _check_cedar(data: bytes) -> str:
    try:
        rules = CedarReferee(text_of(data), ()).rules()
    except CedarError as error:
        return error.code
    hold(all(rule.id for rule in rules), "each rule has a name")
    return READ


def _check_traffic(data: bytes) -> str:
    try:
        found = traffic_of(io.BytesIO(data), {}, _LAST_MONTH)
    except TrafficFormError as error:
        shown(error)
        return error.code
    again = traffic_of(io.BytesIO(_written(found)), {}, _LAST_MONTH)
    same(again, found, "traffic is written and read back")
    return READ


def _written(traffic: Traffic) -> bytes:
    lines = [",".join(("month", *ROLL_UP_FIELDS, "count"))]
    for month, who, what, count in zip(
        traffic.months, traffic.who, traffic.what, traffic.counts, strict=True
    ):
        asker, asked = traffic.whos[who], traffic.whats[what]
        request = request_text(
            facts_of(asker, asked),
            image=asked.image,
            record_kind=asked.record_kind,
            unheld=(*asker.unheld, *asked.unheld),
        )
        lines.append(f"{month_text(month)},{request},{count}")
    return "\n".join(lines).encode()


@cache
def _directory() -> Directory:
    signed = [sign_part(part, signer_of(part.member)) for part in (texas(), ohio())]
    return load_directory(signed, trust(*(part.member for part in (texas(), ohio()))))[0]


@cache
def _leaf() -> LeafHeader:
    return least(LeafKind.DISCLOSURE)


def _check_private(data: bytes) -> str:
    """Anything but what the fold catches, a whole ledger's fold would end by."""
    try:
        key, fields = decode_private(data)
        fields_again, noted = decode_noted(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "no-record"
    same(fields_again, fields, "both readings see the same fields")
    same(decode_noted(encode_private(key, fields, noted)), (fields, noted), "it is read back")
    try:
        recorded_request(_leaf(), fields, noted, _directory())
    except UNREADABLE:
        return "no-request"
    return READ


TOML_WORDS = [
    b"[[rules]]", b"[rules.when]", b"[[rules.unless]]", b"[[guarantees]]", b"[guarantees.when]",
    b"[rules.statute]", b'id = "', b"when = {", b"unless = [", b"agency = [", b"purpose = [",
    b'"US/DHS/ICE"', b'effect = "deny"', b"enabled = ", b'"""', b"'''", b"a.b.c.d = 1", b".a" * 20,
    b"[" * 3_000, b"{a=" * 2_000, b"9" * 5_000, b"0xFF", b"inf", b"nan", b"1979-05-27T07:32:00Z",
    b"0000-01-01", b"\\uD800", b"\\u0000", b"\r\n", b"\xef\xbb\xbf", b"\x00", b"#",
]  # fmt: skip
_CEDAR_WORDS = [
    b'@id("', b"permit", b"forbid", b"(principal, action, resource)", b"when {", b"unless {", b"}",
    b";", b"context.reviewed", b"context.purpose == ", b'Purpose::"', b'Agency::"', b'Action::"',
    b" && ", b" || ", b"!", b"(" * 450, b"[" * 450, b" && true" * 390, b" || true" * 2_000, b"//",
    b"if true then ", b" else ", b"has", b"like", b"?principal", b"principal == ", b" in ", b"is",
    b'"\\u{1b}"', b'"\\u{110000}"', b"99999999999999999999", b"decimal(", b"ip(", b"*", b" - ",
]  # fmt: skip
_TRAFFIC_WORDS = [
    b"month,agency,message_key,count", b",", b"\r\n", b"\n", b"2026-01", b"1970-01", b"1969-12",
    b"9999-12", b"0000-00", b"10000-01", b"TX2270100", b"DQ", b"yes", b"no", b"image",
    b"4503599627370496", b"9223372036854775808", b"-1", b"0", b"\xef\xbb\xbf", b"\x00", b'"', b" ",
]  # fmt: skip
_PRIVATE_WORDS = [
    b"\xabaccepted_at", b"\xa6agency", b"\xc4\x0a9999999999", b"\xc4\x14" + b"9" * 20, b"\xc0",
    b"\xc4\x02-1", b"\xc4\x01\xff", b",,,,,,,,", b"\xa0", b"\xc4\x00", b"\xdd\xff\xff\xff\xff",
]  # fmt: skip
_TEXT_MAX = 60_000

TARGETS = [
    Target("draft", _check_draft, seeds.drafts, Shape.LINES, _TEXT_MAX, words=TOML_WORDS),
    Target(
        "guarantees", _check_guarantees, seeds.guarantee_files, Shape.LINES, 20_000, weight=2,
        words=TOML_WORDS,
    ),
    Target("cedar", _check_cedar, seeds.cedar_texts, Shape.LINES, 20_000, 3, _CEDAR_WORDS),
    Target("traffic", _check_traffic, seeds.traffic_files, Shape.CELLS, 20_000, 4, _TRAFFIC_WORDS),
    Target(
        "private", _check_private, seeds.private_records, Shape.MSGPACK, 9_000, 3, _PRIVATE_WORDS
    ),
]  # fmt: skip
