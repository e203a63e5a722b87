"""Targets for what members, hosts, lines and services send each other, and for ledgers' bytes.

decode(x) is a value or a refusal;  encode(decode(x)) = x, where there is one encoding
a stream of frames gives the same however it is cut
an envelope that is not the sealed one opens to nothing; a hostile one to known faults alone
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.datastructures import Headers, QueryParams

from comity.adapters.sources.elements import shipped_elements
from comity.adapters.sources.protocol import read_results
from comity.audit.documents import read_key_event
from comity.audit.evidence import check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import TrustedKey, read_checkpoint, read_vkey
from comity.directory.errors import DirectoryError, HelpTextError, TableError
from comity.directory.help import HelpFile, HelpOperation, changed_help, help_ori, parse_help_ori
from comity.directory.http_lines import frame_number, http_line
from comity.directory.limits import HELP_CHARS_MAX
from comity.directory.part import (
    SignedPart,
    encode_signed_part,
    parse_part_body,
    parse_signed_part,
    part_body,
    verify_part,
)
from comity.directory.tables import TableForm, encode_table, parse_table
from comity.directory.trust import TrustRoot, encode_trust_root, parse_trust_root
from comity.domain.agency import Agency
from comity.domain.certificate import encode_certificate, parse_certificate
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.keeping import (
    KeyEvent,
    encode_key_event,
    encode_signed_order,
    parse_key_event,
    parse_signed_order,
)
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.domain.publishing import (
    encode_signed_policy,
    encode_signed_thaw,
    parse_signed_policy,
    parse_signed_thaw,
)
from comity.formats.frames import (
    MESSAGE_FRAME_BYTES_MAX,
    FrameError,
    FrameKind,
    FrameReader,
    LineEvent,
    decode_hello,
    encode_delivery,
    encode_frame,
    encode_hello,
)
from comity.front.http.problems import PROBLEMS, ProblemError
from comity.front.http.requests import (
    KEY_CHARS_MAX,
    WAIT_SECONDS_MAX,
    check_kind,
    is_key,
    kind_of,
    location_of,
    parse_key,
    read_key,
    read_kind,
    read_numbers,
    read_wait,
    wants_multipart,
)
from comity.ledger.commitment import encode_opening, parse_opening
from comity.ledger.note import encode_vkey, parse_checkpoint, parse_note, verifier_key
from comity.ledger.receipt import encode_receipt, parse_receipt
from comity.link.command import decode_command, decode_result, encode_command, encode_result
from comity.link.envelope import Opened, Route, envelope_signed_bytes, open_envelope, route_of
from comity.link.errors import EnvelopeError, LinkError
from comity.link.evidence import encode_evidence, parse_evidence
from comity.link.limits import ENVELOPE_PARCELS_MAX
from comity.link.merkle import grow
from comity.link.parcel import EnvelopeKind, addressee, decode_parcel, encode_parcel, speaker
from comity.link.seal import seal
from comity.policy import parse_bundle
from comity.policy.errors import RuleFormError
from comity.policy.rule import encode_bundle
from comity.ports import Record, SourceError
from tests.fuzz import seeds
from tests.fuzz.refusals import hold, refusal
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, outcome_of, same, text_of
from tests.support.directory import trust
from tests.support.link import BOOK, NOW_MS, SOUTH, WEST

_T = TypeVar("_T")


def _codec(
    data: bytes,
    decode: Callable[[bytes], _T],
    encode: Callable[[_T], bytes],
    then: Callable[[_T], object] = lambda _: None,
) -> str:
    """What has one encoding: bytes that are read are the ones that would be written."""

    def equations(value: _T) -> None:
        same(encode(value), data, "what is read is what would be written")
        then(value)

    return outcome_of(data, partial(decode, data), equations, ComityError)


def _either(data: bytes, *checks: Callable[[bytes], str]) -> str:
    outcomes = [check(data) for check in checks]
    return READ if READ in outcomes else outcomes[0]


_TO_LINE = frozenset(kind for kind in FrameKind if kind >= FrameKind.HELLO)
_FROM_LINE = frozenset(FrameKind) - _TO_LINE
_CUTS = (1, 3, 7, 64)


def _frames_read(data: bytes, kinds: frozenset[FrameKind], step: int) -> tuple[object, ...]:
    reader = FrameReader(kinds, MESSAGE_FRAME_BYTES_MAX)
    events: list[LineEvent] = []
    for at in range(0, len(data), step):
        events += reader.feed(data[at : at + step])
    fault = reader.fault
    return tuple(events), None if fault is None else refusal(fault, data)


def _check_frames(data: bytes) -> str:
    outcome = ""
    for kinds in (_TO_LINE, _FROM_LINE):
        events, fault = _frames_read(data, kinds, max(1, len(data)))
        short = data[:4_096]
        whole = _frames_read(short, kinds, max(1, len(short)))
        for step in _CUTS:
            same(_frames_read(short, kinds, step), whole, "a stream gives the same however cut")
        assert isinstance(events, tuple)
        written = b"".join(map(_frame_of, events))
        hold(data.startswith(written), "what is read is what would be written")
        for event in events:
            if event.kind is FrameKind.HELLO:
                outcome_of(data, partial(decode_hello, event), encode_hello, FrameError)
        outcome = outcome or (READ if events else str(fault or "incomplete"))
    return outcome


def _frame_of(event: LineEvent) -> bytes:
    if event.kind is FrameKind.DELIVERY:
        return encode_delivery(event.number, event.reply_to, event.payload)
    return encode_frame(event.kind, event.number, event.payload)


def _check_signed_part(data: bytes) -> str:
    root = trust(*(part.member for part in seeds.parts()))

    def verified(signed: SignedPart) -> None:
        parse = partial(verify_part, signed, root)
        outcome_of(data, parse, part_body, DirectoryError)

    return _codec(data, parse_signed_part, encode_signed_part, verified)


def _check_table(form: TableForm, data: bytes) -> str:
    def equations(agencies: tuple[Agency, ...]) -> None:
        for other in TableForm:
            same(parse_table(encode_table(agencies, other), other), agencies, "a table is the same")

    return outcome_of(data, partial(parse_table, text_of(data), form), equations, TableError)


def _check_trust_root(data: bytes) -> str:
    def equations(root: TrustRoot) -> None:
        same(parse_trust_root(encode_trust_root(root)), root, "a trust root is read back")

    return outcome_of(data, partial(parse_trust_root, text_of(data)), equations, DirectoryError)


def _check_help(data: bytes) -> str:
    ori, _, body = text_of(data).partition("\n")
    found = parse_help_ori(ori)
    if found is not None:
        same(help_ori(found.member, found.file, found.operation), ori, "an identifier is read back")
    _check_help_text(data, body)
    return READ if isinstance(found, HelpFile) else "no-help-file"


def _check_help_text(data: bytes, body: str) -> None:
    for operation in HelpOperation:

        def equations(text: str, operation: HelpOperation = operation) -> None:
            hold(len(text) <= HELP_CHARS_MAX, "a help file is within its limit")
            if operation is HelpOperation.REPLACE:
                again = changed_help("", operation, text)
                same(again, text, "a help file's text stays as it is kept")
                hold(all(line.isprintable() for line in text.split("\n")), "its lines print")

        change = partial(changed_help, "KEPT\nTEXT", operation, body)
        outcome_of(data, change, equations, HelpTextError)


def _check_parcel(data: bytes) -> str:
    return _codec(data, decode_parcel, encode_parcel, lambda p: (speaker(p), addressee(p)))


def _check_command(data: bytes) -> str:
    return _either(
        data,
        lambda d: _codec(d, decode_command, encode_command),
        lambda d: _codec(d, decode_result, encode_result),
    )


@cache
def _sealed() -> frozenset[bytes]:
    return frozenset(seeds.envelopes())


def _check_envelope(data: bytes) -> str:
    """Only what was sealed opens: a byte more, less or other is refused as a whole."""

    def opened(_: Opened) -> None:
        hold(data in _sealed(), "only what was sealed opens")

    routed = outcome_of(data, partial(route_of, data), lambda _: None, EnvelopeError)
    outcome = outcome_of(data, partial(_opened, data), opened, EnvelopeError)
    hold(routed == READ or outcome != READ, "what opens can be routed")
    return routed


def _opened(data: bytes) -> Opened:
    return open_envelope(data, own_name=SOUTH.name, own_private=SOUTH.opener, book=BOOK)


def _check_contents(data: bytes) -> str:
    """A certified host that signs and seals whatever it likes gives parcels and faults alone."""
    contents = data[1:]
    encodings = _parcels_in(contents)
    route = Route(
        sender=WEST.name,
        recipient=SOUTH.name,
        sent_at_ms=NOW_MS,
        count=min(max(1, len(encodings)), ENVELOPE_PARCELS_MAX),
        kind=EnvelopeKind.ASK if len(data) % 2 else EnvelopeKind.ANSWER,
    )
    if encodings:
        root = grow(encodings)[-1][0]
        signature = WEST.signer.sign(envelope_signed_bytes(route, root))
        contents = msgspec.msgpack.encode([signature, encodings])
    header = msgspec.msgpack.encode(route)
    outer = bytes((1, len(header))) + header
    info = b"comity/envelope/v1\n" + outer
    sealed = seal(contents, recipient_key=SOUTH.public.seal_key, info=info)

    def opened(found: Opened) -> None:
        places = [index for index, _ in found.parcels] + [fault.index for fault in found.faults]
        same(sorted(places), list(range(route.count)), "each parcel is handed on or has a fault")

    return outcome_of(data, partial(_opened, outer + sealed), opened, LinkError)


def _parcels_in(contents: bytes) -> list[bytes]:
    try:
        return msgspec.msgpack.decode(contents, type=tuple[bytes, list[bytes]])[1]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


_LOOKUPS = 3


def _check_source(data: bytes) -> str:
    def equations(results: list[Record | SourceError | None]) -> None:
        same(len(results), _LOOKUPS, "each look-up has one result")
        for result in results:
            if isinstance(result, SourceError):
                refusal(result, data)

    parse = partial(read_results, data, _LOOKUPS, shipped_elements())
    return outcome_of(data, parse, equations, SourceError)


def _check_http(data: bytes) -> str:
    """What a request says, by lines: key, then headers, then a query."""
    lines = data.decode("latin-1").split("\n")
    headers = Headers(
        raw=[
            (name.strip().lower().encode("latin-1"), value.strip().encode("latin-1"))
            for line in lines[:64]
            for name, colon, value in [line.partition(":")]
            if colon
        ]
    )
    queries = QueryParams(lines[-1])
    outcomes = [
        _asked(data, partial(parse_key, lines[0]), _check_key),
        _asked(data, partial(read_key, headers), _check_key),
        _asked(data, partial(read_kind, headers), lambda kind: wants_multipart(headers, kind)),
        _asked(data, partial(read_wait, headers), _check_wait),
        _asked(data, partial(read_numbers, queries, {"after": 2**63 - 1, "limit": 100}), str),
        _asked(data, partial(check_kind, kind_of(data), data), str),
    ]
    return READ if set(outcomes[:5]) == {READ} else min(set(outcomes) - {READ})


def _asked(data: bytes, parse: Callable[[], _T], then: Callable[[_T], object]) -> str:
    try:
        value = parse()
    except ProblemError as error:
        hold(error.problem in PROBLEMS, "a problem is one of the table")
        return error.problem.value
    then(value)
    return READ


def _check_key(key: str) -> None:
    hold(is_key(key) and len(key) <= KEY_CHARS_MAX, "a key that is read is a key")
    hold(0 < frame_number(http_line("line-1"), key) < 2**63, "its number fits")
    place = location_of(key)
    hold(place.isascii() and place.isprintable() and " " not in place, "its place is a path")


def _check_wait(seconds: int | None) -> None:
    hold(seconds is None or 0 <= seconds <= WAIT_SECONDS_MAX, "a wait is within its limit")


def _check_ledger(data: bytes) -> str:
    def signed(note: tuple[bytes, object]) -> None:
        outcome_of(data, partial(parse_checkpoint, note[0]), lambda _: None, ComityError)

    return _either(
        data,
        lambda d: _codec(d, parse_leaf, encode_leaf),
        lambda d: _codec(d, parse_receipt, encode_receipt),
        lambda d: _codec(d, parse_opening, encode_opening),
        lambda d: outcome_of(d, partial(parse_note, d), signed, ComityError),
    )


_VKEY_SEED = 3
_WITNESSED = b"entry"


@cache
def _trusted() -> TrustedKey:
    signer = Ed25519PrivateKey.from_private_bytes(bytes([_VKEY_SEED]) * 32)
    return read_vkey(
        encode_vkey(verifier_key("gw-columbus-1", signer.public_key().public_bytes_raw()))
    )


def _check_audit(data: bytes) -> str:
    """The checker takes no more for an opening than its writer does: both read by the same book."""

    def opened(_: object) -> None:
        same(encode_opening(parse_opening(data)), data, "checker and writer read the same")

    kinds = (EvidenceFormError, EvidenceError)
    outcomes = [
        outcome_of(data, partial(read_vkey, text_of(data)), str, kinds),
        outcome_of(data, partial(check_receipt, data, _WITNESSED, _trusted()), str, kinds),
        outcome_of(data, partial(check_tlog_proof, data, _WITNESSED, _trusted()), str, kinds),
        outcome_of(data, partial(read_checkpoint, data, _trusted()), str, kinds),
        outcome_of(data, partial(check_opening, data, commitment_in(data)), opened, kinds),
    ]
    return READ if READ in outcomes else max(outcomes)


def commitment_in(data: bytes) -> bytes:
    """Return the commitment that an opening leads to, so that the checker reads it to its end."""
    try:
        parts = json.loads(data)["fields"]
        running = sha256(b"comity1\n")
        for part in parts:
            if isinstance(part, str):
                running.update(b64decode(part))
            else:
                value = b64decode(part["value"])
                name = part["name"].encode()
                running.update(sha256(b64decode(part["salt"]) + name + b"\0" + value).digest())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return bytes(32)
    return running.digest()


def _check_keeping(data: bytes) -> str:
    """The checker takes exactly the key events that their writer would have written."""

    def read(event: KeyEvent) -> None:
        hold(read_key_event(data, event.member), "what the writer reads the checker reads")

    outcome = _either(
        data,
        lambda d: _codec(d, parse_key_event, encode_key_event, read),
        lambda d: _codec(d, parse_signed_order, encode_signed_order),
    )
    for member in (Member("oh"), Member("us")):
        checked = outcome_of(data, partial(read_key_event, data, member), str, EvidenceFormError)
        hold(checked != READ or outcome == READ, "what the checker reads the writer reads")
    return outcome


def _check_publication(data: bytes) -> str:
    return _either(
        data,
        lambda d: _codec(d, parse_signed_policy, encode_signed_policy),
        lambda d: _codec(d, parse_signed_thaw, encode_signed_thaw),
    )


def _check_certificate(data: bytes) -> str:
    return _codec(data, parse_certificate, encode_certificate)


def _check_evidence(data: bytes) -> str:
    return _codec(data, parse_evidence, encode_evidence)


def _check_policy(data: bytes) -> str:
    """A bundle is a public document of its state, so that its refusal may name a rule of it."""
    try:
        bundle = parse_bundle(data, None)
    except RuleFormError as error:
        return error.code
    same(parse_bundle(encode_bundle(bundle), None), bundle, "a bundle is read back")
    return READ


_CSV_WORDS = [
    b"ori,name,family,type", b",", b"\r\n", b'"', b'""', b"'=", b"=1+1", b"yes", b"no", b"pd",
    b"TX/LOCAL", b"line-1 line-2", b"TX2270100", b"active", b"is_control", b"\xef\xbb\xbf",
]  # fmt: skip
_TOML_WORDS = [
    b"[[agency]]", b"[agency]", b'ori = "TX2270100"', b'"""', b"'''", b"= {", b"= [", b"a.b.c = 1",
    b".a",
    b"1979-05-27T07:32:00Z", b"25:61:61", b"0xFFFFFFFFFFFF", b"1e999", b"inf", b"-nan", b"1_0",
    b"true", b"\\U0010FFFF", b"\\uD800", b"#",
]  # fmt: skip
_HELP_WORDS = [b"TXLICHELP", b"HELP", b"UPDT", b"APND", b"CNCL", b"NL", b"BAS", b"\x0b", b"\x1c"]
_HTTP_WORDS = [
    b"idempotency-key: ", b"content-type: ", b"content-encoding: ", b"prefer: wait=", b"accept: ",
    b"application/json", b"text/plain; charset=utf-8", b"multipart/mixed", b"after=", b"limit=",
    b"&", b'"', b'\\"', b"..", b"\n", b"; charset=", b"=\"", b"%2e", b"wait=99999999999999999999",
]  # fmt: skip
_FRAME_WORDS = [
    b"\x00\x00\x00\x09", b"\x00\x00\x00\x11", b"\xff\xff\xff\xff", b"\x00\x00\x40\x09",
    *(bytes([kind]) for kind in FrameKind), b"\x00" * 8, b"\x80" + b"\x00" * 7, b"\xff" * 8,
]  # fmt: skip
_PACKED_WORDS = [
    b"\xc0", b"\xc1", b"\xc4\x10", b"\xd9\x05", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff", b"\x91" * 3_000, b"\xde\x00\x01", b"\xcf" + b"\xff" * 8, b"\xd6\xff",
    b"\xca\x7f\xc0\x00\x00",
]  # fmt: skip
_PACKED_MAX = 70_000
_TEXT_MAX = 120_000

TARGETS = [
    Target(
        "frames", _check_frames, seeds.frames, Shape.FRAMES, 40_000, weight=5, words=_FRAME_WORDS
    ),
    Target(
        "part", lambda data: _codec(data, parse_part_body, part_body), seeds.part_bodies,
        Shape.JSON, _TEXT_MAX,
    ),
    Target("signed-part", _check_signed_part, seeds.signed_parts, Shape.JSON, _TEXT_MAX, weight=2),
    Target(
        "csv-table", partial(_check_table, TableForm.CSV), seeds.csv_tables, Shape.CELLS,
        _TEXT_MAX, words=_CSV_WORDS,
    ),
    Target(
        "toml-table", partial(_check_table, TableForm.TOML), seeds.toml_tables, Shape.LINES,
        _TEXT_MAX, words=_TOML_WORDS,
    ),
    Target("trust-root", _check_trust_root, seeds.trust_roots, Shape.LINES, 70_000, weight=1),
    Target("help", _check_help, seeds.help_messages, Shape.LINES, 20_000, 2, _HELP_WORDS),
    Target(
        "parcel", _check_parcel, seeds.parcels, Shape.MSGPACK, _PACKED_MAX, words=_PACKED_WORDS
    ),
    Target("envelope", _check_envelope, seeds.envelopes, Shape.RAW, _PACKED_MAX, weight=3),
    Target(
        "contents", _check_contents, seeds.contents, Shape.MSGPACK, _PACKED_MAX, weight=2,
        words=_PACKED_WORDS,
    ),
    Target(
        "command", _check_command, seeds.commands, Shape.MSGPACK, _PACKED_MAX, words=_PACKED_WORDS
    ),
    Target("source", _check_source, seeds.source_replies, Shape.JSON, _TEXT_MAX),
    Target("http", _check_http, seeds.http_requests, Shape.LINES, 9_000, 3, _HTTP_WORDS),
    Target("ledger", _check_ledger, seeds.ledger_records, Shape.JSON, _PACKED_MAX, weight=3),
    Target("audit", _check_audit, seeds.audited_records, Shape.JSON, _PACKED_MAX, weight=3),
    Target("publication", _check_publication, seeds.publications, Shape.JSON, 60_000),
    Target("certificate", _check_certificate, seeds.certificates, Shape.JSON, 70_000, weight=2),
    Target("keeping", _check_keeping, seeds.keeping_records, Shape.JSON, 9_000, weight=2),
    Target("evidence", _check_evidence, seeds.kept_evidence, Shape.MSGPACK, 20_000, weight=1),
    Target("policy", _check_policy, seeds.policies, Shape.JSON, _TEXT_MAX, weight=2),
]  # fmt: skip
