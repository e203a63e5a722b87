"""The leaf header: its bytes, the fields of each kind, and that no other form is read."""

from __future__ import annotations

import json

import msgspec
import pytest

from comity.domain.ids import MEMBERS, Member
from comity.domain.leaf import (
    LEAF_BYTES_MAX,
    LeafError,
    LeafHeader,
    encode_leaf,
    parse_leaf,
    small_agency,
)
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from tests.support.leaves import MAY, MUST, fullest, least

OPTIONAL = [
    name
    for name in LeafHeader.__struct_fields__
    if name not in {"version", "kind", "mode", "hour", "member", "commitment"}
]
DISCLOSURE = fullest(LeafKind.DISCLOSURE)
SAMPLE: dict[str, object] = {
    **{name: value for kind in LeafKind for name, value in MAY[kind].items()},
    **{name: value for kind in LeafKind for name, value in MUST[kind].items()},
}


def changed(header: LeafHeader, **fields: object) -> bytes:
    return encode_leaf(msgspec.structs.replace(header, **fields))


def test_bytes_of_a_disclosure() -> None:
    """A leaf's bytes are those of the decision record: its fields, its order, no spaces."""
    assert encode_leaf(DISCLOSURE) == (
        b'{"v":1,"k":"disclosure","m":"live","h":498750,"st":"wa","ag":"ORPX00001","mk":"DQ",'
        b'"pu":"criminal_investigation","of":"sealed","in":"state_warrant",'
        b'"cl":["status","identity"],"wh":["photo"],"de":"release","rs":"record","po":77,'
        b'"pe":"or/9001","re":"wa/7","c":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}'
    )


@pytest.mark.parametrize("kind", LeafKind)
def test_every_kind_is_read_back(kind: LeafKind) -> None:
    """A leaf with the least and with the most that its kind has is read back as written."""
    for header in (least(kind), fullest(kind)):
        assert parse_leaf(encode_leaf(header)) == header


@pytest.mark.parametrize("kind", LeafKind)
def test_field_that_a_kind_needs_is_missed(kind: LeafKind) -> None:
    """Each field that a kind must have is refused when it is absent."""
    for name in MUST[kind]:
        with pytest.raises(LeafError, match=f"needs field `{name}`"):
            parse_leaf(changed(fullest(kind), **{name: None}))


@pytest.mark.parametrize("kind", LeafKind)
def test_field_that_a_kind_has_not_is_refused(kind: LeafKind) -> None:
    """Each field that a kind must and may not have is refused when it is there."""
    assert set(MUST[kind]) | set(MAY[kind]) <= set(OPTIONAL) == set(SAMPLE)
    for name in set(OPTIONAL) - set(MUST[kind]) - set(MAY[kind]):
        header = least(kind)
        if name in {"released", "withheld"}:
            data = changed(header, **{name: ()})
        else:
            data = changed(header, **{name: SAMPLE[name]})
        with pytest.raises(LeafError, match=f"has no field `{name}`"):
            parse_leaf(data)


@pytest.mark.parametrize("kind", LeafKind)
def test_decision_of_another_kind_is_refused(kind: LeafKind) -> None:
    """A kind carries its own decisions only."""
    expected = {
        LeafKind.DISCLOSURE: {"release"},
        LeafKind.DENIAL: {"deny"},
        LeafKind.HOLD: {"hold"},
        LeafKind.VERDICT: {"approve", "refuse", "ask", "escalate"},
        LeafKind.CLOSURE: {"expired", "undeliverable"},
    }.get(kind, set())
    for decision in LeafDecision:
        data = changed(least(kind), decision=decision)
        if decision in expected:
            assert parse_leaf(data).decision is decision
        else:
            with pytest.raises(LeafError):
                parse_leaf(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("version", 0),
        ("hour", -1),
        ("hour", 1 << 24),
        ("member", "zz"),
        ("member", "WA"),
        ("agency", "ORPX0000"),
        ("agency", "orpx00001"),
        ("agency", "small:zz"),
        ("agency", "small:WA"),
        ("agency", "DOE,JANE"),
        ("key", "ZZ"),
        ("purpose", "because"),
        ("offence", ""),
        ("released", (DataClass.IDENTITY, DataClass.STATUS)),
        ("released", (DataClass.STATUS, DataClass.STATUS)),
        ("withheld", (DataClass.STATUS,)),
        ("withheld", (DataClass.PHOTO, DataClass.ADDRESS)),
        ("result", "hit"),
        ("result", "none"),
        ("policy", -1),
        ("policy", 1 << 63),
        ("peer", "or/01"),
        ("peer", "zz/1"),
        ("peer", f"or/{1 << 63}"),
        ("cites", "9001"),
        ("commitment", b""),
        ("commitment", bytes(31)),
        ("commitment", bytes(33)),
    ],
)
def test_value_out_of_its_range_is_refused(field: str, value: object) -> None:
    """A value that a field cannot have is refused, and the error names the field."""
    with pytest.raises(LeafError):
        parse_leaf(changed(DISCLOSURE, **{field: value}))


