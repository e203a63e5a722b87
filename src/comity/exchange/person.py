"""Whom an exchange asks about, as a budget counts persons.

Guarantee: the same number, name with birth date, plate or vehicle number gives the same bytes,
however the rest of the query reads; what names nobody for certain (a name alone, part of a plate, a
free text) gives bytes of its own for each distinct search. These bytes hold what was asked: they
are hashed under a key before they are kept anywhere. `named_by` gives all ways in which a query
names somebody, as a confidential address is found.
Source: docs/adr/0031-budgets.md, "Who is a person"; docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from comity.domain.keys import KEYS, Handling
from comity.domain.names import NameFormError, name_key
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.query import Exchange

__all__ = ["asks_about_person", "name_of", "named_by", "names_person", "person_of"]

_UNCOUNTED: Final = frozenset(
    key for key, row in KEYS.items() if row.is_response or row.handling is not Handling.RECORDS
)
"""Everything else counts, a key that nobody knows too: it is asked of records."""

_IMAGE: Final = "IMQ"
_LONG_DATE_CHARS: Final = 8
_APART: Final = "\x1f"
"""Stands in no field: formats refuse what cannot be printed."""
_BLANKS: Final = str.maketrans("", "", " -")
_FIELD_OF: Final = {NamedBy.LICENCE: "OLN", NamedBy.PLATE: "LIC", NamedBy.VIN: "VIN"}


def asks_about_person(exchange: Exchange) -> bool:
    """Say whether an exchange counts: a question of records that somebody asked.

    A message from person to person does not, nor what an agency asks of its own state's systems.
    """
    return exchange.key not in _UNCOUNTED and exchange.is_live


def person_of(exchange: Exchange) -> bytes:
    """Return what identifies who is asked about: the strongest of what the fields give."""
    fields = dict(exchange.fields)
    if number := fields.get("OLN"):
        return f"OLN{_APART}{number.upper()}".encode()
    if plate := fields.get("LIC"):
        kept = plate, fields.get("LIS", ""), fields.get("LIT", ""), fields.get("LIY", "")[-2:]
        return f"LIC{_APART}{_APART.join(kept).upper()}".encode()
    if vin := fields.get("VIN"):
        return f"VIN{_APART}{vin.upper()}".encode()
    return _by_name(fields) or _search(exchange)


def named_by(fields: Sequence[tuple[str, str]]) -> frozenset[bytes]:
    """Return everything by which fields name a person or a vehicle, however it is written.

    A plate counts without its state, type and year: rather one too many is found than one missed.
    """
    plain = ((name, value.upper().translate(_BLANKS)) for name, value in fields)
    found = {
        f"{name}{_APART}{value}".encode()
        for name, value in plain
        if name in _FIELD_OF.values() and value
    }
    born = [value for name, value in fields if name == "DOB"]
    names = [value for name, value in fields if name == "NAM"]
    pairs = ({"NAM": name, "DOB": day} for name in names for day in born)
    return frozenset({*found, *filter(None, map(_by_name, pairs))})


def names_person(names: frozenset[bytes]) -> bool:
    """Say whether names are of a person for certain: a plate or a vehicle may be anybody's."""
    kinds = {name.partition(_APART.encode())[0] for name in names}
    return bool(kinds & {b"OLN", b"NAM"})


def name_of(person: PassPerson) -> bytes:
    """Return by what `named_by` finds a person or a vehicle that a paper names."""
    if person.by is NamedBy.NAME:
        fields = [("NAM", person.value), ("DOB", person.born)]
    else:
        value = person.value.partition("/")[0] if person.by is NamedBy.PLATE else person.value
        fields = [(_FIELD_OF[person.by], value)]
    (name,) = named_by(fields)
    return name


def _by_name(fields: Mapping[str, str]) -> bytes | None:
    """Return name and birth date, however written; a century is not told apart, as in a search."""
    name, birth = fields.get("NAM"), fields.get("DOB")
    if not name or not birth:
        return None
    try:
        key = name_key(name)
    except NameFormError:
        return None
    day = f"{birth[4:]}{birth[2:4]}" if len(birth) == _LONG_DATE_CHARS else birth
    return f"NAM{_APART}{key}{_APART}{day}".encode()


def _search(exchange: Exchange) -> bytes:
    said = (f"{name}{_APART}{value}" for name, value in exchange.fields if name != _IMAGE)
    return _APART.join((exchange.key, *said)).upper().encode()
