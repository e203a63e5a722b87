"""Deliveries in both formats, and error messages within them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.delivery import Delivery, MessageFault
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.faults import ER_ROWS
from tests.support.messages import PRINTABLE, attempt, deliveries

PLAIN = text_format.parse_delivery(
    b"AM.NLNLEHELP\n10:01 08/22/2011 35048\n10:01 08/22/2011 08374 AZNLETS20\nTXT"
)


@given(deliveries)
def test_text_that_is_written_is_read(delivery: Delivery) -> None:
    """A delivery comes back equal from text."""
    assert text_format.parse_delivery(text_format.render_delivery(delivery)) == delivery


@given(deliveries)
def test_json_that_is_written_is_read(delivery: Delivery) -> None:
    """A delivery comes back equal from JSON."""
    assert json_format.parse_delivery(json_format.render_delivery(delivery)) == delivery


@given(deliveries, st.text(max_size=60), st.text(max_size=20))
@example(PLAIN, "Ünïcode\x00\x1b[2J", "A\nTXT\nB")
def test_no_text_breaks_the_header(delivery: Delivery, text: str, control: str) -> None:
    """Whatever stands in the text or the control field, the header lines stay what they were."""
    hostile = Delivery(
        key=delivery.key,
        origin=delivery.origin,
        received=delivery.received,
        sent=delivery.sent,
        destination=delivery.destination,
        control=control or None,
        text=text,
    )
    data = text_format.render_delivery(hostile)
    assert data.isascii()
    lines = data.decode().split("\n")
    assert lines[0] == f"{delivery.key}.{delivery.origin}"
    assert lines[3 + bool(control)] == "TXT"
    assert not any(byte < 0x20 and byte != 0x0A for byte in data)


@given(st.binary(max_size=300))
@example(b"DR.WALIC0000\r\n10:01 08/22/2011 35048\r\n")
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a delivery or a refusal with number and code, in both formats."""
    for parse in (text_format.parse_delivery, json_format.parse_delivery):
        attempt(parse, data)


@given(deliveries, st.data())
def test_mutated_deliveries(delivery: Delivery, data: st.DataObject) -> None:
    """A delivery with bytes altered is a delivery, which is written and read again, or refused."""
    message = bytearray(text_format.render_delivery(delivery))
    place = data.draw(st.integers(0, len(message)))
    message[place : place + 2] = data.draw(st.binary(max_size=3))
    found = attempt(text_format.parse_delivery, bytes(message))
    if isinstance(found, Delivery):
        assert text_format.parse_delivery(text_format.render_delivery(found)) == found


@given(
    st.sampled_from(sorted(ER_ROWS)),
    st.lists(st.text(PRINTABLE, min_size=1, max_size=30).map(str.strip).filter(bool), max_size=3),
    st.text(PRINTABLE + "\n", max_size=100).map(lambda text: text.strip("\n")),
)
def test_errors_are_read_back(er: str, options: list[str], original: str) -> None:
    """An error message's number, text, options and original come back."""
    row = ER_ROWS[er]
    fault = MessageFault(
        er=er,
        text=row.text.format(key="DQ"),
        code=row.code,
        options=tuple(" ".join(option.split()) for option in options),
        original=original,
    )
    assert text_format.parse_error(text_format.render_error_text(fault)) == fault
