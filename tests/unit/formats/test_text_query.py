"""Messages that ask, in text: what the published grammar takes and what it refuses."""

from __future__ import annotations

import pytest

from comity.formats.faults import MessageError
from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.formats.text import parse_query, read_sender, render_query


def fault_code(data: bytes) -> tuple[str, str]:
    """The number and code with which a message is refused."""
    with pytest.raises(MessageError) as refused:
        parse_query(data)
    return refused.value.fault.er, refused.value.fault.code


@pytest.mark.parametrize(
    "data",
    [
        b"DQ.ORWSP0000.WA.TXT\nOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXT\r\nOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXT\r\n\x7fOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXT\x7f\x7f\n\rOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXTOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXT\nOLN/DOE123.",
        b"DQ.ORWSP0000.WA.TXT\nOLN/DOE123.\r\n",
        b"\x02DQ.ORWSP0000.\r\nWA.TXT\nOLN/\x00DOE\x0f123\x03",
        b"D\x00Q.ORWSP0000.WA.TXT\nOLN/DOE123",
        b"DQ.ORWSP0000.WA.TXT\noln/doe123",
    ],
)
def test_line_ends_and_controls_mean_nothing(data: bytes) -> None:
    """However the line ends and wherever control characters stand, the query is the same."""
    query = parse_query(data)
    assert (query.key, query.origin, query.destinations) == ("DQ", "ORWSP0000", ("WA",))
    assert query.fields == (("OLN", "DOE123"),)
    assert render_query(query) == b"DQ.ORWSP0000.WA.TXT\nOLN/DOE123"


@pytest.mark.parametrize(
    "control", ["1", "LTN2000157", "123(567&90", "<a>&b]]>", "A.B", " x ", "*", "A.TX", "TXT", "."]
)
def test_control_field_is_kept(control: str) -> None:
    """One to ten characters come back as they came, special ones and spaces too."""
    query = parse_query(f"DQ.ORWSP0000.WA.*{control}.TXT\nOLN/1".encode())
    assert query.control == control


@pytest.mark.parametrize("header", ["WA.*.TXT", "WA.*12345678901.TXT", "WA.*1.TX"])
def test_control_field_out_of_form(header: str) -> None:
    """A control field that is empty, too long or not followed by `TXT` is refused."""
    er, _ = fault_code(f"DQ.ORWSP0000.{header}\nOLN/1".encode())
    assert er in {".01.", ".03."}


@pytest.mark.parametrize(
    ("key", "destinations"),
    [
        ("DQ", "WA"),
        ("DQ", "WA.OR.ID.CA.NV"),
        ("DQ", "E1"),
        ("DQ", "NL"),
        ("DQ", "NB"),
        ("RQ", "Z1"),
        ("RQ", "MX"),
        ("AM", "WA.E1"),
        ("AM", "WASPD0000"),
        ("AM", "WASPD0000.TXTPD0000.ORPPB0000"),
        ("YQ", "WASPD0000.TXTPD0000.ORPPB0000"),
        ("LQ", "WASPD0000"),
    ],
)
def test_destinations(key: str, destinations: str) -> None:
    """Codes of two and agencies are taken as each key has them; the route decides what they are."""
    body = {
        "DQ": "OLN/1",
        "RQ": "VIN/1",
        "YQ": "RTY/SV.RNO/1.PRI/U.OCA/1.NIC/V123456789.VIN/1.VYR/2001.VMA/FORD.RNA/A.RAG/B",
    }.get(key, "HELLO")
    query = parse_query(f"{key}.ORWSP0000.{destinations}.TXT\n{body}".encode())
    assert ".".join(query.destinations) == destinations


@pytest.mark.parametrize(
    ("key", "destinations"),
    [
        ("DQ", ""),
        ("DQ", "WA.OR.ID.CA.NV.AK."),
        ("DQ", "WASPD0000."),
        ("DQ", "WA.WASPD0000."),
        ("DQ", "WAS."),
        ("DQ", "wa."),
        ("DQ", "12."),
        ("DQ", "W-."),
        ("KQ", "WA.OR."),
        ("KQ", "WASPD0000."),
        ("AM", "A12345678.B12345678.C12345678.D12345678."),
        ("YQ", "WA."),
        ("IQ", "WASPD0000."),
        ("FQ", "WA.OR."),
        ("CWQ", "WA.OR."),
    ],
)
def test_destinations_out_of_form(key: str, destinations: str) -> None:
    """No destination, too many, or a form that the key is not sent to: the number for that."""
    assert fault_code(f"{key}.ORWSP0000.{destinations}TXT\nOLN/1".encode())[0] == ".19."


