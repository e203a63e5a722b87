"""`comity policy leaks`: the finding first, each door, and the rules that close one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from comity.cli.leaks import print_advice
from comity.cli.main import app
from comity.domain.ids import Member
from comity.domain.vocabulary import Instrument
from comity.policy import Condition, Rule, encode_bundle, parse_bundle
from comity.roles.settings import load_settings
from comity.services.leak_advice import months_before
from tests.unit.policy.build import RELEASE_ALL, bundle, rule

RUNNER = CliRunner()


def said(tmp_path: Path, *arguments: str, columns: int = 100) -> tuple[int, str]:
    """Run a command over a data directory that has no installation."""
    result = RUNNER.invoke(
        app, ["policy", *arguments, "--data", str(tmp_path)], env={"COLUMNS": str(columns)}
    )
    return result.exit_code, result.stdout


def read(tmp_path: Path, *arguments: str) -> tuple[int, Any]:
    """Run a command and read its JSON."""
    code, text = said(tmp_path, *arguments, "--json")
    return code, json.loads(text)


def test_washington_s_block_leaves_cbp(tmp_path: Path) -> None:
    """The finding first; the widest door is CBP's; nothing is counted without a ledger."""
    code, text = said(tmp_path, "leaks", "wa")
    assert code == 0
    first = text.splitlines()[0]
    assert first.startswith(
        "ICE is refused, and 6 other doors stand open to what it was refused: CBP"
    )
    code, found = read(tmp_path, "leaks", "wa")
    assert code == 0
    assert [door["kind"] for door in found["doors"]] == [
        "sister_agency", "cross_designated", "sister_agency", "sister_agency", "relay",
        "other_states",
    ]  # fmt: skip
    assert found["answers"] is None
    assert found["doors"][0]["who"] == ["US/DHS/CBP"]
    assert found["doors"][0]["witness"]["purpose"] == "not_stated"


def test_a_door_is_closed_by_the_rules_written(tmp_path: Path) -> None:
    """What they change is exactly the door's number; asked again, that door is gone."""
    to = tmp_path / "closed.json"
    _, found = read(tmp_path, "leaks", "wa")
    code, text = said(tmp_path, "leaks", "wa", "--close", "1", "--to", str(to))
    assert (code, text.splitlines()[0]) == (0, f"● DOOR-1 in {to}: closes door 1, CBP")
    assert parse_bundle(to.read_bytes()).rules[0].when.agency == ("US/DHS/CBP",)
    _, change = read(tmp_path, "diff", "wa", str(to))
    assert not change["loosens"]
    assert [m["request_kinds"] for m in change["moves"]] == [found["doors"][0]["request_kinds"]]
    _, again = read(tmp_path, "leaks", str(to), "--family", "US/DHS/ICE")
    left = [(d["kind"], d["who"]) for d in found["doors"][1:]]
    assert [(d["kind"], d["who"]) for d in again["doors"]] == left
    code, closed = read(tmp_path, "leaks", "wa", "--close", "1", "--to", str(to))
    assert (code, closed["rules"]) == (0, ["DOOR-1"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["wa", "--close", "1"],
        ["wa", "--to", "FILE"],
        ["wa", "--close", "99", "--to", "FILE"],
        ["wa", "--close", "6", "--to", "FILE"],
        ["wa", "--family", "US/NOBODY"],
        ["wa", "--family", "ZZ9999999"],
    ],
)
def test_what_cannot_be_done_is_usage(tmp_path: Path, arguments: list[str]) -> None:
    """A door that is not there, or is closed by other states; a family that nobody knows."""
    placed = [str(tmp_path / "x.json") if word == "FILE" else word for word in arguments]
    code, found = read(tmp_path, "leaks", *placed)
    assert (code, found["error"]["code"]) == (2, "usage")
    assert not (tmp_path / "x.json").exists()


def test_nobody_named_has_no_leak(tmp_path: Path) -> None:
    """Rules that name nobody, and a family that they do not name."""
    code, text = said(tmp_path, "leaks", "national_default")
    assert (code, text.startswith("Nobody is refused or held by name")) == (0, True)
    code, text = said(tmp_path, "leaks", "wa", "--family", "us/doj")
    assert code == 0
    assert text.startswith("Justice Department agencies are refused nothing by name")


def rules_file(tmp_path: Path, *rules: Rule) -> str:
    """A file with these rules and a release of everything."""
    path = tmp_path / "rules.json"
    path.write_bytes(encode_bundle(bundle(*rules, RELEASE_ALL)))
    return str(path)


@pytest.mark.parametrize("columns", [80, 100])
def test_every_kind_of_door_is_told_within_the_screen(tmp_path: Path, columns: int) -> None:
    """Each with its number, an example, and the rule that closes it."""
    file = rules_file(
        tmp_path,
        rule(
            "BAR",
            "deny",  # type: ignore[arg-type]
            Condition(instrument=(Instrument.COURT_ORDER,)),
            agency=("US/DHS/ICE",),
            message_key=("DQ",),
            data_class=("address",),
            purpose=("civil_immigration",),
        ),
    )
    code, text = said(tmp_path, "leaks", file, columns=columns)
    assert code == 0
    assert all(len(line) <= columns for line in text.splitlines()[:-1])
    told = [
        "of the same department", "the powers of", "pass", "by another key", "free text, which",
        "is answered unless", "is answered when", "other states",
    ]  # fmt: skip
    for words in told:
        assert words in " ".join(text.split())
    assert text.count("kinds of request") >= 9
    assert text.count("Closed") >= 8


def test_what_the_advice_stands_beside_is_not_undone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing can be counted, it says so and goes on."""
    print_advice(load_settings(data_dir=tmp_path), Member("oh"), "US/DHS/ICE", 3)
    assert capsys.readouterr().out.startswith("Advice: other doors were not counted (")


def test_months_are_counted_from_their_first_day() -> None:
    """Over the turn of a year; none is this month."""
    now = datetime(2026, 2, 17, 9, tzinfo=UTC)
    assert months_before(now, 0) == datetime(2026, 2, 1, tzinfo=UTC)
    assert months_before(now, 6) == datetime(2025, 8, 1, tzinfo=UTC)
    assert months_before(now, 14) == datetime(2024, 12, 1, tzinfo=UTC)
