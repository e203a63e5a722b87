"""`comity policy replay` over imported traffic: the finding first, exact counts, strict files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from comity.cli import replaying, traffic_files
from comity.cli.main import app
from comity.cli.rules import NamedRules, named_rules
from comity.domain.ids import LeafIndex
from comity.policy.traffic import ROLL_UP_FIELDS, TrafficBuilder, month_number
from comity.roles.settings import Settings
from comity.services.recorded_traffic import Announced, Recorded

RUNNER = CliRunner()
SINCE = 1_700_000_000
ERO_ROW = (
    "USPX011ER,fe,none,not_stated,DQ,no,licence,criminal_investigation,not_stated,not_stated,"
    "single,none,weekday_day,within,inbound"
)
DRAFT = """
schema_version = 2
state = "wa"
version = 2
title = "Washington: hold what ICE asks"
hold_hours = 72
adopts = "national_default"

[[rules]]
id = "WA-D01"
effect = "hold"
when.agency = ["US/DHS/ICE"]
unless = [{ emergency = ["declared"] }]
sentence = "A person reviews what ICE asks."
statute = { cite = "draft", mark = "P" }

[[rules]]
id = "WA-D02"
effect = "deny"
when.purpose = ["court"]
when.data_class = ["address"]
sentence = "No address for a court's service."
statute = { cite = "draft", mark = "P" }
"""
ROWS = """month,agency,message_key,purpose,image,count
2026-06,TXPX001PD,DQ,traffic_safety,no,3000
2026-06,USPX011ER,DQ,criminal_investigation,yes,200
2026-07,USPX011ER,DQ,civil_immigration,no,300
2026-07,USPX021HS,DQ,criminal_investigation,no,20
2026-08,USPX021HS,DQ,court,no,2
2026-08,TXPX001PD,RQ,court,no,5
2026-08,ZZ9999999,RQ,court,no,7
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a draft and a file of traffic."""
    (tmp_path / "draft.toml").write_text(DRAFT)
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


def said(files: Path, *more: str) -> tuple[int, str, str]:
    """Run the command over imported traffic; return exit code and both streams."""
    arguments = [
        "policy", "replay", str(files / "draft.toml"), "--against", "national_default",
        "--import", str(files / "rows.csv"), "--data", str(files / "none"), *more,
    ]  # fmt: skip
    result = RUNNER.invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def read(files: Path, *more: str) -> Any:
    """Run the command and read its JSON."""
    code, text, _ = said(files, "--json", *more)
    assert code == 0
    return json.loads(text)


def moved(part: Any) -> dict[str, int]:
    """The moves of a part of the document."""
    return {f"{m['before']}>{m['after']}": m["requests"] for m in part["moves"]}


def test_the_finding_is_the_first_line(files: Path) -> None:
    """How many of how many would have been what, and what that takes of reviewers' week."""
    code, text, _ = said(files, "--staffed-hours", "2", "--minutes-per-review", "30")
    assert code == 0
    first = " ".join(text.split())
    assert first.startswith(
        "Of 3,534 requests from June 2026 to August 2026, 520 would have been held instead of"
        " released and 7 refused instead of released; this takes reviewers 19.9 hours a week,"
        " before 0.0; you staff 2.0. Refusals change behaviour"
    )
    assert "imported from" in first
    assert "not proved" in first
    assert "short by 17.9 hours a week" in first


def test_every_count_is_in_the_document(files: Path) -> None:
    """By agency, purpose, month and class; a request counts by its strictest class."""
    found = read(files)
    assert (found["requests"], found["changed"], found["unlisted"]) == (3534, 527, 7)
    assert found["proved"] is False
    assert moved(found) == {
        "deny>deny": 7, "release>deny": 7, "release>hold": 520, "release>release": 3000,
    }  # fmt: skip
    assert {each["name"]: each["changed"] for each in found["by_agency"]} == {
        "TXPX001PD": 5, "USPX011ER": 500, "USPX021HS": 22, "ZZ9999999": 0,
    }  # fmt: skip
    assert {each["name"]: each["changed"] for each in found["by_key"]} == {"DQ": 522, "RQ": 5}
    families = {each["name"]: each["changed"] for each in found["by_family"]}
    assert families == {"TX/LOCAL/PD": 5, "US/DHS/ICE/ERO": 500, "US/DHS/ICE/HSI": 22, "": 0}
    assert [each["name"] for each in found["by_month"]] == ["2026-06", "2026-07", "2026-08"]
    by_class = {each["name"]: moved(each) for each in found["by_class"]}
    assert by_class["address"]["release>deny"] == 7
    assert by_class["photo"] == {"release>hold": 200}
    assert found["reviews"] == {"before": 0, "after": 522}


