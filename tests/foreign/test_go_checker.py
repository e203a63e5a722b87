"""An exported ledger is accepted, and each fault in it found, by another language's own library.

The checker is a Go program on golang.org/x/mod/sumdb, without a line of Comity's code. It and our
own audit must agree on every case.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from comity.audit.evidence import check_receipt, check_tlog_proof
from comity.audit.notes import read_vkey
from comity.audit.tree import audit_tree
from comity.domain.errors import ComityError
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note
from comity.ledger.proof import TreeReader, encode_tlog_proof
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tile import encode_bundle
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaves, tree_root
from tests.support.ledger import (
    ORIGIN,
    exported,
    host_signer,
    leaf_of,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
    tile_documents,
)

SIZE = 70_000
SOURCE = Path(__file__).parent / "ledgercheck"
GO_PATH = Path("/usr/share/gocode")
VKEY = encode_vkey(ledger_signer().key)
LEAVES = leaves_of(SIZE)

Seen = subprocess.CompletedProcess[str]
Checker = Callable[..., Seen]
Fault = Callable[[Path], None]


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    """Build the Go program once, from the distribution's packages alone."""
    go = shutil.which("go")
    if go is None or not (GO_PATH / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.fail("Go is missing: install the packages golang-go and golang-golang-x-mod-dev")
    room = tmp_path_factory.mktemp("go")
    program = room / "ledgercheck"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GO_PATH),
        "GOCACHE": str(room / "cache"),
        "GOFLAGS": "",
    }
    subprocess.run([go, "build", "-o", str(program), "."], cwd=SOURCE, env=environment, check=True)

    def run(*arguments: str | Path) -> Seen:
        command = [str(program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the export of an honest ledger, once."""
    folder = tmp_path_factory.mktemp("export")
    write(folder, exported(LEAVES))
    return folder


@pytest.fixture
def export(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the export, to be damaged; files are shared until they are rewritten."""
    folder = tmp_path / "export"
    shutil.copytree(whole, folder, copy_function=os.link)
    return folder


def write(folder: Path, documents: dict[str, bytes]) -> None:
    for path, data in documents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def rewrite(path: str, change: Callable[[bytes], bytes]) -> Fault:
    def damage(export: Path) -> None:
        target = export / path
        data = target.read_bytes()
        target.unlink()
        target.write_bytes(change(data))
        assert target.read_bytes() != data

    return damage


def remove(path: str) -> Fault:
    return lambda export: (export / path).unlink()


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def is_ok_for_us(export: Path) -> bool:
    return audit_tree(lambda path: (export / path).read_bytes(), VKEY).ok


def signed_one_larger(_: bytes) -> bytes:
    signer = ledger_signer()
    text = checkpoint_text(ORIGIN, SIZE + 1, tree_root(hash_leaves(LEAVES)))
    return sign_note(text, signer.key, signer)


EXTRA = encode_bundle([leaf_of(SIZE)])
FAULTS: dict[str, Fault] = {
    "byte changed in a bundle": rewrite("tile/entries/100", flip(2_000)),
    "byte changed in the last bundle": rewrite("tile/entries/273.p/112", flip(2_000)),
    "bundle one entry short": rewrite(
        "tile/entries/100", lambda _: encode_bundle(LEAVES[25_600:25_855])
    ),
    "entry appended to a bundle": rewrite("tile/entries/100", lambda data: data + EXTRA),
    "entry appended to the last bundle": rewrite(
        "tile/entries/273.p/112", lambda data: data + EXTRA
    ),
    "byte changed in a level-0 tile": rewrite("tile/0/100", flip(5)),
    "byte changed in a level-1 tile": rewrite("tile/1/000", flip(8_191)),
    "byte changed in a partial tile": rewrite("tile/0/273.p/112", flip(0)),
    "byte changed in a partial level-2 tile": rewrite("tile/2/000.p/1", flip(31)),
    "size changed in the checkpoint": rewrite(
        "checkpoint", lambda data: data.replace(b"\n70000\n", b"\n70001\n")
    ),
    "size one larger, and signed": rewrite("checkpoint", signed_one_larger),
    "short tile at a full path": rewrite("tile/0/100", lambda data: data[:-32]),
    "bundle absent": remove("tile/entries/100"),
    "tile absent": remove("tile/1/001.p/17"),
    "checkpoint absent": remove("checkpoint"),
}


def test_export_is_accepted(checker: Checker, whole: Path) -> None:
    """An honest export of 70,000 leaves is accepted by Go and by our audit, with the same root."""
    seen = checker("export", whole, VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith(f"ok size={SIZE} ")
    assert is_ok_for_us(whole)


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_small_export_is_accepted(checker: Checker, tmp_path: Path, size: int) -> None:
    """Exports around one full tile are accepted by both."""
    write(tmp_path, exported(LEAVES[:size]))
    assert checker("export", tmp_path, VKEY).returncode == 0
    assert is_ok_for_us(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found_by_both(checker: Checker, export: Path, fault: str) -> None:
    """Each fault ends the Go program with status 1 and gives our audit a finding."""
    FAULTS[fault](export)
    seen = checker("export", export, VKEY)
    assert seen.returncode == 1, seen.stdout
    assert seen.stderr.startswith("ledgercheck: ")
    assert not is_ok_for_us(export)


def test_stranger_among_the_files_is_found(checker: Checker, export: Path) -> None:
    """A file that a ledger of this size does not have is found by whoever can list the folder."""
    (export / "tile/0/274.p").mkdir()
    (export / "tile/0/274.p/1").write_bytes(bytes(32))
    assert checker("export", export, VKEY).returncode == 1


HOST = host_signer()
HOST_VKEY = encode_vkey(HOST.key)
HASHES = hash_leaves(LEAVES)


def receipts_of(count: int) -> list[bytes]:
    """Return the receipts of the last leaves, made beside two other ledgers' heads."""
    before = append(EMPTY_FRONTIER, HASHES[:-count]).frontier
    growth = append(before, HASHES[-count:])
    origins = ("ledger.example/oh", ORIGIN, "ledger.example/wa")
    heads = [Head(origin=o, size=growth.size, root=growth.root) for o in origins]
    batch = sign_batch(HOST, HOST.key, heads)
    receipts = make_receipts(batch, ORIGIN, growth, HASHES[-count:])
    return [encode_receipt(receipt) for receipt in receipts]


def proof_of(index: int) -> bytes:
    tiles = tile_documents(LEAVES)
    path = TreeReader(SIZE, tiles.__getitem__).inclusion(index)
    return encode_tlog_proof(index, path, signed_checkpoint(LEAVES))


def files(folder: Path, document: bytes, entry: bytes) -> tuple[Path, Path]:
    write(folder, {"document": document, "entry": entry})
    return folder / "document", folder / "entry"


def test_receipt_is_accepted(checker: Checker, tmp_path: Path) -> None:
    """A receipt is proved by a program that knows our format from its description alone."""
    receipts = receipts_of(300)
    for place in (0, 111, 112, 299):
        index = SIZE - 300 + place
        seen = checker("receipt", *files(tmp_path, receipts[place], LEAVES[index]), HOST_VKEY)
        assert (seen.returncode, seen.stderr) == (0, "")
        assert check_receipt(receipts[place], LEAVES[index], read_vkey(HOST_VKEY)).index == index


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":69999', b'"index":69998'),
        (b'"size":70000', b'"size":70001'),
        (b'"at":2', b'"at":1'),
        (b'"heads_count":3', b'"heads_count":4'),
        (b"log.example/tx", b"log.example/oh"),
        (b'"sig":"', b'"sig":"A'),
    ],
)
def test_changed_receipt_is_refused_by_both(
    checker: Checker, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """A receipt with one field changed proves nothing, to either program."""
    receipt = receipts_of(1)[0]
    changed = receipt.replace(old, new)
    assert changed != receipt
    assert checker("receipt", *files(tmp_path, changed, LEAVES[-1]), HOST_VKEY).returncode == 1
    with pytest.raises(ComityError):
        check_receipt(changed, LEAVES[-1], read_vkey(HOST_VKEY))


def test_receipt_of_another_entry_is_refused(checker: Checker, tmp_path: Path) -> None:
    """A receipt proves the bytes of its own leaf only."""
    paths = files(tmp_path, receipts_of(1)[0], LEAVES[-2])
    assert checker("receipt", *paths, HOST_VKEY).returncode == 1


def test_tlog_proof_is_accepted(checker: Checker, tmp_path: Path) -> None:
    """A `.tlog-proof` made from tiles is proved by both, and only for its own entry."""
    for index in (0, 65_535, 65_536, SIZE - 1):
        proof = proof_of(index)
        assert checker("proof", *files(tmp_path, proof, LEAVES[index]), VKEY).returncode == 0
        assert check_tlog_proof(proof, LEAVES[index], read_vkey(VKEY))[0].index == index
    assert checker("proof", *files(tmp_path, proof_of(5), LEAVES[6]), VKEY).returncode == 1
