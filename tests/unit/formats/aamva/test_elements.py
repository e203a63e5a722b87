"""Cutting subfiles apart: what is certain is cut, what is not is refused."""

from __future__ import annotations

import pytest

from comity.formats.aamva import Card, parse_card
from comity.formats.faults import MessageError
from tests.support.cards import TEXAS, Damage, Elements, Printed, damaged, payload

REST: Elements = [
    ("DCS", "SAMPLE"), ("DDE", "N"), ("DAC", "JANE"), ("DDF", "N"), ("DAD", ""), ("DDG", "N"),
    ("DBB", "02291980"), ("DBC", "2"), ("DAG", "9 OAK ST"), ("DAI", "VALE"), ("DAJ", "TX"),
]  # fmt: skip
GONE = Damage(line_feed="", record_separator="", carriage_return="")
SPACED = Damage(line_feed=" ", record_separator=" ", carriage_return=" ")


def printed(elements: Elements, **own: Elements) -> bytes:
    """A licence with these elements, and a jurisdiction's own subfiles."""
    return payload(Printed(version=9, issuer=TEXAS, subfiles={"DL": elements, **own}))


def read(elements: Elements, damage: Damage, **own: Elements) -> Card:
    """The card as a scanner delivers it."""
    return parse_card(damaged(printed(elements, **own), damage))


def code_of(elements: Elements, damage: Damage, **own: Elements) -> str:
    """The code that it is refused with."""
    with pytest.raises(MessageError) as refused:
        read(elements, damage, **own)
    return refused.value.fault.code


def test_number_before_a_required_element() -> None:
    """Without separators a number that a required element follows is certain."""
    assert read([("DAQ", "A1"), *REST], GONE).number == "A1"
    assert read([*REST, ("DAQ", "A1")], GONE).number == "A1"


def test_number_before_another_element() -> None:
    """Without separators a number that an optional element follows could go on: refused."""
    assert code_of([("DAQ", "A1"), ("DDK", "1"), *REST], GONE) == "card-separators-lost"


@pytest.mark.parametrize("name", ["ADAIR", "MCDAQUE"])
def test_name_that_holds_an_id(name: str) -> None:
    """Without separators a name with an id in it leaves two readings: refused."""
    elements = [("DAQ", "A1"), ("DCS", name), *REST[1:]]
    assert code_of(elements, GONE) == "card-separators-lost"
    assert read(elements, Damage()).family_name == name
    assert read(elements, SPACED).family_name == name


def test_fixed_forms_clear_a_name() -> None:
    """An id within a name whose element has a fixed form that does not follow is no boundary."""
    elements = [("DAQ", "A1"), ("DCS", "MADDERN"), *REST[1:]]
    assert read(elements, GONE).family_name == "MADDERN"


@pytest.mark.parametrize("damage", [GONE, SPACED])
def test_a_fixed_form_decides_between_two(damage: Damage) -> None:
    """Of two places of an id, the one behind a value of fixed form is the element: DAYTON."""
    elements = [("DAQ", "A1"), *REST[:9], ("DAI", "WEST DAYTON"), ("DAU", "068 in"), ("DAY", "BRO")]
    card = read([*elements, ("DAJ", "OH")], damage)
    assert (card.address.city, dict(card.elements)["DAY"]) == ("WEST DAYTON", "BRO")


def test_a_fixed_form_decides_for_a_name() -> None:
    """The first name stands behind a value of fixed form, so that `BALDACCI` holds none."""
    elements = [("DAQ", "A1"), ("DCS", "BALDACCI"), *REST[1:]]
    card = read(elements, GONE)
    assert (card.family_name, card.given_name) == ("BALDACCI", "JANE")


def test_no_form_decides_between_two() -> None:
    """Of two places of an id that none or both are demanded, neither is taken: refused."""
    elements = [("DAQ", "A1"), *REST[:9], ("DAI", "DAYTON"), ("DCB", "A"), ("DAY", "BRO")]
    assert code_of([*elements, ("DAJ", "OH")], GONE) == "card-separators-lost"


@pytest.mark.parametrize("odd", [("DAU", "5-08"), ("DDK", "YES"), ("DBB", "X2291980")])
def test_odd_value_behind_spaces(odd: tuple[str, str]) -> None:
    """Behind a space a required id, or one that begins no word, is never taken for text."""
    elements = [("DAQ", "A1"), *(e for e in REST if e[0] != odd[0]), odd]
    assert code_of(elements, SPACED) == "card-separators-lost"


def test_odd_first_value_behind_spaces() -> None:
    """A first element whose value does not have its fixed form is refused."""
    assert code_of([("DAU", "5-08"), ("DAQ", "A1"), *REST], SPACED) == "card-separators-lost"


