"""`comity policy access`: one page of who gets what, one agency's keys, one class's agencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import Instrument, Outcome, Purpose
from comity.policy import Condition
from tests.unit.cli.test_leaks import read, rules_file, said
from tests.unit.policy.build import rule

LINES_MAX = 44


@pytest.mark.parametrize("template", ["wa", "ny", "il", "md", "mn", "ca", "or", "national_default"])
def test_a_state_fits_one_screen(tmp_path: Path, template: str) -> None:
    """The finding first; 100 columns and 44 lines, whatever the state."""
    code, text = said(tmp_path, "access", template)
    lines = text.splitlines()
    assert code == 0
    assert "agencies can get records without review" in lines[0]
    assert len(lines) <= LINES_MAX
    assert all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize(("count", "columns"), [(12, 100), (40, 100)])
def test_a_state_of_many_rules_fits_too(tmp_path: Path, count: int, columns: int) -> None:
    """Long terms are cut before short ones are left out, and it says that there are more."""
    held = [
        rule(
            f"HELD-{number}",
            Outcome.HOLD,
            Condition(
                instrument=(Instrument.COURT_ORDER,), purpose=(Purpose.COURT, Purpose.LICENSING)
            ),
            agency=(f"{member.upper()}/LOCAL",),
            purpose=("criminal_investigation", "firearm"),
            message_key=("DQ", "KQ", "RQ"),
        )
        for number, member in enumerate(MEMBERS[:count])
        if member != "us"
    ]
    code, text = said(tmp_path, "access", rules_file(tmp_path, *held), columns=columns)
    lines = text.splitlines()
    assert code == 0
    assert len(lines) <= LINES_MAX
    assert all(len(line) <= columns for line in lines)
    assert any(line.endswith(" ...") for line in lines)
    assert lines[-1].endswith("lines more: comity policy explain has the rules")


def test_the_matrix_says_what_json_says(tmp_path: Path) -> None:
    """ICE never, the others on terms; each class counts every agency once."""
    code, text = said(tmp_path, "access", "wa")
    row = next(line for line in text.splitlines() if line.startswith("photo")).split()
    assert row[1].startswith("✕")
    _, found = read(tmp_path, "access", "wa")
    everyone = [agency for group in found["groups"] for agency in group["agencies"]]
    assert sum(int(count.replace(",", "")) for count in row[-3:]) == len(everyone)
    ice = next(group for group in found["groups"] if group["label"] == "ICE")
    assert {cell["best"] for cell in ice["classes"].values()} == {"deny"}
    assert ice["classes"]["photo"]["limits"] == ["WA-S01"]
    assert code == 0
    cells = [
        cell["asked"] * len(group["agencies"])
        for group in found["groups"]
        for cell in group["classes"].values()
    ]
    assert sum(cells) == found["request_kinds"]


def test_one_agency_by_key(tmp_path: Path) -> None:
    """Each key with its classes and what limits them; a family in its parts."""
    code, text = said(tmp_path, "access", "ny", "--agency", "us/dhs", columns=80)
    assert code == 0
    assert text.startswith("Homeland Security agencies can get from New York, on the terms below")
    assert "ICE and CBP:" in text
    assert "TSA and the Secret Service:" in text
    assert "NY-S01: when the query is from CBP or ICE; not when they hold" in text
    code, found = read(tmp_path, "access", "ny", "--agency", "TXPX001PD")
    (group,) = found["groups"]
    photo = [part for part in group["parts"] if part["class"] == "photo"]
    assert (code, [part["key"] for part in photo]) == (0, ["DQ"])
    assert photo[0]["released"] == photo[0]["asked"]


def test_one_class_by_agency(tmp_path: Path) -> None:
    """Who gets it, with exact numbers; what no key asks for says so."""
    code, text = said(tmp_path, "access", "il", "--class", "photo")
    assert (code, text.startswith("Illinois, the photo: ")) == (0, True)
    assert "◆" in text
    code, text = said(tmp_path, "access", "il", "--class", "ssn")
    assert (code, text) == (0, "Illinois: no message key asks for the social security number.\n")
    _, found = read(tmp_path, "access", "il", "--class", "photo")
    assert {name for group in found["groups"] for name in group["classes"]} == {"photo"}


@pytest.mark.parametrize(
    "arguments",
    [["wa", "--agency", "ZZ9999999"], ["wa", "--agency", "US/X"],
     ["wa", "--agency", "US/DHS", "--class", "photo"]],
)  # fmt: skip
def test_what_cannot_be_asked_is_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Nobody of that name; a class of one agency stands with the agency."""
    code, found = read(tmp_path, "access", *arguments)
    assert (code, found["error"]["code"]) == (2, "usage")
