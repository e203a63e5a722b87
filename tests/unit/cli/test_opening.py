"""Openings: recorded before anything is opened, checked against what proves the leaf, in words."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.audit.evidence import check_opening
from comity.cli import opening as module
from comity.cli import standing
from comity.cli.main import app
from comity.cli.opened import readable
from comity.domain.ids import HostName, Member
from comity.domain.leaf import parse_leaf
from comity.domain.verdict import opening_reading_bytes
from comity.link.command import (
    AskStatus,
    CommandDone,
    CommandFailed,
    CommandResult,
    OpenRecord,
    decode_command,
    encode_result,
)
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.services.private_records import PrivateRecord, RecordGoneError
from tests.support.evidence import FIELDS, KEY, held

RUNNER = CliRunner()
SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
HELD = held()
STATUS = (
    ("member", "wa"),
    ("owned", "yes"),
    ("leaves", "1234"),
    ("policy", "wa/3 version 2"),
    ("publication", "The public sees all at once."),
    ("detail_sealed", "0"),
    ("detail_overdue", "0"),
)


class Place:
    """A gateway's ear, and one leaf's record; what was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.sent: list[OpenRecord] = []
        self.said: CommandResult = CommandDone(entry="wa/130")
        self.is_gone = False

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        command = decode_command(data)
        if isinstance(command, OpenRecord):
            self.done.append("recorded")
            self.sent.append(command)
        else:
            assert isinstance(command, AskStatus)
        return encode_result(self.said)

    async def read(self, member: Member, index: int) -> tuple[bytes, PrivateRecord]:
        self.done.append(f"read {member}/{index}")
        if self.is_gone:
            raise RecordGoneError("the key of the month is not in the keyring here")
        return HELD.leaf, PrivateRecord(key=KEY, fields=tuple(FIELDS))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A host's data directory with two reviewers of Washington."""
    folder = tmp_path / "data"
    folder.mkdir()
    files = HostFiles(folder)
    files.write_host(
        HostName("practice"), Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    )
    for name in ("reviewer", "supervisor"):
        files.write_reviewer(Member("wa"), ReviewerFile(name=name, key=SIGNER))
    return folder


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """The place that commands reach instead of a network."""
    found = Place()

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Place]:
        yield found

    monkeypatch.setattr(module, "open_bus", opened)
    monkeypatch.setattr(module, "open_records", opened)
    monkeypatch.setattr(standing, "open_bus", opened)
    return found


Run = Callable[..., Result]


@pytest.fixture
def run(data: Path, place: Place, tmp_path: Path) -> Run:
    """Runs `comity ledger open wa/127 ... --to wa-127.opening` for this data directory."""
    del place

    def invoke(*arguments: str, to: str = "wa-127.opening") -> Result:
        given = ["ledger", "open", "WA/127", *arguments, "--to", str(tmp_path / to)]
        return RUNNER.invoke(app, [*given, "--data", str(data)], env={"COLUMNS": "80"})

    return invoke


def test_it_is_recorded_before_it_is_opened(run: Run, place: Place, tmp_path: Path) -> None:
    """The signed reading names leaf and fields; then two files hold what was opened."""
    result = run("--field", "purpose", "--field", "Case", "--as", "supervisor")
    assert result.exit_code == 0, result.output
    assert place.done == ["recorded", "read wa/127"]
    reading = place.sent[0].signed.reading
    assert (reading.entry, reading.fields) == ("wa/127", ("purpose", "case"))
    assert reading.reviewer == "supervisor"
    SIGNER.public_key().verify(place.sent[0].signed.proof.signature, opening_reading_bytes(reading))
    opening, leaf = tmp_path / "wa-127.opening", tmp_path / "wa-127.leaf"
    assert leaf.read_bytes() == HELD.leaf
    shown = check_opening(opening.read_bytes(), parse_leaf(HELD.leaf).commitment)
    assert shown == {"purpose": b"traffic_safety", "case": b"PRACTICE-2026-0042"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (opening, leaf)} == {0o600}
    assert result.stdout.splitlines()[:3] == [
        "● wa/127: 2 fields opened, 13 stay hidden  (practice data)",
        "  purpose: traffic safety",
        "  case number: PRACTICE-2026-0042",
    ]
    assert "That you opened this is recorded as wa/130." in result.stdout


def test_json_says_the_same(run: Run) -> None:
    """Fields in words, the entry of the access, where the files are."""
    said = json.loads(run("--field", "agency", "--json").stdout)
    assert (said["entry"], said["access_entry"]) == ("wa/127", "wa/130")
    assert (said["opened"], said["hidden"]) == ({"agency": "ORWSP0000"}, 14)
    assert (said["practice"], said["leaf"][-11:]) == (True, "wa-127.leaf")


def test_nothing_is_opened_that_is_not_recorded(run: Run, place: Place, tmp_path: Path) -> None:
    """Refused by the gateway: no record is read, and no file written."""
    place.said = CommandFailed(code="leaf-missing", text="the ledger has no such leaf")
    result = run("--field", "case")
    assert (result.exit_code, "leaf-missing" in result.output) == (1, True)
    assert place.done == ["recorded"]
    assert not (tmp_path / "wa-127.opening").exists()


def test_what_cannot_be_written_is_not_recorded(run: Run, place: Place, tmp_path: Path) -> None:
    """A file that is there already is left alone."""
    for name in ("wa-127.leaf", "wa-127.opening"):
        (tmp_path / name).write_text("mine")
        assert run("--field", "case").exit_code == 2
        (tmp_path / name).unlink()
    assert place.done == []