def test_facts_that_the_file_lacks_are_named(files: Path) -> None:
    """Where a rule looks at one, with the requests for which its condition hangs on it."""
    lacking = {each["axis"]: each for each in read(files)["not_held"]}
    assert lacking["emergency"] == {"axis": "emergency", "requests": 3527, "looked_at": True}
    assert lacking["offence"]["looked_at"] is False
    assert "purpose" not in lacking


def test_a_rare_case_stands_out(files: Path) -> None:
    """The agency of which the rule moves the least, with its shares in words."""
    (case,) = read(files)["surprises"]
    assert (case["agency"], case["requests"], case["moved_alike"]) == ("USPX021HS", 20, 520)
    assert "3.8 % are of this agency" in case["sentence"]
    assert "no rule of these looks at the purpose" in case["sentence"]


def test_months_narrow_it(files: Path) -> None:
    """From and to are included; a month is checked, and so is their order."""
    assert read(files, "--from", "2026-07", "--to", "2026-07")["requests"] == 320
    assert read(files, "--from", "2027-01")["finding"].startswith("There is no traffic")
    assert said(files, "--from", "07-2026")[0] == 2
    assert said(files, "--from", "2026-08", "--to", "2026-07")[0] == 2


@pytest.mark.parametrize(
    ("was", "now", "where"),
    [
        ("month,agency", "month,operator", "line 1: `operator` is no column"),
        (",image,", ",purpose,", "line 1: a column stands twice"),
        ("month,agency,message_key", "month,agency,record_kind", "`message_key` is not among"),
        (",no,5\n", ",maybe,5\n", "line 7: `image`"),
        (",no,5\n", ",no,0\n", "line 7: `count`"),
        (",no,5\n", ",no,1_0\n", "line 7: `count`"),
        (",no,5\n", ",no,5,6\n", "line 7: 7 fields where 6 belong"),
        ("2026-07,USPX021HS", "2026-13,USPX021HS", "line 5: `month`"),
        ("2026-06,TXPX001PD", "9999-12,TXPX001PD", "line 2: `month` is yet to come"),
        ("2026-06,TXPX001PD", "2026-06,TX", "line 2: `agency`"),
        ("2026-06,TXPX001PD", "2026-06,", "line 2: `agency`"),
        (",DQ,traffic", ",,traffic", "line 2: `message_key`"),
        ("month,agency", "month,\x1b[2J", "line 1: "),
        ("month,agency", "\ufeffmonth,agency", "line 1: a line has other characters"),
        (",no,5\n", ",no,=1+1\n", "line 7: `count`"),
        (",no,5\n", ",,5\n", "line 7: `image`"),
        (",no,5\n", ",no,99999999999999999999\n", "line 7: `count`"),
        ("traffic_safety", "patrol", "line 2: `purpose` has no value of that name"),
        (",DQ,traffic", ",DR,traffic", "line 2: `message_key`"),
        ("traffic_safety", "trafic\u00e9", "line 2: a line has other characters"),
        ("traffic_safety", "x" * 600, "line 2: a line has more than 512 bytes"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(files: Path, was: str, now: str, where: str) -> None:
    """Nothing is guessed, and nothing is counted of it."""
    assert was in ROWS
    (files / "rows.csv").write_text(ROWS.replace(was, now, 1), "utf-8")
    code, text, _ = said(files, "--json")
    error = json.loads(text)["error"]
    assert (code, error["code"]) == (2, "traffic-malformed")
    assert where in error["text"]


def test_what_a_row_leaves_empty_is_not_held(files: Path) -> None:
    """For that row alone; it stands at its default, and is named where a rule looks at it."""
    text = ROWS.replace("TXPX001PD,DQ,traffic_safety", "TXPX001PD,DQ,", 1)
    (files / "rows.csv").write_text(text)
    found = read(files)
    lacking = {each["axis"]: each["requests"] for each in found["not_held"]}
    assert lacking["purpose"] == 3000
    assert found["by_purpose"][0]["name"] == "not_stated"


def test_months_far_away_end_nothing(files: Path) -> None:
    """The last month that can be written counts as far as time has come."""
    found = read(files, "--to", "9999-12")
    assert found["requests"] == 3534
    assert found["load"]["weeks"] > 0


def test_a_file_ends_somewhere(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lines as may be are read, one more is refused."""
    monkeypatch.setattr(traffic_files, "LINES_MAX", 8)
    assert said(files)[0] == 0
    monkeypatch.setattr(traffic_files, "LINES_MAX", 7)
    assert said(files)[0] == 2


def test_an_empty_file_has_no_columns(files: Path) -> None:
    """Nor has one that is not there."""
    (files / "rows.csv").write_text("")
    assert said(files)[0] == 2
    (files / "rows.csv").unlink()
    assert said(files)[0] == 2


def test_a_whole_row_is_read_whole(files: Path) -> None:
    """With every column nothing is at a default, in whatever order the columns stand."""
    names = ["count", *ROLL_UP_FIELDS[::-1], "month"]
    row = {
        "month": "2026-06", "agency": "USPX011ER", "agency_type": "fe", "certification": "valid",
        "assurance": "signed", "message_key": "DQ", "image": "yes", "record_kind": "licence",
        "purpose": "court", "offence": "none", "instrument": "none", "fan_out": "all",
        "emergency": "declared", "time_band": "weekend", "budget": "over", "direction": "inbound",
        "count": "3",
    }  # fmt: skip
    (files / "rows.csv").write_text(f"{','.join(names)}\n{','.join(row[n] for n in names)}\r\n")
    found = read(files)
    assert (found["requests"], found["not_held"]) == (3, [])


def stored(monkeypatch: pytest.MonkeyPatch, told: str = "", requests: int = 4) -> list[int | None]:
    """Let Washington have announced the draft in leaf 8, and its ledger hold requests since.

    Returns the leaves of rules for which traffic was asked.
    """
    asked: list[int | None] = []
    builder = TrafficBuilder()
    if requests:
        builder.add(month_number("2026-06"), ERO_ROW, requests)

    async def recorded(_: object, __: object, under: int | None = None) -> Recorded:
        asked.append(under)
        size = LeafIndex(13)
        return Recorded(traffic=builder.traffic(), folded=9, size=size, lost=0, told=told)

    def rules(settings: Settings, name: str) -> NamedRules:
        found = named_rules(settings, "national_default" if name == "@wa" else name)
        at = Announced(leaf_index=LeafIndex(8), since=SINCE)
        return (
            msgspec.structs.replace(found, announced=at) if name.endswith("draft.toml") else found
        )

    monkeypatch.setattr(replaying, "recorded_traffic", recorded)
    monkeypatch.setattr(replaying, "named_rules", rules)
    return asked


def announced(files: Path, *more: str) -> Any:
    """Replay what is announced over the ledger, and read the JSON."""
    arguments = ["policy", "replay", str(files / "draft.toml"), "--data", str(files / "none")]
    result = RUNNER.invoke(app, [*arguments, "--json", *more])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_announced_rules_are_replayed_since_their_leaf(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over what stands behind it alone; with months given over all of those."""
    asked = stored(monkeypatch)
    found = announced(files)
    assert found["finding"].startswith(
        "Since 14 November 2023, Washington's announced rules would have held 4 of 4 answers;"
    )
    assert found["announced"] == {"entry": "wa/8", "since": "2023-11-14T22:13:20Z"}
    assert announced(files, "--from", "2026-06")["finding"].startswith("Of 4 requests in June 2026")
    assert announced(files, "--to", "2026-05")["requests"] == 0
    assert announced(files, "--state", "or", "--against", "national_default")["announced"] is None
    assert asked == [8, None, None, None]


def test_what_is_not_counted_yet_is_not_nothing(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the gateway is silent the first line says how far the counts go."""
    stored(monkeypatch, "no answer came in time", 0)
    assert announced(files)["finding"] == (
        "What Washington has answered is not counted yet, but for leaves up to 9 of 13: no answer"
        " came in time."
    )
    stored(monkeypatch, "no answer came in time")
    assert announced(files)["finding"].endswith(" This is of leaves up to 9 of 13 alone.")
