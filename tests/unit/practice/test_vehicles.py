"""Practice vehicles."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from comity.domain.ids import Member
from comity.domain.vocabulary import RecordKind
from comity.practice.elements import decode_record
from comity.practice.tables import places
from comity.practice.vehicles import check_digit, make_vin
from comity.practice.world import PRACTICE_DAY, PracticeWorld

MD = Member("md")
WORLD = PracticeWorld(seed=5, people_per_state=1_500)


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"])
def test_check_digit_of_known_vins(vin: str) -> None:
    """The check digit of published example VINs is the one they have."""
    assert check_digit(vin) == vin[8]


def test_every_vin_checks() -> None:
    """Every VIN has 17 characters without I, O and Q, the practice head, and its check digit."""
    for row in WORLD.vehicles(MD):
        assert re.fullmatch("0PX[0-9A-HJ-NPR-Z]{14}", row.vin)
        assert check_digit(row.vin) == row.vin[8]


def test_an_altered_vin_does_not_check() -> None:
    """A changed digit in the serial does not pass the check."""
    vin = make_vin(MD, 2020, 123_456)
    altered = vin[:-1] + ("1" if vin[-1] != "1" else "2")
    assert check_digit(altered) != altered[8]


def test_plates_and_vins_do_not_repeat() -> None:
    """No two vehicles of a state share a plate or a VIN; plates have the practice shape."""
    form = places()[MD].plate.replace("#", "[0-9]").replace("A", "[A-Z]")
    rows = list(WORLD.vehicles(MD))
    plates = [row.plate for row in rows if row.plate]
    assert len(set(plates)) == len(plates)
    assert len({row.vin for row in rows}) == len(rows)
    assert all(re.fullmatch(form, plate) and len(plate) <= 10 for plate in plates)


def test_owner_is_a_person_of_the_state() -> None:
    """The registered owner of every vehicle is one of the state's people."""
    names = {person.full_name for person in WORLD.people(MD)}
    for row in WORLD.vehicles(MD):
        owners = [e.value for e in decode_record(row.record) if e.name == "OWNER_NAME"]
        assert len(owners) == 1
        assert owners[0] in names


def test_kinds_and_types() -> None:
    """There are more vehicles registered than titled alone, of three plate types."""
    rows = list(WORLD.vehicles(MD))
    kinds = Counter(row.kind for row in rows)
    assert set(kinds) == {RecordKind.REGISTRATION, RecordKind.TITLE}
    assert 0.03 < kinds[RecordKind.TITLE] / len(rows) < 0.1
    assert 0.75 < len(rows) / 1_500 < 0.95
    for row in rows:
        if row.kind is RecordKind.TITLE:
            assert (row.plate, row.plate_year, row.plate_type) == ("", "", "")
        else:
            assert row.plate_type in {"PC", "TK", "MC"}
            assert abs(int(row.plate_year) - PRACTICE_DAY.year) <= 1


def test_keys_are_those_of_the_record() -> None:
    """The keys that a row is found by say the same as its record."""
    for row in WORLD.vehicles(MD):
        found = {element.name: element.value for element in decode_record(row.record)}
        assert found["VIN"] == row.vin
        assert found.get("PLATE", "") == row.plate
        assert found.get("PLATE_YEAR", "") == row.plate_year
