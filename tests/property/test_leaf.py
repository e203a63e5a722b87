"""Leaves: what is written is read back, and no byte of one can be changed into the same leaf."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import MEMBERS
from comity.domain.keys import KEYS
from comity.domain.leaf import LEAF_BYTES_MAX, LeafError, LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)
from tests.support.leaves import MAY, MUST, fullest, leaf

entries = st.builds("{}/{}".format, st.sampled_from(MEMBERS), st.integers(0, 2**63 - 1))
agencies = (
    st.from_regex(r"[A-Z0-9]{9}", fullmatch=True)
    | st.just("sealed")
    | st.sampled_from(MEMBERS).map("small:{}".format)
)
classes = st.sets(st.sampled_from(DataClass)).map(
    lambda chosen: tuple(c for c in DataClass if c in chosen)
)
digests = st.binary(min_size=32, max_size=32)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "agency": agencies,
    "key": st.sampled_from(sorted(KEYS)),
    "purpose": st.sampled_from([*map(str, Purpose), "sealed"]),
    "offence": st.sampled_from([*map(str, Offence), "sealed"]),
    "instrument": st.sampled_from(Instrument),
    "policy": st.integers(0, 2**63 - 1),
    "peer": entries,
    "fan_out": st.integers(1, 64),
    "cites": entries,
    "digest": digests,
}
DECISIONS = {
    LeafKind.DISCLOSURE: ["release"],
    LeafKind.DENIAL: ["deny"],
    LeafKind.HOLD: ["hold"],
    LeafKind.VERDICT: ["approve", "refuse", "ask", "escalate"],
    LeafKind.CLOSURE: ["expired", "undeliverable"],
}


@st.composite
def headers(draw: st.DrawFn) -> LeafHeader:
    kind = draw(st.sampled_from(LeafKind))
    chosen = draw(st.sets(st.sampled_from(sorted(MAY[kind])))) if MAY[kind] else set()
    names = set(MUST[kind]) | chosen
    fields = {name: draw(VALUES[name]) for name in sorted(names & set(VALUES))}
    released = draw(classes) if "released" in names else None
    if released is not None:
        fields["released"] = released
    if "withheld" in names:
        fields["withheld"] = tuple(c for c in draw(classes) if c not in (released or ()))
    if "decision" in names:
        fields["decision"] = LeafDecision(draw(st.sampled_from(DECISIONS[kind])))
    if "result" in names:
        fields["result"] = "record" if released else draw(st.sampled_from(["record", "none"]))
    fields["mode"] = draw(st.sampled_from(LeafMode))
    fields["hour"] = draw(st.integers(0, 2**24 - 1))
    fields["member"] = draw(st.sampled_from(MEMBERS))
    fields["commitment"] = draw(digests)
    return leaf(kind, **fields)


@given(headers())
def test_leaf_is_read_back(header: LeafHeader) -> None:
    """Any header is read back as written and fits the limit."""
    data = encode_leaf(header)
    assert len(data) <= LEAF_BYTES_MAX
    assert parse_leaf(data) == header
    assert encode_leaf(parse_leaf(data)) == data


@pytest.mark.parametrize("kind", LeafKind)
def test_changed_byte_is_refused_or_another_leaf(kind: LeafKind) -> None:
    """Each byte of a leaf changed in each bit is refused, or is a different, valid leaf."""
    header = fullest(kind)
    data = encode_leaf(header)
    refused = 0
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            other = parse_leaf(bytes(altered))
        except LeafError:
            refused += 1
            continue
        assert other != header
        assert encode_leaf(other) == altered
    # What is left are digits, agencies, citations, hashes: values that stand for something else.
    assert refused > len(data) * 4


@pytest.mark.parametrize("kind", LeafKind)
def test_shortened_or_lengthened_leaf_is_refused(kind: LeafKind) -> None:
    """No beginning of a leaf is one, and nothing can be added to it."""
    data = encode_leaf(fullest(kind))
    for size in range(len(data)):
        with pytest.raises(LeafError):
            parse_leaf(data[:size])
    for more in (b" ", b"\n", b"\x00", b"}", data):
        with pytest.raises(LeafError):
            parse_leaf(data + more)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_the_named_error(data: bytes) -> None:
    """Arbitrary bytes are refused by name."""
    with pytest.raises(LeafError):
        parse_leaf(data)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=6))
def test_any_value_of_a_field_ends_in_a_leaf_or_the_named_error(value: object) -> None:
    """Any JSON in the place of any field is refused by name or is canonical."""
    data = encode_leaf(fullest(LeafKind.DISCLOSURE))
    document = msgspec.json.decode(data)
    for name in document:
        other = msgspec.json.encode({**document, name: value})
        try:
            assert encode_leaf(parse_leaf(other)) == other
        except LeafError:
            continue
