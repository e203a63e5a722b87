"""Ids: what is one, what is refused, and that what is written is read."""

from __future__ import annotations

import pytest

from comity.domain.ids import (
    MEMBERS,
    OPERATOR_MEMBER,
    IdError,
    Member,
    entry_name,
    format_id,
    id_time_ns,
    ledger_origin,
    make_id,
    member_label,
    member_of_wire,
    member_zone,
    parse_entry_name,
    parse_host_name,
    parse_id,
    parse_member,
    parse_ori,
    parse_origin,
    wire_of_member,
)

INDEX_MAX = 2**63 - 1


def test_members_are_54_jurisdictions_and_the_operator() -> None:
    """Every jurisdiction has a code, a label, a zone and a code of the network's own."""
    assert len(MEMBERS) == len(set(MEMBERS)) == 55
    for member in MEMBERS:
        assert parse_member(member) == member
        assert member_label(member)
        assert "/" in member_zone(member)
        assert wire_of_member(member).isupper()


def test_wire_codes_name_their_member() -> None:
    """A code of the network names one jurisdiction; `NB` is Nebraska, the operator has none."""
    assert member_of_wire("NB") == Member("ne")
    assert wire_of_member(Member("ne")) == "NB"
    assert member_of_wire("NE") is None
    assert member_of_wire(wire_of_member(OPERATOR_MEMBER)) is None
    states = [member for member in MEMBERS if member != OPERATOR_MEMBER]
    assert [member_of_wire(wire_of_member(state)) for state in states] == states


@pytest.mark.parametrize("text", ["", "WA", "zz", "w", "waa"])
def test_unknown_member_is_refused(text: str) -> None:
    """A code that is no member's is refused."""
    with pytest.raises(IdError):
        parse_member(text)


@pytest.mark.parametrize("text", ["WAPX00001", "000000000"])
def test_ori_is_nine_characters(text: str) -> None:
    """Nine of A-Z and 0-9 are an identifier."""
    assert parse_ori(text) == text


@pytest.mark.parametrize("text", ["", "WAPX0000", "WAPX000011", "wapx00001", "WAPX00001\n"])
def test_malformed_ori_is_refused(text: str) -> None:
    """A length or character that no identifier has is refused."""
    with pytest.raises(IdError):
        parse_ori(text)


@pytest.mark.parametrize("text", ["a", "gw-west-1", "1-1", "x" * 32])
def test_host_name(text: str) -> None:
    """A host has 1 to 32 characters, one of them no digit."""
    assert parse_host_name(text) == text


@pytest.mark.parametrize("text", ["", "12345", "GW", "gw_1", "x" * 33, "gw\n"])
def test_malformed_host_name_is_refused(text: str) -> None:
    """Digits alone could make a batch message read as a checkpoint: they are refused, too."""
    with pytest.raises(IdError):
        parse_host_name(text)


def test_id_is_ordered_by_time() -> None:
    """An id is its time, then its chance; hexadecimal for people, and read back."""
    made = make_id(1_795_500_000_000_000_001, bytes(range(8)))
    assert made[8:] == bytes(range(8))
    assert id_time_ns(made) == 1_795_500_000_000_000_001
    assert parse_id(format_id(made)) == made
    assert made < make_id(1_795_500_000_000_000_002, bytes(8))


@pytest.mark.parametrize(
    "text", ["", "0" * 30, "0" * 34, "0" * 31 + "A", "00 " * 11, "0" * 31 + "g"]
)
def test_malformed_id_is_refused(text: str) -> None:
    """Anything but 32 lower-case hexadecimal digits is refused."""
    with pytest.raises(IdError):
        parse_id(text)


@pytest.mark.parametrize("index", [0, 7, INDEX_MAX])
def test_entry_is_read_back(index: int) -> None:
    """A citation names a ledger and an index below 2^63."""
    assert parse_entry_name(entry_name(Member("wa"), index)) == ("wa", index)


@pytest.mark.parametrize(
    "text", ["", "wa", "wa/", "wa/01", "wa/-1", "zz/1", "WA/1", "wa/1 ", f"wa/{INDEX_MAX + 1}"]
)
def test_malformed_entry_is_refused(text: str) -> None:
    """Another form, another member's code or an index that no store keeps is refused."""
    with pytest.raises(IdError):
        parse_entry_name(text)


def test_ledger_origin() -> None:
    """A ledger is named under its network's domain."""
    assert ledger_origin("comity.example", Member("wa")) == "ledger.comity.example/wa"
    assert ledger_origin("comity.example", Member("wa"), 3) == "ledger.comity.example/wa.3"


@pytest.mark.parametrize("number", [1, 2, 9, 10, 9_999])
def test_origin_is_read_back(number: int) -> None:
    """Whose ledger it is, and which of the member's."""
    origin = ledger_origin("comity.example", Member("wa"), number)
    assert parse_origin(origin) == ("wa", number)


@pytest.mark.parametrize(
    "text",
    ["", "wa", "ledger.a/", "ledger.a/zz", "ledger.a/wa.1", "ledger.a/wa.02", "ledger.a/wa.2/",
     "ledger.a/wa.", "ledger.a/wa.x", "ledger.a/wa.2.3", "ledger.a/WA", "ledger.a/wa.10000"],
)  # fmt: skip
def test_malformed_origin_is_refused(text: str) -> None:
    """A number is written in one way; the first ledger has none."""
    with pytest.raises(IdError):
        parse_origin(text)
