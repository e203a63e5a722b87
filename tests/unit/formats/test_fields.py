"""Fields of the directory, the archive, the immigration inquiry and the query by name alone."""

from __future__ import annotations

import pytest

from comity.formats import text as text_format
from comity.formats.faults import MessageError
from comity.formats.fields import FIXED_KEYS, is_blanked
from tests.support.messages import outcome

INQUIRY = {
    "PUR": "C",
    "ATN": "SGT DOE",
    "PHN": "5035550100",
    "NAM": "DOE,JANE",
    "DOB": "19800229",
    "SEX": "F",
    "POB": "MX",
    "CUS": "Y",
    "OFF": "0399",
}
ENTRY = {
    "ORI": "ORPPB0000",
    "AGN": "PORTLAND POLICE",
    "LOC": "PORTLAND",
    "TYP": "PD",
    "FAM": "OR/LOCAL/PD",
}
PERIOD = {"TYP": "ALL", "BEG": "20261101", "END": "20261130"}


def fields(base: dict[str, str], change: str) -> str:
    """A body of these fields with others put in; a prefix without a slash is left out."""
    said = dict(base)
    for part in change.split(".") if change else ():
        prefix, slash, value = part.partition("/")
        if slash:
            said[prefix] = value
        else:
            del said[prefix]
    return ".".join(f"{prefix}/{value}" for prefix, value in said.items())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("", "ok"),
        ("ARN/12345678.FBI/123456789.SID/OR12345678.OLN/DOE1", "ok"),
        ("ARN/A12345678.PUR/F.CUS/N", "ok"),
        (f"ATN/{'A' * 30}.PHN/{'5' * 20}", "ok"),
        (f"ATN/{'A' * 31}", ".16. attention-invalid"),
        (f"PHN/{'5' * 21}", ".22. field-invalid"),
        ("PHN/CALL ME", ".22. field-invalid"),
        ("PUR/E", ".22. field-invalid"),
        ("POB/MEX", ".22. field-invalid"),
        ("CUS/X", ".22. field-invalid"),
        ("OFF/399", ".22. field-invalid"),
        ("OFF/03999", ".22. field-invalid"),
        ("ARN/1234567", ".22. field-invalid"),
        ("ARN/1234567890", ".22. field-invalid"),
        ("FBI/12345678", ".22. field-invalid"),
        ("FBI/1234567890", ".22. field-invalid"),
        ("SID/123456789", ".22. field-invalid"),
        ("SID/12345678901", ".22. field-invalid"),
        ("DOB/19800231", ".05. birth-date-invalid"),
        ("DOB", ".05. fields-missing"),
        ("NAM", ".14. fields-missing"),
        ("ATN", ".14. fields-missing"),
        ("NAM.DOB", ".14. fields-missing"),
        ("RSN/N", ".22. field-unknown"),
    ],
)
def test_immigration_inquiry(change: str, expected: str) -> None:
    """All nine fields stand; what is missing alone and has a number of its own is told by it."""
    assert outcome("IAQ", fields(INQUIRY, change), "AX") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("NAM/DOE,JANE", "ok"),
        ("", ".14. fields-missing"),
        ("NAM/DOE", ".22. field-invalid"),
        ("NAM/DOE,JANE.DOB/19800229", ".22. field-unknown"),
    ],
)
def test_licence_by_name_alone(body: str, expected: str) -> None:
    """A query by name alone holds a name and nothing else."""
    assert outcome("DNQ", body) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("", "ok"),
        ("PHO/(503) 555-0100.LIN/OR-PPB-1.FRM/NIEM.ACT/A.CTL/N.SML/Y", "ok"),
        (f"AGN/{'A' * 60}.LOC/{'A' * 20}.PHO/{'5' * 20}.LIN/{'A' * 40}", "ok"),
        (f"AGN/{'A' * 61}", ".22. field-invalid"),
        ("AGN/", ".22. field-blank"),
        ("LOC/A", ".22. field-invalid"),
        (f"LOC/{'A' * 21}", ".22. field-invalid"),
        ("TYP/XX", ".22. field-invalid"),
        ("TYP/NJ", "ok"),
        ("FAM/OR/LOCAL/A/B/C/D", "ok"),
        ("FAM/OR/LOCAL/A/B/C/D/E", ".22. field-invalid"),
        (f"FAM/{'A' * 17}", ".22. field-invalid"),
        ("FAM/OR//PD", ".22. field-invalid"),
        ("ORI/ORPPB000", ".22. field-invalid"),
        (f"PHO/{'5' * 21}", ".22. field-invalid"),
        (f"LIN/{'A' * 41}", ".22. field-invalid"),
        ("LIN/OR_1", ".22. field-invalid"),
        ("FRM/XML", ".22. field-invalid"),
        ("FRM/0000", ".22. field-invalid"),
        ("ACT/Y", ".22. field-invalid"),
        ("CTL/A", ".22. field-invalid"),
        ("SML/A", ".22. field-invalid"),
        ("LOC", ".14. fields-missing"),
        ("STA/OR", ".22. field-unknown"),
    ],
)
def test_directory_add(change: str, expected: str) -> None:
    """A new entry says who, where, of which type and family."""
    assert outcome("TA", fields(ENTRY, change), "OD") == expected


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        ("TU", "ORI/ORPPB0000.PHO/5035550100", "ok"),
        ("TU", "ORI/ORPPB0000.PHO/00000.LIN/0000.FRM/0", "ok"),
        ("TU", "ORI/ORPPB0000.AGN/A.LOC/AB.TYP/SO.FAM/OR.PHO/1.LIN/A.FRM/TEXT.ACT/I.CTL/Y", "ok"),
        ("TU", "ORI/ORPPB0000", ".22. field-set-incomplete"),
        ("TU", "PHO/5035550100", ".14. fields-missing"),
        ("TU", "ORI/ORPPB0000.ACT/0", ".22. field-invalid"),
        ("TU", "ORI/ORPPB0000.FRM/00000", ".22. field-invalid"),
        ("TD", "ORI/ORPPB0000", "ok"),
        ("TD", "", ".14. fields-missing"),
        ("TD", "ORI/ORPPB0000.LOC/PORTLAND", ".22. field-unknown"),
        ("TQ", "ORI/ORPPB0000", "ok"),
        ("TQ", "LOC/PORTLAND", "ok"),
        ("TQ", "LOC/PORTLAND.TYP/PD.STA/OR", "ok"),
        ("TQ", "ORI/ORPPB0000.LOC/PORTLAND", ".22. field-set-mixed"),
        ("TQ", "ORI/ORPPB0000.TYP/PD", ".22. field-set-mixed"),
        ("TQ", "TYP/PD", ".22. field-set-incomplete"),
        ("TQ", "", ".22. field-set-incomplete"),
        ("TQ", "LOC/PORTLAND.STA/ORE", ".22. field-invalid"),
    ],
)
def test_directory_changes_and_look_ups(key: str, body: str, expected: str) -> None:
    """A change names the agency and what changes; a look-up names the agency or a place."""
    assert outcome(key, body, "OD") == expected


