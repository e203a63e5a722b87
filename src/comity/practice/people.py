"""Invented people of one jurisdiction: name, birth, looks, address, number of their licence.

Guarantee: person i of a jurisdiction is the same however many are asked for, and no two have the
same licence number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import islice
from random import Random
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.vocabulary import RecordKind
from comity.practice.chance import Shape, pick, stream, weighted
from comity.practice.tables import AnchorRow, NameTable, Place, anchor_rows, name_table, places

__all__ = ["Person", "people_of"]

_WHOLE_SHARE: Final = 0.12
_SUFFIX_SHARE: Final = 0.04
_AGE_DAYS_MIN: Final = 16 * 365 + 4
_AGE_DAYS_SPAN: Final = 72 * 365
_EYES: Final = weighted({"BRO": 48, "BLU": 24, "HAZ": 13, "GRN": 10, "GRY": 4, "BLK": 1})
_HAIR: Final = weighted({"BRO": 42, "BLK": 28, "BLN": 14, "GRY": 11, "RED": 3, "BAL": 2})
_KINDS: Final = weighted(
    {RecordKind.LICENCE: 85, RecordKind.ID_CARD: 10, RecordKind.COMMERCIAL_LICENCE: 5}
)
_KINDS_WITH_NONCOMPLIANT: Final = weighted(
    {
        RecordKind.LICENCE: 76,
        RecordKind.ID_CARD: 10,
        RecordKind.NONCOMPLIANT_LICENCE: 9,
        RecordKind.COMMERCIAL_LICENCE: 5,
    }
)
_HEIGHT_INCHES: Final = {"F": 64, "M": 69, "X": 66}
_SEXES: Final = weighted({"F": 49, "M": 49, "X": 2})


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One invented person. `anchor` is the role of a person who stands in every practice world."""

    member: Member
    surname: str
    given: str
    middle: str
    suffix: str
    birth: date
    sex: str
    height: str
    weight: str
    eyes: str
    hair: str
    street: str
    city: str
    postal: str
    kind: RecordKind
    oln: str
    anchor: str = ""

    @property
    def full_name(self) -> str:
        """The name as a record shows it: `LAST,FIRST MIDDLE SUFFIX`, as written on the card."""
        return " ".join(filter(None, (f"{self.surname},{self.given}", self.middle, self.suffix)))


def people_of(seed: int, member: Member, count: int, today: date) -> Iterator[Person]:
    """Yield a jurisdiction's people, those of anchors.toml first."""
    rows = anchor_rows().get(member, ())
    place = places()[member]
    for row in rows[:count]:
        yield _anchored(member, row, place)
    rng = stream(seed, member, "people")
    numbers = Shape(place.oln).numbers(
        stream(seed, member, "oln"), reserved={row.oln for row in rows}
    )
    kinds = _KINDS_WITH_NONCOMPLIANT if place.noncompliant else _KINDS
    for oln in islice(numbers, max(0, count - len(rows))):
        yield _invented(rng, member, place, oln=oln, kinds=kinds, today=today.toordinal())


def _anchored(member: Member, row: AnchorRow, place: Place) -> Person:
    rng = stream(0, member, row.oln)  # the same in a world of any seed
    looks = _looks(rng, row.sex)
    street, city, postal = _address(rng, name_table(), place)
    return Person(
        member=member,
        surname=row.surname,
        given=row.given,
        middle=row.middle,
        suffix="",
        birth=row.birth,
        sex=row.sex,
        height=looks[0],
        weight=looks[1],
        eyes=looks[2],
        hair=looks[3],
        street=street,
        city=city,
        postal=postal,
        kind=row.kind,
        oln=row.oln,
        anchor=row.role,
    )


def _invented(
    rng: Random,
    member: Member,
    place: Place,
    *,
    oln: str,
    kinds: tuple[RecordKind, ...],
    today: int,
) -> Person:
    table = name_table()
    sex = pick(rng, _SEXES)
    height, weight, eyes, hair = _looks(rng, sex)
    street, city, postal = _address(rng, table, place)
    return Person(
        member=member,
        surname=_surname(rng, table),
        given=pick(rng, _given_names()[sex]),
        middle=pick(rng, table.given.middle),
        suffix=pick(rng, table.given.suffix) if rng.random() < _SUFFIX_SHARE else "",
        birth=date.fromordinal(today - _AGE_DAYS_MIN - int(rng.random() * _AGE_DAYS_SPAN)),
        sex=sex,
        height=height,
        weight=weight,
        eyes=eyes,
        hair=hair,
        street=street,
        city=city,
        postal=postal,
        kind=pick(rng, kinds),
        oln=oln,
    )


def _surname(rng: Random, table: NameTable) -> str:
    if rng.random() < _WHOLE_SHARE:
        return pick(rng, table.surname.whole)
    return pick(rng, table.surname.heads) + pick(rng, table.surname.tails)


@cache
def _given_names() -> dict[str, tuple[str, ...]]:
    given = name_table().given
    return {"F": given.female, "M": given.male, "X": given.female + given.male}


def _looks(rng: Random, sex: str) -> tuple[str, str, str, str]:
    inches = _HEIGHT_INCHES[sex] + int((rng.random() + rng.random() - 1) * 9)
    weight = int(inches * 2.4 + (rng.random() + rng.random() - 0.8) * 50)
    return f"{inches // 12}{inches % 12:02d}", f"{weight:03d}", pick(rng, _EYES), pick(rng, _HAIR)


def _address(rng: Random, table: NameTable, place: Place) -> tuple[str, str, str]:
    """Return street, city and postal code; no post office has a code that begins with 000."""
    street = pick(rng, table.street.names)
    kind = pick(rng, table.street.kinds)
    number = 100 + int(rng.random() * 9800)
    return f"{number} {street} {kind}", pick(rng, place.cities), f"000{int(rng.random() * 90):02d}"
