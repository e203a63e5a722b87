"""Whom a query is about, for a count of persons."""

from __future__ import annotations

import pytest

from comity.domain.keys import KEYS, Handling, MessageKey
from comity.exchange.person import asks_about_person, person_of
from tests.support.gateway import ask_of

Fields = tuple[tuple[str, str], ...]
NUMBER: Fields = (("OLN", "PX000204K7"),)
NAME: Fields = (("NAM", "DOE,JANE ANN"), ("DOB", "19900102"), ("SEX", "F"))
PLATE: Fields = (("LIC", "PX1234"), ("LIY", "2027"), ("LIT", "PC"))
VIN: Fields = (("VIN", "1PXVN00000R000001"), ("VMA", "FORD"))


def of(fields: Fields, key: str = "DQ") -> bytes:
    """Whom a query with these fields is about."""
    return person_of(ask_of(fields=fields, key=MessageKey(key)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NUMBER, (("OLN", "px000204k7"), ("IMQ", "Y"))),
        (NUMBER, (*NUMBER, *NAME)),
        (NAME, (("NAM", "DOE, JANE"), ("DOB", "010290"))),
        (NAME, (("NAM", "Do'e,Jane"), ("DOB", "19900102"), ("SEX", "U"))),
        (PLATE, (("LIT", "PC"), ("LIC", "PX1234"), ("LIY", "27"), ("RSN", "N"))),
        (VIN, VIN[:1]),
        ((("NAM", "DOE"), ("IMQ", "Y")), (("NAM", "DOE"),)),
    ],
)
def test_the_same_person_however_asked(one: Fields, other: Fields) -> None:
    """The strongest of what is given identifies, and how it is written does not count."""
    assert of(one) == of(other)


def test_the_same_person_by_another_key() -> None:
    """A licence, its history, and its photo are of one person."""
    assert of(NUMBER, "DQ") == of(NUMBER, "KQ") == of(NUMBER, "DNQ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NUMBER, (("OLN", "PX000204K8"),)),
        (NAME, (("NAM", "DOE,JOAN"), ("DOB", "19900102"))),
        (NAME, (("NAM", "DOE,JANE"), ("DOB", "19900103"))),
        (NAME, (("NAM", "DOE,JANE"),)),
        (PLATE, (("LIC", "PX1235"), ("LIY", "2027"), ("LIT", "PC"))),
        (PLATE, (("LIC", "PX1234"), ("LIY", "2027"), ("LIT", "TR"))),
        ((("LIC", "AB"), ("LIT", "C1")), (("LIC", "ABC1"), ("LIT", ""))),
        (VIN, PLATE),
        ((("OLN", "AB12"),), (("VIN", "AB12"),)),
        ((("NAM", "DOE,JANE"),), (("NAM", "DOE,JANE A"),)),
        ((("TXT", "PX12"),), (("TXT", "PX13"),)),
    ],
)
def test_another_person_or_another_search(one: Fields, other: Fields) -> None:
    """What names nobody for certain is a person of its own for each distinct search."""
    assert of(one) != of(other)


def test_a_name_without_a_key_is_a_search() -> None:
    """A name that cannot be compared still counts."""
    assert of((("NAM", "?"), ("DOB", "19900102"))) != of((("NAM", "!"), ("DOB", "19900102")))


@pytest.mark.parametrize("key", sorted(KEYS))
def test_what_asks_about_a_person(key: MessageKey) -> None:
    """Questions of records, by whatever key; no answer, no message to people, no own desk."""
    row = KEYS[key]
    counts = row.handling is Handling.RECORDS and not row.is_response
    assert asks_about_person(ask_of(key=key)) is counts
    assert not asks_about_person(ask_of(key=key, probe=True))


def test_a_key_that_nobody_knows_counts() -> None:
    """INVARIANT (fail-closed): whatever it asks, it is asked of records."""
    assert asks_about_person(ask_of(key=MessageKey("QZZ")))
