"""Reading a card: its limits, its dates, what is never kept, who issues."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, member_label
from comity.formats.aamva import Card, NamePart, edition_of, is_card, parse_card
from comity.formats.aamva.elements import CARD_ELEMENTS_MAX, CARD_VALUE_CHARS_MAX
from comity.formats.aamva.header import CARD_BYTES_MAX, CARD_SUBFILES_MAX
from comity.formats.aamva.standard import _ISSUERS, Issuer, issuer_of
from comity.formats.faults import MessageError
from tests.support.cards import (
    OHIO,
    ONTARIO,
    TEXAS,
    Damage,
    Elements,
    Printed,
    damaged,
    iso_date,
    payload,
    us_date,
)
from tests.support.messages import attempt

NUMBER = ("DAQ", "90210077")
HEAD = b"ANSI 636015080101DL00310100"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def printed(*elements: tuple[str, str], version: int = 8, issuer: str = TEXAS) -> bytes:
    """A licence with these elements."""
    return payload(Printed(version=version, issuer=issuer, subfiles={"DL": [NUMBER, *elements]}))


def code_of(data: bytes) -> str:
    """The code that a payload is refused with."""
    with pytest.raises(MessageError) as refused:
        parse_card(data)
    return refused.value.fault.code


def test_bytes_at_the_limit() -> None:
    """A payload of 4,096 bytes is read, one of a byte more is refused."""
    data = printed() + b"\r" * CARD_BYTES_MAX
    assert parse_card(data[:CARD_BYTES_MAX]).number == "90210077"
    assert code_of(data[: CARD_BYTES_MAX + 1]) == "card-too-long"


def test_elements_at_the_limit() -> None:
    """A card of 256 elements is read, one of one more is refused."""
    ids = [f"Z{a}{b}" for a in LETTERS for b in LETTERS][:CARD_ELEMENTS_MAX]
    most: Elements = [(name, "1") for name in ids[: CARD_ELEMENTS_MAX - 1]]
    assert len(parse_card(printed(*most)).elements) == CARD_ELEMENTS_MAX
    assert code_of(printed(*most, ("ZZZ", "1"))) == "card-too-long"


def test_values_at_the_limit() -> None:
    """A value of 512 characters is kept, one of one more is refused."""
    value = "1" * CARD_VALUE_CHARS_MAX
    assert dict(parse_card(printed(("DCP", value))).elements)["DCP"] == value
    assert code_of(printed(("DCP", value + "1"))) == "card-too-long"


def test_subfiles_at_the_limit() -> None:
    """A card of 16 subfiles is read, one of one more is refused."""
    own: dict[str, Elements] = {f"Z{letter}": [(f"Z{letter}A", "1")] for letter in LETTERS}
    kinds: dict[str, Elements] = {"DL": [NUMBER]}
    for kind in list(own)[: CARD_SUBFILES_MAX - 1]:
        kinds[kind] = own[kind]
    card = parse_card(payload(Printed(version=8, issuer=TEXAS, subfiles=kinds)))
    assert len(card.elements) == CARD_SUBFILES_MAX
    many = {**kinds, "ZZ": own["ZZ"]}
    data = payload(Printed(version=8, issuer=TEXAS, subfiles=many))
    assert code_of(data) == "card-header-malformed"


def test_the_order_of_a_date_is_in_its_digits() -> None:
    """No month and day together reach the first year, so that no date is one in the other order."""
    leap = [dt.date(2000, 1, 1) + dt.timedelta(days=n) for n in range(366)]
    assert max(int(us_date(day)[:4]) for day in leap) == 1231
    assert min(int(iso_date(dt.date(year, 1, 1))[:4]) for year in (1800, 9999)) == 1800


@pytest.mark.parametrize("write", [us_date, iso_date])
@pytest.mark.parametrize("country", ["USA", "CAN"])
@pytest.mark.parametrize("day", [dt.date(1800, 1, 1), dt.date(1980, 2, 29), dt.date(2099, 12, 31)])
def test_a_date_in_either_order(write: object, country: str, day: dt.date) -> None:
    """A birth date is the same day whichever order a card has, and whatever country it names."""
    assert callable(write)
    assert parse_card(printed(("DBB", write(day)), ("DCG", country))).born_on == day


@pytest.mark.parametrize(
    "value",
    ["02301980", "19800230", "00000000", "12312100", "12311799", "1980-2-9", "\u06601011980"],
)
def test_no_day(value: str) -> None:
    """What is no day, in no order, or out of range is refused."""
    data = damaged(printed(("DBB", "X")), Damage()).replace(b"DBBX", b"DBB" + value.encode())
    assert code_of(data) == "card-date-invalid"


def test_expiry_may_be_far() -> None:
    """A card that never expires may say so with the last year there is."""
    assert parse_card(printed(("DBA", "12319999"))).expires_on == dt.date(9999, 12, 31)


def test_no_social_security_number() -> None:
    """Social security numbers of version 1 are read over: they are on no list of elements."""
    elements = (("DBK", "000000000"), ("DBM", "000000000"), ("DBN", "ROE"))
    card = parse_card(printed(*elements, version=1, issuer=OHIO))
    assert [name for name, _ in card.elements] == ["DAQ", "DBN"]


def test_every_member_issues_cards() -> None:
    """Each member but the operator is exactly one issuer's, under the same name."""
    members = {issuer.member: issuer.label for issuer in _ISSUERS.values() if issuer.member}
    assert set(members) == {*MEMBERS} - {OPERATOR_MEMBER}
    assert all(label == member_label(member) for member, label in members.items())
    assert Counter(i.country for i in _ISSUERS.values()) == {"USA": 57, "CAN": 13, "MEX": 2}
    assert issuer_of("000000") == Issuer()


