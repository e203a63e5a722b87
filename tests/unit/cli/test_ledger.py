"""Tests for a ledger as files: written once, audited, proved from, and every doubt an exit code."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.audit.notes import read_vkey
from comity.audit.page import receipt_page
from comity.cli.exports import ExportClashError, write_into
from comity.cli.main import app
from comity.cli.sources import fetch_from_folder
from comity.domain.ids import HostName, Member
from comity.ledger.note import encode_vkey
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaves
from comity.roles.host_files import HostFiles
from tests.support.ledger import ORIGIN, exported, host_signer, leaves_of, ledger_signer

COUNT = 300
LEAVES = leaves_of(COUNT)
RUNNER = CliRunner()
VKEY = encode_vkey(ledger_signer().key)
HOST_VKEY = encode_vkey(host_signer().key)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exported ledger of 300 leaves."""
    target = tmp_path / "export"
    write = write_into(target)
    for path, data in exported(LEAVES).items():
        write(path, data)
    return target


def run(*arguments: object) -> Result:
    """Run `comity ledger ...`."""
    return RUNNER.invoke(app, ["ledger", *map(str, arguments)])


def receipt_of(index: int) -> bytes:
    """A host's receipt for one leaf of the ledger."""
    hashes = hash_leaves(LEAVES)
    growth = append(EMPTY_FRONTIER, hashes)
    head = Head(origin=ORIGIN, size=growth.size, root=growth.root)
    host = host_signer()
    batch = sign_batch(host, host.key, [head])
    return encode_receipt(make_receipts(batch, ORIGIN, growth, hashes)[index])


def proof_document(index: int, **changed: str) -> dict[str, Any]:
    """A proof as an answer's JSON carries it."""
    proof = {
        "entry": f"tx/{index}",
        "leaf": b64encode(LEAVES[index]).decode(),
        "receipt": b64encode(receipt_of(index)).decode(),
    }
    return {"answers": [{"state": "tx", "proofs": [proof | changed]}]}


def test_audit_of_a_whole_ledger(folder: Path) -> None:
    """A whole ledger is one line with size and root, and exit code 0."""
    result = run("audit", folder, "--vkey", VKEY)
    assert result.exit_code == 0
    assert result.stdout.startswith("● tx: 300 leaves, whole; root ")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


def test_audit_says_when_the_key_is_the_folders_own(folder: Path) -> None:
    """A key that came with what it checks is named as such, in words and in JSON."""
    assert "the folder itself" in run("audit", folder).stderr
    assert json.loads(run("audit", folder, "--json").stdout)["key"] == "folder"
    assert json.loads(run("audit", folder, "--json", "--vkey", VKEY).stdout)["key"] == "given"


def test_audit_by_another_key_is_refused(folder: Path, tmp_path: Path) -> None:
    """A ledger that another key signed ends with 5, also where the folder says otherwise."""
    key_file = tmp_path / "key"
    key_file.write_text(encode_vkey(ledger_signer("log.example/oh").key))
    result = run("audit", folder, "--vkey", key_file)
    assert result.exit_code == 5
    assert "checkpoint-unverified" in result.stdout


@pytest.mark.parametrize("path", sorted(exported(LEAVES)))
def test_audit_doubts_every_document(folder: Path, path: str) -> None:
    """A change in any one document of an export ends the audit with 5."""
    target = folder / path
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    if path == "vkey":
        assert run("audit", folder).exit_code in {2, 5}
    else:
        result = run("audit", folder, "--vkey", VKEY)
        assert result.exit_code == 5
        assert result.stdout.startswith("✕ tx: ")


def test_audit_goes_on_from_the_last(folder: Path, tmp_path: Path) -> None:
    """An audit's JSON is where the next one begins; one with findings is not."""
    last = tmp_path / "last.json"
    last.write_text(run("audit", folder, "--json", "--vkey", VKEY).stdout)
    result = run("audit", folder, "--json", "--vkey", VKEY, "--previous", last)
    assert (result.exit_code, json.loads(result.stdout)["size"]) == (0, COUNT)
    forked = json.loads(last.read_text())
    forked["state"]["root"] = b64encode(bytes(32)).decode()
    last.write_text(json.dumps(forked))
    assert run("audit", folder, "--vkey", VKEY, "--previous", last).exit_code == 5
    last.write_text(json.dumps(forked | {"state": None}))
    assert run("audit", folder, "--vkey", VKEY, "--previous", last).exit_code == 2


