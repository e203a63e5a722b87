"""Deliveries in text: the header in all the ways that published samples write it."""

from __future__ import annotations

import pytest

from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.formats.faults import ER_ROWS, MessageError
from comity.formats.json import parse_delivery as parse_json
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.formats.text import (
    parse_delivery,
    parse_error,
    render_delivery,
    render_error,
    render_error_text,
)

HELLO = Delivery(
    key=MessageKey("DR"),
    origin=ORI("WALIC0000"),
    received=Stamp(time="10:35", date="11/24/2026", count=885),
    sent=Stamp(time="10:36", date="11/24/2026", count=7),
    destination=ORI("ORWSP0000"),
    control="LTN2000157",
    text="HELLO",
)
RECEIVED = "10:35 11/24/2026 00885"
SENT = "10:36 11/24/2026 00007 ORWSP0000"


@pytest.mark.parametrize(
    "text",
    [
        f"DR.WALIC0000\n{RECEIVED}\n{SENT}\n*LTN2000157\nTXT\nHELLO",
        f"DR.WALIC0000\r\n{RECEIVED}\r\n{SENT}\r\n*LTN2000157\r\nTXT\r\nHELLO\r\n",
        f"DR.WALIC0000.\n{RECEIVED}\n{SENT}.\n*LTN2000157.\nTXT\nHELLO",
        f"DR.WALIC0000\n{SENT}\n{RECEIVED}\n*LTN2000157\nTXT\nHELLO",
        f"DR.WALIC0000\n{RECEIVED}\n{SENT}\n*LTN2000157\nTXTHELLO",
        f"\x02DR.WALIC0000\n\x7f{RECEIVED}\n{SENT}\n*LTN2000157\nTXT\n\n\x7fHEL\x00LO\n\n\x03",
    ],
)
def test_headers_in_all_forms(text: str) -> None:
    """Clock lines in either order, periods at line ends, any line ends: one delivery."""
    assert parse_delivery(text.encode()) == HELLO


def test_a_key_that_the_table_does_not_have() -> None:
    """What a person answers to a message of an unknown key is delivered like any other."""
    text = f"QZ.WALIC0000\n{RECEIVED}\n{SENT}\nTXT\nHELLO"
    delivery = parse_delivery(text.encode())
    assert (delivery.key, delivery.text) == ("QZ", "HELLO")
    assert render_delivery(delivery) == text.encode()


def test_header_as_written() -> None:
    """The header is written in one form, five digits to a counter."""
    expected = f"DR.WALIC0000\n{RECEIVED}\n{SENT}\n*LTN2000157\nTXT\nHELLO"
    assert render_delivery(HELLO) == expected.encode()


def test_counters_wrap() -> None:
    """A counter past five digits begins again."""
    late = Delivery(
        key=HELLO.key,
        origin=HELLO.origin,
        received=Stamp(time="10:35", date="11/24/2026", count=100_001),
        sent=HELLO.sent,
        destination=HELLO.destination,
    )
    assert b" 00001\n" in render_delivery(late)


def test_a_control_that_ends_with_a_period() -> None:
    """Up to ten characters a period belongs to the control field."""
    text = f"DR.WALIC0000\n{RECEIVED}\n{SENT}\n*A.\nTXT\nHELLO"
    assert parse_delivery(text.encode()).control == "A."


def test_others_letters_become_question_marks() -> None:
    """Another system's free text may hold bytes beyond ASCII; the message is not lost for them."""
    data = f"DR.WALIC0000\n{RECEIVED}\n{SENT}\nTXT\n".encode() + b"MU\xd1OZ"
    assert parse_delivery(data).text == "MU?OZ"