def test_country_of_the_issuer() -> None:
    """A card that names no country is its issuer's."""
    assert parse_card(printed(issuer=ONTARIO)).country == "CAN"
    assert parse_card(printed(version=1)).country == "USA"
    assert parse_card(printed(("DCG", "cdn"))).country == "CAN"


def test_names_of_version_1() -> None:
    """Parts of the name go before the full name; a full name without commas says nothing."""
    parts = (("DAB", "ROE"), ("DAC", "IVY"), ("DAD", "A"), ("DAE", "SR"), ("DAA", "X,Y,Z"))
    card = parse_card(printed(*parts, version=1))
    names = (card.family_name, card.given_name, card.middle_names, card.suffix)
    assert names == ("ROE", "IVY", "A", "SR")
    assert parse_card(printed(("DAA", "DOE JANE"), version=1)).family_name == ""
    assert parse_card(printed(("DAA", "DOE,JANE"), version=1)).given_name == "JANE"


def test_cut_names() -> None:
    """What was cut, and what an issuer does not know or say, are told apart."""
    card = parse_card(printed(("DDE", "T"), ("DDF", "N")))
    assert (card.cut_names, card.unsure_names) == ((NamePart.FAMILY,), (NamePart.MIDDLE,))


def test_what_does_not_print() -> None:
    """A value with a character that does not print is refused."""
    assert code_of(HEAD + b"DLDAQ1\x9b2") == "card-element-malformed"


def test_spelling_within_a_value_is_kept() -> None:
    """What spells a separator is text where nothing that stands behind one follows."""
    card = parse_card(printed(("DCF", "A^Jx%0Ay")))
    assert dict(card.elements)["DCF"] == "A^Jx%0Ay"


@pytest.mark.parametrize(
    "data", [b"@", b"\r\n@", b"ANSI 636015", b"AAMVA636015", b"]L2@\n", b"ANSI636015"]
)
def test_what_begins_as_a_card(data: bytes) -> None:
    """The compliance indicator, or a file type before an issuer, begins a card."""
    assert is_card(data)


@pytest.mark.parametrize("data", [b"", b"DQ.ORWSP0000.WA.TXT", b"{", b"AA.ORWSP0000", b"ANSI X"])
def test_what_begins_otherwise(data: bytes) -> None:
    """Messages of the other formats do not begin as a card."""
    assert not is_card(data)


def test_newest_rules_for_what_is_to_come() -> None:
    """Versions 4 and above share one edition, 2 and 3 another."""
    assert edition_of(4) is edition_of(10) is edition_of(99)
    assert edition_of(2) is edition_of(3)
    assert edition_of(1) is not edition_of(2)


@pytest.mark.parametrize(
    "run",
    [b"\\", b"^", b"^J", b"<LF", b"[", b"DAQ", b"DAQ ", b"DAU ", b"DBB1234567", b" ", b"\n", b"@"],
)
def test_hostile_runs(run: bytes) -> None:
    """A payload of one run up to the limit is a card or a refusal, at a cost that stays linear."""
    for start in (b"", HEAD + b"DLDAQ1", HEAD[:-2] + b"00ZQ00000000DLDAQ1\x1e"):
        data = (start + run * CARD_BYTES_MAX)[: CARD_BYTES_MAX - 1] + b"X"
        found = attempt(parse_card, data)
        assert isinstance(found, Card) or found.code.startswith("card-")
