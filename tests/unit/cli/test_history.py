"""Tests for the export of a state's traffic: recorded first, whole, and never without the keys."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.cli import history as module
from comity.cli.errors import UsageError
from comity.cli.extracts import COLUMNS, form_of_path, open_extract
from comity.cli.history import DAYS_MAX
from comity.cli.main import app
from comity.domain.ids import HostName, Member
from comity.domain.verdict import history_reading_bytes
from comity.link.command import (
    CommandDone,
    CommandFailed,
    CommandResult,
    ReadHistory,
    decode_command,
    encode_result,
)
from comity.ports import StoreDownError
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.services.traffic import Opened, Unit
from tests.support.archive import item

RUNNER = CliRunner()
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
DAYS = ("--from", "2026-11-24", "--to", "2026-11-24")
QUERY = item(
    "DQ.ORPX00001.WA.TXT\nOLN/PX1",
    reference="OR/4",
    source="ORPX00001",
    destinations=("WA",),
    reached=("WA",),
    is_query=True,
    key="DQ",
)
ANSWER = item("=WA: NOT ON FILE", control="=1+1")


class Place:
    """A gateway's ear, and the traffic that a member has; what was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.sent: list[ReadHistory] = []
        self.said: CommandResult = CommandDone(entry="or/9")
        self.is_down = False

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        command = decode_command(data)
        assert isinstance(command, ReadHistory)
        self.done.append("recorded")
        self.sent.append(command)
        return encode_result(self.said)

    async def units(
        self, member: Member, since: int, until: int, *, newest_first: bool
    ) -> AsyncIterator[Unit]:
        assert (member, newest_first) == (Member("or"), False)
        self.done.append(f"read {since}-{until}")
        yield Unit(query_id=b"")  # type: ignore[arg-type]
        if self.is_down:
            raise StoreDownError("the store cannot be reached")

    def open(self, unit: Unit) -> Opened:
        return Opened(items=(QUERY, ANSWER), unopened=3)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A host's data directory with Oregon's keyring and one of its reviewers."""
    folder = tmp_path / "data"
    (folder / "keyring" / "or").mkdir(parents=True)
    files = HostFiles(folder)
    files.write_host(
        HostName("practice"), Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    )
    for state in ("or", "wa"):
        files.write_reviewer(Member(state), ReviewerFile(name="reviewer", key=KEY))
    return folder


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """The place that commands reach instead of a network."""
    found = Place()

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Place]:
        yield found

    monkeypatch.setattr(module, "open_bus", opened)
    monkeypatch.setattr(module, "open_history", opened)
    return found


@pytest.fixture
def export(data: Path, place: Place) -> Callable[..., Result]:
    """Runs `comity history export ...` for this data directory."""
    del place

    def run(*arguments: str, state: str = "OR") -> Result:
        given = ["history", "export", "--state", state, *arguments, "--data", str(data)]
        return RUNNER.invoke(app, given, env={"COLUMNS": "80"})

    return run


def test_an_export_is_recorded_before_it_is_read(
    export: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    """The signed reading names what is read, and goes out before anything is."""
    result = export(*DAYS, "--key", "dq", "--out", str(tmp_path / "out.jsonl"))
    assert result.exit_code == 0, result.output
    assert place.done == ["recorded", "read 1795478400-1795564800"]
    (command,) = place.sent
    reading = command.signed.reading
    assert (reading.state, reading.keys, reading.reviewer) == ("or", ("DQ",), "reviewer")
    KEY.public_key().verify(command.signed.proof.signature, history_reading_bytes(reading))
    assert "That you read this is recorded as or/9." in result.stdout
    assert "(practice data)" in result.stdout


def test_lines_hold_each_message_with_its_leaf(
    export: Callable[..., Result], tmp_path: Path
) -> None:
    """One JSON document a line, marked as practice data, with the reading's own entry."""
    out = tmp_path / "out.jsonl"
    result = export(*DAYS, "--out", str(out), "--json")
    document = json.loads(result.stdout)
    assert (document["messages"], document["unopened"], document["practice"]) == (2, 3, True)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert tuple(rows[0]) == COLUMNS
    assert [row["what"] for row in rows] == ["query", "delivery"]
    assert [row["at"] for row in rows] == ["2026-11-24T06:00:00Z", "2026-11-24T06:00Z"]
    assert all((row["practice"], row["access"]) == (True, "or/9") for row in rows)
    assert rows[1]["text"] == "=WA: NOT ON FILE"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_table_holds_no_formula(export: Callable[..., Result], tmp_path: Path) -> None:
    """A folder gets both forms; what a spreadsheet would run is quoted in the table."""
    assert export(*DAYS, "--to-dir", str(tmp_path / "new")).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    stem = "history-or-2026-11-24-to-2026-11-24"
    assert names == [f"{stem}.csv", f"{stem}.jsonl"]
    with (tmp_path / "new" / names[0]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[1]["control"], rows[1]["text"]) == ("'=1+1", "'=WA: NOT ON FILE")
    assert (rows[0]["to"], rows[0]["practice"]) == ("WA", "yes")