def test_audit_json_has_its_members(folder: Path) -> None:
    """The JSON of an audit holds the same members whatever it found."""
    members = [
        *("ok", "origin", "size", "root", "key", "leaves_read"),
        *("bundles_withdrawn", "redactions", "findings", "state", "witnesses"),
    ]
    assert list(json.loads(run("audit", folder, "--json").stdout)) == members
    (folder / "tile/1/000.p/1").unlink()
    found = json.loads(run("audit", folder, "--json").stdout)
    assert list(found) == members
    assert found["findings"][0]["code"] == "tile-missing"
    assert found["state"] is None


def test_missing_key_is_usage(tmp_path: Path) -> None:
    """A folder without a key needs one by name."""
    assert run("audit", tmp_path).exit_code == 2
    assert run("audit", tmp_path, "--vkey", "no-key").exit_code == 2


def test_export_never_writes_over(folder: Path) -> None:
    """What stands is left alone if equal and refused if not; the checkpoint alone is replaced."""
    write = write_into(folder)
    documents = exported(LEAVES)
    for path, data in documents.items():
        write(path, data)
    with pytest.raises(ExportClashError):
        write("tile/0/000", bytes(len(documents["tile/0/000"])))
    assert (folder / "tile/0/000").read_bytes() == documents["tile/0/000"]
    write("checkpoint", b"newer")
    assert (folder / "checkpoint").read_bytes() == b"newer"
    assert not [path for path in folder.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "tile/../../secret"])
def test_fetch_stays_in_its_folder(folder: Path, path: str) -> None:
    """A path that leads out of the folder is not there."""
    (folder.parent / "secret").write_text("secret")
    with pytest.raises(FileNotFoundError):
        fetch_from_folder(folder)(path)


@pytest.mark.parametrize("index", [0, 255, 256, COUNT - 1])
def test_proof_is_verified_again(folder: Path, tmp_path: Path, index: int) -> None:
    """What `prove` writes, `verify` accepts, with the leaf found beside it."""
    made = run("prove", f"TX/{index}", "--from", folder, "--to", tmp_path, "--vkey", VKEY)
    assert made.exit_code == 0, made.output
    proof = tmp_path / f"tx-{index}.tlog-proof"
    result = run("verify", proof, folder / "checkpoint", "--vkey", VKEY)
    assert result.exit_code == 0, result.output
    assert f"proof of tx/{index} in a ledger of 300 leaves verified" in result.stdout
    (tmp_path / f"tx-{index}.leaf").write_bytes(LEAVES[index] + b" ")
    assert run("verify", proof, "--vkey", VKEY).exit_code == 5
    (tmp_path / f"tx-{index}.leaf").unlink()
    assert run("verify", proof, "--vkey", VKEY).exit_code == 5


def test_prove_takes_state_and_index(folder: Path, tmp_path: Path) -> None:
    """An entry may be written as two words; one beyond the ledger, or of another, is refused."""
    arguments = "--from", folder, "--to", tmp_path, "--vkey", VKEY
    assert json.loads(run("prove", "tx", 7, *arguments, "--json").stdout)["entry"] == "tx/7"
    assert run("prove", "tx", COUNT, *arguments).exit_code == 5
    assert run("prove", "oh/7", *arguments).exit_code == 2
    assert run("prove", "nowhere", *arguments).exit_code == 2


def test_prove_refuses_a_tile_that_was_altered(folder: Path) -> None:
    """A proof that does not lead to the signed root is not written."""
    tile = folder / "tile/0/000"
    data = bytearray(tile.read_bytes())
    data[33] ^= 1
    tile.write_bytes(data)
    result = run("prove", "tx/7", "--from", folder, "--to", folder, "--vkey", VKEY)
    assert result.exit_code == 5
    assert not (folder / "tx-7.tlog-proof").exists()


