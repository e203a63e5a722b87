"""Whom an exchange asks about, as a budget counts persons.

Guarantee: the same number, name with birth date, plate or vehicle number gives the same bytes,
however the rest of the query reads; what names nobody for certain (a name alone, part of a plate, a
free text) gives bytes of its own for each distinct search. These bytes hold what was asked: they
are hashed under a key before they are kept anywhere.
Source: docs/adr/0031-budgets.md, "Who is a person".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from comity.domain.keys import KEYS, Handling
from comity.domain.names import NameFormError, name_key
from comity.domain.query import Exchange

__all__ = ["asks_about_person", "person_of"]

_UNCOUNTED: Final = frozenset(
    key for key, row in KEYS.items() if row.is_response or row.handling is not Handling.RECORDS
)
"""Everything else counts, a key that nobody knows too: it is asked of records."""

_IMAGE: Final = "IMQ"
_LONG_DATE_CHARS: Final = 8
_APART: Final = "\x1f"
"""Stands in no field: formats refuse what cannot be printed."""


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