def test_only_the_keys_named_are_written(export: Callable[..., Result], tmp_path: Path) -> None:
    """Other messages are read and left out."""
    out = tmp_path / "out.jsonl"
    assert export(*DAYS, "--key", "DR", "--key", "KR", "--out", str(out)).exit_code == 0
    assert [json.loads(line)["key"] for line in out.read_text().splitlines()] == ["DR"]


def test_without_the_keyring_nothing_is_recorded(
    export: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    """Another machine's traffic is refused with its code, before any leaf."""
    result = export(*DAYS, "--out", str(tmp_path / "out.jsonl"), "--json", state="WA")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "keyring-missing"
    assert place.done == []


@pytest.mark.parametrize(
    "arguments",
    [
        DAYS,
        (*DAYS, "--out", "a.jsonl", "--to-dir", "b"),
        (*DAYS, "--out", "a.txt"),
        (*DAYS, "--out", "a.jsonl", "--key", "D1"),
        ("--from", "2026-11-24", "--to", "2026-11-23", "--out", "a.jsonl"),
        ("--from", "11/24/2026", "--to", "2026-11-24", "--out", "a.jsonl"),
        ("--from", "1969-12-31", "--to", "2026-11-24", "--out", "a.jsonl"),
        ("--from", "2026-01-01", "--to", "2026-04-03", "--out", "a.jsonl"),
    ],
)
def test_wrong_arguments_are_usage(
    export: Callable[..., Result], place: Place, arguments: tuple[str, ...]
) -> None:
    """They end with 2, and nothing is recorded."""
    assert export(*arguments).exit_code == 2
    assert place.done == []


def test_the_longest_export_is_taken(export: Callable[..., Result], tmp_path: Path) -> None:
    """Ninety-two days are; the cases above hold ninety-three."""
    days = ("--from", "2026-01-01", "--to", "2026-04-02")
    assert export(*days, "--out", str(tmp_path / "out.jsonl")).exit_code == 0
    assert DAYS_MAX == 92


def test_no_file_takes_the_place_of_another(
    export: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    """A file that is there ends the command with 2, before anything is recorded."""
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    assert export(*DAYS, "--out", str(out)).exit_code == 2
    assert (out.read_text(), place.done) == ("mine", [])


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    """Whoever was there first keeps the name; nothing is left beside it."""
    out = tmp_path / "out.csv"

    def write() -> None:
        with open_extract(out, practice=False, access="or/9") as writer:
            writer.write(ANSWER)
            out.write_text("mine")

    with pytest.raises(UsageError):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text() == "mine"


def test_an_export_that_fails_leaves_no_file(
    export: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    """The store went away half-way: exit 75, no part of a file; the reading stays recorded."""
    place.is_down = True
    out = tmp_path / "new" / "out.jsonl"
    result = export(*DAYS, "--out", str(out), "--json")
    assert result.exit_code == 75
    assert list(out.parent.iterdir()) == []
    assert place.done[0] == "recorded"


def test_what_the_gateway_refuses_is_not_read(
    export: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    """Its code is shown, and no file is made."""
    place.said = CommandFailed(code="verdict-refused", text="`reviewer` has no such key enrolled")
    out = tmp_path / "out.jsonl"
    result = export(*DAYS, "--out", str(out), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "verdict-refused"
    assert place.done == ["recorded"]
    assert not out.exists()


def test_forms_go_by_the_files_ending() -> None:
    """Anything else is refused."""
    assert form_of_path(Path("a.b.csv")).value == "csv"
    with pytest.raises(UsageError):
        form_of_path(Path("csv"))
