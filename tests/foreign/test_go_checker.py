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
from comity.domain.errors import ComityError
from tests.support.exports import change_export, link_export, write_export
from tests.support.faults import FAULTS, SIZE, documented, honest, leaves, redacted
from tests.support.ledger import exported
from tests.support.receipts import (
    CHANGED,
    HOST_VKEY,
    VKEY,
    add_stranger,
    is_ok_for_us,
    proof_of,
    receipts_of,
)

SOURCE = Path(__file__).parent / "ledgercheck"
GO_PATH = Path("/usr/share/gocode")
LEAVES = list(leaves())

Seen = subprocess.CompletedProcess[str]
Checker = Callable[..., Seen]


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
    return write_export(tmp_path_factory.mktemp("export"), honest())


@pytest.fixture
def export(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the export, to be damaged; files are shared until they are rewritten."""
    return link_export(whole, tmp_path / "export")


def test_export_is_accepted(checker: Checker, whole: Path) -> None:
    """An honest export of 70,000 leaves is accepted by Go and by our audit, with the same root."""
    seen = checker("export", whole, VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith(f"ok size={SIZE} ")
    assert is_ok_for_us(whole)


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_small_export_is_accepted(checker: Checker, tmp_path: Path, size: int) -> None:
    """Exports around one full tile are accepted by both."""
    write_export(tmp_path, exported(LEAVES[:size]))
    assert checker("export", tmp_path, VKEY).returncode == 0
    assert is_ok_for_us(tmp_path)


@pytest.mark.parametrize("special", [redacted, documented])
def test_special_export_is_accepted(
    checker: Checker, tmp_path: Path, special: Callable[[], dict[str, bytes]]
) -> None:
    """A bundle that a redaction withdraws may be absent; documents are what their leaves name."""
    write_export(tmp_path, special())
    seen = checker("export", tmp_path, VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert is_ok_for_us(tmp_path)


@pytest.mark.parametrize("path", ["document/012", "document/250", "document/x001/000"])
def test_document_that_no_leaf_names_is_found(checker: Checker, tmp_path: Path, path: str) -> None:
    """Beside a ledger nothing may stand that its leaves do not vouch for."""
    write_export(tmp_path, {**documented(), path: b"{}"})
    assert checker("export", tmp_path, VKEY).returncode == 1


def test_figures_may_be_absent_and_not_others(checker: Checker, tmp_path: Path) -> None:
    """Published figures are what their leaf holds the digest of, where they stand at all."""
    changed = documented()
    write_export(tmp_path / "changed", {**changed, "document/011": b"{}"})
    assert checker("export", tmp_path / "changed", VKEY).returncode == 1
    del changed["document/011"]
    write_export(tmp_path / "absent", changed)
    assert checker("export", tmp_path / "absent", VKEY).returncode == 0


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if FAULTS[fault].in_go])
def test_fault_is_found_by_both(checker: Checker, whole: Path, tmp_path: Path, fault: str) -> None:
    """Each fault of bytes, leaves or signature ends the Go program with 1; ours has a finding."""
    folder = link_export(whole, tmp_path / "export")
    change_export(folder, honest(), FAULTS[fault].change(honest()))
    seen = checker("export", folder, VKEY)
    assert seen.returncode == 1, seen.stdout
    assert seen.stderr.startswith("ledgercheck: ")
    assert not is_ok_for_us(folder)


def test_stranger_among_the_files_is_found(checker: Checker, export: Path) -> None:
    """A file that a ledger of this size does not have is found by whoever can list the folder."""
    add_stranger(export)
    assert checker("export", export, VKEY).returncode == 1


def files(folder: Path, document: bytes, entry: bytes) -> tuple[Path, Path]:
    write_export(folder, {"document": document, "entry": entry})
    return folder / "document", folder / "entry"


def test_receipt_is_accepted(checker: Checker, tmp_path: Path) -> None:
    """A receipt is proved by a program that knows our format from its description alone."""
    receipts = receipts_of(300)
    for place in (0, 111, 112, 299):
        index = SIZE - 300 + place
        seen = checker("receipt", *files(tmp_path, receipts[place], LEAVES[index]), HOST_VKEY)
        assert (seen.returncode, seen.stderr) == (0, "")
        assert check_receipt(receipts[place], LEAVES[index], read_vkey(HOST_VKEY)).index == index


@pytest.mark.parametrize(("old", "new"), CHANGED)
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


def test_vectors_hold_for_go(checker: Checker) -> None:
    """Every vector that the Go program knows holds there too, and no one-bit change of a proof."""
    seen = checker("vectors", SOURCE.parents[2] / "vectors" / "ledger")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert int(seen.stdout.split("size=")[1].split()[0]) >= 75
