"""The query that a terminal would type from a card."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from comity.domain.ids import Member, parse_ori
from comity.domain.query import Claims
from comity.domain.vocabulary import Purpose
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.aamva import AskBy, Card, CardKind, NamePart, query_of_card
from comity.formats.faults import MessageError

ORIGIN = parse_ori("TXPX001PD")
CARD = Card(
    version=10,
    jurisdiction_version=1,
    issuer="636015",
    member=Member("tx"),
    jurisdiction="Texas",
    kind=CardKind.LICENCE,
    country="USA",
    number="a12-345 678",
    family_name="Sample",
    given_name="Jane",
    middle_names="Ann",
    suffix="Jr.",
    born_on=dt.date(1980, 2, 29),
    sex="F",
)


def with_(**more: object) -> Card:
    """The card with other values."""
    return msgspec.structs.replace(CARD, **more)


def code_of(card: Card, **asks: object) -> str:
    """The code that a query is refused with."""
    with pytest.raises(MessageError) as refused:
        query_of_card(card, origin=ORIGIN, **asks)  # type: ignore[arg-type]
    return refused.value.fault.code


def name_of(card: Card) -> str | None:
    """The name that a query by name asks for."""
    return query_of_card(card, origin=ORIGIN, by=AskBy.NAME).value("NAM")


def test_by_number() -> None:
    """The number goes to the issuer, in capitals and without spaces."""
    query = query_of_card(CARD, origin=ORIGIN)
    assert (query.destinations, query.fields) == (("TX",), (("OLN", "A12-345678"),))


@pytest.mark.parametrize("by", AskBy)
@pytest.mark.parametrize("image", [False, True])
def test_same_query_in_every_format(by: AskBy, image: bool) -> None:
    """What a card asks is the value that the same message gives in text and in JSON."""
    claims = Claims(purpose=Purpose.TRAFFIC_SAFETY, case_number="26-0117")
    query = query_of_card(
        CARD, origin=ORIGIN, by=by, image=image, control="LTN2000157", claims=claims
    )
    assert text_format.parse_query(text_format.render_query(query)) == query
    assert json_format.parse_query(json_format.render_query(query)) == query


@pytest.mark.parametrize("number", ["", "A/1", "A.1", "1" * 21, "\xc91"])
def test_number_that_does_not_fit(number: str) -> None:
    """A number that its field cannot hold is refused, never changed into another."""
    code = "card-number-unfit" if number else "card-number-missing"
    assert code_of(with_(number=number)) == code


def test_number_at_the_limit() -> None:
    """A number of 20 characters is asked for."""
    assert query_of_card(with_(number="1" * 20), origin=ORIGIN).value("OLN") == "1" * 20


def test_name_in_full() -> None:
    """Family name, given, middle and suffix stand as terminals type them."""
    assert name_of(CARD) == "SAMPLE,JANE ANN JR"
    assert name_of(with_(family_name="N\xfa\xf1ez O\u2019Neill")) == "NUNEZ O'NEILL,JANE ANN JR"
    assert name_of(with_(family_name="St. Lee")) == "ST LEE,JANE ANN JR"


def test_long_name() -> None:
    """Of a name over 30 characters the suffix is left out, then the middle names, then none."""
    assert name_of(with_(middle_names="A" * 15)) == f"SAMPLE,JANE {'A' * 15} JR"
    assert name_of(with_(middle_names="A" * 16)) == f"SAMPLE,JANE {'A' * 16}"
    assert name_of(with_(middle_names="A" * 19)) == "SAMPLE,JANE"
    assert code_of(with_(family_name="S" * 26), by=AskBy.NAME) == "card-name-unfit"


def test_cut_name() -> None:
    """A cut family or given name is not asked for; cut middle names are left out."""
    for part in (NamePart.FAMILY, NamePart.GIVEN):
        assert code_of(with_(cut_names=(part,)), by=AskBy.NAME) == "card-name-cut"
    assert name_of(with_(cut_names=(NamePart.MIDDLE,))) == "SAMPLE,JANE JR"
    assert name_of(with_(unsure_names=tuple(NamePart))) == "SAMPLE,JANE ANN JR"


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"family_name": ""}, "card-name-missing"),
        ({"given_name": ""}, "card-name-missing"),
        ({"born_on": None}, "card-birth-date-missing"),
        ({"sex": ""}, "card-sex-missing"),
        ({"family_name": "\u674e"}, "card-name-unfit"),
        ({"family_name": "4"}, "card-name-unfit"),
        ({"member": None}, "card-issuer-elsewhere"),
    ],
)
def test_what_is_missing(missing: dict[str, object], code: str) -> None:
    """What a card does not say is refused, never filled in."""
    assert code_of(with_(**missing), by=AskBy.NAME) == code


def test_other_rules_hold() -> None:
    """A key or destination that is wrong is refused by the rules of every format."""
    assert code_of(CARD, key="RQ") == "field-unknown"
    assert code_of(CARD, key="QQ") == "body-malformed"
    assert code_of(CARD, key="AM") == "body-malformed"
    assert code_of(CARD, destination="TEXAS") == "destination-invalid"
