"""Free texts whose elements are published: hit confirmations, and Canada's licence query."""

from __future__ import annotations

import pytest

from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.bodies import HitPriority, hit_confirmation
from comity.formats.faults import MessageError

HEAD = "RTY/SV.RNO/1.PRI/U.OCA/26-1.NIC/V123456789"
TAIL = "RNA/DOE.RAG/WSP"
VIN = "VIN/1.VYR/2001.VMA/FORD"
YQ = f"{HEAD}.{{}}.{TAIL}"


def outcome(key: str, body: str, destination: str = "WASPD0000") -> str:
    """The number and code of a message, or `ok`; the same in both formats, or the test fails."""
    in_text = f"{key}.ORWSP0000.{destination}.TXT\n{body}".encode()
    try:
        query = text_format.parse_query(in_text)
    except MessageError as error:
        return f"{error.fault.er} {error.fault.code}"
    assert query.value("") == body
    assert json_format.parse_query(json_format.render_query(query)) == query
    return "ok"


def changed(old: str, new: str) -> str:
    """A hit confirmation of a vehicle with one element altered."""
    body = YQ.format(VIN)
    assert old in body
    return body.replace(old, new)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (VIN, "ok"),
        ("LIC/1.LIS/WA.LIY/2026.LIT/PC", "ok"),
        ("NAM/DOE,JANE.DOB/19800101.SEX/F", "ok"),
        ("TYP/BBIKE.SER/1", "ok"),
        ("MAK/SW.SER/1.CAL/38", "ok"),
        ("SER/1", ".22. field-set-incomplete"),
        ("LIC/1.LIS/WA", ".22. field-set-incomplete"),
        (f"{VIN}.TYP/X.SER/1", ".22. field-set-mixed"),
        (f"{VIN}.SER/1", ".22. field-set-mixed"),
        (f"{VIN}.TYP/X.SER/1.MAK/SW", ".22. field-set-mixed"),
        ("REM/NOTHING ELSE", ".22. field-set-incomplete"),
    ],
)
def test_one_data_set(data: str, expected: str) -> None:
    """One published data set, complete; a set that is not published is let through."""
    assert outcome("YQ", YQ.format(data)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("RTY/SV", "RTY/SP", "ok"),
        ("RTY/SV", "RTY/XX", ".22. field-invalid"),
        ("RTY/SV.", "", ".22. field-set-incomplete"),
        ("RNO/1", "RNO/3", "ok"),
        ("RNO/1", "RNO/4", ".22. field-invalid"),
        ("RNO/1", "RNO/", ".22. field-blank"),
        ("PRI/U", "PRI/R", "ok"),
        ("PRI/U", "PRI/X", ".22. field-invalid"),
        ("OCA/26-1", f"OCA/{'1' * 20}", "ok"),
        ("OCA/26-1", f"OCA/{'1' * 21}", ".22. field-invalid"),
        ("NIC/V123456789", "NIC/V12345678", ".22. field-invalid"),
        ("NIC/V123456789", "NIC/V1234567890", ".22. field-invalid"),
        (".RNA/DOE", "", ".22. field-set-incomplete"),
        ("RNA/DOE", "RNA/", ".22. field-blank"),
        ("VYR/2001", "VYR/01", ".10. year-invalid"),
        (VIN, "NAM/DOE,JANE.DOB/19800231.SEX/F", ".05. birth-date-invalid"),
        ("RAG/WSP", "RAG/WSP.DEN/1.PHO/5035550100.REM/PLS CONFIRM. THANKS. SEE XYZ/1.", "ok"),
        ("RAG/WSP", "RAG/WSP.RNA/ROE", ".22. field-repeated"),
        ("RNA/DOE", "REM/PLS CONFIRM.RNA/DOE", "ok"),
        (HEAD, HEAD.lower(), "ok"),
        (f".{VIN}", f".\n{VIN}", "ok"),
    ],
)
def test_elements(old: str, new: str, expected: str) -> None:
    """An element that is there and wrong has its own number, before any that is missing."""
    assert outcome("YQ", changed(old, new)) == expected


def test_what_a_hit_confirmation_asks() -> None:
    """The exchange reads how soon an answer is due, and which request it is."""
    asked = hit_confirmation(changed("RAG/WSP", "RAG/WSP.\nREM/PLS CONFIRM.\nThanks."))
    assert (asked.type, asked.number, asked.priority) == ("SV", 1, HitPriority.URGENT)
    assert (asked.case_number, asked.record) == ("26-1", "V123456789")
    assert (asked.value("REM"), asked.value("DEN")) == ("PLS CONFIRM.THANKS", None)
    assert asked.answer_s == 600
    assert hit_confirmation(changed("PRI/U", "PRI/R")).answer_s == 3_600


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (YQ.format("SER/1"), ("RTY, RNO, PRI, OCA, NIC, TYP, SER, RNA, RAG",)),
        (YQ.format("REM/X"), ()),
        (changed("PRI/U", "PRI/X"), ("PRI: U (10 MINUTES) OR R (1 HOUR)",)),
    ],
)
def test_options(body: str, options: tuple[str, ...]) -> None:
    """The set that was begun is listed as the network lists it; all four where none was."""
    with pytest.raises(MessageError) as refused:
        hit_confirmation(body)
    shown = refused.value.fault.options
    assert shown == options if options else len(shown) == 4
    assert refused.value.fault.text == "INVALID MESSAGE FORMAT - REFER TO YQ MKE OPTIONS BELOW"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("NAM/DOE,JANE.DOB/19800229.SEX/F.OLN/1", "ok"),
        ("nam/doe,jane.\ndob/19800229", "ok"),
        ("NAM/DOE,JANE", ".06. canada-format-invalid"),
        ("DOB/19800229", ".06. canada-format-invalid"),
        ("OLN/1", ".06. canada-format-invalid"),
        ("", ".06. canada-format-invalid"),
        ("NAM/DOE,JANE.NAM/ROE,JANE.DOB/19800229", ".06. canada-format-invalid"),
        ("NAM/DOE.DOB/19800229", ".06. canada-format-invalid"),
        ("NAM/DOE,JANE.DOB/19800231", ".05. birth-date-invalid"),
    ],
)
def test_licences_of_canada(body: str, expected: str) -> None:
    """Canada looks a person up by name and birth date; its own number says what is not so."""
    assert outcome("UQ", body, "CN") == expected
