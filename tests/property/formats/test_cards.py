"""Card payloads: what a scanner does to separators changes nothing, and no bytes surprise."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from comity.domain.delivery import MessageFault
from comity.domain.ids import parse_ori
from comity.domain.query import Query
from comity.formats.aamva import AskBy, Card, parse_card, query_of_card
from comity.formats.faults import MessageError
from comity.formats.rules import check_query
from tests.support.cards import (
    KEPT,
    LOST,
    SPACED,
    TEXAS,
    Damage,
    Printed,
    damaged,
    payload,
    printed_cards,
)
from tests.support.messages import attempt

ORIGIN = parse_ori("TXPX001PD")
PLAIN = Printed(version=8, issuer=TEXAS, subfiles={"DL": [("DAQ", "90210077"), ("DBC", "2")]})


def read(data: bytes) -> Card | MessageFault:
    """Read; a refusal names a card's code and holds nothing of the card."""
    found = attempt(parse_card, data)
    if isinstance(found, MessageFault):
        assert found.code.startswith("card-")
        assert found.original == ""
    return found


@given(printed_cards())
def test_every_element_is_read(printed: Printed) -> None:
    """A clean payload gives each element of each subfile, in order, without the spaces around."""
    card = parse_card(payload(printed))
    assert card.elements == tuple(
        (name, value.strip(" ")) for part in printed.subfiles.values() for name, value in part
    )
    assert (card.version, card.issuer) == (printed.version, printed.issuer)


@given(printed_cards(), KEPT)
@example(PLAIN, Damage(record_separator=r"\x1e", carriage_return=" "))
def test_separators_in_any_spelling(printed: Printed, damage: Damage) -> None:
    """Whatever a scanner sends for a separator, short of text, the card is the same."""
    data = payload(printed)
    assert parse_card(damaged(data, damage)) == parse_card(data)


@given(printed_cards(), SPACED)
def test_separators_that_became_spaces(printed: Printed, damage: Damage) -> None:
    """Spaces for separators give the same card, or a refusal where one could be a word's."""
    data = payload(printed)
    found = read(damaged(data, damage))
    if isinstance(found, MessageFault):
        assert found.code == "card-separators-ambiguous"
        ids = {name for part in printed.subfiles.values() for name, _ in part}
        assert ids & {"DAH", "DAB", "DAC", "DAD", "DAE", "DAF", "DAL", "DAM", "DAN", "DAP"} or any(
            name.startswith("PA") for name in ids
        )
    else:
        assert found == parse_card(data)


@given(printed_cards(), LOST)
def test_separators_that_are_gone(printed: Printed, damage: Damage) -> None:
    """Without separators the stated lengths prove the same card, or it is refused."""
    data = payload(printed)
    found = read(damaged(data, damage))
    if isinstance(found, MessageFault):
        assert found.code == "card-separators-lost"
    else:
        assert found == parse_card(data)


@given(printed_cards(), LOST, st.data())
def test_a_number_is_whole_or_refused(
    printed: Printed, damage: Damage, data: st.DataObject
) -> None:
    """Whatever ids stand inside values, lost separators never give another licence number."""
    kind = next(iter(printed.subfiles))
    changed = [
        (name, value + data.draw(st.sampled_from(["", "DAH", "DCS", "DAI", "DDEN", "DCK1"])))
        if name in {"DAQ", "DAG", "DAI", "DCS", "DCF"}
        else (name, value)
        for name, value in printed.subfiles[kind]
    ]
    spoiled = Printed(
        version=printed.version,
        issuer=printed.issuer,
        subfiles={**printed.subfiles, kind: changed},
    )
    found = read(damaged(payload(spoiled), damage))
    if isinstance(found, Card):
        assert found.number == dict(changed)["DAQ"].strip(" ")


@given(printed_cards(), st.sampled_from(AskBy), st.booleans())
def test_a_query_of_a_card_is_valid(printed: Printed, by: AskBy, image: bool) -> None:
    """A card gives a query that the rules accept, or a refusal with a number and a code."""
    card = parse_card(payload(printed))

    def ask(_: bytes) -> Query:
        return query_of_card(card, origin=ORIGIN, by=by, image=image)

    found = attempt(ask, b"")
    if isinstance(found, Query):
        check_query(found)
        assert found.wants_image is image
    else:
        assert found.code.startswith("card-")


@given(st.binary(max_size=600))
@example(b"@\n\x1e\rANSI ")
@example(b"ANSI 636015080101DL00000000")
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a card or a refusal."""
    read(data)
    read(b"@\n\x1e\rANSI 636015080101DL00310100DL" + data)


@given(st.text("DAQCSBZL0189 \n\r\x1e^J<>\\nx", max_size=200))
def test_any_text_of_the_grammar(text: str) -> None:
    """Any run of what cards are made of is a card or a refusal."""
    read(b"ANSI 636015080102DL00410100ZQ01410010DLDAQ1" + text.encode())


@given(printed_cards(), st.data())
def test_mutated_payloads(printed: Printed, data: st.DataObject) -> None:
    """A payload with bytes removed, altered or put in is a card or a refusal."""
    message = bytearray(payload(printed))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(message)))
        end = min(len(message), place + data.draw(st.integers(0, 3)))
        message[place:end] = data.draw(st.binary(max_size=3))
    read(bytes(message))


@given(printed_cards())
def test_a_refusal_shows_nothing(printed: Printed) -> None:
    """The sentence of a refusal holds no value of the card."""
    kind, elements = next(iter(printed.subfiles.items()))
    number = dict(elements)["DAQ"]
    assume(len(number) > 6)
    spoiled = [*elements, ("DBB", "99999999"), ("DAQ", f"{number}7")]
    twice = Printed(version=printed.version, issuer=printed.issuer, subfiles={kind: spoiled})
    with pytest.raises(MessageError) as refused:
        parse_card(payload(twice))
    assert number not in f"{refused.value} {refused.value.fault}"
