"""Closed vocabularies: enumeration and file agree, wire codes are one to one."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from comity.domain import vocabulary
from comity.domain.vocabulary import (
    Emergency,
    Purpose,
    UnknownValueError,
    from_wire,
    term,
    terms,
    wire_of,
)

KINDS = [
    value
    for value in vars(vocabulary).values()
    if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_has_its_words(kind: type[StrEnum]) -> None:
    """Each value has a label; wire codes are two or three capitals, each of one value."""
    rows = terms(kind)
    assert list(rows) == list(kind)
    codes = [wire_of(value) for value in kind if wire_of(value)]
    assert len(set(codes)) == len(codes)
    for value in kind:
        assert term(value).label
        if code := wire_of(value):
            assert from_wire(kind, code) is value
            assert re.fullmatch(r"[A-Z0-9]{2,3}", code)


def test_not_stated_has_no_wire_code() -> None:
    """Not stated is said by saying nothing."""
    for kind in KINDS:
        for value in kind:
            assert not (value.value == "not_stated" and wire_of(value))


@pytest.mark.parametrize("code", ["", "XXX", "cri", "not_stated"])
def test_unknown_wire_code_is_refused(code: str) -> None:
    """A code that no value has is refused, never read as another value."""
    with pytest.raises(UnknownValueError):
        from_wire(Purpose, code)
    with pytest.raises(UnknownValueError):
        from_wire(Emergency, "CRI")


def test_file_that_differs_from_its_enumeration_is_refused() -> None:
    """A file with other values than the code fails the import."""
    with pytest.raises(UnknownValueError):
        vocabulary._load(Emergency, "purpose")