@pytest.mark.parametrize(
    ("text", "er", "code"),
    [
        ("", "0", "message-malformed"),
        ("HELLO", "0", "message-malformed"),
        (f"Q.WALIC0000\n{RECEIVED}\n{SENT}\nTXT\nX", "0", "message-malformed"),
        (f"DR.WALIC0000\n{RECEIVED}\n{SENT}\nX", ".03.", "txt-not-found"),
        (f"DR.WALIC0000\n{RECEIVED}\nTXT\nX", ".01.", "header-invalid"),
        (f"DR.WALIC0000\n{RECEIVED}\n{RECEIVED}\nTXT\nX", ".01.", "header-invalid"),
        (f"DR.WALIC0000\n{SENT}\n{SENT}\nTXT\nX", ".01.", "header-invalid"),
        (f"DR.WALIC0000\n25:00 11/24/2026 00885\n{SENT}\nTXT\nX", ".01.", "header-invalid"),
        (f"DR.WALIC0000\n10:35 13/24/2026 00885\n{SENT}\nTXT\nX", ".01.", "header-invalid"),
        (f"DR.WALIC0000\n{RECEIVED}\n{SENT}\n*12345678901\nTXT\nX", ".01.", "control-malformed"),
    ],
)
def test_out_of_form(text: str, er: str, code: str) -> None:
    """What is no delivered message is refused with number and code."""
    with pytest.raises(MessageError) as refused:
        parse_delivery(text.encode())
    assert (refused.value.fault.er, refused.value.fault.code) == (er, code)


@pytest.mark.parametrize("parse", [parse_delivery, parse_json])
def test_too_long(parse: object) -> None:
    """One byte over a mebibyte is refused before it is looked at."""
    with pytest.raises(MessageError) as refused:
        parse(b" " * (DELIVERY_BYTES_MAX + 1))  # type: ignore[operator]
    assert refused.value.fault.code == "message-too-long"


def test_an_error_message_as_published() -> None:
    """The network's own sample of a rejected registration query, made from a fault."""
    fault = MessageFault(
        er=".22.",
        text=ER_ROWS[".22."].text.format(key="RQ"),
        code="field-set-incomplete",
        options=("LIC, LIY, LIT",),
        original="RQ.AZNLETS20.AZ.TXT\nLIC/123456.LIT/PC",
    )
    message = render_error(
        fault,
        network=ORI("NL0000000"),
        destination=ORI("AZNLETS20"),
        control=None,
        received=Stamp(time="08:00", date="01/01/2010", count=1239),
        sent=Stamp(time="08:00", date="01/01/2011", count=1233),
    )
    assert render_delivery(message).decode() == (
        "ER.NL0000000\n08:00 01/01/2010 01239\n08:00 01/01/2011 01233 AZNLETS20\nTXT\n"
        ".22. INVALID MESSAGE FORMAT - REFER TO RQ MKE OPTIONS BELOW\n1. LIC, LIY, LIT\n"
        "ORIGINAL MESSAGE\nRQ.AZNLETS20.AZ.TXT\nLIC/123456.LIT/PC"
    )
    assert parse_error(message.text) == fault


def test_an_error_echoes_one_hundred_characters() -> None:
    """The original is cut where the network cuts it, and cannot end the line of a header."""
    fault = MessageFault(er="0", text="X", code="y", original="A" * 99 + "\x00BC")
    assert render_error_text(fault) == f"0 X\nORIGINAL MESSAGE\n{'A' * 99}B"


def test_any_number_of_options_is_read_back() -> None:
    """An option with a number of three digits is an option."""
    fault = MessageFault(
        er=".22.", text="X", code="field-set-incomplete", options=("OLN",) * 100, original="DQ"
    )
    assert parse_error(render_error_text(fault)) == fault


def test_an_unknown_error_number() -> None:
    """A number that is not in the published list is read, with a code that says so."""
    assert parse_error(".77. SOMETHING\nORIGINAL MESSAGE\nX").code == "error-unknown"


@pytest.mark.parametrize("text", ["", "HELLO", ".2. X"])
def test_what_is_no_error_message(text: str) -> None:
    """A text without a number is not an error message."""
    with pytest.raises(MessageError):
        parse_error(text)
