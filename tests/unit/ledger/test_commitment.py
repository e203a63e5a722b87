"""A commitment binds every field, and an opening shows only the fields that were asked for."""

from __future__ import annotations

from hashlib import sha256, shake_256

import pytest

from comity.ledger.commitment import (
    FIELDS_MAX,
    OPENING_BYTES_MAX,
    OpenedField,
    Opening,
    commit,
    encode_opening,
    open_commitment,
    parse_opening,
    verify_opening,
)
from comity.ledger.errors import CommitmentError, OpeningError, OpeningMismatchError

KEY = bytes(range(32))
FIELDS = [("purpose", b"court"), ("case", b"PRACTICE-1"), ("photo", b""), ("note", b"\x00\xff")]


def test_commitment_is_the_formula() -> None:
    """The commitment is computed as its specification says, word for word."""
    salts = shake_256(b"comity1" + KEY).digest(64)
    digests = [
        sha256(salts[16 * i : 16 * i + 16] + name.encode() + b"\x00" + value).digest()
        for i, (name, value) in enumerate(FIELDS)
    ]
    assert commit(KEY, FIELDS) == sha256(b"comity1\n" + b"".join(digests)).digest()


def test_commitment_depends_on_key_order_names_and_values() -> None:
    """Any other key, order, name or value gives another commitment."""
    seen = {
        commit(KEY, FIELDS),
        commit(bytes(32), FIELDS),
        commit(KEY, FIELDS[::-1]),
        commit(KEY, FIELDS[:3]),
        commit(KEY, [("purposes", b"court"), *FIELDS[1:]]),
        commit(KEY, [("purpose", b"Court"), *FIELDS[1:]]),
        commit(KEY, []),
    }
    assert len(seen) == 7


@pytest.mark.parametrize("names", [[], ["case"], ["case", "note"], [n for n, _ in FIELDS]])
def test_opening_shows_what_was_asked_for(names: list[str]) -> None:
    """An opening of any subset verifies and holds no other field's value."""
    opening = open_commitment(KEY, FIELDS, names)
    verify_opening(opening, commit(KEY, FIELDS))
    assert opening.values() == {name: value for name, value in FIELDS if name in names}
    assert parse_opening(encode_opening(opening)) == opening


def test_opening_of_another_value_is_refused() -> None:
    """A changed value, name, salt or digest leads to another commitment."""
    opening = open_commitment(KEY, FIELDS, ["case"])
    shown = opening.fields[1]
    assert isinstance(shown, OpenedField)
    changes: list[OpenedField | bytes] = [
        OpenedField(name="case", salt=shown.salt, value=b"PRACTICE-2"),
        OpenedField(name="cases", salt=shown.salt, value=shown.value),
        OpenedField(name="case", salt=bytes(16), value=shown.value),
        bytes(32),
    ]
    for change in changes:
        fields = (opening.fields[0], change, *opening.fields[2:])
        with pytest.raises(OpeningMismatchError):
            verify_opening(Opening(fields=fields), commit(KEY, FIELDS))
    with pytest.raises(OpeningMismatchError):
        verify_opening(opening, commit(bytes(32), FIELDS))


def test_name_shown_twice_is_refused() -> None:
    """An opening cannot show two values under one name."""
    twice = [("case", b"1"), ("case", b"2")]
    opening = Opening(
        fields=tuple(
            OpenedField(name=n, salt=shake_256(b"comity1" + KEY).digest(32)[16 * i :][:16], value=v)
            for i, (n, v) in enumerate(twice)
        )
    )
    with pytest.raises(OpeningMismatchError, match="twice"):
        verify_opening(opening, commit(KEY, twice))
    with pytest.raises(CommitmentError):
        open_commitment(KEY, twice, ["case"])


def test_unknown_name_cannot_be_opened() -> None:
    """A field that the record does not have cannot be shown."""
    with pytest.raises(CommitmentError):
        open_commitment(KEY, FIELDS, ["address"])


@pytest.mark.parametrize("name", ["", "a\x00b", "A", "1a", "a b", "a" * 65, "a\n", "\u00e9"])
def test_malformed_name_is_refused(name: str) -> None:
    """A field's name is 1 to 64 of a-z, 0-9, underscore and full stop."""
    with pytest.raises(CommitmentError):
        commit(KEY, [(name, b"")])


def test_fields_have_a_limit() -> None:
    """64 fields are committed to, 65 are refused."""
    fields = [(f"f{number}", b"x") for number in range(FIELDS_MAX)]
    verify_opening(open_commitment(KEY, fields, ["f63"]), commit(KEY, fields))
    with pytest.raises(CommitmentError):
        commit(KEY, [*fields, ("f64", b"x")])


def test_key_of_another_length_is_a_fault() -> None:
    """A record's key is 32 bytes; anything else is a programmer's error."""
    with pytest.raises(AssertionError):
        commit(KEY[:31], FIELDS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff",
        b'{"v":2,"fields":[]}',
        b'{"v":1,"fields":["AAAA"]}',
        b'{"v":1,"fields":[],"more":1}',
        b'{"v":1, "fields":[]}',
        b'{"fields":[],"v":1}',
        b'{"v":1,"v":1,"fields":[]}',
        b'{"v":1,"fields":[{"name":"a","salt":"AAAA","value":""}]}',
        b'{"v":1,"fields":[{"name":"A","salt":"AAAAAAAAAAAAAAAAAAAAAA==","value":""}]}',
        b'{"v":1,"fields":[{"name":"a","salt":"AAAAAAAAAAAAAAAAAAAAAB==","value":""}]}',
        b'{"v":1,"fields":[' + b"null," * 64 + b"null]}",
        b" " * (OPENING_BYTES_MAX + 1),
    ],
)
def test_opening_of_another_form_is_refused(data: bytes) -> None:
    """Only the one canonical form of an opening is read."""
    with pytest.raises(OpeningError):
        parse_opening(data)