def test_answer_is_verified(tmp_path: Path) -> None:
    """The receipts inside an answer's JSON are found and checked by the host's key."""
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(proof_document(7)))
    result = run("verify", file, "--vkey", HOST_VKEY, "--json")
    assert result.exit_code == 0, result.output
    (check,) = json.loads(result.stdout)["checks"]
    assert (check["what"], check["name"], check["verified"]) == ("receipt", "tx/7", True)


@pytest.mark.parametrize(
    "changed",
    [
        {"entry": "tx/8"},
        {"leaf": b64encode(LEAVES[8]).decode()},
        {"receipt": b64encode(receipt_of(8)).decode()},
        {"receipt": "e30="},
        {"receipt": "x"},
        {"leaf": ""},
    ],
    ids=["entry", "leaf", "receipt", "empty", "base64", "none"],
)
def test_altered_answer_is_not_verified(tmp_path: Path, changed: dict[str, str]) -> None:
    """A proof whose leaf, receipt or entry belongs to another ends with 5."""
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(proof_document(7, **changed)))
    result = run("verify", file, "--vkey", HOST_VKEY)
    assert result.exit_code == 5, result.output
    assert "not verified" in result.stdout


def test_others_words_stay_words(tmp_path: Path) -> None:
    """An escape sequence in a file does not reach the terminal as one."""
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(proof_document(7, entry="tx/7\x1b[2J")))
    result = run("verify", file, "--vkey", HOST_VKEY)
    assert result.exit_code == 5
    assert "\x1b" not in result.stdout


def test_receipt_needs_its_leaf_and_its_hosts_key(tmp_path: Path) -> None:
    """A bare receipt is checked with the leaf's bytes, and by its own host's key alone."""
    receipt, leaf = tmp_path / "receipt.json", tmp_path / "leaf"
    receipt.write_bytes(receipt_of(7))
    leaf.write_bytes(LEAVES[7])
    assert run("verify", receipt, "--leaf", leaf, "--vkey", HOST_VKEY).exit_code == 0
    assert run("verify", receipt, "--vkey", HOST_VKEY).exit_code == 5
    assert run("verify", receipt, "--leaf", leaf, "--vkey", VKEY).exit_code == 5


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"{", b"\xff", b"c2sp.org/tlog-proof@v1\n"])
def test_file_without_evidence_is_not_verified(tmp_path: Path, data: bytes) -> None:
    """A file that proves nothing is never a success."""
    file = tmp_path / "file"
    file.write_bytes(data)
    assert run("verify", file, "--vkey", VKEY).exit_code == 5


def test_page_is_written_out(tmp_path: Path) -> None:
    """The page is written as it stands in the package, and its hash is told."""
    target = tmp_path / "check-receipt.html"
    said = json.loads(run("page", "--to", target, "--json").stdout)
    assert target.read_bytes() == receipt_page()
    assert said["sha256"] == sha256(receipt_page()).hexdigest()
    assert said["sha256"] in run("page", "--to", target).stdout


def test_proof_names_the_page(folder: Path, tmp_path: Path) -> None:
    """Whoever makes a proof is told how others check it."""
    made = run("prove", "tx/7", "--from", folder, "--to", tmp_path, "--vkey", VKEY)
    assert "comity ledger page" in made.stdout


def test_keys_are_printed_one_a_line(tmp_path: Path) -> None:
    """The host's key comes first, then those of the ledgers asked for; others are refused."""
    files = HostFiles(tmp_path)
    host, ledger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    files.write_host(HostName("gw-practice-1"), host, X25519PrivateKey.generate())
    files.write_ledger_key(Member("tx"), ledger)
    printed = run("keys", "--state", "TX", "--data", tmp_path)
    names = [read_vkey(line).name for line in printed.stdout.splitlines()]
    assert (names[0], names[1].rpartition("/")[2]) == ("gw-practice-1", "tx")
    said = json.loads(run("keys", "--data", tmp_path, "--json").stdout)
    assert said == {"host": printed.stdout.splitlines()[0], "ledgers": {}}
    assert run("keys", "--state", "oh", "--data", tmp_path).exit_code == 2