def test_a_lost_key_is_said(run: Run, place: Place, tmp_path: Path) -> None:
    """The error names what is missing; nothing is written."""
    place.is_gone = True
    result = run("--field", "case")
    assert result.exit_code == 1
    assert "record-gone" in result.output
    assert not (tmp_path / "wa-127.opening").exists()


def test_a_field_that_is_none_is_named(run: Run) -> None:
    """With those that the record has."""
    result = run("--field", "name")
    assert result.exit_code == 2
    assert "has no field `name`" in result.output
    assert "accepted_at" in result.output


def test_a_reviewer_that_is_not_here_is_refused(run: Run, place: Place) -> None:
    """By name, or where both ways of saying it are given."""
    assert run("--field", "case", "--as", "nobody").exit_code == 2
    assert run("--field", "case", "--as", "reviewer", "--signed-by", "k").exit_code == 2
    assert place.done == []


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """What the holder of an answer and of an opening has."""
    contents = {
        "answer.json": HELD.answer().encode(),
        "wa-127.opening": HELD.opening,
        "wa-127.tlog-proof": HELD.proof,
        "wa-127.leaf": HELD.leaf,
        "other.json": held(parse_leaf(HELD.leaf), origin="ledger.practice.example/wa")
        .answer(entry="wa/128")
        .encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def verify(papers: Path, *names: str) -> Result:
    """Runs `comity ledger verify` on papers by both keys."""
    files = [str(papers / name) for name in names]
    keys = ["--vkey", HELD.host_vkey, "--vkey", HELD.ledger_vkey]
    return RUNNER.invoke(app, ["ledger", "verify", *files, *keys], env={"COLUMNS": "200"})


@pytest.mark.parametrize("proof", ["answer.json", "wa-127.tlog-proof"])
def test_an_opening_is_checked_by_receipt_or_proof(papers: Path, proof: str) -> None:
    """In whatever order the files come; its fields are told in words, and how many stay hidden."""
    for names in (("wa-127.opening", proof), (proof, "wa-127.opening")):
        result = verify(papers, *names)
        assert result.exit_code == 0, result.output
        lines = result.stdout.splitlines()
        assert lines[1].endswith("opening verified: 2 fields of wa/127, 13 stay hidden")
        assert lines[2:] == ["  purpose: traffic safety", "  case number: PRACTICE-2026-0042"]


def test_an_opening_alone_proves_nothing(papers: Path) -> None:
    """Nor beside a receipt that does not hold, nor when a value of it was changed."""
    alone = verify(papers, "wa-127.opening")
    assert (alone.exit_code, "no leaf is proved beside it" in alone.output) == (5, True)
    beside = verify(papers, "wa-127.opening", "other.json")
    assert (beside.exit_code, "no leaf is proved beside it" in beside.output) == (5, True)
    (papers / "wa-127.opening").write_bytes(HELD.opening.replace(b'"purpose"', b'"offence"'))
    other = verify(papers, "wa-127.opening", "answer.json")
    assert (other.exit_code, "leads to another commitment" in other.output) == (5, True)
    assert "traffic safety" not in other.output


WORDS = {
    "exchange": bytes(range(0xF0, 0x100)).hex(),
    "purpose": "traffic safety",
    "assurance": "asserted by the agency",
    "instrument": "court order, CO:26-114",
    "search": "OLN: PX204K7; DOB: 1990-01-02",
    "elements": "LICENCE_STATUS; NAME",
    "rules": "nothing",
    "accepted_at": "2026-11-26 14:25:05 UTC",
}


@pytest.mark.parametrize("name", WORDS)
def test_fields_are_told_in_words(name: str) -> None:
    """Codes by their labels, times as times, lists as lists."""
    assert readable(name, dict(FIELDS)[name]) == WORDS[name]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("purpose", b"no such", "no such"),
        ("search", b"[[1]]", "[[1]]"),
        ("rules", b"[]", "nothing"),
        ("rules", b'["A","B"]', "A; B"),
        ("accepted_at", b"soon", "soon"),
        ("accepted_at", b"9" * 30, "9" * 30),
        ("exchange", b"a note's own text", "a note's own text"),
        ("case", b"\xff", "not text; its bytes are ff"),
        ("case", b"\x1b[2J", "\\x1b[2J"),
        ("instrument", b"none:", "no instrument"),
    ],
)
def test_what_has_not_its_form_is_told_as_it_stands(name: str, value: bytes, said: str) -> None:
    """Nothing is left out, and nothing moves a terminal."""
    assert readable(name, value) == said


@pytest.mark.parametrize(
    ("facts", "mark", "says"),
    [
        ({}, "●", "No leaf stands sealed."),
        ({"detail_sealed": "1"}, "●", "One leaf stands sealed."),
        ({"detail_sealed": "1200"}, "●", "1,200 leaves stand sealed."),
        ({"detail_sealed": "3", "detail_overdue": "2"}, "✕", "2 of them could not be opened"),
        ({"owned": "no"}, "✕", "This host does not write it"),
    ],
)
def test_a_ledgers_standing_is_said(
    data: Path, place: Place, facts: dict[str, str], mark: str, says: str
) -> None:
    """What stands sealed, and what could not be opened; in JSON as numbers."""
    place.said = CommandDone(facts=tuple((name, facts.get(name, said)) for name, said in STATUS))
    given = ["ledger", "status", "--state", "WA", "--data", str(data)]
    result = RUNNER.invoke(app, given, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{mark} Washington: a ledger of 1,234 leaves under wa/3")
    assert says in result.stdout
    assert "The public sees all at once." in result.stdout
    document = json.loads(RUNNER.invoke(app, [*given, "--json"]).stdout)
    assert document["leaves"] == 1234
    assert document["detail_overdue"] == int(facts.get("detail_overdue", "0"))
