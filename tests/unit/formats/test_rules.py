"""Fields and field sets: the same rules for text and JSON."""

from __future__ import annotations

import pytest

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats import text as text_format
from comity.formats.faults import MessageError
from comity.formats.rules import MESSAGE_BYTES_MAX, check_query
from tests.support.messages import outcome


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("DQ", "OLN/DOE123"),
        ("DQ", "OLN/DOE*J*20A-1"),
        ("DQ", "OLN/12345678901234567890"),
        ("DQ", "RSN/N.OLN/1"),
        ("DQ", "OLN/1.IMQ/Y"),
        ("DQ", "NAM/SMITH,JOHN.DOB/19500101.SEX/M"),
        ("DQ", "NAM/SMITH, JOHN Q JR.DOB/010150.SEX/M"),
        ("DQ", "NAM/O'BRIEN-LEE,MARY ANN 3RD.DOB/022900.SEX/U.IMQ/N"),
        ("DQ", "SEX/M.DOB/19500101.NAM/DE LA CRUZ,ANA"),
        ("DQG", "NAM/SMITH,JOHN.DOB/19500101"),
        ("DQG", "NAM/SMITH,JOHN.DOB/19500101.SEX/M"),
        ("KQ", "OLN/D11111111"),
        ("KQ", "NAM/SMITH,JOHN.DOB/19500101.SEX/M.RSN/V.PUR/C.ATN/SGT. DOE".replace(". ", " ")),
        ("KQ", "RSN/V.OLN/1.IMQ/Y"),
        ("RQ", "LIC/ABC123.LIY/2026.LIT/PC"),
        ("RQ", "LIC/ABC123.LIY/26.LIT/PC"),
        ("RQ", "LIC/1.LIY/NX.LIT/TK"),
        ("RQ", "VIN/1FTSW21R08EB53158"),
        ("RQ", "VIN/1.VMA/FORD.VYR/2008"),
        ("RQG", "RSN/T.LIC/ABC123.LIY/2026.LIT/PC"),
    ],
)
def test_complete_sets(key: str, fields: str) -> None:
    """Each published set of fields is taken, with what may join it."""
    assert outcome(key, fields) == "ok"


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("DQ", ""),
        ("DQ", "IMQ/Y"),
        ("DQ", "NAM/SMITH,JOHN"),
        ("DQ", "NAM/SMITH,JOHN.DOB/19500101"),
        ("DQ", "NAM/SMITH,JOHN.SEX/M"),
        ("DQG", "NAM/SMITH,JOHN.SEX/M"),
        ("KQ", "NAM/SMITH,JOHN.DOB/19500101"),
        ("KQ", "PUR/C.ATN/DOE"),
        ("RQ", "LIC/123456.LIT/PC"),
        ("RQ", "LIC/123456"),
        ("RQ", "VMA/FORD.VYR/2008"),
    ],
)
def test_incomplete_sets(key: str, fields: str) -> None:
    """A set that lacks a field is answered by the list of sets."""
    assert outcome(key, fields) == ".22. field-set-incomplete"


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("DQ", "OLN/1.NAM/SMITH,JOHN.DOB/19500101.SEX/M", ".22. field-set-mixed"),
        ("RQ", "LIC/1.LIY/26.LIT/PC.VIN/1", ".22. field-set-mixed"),
        ("DQG", "OLN/1", ".22. field-unknown"),
        ("DQG", "NAM/SMITH,JOHN.DOB/19500101.IMQ/Y", ".22. field-unknown"),
        ("DQ", "OLN/1.PUR/C", ".22. field-unknown"),
        ("DQ", "OLN/1.XYZ/C", ".22. field-unknown"),
        ("RQ", "OLN/1", ".22. field-unknown"),
        ("DQ", "OLN/1.RSN/N", ".22. reason-not-first"),
        ("DQ", "RSN/Q.OLN/1", ".22. field-invalid"),
        ("DQ", "OLN/", ".22. field-blank"),
        ("DQ", "OLN/123456789012345678901", ".22. field-invalid"),
        ("DQ", "OLN/12 34", ".22. field-invalid"),
        ("DQ", "NAM/SMITH.DOB/19500101.SEX/M", ".22. field-invalid"),
        ("DQ", "NAM/SMITH,.DOB/19500101.SEX/M", ".22. field-invalid"),
        ("DQ", f"NAM/{'A' * 20},{'B' * 10}.DOB/19500101.SEX/M", ".22. field-invalid"),
        ("DQ", "NAM/SMITH,JOHN.DOB/19500101.SEX/Q", ".22. field-invalid"),
        ("DQ", "NAM/SMITH,JOHN.DOB/19500101.SEX/", ".22. field-blank"),
        ("DQ", "OLN/1.IMQ/X", ".22. field-invalid"),
        ("KQ", "OLN/1.PUR/X", ".22. field-invalid"),
        ("KQ", f"OLN/1.ATN/{'A' * 31}", ".16. attention-invalid"),
        ("KQ", "OLN/1.ATN/", ".16. attention-invalid"),
        ("KQ", "ATN/SGT .OLN/1", ".16. attention-invalid"),
        ("RQ", "LIC/12345678901.LIY/26.LIT/PC", ".22. field-invalid"),
        ("RQ", "LIC/ABC-123.LIY/26.LIT/PC", ".22. field-invalid"),
        ("RQ", "LIC/1.LIY/26.LIT/P", ".22. field-invalid"),
        ("RQ", "VIN/123456789012345678901", ".22. field-invalid"),
        ("RQ", "LIC/1.LIY/202.LIT/PC", ".10. year-invalid"),
        ("RQ", "LIC/1.LIY/XX.LIT/PC", ".10. year-invalid"),
        ("RQ", "LIC/1.LIY/.LIT/PC", ".10. year-invalid"),
        ("RQ", "LIC/1.LIY/3026.LIT/PC", ".10. year-invalid"),
        ("RQ", "LIC/1.LIY/XX", ".10. year-invalid"),
        ("RQ", "VIN/1.VYR/08", ".10. year-invalid"),
    ],
)
def test_fields_out_of_form(key: str, fields: str, expected: str) -> None:
    """A field that is there and wrong has its own number, before any that is missing."""
    assert outcome(key, fields) == expected