@pytest.mark.parametrize("fan_out", [0, 65])
def test_fan_out_out_of_its_range_is_refused(fan_out: int) -> None:
    """A query asks 1 to 64 states."""
    for most in (1, 64):
        assert parse_leaf(changed(least(LeafKind.QUERY), fan_out=most)).fan_out == most
    with pytest.raises(LeafError, match="fan_out"):
        parse_leaf(changed(least(LeafKind.QUERY), fan_out=fan_out))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_digest_of_another_length_is_refused(size: int) -> None:
    """A digest is 32 bytes."""
    with pytest.raises(LeafError, match="digest"):
        parse_leaf(changed(least(LeafKind.POLICY), digest=bytes(size)))


def test_no_record_names_nothing_as_released() -> None:
    """A leaf that says that there is no record names no class as released."""
    empty = changed(DISCLOSURE, result="none", released=(), withheld=())
    assert parse_leaf(empty).result == "none"
    with pytest.raises(LeafError, match="result"):
        parse_leaf(changed(DISCLOSURE, result="none"))


def test_small_agency_names_its_member() -> None:
    """An agency below its member's threshold is named by the member alone."""
    for member in MEMBERS:
        agency = small_agency(Member(member))
        assert parse_leaf(changed(DISCLOSURE, agency=agency)).agency == f"small:{member}"


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: text.replace('"v":1', '"v": 1'),
        lambda text: text.replace('"v":1', '"v":1.0'),
        lambda text: text.replace('"v":1,', '"v":1,"v":1,'),
        lambda text: text.replace('"po":77', '"po":77,"x":1'),
        lambda text: text.replace('"po":77', '"po":77,"fo":null'),
        lambda text: text.replace('"m":"live","h":498750', '"h":498750,"m":"live"'),
        lambda text: text.replace('="}', '"}'),
        lambda text: text.replace('8="}', '9="}'),
        lambda text: text.replace('"wa"', '"\\u0077a"'),
        lambda text: text.replace("record", "r\u00e9cord"),
        lambda text: text + "\n",
        lambda text: text[:-1],
        lambda text: "",
        lambda text: "[" * 900,
        lambda text: json.dumps(json.loads(text)),
    ],
)
def test_another_form_of_the_same_leaf_is_refused(alter: object) -> None:
    """A leaf has one form: another order, spacing, number, escape or length is no leaf."""
    assert callable(alter)
    text = encode_leaf(DISCLOSURE).decode()
    other = alter(text)
    assert other != text
    with pytest.raises(LeafError):
        parse_leaf(other.encode())


def test_bytes_beyond_the_limit_are_refused_unread() -> None:
    """At 1,024 bytes a leaf is read, beyond it it is refused for its length."""
    with pytest.raises(LeafError, match="header of version 1"):
        parse_leaf(b"x" * LEAF_BYTES_MAX)
    with pytest.raises(LeafError, match="1,024 bytes"):
        parse_leaf(b"x" * (LEAF_BYTES_MAX + 1))


def test_bytes_that_are_no_text_are_refused() -> None:
    """Bytes that are no UTF-8 are refused with the same error."""
    for data in (b"\xff\xfe", b'{"v":1,"k":"\xff"}', b"null", b"[]"):
        with pytest.raises(LeafError) as refused:
            parse_leaf(data)
        assert refused.value.code == "leaf-malformed"


def test_longest_leaf_fits() -> None:
    """No leaf with the longest values of every field is over the limit."""
    longest = msgspec.structs.replace(
        DISCLOSURE,
        hour=(1 << 24) - 1,
        purpose="missing_or_endangered",
        offence="immigration_criminal",
        released=tuple(DataClass),
        withheld=(),
        policy=(1 << 63) - 1,
        peer=f"or/{(1 << 63) - 1}",
        cites=f"wa/{(1 << 63) - 1}",
    )
    assert parse_leaf(encode_leaf(longest)) == longest