@pytest.mark.parametrize(
    ("data", "er", "code"),
    [
        (b"", "0", "message-malformed"),
        (b"\r\n\r\n", "0", "message-malformed"),
        (b"HELLO THERE", "0", "message-malformed"),
        (b"DQ.ORWSP0000.WA.TXT\nNAM/MU\xd1OZ,A.DOB/19800101.SEX/M", "0", "message-not-ascii"),
        (b"DQ.ORWSP0000.WA.TXT\nOLN/" + b"1" * MESSAGE_BYTES_MAX, "0", "message-too-long"),
        (b"D.ORWSP0000.WA.TXT\nOLN/1", ".01.", "message-key-malformed"),
        (b"DQQQ.ORWSP0000.WA.TXT\nOLN/1", ".01.", "message-key-malformed"),
        (b"dq.ORWSP0000.WA.TXT\nOLN/1", ".01.", "message-key-malformed"),
        (b"ER.NL0000000.WASPD0000.TXT\nX", ".01.", "message-key-reserved"),
        (b"ALL.ORWSP0000.WA.TXT\nX", ".01.", "message-key-reserved"),
        (b"DR.WALIC0000.ORWSP0000.TXT\nNOT ON FILE", ".01.", "message-key-response"),
        (b"DQ.ORWSP000.WA.TXT\nOLN/1", ".01.", "origin-malformed"),
        (b"DQ.ORWSP00000.WA.TXT\nOLN/1", ".01.", "origin-malformed"),
        (b"DQ.orwsp0000.WA.TXT\nOLN/1", ".01.", "origin-malformed"),
        (b"DQ", "0", "message-malformed"),
        (b"DQ.", ".01.", "origin-malformed"),
        (b"DQ.ORWSP0000.WA.\nOLN/1", ".03.", "txt-not-found"),
        (b"DQ.ORWSP0000.WA.*LTN2000157.\nOLN/1", ".03.", "txt-not-found"),
        (b"DQ.ORWSP0000.WA.*LTN2000157. TXT\nOLN/1", ".03.", "txt-not-found"),
        (b"DQ.ORWSP0000.WA. TXT\nOLN/1", ".03.", "txt-not-found"),
        (b"DQ.ORWSP0000.WA.txt\nOLN/1", ".03.", "txt-not-found"),
    ],
)
def test_headers_out_of_form(data: bytes, er: str, code: str) -> None:
    """Each broken header has its number and a code of its own."""
    assert fault_code(data) == (er, code)


def test_message_at_the_limit() -> None:
    """The longest message is taken; one byte more is refused."""
    head = b"AM.ORWSP0000.WA.TXT\n"
    data = head + b"A" * (MESSAGE_BYTES_MAX - len(head))
    assert parse_query(data).value("") == "A" * (MESSAGE_BYTES_MAX - len(head))
    assert fault_code(data + b"A") == ("0", "message-too-long")


def test_free_text_keeps_its_lines() -> None:
    """A key without published fields keeps its text: case, lines and periods; tabs are spaces."""
    query = parse_query(b"AM.ORWSP0000.WA.TXT\r\n\r\nOfficer safety.\r\nBlue\tsedan. \r\n\r\n")
    assert query.fields == (("", "Officer safety.\nBlue sedan. "),)


def test_free_text_on_the_line_of_txt() -> None:
    """A free text may follow `TXT` at once, and controls in the header do not shift it."""
    assert parse_query(b"AM.ORWSP\x000000.WA.TXTHELLO").value("") == "HELLO"
    assert parse_query(b"AM.ORWSP0000.WA.TXTHELLO").value("") == "HELLO"


@pytest.mark.parametrize("key", ["YR", "LR", "ALR"])
def test_a_person_answers_one_agency(key: str) -> None:
    """What a person answers is a message of its own, to the one agency that asked."""
    query = parse_query(f"{key}.WASPD0000.ORWSP0000.*LTN2000157.TXT\nCONFIRMED".encode())
    assert (query.key, query.control, query.value("")) == (key, "LTN2000157", "CONFIRMED")
    for destination in ("WA", "ORWSP0000.ORPPB0000"):
        refused = fault_code(f"{key}.WASPD0000.{destination}.TXT\nCONFIRMED".encode())
        assert refused == (".19.", "destination-invalid")


def test_a_key_that_the_table_does_not_have() -> None:
    """An unknown key is taken with an opaque body: its receiver decides."""
    query = parse_query(b"QZ.ORWSP0000.WA.*LTN2000157.TXT\nOLN/1.\nSome words")
    assert (query.key, query.control, query.value("")) == ("QZ", "LTN2000157", "OLN/1.\nSome words")
    assert parse_query(render_query(query)) == query


def test_the_error_holds_the_start_of_the_message() -> None:
    """An error message echoes one hundred characters, printable, lines kept."""
    with pytest.raises(MessageError) as refused:
        parse_query(b"DQ.ORWSP0000.WA.TXT\r\nNAM/DOE\x00,J\xff" + b"X" * 200)
    original = refused.value.fault.original
    assert original.startswith("DQ.ORWSP0000.WA.TXT\nNAM/DOE,J?X")
    assert len(original) == 100


def test_the_error_says_no_value() -> None:
    """The error's own sentence, which may be logged, holds nothing of the message."""
    with pytest.raises(MessageError) as refused:
        parse_query(b"DQ.ORWSP0000.WA.TXT\nNAM/DOE,JANE.DOB/99999999.SEX/F")
    assert "DOE" not in str(refused.value)
    assert "99999999" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "sender"),
    [
        (b"DQ.ORWSP0000.WA.*LTN2000157.TXT\nNAM/DOE", ("ORWSP0000", "LTN2000157")),
        (b"D\x00Q.ORWSP0000.WA.\r\n*A.TXT", ("ORWSP0000", "A")),
        (b"QZ.ORWSP0000.WASHINGTON.TXT", ("ORWSP0000", None)),
        (b"dq.ORWSP0000.", ("ORWSP0000", None)),
        (b"DQ.ORWSP000.WA.TXT", (None, None)),
        (b"DQ.ORWSP0000.WA.*A.TXT\nNAM/MU\xd1OZ", ("ORWSP0000", "A")),
        (b"DQ.ORWSP0000.WA.*.TXT.TXT", ("ORWSP0000", None)),
        (b"\xff", (None, None)),
        (b"", (None, None)),
    ],
)
def test_who_sent_a_refused_message(data: bytes, sender: tuple[str | None, str | None]) -> None:
    """An error message finds its way back as far as the header can be read."""
    assert read_sender(data) == sender
