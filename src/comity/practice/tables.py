"""The word lists and shapes that practice data is made of, read once from the package's own files.

Guarantee: a file with a field that nobody reads is refused, so that the lists stay what is used.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, RecordKind

__all__ = [
    "AnchorRow",
    "ElementRow",
    "Given",
    "Make",
    "NameTable",
    "Place",
    "Streets",
    "Surnames",
    "anchor_rows",
    "element_rows",
    "makes",
    "name_table",
    "places",
]

_T = TypeVar("_T")


class Surnames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Surnames: put together from `heads` and `tails`, or taken `whole`."""

    heads: tuple[str, ...]
    tails: tuple[str, ...]
    whole: tuple[str, ...]


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Given names, middle names and suffixes."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    middle: tuple[str, ...]
    suffix: tuple[str, ...]


class Streets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Invented street names."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]


class NameTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of names.toml."""

    surname: Surnames
    given: Given
    street: Streets


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A jurisdiction's invented cities and county, and the shapes of its practice numbers."""

    cities: tuple[str, ...]
    county: str
    oln: str
    plate: str
    noncompliant: bool = False


class Make(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vehicle make and its models by plate type."""

    code: str
    models: dict[str, tuple[str, ...]]


class AnchorRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person with a vehicle, the same in every practice world."""

    role: str
    surname: str
    given: str
    middle: str
    birth: date
    sex: str
    oln: str
    kind: RecordKind
    plate: str
    plate_type: str
    vin_serial: int


class ElementRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What elements.toml says of one element.

    `mark` says where the name or its code list was found: V in a published NIEM schema, S in public
    programs that use NIEM, P chosen for practice. `niem` and `card` are empty where there is none.
    """

    data_class: DataClass
    mark: str
    niem: str = ""
    card: str = ""


def _read(name: str, kind: type[_T]) -> _T:
    text = files("comity.practice").joinpath(f"{name}.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=kind)


@cache
def name_table() -> NameTable:
    """Return the lists that people's names and streets come from."""
    return _read("names", NameTable)


@cache
def places() -> dict[Member, Place]:
    """Return the places of the 54 jurisdictions."""
    return _read("places", dict[Member, Place])


@cache
def makes() -> tuple[Make, ...]:
    """Return the vehicle makes."""
    return _read("vehicles", dict[str, tuple[Make, ...]])["makes"]


@cache
def anchor_rows() -> dict[Member, tuple[AnchorRow, ...]]:
    """Return the people who stand in every practice world."""
    return _read("anchors", dict[Member, tuple[AnchorRow, ...]])


@cache
def element_rows() -> dict[str, ElementRow]:
    """Return what each element of a practice record is called, by its name."""
    return _read("elements", dict[str, ElementRow])
