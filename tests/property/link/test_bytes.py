"""Every decoder of the link is total and canonical: typed refusal, or a value with those bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.ids import Member
from comity.link.command import (
    AskStatus,
    CommandDone,
    PublishPolicy,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
)
from comity.link.errors import LinkError
from comity.link.evidence import encode_evidence, parse_evidence
from comity.link.parcel import decode_parcel, encode_parcel
from tests.property.link.values import parcels

TX = Member("tx")
COMMANDS = [
    encode_command(AskStatus(member=TX)),
    encode_command(PublishPolicy(state=TX, bundle=b"")),
]
RESULTS = [encode_result(CommandDone(entry="tx/9", facts=(("a", "b"),)))]
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ["ask", "answer", "received", "refusal", "decide", "expire", "status", "done"]
)


CODECS: list[tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = [
    (decode_parcel, encode_parcel),
    (decode_command, encode_command),
    (decode_result, encode_result),
    (parse_evidence, encode_evidence),
]


def check_every_decoder(data: bytes) -> None:
    """Whatever decodes encodes to the same bytes; whatever does not, is refused by a link error."""
    for decode, encode in CODECS:
        try:
            value = decode(data)
        except LinkError:
            continue
        assert encode(value) == data


@given(st.binary(max_size=300))
@example(b"\x01\xdd\xff\xff\xff\xff")
@example(b"\x01\xdf\xff\xff\xff\xff")
@example(b"\x01\xc6\xff\xff\xff\xff")
@example(b"\x01\xd6\xff\x00\x00\x00\x00")
def test_any_bytes(data: bytes) -> None:
    """Noise, announced lengths that never come and time stamps are refused by name."""
    check_every_decoder(data)
    check_every_decoder(b"\x01" + data)


@given(KINDS, st.lists(TREES, max_size=5))
def test_any_structure(kind: str, fields: list[object]) -> None:
    """Well-formed MessagePack of a known kind with any fields is refused by name, or canonical."""
    check_every_decoder(b"\x01" + msgspec.msgpack.encode([kind, *fields]))


@given(parcels(), st.integers(0), st.integers(1, 255))
def test_any_altered_parcel(parcel: object, place: int, mask: int) -> None:
    """A parcel with one byte altered is refused, or is another parcel in its only form."""
    data = bytearray(encode_parcel(parcel))  # type: ignore[arg-type]
    data[place % len(data)] ^= mask
    check_every_decoder(bytes(data))


@given(st.sampled_from(COMMANDS + RESULTS), st.integers(0), st.integers(1, 255))
def test_any_altered_command(command: bytes, place: int, mask: int) -> None:
    """A command or result with one byte altered is refused, or is another in its only form."""
    data = bytearray(command)
    data[place % len(data)] ^= mask
    check_every_decoder(bytes(data))
