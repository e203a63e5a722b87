"""The rule record as bytes: one canonical form, and every other layout of it means the same."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.errors import ComityError
from comity.policy import PolicyBundle, bundle_digest, encode_bundle, parse_bundle
from tests.property.policy import cases


def shuffled(value: Any, chance: Random) -> Any:
    """The same JSON value with its fields, and its lists of plain texts, in another order."""
    if isinstance(value, dict):
        items = [(name, shuffled(inner, chance)) for name, inner in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        inner = [shuffled(one, chance) for one in value]
        if all(isinstance(one, str) for one in inner):
            chance.shuffle(inner)
        return inner
    return value


@given(cases.bundles())
def test_parse_after_encode_is_the_identity(bundle: PolicyBundle) -> None:
    """What was written is what is read, and writing it again gives the same bytes."""
    data = encode_bundle(bundle)
    assert parse_bundle(data) == bundle
    assert encode_bundle(parse_bundle(data)) == data


@given(cases.bundles(fewest=1), st.integers(0, 1 << 32))
def test_layout_has_no_meaning(bundle: PolicyBundle, seed: int) -> None:
    """Another order of fields and values, or other spaces, is the same policy with one digest."""
    table = shuffled(json.loads(encode_bundle(bundle)), Random(seed))
    again = parse_bundle(json.dumps(table, indent=seed % 4).encode())
    assert bundle_digest(again) == bundle_digest(bundle)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0123abc ', max_size=80))
def test_strange_bytes_are_refused_by_name(data: bytes | str) -> None:
    """Bytes that are no bundle end in an error of ours, never in another."""
    with pytest.raises(ComityError):
        parse_bundle(data.encode() if isinstance(data, str) else data)


@given(cases.bundles(fewest=1), st.data())
def test_a_damaged_bundle_is_refused_or_another(bundle: PolicyBundle, data: st.DataObject) -> None:
    """No damaged byte goes unseen: the record is refused, or its digest is another."""
    good = encode_bundle(bundle)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    try:
        read = parse_bundle(bytes(bad))
    except ComityError:
        return
    assert bundle_digest(read) != bundle_digest(bundle)
