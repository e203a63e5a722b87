"""An exported ledger is accepted, and each fault in it found, by another language's own library.

The checker is a Go program on golang.org/x/mod/sumdb, which knows nothing of Comity. It and our own
audit must agree on every case.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from comity.audit.tree import audit_tree
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note
from comity.ledger.tile import encode_bundle
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import ORIGIN, exported, leaf_of, leaves_of, ledger_signer

SIZE = 70_000
SOURCE = Path(__file__).parent / "ledgercheck"
GO_PATH = Path("/usr/share/gocode")
VKEY = encode_vkey(ledger_signer().key)
LEAVES = leaves_of(SIZE)

Checker = Callable[[Path], "subprocess.CompletedProcess[str]"]
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

    def run(export: Path) -> subprocess.CompletedProcess[str]:
        command = [str(program), str(export), VKEY]
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
    seen = checker(whole)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith(f"ok size={SIZE} ")
    assert is_ok_for_us(whole)


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_small_export_is_accepted(checker: Checker, tmp_path: Path, size: int) -> None:
    """Exports around one full tile are accepted by both."""
    write(tmp_path, exported(LEAVES[:size]))
    assert checker(tmp_path).returncode == 0
    assert is_ok_for_us(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found_by_both(checker: Checker, export: Path, fault: str) -> None:
    """Each fault ends the Go program with status 1 and gives our audit a finding."""
    FAULTS[fault](export)
    seen = checker(export)
    assert seen.returncode == 1, seen.stdout
    assert seen.stderr.startswith("ledgercheck: ")
    assert not is_ok_for_us(export)


def test_stranger_among_the_files_is_found(checker: Checker, export: Path) -> None:
    """A file that a ledger of this size does not have is found by whoever can list the folder."""
    (export / "tile/0/274.p").mkdir()
    (export / "tile/0/274.p/1").write_bytes(bytes(32))
    assert checker(export).returncode == 1
