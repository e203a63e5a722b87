"""A query's and an exchange's fields, and that what is not said is no claim."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Exchange, Query
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from tests.support.exchange import exchange_of

FIELDS = (("OLN", "PX1"), ("OLN", "PX2"), ("IMQ", "Y"))
QUERY = Query(key=MessageKey("DQ"), origin=ORI("ORPX00001"), destinations=("WA",), fields=FIELDS)
EXCHANGE = msgspec.structs.replace(exchange_of(), fields=FIELDS)


@pytest.mark.parametrize("asked", [QUERY, EXCHANGE])
def test_value_is_that_of_the_first_field(asked: Query | Exchange) -> None:
    """A field is found by its prefix, the first of several; an absent one is None."""
    assert asked.value("OLN") == "PX1"
    assert asked.value("NAM") is None


def test_image_is_asked_for_by_its_field() -> None:
    """Only `IMQ/Y` asks for the photo."""
    assert QUERY.wants_image
    assert not msgspec.structs.replace(QUERY, fields=(("IMQ", "N"),)).wants_image
    assert not msgspec.structs.replace(QUERY, fields=()).wants_image


def test_nothing_said_is_no_claim() -> None:
    """A query that says nothing claims nothing."""
    assert QUERY.claims == NO_CLAIMS == Claims()
    assert NO_CLAIMS.purpose is Purpose.NOT_STATED
    assert NO_CLAIMS.offence is Offence.NOT_STATED
    assert NO_CLAIMS.instrument is Instrument.NOT_STATED
    assert NO_CLAIMS.emergency is Emergency.NONE
    said = {NO_CLAIMS.case_number, NO_CLAIMS.operator, NO_CLAIMS.instrument_ref}
    assert said == {""}
