"""Practice people and their records."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from comity.domain.answer import Element
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.domain.names import latin, name_key
from comity.domain.vocabulary import DataClass, RecordKind
from comity.practice.elements import decode_record
from comity.practice.tables import element_rows, name_table, places
from comity.practice.world import PRACTICE_DAY, PracticeWorld

WA = Member("wa")
TX = Member("tx")
WORLD = PracticeWorld(seed=11, people_per_state=1_500)
SMALL = PracticeWorld(seed=11, people_per_state=40)


def values(record: bytes, name: str) -> list[str]:
    return [element.value for element in decode_record(record) if element.name == name]


def classes(record: bytes) -> set[DataClass]:
    return {element.data_class for element in decode_record(record)}


def test_every_name_has_a_key() -> None:
    """Every surname and given name that can be drawn has a Latin form and fits a name field."""
    names = name_table()
    surnames = [head + tail for head in names.surname.heads for tail in names.surname.tails]
    surnames += names.surname.whole
    given = {*names.given.female, *names.given.male}
    last = max(len(name_key(f"{name},A")) - len(",A") for name in surnames)
    first = max(len(name_key(f"A,{name}")) - len("A,") for name in given)
    middle = max(len(latin(name)) for name in names.given.middle)
    assert all(latin(name).isalpha() for name in names.given.middle)
    assert last + first + middle + len(", ") <= 30


def test_some_names_need_transliteration() -> None:
    """Diacritics, hyphens and apostrophes occur among the people of a state."""
    names = [person.full_name for person in WORLD.people(WA)]
    assert any(not name.isascii() for name in names)
    assert any("-" in name for name in names)
    assert any("'" in name for name in names)


def test_licence_numbers_do_not_repeat() -> None:
    """No two people of a state share a licence number, and each has the state's practice shape."""
    for member in (WA, TX):
        form = re.escape(places()[member].oln).replace(r"\#", "[0-9]").replace("A", "[A-Z]")
        numbers = [row.oln for row in WORLD.drivers(member)]
        assert len(set(numbers)) == len(numbers) == 1_500
        assert all(re.fullmatch(form, number) for number in numbers)
        assert all("PX" in number and len(number) <= 20 for number in numbers)


def test_keys_are_those_of_the_record() -> None:
    """The keys that a row is found by say the same as its record."""
    for row in SMALL.drivers(TX):
        name, born = values(row.record, "NAME"), values(row.record, "BIRTH_DATE")
        assert row.name_key == name_key(name[0])
        assert born == [row.birth.isoformat()]
        assert values(row.record, "LICENSE_NUMBER") == [row.oln]
        assert values(row.record, "SEX") == [row.sex]


def test_elements_are_in_the_table() -> None:
    """Every element of a record is in the table under the class that the record gives it."""
    rows = element_rows()
    for member in (WA, TX):
        records = [row.record for row in SMALL.drivers(member)]
        records += [row.record for row in SMALL.vehicles(member)]
        for record in records:
            for element in decode_record(record):
                assert isinstance(element, Element)
                assert rows[element.name].data_class is element.data_class
                assert element.value


def test_table_has_no_unused_element() -> None:
    """Every element of the table occurs in the world, the photo beside the record."""
    seen = {"PHOTO"}
    records = [row.record for row in WORLD.drivers(WA)]
    records += [row.record for row in WORLD.vehicles(WA)]
    for record in records:
        seen.update(element.name for element in decode_record(record))
    assert seen == set(element_rows())


def test_withdrawal_and_status_agree() -> None:
    """A suspended or revoked licence has its withdrawal in the history, no other licence has."""
    for row in WORLD.drivers(WA):
        status = values(row.record, "LICENSE_STATUS")[0]
        withdrawals = values(row.record, "WITHDRAWAL")
        assert bool(withdrawals) == (status in {"SUSPENDED", "REVOKED"})


def test_expiry_and_status_agree() -> None:
    """An expired licence expired before the world's day, any other did not."""
    today = PRACTICE_DAY.isoformat()
    for row in WORLD.drivers(WA):
        status = values(row.record, "LICENSE_STATUS")[0]
        expires = values(row.record, "LICENSE_EXPIRATION_DATE")[0]
        assert (expires < today) == (status == "EXPIRED")


def test_noncompliant_records() -> None:
    """Only a noncompliant licence shows documents, and only some states have any."""
    for row in WORLD.drivers(WA):
        is_noncompliant = row.kind is RecordKind.NONCOMPLIANT_LICENCE
        assert (DataClass.IMMIGRATION_DOCUMENTS in classes(row.record)) == is_noncompliant
        assert (DataClass.SSN in classes(row.record)) != is_noncompliant
        compliance = values(row.record, "REAL_ID_COMPLIANCE_CODE")
        assert compliance == (["N"] if is_noncompliant else ["F"])
    kinds = Counter(row.kind for row in WORLD.drivers(WA))
    assert 0.05 < kinds[RecordKind.NONCOMPLIANT_LICENCE] / 1_500 < 0.13
    assert RecordKind.NONCOMPLIANT_LICENCE not in {row.kind for row in WORLD.drivers(TX)}


def test_social_security_numbers_were_never_issued() -> None:
    """A social security number has area 900 or above and group 00."""
    for row in WORLD.drivers(TX):
        numbers = values(row.record, "SSN")
        assert len(numbers) == 1
        assert re.fullmatch(r"9[0-9]{2}-00-[0-9]{4}", numbers[0])


def test_share_of_standings() -> None:
    """Most licences are valid; some are suspended, expired or revoked; some have a history."""
    rows = list(WORLD.drivers(TX))
    standing = Counter(values(row.record, "LICENSE_STATUS")[0] for row in rows)
    assert set(standing) == {"VALID", "EXPIRED", "SUSPENDED", "REVOKED"}
    assert 0.8 < standing["VALID"] / len(rows) < 0.95
    history = sum(DataClass.HISTORY in classes(row.record) for row in rows)
    assert 0.2 < history / len(rows) < 0.45


def test_cities_are_invented_once() -> None:
    """No two jurisdictions share a city, and every jurisdiction has its table."""
    table = places()
    assert set(table) == set(MEMBERS) - {OPERATOR_MEMBER}
    cities = [city for place in table.values() for city in place.cities]
    assert len(set(cities)) == len(cities)


@pytest.mark.parametrize("member", [WA, TX])
def test_addresses_are_no_post_office(member: Member) -> None:
    """Every postal code begins with 000, which no post office has."""
    for person in SMALL.people(member):
        assert re.fullmatch("000[0-9]{2}", person.postal)
        assert person.city in places()[member].cities


def test_marks_of_the_table() -> None:
    """An element says where its name was found, and a NIEM name only where there is one."""
    for row in element_rows().values():
        assert row.mark in {"V", "S", "P"}
        assert bool(row.niem) == (row.mark != "P")
