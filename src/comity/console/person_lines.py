"""Persons and vehicles as forms take them, one a line, and as pages say them."""

from __future__ import annotations

from typing import Final

from comity.console.words import opened
from comity.domain.passes import PASS_PERSONS_MAX, PassPerson, named_in

__all__ = ["PERSONS_SAID", "person_said", "persons_named"]

PERSONS_SAID: Final = (
    f"Name 1 to {PASS_PERSONS_MAX}, one a line, as queries do: `OLN PX000204K7`, "
    "`NAM PRACTICE,PAT 19900101`, `LIC PX4471 PC`, `VIN 1PX123`."
)
"""What a form says where the lines cannot be read."""


def persons_named(text: str) -> frozenset[PassPerson]:
    """Return whom lines name; nobody where one of them cannot be read."""
    found: set[PassPerson] = set()
    for line in filter(None, map(str.strip, text.upper().splitlines())):
        name, _, rest = line.partition(" ")
        value, _, more = rest.strip().rpartition(" ") if name in {"NAM", "LIC"} else (rest, "", "")
        fields = [(name, rest.strip())]
        if name == "NAM":
            fields = [("NAM", value.strip()), ("DOB", more)]
        elif name == "LIC" and value:
            fields = [("LIC", value.strip()), ("LIT", more)]
        persons = named_in(fields)
        if not persons:
            return frozenset()
        found |= persons
    return frozenset(found)


def person_said(person: PassPerson) -> str:
    """Return one person or vehicle in words."""
    born = f", born {person.born}" if person.born else ""
    return f"{opened(person.by.value)} {person.value}{born}"