def test_element_still_to_come() -> None:
    """An element that no edition has is kept on its own line, and is refused without separators."""
    elements = [("DAQ", "A1"), *REST, ("DDZ", "1")]
    assert dict(read(elements, Damage()).elements)["DDZ"] == "1"
    assert code_of(elements, GONE) == "card-separators-lost"


def test_own_subfile_without_separators() -> None:
    """A jurisdiction's subfile is cut by its own ids and proved by its length."""
    own: Elements = [("ZTA", "VALE CITY"), ("ZTB", ""), ("ZTC", "9")]
    card = read([("DAQ", "A1"), *REST], GONE, ZT=own)
    assert card.elements[-3:] == tuple(own)
    twice: Elements = [("ZTA", "VALE ZT9"), ("ZTB", "")]
    assert code_of([("DAQ", "A1"), *REST], GONE, ZT=twice) == "card-separators-lost"


def test_own_subfile_behind_spaces() -> None:
    """A jurisdiction's subfile whose ids begin with ZA is cut at spaces like any other."""
    own: Elements = [("ZAA", "N"), ("ZAB", "12")]
    assert read([("DAQ", "A1"), *REST], SPACED, ZA=own).elements[-2:] == tuple(own)


def test_own_subfile_in_two_places() -> None:
    """A jurisdiction's subfile that could begin in two places is refused."""
    elements: Elements = [("DAQ", "A1"), *REST, ("DCK", "ZTZT")]
    assert code_of(elements, GONE, ZT=[("ZTA", "1")]) == "card-subfile-missing"
    assert read(elements, Damage(), ZT=[("ZTA", "1")]).number == "A1"


def test_second_line_of_the_street_behind_spaces() -> None:
    """Behind a space a second line of the street could be a word of the first: refused."""
    elements = [("DAQ", "A1"), *REST, ("DAH", "UNIT 2")]
    assert code_of(elements, SPACED) == "card-separators-ambiguous"
    assert read(elements, GONE).address.street_more == "UNIT 2"


def test_word_that_is_no_weight() -> None:
    """Behind a space `DAWSON` is a word, because a weight is a number."""
    elements = [("DAQ", "A1"), *REST[:8], ("DAG", "9 DAWSON ST"), *REST[9:]]
    assert read(elements, SPACED).address.street == "9 DAWSON ST"


@pytest.mark.parametrize("number", ["A1 DDQ2", "A1 DDKX", "A 1"])
def test_number_with_a_space_behind_spaces(number: str) -> None:
    """Where spaces separate, a number never holds one: what follows could be an element."""
    assert code_of([("DAQ", number), *REST], SPACED) == "card-separators-lost"
    assert read([("DAQ", number), *REST], Damage()).number == number


def test_number_that_ran_on() -> None:
    """A number that holds a required element which stands nowhere else has swallowed it."""
    data = printed([("DAQ", "A1DCSSAMPLE"), *REST[1:]])
    with pytest.raises(MessageError) as refused:
        parse_card(data)
    assert refused.value.fault.code == "card-separators-lost"


def test_first_element_is_not_at_the_start() -> None:
    """Text before the first id of a subfile is refused."""
    data = printed([("DAQ", "A1"), *REST]).replace(b"DLDAQ", b"DLxxDAQ")
    with pytest.raises(MessageError) as refused:
        parse_card(data)
    assert refused.value.fault.code == "card-subfile-missing"


def test_unknown_element_first_behind_spaces() -> None:
    """Behind spaces a subfile that begins with an element no edition has is refused."""
    assert code_of([("DDZ", "1"), ("DAQ", "A1"), *REST], SPACED) == "card-separators-lost"


def test_subfiles_out_of_order() -> None:
    """Subfiles that do not stand in the order of the head are refused."""
    data = printed([("DAQ", "A1")], ZT=[("ZTA", "1")], ZX=[("ZXA", "1")])
    turned = data.replace(b"ZTZTA1\rZXZXA1\r", b"ZXZXA1\rZTZTA1\r")
    assert turned != data
    with pytest.raises(MessageError) as refused:
        parse_card(turned)
    assert refused.value.fault.code == "card-header-malformed"


def test_same_element_with_the_same_value() -> None:
    """An element that stands twice is kept once if both are equal, and refused if not."""
    card = read([("DAQ", "A1"), ("DAQ", "A1 "), *REST], Damage())
    assert [name for name, _ in card.elements].count("DAQ") == 1
    assert code_of([("DAQ", "A1"), ("DAQ", "A2"), *REST], Damage()) == "card-element-repeated"