@pytest.mark.parametrize(
    "date",
    ["19800231", "19801301", "19800001", "1980010", "198001011", "AB010180", "17991231", "21000101",
     "021290A", "023001", "133180", "", "00000000", "000000", "0228", "01/01/80"],
)  # fmt: skip
def test_birth_dates_that_are_none(date: str) -> None:
    """A birth date must name a day that exists, in one of the two forms."""
    assert outcome("DQ", f"NAM/SMITH,JOHN.DOB/{date}.SEX/M") == ".05. birth-date-invalid"


@pytest.mark.parametrize("date", ["19000228", "20000229", "022900", "022904", "123199", "18000101"])
def test_birth_dates(date: str) -> None:
    """The last days of February count, in the centuries that a short date may mean."""
    assert outcome("DQ", f"NAM/SMITH,JOHN.DOB/{date}.SEX/M") == "ok"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (f"OLN/{'A' * 7}", ".04. mexican-licence-invalid"),
        (f"OLN/{'A' * 8}", "ok"),
        (f"OLN/{'A' * 19}", "ok"),
        (f"OLN/{'A' * 20}", ".04. mexican-licence-invalid"),
        ("NAM/SMITH,JOHN.DOB/19500101.SEX/M", ".04. mexican-licence-invalid"),
        ("", ".04. mexican-licence-invalid"),
        ("RSN/N.OLN/ABC12345.IMQ/Y", "ok"),
        ("OLN/ABC12345.NAM/SMITH,JOHN", ".22. field-set-mixed"),
    ],
)
def test_licences_of_mexico(fields: str, expected: str) -> None:
    """Mexico looks up a licence by its number alone, of 8 to 19 characters."""
    assert outcome("DQ", fields, "MX") == expected
    assert outcome("DQ", fields, "WA.MX") == expected


def test_mexico_asked_for_a_plate() -> None:
    """Only a licence has Mexico's own rule."""
    assert outcome("RQ", "LIC/1.LIY/26.LIT/PC", "MX") == "ok"


def refusal(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text and options with which a message is refused."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(data)
    return refused.value.fault.text, refused.value.fault.options


def test_options_are_those_begun() -> None:
    """The list names the set that the message began, as the network's own sample does."""
    text, options = refusal(b"RQ.AZNLETS20.AZ.TXT\nLIC/123456.LIT/PC")
    assert text == "INVALID MESSAGE FORMAT - REFER TO RQ MKE OPTIONS BELOW"
    assert options == ("LIC, LIY, LIT",)


def test_all_options_where_none_was_begun() -> None:
    """A message that began no set is told of all."""
    assert refusal(b"DQ.AZNLETS20.AZ.TXT\nIMQ/Y")[1] == ("OLN", "NAM, DOB, SEX")


def test_a_repeated_field_is_refused() -> None:
    """Two values for one field leave open which was meant."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(b"DQ.AZNLETS20.AZ.TXT\nOLN/1.OLN/2")
    assert refused.value.fault.code == "field-repeated"


@pytest.mark.parametrize("body", ["OLN", "OLN/1..IMQ/Y", "OLN/1..", ".OLN/1", "JUST WORDS"])
def test_elements_without_a_prefix(body: str) -> None:
    """Between two periods stands a prefix and a value, or the message is refused."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(f"DQ.AZNLETS20.AZ.TXT\n{body}".encode())
    assert (refused.value.fault.er, refused.value.fault.code) == (".22.", "element-malformed")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((("", "A"), ("", "B")), "body-malformed"),
        ((("REM", "A"),), "body-malformed"),
        ((("", ""),), "body-malformed"),
        ((("", "A\x00"),), "body-malformed"),
        ((("", "A" * (MESSAGE_BYTES_MAX + 1)),), "message-too-long"),
    ],
)
def test_free_texts_out_of_form(fields: tuple[tuple[str, str], ...], code: str) -> None:
    """A query made by a program of ours is held to the same rules."""
    query = Query(
        key=MessageKey("AM"), origin=ORI("ORWSP0000"), destinations=("WA",), fields=fields
    )
    with pytest.raises(MessageError) as refused:
        check_query(query)
    assert refused.value.fault.code == code