@pytest.mark.parametrize(("value", "blanked"), [("0", True), ("0000", True), ("0001", False)])
def test_what_shall_be_empty_again(value: str, blanked: bool) -> None:
    """Zeros alone blank an optional field."""
    assert is_blanked(value) == blanked


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("NAM/DOE", "ok"),
        ("NAM/D*E", "ok"),
        ("NAM/*DOE", ".22. field-invalid"),
        (f"NAM/{'D' * 30}", "ok"),
        (f"NAM/{'D' * 31}", ".22. field-invalid"),
        ("FND/BLUE SEDAN", "ok"),
        ("FND/CASE 26/0117 (OPEN)", "ok"),
        ("FND/1", "ok"),
        (f"FND/{'A' * 60}", "ok"),
        (f"FND/{'A' * 61}", ".22. field-invalid"),
        ("FND/ BLUE", ".22. field-invalid"),
        ("FND/BLUE.AND/SEDAN", "ok"),
        ("FND/BLUE.ORR/GREEN", "ok"),
        ("FND/BLUE.AND/SEDAN.ORR/GREEN", ".22. field-set-mixed"),
        ("FND/BLUE.NAM/DOE", ".22. field-set-mixed"),
        ("NAM/DOE.AND/JANE", ".22. field-set-mixed"),
        ("AND/JANE", ".22. field-set-incomplete"),
        ("", ".22. field-set-incomplete"),
        ("NAM/DOE.SRC/OR.DST/WASPD0000", "ok"),
        ("NAM/DOE.SRC/ORE", ".22. field-invalid"),
        ("NAM/DOE.TYP/DQ,RQ,AML", "ok"),
        ("NAM/DOE.TYP/DQ,ALL", ".22. field-invalid"),
        ("NAM/DOE.TYP/DQ,,RQ", ".22. field-invalid"),
        ("NAM/DOE.TYP/DQQQ", ".22. field-invalid"),
        (f"NAM/DOE.TYP/{','.join(['AML'] * 25)}", "ok"),
        (f"NAM/DOE.TYP/{','.join(['AML'] * 26)}", ".22. field-invalid"),
        ("NAM/DOE.BEG/20261101@0000.END/20261101@2359", "ok"),
        ("NAM/DOE.BEG/20261101@1200.END/20261101", "ok"),
        ("NAM/DOE.BEG/20261130.END/20261130@0000", "ok"),
        ("NAM/DOE.BEG/20261130@0001.END/20261130@0000", ".10. period-invalid"),
        ("NAM/DOE.BEG/20261201", ".10. period-invalid"),
        ("NAM/DOE.BEG/20261131.END/20261201", ".10. period-invalid"),
        ("NAM/DOE.BEG/20261101@2400", ".10. period-invalid"),
        ("NAM/DOE.BEG/20261101@1260", ".10. period-invalid"),
        ("NAM/DOE.BEG/261101", ".10. period-invalid"),
        ("NAM/DOE.BEG/", ".10. period-invalid"),
        ("NAM/DOE.BEG", ".10. fields-missing"),
        ("NAM/DOE.BEG.END", ".14. fields-missing"),
        ("NAM/DOE.TYP", ".14. fields-missing"),
    ],
)
def test_archive_search(change: str, expected: str) -> None:
    """A search says which keys, from when to when, and one thing that is looked for."""
    assert outcome("NLQ", fields(PERIOD, change), "NL") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("REF/TX/123", "ok"),
        ("REF/TX/0", "ok"),
        ("REF/TX/123-4", "ok"),
        ("REF/US/1,TX/2,TX/3,TX/4-1,TX/4-2", "ok"),
        ("REF/TX/1,TX/2,TX/3,TX/4,TX/5,TX/6", ".22. field-invalid"),
        ("REF/TX/0123", ".22. field-invalid"),
        ("REF/TX", ".22. field-invalid"),
        ("REF/TX/1,", ".22. field-invalid"),
        ("REF/", ".22. field-blank"),
        ("", ".14. fields-missing"),
    ],
)
def test_archive_fetch(body: str, expected: str) -> None:
    """One to five messages are fetched by the ledger's own references."""
    assert outcome("NFQ", body, "NL") == expected


def test_what_is_missing_is_listed() -> None:
    """Whoever left out fields that stand in every message is told which."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(b"TA.ORWSP0000.OD.TXT\nORI/ORPPB0000.TYP/PD")
    fault = refused.value.fault
    assert (fault.er, fault.text) == (".14.", "FIELDS MISSING")
    assert fault.options == ("AGN, LOC, FAM",)


def test_the_set_that_was_begun_is_listed() -> None:
    """A field that every set has begins none of them."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(b"NLQ.ORWSP0000.NL.TXT\nTYP/ALL.BEG/20261101.END/20261101.AND/X")
    assert refused.value.fault.options == ("TYP, BEG, END, FND", "TYP, BEG, END, NAM")


def test_every_required_field_is_of_every_set() -> None:
    """What is missed by its own number stands in each set of its key."""
    for rule in FIXED_KEYS.values():
        assert all(set(rule.required) <= set(own) for own in rule.sets)
        assert rule.checks.keys() == rule.fields.keys()
