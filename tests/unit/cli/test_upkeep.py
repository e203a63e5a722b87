"""Tests for the commands that look after an installation: settings, checks, migrations."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from comity.cli.checkup import CHECKS, examine, fsync_ms
from comity.cli.main import app
from comity.roles.settings import Settings, load_settings

RUNNER = CliRunner()


def test_settings_say_their_source(tmp_path: Path) -> None:
    """Each setting stands with value and source; one given on the command line says so."""
    environment = {"COMITY_LINE_PORT": "7070", "COMITY_NO_SUCH": "1"}
    result = RUNNER.invoke(
        app, ["config", "show", "--json", "--data", str(tmp_path)], env=environment
    )
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    rows = {row["setting"]: row for row in document["settings"]}
    assert len(rows) == len(Settings.model_fields)
    assert rows["COMITY_LINE_PORT"]["value"] == "7070"
    assert rows["COMITY_LINE_PORT"]["source"] == "environment"
    assert rows["COMITY_DATA_DIR"]["source"] == "--data"
    assert rows["COMITY_NATS_PORT"]["source"] == "default"
    assert document["unknown"] == ["COMITY_NO_SUCH"]


@pytest.mark.parametrize("option", [[], ["--json"]], ids=["table", "json"])
def test_secrets_stay_unsaid(option: list[str]) -> None:
    """A setting that holds a password is shown as set, never by its value."""
    address = "postgresql://gateway:correct-horse@db.example/comity"
    result = RUNNER.invoke(app, ["config", "show", *option], env={"COMITY_DATABASE_URL": address})
    assert result.exit_code == 0
    assert "set (secret)" in result.stdout
    assert "correct-horse" not in result.output


def test_malformed_setting_is_usage() -> None:
    """A value outside its range ends with 2 and names the setting, not the value."""
    result = RUNNER.invoke(app, ["config", "show"], env={"COMITY_LINE_PORT": "many"})
    assert result.exit_code == 2
    assert "COMITY_LINE_PORT" in result.stderr
    assert "many" not in result.stderr


def test_checks_leave_nothing_behind(tmp_path: Path) -> None:
    """Every check is reported once, and a machine that is looked at stays as it was."""
    data = tmp_path / "not" / "made"
    findings = list(examine(load_settings(data_dir=data)))
    assert [finding.name for finding in findings] == list(CHECKS)
    assert list(tmp_path.iterdir()) == []


def test_finding_has_its_fix(tmp_path: Path) -> None:
    """What does not hold ends the command with 1 and says in a sentence what mends it."""
    environment = {"COMITY_DATA_DIR": str(tmp_path), "COMITY_LINE_PROT": "1"}
    result = RUNNER.invoke(app, ["doctor", "--json"], env=environment)
    document = json.loads(result.stdout)
    found = {finding["name"]: finding for finding in document["checks"]}
    assert found["settings"] == {
        "name": "settings",
        "holds": False,
        "saw": "COMITY_LINE_PROT is set and is no setting",
        "fix": "correct the name, or unset it",
    }
    assert result.exit_code == 1
    assert document["failed"] == sum(not finding["holds"] for finding in document["checks"])


@pytest.mark.parametrize(
    ("command", "holds", "saw"),
    [
        (None, True, "no command: a page is an alarm of the log alone"),
        (("/bin/sh", "-c", "exit 1"), True, "by `/bin/sh`"),
        (("/nowhere/page",), False, "the page command `/nowhere/page` cannot be run"),
    ],
)
def test_a_page_command_is_looked_for_and_not_run(
    tmp_path: Path, command: tuple[str, ...] | None, holds: bool, saw: str
) -> None:
    """Running it would page someone."""
    settings = load_settings(data_dir=tmp_path, page_command=command)
    found = next(each for each in examine(settings) if each.name == "pages")
    assert (found.holds, found.saw, bool(found.fix)) == (holds, saw, not holds)


@pytest.mark.parametrize(
    ("text", "mode", "saw"),
    [
        ("", 0o600, "neither `webhook` nor `digest`"),
        ('[webhook]\nurl = "https://example.org"\n', 0o644, "may be read by others"),
        ('[webhook]\nurl = "https://example.org"\n', 0o600, "il by webhook"),
        ("[digest]\nhost = 1\n", 0o600, "`digest.host` does not have its form"),
    ],
)
def test_files_of_a_feed_are_read_and_nothing_is_sent(
    tmp_path: Path, text: str, mode: int, saw: str
) -> None:
    """What the worker would refuse is said, with the file; nothing there is no fault."""
    settings = load_settings(data_dir=tmp_path)
    found = next(each for each in examine(settings) if each.name == "feeds")
    assert (found.holds, found.saw) == (True, "no state asks for one")
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "il.toml").write_text(text)
    secret = folder / "il.secret"
    secret.write_bytes(b"s" * 32)
    secret.chmod(mode)
    found = next(each for each in examine(settings) if each.name == "feeds")
    assert saw in f"{found.saw}; {found.fix}"
    assert found.holds == saw.startswith("il by")


@pytest.mark.parametrize(
    ("name", "text", "saw"),
    [
        ("wa.toml", "[hours]\nfriday = [1]\n", "the roster of wa counts as none"),
        ("xx.toml", "", "the roster `xx.toml` is of no state"),
        ("wa.toml", "", "no whole roster for wa"),
        ("wa.toml", None, "1 state has one"),
    ],
)
def test_rosters_are_read_as_the_gateway_reads_them(
    tmp_path: Path, name: str, text: str | None, saw: str
) -> None:
    """What counts as none is said, with the file; where no state is kept there is no fault."""
    settings = load_settings(data_dir=tmp_path, is_practice=False)
    found = next(each for each in examine(settings) if each.name == "rosters")
    assert (found.holds, found.saw) == (True, "no state is kept here")
    (tmp_path / "rosters").mkdir()
    practice = files("comity.review").joinpath("practice_roster.toml").read_text()
    (tmp_path / "rosters" / name).write_text(practice if text is None else text)
    found = next(each for each in examine(settings) if each.name == "rosters")
    assert found.saw.startswith(saw)
    assert found.holds == (text is None or saw.startswith("no whole"))


def test_words_and_json_agree(tmp_path: Path) -> None:
    """The sentence on the screen counts what the JSON lists."""
    environment = {"COMITY_DATA_DIR": str(tmp_path), "COMITY_LINE_PROT": "1"}
    screen = RUNNER.invoke(app, ["doctor"], env=environment).stdout
    document = json.loads(RUNNER.invoke(app, ["doctor", "--json"], env=environment).stdout)
    assert screen.startswith(f"✕ {document['failed']} of {len(CHECKS)} checks do not hold")
    assert "Fix: correct the name, or unset it." in screen


def test_disk_is_measured(tmp_path: Path) -> None:
    """A durable write takes some time, and its file is gone."""
    assert fsync_ms(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []


def test_commands_need_a_network(tmp_path: Path) -> None:
    """Without a running network, what needs one says so and how to start one."""
    for command in (["ask", "DQ", "--to", "WA", "--oln", "A1"], ["migrate"]):
        result = RUNNER.invoke(app, [*command, "--data", str(tmp_path)])
        assert result.exit_code == 1
        assert "comity demo" in result.stderr
        assert "(not-running)" in result.stderr
