"""A witness's key, and what commands say of cosignatures: counted, demanded, and never assumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import read_vkey
from comity.audit.witnesses import check_evidence
from comity.cli.exports import write_into
from comity.cli.main import app
from comity.ledger.note import cosignature_line, encode_vkey, parse_note
from comity.ledger.quorum import parse_quorum_file
from comity.roles.witness_files import WitnessFiles
from tests.support.ledger import exported, leaves_of, ledger_signer, witness_signer
from tests.support.witness import FORK, LEDGER, note_of, request_of

RUNNER = CliRunner()
WITNESS = witness_signer()
LEAVES = leaves_of(30)
VKEY = encode_vkey(ledger_signer().key)
WITNESS_VKEY = encode_vkey(WITNESS.key)


def run(*arguments: object, **environment: str) -> Result:
    return RUNNER.invoke(app, list(map(str, arguments)), env=environment)


@pytest.fixture
def quorum(tmp_path: Path) -> Path:
    """A file that asks for the practice witness."""
    file = tmp_path / "quorum"
    file.write_text(f"log {VKEY}\nwitness ohio {WITNESS_VKEY}\nquorum ohio\n")
    return file


def export(folder: Path, *, is_cosigned: bool) -> Path:
    """An exported ledger whose checkpoint the practice witness cosigned, or nobody."""
    documents = exported(LEAVES)
    text, _ = parse_note(documents["checkpoint"])
    if is_cosigned:
        documents["checkpoint"] += cosignature_line(text, WITNESS.key, WITNESS, 1_795_500_000)
    for path, data in documents.items():
        write_into(folder)(path, data)
    return folder


def test_audit_demands_a_quorum(tmp_path: Path, quorum: Path) -> None:
    """With its quorum a ledger passes; a whole one that nobody cosigned ends with 5."""
    good = export(tmp_path / "good", is_cosigned=True)
    bad = export(tmp_path / "bad", is_cosigned=False)
    result = run("ledger", "audit", good, "--vkey", VKEY, "--quorum", quorum)
    assert result.exit_code == 0
    assert "1 of 1 witnesses cosigned; the quorum is satisfied" in result.stdout
    result = run("ledger", "audit", bad, "--vkey", VKEY, "--quorum", quorum)
    assert result.exit_code == 5
    assert "unwitnessed: none of 1 witnesses cosigned" in result.stdout
    assert run("ledger", "audit", bad, "--vkey", VKEY).exit_code == 0
    document = json.loads(
        run("ledger", "audit", good, "--vkey", VKEY, "--quorum", quorum, "--json").stdout
    )
    assert document["witnesses"] == {"cosigned": ["ohio"], "known": 1, "satisfied": True}


def test_verify_demands_a_quorum(tmp_path: Path, quorum: Path) -> None:
    """A checkpoint is told with its witnesses, and not verified where the quorum is missing."""
    good = export(tmp_path / "good", is_cosigned=True) / "checkpoint"
    bad = export(tmp_path / "bad", is_cosigned=False) / "checkpoint"
    own = ("--data", tmp_path / "data", "--vkey", VKEY)
    result = run("ledger", "verify", good, *own, "--quorum", quorum)
    assert (result.exit_code, "the quorum is satisfied" in result.stdout) == (0, True)
    result = run("ledger", "verify", bad, *own, "--quorum", quorum)
    assert (result.exit_code, "unwitnessed" in result.stdout) == (5, True)
    result = run("ledger", "verify", good, *own)
    assert (result.exit_code, "witness" in result.stdout) == (0, False)


def test_verify_tells_what_the_installation_knows(tmp_path: Path, quorum: Path) -> None:
    """Its own quorum file is counted by, and makes nothing fail."""
    bad = export(tmp_path / "bad", is_cosigned=False) / "checkpoint"
    result = run("ledger", "verify", bad, "--vkey", VKEY, COMITY_QUORUM_FILE=str(quorum))
    assert (result.exit_code, "unwitnessed" in result.stdout) == (0, True)


def test_file_that_is_no_quorum_file_is_usage(tmp_path: Path) -> None:
    """Missing or malformed, with its line."""
    good = export(tmp_path / "good", is_cosigned=True)
    for text in (None, "quorum nobody\n"):
        file = tmp_path / "file"
        if text is not None:
            file.write_text(text)
        assert run("ledger", "audit", good, "--vkey", VKEY, "--quorum", file).exit_code == 2


def test_witness_makes_its_key_once(tmp_path: Path) -> None:
    """The key is shown in its public form and never replaced."""
    folder = tmp_path / "witness"
    environment = {"COMITY_WITNESS_DIR": str(folder)}
    result = run("witness", "make", "witness.example/oh", "--json", **environment)
    assert result.exit_code == 0
    made = json.loads(result.stdout)
    file = parse_quorum_file(f"witness x {made['vkey']}\nquorum x\n".encode())
    assert file.witness_keys == (WitnessFiles(folder).verifier_key(),)
    assert run("witness", "make", "witness.example/oh", **environment).exit_code == 1
    assert run("witness", "make", "a name", COMITY_WITNESS_DIR=str(tmp_path / "x")).exit_code == 2
    (folder / "ledgers").write_text(f"log {VKEY}\nquorum none\n")
    shown = json.loads(run("witness", "show", "--json", **environment).stdout)
    assert shown == {"name": "witness.example/oh", "vkey": made["vkey"], "ledgers": [VKEY]}
    assert f"  log {VKEY}" in run("witness", "show", **environment).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("ftp://witness.example",),
        ("witness.example",),
        ("http://127.0.0.1:1", "0" * 64),
        ("http://127.0.0.1:1", "0" * 63, "--vkey", VKEY),
    ],
)
def test_evidence_needs_an_address_an_id_and_a_key(arguments: tuple[str, ...]) -> None:
    """What cannot be asked or checked is told before anything is asked."""
    assert run("witness", "evidence", *arguments).exit_code == 2


def test_evidence_proves_by_the_ledgers_own_key() -> None:
    """A fork proves itself, a head without a proof is told as such, honest growth as nothing."""
    key = read_vkey(encode_vkey(LEDGER.key))
    seen = note_of(8)
    assert check_evidence(seen, request_of(8, 8, FORK), key) == "fork"
    assert check_evidence(seen, request_of(8, 20, FORK), key) == "unproved"
    for shown in (request_of(8, 20), request_of(8, 8), request_of(3, 20, FORK)):
        with pytest.raises(EvidenceError):
            check_evidence(seen, shown, key)
    for shown in (b"", b"old 08\n\n" + note_of(8), request_of(8, 8)[:-9]):
        with pytest.raises(EvidenceFormError):
            check_evidence(seen, shown, key)
